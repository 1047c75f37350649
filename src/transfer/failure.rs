//! What a transfer that failed had done, and what it left behind.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use super::state::TransferState;
use crate::S3Error;

/// What became of the parts of a transfer that failed, and what is left of it. It rides on the error:
///
/// ```
/// use integration_s3::S3Error;
/// use integration_s3::transfer::TransferFailure;
///
/// fn explain(error: &S3Error) {
///     if let Some(failure) = TransferFailure::of(error) {
///         eprintln!("{} parts stand, {} failed; {}", failure.done.len(), failure.failed.len(), failure.left);
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct TransferFailure {
    /// Numbers of the parts that were over, in order.
    pub done: Vec<u32>,
    /// Numbers of the parts that failed, in order, each with its error in one line.
    pub failed: Vec<(u32, String)>,
    /// How many parts there would have been; `None` if that was not known.
    pub parts: Option<u32>,
    /// What is left behind.
    pub left: Left,
    /// What is needed to go on, if something was kept to go on with.
    pub state: Option<TransferState>,
    cause: S3Error,
}

/// What a failed transfer left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Left {
    /// Nothing.
    Nothing,
    /// A multipart upload, whose parts are stored and billed until it is completed or aborted.
    OpenUpload {
        /// Its id.
        upload_id: String,
    },
    /// An object that was stored, and is not known to be what was sent: do not trust it.
    DoubtfulObject {
        /// Its version, in buckets with versioning.
        version_id: Option<String>,
    },
    /// A file with some of the bytes.
    PartialFile {
        /// Where it is.
        path: PathBuf,
    },
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing is left behind"),
            Self::OpenUpload { upload_id } => write!(f, "the upload {upload_id} is left open"),
            Self::DoubtfulObject { version_id: Some(version) } => write!(f, "the object stands as version {version}"),
            Self::DoubtfulObject { version_id: None } => f.write_str("the object stands"),
            Self::PartialFile { path } => write!(f, "what arrived is kept in {}", path.display()),
        }
    }
}

impl TransferFailure {
    pub(crate) fn new(cause: S3Error, left: Left) -> Self {
        Self { done: Vec::new(), failed: Vec::new(), parts: None, left, state: None, cause }
    }

    /// What the error knows about the parts of a transfer; `None` if it is not of a transfer, or failed before any began.
    pub fn of(error: &S3Error) -> Option<&Self> {
        let mut next = error.source();
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// The error of the transfer: what its cause says, how far it got and what is left, with all of this as its source.
    /// `operation` is the transfer's word for itself, `Upload` for instance.
    pub(crate) fn into_error(self, operation: &'static str, bucket: &str, key: &str) -> S3Error {
        let cause = &self.cause;
        let mut message = cause.message().trim_end_matches('.').to_owned();
        match (self.parts, self.done.len()) {
            (_, 0) => {}
            (Some(parts), done) => message.push_str(&format!("; {done} of {parts} parts stand")),
            (None, done) => message.push_str(&format!("; {done} parts stand")),
        }
        message.push_str(&format!("; {}", self.left));
        let mut error = S3Error::new(cause.kind(), message)
            .with_retryable(cause.is_retryable())
            .with_retry_after(cause.retry_after())
            .with_request_id(cause.request_id())
            .with_host_id(cause.host_id())
            .with_attempts(cause.attempts())
            .with_target(operation, Some(bucket), Some(key));
        if let Some(status) = cause.status() {
            error = error.with_status(status);
        }
        if let Some(code) = cause.code() {
            error = error.with_code(code);
        }
        if let Some(advice) = cause.suggestion() {
            error = error.with_suggestion(advice.to_owned());
        }
        error.with_source(self)
    }
}

impl fmt::Display for TransferFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parts stand", self.done.len())?;
        for (number, error) in &self.failed {
            write!(f, "; part {number}: {error}")?;
        }
        write!(f, "; {}", self.left)
    }
}

impl Error for TransferFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
