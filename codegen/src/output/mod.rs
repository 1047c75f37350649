//! Files on their way to disk: formatted, compared, written if they differ, removed if nobody emits them any more.
//!
//! It knows nothing about the model. What was read and what was written is remembered in `generated/MANIFEST`, by
//! which an unchanged file is recognised without formatting it again and `build.rs` tells a stale build.

mod disk;
mod features;
mod manifest;
mod rust;

pub use disk::{Outcome, Task, check, write};
pub use features::with_groups;
pub use manifest::digest;

/// One file an emitter made. The path is relative to `generated/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// With `/`, relative to `generated/`.
    pub path: String,
    /// The model file or folder it came from, for the header line.
    pub source: String,
    /// What is in it.
    pub content: Content,
}

/// Text, or Rust that is still to be formatted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Written as it is, below no header.
    Text(String),
    /// Rust source without header, parsed and formatted before it is written.
    Rust(String),
}

impl File {
    /// Relative to the repository root. An emitter reaches out of `generated/` with `../`.
    fn place(&self) -> String {
        match self.path.strip_prefix("../") {
            Some(outside) => outside.to_owned(),
            None => format!("generated/{}", self.path),
        }
    }
}
