//! Which of an answer's checksums its body can be compared with, and the comparison.

use http::{HeaderMap, StatusCode};

use super::{Algorithm, Composite, Hasher, Sum, Unchecked, Verification};
use crate::error::{S3Error, TransferError};

/// A body being compared with its stored checksum.
#[derive(Debug)]
pub(crate) struct Check {
    /// Taken by the verdict.
    hasher: Option<Hasher>,
    stored: Sum,
    /// The stored value is the sum over the sum of a single part.
    of_sum: bool,
    verified: bool,
}

impl Check {
    /// What the body of this answer can be compared with. `part`: whether a part was asked for, by its number.
    pub(crate) fn of_answer(
        status: StatusCode,
        headers: &HeaderMap,
        part: &dyn Fn() -> bool,
    ) -> Result<Self, Unchecked> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let kind = text("x-amz-checksum-type").unwrap_or_default();
        let composite = kind.eq_ignore_ascii_case("COMPOSITE");
        if status == StatusCode::PARTIAL_CONTENT && !text("content-range").is_some_and(covers_all) {
            // The checksum of the whole object tells nothing about a part of it.
            let parts_own = part() && !kind.eq_ignore_ascii_case("FULL_OBJECT");
            if !parts_own {
                return Err(Unchecked::Range);
            }
        }
        let mut seen = Err(Unchecked::NoneStored);
        for algorithm in Algorithm::ALL {
            let Some(value) = headers.get(algorithm.header()).and_then(|value| value.to_str().ok()) else { continue };
            let (value, parts) = value.split_once('-').map_or((value, None), |(value, parts)| (value, Some(parts)));
            if parts.is_some_and(|parts| parts != "1") || (composite && parts.is_none() && !part()) {
                seen = Err(Unchecked::Composite);
                continue;
            }
            match Sum::from_base64(algorithm, value) {
                Some(stored) => {
                    let hasher = Some(Hasher::new(algorithm));
                    return Ok(Self { hasher, stored, of_sum: parts.is_some(), verified: false });
                }
                None => seen = Err(Unchecked::UnknownAlgorithm),
            }
        }
        let is_other = |name: &str| {
            name.starts_with("x-amz-checksum-") && !matches!(name, "x-amz-checksum-type" | "x-amz-checksum-algorithm")
        };
        match seen {
            Err(Unchecked::NoneStored) if headers.keys().any(|name| is_other(name.as_str())) => {
                Err(Unchecked::UnknownAlgorithm)
            }
            other => other,
        }
    }

    /// The next bytes of the body.
    pub(crate) fn update(&mut self, data: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data);
        }
    }

    /// Whether the verdict is still to come.
    pub(crate) fn is_open(&self) -> bool {
        self.hasher.is_some()
    }

    /// The verdict, once all bytes have come.
    ///
    /// # Errors
    /// `ChecksumMismatch`.
    pub(crate) fn close(&mut self) -> Result<(), S3Error> {
        let Some(hasher) = self.hasher.take() else { return Ok(()) };
        let sum = hasher.finish();
        let agrees = if self.of_sum {
            let mut composite = Composite::new(sum.algorithm());
            composite.push(&sum);
            composite.agrees_with(&self.stored.to_base64())
        } else {
            sum == self.stored
        };
        if agrees {
            self.verified = true;
            return Ok(());
        }
        let (algorithm, stored) = (self.stored.algorithm(), self.stored);
        let message = format!("the bytes that came have the {algorithm} checksum {sum}, those stored had {stored}");
        Err(S3Error::new(TransferError::ChecksumMismatch, message)
            .with_suggestion("throw away what was read and read it again; if it stays, the object is damaged")
            .with_retryable(true))
    }

    pub(crate) fn verification(&self) -> Verification {
        let algorithm = self.stored.algorithm();
        if self.verified { Verification::Verified(algorithm) } else { Verification::Pending(algorithm) }
    }
}

/// Whether a `content-range` names all bytes there are.
fn covers_all(range: &str) -> bool {
    let Some((span, total)) = range.strip_prefix("bytes ").and_then(|rest| rest.split_once('/')) else { return false };
    let total = total.parse::<u64>().ok().and_then(|total| total.checked_sub(1));
    match (span.split_once('-'), total) {
        (Some(("0", last)), Some(total)) => last.parse() == Ok(total),
        _ => false,
    }
}
