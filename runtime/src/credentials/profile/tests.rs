//! The profile files.
