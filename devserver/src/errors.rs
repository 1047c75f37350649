//! Errors whose codes s3s does not list.

use hyper::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// An error with any code and status.
pub(crate) fn coded(status: StatusCode, code: &str, message: impl Into<String>) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message.into());
    error.set_status_code(status);
    error
}

/// One with status 400.
pub(crate) fn bad(code: &str, message: impl Into<String>) -> S3Error {
    coded(StatusCode::BAD_REQUEST, code, message)
}
