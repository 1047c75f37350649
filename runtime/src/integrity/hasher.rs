//! The five algorithms behind one small type, and their values.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::Algorithm;

/// Computes one checksum over bytes that pass by.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::integrity::{Algorithm, Hasher};
///
/// let mut hasher = Hasher::new(Algorithm::Crc32);
/// hasher.update(b"1234");
/// hasher.update(b"56789");
/// assert_eq!(hasher.finish().to_base64(), "y/Q5Jg==");
/// ```
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Crc32(crc32fast::Hasher),
    Crc32c(u32),
    Crc64Nvme(crc64fast_nvme::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    /// Nothing hashed yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Crc32 => State::Crc32(crc32fast::Hasher::new()),
            Algorithm::Crc32c => State::Crc32c(0),
            Algorithm::Crc64Nvme => State::Crc64Nvme(crc64fast_nvme::Digest::new()),
            Algorithm::Sha1 => State::Sha1(Sha1::new()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
        })
    }

    /// The checksum of bytes that are all there.
    pub fn of(algorithm: Algorithm, data: &[u8]) -> Sum {
        let mut hasher = Self::new(algorithm);
        hasher.update(data);
        hasher.finish()
    }

    /// What it computes.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Crc32(_) => Algorithm::Crc32,
            State::Crc32c(_) => Algorithm::Crc32c,
            State::Crc64Nvme(_) => Algorithm::Crc64Nvme,
            State::Sha1(_) => Algorithm::Sha1,
            State::Sha256(_) => Algorithm::Sha256,
        }
    }

    /// The next bytes.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            State::Crc32(state) => state.update(data),
            State::Crc32c(state) => *state = crc32c::crc32c_append(*state, data),
            State::Crc64Nvme(state) => state.write(data),
            State::Sha1(state) => state.update(data),
            State::Sha256(state) => state.update(data),
        }
    }

    /// The checksum of all that came.
    pub fn finish(self) -> Sum {
        let algorithm = self.algorithm();
        match self.0 {
            State::Crc32(state) => Sum::new(algorithm, &state.finalize().to_be_bytes()),
            State::Crc32c(state) => Sum::new(algorithm, &state.to_be_bytes()),
            State::Crc64Nvme(state) => Sum::new(algorithm, &state.sum64().to_be_bytes()),
            State::Sha1(state) => Sum::new(algorithm, &state.finalize()),
            State::Sha256(state) => Sum::new(algorithm, &state.finalize()),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.algorithm())
    }
}

/// The value of a checksum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    algorithm: Algorithm,
    bytes: [u8; 32],
}

impl Sum {
    fn new(algorithm: Algorithm, value: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(value) {
            *to = *from;
        }
        Self { algorithm, bytes }
    }

    /// A value as headers and listings have it; `None` if it is none of this algorithm.
    pub fn from_base64(algorithm: Algorithm, text: &str) -> Option<Self> {
        // Room for the longest there is.
        let mut value = [0; 48];
        let length = STANDARD.decode_slice(text, &mut value).ok().filter(|length| *length == algorithm.size())?;
        Some(Self::new(algorithm, value.get(..length)?))
    }

    /// What computed it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The value, the most significant byte first.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.algorithm.size()).unwrap_or(&self.bytes)
    }

    /// The value as it travels.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.as_bytes())
    }

    pub(crate) fn to_header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_base64()).unwrap_or(HeaderValue::from_static(""))
    }

    pub(super) fn of_number(algorithm: Algorithm, number: u64) -> Self {
        match algorithm.size() {
            4 => Self::new(algorithm, &(number as u32).to_be_bytes()),
            _ => Self::new(algorithm, &number.to_be_bytes()),
        }
    }

    /// The value of a CRC as a number.
    pub(super) fn number(&self) -> u64 {
        self.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.to_base64())
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

/// Small enough that the second look at a block finds it in the first cache.
const BLOCK: usize = 16 * 1024;

/// The SHA-256 that is signed and a checksum, in one pass over memory.
pub(crate) fn sha256_and(algorithm: Option<Algorithm>, data: &[u8]) -> ([u8; 32], Option<Sum>) {
    let mut sha = Sha256::new();
    let mut other = algorithm.filter(|it| *it != Algorithm::Sha256).map(Hasher::new);
    match &mut other {
        Some(other) => data.chunks(BLOCK).for_each(|block| {
            sha.update(block);
            other.update(block);
        }),
        None => sha.update(data),
    }
    let sha: [u8; 32] = sha.finalize().into();
    let same = || algorithm.map(|algorithm| Sum::new(algorithm, &sha));
    (sha, other.map(Hasher::finish).or_else(same))
}

/// The MD5 of bytes at hand: not in line, because each place that hashes would have all of it.
#[inline(never)]
pub(crate) fn md5_of(bytes: &[u8]) -> [u8; 16] {
    md5::Md5::digest(bytes).into()
}
