//! Reads a document while it arrives.
pub struct Document;
pub struct DocumentError;
