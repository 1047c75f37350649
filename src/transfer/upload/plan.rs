//! How an object is cut: the size of parts so that 10,000 of them suffice. Only numbers.

use std::ops::Range;

use crate::S3Error;
use crate::error::{ObjectError, RequestError};

/// S3 takes so many parts.
pub(super) const MOST_PARTS: u64 = 10_000;
/// The largest object S3 stores: 5 TiB.
pub(super) const LARGEST_OBJECT: u64 = 5 << 40;
const LARGEST_PART: u64 = 5 << 30;
const MIB: u64 = 1 << 20;

/// An object of known length in equal parts, of which the last may be smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) len: u64,
    pub(super) part_size: u64,
}

impl Plan {
    /// Parts of at least `least` bytes; larger ones, in whole MiB, where 10,000 of them would not reach.
    ///
    /// # Errors
    /// The object is larger than 5 TiB.
    pub(super) fn new(len: u64, least: u64) -> Result<Self, S3Error> {
        if len > LARGEST_OBJECT {
            let message = format!("an object has at most 5 TiB, the source has {len} bytes");
            return Err(S3Error::new(ObjectError::TooLarge, message).with_suggestion("store it as several objects"));
        }
        let needed = len.div_ceil(MOST_PARTS);
        let part_size = if needed <= least { least } else { needed.next_multiple_of(MIB) };
        Ok(Self { len, part_size })
    }

    /// The plan an earlier run made, if it can be one.
    ///
    /// # Errors
    /// Parts of that size do not make an object S3 takes.
    pub(super) fn again(len: u64, part_size: u64) -> Result<Self, S3Error> {
        let plan = Self { len, part_size };
        if part_size == 0 || part_size > LARGEST_PART || len > LARGEST_OBJECT || plan.count() > MOST_PARTS {
            let message = format!("the state of the upload cannot be right: {len} bytes in parts of {part_size}");
            return Err(
                S3Error::new(RequestError::Validation, message).with_suggestion("delete the state to begin anew")
            );
        }
        Ok(plan)
    }

    /// How many parts; at least one.
    pub(super) fn count(&self) -> u64 {
        self.len.div_ceil(self.part_size.max(1)).max(1)
    }

    /// The bytes of a part, by its number from 1 on; empty beyond the end.
    pub(super) fn range(&self, number: u32) -> Range<u64> {
        let start = u64::from(number.saturating_sub(1)).saturating_mul(self.part_size).min(self.len);
        start..start.saturating_add(self.part_size).min(self.len)
    }

    /// How many bytes a part has.
    pub(super) fn size_of(&self, number: u32) -> u64 {
        let range = self.range(number);
        range.end - range.start
    }
}

/// A stream whose end is not known has been cut into 10,000 parts, and goes on.
pub(super) fn too_long(part_size: u64) -> S3Error {
    let message = format!(
        "the stream is longer than {MOST_PARTS} parts of {part_size} bytes, which is all an upload of unknown length can have"
    );
    let needed = LARGEST_OBJECT.div_ceil(MOST_PARTS).div_ceil(MIB);
    S3Error::new(RequestError::EntityTooLarge, message).with_suggestion(format!(
        "give the length of the stream, or set a larger part_size: {needed} MiB reach the 5 TiB an object may have"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SIZES: [u64; 4] = [5 << 20, 8 << 20, 100 << 20, 5 << 30];

    fn holds(len: u64, least: u64) {
        let plan = Plan::new(len, least).unwrap();
        assert!(plan.part_size >= least && plan.part_size <= LARGEST_PART, "{plan:?}");
        assert!((1..=MOST_PARTS).contains(&plan.count()), "{plan:?}");
        // No smaller part, in whole MiB, would do.
        if plan.part_size > least {
            assert!(len.div_ceil(plan.part_size - MIB) > MOST_PARTS || plan.part_size - MIB < least, "{plan:?}");
        }
        let last = plan.count() as u32;
        assert_eq!((plan.range(1).start, plan.range(last).end), (0, len), "{plan:?}");
        for number in [1, 2, last / 2, last.saturating_sub(1), last].into_iter().filter(|n| (1..=last).contains(n)) {
            let range = plan.range(number);
            assert_eq!(range.start, u64::from(number - 1) * plan.part_size);
            assert!(number == last || plan.size_of(number) == plan.part_size, "{plan:?} {number}");
            assert!(len == 0 || plan.size_of(number) > 0, "{plan:?} {number}");
        }
        assert_eq!(plan.size_of(last + 1), 0);
        assert_eq!(Plan::again(len, plan.part_size).unwrap(), plan);
    }

    #[test]
    fn ten_thousand_equal_parts_reach_every_length_up_to_five_tebibytes() {
        for least in SIZES {
            for edge in [0, least, MOST_PARTS * least, MOST_PARTS * (least + MIB), LARGEST_OBJECT / 2, LARGEST_OBJECT] {
                for len in edge.saturating_sub(2)..=(edge + 2).min(LARGEST_OBJECT) {
                    holds(len.min(LARGEST_OBJECT), least);
                }
            }
            // Lengths of every magnitude, by a generator that is the same each time.
            let mut dice = 0x9E37_79B9_7F4A_7C15_u64 ^ least;
            for _ in 0..20_000 {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                holds((dice >> (dice % 43)) % (LARGEST_OBJECT + 1), least);
            }
        }
    }

    #[test]
    fn what_s3_does_not_store_is_refused_with_a_reason() {
        let error = Plan::new(LARGEST_OBJECT + 1, 8 << 20).unwrap_err();
        assert_eq!(error.kind(), ObjectError::TooLarge.into());
        assert!(error.to_string().contains("5 TiB"), "{error}");
        for (len, part_size) in [(1, 0), (LARGEST_OBJECT, 8 << 20), (u64::MAX, 5 << 30), (1, u64::MAX)] {
            Plan::again(len, part_size).unwrap_err();
        }
        let error = too_long(8 << 20).to_string();
        assert!(error.contains("525 MiB"), "{error}");
    }
}
