//! What is known about an error code. The table itself is generated from `model/errors.toml`.

use super::{AccessError, BucketError, ErrorKind, ObjectError, RequestError, ServerError};

/// What is known about one error code of the service.
#[derive(Debug)]
pub struct CodeFacts {
    /// As on the wire, `NoSuchKey`.
    pub code: &'static str,
    /// What it means.
    pub kind: ErrorKind,
    /// The status it usually comes with; 0 if none is documented.
    pub status: u16,
    /// What the client does about it.
    pub retry: RetryClass,
    /// What a person can do about it: a clause without a full stop.
    pub advice: &'static str,
    /// Elements of the error document worth keeping, beside code and message.
    pub fields: &'static [&'static str],
}

/// What a client does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryClass {
    /// Nothing: the same request fails again.
    No,
    /// Try again soon.
    Transient,
    /// Try again later and slower.
    Throttle,
    /// The server waited too long for the request; try again.
    Timeout,
    /// Fetch new credentials and try again, once.
    Refresh,
    /// Learn the clock's offset and try again, once.
    Clock,
    /// Go to the region named in the answer, once.
    Redirect,
}

impl RetryClass {
    /// Whether sending the same request again later can succeed.
    pub const fn is_retryable(self) -> bool {
        matches!(self, RetryClass::Transient | RetryClass::Throttle | RetryClass::Timeout)
    }
}

/// Finds what is known about a code.
pub type CodeLookup = fn(&str) -> Option<&'static CodeFacts>;

/// A lookup that knows no code: everything is judged by its status.
pub fn no_codes(_: &str) -> Option<&'static CodeFacts> {
    None
}

/// What a status says when there is no code, or one that nobody knows. `has_key` tells an object's 404 from a bucket's.
pub fn kind_of_status(status: u16, has_key: bool) -> (ErrorKind, RetryClass) {
    use RetryClass::{No, Redirect, Throttle, Timeout, Transient};
    match status {
        301 | 302 | 307 | 308 => (super::ConfigurationError::WrongRegion.into(), Redirect),
        304 => (ObjectError::NotModified.into(), No),
        401 | 403 => (AccessError::Denied.into(), No),
        404 if has_key => (ObjectError::NotFound.into(), No),
        404 => (BucketError::NotFound.into(), No),
        405 => (RequestError::MethodNotAllowed.into(), No),
        408 => (ServerError::Timeout.into(), Timeout),
        409 if has_key => (ObjectError::Other.into(), No),
        409 => (BucketError::Other.into(), No),
        411 => (RequestError::MissingContentLength.into(), No),
        412 => (ObjectError::PreconditionFailed.into(), No),
        413 => (RequestError::EntityTooLarge.into(), No),
        416 => (RequestError::InvalidRange.into(), No),
        429 => (ServerError::SlowDown.into(), Throttle),
        500 => (ServerError::InternalError.into(), Transient),
        501 => (RequestError::NotImplemented.into(), No),
        502 => (ServerError::BadGateway.into(), Transient),
        503 => (ServerError::ServiceUnavailable.into(), Transient),
        504 => (ServerError::Timeout.into(), Transient),
        other if other >= 500 => (ServerError::Other.into(), No),
        _ => (RequestError::Other.into(), No),
    }
}

/// What a person can do when only the status is known.
pub fn advice_for_status(status: u16) -> Option<&'static str> {
    Some(match status {
        301 | 302 | 307 | 308 => "check that region and endpoint are those of the bucket",
        401 | 403 => "check the permissions of the caller on this bucket and key",
        404 => "check the spelling of bucket and key, and that the endpoint is the right one",
        412 => "read the object again and repeat the change on what you find",
        413 => "upload it in parts",
        416 => "ask for a range inside the object",
        429 | 503 => "send fewer requests at once",
        501 => "this store does not offer the operation or one of its options; leave the option out",
        _ => return None,
    })
}
