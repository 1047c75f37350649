//! How sources say that they have nothing, or that something is wrong. Texts name the source first and never hold a value.
//! Cold and not in line: most of what a source does is to tell what is wrong.

use crate::error::{CredentialsError, ErrorKind, S3Error};

/// The source is not set up here; a chain asks the next.
#[cold]
#[inline(never)]
pub(super) fn absent(source: &str, why: impl AsRef<str>) -> S3Error {
    said(CredentialsError::NotFound, source, why.as_ref())
}

/// The source is set up, but wrongly.
#[cold]
#[inline(never)]
pub(super) fn broken(source: &str, why: impl AsRef<str>) -> S3Error {
    said(CredentialsError::Invalid, source, why.as_ref())
}

/// The source is set up, but the service behind it did not give credentials.
#[cold]
#[inline(never)]
pub(super) fn failed(source: &str, why: impl AsRef<str>) -> S3Error {
    said(CredentialsError::RefreshFailed, source, why.as_ref())
}

/// What the source offers is past its end.
#[cold]
#[inline(never)]
pub(super) fn expired(source: &str, why: impl AsRef<str>) -> S3Error {
    said(CredentialsError::Expired, source, why.as_ref())
}

#[inline(never)]
fn said(kind: CredentialsError, source: &str, why: &str) -> S3Error {
    S3Error::new(kind, format!("{source}: {why}"))
}

/// No usable answer came from the service behind the source.
#[cold]
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
