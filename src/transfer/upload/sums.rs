//! The checksums and the tag an object must have, out of those of its parts.

use md5::{Digest as _, Md5};

use super::super::state::PartState;
use super::request::{computed, kind};
use crate::integrity::{Composite, Sum, Whole};
use crate::types::{ChecksumAlgorithm, ChecksumType};

/// The value of one algorithm in anything that has the checksum fields.
macro_rules! value_of {
    ($of:expr, $algorithm:expr) => {{
        use $crate::types::ChecksumAlgorithm as A;
        let of = &$of;
        match $algorithm {
            A::Crc32 => of.checksum_crc32.clone(),
            A::Crc32C => of.checksum_crc32c.clone(),
            A::Crc64Nvme => of.checksum_crc64nvme.clone(),
            A::Sha1 => of.checksum_sha1.clone(),
            A::Sha256 => of.checksum_sha256.clone(),
            _ => None,
        }
    }};
}
/// Sets it.
macro_rules! set_value {
    ($of:expr, $algorithm:expr, $value:expr) => {{
        use $crate::types::ChecksumAlgorithm as A;
        let value = Some($value);
        match $algorithm {
            A::Crc32 => $of.checksum_crc32 = value,
            A::Crc32C => $of.checksum_crc32c = value,
            A::Crc64Nvme => $of.checksum_crc64nvme = value,
            A::Sha1 => $of.checksum_sha1 = value,
            A::Sha256 => $of.checksum_sha256 = value,
            _ => {}
        }
    }};
}
pub(super) use {set_value, value_of};

/// The checksum of the object as its store must give it; `None` if one of a part is not known.
pub(super) fn whole(algorithm: &ChecksumAlgorithm, parts: &[PartState]) -> Option<String> {
    let known = computed(algorithm)?;
    let sums = parts.iter().map(|part| Some((Sum::from_base64(known, part.checksum.as_deref()?)?, part.len)));
    if kind(algorithm) == ChecksumType::FullObject {
        let mut whole = Whole::new(known);
        for sum in sums {
            let (sum, len) = sum?;
            whole.push(&sum, len);
        }
        return whole.finish().map(|sum| sum.to_base64());
    }
    let mut composite = Composite::new(known);
    for sum in sums {
        composite.push(&sum?.0);
    }
    Some(composite.to_base64())
}

/// Whether two values say the same; a store may leave out the number of parts.
pub(super) fn agree(one: &str, other: &str) -> bool {
    let bare = |text: &str| text.split_once('-').map_or(text, |(value, _)| value).to_owned();
    one == other || (one.contains('-') != other.contains('-') && bare(one) == bare(other))
}

/// The tag S3 gives an object in parts: the MD5 of the parts' MD5s, and how many there are. `None` if the tags of the parts
/// are no MD5s (keys of their own, or another store).
pub(in crate::transfer) fn e_tag(parts: &[PartState]) -> Option<String> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(from_hex(bare_tag(&part.e_tag))?);
    }
    let hex: String = md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{hex}-{}", parts.len()))
}

/// Without its quotes.
pub(super) fn bare_tag(tag: &str) -> &str {
    tag.trim_matches('"')
}

/// Whether a tag is built as S3 builds it, so that another one means another object.
pub(super) fn is_s3s(tag: &str) -> bool {
    let (hex, parts) = tag.split_once('-').unwrap_or((tag, "1"));
    from_hex(hex).is_some() && parts.parse::<u32>().is_ok()
}

fn from_hex(text: &str) -> Option<[u8; 16]> {
    let number = (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)?;
    u128::from_str_radix(number, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::integrity::{Algorithm, Hasher};

    fn part(number: u32, bytes: &[u8], algorithm: Algorithm) -> PartState {
        let e_tag: String = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let checksum = Some(Hasher::of(algorithm, bytes).to_base64());
        PartState { number, len: bytes.len() as u64, e_tag: format!("\"{e_tag}\""), checksum }
    }

    #[test]
    fn crcs_are_of_the_whole_and_hashes_are_of_hashes() {
        let parts = |algorithm| [part(1, b"12345", algorithm), part(2, b"6789", algorithm)];
        let crc = whole(&ChecksumAlgorithm::Crc64Nvme, &parts(Algorithm::Crc64Nvme)).unwrap();
        assert_eq!(crc, Hasher::of(Algorithm::Crc64Nvme, b"123456789").to_base64());
        let sha = whole(&ChecksumAlgorithm::Sha256, &parts(Algorithm::Sha256)).unwrap();
        assert!(sha.ends_with("-2"), "{sha}");
        assert!(agree(&sha, sha.strip_suffix("-2").unwrap()));
        assert!(!agree(&sha, &format!("{}-3", sha.strip_suffix("-2").unwrap())));
        let mut unknown = parts(Algorithm::Crc32);
        unknown[1].checksum = None;
        assert_eq!(whole(&ChecksumAlgorithm::Crc32, &unknown), None);
        assert_eq!(whole(&ChecksumAlgorithm::Md5, &parts(Algorithm::Crc32)), None);
    }

    #[test]
    fn tags_are_those_s3_gives_and_strange_ones_prove_nothing() {
        let parts = [part(1, b"12345", Algorithm::Crc32), part(2, b"6789", Algorithm::Crc32)];
        let both = [Md5::digest(b"12345"), Md5::digest(b"6789")].concat();
        let hex: String = Md5::digest(both).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(e_tag(&parts).unwrap(), format!("{hex}-2"));
        assert!(is_s3s(&format!("{hex}-2")) && is_s3s(&hex));
        for strange in ["", "abc", "CLj9-5", &format!("{hex}-x"), &format!("+{}", &hex[1..])] {
            assert!(!is_s3s(strange), "{strange}");
        }
        assert_eq!(e_tag(&[PartState { e_tag: "\"opaque\"".into(), ..parts[0].clone() }]), None);
    }
}
