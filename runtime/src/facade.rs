//! What applications see of this crate, by the names they see: `integration_s3` re-exports all of it at its root.
//!
//! Examples in this crate that end up on pages of `integration_s3` begin with a hidden
//! `use integration_s3_runtime::facade as integration_s3;`. So they say what users have to write, and still compile here.

pub use crate::body::{BodyObserver, BodyReader, ByteStream, Bytes};
pub use crate::call::{
    Items, Operation, Paged, Pages, PresignPost, PresignedPost, PresignedRequest, RequestOptions, Sending,
};
pub use crate::config::{self, S3Config};
pub use crate::credentials::{self, ProvideCredentials};
pub use crate::error::{self, ErrorKind, S3Error};
pub use crate::few::Few;
pub use crate::identity::{Credentials, SecretBytes, SecretString};
pub use crate::integrity;
pub use crate::resilience;
pub use crate::telemetry;
pub use crate::timestamp::{DateText, Timestamp};
pub use crate::transport::{self, HttpTransport};
pub use crate::wire::{ByteRange, CopySource};
