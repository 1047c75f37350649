//! One small question to a service that gives credentials: sent with a time limit, asked again when that can help.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use zeroize::Zeroizing;

use super::fault::broken;
use crate::body::ByteStream;
use crate::error::{NetworkError, ResponseError, RetryClass, S3Error};
use crate::resilience::Jitter;
use crate::transport::{BoxFuture, HttpTransport};

/// No answer with credentials is anywhere near that long.
const LONGEST_ANSWER: usize = 1 << 20;

/// How a service is asked.
pub(super) struct Exchange<'a> {
    pub(super) port: &'a dyn HttpTransport,
    /// For one attempt, from sending to the end of the answer.
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
}

/// What came back, whatever the status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The whole body as text without white space around it.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok().map(str::trim)
    }
}

impl Exchange<'_> {
    /// Sends what `make` makes, anew for each attempt. `again` says which answers deserve another.
    pub(super) async fn send(
        &self,
        make: impl Fn() -> Result<Request<ByteStream>, S3Error> + Sync,
        again: impl Fn(&Answer) -> bool + Sync,
    ) -> Result<Answer, S3Error> {
        self.ask(&make, &again).await
    }

    /// Compiled once for all services, and kept out of their futures.
    fn ask<'a>(
        &'a self,
        make: &'a (dyn Fn() -> Result<Request<ByteStream>, S3Error> + Sync),
        again: &'a (dyn Fn(&Answer) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Answer, S3Error>> {
        Box::pin(async move {
            let mut jitter = Jitter::new();
            let mut made = 1;
            loop {
                let outcome = match tokio::time::timeout(self.timeout, self.once(make()?)).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(S3Error::new(NetworkError::Timeout, format!("nothing within {:?}", self.timeout))
                        .with_retry_class(RetryClass::Timeout)),
                };
                let retry = made < self.attempts
                    && match &outcome {
                        Ok(answer) => matches!(answer.status, 429 | 500..=599) || again(answer),
                        Err(error) => error.is_retryable(),
                    };
                if !retry {
                    return outcome;
                }
                let cap = Duration::from_millis(100) * (1 << made.min(5));
                tokio::time::sleep(cap.mul_f64(jitter.share())).await;
                made += 1;
            }
        })
    }

    async fn once(&self, request: Request<ByteStream>) -> Result<Answer, S3Error> {
        let (head, mut stream) = self.port.send(request).await?.into_parts();
        let mut body = Zeroizing::new(Vec::with_capacity(4096));
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(S3Error::new(ResponseError::UnexpectedContent, "the answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: head.status.as_u16(), body })
    }
}

/// A request to be filled in.
pub(super) fn request(method: Method, url: &Uri) -> Request<ByteStream> {
    let mut request = Request::new(ByteStream::empty());
    *request.method_mut() = method;
    *request.uri_mut() = url.clone();
    request.headers_mut().insert("accept", HeaderValue::from_static("*/*"));
    request
        .headers_mut()
        .insert("user-agent", HeaderValue::from_static(concat!("integration-s3/", env!("CARGO_PKG_VERSION"))));
    request
}

/// Adds a header that nobody may see; what cannot stand in one is refused without showing it.
pub(super) fn secret_header(
    request: &mut Request<ByteStream>,
    name: &'static str,
    value: &str,
    source: &str,
    what: &str,
) -> Result<(), S3Error> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| broken(source, format!("{what} holds a character that cannot stand in a header")))?;
    value.set_sensitive(true);
    request.headers_mut().insert(HeaderName::from_static(name), value);
    Ok(())
}

/// Scheme and authority: what may be shown of a URL.
pub(super) fn shown(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", url.scheme_str().unwrap_or("http"))
}
