//! The one error type.
//!
//! Every fallible function of the SDK answers [`S3Error`]. It is one word wide, so a `Result` stays
//! small, and it can be asked: what went wrong ([`S3Error::kind`]), where (operation, bucket, key), what
//! the server said (code, status, request id), whether trying again can help, and what a person
//! can do. No text in it ever holds a secret, a signature or a query string.

mod codes;
mod kind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

pub use codes::RetryClass;
#[doc(hidden)]
pub use codes::{CodeFacts, CodeLookup, advice_for_status, kind_of_status, no_codes};
pub use kind::{
    AccessError, BucketError, ConfigurationError, CredentialsError, ErrorKind, MultipartError, NetworkError,
    ObjectError, RequestError, ResponseError, ServerError, SigningError, TransferError,
};

/// Any boxed error, as the source of another.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Anything that can go wrong in a call.
///
/// There is one type for all operations, because any operation can meet any error. Match on
/// [`kind`](Self::kind), or on [`code`](Self::code) for the server's own word.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::error::{ErrorKind, ObjectError, S3Error};
///
/// fn is_absent(error: &S3Error) -> bool {
///     error.kind() == ErrorKind::Object(ObjectError::NotFound)
/// }
/// ```
///
/// The text of `Display` is one line for people. It is no contract: it may become better.
pub struct S3Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    code: Option<Box<str>>,
    status: Option<u16>,
    request_id: Option<Box<str>>,
    host_id: Option<Box<str>>,
    operation: Option<&'static str>,
    bucket: Option<Box<str>>,
    key: Option<Box<str>>,
    attempts: u32,
    retry: RetryClass,
    retry_after: Option<Duration>,
    suggestion: Option<Cow<'static, str>>,
    details: Vec<(Box<str>, Box<str>)>,
    source: Option<BoxError>,
}

impl S3Error {
    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The server's error code, such as `NoSuchKey`. Absent when no server spoke, or when the answer had no
    /// body to hold one (HEAD).
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What happened, in words: the server's message if there was one.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, if an answer arrived.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The server's name for this request (`x-amz-request-id`): what its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The server's second name for this request (`x-amz-id-2`).
    pub fn host_id(&self) -> Option<&str> {
        self.0.host_id.as_deref()
    }

    /// The operation, such as `GetObject`.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation
    }

    /// The bucket of the request.
    pub fn bucket(&self) -> Option<&str> {
        self.0.bucket.as_deref()
    }

    /// The key of the request.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// How many times the request was handed to a connection; 0 when it never left. An attempt whose connection could not
    /// be opened counts; for the body of an answer, attempts count from the last byte that came.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the same request may succeed later. The client has already tried as often as it was allowed to.
    pub fn is_retryable(&self) -> bool {
        self.0.retry.is_retryable()
    }

    /// How long the server asked to wait (`Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What a person can do about it, as a clause.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.suggestion.as_deref()
    }

    /// A further element of the server's error document, such as `StorageClass` of `InvalidObjectState`.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.0.details.iter().find(|(n, _)| &**n == name).map(|(_, v)| &**v)
    }

    /// Whether the thing asked for does not exist: key, bucket or upload.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Object(ObjectError::NotFound)
                | ErrorKind::Bucket(BucketError::NotFound)
                | ErrorKind::Multipart(MultipartError::UploadNotFound)
        )
    }
}

/// Making errors. For the SDK itself and for transports and credential providers an application writes.
impl S3Error {
    /// An error of that kind. The message is a clause that fits behind "failed: ".
    // Cold, as all that makes errors: callers stay small, and what they do when nothing fails stays together.
    #[cold]
    #[inline(never)]
    pub fn new(kind: impl Into<ErrorKind>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::of(kind.into(), message.into())
    }

    #[cold]
    fn of(kind: ErrorKind, message: Cow<'static, str>) -> Self {
        Self(Box::new(Inner {
            kind,
            message,
            code: None,
            status: None,
            request_id: None,
            host_id: None,
            operation: None,
            bucket: None,
            key: None,
            attempts: 0,
            retry: RetryClass::No,
            retry_after: None,
            suggestion: None,
            details: Vec::new(),
            source: None,
        }))
    }

