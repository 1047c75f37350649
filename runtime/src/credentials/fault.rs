//! How sources say that they have nothing, or that something is wrong. Texts name the source first and never hold a value.

use crate::error::{CredentialsError, ErrorKind, S3Error};

/// The source is not set up here; a chain asks the next.
pub(super) fn absent(source: &str, why: impl AsRef<str>) -> S3Error {
    S3Error::new(CredentialsError::NotFound, format!("{source}: {}", why.as_ref()))
}

/// The source is set up, but wrongly.
pub(super) fn broken(source: &str, why: impl AsRef<str>) -> S3Error {
    S3Error::new(CredentialsError::Invalid, format!("{source}: {}", why.as_ref()))
}

/// The source is set up, but the service behind it did not give credentials.
pub(super) fn failed(source: &str, why: impl AsRef<str>) -> S3Error {
    S3Error::new(CredentialsError::RefreshFailed, format!("{source}: {}", why.as_ref()))
}

/// What the source offers is past its end.
pub(super) fn expired(source: &str, why: impl AsRef<str>) -> S3Error {
    S3Error::new(CredentialsError::Expired, format!("{source}: {}", why.as_ref()))
}

/// No usable answer came from the service behind the source.
pub(super) fn unreachable(source: &str, whom: &str, cause: S3Error) -> S3Error {
    let retryable = cause.is_retryable();
    failed(source, format!("no answer from {whom}: {}", cause.message())).with_source(cause).with_retryable(retryable)
}

/// Whether a chain may ask the next source.
pub(super) fn is_absent(error: &S3Error) -> bool {
    error.kind() == ErrorKind::Credentials(CredentialsError::NotFound)
}

/// A source that somebody chose by name must not be passed over when it has nothing.
pub(super) fn must_be_there(source: &str, who_asked: &str, error: S3Error) -> S3Error {
    if is_absent(&error) { broken(source, format!("{who_asked}, but {}", error.message())) } else { error }
}
