//! Signature Version 4, pure.
