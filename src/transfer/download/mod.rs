//! Downloads of objects of any size: into a file, a writer, or memory.

mod builder;
mod course;
mod facts;
mod fetch;
mod file;
mod pieces;
mod plan;
mod resume;
mod sink;
mod source;
mod to_bytes;
mod to_path;
mod to_writer;
mod verify;

use std::collections::BTreeMap;

pub use builder::{Download, DownloadToBytes, DownloadToPath, DownloadToWriter};
pub(crate) use plan::Plan;

use crate::Timestamp;
use crate::integrity::Verification;

use facts::Facts;

/// What a download answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Downloaded {
    /// Bytes of the object.
    pub bytes: u64,
    /// Bytes of them that an earlier try had left on the disk, and that were not fetched again.
    pub resumed: u64,
    /// Tag of the object that was read.
    pub e_tag: Option<String>,
    /// Version that was read; absent in buckets without versioning.
    pub version_id: Option<String>,
    /// When the object was written.
    pub last_modified: Option<Timestamp>,
    /// Media type as the writer gave it.
    pub content_type: Option<String>,
    /// Codings of the bytes, such as `gzip`; they are as stored, not decoded.
    pub content_encoding: Option<String>,
    /// Pairs the writer gave the object.
    pub metadata: BTreeMap<String, String>,
    /// Whether the bytes were compared with the checksum the store has, or why not.
    pub verification: Verification,
    /// Pieces the object came in; 0: in one answer.
    pub parts: u32,
}

impl Downloaded {
    fn new(facts: Facts, bytes: u64, resumed: u64, parts: u32, verification: Verification) -> Self {
        Self {
            bytes,
            resumed,
            e_tag: facts.e_tag,
            version_id: facts.version_id,
            last_modified: facts.last_modified,
            content_type: facts.content_type,
            content_encoding: facts.content_encoding,
            metadata: facts.metadata,
            verification,
            parts,
        }
    }
}