    /// With the error that caused it.
    #[cold]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        self.caused_by(source.into())
    }

    #[cold]
    #[inline(never)]
    fn caused_by(mut self, source: BoxError) -> Self {
        self.0.source = Some(source);
        self
    }

    /// With what a person can do about it: a clause without a full stop.
    #[cold]
    #[inline(never)]
    pub fn with_suggestion(self, suggestion: impl Into<Cow<'static, str>>) -> Self {
        self.advising(suggestion.into())
    }

    #[cold]
    fn advising(mut self, suggestion: Cow<'static, str>) -> Self {
        self.0.suggestion = Some(suggestion);
        self
    }

    /// Trying again can help, or not.
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retry = if retryable { RetryClass::Transient } else { RetryClass::No };
        self
    }

    #[doc(hidden)]
    #[cold]
    pub fn with_target(mut self, operation: &'static str, bucket: Option<&str>, key: Option<&str>) -> Self {
        let inner = &mut *self.0;
        inner.operation.get_or_insert(operation);
        if inner.bucket.is_none() {
            inner.bucket = bucket.map(Box::from);
        }
        if inner.key.is_none() {
            inner.key = key.map(Box::from);
        }
        self
    }

    #[doc(hidden)]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    #[doc(hidden)]
    #[cold]
    pub fn with_code(mut self, code: &str) -> Self {
        self.0.code = Some(bounded(code));
        self
    }

    #[doc(hidden)]
    #[cold]
    pub fn with_request_id(mut self, id: Option<&str>) -> Self {
        if self.0.request_id.is_none() {
            self.0.request_id = id.map(bounded);
        }
        self
    }

    #[doc(hidden)]
    #[cold]
    pub fn with_host_id(mut self, id: Option<&str>) -> Self {
        if self.0.host_id.is_none() {
            self.0.host_id = id.map(bounded);
        }
        self
    }

    #[doc(hidden)]
    #[cold]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// What a client shall do about it.
    pub fn with_retry_class(mut self, class: RetryClass) -> Self {
        self.0.retry = class;
        self
    }

    #[doc(hidden)]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    #[doc(hidden)]
    #[cold]
    pub fn with_detail(mut self, name: &str, value: &str) -> Self {
        self.0.details.push((name.into(), value.into()));
        self
    }

    /// What the client does about it.
    pub fn retry_class(&self) -> RetryClass {
        self.0.retry
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        if let Some(operation) = e.operation {
            f.write_str(operation)?;
            match (&e.bucket, &e.key) {
                (Some(bucket), Some(key)) => write!(f, " s3://{}/{}", OneLine(bucket), OneLine(key))?,
                (Some(bucket), None) => write!(f, " s3://{}", OneLine(bucket))?,
                _ => {}
            }
            f.write_str(" failed: ")?;
        }
        // The server's message may be empty or vague; the kind is neither.
        if e.message.is_empty() {
            e.kind.fmt(f)?;
        } else {
            OneLine(e.message.trim_end_matches('.')).fmt(f)?;
        }
        let mut open = " (";
        let mut note = |f: &mut fmt::Formatter<'_>, note: fmt::Arguments<'_>| {
            f.write_str(std::mem::replace(&mut open, ", "))?;
            f.write_fmt(note)
        };
        match (e.status, &e.code) {
            (Some(status), Some(code)) => note(f, format_args!("{status} {}", OneLine(code)))?,
            (Some(status), None) => note(f, format_args!("status {status}"))?,
            (None, Some(code)) => note(f, format_args!("{}", OneLine(code)))?,
            (None, None) => {}
        }
        if let Some(id) = &e.request_id {
            note(f, format_args!("request id {}", OneLine(id)))?;
        }
        if e.attempts > 1 {
            note(f, format_args!("after {} attempts", e.attempts))?;
        }
        if open == ", " {
            f.write_str(")")?;
        }
        if let Some(suggestion) = &e.suggestion {
            write!(f, "; {}", OneLine(suggestion))?;
        }
        Ok(())
    }
}

/// Codes and ids are short. What is longer is no such thing, and must not flood a log.
fn bounded(text: &str) -> Box<str> {
    const LONGEST: usize = 256;
    let end = (0..=text.len().min(LONGEST)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.get(..end).unwrap_or_default().into()
}

/// Text from outside must not break a log into two lines.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(|c: char| c.is_control()) {
            return f.write_str(self.0);
        }
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { fmt::Write::write_char(f, c)? }
        }
        Ok(())
    }
}

impl fmt::Debug for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        let mut d = f.debug_struct("S3Error");
        d.field("kind", &e.kind).field("message", &e.message);
        fn some<T: fmt::Debug>(d: &mut fmt::DebugStruct<'_, '_>, name: &str, value: &Option<T>) {
            if let Some(value) = value {
                d.field(name, value);
            }
        }
        some(&mut d, "code", &e.code);
        some(&mut d, "status", &e.status);
        some(&mut d, "request_id", &e.request_id);
        some(&mut d, "host_id", &e.host_id);
        some(&mut d, "suggestion", &e.suggestion);
        some(&mut d, "operation", &e.operation);
        some(&mut d, "bucket", &e.bucket);
        some(&mut d, "key", &e.key);
        some(&mut d, "retry_after", &e.retry_after);
        some(&mut d, "source", &e.source);
        d.field("attempts", &e.attempts).finish()
    }
}

impl StdError for S3Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_word_and_can_travel() {
        fn travels<T: Send + Sync + 'static>() {}
        travels::<S3Error>();
        assert_eq!(size_of::<S3Error>(), size_of::<usize>());
        assert_eq!(size_of::<Option<S3Error>>(), size_of::<usize>());
    }

    #[test]
    fn reads_as_one_line_with_everything_a_person_needs() {
        let e = S3Error::new(ObjectError::NotFound, "The specified key does not exist.")
            .with_status(404)
            .with_code("NoSuchKey")
            .with_request_id(Some("4442587FB7D0A2F9"))
            .with_attempts(2)
            .with_target("GetObject", Some("logs"), Some("a\n.txt"))
            .with_suggestion("check the key's spelling");
        assert_eq!(
            e.to_string(),
            "GetObject s3://logs/a\\n.txt failed: The specified key does not exist \
             (404 NoSuchKey, request id 4442587FB7D0A2F9, after 2 attempts); check the key's spelling"
        );
    }

    #[test]
    fn a_bare_error_still_says_what_it_is() {
        assert_eq!(S3Error::new(NetworkError::Timeout, "").to_string(), "the request timed out");
    }

    #[test]
    fn a_status_alone_tells_object_from_bucket() {
        assert_eq!(kind_of_status(404, true).0, ErrorKind::Object(ObjectError::NotFound));
        assert_eq!(kind_of_status(404, false).0, ErrorKind::Bucket(BucketError::NotFound));
        assert!(kind_of_status(503, true).1.is_retryable());
        assert!(!kind_of_status(403, true).1.is_retryable());
    }
}
