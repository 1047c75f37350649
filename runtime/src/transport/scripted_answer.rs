//! What a scripted request gets: an answer, a failure, or something in between.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::time::sleep;

use crate::body::{ByteStream, ReplySource};
use crate::transport::{TransportError, TransportErrorKind};

/// One scripted answer.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use std::time::Duration;
/// use integration_s3::transport::TransportErrorKind;
/// use integration_s3::transport::scripted::Answer;
///
/// let late = Answer::ok().body("hello").delay(Duration::from_secs(2));
/// let refused = Answer::fail(TransportErrorKind::Connect);
/// let cut = Answer::ok().body("hello").truncate_after(2);
/// # let _ = (late, refused, cut);
/// ```
#[derive(Clone, Debug)]
#[must_use = "an answer does nothing until it is part of a rule"]
pub struct Answer {
    outcome: Outcome,
    headers: HeaderMap,
    body: Bytes,
    chunk: Option<usize>,
    delay: Duration,
    ending: Ending,
    problem: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Status(StatusCode),
    Fail(TransportErrorKind),
    Never,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Whole,
    /// The connection ends after so many bytes.
    Cut(usize),
    /// Nothing comes after so many bytes, for ever or until the idle time is over.
    Stall(usize, Option<Duration>),
}

impl Answer {
    fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            chunk: None,
            delay: Duration::ZERO,
            ending: Ending::Whole,
            problem: None,
        }
    }

    /// Status 200, no body.
    pub fn ok() -> Self {
        Self::new(Outcome::Status(StatusCode::OK))
    }

    /// Any status (100 to 999).
    pub fn status(status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(status) => Self::new(Outcome::Status(status)),
            Err(_) => Self { problem: Some(format!("{status} is no status")), ..Self::ok() },
        }
    }

    /// An S3 error document with that code and message.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message><RequestId>SCRIPTED</RequestId></Error>",
            escape(code),
            escape(message)
        );
        Self::status(status)
            .header("content-type", "application/xml")
            .header("x-amz-request-id", "SCRIPTED")
            .body(document)
    }

    /// No answer: the transport fails.
    pub fn fail(kind: TransportErrorKind) -> Self {
        Self::new(Outcome::Fail(kind))
    }

    /// No answer, ever. For tests of timeouts and of cancelling.
    pub fn never() -> Self {
        Self::new(Outcome::Never)
    }

    /// With a header; the same name again adds a value.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_ref())) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => self.problem = Some(format!("the scripted header {name:?} is not valid")),
        }
        self
    }

    /// With a body. `content-length` is set unless the script has set it; it is then the length the
    /// body is held to.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The body comes in chunks of so many bytes (at least 1). Default: one chunk.
    pub fn chunks_of(mut self, bytes: usize) -> Self {
        self.chunk = Some(bytes.max(1));
        self
    }

    /// The head comes after this time, by tokio's clock: a paused clock skips it.
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = time;
        self
    }

    /// The connection ends after so many bytes of the body, although more were declared.
    pub fn truncate_after(mut self, bytes: usize) -> Self {
        self.ending = Ending::Cut(bytes);
        self
    }

    /// After so many bytes of the body nothing comes any more, and nobody notices.
    pub fn stall_after(mut self, bytes: usize) -> Self {
        self.ending = Ending::Stall(bytes, None);
        self
    }

    /// After so many bytes of the body nothing comes any more, and a read idle timeout ends it.
    pub fn time_out_after(mut self, bytes: usize, idle: Duration) -> Self {
        self.ending = Ending::Stall(bytes, Some(idle));
        self
    }

    pub(super) async fn play(self, head: bool) -> Result<http::Response<ByteStream>, TransportError> {
        if let Some(problem) = self.problem {
            return Err(TransportError::new(TransportErrorKind::Unsupported, problem));
        }
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        let status = match self.outcome {
            Outcome::Status(status) => status,
            Outcome::Fail(kind) => return Err(failure(kind)),
            Outcome::Never => std::future::pending().await,
        };
        let mut headers = self.headers;
        let chunked = headers.contains_key(http::header::TRANSFER_ENCODING);
        let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        if !headers.contains_key(http::header::CONTENT_LENGTH) && !chunked && !bodiless {
            headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        let mut response = if head || bodiless {
            http::Response::new(ByteStream::empty())
        } else {
            let declared =
                headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
            let (most, idle, stall) = match self.ending {
                Ending::Whole => (usize::MAX, None, false),
                Ending::Cut(bytes) => (bytes, None, false),
                Ending::Stall(bytes, idle) => (bytes, idle, true),
            };
            let rest = self.body.slice(..most.min(self.body.len()));
            let played = Played { rest, chunk: self.chunk.unwrap_or(usize::MAX), stall };
            http::Response::new(ReplySource::stream(played, declared, idle, ()))
        };
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl From<u16> for Answer {
    fn from(status: u16) -> Self {
        Self::status(status)
    }
}

impl From<TransportErrorKind> for Answer {
    fn from(kind: TransportErrorKind) -> Self {
        Self::fail(kind)
    }
}

fn failure(kind: TransportErrorKind) -> TransportError {
    use TransportErrorKind as Kind;
    let message = match kind {
        Kind::Connect => "connection refused by the script",
        Kind::Dns => "the host name has no address, says the script",
        Kind::Tls => "the certificate is not trusted by the script",
        Kind::Reset => "the script reset the connection",
        Kind::ConnectTimeout => "the script let connecting time out",
        Kind::IdleTimeout => "the script sent nothing for too long",
        Kind::PoolExhausted { active, max } => {
            return TransportError::pool_exhausted(active, max, Duration::from_secs(60));
        }
        _ => "the script failed the request",
    };
    TransportError::new(kind, message)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The part of the body the script lets through.
struct Played {
    rest: Bytes,
    chunk: usize,
    stall: bool,
}

impl Body for Played {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.rest.is_empty() {
            // A stalled body has no waker to keep: only the idle timer can end it.
            return if self.stall { Poll::Pending } else { Poll::Ready(None) };
        }
        let chunk = self.chunk.min(self.rest.len());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !self.stall
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}
