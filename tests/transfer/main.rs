//! Transfers, batches and listings against the embedded server.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batches;
mod broken;
#[cfg(feature = "sync")]
mod broken_sync;
mod copies;
mod downloads;
mod downloads_faults;
mod downloads_hostile;
mod downloads_places;
mod downloads_resume;
#[allow(dead_code)]
#[path = "../soak/faults.rs"]
mod faults;
mod listing;
mod prefix;
#[allow(dead_code)]
#[path = "../soak/proxy.rs"]
mod proxy;
#[allow(dead_code)]
#[path = "../hostile/server.rs"]
mod server;
mod storm;
#[cfg(feature = "sync")]
mod sync;
#[cfg(feature = "sync")]
mod sync_hostile;
mod uploads;
mod uploads_faulty;
mod uploads_resumed;
#[allow(dead_code)]
#[path = "../soak/wire.rs"]
mod wire;
