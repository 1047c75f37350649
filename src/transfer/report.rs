//! What became of many things done at once.

use std::fmt;

use crate::S3Error;

/// What became of a batch: counts, and what failed with its reason.
///
/// A batch that did something answers `Ok` even if part of it failed, so look at [`failures`](Self::failures), or let
/// [`into_result`](Self::into_result) turn the first failure into an error.
#[must_use = "part of a batch can fail: look at failures, or use into_result()"]
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct BatchReport {
    /// How many succeeded.
    pub succeeded: u64,
    /// How many failed.
    pub failures: u64,
    /// What failed and why, in the order it did; the first [1,000](Self::LISTED) of them.
    pub failed: Vec<(String, S3Error)>,
    /// How many were not begun, because the batch was cancelled or stopped at a failure; those of an iterator or a stream that
    /// were not even asked for are not counted.
    pub skipped: u64,
    /// Bytes moved; 0 for deletions.
    pub bytes: u64,
    /// The batch was cancelled, or stopped at its first failure: there may be more that it never saw.
    pub stopped: bool,
}

impl BatchReport {
    /// How many failures are listed with their reason; more are only counted.
    pub const LISTED: usize = 1_000;

    /// Whether everything succeeded and nothing was left out.
    pub fn is_complete(&self) -> bool {
        self.failures == 0 && self.skipped == 0 && !self.stopped
    }

    /// Itself if nothing failed, else the error of the first failure.
    ///
    /// # Errors
    /// The first of [`failed`](Self::failed).
    pub fn into_result(mut self) -> Result<Self, S3Error> {
        match self.failed.is_empty() {
            true => Ok(self),
            false => Err(self.failed.swap_remove(0).1),
        }
    }

    pub(super) fn fail(&mut self, what: String, error: S3Error) {
        self.failures += 1;
        if self.failed.len() < Self::LISTED {
            self.failed.push((what, error));
        }
    }
}

/// Counts in the first line, then a line for each failure that is listed.
impl fmt::Display for BatchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} succeeded, {} failed", self.succeeded, self.failures)?;
        if self.skipped > 0 {
            write!(f, ", {} not begun", self.skipped)?;
        }
        if self.bytes > 0 {
            write!(f, ", {} bytes", self.bytes)?;
        }
        if self.stopped {
            f.write_str("; stopped early")?;
        }
        for (what, error) in &self.failed {
            f.write_str("\n  ")?;
            // Keys are anybody's text: one line each.
            for c in what.chars() {
                if c.is_control() { write!(f, "{}", c.escape_default())? } else { fmt::Write::write_char(f, c)? }
            }
            write!(f, ": {error}")?;
        }
        let more = self.failures - (self.failed.len() as u64).min(self.failures);
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        Ok(())
    }
}
