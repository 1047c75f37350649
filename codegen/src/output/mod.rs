//! Files on their way to disk.

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
