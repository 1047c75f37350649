//! Checksums of bodies: computing them in passing, putting together those of parts, and the verdict on an answer.
//!
//! Pure: no clock, no wire. Where checksums are sent and when they are asked for is decided in `call`.

mod combine;
mod hasher;
mod stored;
#[cfg(test)]
mod tests;

use std::fmt;

use http::HeaderName;

pub use combine::{Composite, Whole};
pub use hasher::{Hasher, Sum};
pub(crate) use hasher::{md5_of, sha256_and};
pub(crate) use stored::Check;

/// A checksum this crate computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// CRC-32 as in zip and gzip: 32 bits.
    Crc32,
    /// CRC-32C (Castagnoli): 32 bits.
    Crc32c,
    /// CRC-64/NVME: 64 bits. What is used when nothing else is asked for.
    Crc64Nvme,
    /// SHA-1: 160 bits.
    Sha1,
    /// SHA-256: 256 bits.
    Sha256,
}

impl Algorithm {
    /// All there are, those that cost least first.
    pub const ALL: [Self; 5] = [Self::Crc64Nvme, Self::Crc32c, Self::Crc32, Self::Sha1, Self::Sha256];

    /// The algorithm of that name on the wire, such as `CRC32C`; `None` if it is not computed here.
    ///
    /// ```
    /// # use integration_s3_runtime::facade as integration_s3;
    /// use integration_s3::integrity::Algorithm;
    ///
    /// assert_eq!(Algorithm::from_wire("SHA256"), Some(Algorithm::Sha256));
    /// assert_eq!(Algorithm::from_wire("XXHASH3"), None);
    /// ```
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str().eq_ignore_ascii_case(name))
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header, or trailer, its value travels in.
    pub const fn header_str(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The header its value travels in.
    pub fn header(self) -> HeaderName {
        // Made when the program is built: as a call it would look at each letter.
        match self {
            Self::Crc32 => const { HeaderName::from_static(Self::Crc32.header_str()) },
            Self::Crc32c => const { HeaderName::from_static(Self::Crc32c.header_str()) },
            Self::Crc64Nvme => const { HeaderName::from_static(Self::Crc64Nvme.header_str()) },
            Self::Sha1 => const { HeaderName::from_static(Self::Sha1.header_str()) },
            Self::Sha256 => const { HeaderName::from_static(Self::Sha256.header_str()) },
        }
    }

    /// Bytes of a value.
    pub const fn size(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Characters of a value in base64.
    pub const fn text_len(self) -> usize {
        self.size().div_ceil(3) * 4
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the bytes of an answer are known to be those that were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verification {
    /// Being compared while the body is read. It ends well only if they agree: a body that does not ends in
    /// [`ChecksumMismatch`](crate::error::TransferError::ChecksumMismatch) instead of its last bytes.
    Pending(Algorithm),
    /// The whole body was read and agrees with the stored checksum.
    Verified(Algorithm),
    /// Not compared with a checksum. A body that is cut short is an error all the same.
    NotChecked(Unchecked),
}

/// Why a body is not compared with a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unchecked {
    /// Nobody asked: it is no body of an object, or `response_checksums` and the request say not to.
    NotAsked,
    /// The store has no checksum of the object.
    NoneStored,
    /// A range: checksums are known of whole objects and whole parts.
    Range,
    /// The stored value is a sum over the sums of the parts. Reading part by part (`part_number`) verifies each.
    Composite,
    /// Of an algorithm that is not computed here, or a value that is none.
    UnknownAlgorithm,
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending(algorithm) => write!(f, "to be verified by {algorithm}"),
            Self::Verified(algorithm) => write!(f, "verified by {algorithm}"),
            Self::NotChecked(why) => write!(f, "not verified: {why}"),
        }
    }
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "no checksum was asked for",
            Self::NoneStored => "no checksum is stored",
            Self::Range => "a range was read",
            Self::Composite => "the stored checksum is one over those of the parts",
            Self::UnknownAlgorithm => "the stored checksum is of another algorithm",
        })
    }
}
