//! Credentials and secrets: values only.
