//! Transfers, batches and listings against the embedded server.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod copies;
mod downloads;
mod downloads_hostile;
mod listing;
mod prefix;
#[allow(dead_code)]
#[path = "../hostile/server.rs"]
mod server;
