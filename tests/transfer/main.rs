//! Transfers, batches and listings against the embedded server.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod listing;
mod prefix;
