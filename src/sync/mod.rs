//! Keeping a directory and a prefix, or two prefixes, the same: feature `sync`.
//!
//! [`S3Client::sync`] is the way in. One side is the source, which is only read; the other is the target, which is made equal
//! to it. What lies only in the target stays there unless [`SyncJob::delete`] was asked for.
//!
//! ```
//! use integration_s3::sync::SyncEnd;
//! # use integration_s3::{S3Client, S3Error};
//!
//! # async fn example(client: &S3Client) -> Result<(), S3Error> {
//! let plan = client
//!     .sync(SyncEnd::path("/data"), SyncEnd::prefix("bucket", "backup/"))
//!     .delete(true)
//!     .exclude("tmp/**")
//!     .plan()
//!     .await?;
//! print!("{plan}");                                     // nothing was written so far
//! let report = plan.run().await?.into_result()?;        // an error if any of it failed
//! println!("{} moved, {} deleted", report.transferred, report.deleted);
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! Both sides are listed in the order of S3's keys and walked through together, so memory does not grow with them: what is held
//! is a page of each, the names of the directories being read, and the names to be deleted. (A [`SyncPlan`] holds its items.)
//!
//! # What is never done
//!
//! - Nothing is deleted when a side could not be listed to its end, when a directory could not be read, when any transfer
//!   failed, when more would go than [`SyncJob::max_deletes`] allows, or when the source is empty and that was not
//!   [allowed](SyncJob::allow_empty_source). Deletions come last.
//! - What the patterns exclude is neither moved nor deleted, and what hides behind something skipped is not deleted.
//! - No key leads out of the target directory: keys that are no path below it are refused and reported, and nothing is
//!   written, or deleted, through a symbolic link in it.
//! - No file is seen half written: it is renamed into place when it is whole.

mod check;
mod compare;
mod delete;
mod entry;
mod files;
mod filter;
mod job;
mod list;
mod merge;
mod names;
mod plan;
mod planner;
mod report;
mod run;
mod single;
mod walk;

use std::io;
use std::path::{Path, PathBuf};

pub use entry::{SkipKind, SkippedName, SyncSide};
pub use job::SyncJob;
pub use plan::{SyncAction, SyncItem, SyncPlan, SyncReason};
pub use report::SyncReport;

use crate::error::RequestError;
use crate::{S3Client, S3Error};

/// One end of a sync: a directory, or what lies below a prefix of a bucket.
#[derive(Clone, Debug)]
pub struct SyncEnd(End);

#[derive(Clone, Debug)]
enum End {
    Path(PathBuf),
    Prefix { client: Option<S3Client>, bucket: String, prefix: String },
}

impl SyncEnd {
    /// A directory and all below it. As a target it is made if it does not exist; as a source it must.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self(End::Path(path.into()))
    }

    /// The objects below a prefix, which is meant as a directory: one that does not end with `/` gets one, so that
    /// `backup` never means `backup-old/` too. The empty prefix is the whole bucket.
    pub fn prefix(bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        let mut prefix = prefix.into();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        Self(End::Prefix { client: None, bucket: bucket.into(), prefix })
    }

    /// The client to reach this end with, if it is not the one the sync is started with: another endpoint, region or account.
    /// Between two clients, objects are read here and written again. Without effect on a directory.
    pub fn client(mut self, with: &S3Client) -> Self {
        if let End::Prefix { client, .. } = &mut self.0 {
            *client = Some(with.clone());
        }
        self
    }
}

/// How it is decided whether two files of the same name are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compare {
    /// The sizes are the same, and the source did not change after the target did. Costs nothing but the listings.
    ///
    /// Files that were downloaded get the time of their object. A file that changed within the same second (where the
    /// store counts seconds) or millisecond in which it was uploaded is compared by its MD5, where the ETag is one, and
    /// moved again otherwise. It relies on this machine's clock being about as late as the store's.
    #[default]
    SizeAndTime,
    /// Only the sizes are compared. A change that keeps the size is missed.
    SizeOnly,
    /// The sizes and the contents are the same, by the checksums the store has: an MD5 in the ETag of objects that were sent
    /// whole, checksums over the whole object (one HEAD), the ETag of multipart uploads (one or two HEADs). Local files are read
    /// whole. Where no checksum shows that the contents are the same, they count as different.
    Checksum,
}

/// What is done about symbolic links in a source directory. In a target directory they are never followed and never
/// replaced, whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Symlinks {
    /// They are passed over and reported. What the target has under their names is not deleted.
    #[default]
    Skip,
    /// What they lead to is taken for what they are, even outside of the directory. Links in a circle, and links that lead
    /// nowhere, are reported.
    Follow,
    /// The first one is an error, and the sync ends there.
    Refuse,
}

/// Which keys can become files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Names {
    /// Those that this system can hold. Whether the target tells upper from lower case is found out.
    #[default]
    Native,
    /// Those that Windows, macOS and Linux can hold: no `:` or `\`, no `CON`, no dot at the end, no two that differ only in
    /// case.
    Portable,
}

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
    Across,
}

fn refused(message: String) -> S3Error {
    S3Error::new(RequestError::Validation, message).with_target("Sync", None, None)
}

/// What a file would not do, with advice where there is some.
fn failure(done: &str, path: &Path, error: io::Error) -> S3Error {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some("make room there, or choose another disk"),
        io::ErrorKind::PermissionDenied => Some("check the permissions of it and of the directories above it"),
        io::ErrorKind::NotFound => Some("check the path; it may have been removed meanwhile"),
        io::ErrorKind::ReadOnlyFilesystem => Some("choose a place that can be written to"),
        _ => None,
    };
    let made =
        refused(format!("{} cannot be {done}: {error}", names::shown(&path.to_string_lossy()))).with_source(error);
    match advice {
        Some(advice) => made.with_suggestion(advice),
        None => made,
    }
}
