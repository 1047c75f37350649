//! The hand-written mechanism below `integration-s3`: signing, transport, resilience, errors, XML.
//!
//! It never mentions an operation. What an operation looks like on the wire is generated from the
//! model into the package `integration-s3`, which calls [`plumbing`].

#[doc(hidden)]
pub mod apart;
pub mod body;
pub mod call;
pub mod checks;
pub mod config;
pub mod credentials;
pub mod endpoint;
pub mod error;
pub mod facade;
pub mod few;
pub mod identity;
pub mod integrity;
#[doc(hidden)]
pub mod plumbing;
pub mod resilience;
pub mod sign;
pub mod telemetry;
pub mod timestamp;
pub mod transport;
pub mod wire;
