//! An S3 SDK for Rust that is generated from a model people can edit.
//!
//! ```
//! use integration_s3::{Credentials, S3Client, S3Error};
//!
//! # async fn example() -> Result<(), S3Error> {
//! let client = S3Client::builder()
//!     .region("eu-west-1")
//!     .endpoint("http://127.0.0.1:9000")
//!     .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
//!     .build()?;
//! let logs = client.bucket("logs");
//! logs.put_object("a.txt", "hello").content_type("text/plain").await?;
//! let text = logs.get_string("a.txt").await?;
//! assert_eq!(text, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! - [`S3Client`] has one method per operation; each answers with a builder that can be awaited once everything
//!   required is set.
//! - [`Bucket`] is a client with the bucket filled in; required arguments come by position.
//! - [`ByteStream`] is a body, up and down: bytes, a file, a stream. [`Pages`] and [`Items`] walk through listings.
//! - Requests are plain values too: build one with `XxxRequest::builder()` and give it to [`S3Client::execute`].
//! - [`S3Error`] is the one error type: ask it for its [`kind`](S3Error::kind), or whether it
//!   [is "not found"](S3Error::is_not_found).
//! - Applications can be tested without a server: against [`S3Api`], or with a scripted transport (feature `test-util`).
//!
//! # Errors
//!
//! ```
//! use integration_s3::error::{ErrorKind, ObjectError};
//! use integration_s3::{Bucket, S3Error};
//!
//! async fn read(bucket: &Bucket, key: &str) -> Result<Option<String>, S3Error> {
//!     match bucket.get_string(key).await {
//!         Ok(text) => Ok(Some(text)),
//!         Err(error) if error.kind() == ErrorKind::Object(ObjectError::NotFound) => Ok(None),
//!         Err(error) => Err(error),
//!     }
//! }
//! ```
//!
//! # Where things are
//!
//! | module | what is in it |
//! |---|---|
//! | [`operations`] | builder, request and output of every operation |
//! | `transfer`, `sync` | objects of any size up, down and across; directories and prefixes kept the same |
//! | [`types`] | the shapes and enums they are made of |
//! | [`error`], [`codes`] | the kinds of errors; the codes servers send |
//! | [`config`], [`resilience`] | options; retries, circuit, rate limits |
//! | [`credentials`] | sources of credentials, and the trait to write one |
//! | [`transport`] | the HTTP port, and with `test-util` the scripted transport in `transport::scripted` |
//! | [`telemetry`] | what a client logs and measures |
//! | [`missing`] | the markers the compiler shows when something required is not set |
//!
//! # Cargo features
//!
//! Operations come in groups: `objects`, `buckets`, `multipart` and `tagging` are on by default, `bucket-settings` is not. What
//! is off is not compiled. The other features on by default: `json` ([`Bucket::get_json`], [`Bucket::put_json`]), `transfer`
//! (any size, in parts), `rustls-ring` (https), and `sso`, `sts`, `credential-process` (sources of credentials). Off: `rustls-aws-lc` and `fips`
//! (other ways to do TLS), `sync` (directories and prefixes kept the same), `indicatif` (progress bars), `metrics` and `test-util`.

mod bucket;
mod client;
#[cfg(feature = "objects")]
mod convenience;
#[path = "../generated/mod.rs"]
mod generated;
#[cfg(feature = "buckets")]
mod health;
mod presign;
#[cfg(feature = "sync")]
pub mod sync;
#[cfg(feature = "transfer")]
pub mod transfer;

pub use bucket::Bucket;
pub use client::{ClientBuilder, S3Client};
pub use generated::api::S3Api;
pub use generated::errors::codes;
pub use generated::providers::Provider;
pub use generated::{missing, operations, types};
#[cfg(feature = "buckets")]
pub use health::HealthStatus;
pub use integration_s3_runtime::facade::*;

/// Every example of the guides is compiled, and run where it needs no server.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/getting-started.md")]
    mod getting_started {}
    #[cfg(feature = "transfer")]
    #[doc = include_str!("../docs/transfer.md")]
    mod transfer {}
    #[cfg(feature = "sync")]
    #[doc = include_str!("../docs/sync.md")]
    mod sync {}
    #[doc = include_str!("../docs/errors.md")]
    mod errors {}
    #[doc = include_str!("../docs/configuration.md")]
    mod configuration {}
    #[doc = include_str!("../docs/compatible-services.md")]
    mod compatible_services {}
    #[doc = include_str!("../docs/credentials.md")]
    mod credentials {}
    #[doc = include_str!("../docs/migration.md")]
    mod migration {}
}
