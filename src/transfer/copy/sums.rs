//! Checksums of source, parts and copy, compared where both sides have one.

use crate::types::{ChecksumAlgorithm, ChecksumType};

/// The checksums of one answer, in base64, by algorithm.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) kind: Option<ChecksumType>,
    pub(super) values: Vec<(ChecksumAlgorithm, String)>,
}

/// Gathers the fields all answers with checksums have.
macro_rules! sums {
    ($answer:expr) => {{
        use $crate::types::ChecksumAlgorithm as A;
        let of = &$answer;
        [
            (A::Crc64Nvme, &of.checksum_crc64nvme),
            (A::Crc32, &of.checksum_crc32),
            (A::Crc32C, &of.checksum_crc32c),
            (A::Sha256, &of.checksum_sha256),
            (A::Sha1, &of.checksum_sha1),
            (A::Sha512, &of.checksum_sha512),
            (A::Md5, &of.checksum_md5),
            (A::XxHash64, &of.checksum_xxhash64),
            (A::XxHash3, &of.checksum_xxhash3),
            (A::XxHash128, &of.checksum_xxhash128),
        ]
        .into_iter()
        .filter_map(|(algorithm, value)| Some((algorithm, value.clone()?)))
        .collect::<Vec<_>>()
    }};
}
pub(super) use sums;

/// Hands the checksums of a part on to the list that completes the upload.
macro_rules! part_with_sums {
    ($number:expr, $answer:expr) => {{
        let of = $answer;
        let mut part = $crate::types::CompletedPart::new().part_number($number);
        part.e_tag = of.e_tag;
        part.checksum_crc32 = of.checksum_crc32;
        part.checksum_crc32c = of.checksum_crc32c;
        part.checksum_crc64nvme = of.checksum_crc64nvme;
        part.checksum_sha1 = of.checksum_sha1;
        part.checksum_sha256 = of.checksum_sha256;
        part.checksum_sha512 = of.checksum_sha512;
        part.checksum_md5 = of.checksum_md5;
        part.checksum_xxhash64 = of.checksum_xxhash64;
        part.checksum_xxhash3 = of.checksum_xxhash3;
        part.checksum_xxhash128 = of.checksum_xxhash128;
        part
    }};
}
pub(super) use part_with_sums;

impl Sums {
    /// The sums over all bytes. Those over the sums of parts (`COMPOSITE`, or a value with `-N`) say nothing about an object
    /// that was cut differently.
    fn whole(&self) -> impl Iterator<Item = &(ChecksumAlgorithm, String)> {
        let composite = self.kind == Some(ChecksumType::Composite);
        self.values.iter().filter(move |(_, value)| !composite && !value.contains('-'))
    }

    /// Whether the bytes are the same, or `None` if the two have nothing to compare.
    pub(super) fn same(&self, other: &Self) -> Option<bool> {
        let mut known = None;
        for (algorithm, value) in self.whole() {
            for (_, twin) in other.whole().filter(|(it, _)| it == algorithm) {
                if value != twin {
                    return Some(false);
                }
                known = Some(true);
            }
        }
        known
    }

    /// An algorithm the source has a sum over all bytes of, and that can be had over all bytes of an upload in parts.
    pub(super) fn for_parts(&self) -> Option<ChecksumAlgorithm> {
        use ChecksumAlgorithm::{Crc32, Crc32C, Crc64Nvme};
        self.whole().map(|(algorithm, _)| algorithm).find(|it| matches!(it, Crc64Nvme | Crc32 | Crc32C)).cloned()
    }

    /// The first one as text, `CRC64NVME:...`.
    pub(super) fn text(&self) -> Option<String> {
        self.values.first().map(|(algorithm, value)| format!("{}:{value}", algorithm.as_str()))
    }
}

/// Whether two ETags say that the bytes are the same or not. Only plain MD5s are about bytes: 32 hexadecimal digits without
/// `-`; and not even those where a key encrypted the object.
pub(super) fn same_md5(a: Option<&str>, b: Option<&str>) -> Option<bool> {
    let plain = |tag: &str| {
        let tag = tag.trim_matches('"').to_ascii_lowercase();
        (tag.len() == 32 && tag.bytes().all(|b| b.is_ascii_hexdigit())).then_some(tag)
    };
    Some(plain(a?)? == plain(b?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(kind: Option<ChecksumType>, values: &[(&str, &str)]) -> Sums {
        let values = values.iter().map(|(name, value)| (ChecksumAlgorithm::from(*name), (*value).to_owned())).collect();
        Sums { kind, values }
    }

    #[test]
    fn sums_over_parts_are_not_compared() {
        let whole = sums(None, &[("CRC32", "AAAAAA==")]);
        assert_eq!(whole.same(&sums(None, &[("CRC32", "AAAAAA==")])), Some(true));
        assert_eq!(whole.same(&sums(None, &[("CRC32", "BAAAAA==")])), Some(false));
        assert_eq!(whole.same(&sums(None, &[("CRC32C", "AAAAAA==")])), None);
        assert_eq!(whole.same(&sums(None, &[("CRC32", "BAAAAA==-2")])), None);
        assert_eq!(whole.same(&sums(Some(ChecksumType::Composite), &[("CRC32", "BAAAAA==")])), None);
    }

    #[test]
    fn only_plain_etags_are_about_bytes() {
        let (a, b) = ("\"5d41402abc4b2a76b9719d911017c592\"", "5D41402ABC4B2A76B9719D911017C592");
        assert_eq!(same_md5(Some(a), Some(b)), Some(true));
        assert_eq!(same_md5(Some(a), Some("\"00000000000000000000000000000000\"")), Some(false));
        assert_eq!(same_md5(Some(a), Some("\"5d41402abc4b2a76b9719d911017c592-2\"")), None);
        assert_eq!(same_md5(Some(a), None), None);
    }
}
