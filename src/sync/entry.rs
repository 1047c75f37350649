//! What a side of a sync consists of, in key order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::names::shown;
use crate::error::{ErrorKind, ResponseError, TransferError};
use crate::types::{ChecksumAlgorithm, ChecksumType};
use crate::{S3Error, Timestamp};

/// What is known of a file or an object without reading it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) size: u64,
    /// Time of the last change; of objects, of the upload.
    pub(super) modified: Option<Timestamp>,
    pub(super) e_tag: Option<String>,
    pub(super) sums: Vec<ChecksumAlgorithm>,
    pub(super) sum_type: Option<ChecksumType>,
}

/// Which of the two sides something was found on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncSide {
    /// Where data is read.
    Source,
    /// Where data is written.
    Target,
}

/// Why something does not take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipKind {
    /// A symbolic link, which is not followed: by policy, because it leads nowhere or in a circle, or because it is in
    /// the target.
    Symlink,
    /// A socket, a pipe or a device.
    Special,
    /// A directory or file that could not be looked at. Nothing is deleted in such a run.
    Unreadable,
    /// A key no file can have, or a file name no key can have.
    Name,
    /// An object that only stands for a directory: empty, with a key that ends with `/`.
    DirectoryMarker,
    /// Something else is where it would have to be: a file and a directory of the same name, or names that differ only in
    /// case where the target does not tell them apart.
    InTheWay,
    /// Only the target has it, yet it is not deleted: something in the source that was skipped may stand for it.
    Kept,
}

impl SkipKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Symlink => "symlink",
            Self::Special => "special",
            Self::Unreadable => "unreadable",
            Self::Name => "name",
            Self::DirectoryMarker => "directory-marker",
            Self::InTheWay => "in-the-way",
            Self::Kept => "kept",
        }
    }
}

/// Something that does not take part, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedName {
    /// Where it is.
    pub side: SyncSide,
    /// Its path or key below the end. What is not UTF-8 is shown with replacement characters.
    pub name: String,
    /// The sort of reason.
    pub kind: SkipKind,
    /// The reason, as a clause for people.
    pub why: String,
}

impl SkippedName {
    pub(super) fn new(side: SyncSide, name: &str, kind: SkipKind, why: impl Into<String>) -> Self {
        Self { side, name: name.to_owned(), kind, why: why.into() }
    }
}

impl std::fmt::Display for SkippedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.side == SyncSide::Target { " (in the target)" } else { "" };
        write!(f, "{}{place}: {}", shown(&self.name), shown(&self.why))
    }
}

/// One thing found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// A file or an object.
    File { key: String, facts: Facts },
    /// Something at this place of the order that does not take part, but must not be taken for absent.
    Barrier {
        key: String,
        /// What may hide behind it begins with this.
        below: Option<String>,
        skip: SkippedName,
    },
    /// Something that has no place in the order.
    Note(SkippedName),
}

/// Counts the requests a sync makes; repeated attempts of one are not counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<AtomicU64>);

impl Requests {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a producer sends: some finds, or what stopped it.
pub(super) type Batch = Result<Vec<Found>, S3Error>;

/// One side, read ahead by a task of its own, handed out one by one. Out of order is an error: on an unordered listing
/// everything would look new and extraneous.
pub(super) struct Side {
    batches: mpsc::Receiver<Batch>,
    ready: VecDeque<Found>,
    last: Option<String>,
    name: String,
    /// Ends the producer with this.
    producer: JoinSet<()>,
}

impl Side {
    pub(super) fn new(name: String, batches: mpsc::Receiver<Batch>, producer: JoinSet<()>) -> Self {
        Self { batches, ready: VecDeque::new(), last: None, name, producer }
    }

    /// What comes next, left where it is.
    pub(super) async fn peek(&mut self) -> Result<Option<&Found>, S3Error> {
        while self.ready.is_empty() && self.fetch().await? {}
        Ok(self.ready.front())
    }

    pub(super) fn take(&mut self) -> Option<Found> {
        self.ready.pop_front()
    }

    /// Whether there is any file at all. Reads up to the first one.
    pub(super) async fn has_files(&mut self) -> Result<bool, S3Error> {
        let mut seen = 0;
        loop {
            if self.ready.iter().skip(seen).any(|found| matches!(found, Found::File { .. })) {
                return Ok(true);
            }
            seen = self.ready.len();
            if !self.fetch().await? {
                return Ok(false);
            }
        }
    }

    async fn fetch(&mut self) -> Result<bool, S3Error> {
        let Some(batch) = self.batches.recv().await else {
            // A producer that died has not said that it is done, and its silence is not the end of the listing.
            while let Some(ended) = self.producer.join_next().await {
                ended.map_err(|error| {
                    let message = format!("{} could not be listed to its end", self.name);
                    S3Error::new(TransferError::StreamInterrupted, message).with_source(error)
                })?;
            }
            return Ok(false);
        };
        for found in batch? {
            if let Found::File { key, .. } | Found::Barrier { key, .. } = &found {
                if self.last.as_ref().is_some_and(|last| last >= key) {
                    return Err(self.out_of_order(key));
                }
                self.last = Some(key.clone());
            }
            self.ready.push_back(found);
        }
        Ok(true)
    }

    fn out_of_order(&self, key: &str) -> S3Error {
        let message = format!("{} is not listed in the order of its keys, at `{}`", self.name, shown(key));
        S3Error::new(ErrorKind::Response(ResponseError::InvalidResponse), message)
            .with_suggestion("stores that list without order, such as directory buckets, cannot be synced")
            .with_target("Sync", None, None)
    }
}
