//! Whether two of the same name are the same: what sizes and times say, without reading anything.

use super::entry::Facts;
use super::plan::SyncReason;
use super::{Compare, Way};
use crate::Timestamp;

/// What the listings alone can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    Differs(SyncReason),
    /// The contents must decide; where they cannot, it differs for this reason.
    Ask(SyncReason),
}

/// Compares by what was asked for.
pub(super) fn judge(how: Compare, way: Way, source: &Facts, target: &Facts) -> Verdict {
    if source.size != target.size {
        return Verdict::Differs(SyncReason::Size);
    }
    match how {
        Compare::SizeOnly => Verdict::Same,
        Compare::Checksum => Verdict::Ask(SyncReason::Unverified),
        Compare::SizeAndTime => match (source.modified, target.modified) {
            (Some(source), Some(target)) => by_time(way, source, target),
            _ => Verdict::Ask(SyncReason::Newer),
        },
    }
}

/// Clocks that count in different steps cannot order two events within one step: then the contents are asked.
fn by_time(way: Way, source: Timestamp, target: Timestamp) -> Verdict {
    let newer = Verdict::Differs(SyncReason::Newer);
    let unclear = Verdict::Ask(SyncReason::Newer);
    match way {
        // The store's time is when it was uploaded. A file that changed in the same second or millisecond may have
        // changed before or after that.
        Way::Up => {
            let step = if target.subsec_nanos() == 0 { 1_000_000_000 } else { step(target) };
            match cut(source, step).cmp(&cut(target, step)) {
                std::cmp::Ordering::Less => Verdict::Same,
                std::cmp::Ordering::Greater => newer,
                std::cmp::Ordering::Equal if source == target => Verdict::Same,
                std::cmp::Ordering::Equal => unclear,
            }
        }
        // The file's time was set to the store's, as far as the file system can express it: FAT counts in steps of two
        // seconds.
        Way::Down if source <= target => Verdict::Same,
        Way::Down if target.subsec_nanos() == 0 && source.saturating_since(target).as_secs() < 2 => unclear,
        Way::Down => newer,
        Way::Across if source < target => Verdict::Same,
        Way::Across if cut(source, 1_000_000_000) == cut(target, 1_000_000_000) => unclear,
        Way::Across => newer,
    }
}

/// The coarsest step this moment may have been counted in: a millisecond or finer.
fn step(at: Timestamp) -> u32 {
    if at.subsec_nanos().is_multiple_of(1_000_000) { 1_000_000 } else { 1 }
}

fn cut(at: Timestamp, step: u32) -> Timestamp {
    Timestamp::from_unix_nanos(at.unix(), at.subsec_nanos() / step * step)
}

/// The MD5 an ETag is, in lower case, if it looks like one of a body sent whole. With SSE-C or SSE-KMS it looks the same and is
/// something else, which no listing tells.
pub(super) fn plain_md5(e_tag: &str) -> Option<String> {
    let text = e_tag.trim_matches('"');
    (text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

/// The number of parts an ETag of a multipart upload names: `...-3`.
pub(super) fn parts_of(e_tag: &str) -> Option<(String, u64)> {
    let (sum, parts) = e_tag.trim_matches('"').split_once('-')?;
    Some((plain_md5(sum)?, parts.parse().ok().filter(|it| (1..=10_000).contains(it))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64, nanos: u32) -> Facts {
        Facts { size: 1, modified: Some(Timestamp::from_unix_nanos(secs, nanos)), ..Facts::default() }
    }

    fn time(way: Way, source: (i64, u32), target: (i64, u32)) -> Verdict {
        judge(Compare::SizeAndTime, way, &at(source.0, source.1), &at(target.0, target.1))
    }

    const NEWER: Verdict = Verdict::Differs(SyncReason::Newer);
    const ASK: Verdict = Verdict::Ask(SyncReason::Newer);

    #[test]
    fn another_size_differs_whatever_the_times() {
        let mut target = at(900, 0);
        target.size = 2;
        for how in [Compare::SizeAndTime, Compare::SizeOnly, Compare::Checksum] {
            assert_eq!(judge(how, Way::Up, &at(1, 0), &target), Verdict::Differs(SyncReason::Size));
        }
        assert_eq!(judge(Compare::SizeOnly, Way::Up, &at(900, 0), &at(1, 0)), Verdict::Same);
    }

    #[test]
    fn uploads_within_one_step_of_the_stores_clock_are_settled_by_content() {
        assert_eq!(time(Way::Up, (10, 0), (11, 0)), Verdict::Same);
        assert_eq!(time(Way::Up, (12, 0), (11, 0)), NEWER);
        // Whole seconds: changed at 10.9, stored at "10", which may be 10.2 or 10.95.
        assert_eq!(time(Way::Up, (10, 900_000_000), (10, 0)), ASK);
        // Milliseconds: clearly after, clearly before, and unclear.
        assert_eq!(time(Way::Up, (10, 900_000_000), (10, 200_000_000)), NEWER);
        assert_eq!(time(Way::Up, (10, 100_000_000), (10, 200_000_000)), Verdict::Same);
        assert_eq!(time(Way::Up, (10, 200_400_000), (10, 200_000_000)), ASK);
        assert_eq!(time(Way::Up, (-5, 500_000_000), (-5, 0)), ASK);
    }

    #[test]
    fn downloads_that_carry_the_stores_time_are_the_same_on_coarse_file_systems_too() {
        assert_eq!(time(Way::Down, (10, 123_000_000), (10, 123_000_000)), Verdict::Same);
        assert_eq!(time(Way::Down, (11, 900_000_000), (10, 0)), ASK);
        assert_eq!(time(Way::Down, (12, 0), (10, 0)), NEWER);
        assert_eq!(time(Way::Down, (10, 5_000_000), (10, 4_000_000)), NEWER);
        assert_eq!(time(Way::Down, (10, 0), (99, 0)), Verdict::Same);
    }

    #[test]
    fn copies_made_in_the_second_of_the_source_are_settled_by_content() {
        assert_eq!(time(Way::Across, (10, 0), (10, 0)), ASK);
        assert_eq!(time(Way::Across, (10, 0), (11, 0)), Verdict::Same);
        assert_eq!(time(Way::Across, (12, 0), (11, 0)), NEWER);
    }

    #[test]
    fn without_a_time_the_content_is_asked() {
        let none = Facts { size: 1, ..Facts::default() };
        assert_eq!(judge(Compare::SizeAndTime, Way::Up, &at(1, 0), &none), ASK);
    }

    #[test]
    fn only_what_looks_like_an_md5_is_taken_for_one() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(plain_md5(&format!("\"{}\"", md5.to_uppercase())).as_deref(), Some(md5));
        assert_eq!(plain_md5(&format!("\"{md5}-3\"")), None);
        assert_eq!(parts_of(&format!("\"{md5}-3\"")), Some((md5.into(), 3)));
        assert_eq!(parts_of(&format!("\"{md5}-0\"")), None);
        assert_eq!(plain_md5("abc"), None);
    }
}
