//! What the answer to a GET or HEAD says about the whole object. Pure.

use std::collections::BTreeMap;

use crate::Timestamp;
use crate::integrity::{Algorithm, Sum, Unchecked};
use crate::operations::{GetObjectOutput, HeadObjectOutput};
use crate::types::ChecksumType;

/// What is known of an object before its bytes are there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// `None`: only the end will tell.
    pub(crate) total: Option<u64>,
    pub(crate) e_tag: Option<String>,
    pub(crate) version_id: Option<String>,
    pub(crate) last_modified: Option<Timestamp>,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// The store says that it serves no ranges.
    pub(crate) whole_only: bool,
    pub(crate) stored: Stored,
}

/// The checksum the store has of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Over its bytes.
    Whole(Sum),
    /// Over the sums of its parts.
    Composite,
    /// There is none to compare with.
    Nothing(Unchecked),
}

impl Default for Stored {
    fn default() -> Self {
        Self::Nothing(Unchecked::NoneStored)
    }
}

macro_rules! facts {
    ($answer:expr, $asked:expr) => {{
        let answer = $answer;
        let sums = [
            (Algorithm::Crc64Nvme, &answer.checksum_crc64nvme),
            (Algorithm::Crc32c, &answer.checksum_crc32c),
            (Algorithm::Crc32, &answer.checksum_crc32),
            (Algorithm::Sha1, &answer.checksum_sha1),
            (Algorithm::Sha256, &answer.checksum_sha256),
        ];
        let others = [
            &answer.checksum_sha512,
            &answer.checksum_md5,
            &answer.checksum_xxhash64,
            &answer.checksum_xxhash3,
            &answer.checksum_xxhash128,
        ];
        Facts {
            total: answer.content_length.and_then(|length| u64::try_from(length).ok()),
            e_tag: answer.e_tag.clone().filter(|tag| !tag.is_empty()),
            version_id: answer.version_id.clone(),
            last_modified: answer.last_modified,
            content_type: answer.content_type.clone(),
            content_encoding: answer.content_encoding.clone(),
            metadata: answer.metadata.clone(),
            whole_only: answer.accept_ranges.as_deref().is_some_and(|units| units.eq_ignore_ascii_case("none")),
            stored: stored(
                sums.map(|(algorithm, value)| (algorithm, value.as_deref())),
                others.iter().any(|value| value.is_some()),
                answer.checksum_type == Some(ChecksumType::Composite),
                $asked,
            ),
        }
    }};
}

impl Facts {
    /// Of an answer to a GET of the whole object. `asked`: with the stored checksum.
    pub(crate) fn of_get(answer: &GetObjectOutput, asked: bool) -> Self {
        facts!(answer, asked)
    }

    /// Of an answer to a HEAD of the whole object.
    pub(crate) fn of_head(answer: &HeadObjectOutput, asked: bool) -> Self {
        facts!(answer, asked)
    }

    /// The tag by which later requests can be held to the same object. A weak one cannot do that.
    pub(crate) fn pin(&self) -> Option<&str> {
        self.e_tag.as_deref().filter(|tag| !tag.starts_with("W/"))
    }

    /// Whether the tag has the form of those that multipart uploads get: in quotes, `-` and the number of parts at its end.
    pub(crate) fn seems_multipart(&self) -> bool {
        let tag = self.e_tag.as_deref().unwrap_or_default().trim_matches('"');
        tag.rsplit_once('-').is_some_and(|(_, parts)| parts.parse::<u32>().is_ok())
    }
}

fn stored(sums: [(Algorithm, Option<&str>); 5], others: bool, composite: bool, asked: bool) -> Stored {
    if !asked {
        return Stored::Nothing(Unchecked::NotAsked);
    }
    let mut found = None;
    for (algorithm, value) in sums {
        let Some(value) = value else { continue };
        if composite || value.contains('-') {
            found = Some(Stored::Composite);
        } else if let Some(sum) = Sum::from_base64(algorithm, value) {
            return Stored::Whole(sum);
        } else {
            found.get_or_insert(Stored::Nothing(Unchecked::UnknownAlgorithm));
        }
    }
    found.unwrap_or(Stored::Nothing(if others { Unchecked::UnknownAlgorithm } else { Unchecked::NoneStored }))
}

/// First byte, one behind the last, and the length of the whole if it is told, of `bytes 0-9/100`.
pub(crate) fn span(content_range: &str) -> Option<(u64, u64, Option<u64>)> {
    let (span, total) = content_range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (first, last) = (first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    (first <= last).then(|| Some((first, last.checked_add(1)?, total)))?
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn answer() -> GetObjectOutput {
        GetObjectOutput::default()
    }

    fn stored_of(change: impl FnOnce(&mut GetObjectOutput)) -> Stored {
        let mut answer = answer();
        change(&mut answer);
        Facts::of_get(&answer, true).stored
    }

    #[test]
    fn the_checksum_is_that_of_the_whole_object_or_none() {
        let sum = Sum::from_base64(Algorithm::Crc32, "y/Q5Jg==").unwrap();
        assert_eq!(stored_of(|a| a.checksum_crc32 = Some("y/Q5Jg==".into())), Stored::Whole(sum));
        assert_eq!(stored_of(|a| a.checksum_crc32 = Some("y/Q5Jg==-3".into())), Stored::Composite);
        let both = |a: &mut GetObjectOutput| {
            a.checksum_crc32 = Some("y/Q5Jg==".into());
            a.checksum_type = Some(ChecksumType::Composite);
        };
        assert_eq!(stored_of(both), Stored::Composite);
        assert_eq!(stored_of(|a| a.checksum_crc32 = Some("?".into())), Stored::Nothing(Unchecked::UnknownAlgorithm));
        assert_eq!(stored_of(|a| a.checksum_md5 = Some("x".into())), Stored::Nothing(Unchecked::UnknownAlgorithm));
        assert_eq!(stored_of(|_| ()), Stored::Nothing(Unchecked::NoneStored));
        let mut answer = answer();
        answer.checksum_crc32 = Some("y/Q5Jg==".into());
        assert_eq!(Facts::of_get(&answer, false).stored, Stored::Nothing(Unchecked::NotAsked));
    }

    #[test]
    fn only_a_strong_tag_pins() {
        let of = |tag: &str| Facts { e_tag: Some(tag.to_owned()), ..Facts::default() };
        assert_eq!(of("\"a\"").pin(), Some("\"a\""));
        assert_eq!(of("W/\"a\"").pin(), None);
        assert_eq!(Facts::default().pin(), None);
        assert!(of("\"0123-12\"").seems_multipart());
        assert!(!of("\"0123\"").seems_multipart());
        assert!(!of("\"0123-x\"").seems_multipart());
    }

    #[test]
    fn a_content_range_is_read_or_refused() {
        assert_eq!(span("bytes 0-9/100"), Some((0, 10, Some(100))));
        assert_eq!(span("bytes 5-5/*"), Some((5, 6, None)));
        for wrong in ["", "bytes 9-0/100", "bytes */100", "bytes 0-/100", "0-9/100", "bytes 0-18446744073709551615/*"] {
            assert_eq!(span(wrong), None, "{wrong:?}");
        }
    }
}
