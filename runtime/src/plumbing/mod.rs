//! What generated code may call; not for applications.
