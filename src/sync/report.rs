//! What became of a sync.

use std::fmt;
use std::time::Duration;

use super::entry::SkippedName;
use super::names::shown;
use super::plan::{Size, SyncItem};
use crate::S3Error;

/// What became of a sync.
///
/// A sync that did its work answers `Ok` even if some of it failed; look at [`is_complete`](Self::is_complete), or let
/// [`into_result`](Self::into_result) make an error of it.
#[must_use = "part of a sync can fail: look at is_complete(), or use into_result()"]
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SyncReport {
    /// Files and objects that were moved.
    pub transferred: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Removed from the target.
    pub deleted: u64,
    /// The same on both sides before.
    pub unchanged: u64,
    /// How many failed.
    pub failures: u64,
    /// What failed and why, in the order it did; the first [1,000](Self::LISTED) of them.
    pub failed: Vec<(SyncItem, S3Error)>,
    /// How many do not take part.
    pub skips: u64,
    /// What does not take part and why; the first [1,000](Self::LISTED) of them.
    pub skipped: Vec<SkippedName>,
    /// Why nothing was deleted although it was asked for.
    pub deletions_withheld: Option<String>,
    /// Requests made, those for listings included. Repeated attempts of one request do not count; large objects count
    /// their parts.
    pub requests: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl SyncReport {
    /// How many failures and skipped names are listed; more are only counted.
    pub const LISTED: usize = 1_000;

    /// Whether nothing failed and no deletion was withheld. Skipped names do not count: they were said beforehand, and
    /// stand in [`skipped`](Self::skipped).
    pub fn is_complete(&self) -> bool {
        self.failures == 0 && self.deletions_withheld.is_none()
    }

    /// Itself if it [is complete](Self::is_complete).
    ///
    /// # Errors
    /// The first failure; if there is none, why deletions were withheld.
    pub fn into_result(mut self) -> Result<Self, S3Error> {
        if !self.failed.is_empty() {
            return Err(self.failed.swap_remove(0).1);
        }
        match self.deletions_withheld {
            None => Ok(self),
            Some(why) => Err(super::refused(format!("nothing was deleted: {why}"))),
        }
    }

    pub(super) fn fail(&mut self, item: SyncItem, error: S3Error) {
        self.failures += 1;
        if self.failed.len() < Self::LISTED {
            self.failed.push((item, error));
        }
    }

    pub(super) fn skip(&mut self, skip: SkippedName) {
        self.skips += 1;
        if self.skipped.len() < Self::LISTED {
            self.skipped.push(skip);
        }
    }
}

/// The counts in the first line, then a line for each failure and each skipped name.
impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} transferred ({}), {} deleted, ", self.transferred, Size(self.bytes), self.deleted)?;
        write!(f, "{} unchanged, {} skipped, {} failed; ", self.unchanged, self.skips, self.failures)?;
        write!(f, "{} requests in {:.1} s", self.requests, self.elapsed.as_secs_f64())?;
        for (item, error) in &self.failed {
            write!(f, "\nfailed   {} {}: {}", item.action.as_str(), shown(&item.key), shown(&error.to_string()))?;
        }
        for skip in &self.skipped {
            write!(f, "\nskip     {skip}")?;
        }
        let listed = self.failed.len() as u64 + self.skipped.len() as u64;
        let more = (self.failures + self.skips).saturating_sub(listed);
        if more > 0 {
            write!(f, "\nand {more} more")?;
        }
        match &self.deletions_withheld {
            Some(why) => write!(f, "\nnothing was deleted: {}", shown(why)),
            None => Ok(()),
        }
    }
}
