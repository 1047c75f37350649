//! Why no answer came, as transports say it, and the same as an [`S3Error`].

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::error::{
    BoxError, ConfigurationError, ErrorKind, NetworkError, ResponseError, RetryClass, S3Error, TransferError,
};

/// What to do when all connections are in use.
pub(crate) const HOW_TO_FREE: &str = "read the bodies of answers to their end or drop them (a body that is held unread keeps its connection), or raise `max_connections`";

/// What kept an answer from coming.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No connection could be opened: refused, unreachable. Nothing was sent.
    Connect,
    /// The host name has no address. Nothing was sent.
    Dns,
    /// The TLS handshake failed, most often for a certificate. Nothing was sent; trying again does not help.
    Tls,
    /// The proxy does not let this request through. Nothing reached the server; trying again does not help.
    Proxy,
    /// An open connection broke before the answer. The server may have acted on the request.
    Reset,
    /// Opening a connection took too long. Nothing was sent.
    ConnectTimeout,
    /// The server took nothing and sent nothing for too long. It may have acted on the request.
    IdleTimeout,
    /// All connections are in use and none became free for too long. Nothing was sent.
    PoolExhausted {
        /// Connections in use.
        active: usize,
        /// How many may be.
        max: usize,
    },
    /// The body of the request could not be read; its error is the source.
    RequestBody,
    /// What came back is not HTTP.
    InvalidResponse,
    /// This transport cannot send such a request, ever: the configuration must change.
    Unsupported,
    /// Anything else; not tried again.
    Other,
}

impl TransportErrorKind {
    /// Whether it is certain that nothing of the request reached the server.
    pub(crate) fn is_unsent(self) -> bool {
        use TransportErrorKind as Kind;
        // TLS can break later than at its beginning.
        matches!(self, Kind::Connect | Kind::Dns | Kind::Proxy | Kind::ConnectTimeout | Kind::PoolExhausted { .. })
    }
}

/// A request got no answer.
///
/// Transports an application writes make them with [`new`](Self::new); the kind decides whether the client
/// tries again.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::error::{ErrorKind, NetworkError, S3Error};
/// use integration_s3::transport::{TransportError, TransportErrorKind};
///
/// let error = TransportError::new(TransportErrorKind::Connect, "connection refused by 127.0.0.1:9");
/// assert!(error.is_retryable());
/// let error = S3Error::from(error);
/// assert_eq!(error.kind(), ErrorKind::Network(NetworkError::ConnectionFailed));
/// ```
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    message: Cow<'static, str>,
    suggestion: Option<&'static str>,
    connection_reused: bool,
    source: Option<BoxError>,
}

impl TransportError {
    /// An error of that kind. The message says what happened and names the host, without the path or the
    /// query of the request: a query can hold a signature.
    #[cold]
    #[inline(never)]
    pub fn new(kind: TransportErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), suggestion: None, connection_reused: false, source: None }
    }

    /// With the error that caused it.
    #[cold]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// With what a person can do about it: a clause without a full stop.
    pub fn with_suggestion(mut self, suggestion: &'static str) -> Self {
        self.suggestion = Some(suggestion);
        self
    }

    /// The request went over a connection that had served others before. Servers close such
    /// connections at any time, so a reset then says little about the server's health.
    pub fn with_connection_reused(mut self, reused: bool) -> Self {
        self.connection_reused = reused;
        self
    }

    /// All connections are in use, and `waited` was too long.
    pub fn pool_exhausted(active: usize, max: usize, waited: Duration) -> Self {
        let waited = Duration::from_millis(waited.as_millis().try_into().unwrap_or(u64::MAX));
        let message = format!("waited {waited:?} for a connection and got none: {active} of {max} are in use");
        Self::new(TransportErrorKind::PoolExhausted { active, max }, message).with_suggestion(HOW_TO_FREE)
    }

    /// What happened.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// What happened, in words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// See [`with_connection_reused`](Self::with_connection_reused).
    pub fn connection_reused(&self) -> bool {
        self.connection_reused
    }

    /// Whether the same request may succeed at once or soon.
    pub fn is_retryable(&self) -> bool {
        self.retry_class() != RetryClass::No
    }

    fn retry_class(&self) -> RetryClass {
        use TransportErrorKind as Kind;
        match self.kind {
            Kind::Connect | Kind::Dns | Kind::Reset | Kind::PoolExhausted { .. } => RetryClass::Transient,
            Kind::ConnectTimeout | Kind::IdleTimeout => RetryClass::Timeout,
            Kind::InvalidResponse => RetryClass::Transient,
            Kind::Tls | Kind::Proxy | Kind::RequestBody | Kind::Unsupported | Kind::Other => RetryClass::No,
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An error of the request's own body comes out as it went in.
impl From<TransportError> for S3Error {
    fn from(error: TransportError) -> Self {
        use TransportErrorKind as Kind;
        let retry = error.retry_class();
        let kind: ErrorKind = match error.kind {
            Kind::Connect | Kind::Proxy | Kind::Reset | Kind::Other => NetworkError::ConnectionFailed.into(),
            Kind::Dns => NetworkError::DnsResolutionFailed.into(),
            Kind::Tls => NetworkError::Tls.into(),
            Kind::ConnectTimeout | Kind::IdleTimeout => NetworkError::Timeout.into(),
            Kind::PoolExhausted { .. } => NetworkError::PoolExhausted.into(),
            Kind::RequestBody => TransferError::StreamInterrupted.into(),
            Kind::InvalidResponse => ResponseError::InvalidResponse.into(),
            Kind::Unsupported => ConfigurationError::InvalidConfiguration.into(),
        };
        let source = match (error.kind, error.source) {
            (Kind::RequestBody, Some(source)) => match source.downcast::<S3Error>() {
                Ok(own) => return *own,
                Err(source) => Some(source),
            },
            (_, source) => source,
        };
        let mut made = S3Error::new(kind, error.message).with_retry_class(retry);
        if let Some(suggestion) = error.suggestion {
            made = made.with_suggestion(suggestion);
        }
        match source {
            Some(source) => made.with_source(source),
            None => made,
        }
    }
}
