//! Checksums of objects out of those of their parts: sums over sums, and CRCs as if the bytes had been read in one go.

use super::{Algorithm, Hasher, Sum};

/// The checksum of type `COMPOSITE`: a sum over the sums of the parts, with their number behind it.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::integrity::{Algorithm, Composite, Hasher};
///
/// let mut composite = Composite::new(Algorithm::Crc32);
/// composite.push(&Hasher::of(Algorithm::Crc32, b"12345"));
/// composite.push(&Hasher::of(Algorithm::Crc32, b"6789"));
/// assert_eq!(composite.to_base64().split_once('-').map(|it| it.1), Some("2"));
/// ```
#[derive(Clone, Debug)]
pub struct Composite {
    hasher: Hasher,
    parts: u32,
}

impl Composite {
    /// No part yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self { hasher: Hasher::new(algorithm), parts: 0 }
    }

    /// The checksum of the next part, in the order of the parts.
    pub fn push(&mut self, part: &Sum) {
        self.hasher.update(part.as_bytes());
        self.parts += 1;
    }

    /// How many parts there are so far.
    pub fn parts(&self) -> u32 {
        self.parts
    }

    /// The value as headers have it, such as `QnjYAQ==-2`.
    pub fn to_base64(&self) -> String {
        format!("{}-{}", self.hasher.clone().finish().to_base64(), self.parts)
    }

    /// Whether `stored`, a value as headers have it, is that of these parts.
    pub fn agrees_with(&self, stored: &str) -> bool {
        // Listings leave the number out.
        let (value, parts) = stored.split_once('-').map_or((stored, None), |(value, parts)| (value, Some(parts)));
        parts.is_none_or(|parts| parts.parse() == Ok(self.parts))
            && value == self.hasher.clone().finish().to_base64().as_str()
    }
}

/// The checksum of type `FULL_OBJECT` out of those of consecutive pieces that were hashed apart from each other.
///
/// Only CRCs can be put together like that.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::integrity::{Algorithm, Hasher, Whole};
///
/// let mut whole = Whole::new(Algorithm::Crc64Nvme);
/// whole.push(&Hasher::of(Algorithm::Crc64Nvme, b"12345"), 5);
/// whole.push(&Hasher::of(Algorithm::Crc64Nvme, b"6789"), 4);
/// assert_eq!(whole.finish(), Some(Hasher::of(Algorithm::Crc64Nvme, b"123456789")));
/// ```
#[derive(Clone, Debug)]
pub struct Whole {
    algorithm: Algorithm,
    number: Option<u64>,
}

impl Whole {
    /// Nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, number: polynomial(algorithm).map(|_| 0) }
    }

    /// The checksum of the next `len` bytes. One of another algorithm spoils the whole.
    pub fn push(&mut self, piece: &Sum, len: u64) {
        let polynomial = polynomial(self.algorithm).filter(|_| piece.algorithm() == self.algorithm);
        self.number = match (self.number, polynomial) {
            (Some(before), Some(polynomial)) => Some(shifted(before, len, polynomial) ^ piece.number()),
            _ => None,
        };
    }

    /// The checksum of all bytes; `None` for algorithms that cannot be put together (SHA).
    pub fn finish(&self) -> Option<Sum> {
        Some(Sum::of_number(self.algorithm, self.number?))
    }
}

/// Reflected: the coefficient of the highest power is the lowest bit.
fn polynomial(algorithm: Algorithm) -> Option<u64> {
    match algorithm {
        Algorithm::Crc32 => Some(0xEDB8_8320),
        Algorithm::Crc32c => Some(0x82F6_3B78),
        Algorithm::Crc64Nvme => Some(0x9A6C_9329_AC4B_C9B5),
        Algorithm::Sha1 | Algorithm::Sha256 => None,
    }
}

/// The remainder after `len` zero bytes: one squaring of the operator for each bit of `len`.
fn shifted(mut remainder: u64, mut len: u64, polynomial: u64) -> u64 {
    // An operator is 64 columns: what becomes of each single bit.
    let mut operator: [u64; 64] = std::array::from_fn(|bit| if bit == 0 { polynomial } else { 1 << (bit - 1) });
    for _ in 0..3 {
        operator = squared(&operator);
    }
    while len > 0 {
        if len & 1 == 1 {
            remainder = applied(&operator, remainder);
        }
        len >>= 1;
        operator = squared(&operator);
    }
    remainder
}

fn applied(operator: &[u64; 64], value: u64) -> u64 {
    let bits = operator.iter().enumerate().filter(|(bit, _)| value >> bit & 1 == 1);
    bits.fold(0, |sum, (_, column)| sum ^ column)
}

fn squared(operator: &[u64; 64]) -> [u64; 64] {
    std::array::from_fn(|bit| applied(operator, operator.get(bit).copied().unwrap_or_default()))
}
