//! XML as S3 speaks it: a pull reader over bytes, a writer into one string, and a driver that reads a
//! document while it arrives.
//!
//! Not a general XML library. There is no tree, no DTD (a document that brings one is refused), no entity beyond
//! the five of XML itself and character references, and namespaces are cut off, because S3's
//! element names are unique without them.

mod document;
mod error;
mod reader;
mod scan;
mod tags;
mod text;
mod writer;

pub(super) use document::is_root;
pub use document::{Document, DocumentError, Each};
pub use error::XmlError;
pub use reader::XmlReader;
pub use writer::XmlWriter;

/// Elements inside each other, the root counted.
pub const MAX_DEPTH: usize = 64;
/// Bytes of one text: policy documents and keys are far below.
pub const MAX_TEXT: usize = 8 << 20;
/// Bytes of one child of the root.
pub const MAX_CHILD: usize = 32 << 20;
/// Bytes of one document.
pub const MAX_DOCUMENT: u64 = 64 << 20;
/// Bytes of one name.
pub const MAX_NAME: usize = 1024;

#[cfg(test)]
mod tests;
