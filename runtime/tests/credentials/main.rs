//! Every source of credentials against a server that speaks its protocol, and the cache under load.
//!
//! Nothing here touches the real environment, home directory, clock or metadata service.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cache;
mod chain;
mod machine;
mod metadata;
mod parser;
mod process;
mod profiles;
mod roles;
mod secrets;
mod server;
mod sso;
