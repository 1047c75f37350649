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
//! - Requests are plain values too: build one with `XxxRequest::builder()` and give it to [`S3Client::execute`].
//! - [`S3Error`] is the one error type: ask it for its [`kind`](S3Error::kind).
//! - Applications can be tested without a server: against [`S3Api`], or with a scripted transport (feature `test-util`).
//!
//! Operations come in groups, which are cargo features: `objects`, `buckets`, `multipart` and `tagging` are on by
//! default. What is off is not compiled.

mod bucket;
mod client;
#[cfg(feature = "objects")]
mod convenience;
#[path = "../generated/mod.rs"]
mod generated;

pub use bucket::Bucket;
pub use client::{ClientBuilder, S3Client};
pub use generated::api::S3Api;
pub use generated::errors::codes;
pub use generated::providers::Provider;
pub use generated::{missing, operations, types};
pub use integration_s3_runtime::body::ByteStream;
pub use integration_s3_runtime::call::{Items, Operation, Paged, Pages, PresignedRequest, RequestOptions, Sending};
pub use integration_s3_runtime::config::{self, S3Config};
pub use integration_s3_runtime::credentials::{self, ProvideCredentials};
pub use integration_s3_runtime::error::{self, ErrorKind, S3Error};
pub use integration_s3_runtime::identity::{Credentials, SecretBytes, SecretString};
pub use integration_s3_runtime::resilience;
pub use integration_s3_runtime::telemetry;
pub use integration_s3_runtime::timestamp::{DateText, Timestamp};
pub use integration_s3_runtime::transport::{self, HttpTransport};
pub use integration_s3_runtime::wire::{ByteRange, CopySource};
