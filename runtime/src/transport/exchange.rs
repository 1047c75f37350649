//! One request and its answer: over an idle connection or a new one, until the last byte of the body is there.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::HOST;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::runtime::{Handle, Id};

use super::classify::classify;
use super::dial::Dialer;
use super::line::{Answer, Line, Place};
use super::pool::{Permit, Pool};
use super::proxy::Proxy;
use super::tunnel::Refused;
use super::upload::{Outgoing, Upload};
use super::{HyperTransportBuilder, TransportError, TransportErrorKind as Kind};
use crate::body::{ByteStream, IdleTimer, ReplySource};
use crate::error::BoxError;

/// What all exchanges of a transport share.
pub(super) struct Exchanges {
    pub(super) dialer: Dialer,
    pub(super) pool: Arc<Pool>,
    pub(super) settings: HyperTransportBuilder,
}

impl Exchanges {
    pub(super) async fn exchange(&self, request: Request<ByteStream>) -> Result<Response<ByteStream>, TransportError> {
        let (mut parts, body) = request.into_parts();
        let uri = std::mem::take(&mut parts.uri);
        let (home, https) = check(&uri)?;
        let mut permit = self.pool.permit(self.settings.connect_timeout).await?;
        let proxy = self.settings.proxies.as_deref().and_then(|proxies| proxies.of(&uri));
        // Through a tunnel the target's own answers come, and the proxy has been told when it was opened.
        let proxy = proxy.filter(|_| !https);
        if let Some(value) = proxy.and_then(Proxy::authorization) {
            parts.headers.insert(http::header::PROXY_AUTHORIZATION, value.clone());
        }
        if !parts.headers.contains_key(HOST)
            && let Some(Ok(host)) = uri.authority().map(|authority| HeaderValue::from_str(authority.as_str()))
        {
            parts.headers.insert(HOST, host);
        }
        parts.uri = match uri.path_and_query() {
            Some(path) if proxy.is_none() => Uri::from(path.clone()),
            _ => uri.clone(),
        };
        let (body, upload) = Outgoing::new(body);
        let answer = self.sent(&mut permit, Request::from_parts(parts, body), upload, &uri, (home, https)).await?;
        if let (Some(proxy), StatusCode::PROXY_AUTHENTICATION_REQUIRED) = (proxy, answer.status()) {
            return Err(classify(Refused::unauthorized(proxy, host(&uri)).into(), true, &host(&uri)));
        }
        Ok(answer.map(|body| self.body(body, permit)))
    }

    /// Sends over an idle connection, or a new one. What an idle one did not take any more, because the server had closed
    /// it meanwhile, goes over the next.
    async fn sent(
        &self,
        permit: &mut Permit,
        mut request: Request<Outgoing>,
        upload: Option<Arc<Upload>>,
        uri: &Uri,
        (home, https): (Id, bool),
    ) -> Result<Response<Incoming>, TransportError> {
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        loop {
            let mut line = match self.pool.take(https, authority, home) {
                Some(line) => line,
                // Rare, and large: not a part of every request's future.
                None => Box::pin(self.dial(uri, Place { https, authority: authority.into() })).await?,
            };
            let used = line.used;
            let spare =
                upload.as_ref().filter(|_| used && request.method().is_idempotent()).map(|_| Spare::of(&request));
            let sending = line.send(request);
            let line = permit.line.insert(line);
            let error = match self.head(line, sending, upload.as_deref(), uri).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Silent(error)) => return Err(error.with_connection_reused(used)),
                Err(Failed::Sending(error)) => error,
            };
            permit.line = None;
            if let Some(own) = upload.as_deref().and_then(Upload::failure) {
                return Err(TransportError::new(Kind::RequestBody, own.message().to_owned()).with_source(own));
            }
            let mut error = *error;
            let unsent = error.take_message();
            let error = error.into_error();
            request = match (unsent, spare, &upload) {
                (Some(request), ..) if used => request,
                // The rest of the body was not sent, so nobody can have acted on it.
                (None, Some(spare), Some(upload)) if broke_off(&error) => match upload.take_back() {
                    Some(body) => spare.with(body),
                    None => return Err(failed(error.into(), false, uri).with_connection_reused(used)),
                },
                _ => return Err(failed(error.into(), false, uri).with_connection_reused(used)),
            };
        }
    }

    async fn dial(&self, uri: &Uri, place: Place) -> Result<Box<Line>, TransportError> {
        let wire = self.dialer.dial(uri).await.map_err(|error| failed(error, true, uri))?;
        Line::over(wire, place).await.map_err(|error| failed(error.into(), true, uri))
    }

    /// Waits for the head of the answer, while the request leaves.
    async fn head(
        &self,
        line: &mut Line,
        sending: impl Future<Output = Answer>,
        upload: Option<&Upload>,
        uri: &Uri,
    ) -> Result<Response<Incoming>, Failed> {
        let mut sending = pin!(sending);
        let mut idle = IdleTimer::new(self.settings.read_idle_timeout).with_sleep(line.sleep.take());
        let mut pieces = 0;
        let answer = poll_fn(|cx| {
            if let Poll::Ready(answer) = line.drive(cx, |cx| sending.as_mut().poll(cx)) {
                return Poll::Ready(Some(answer));
            }
            while idle.poll_expired(&mut line.context()).is_ready() {
                match upload {
                    Some(upload) if upload.starved() || upload.pieces() != pieces => {
                        pieces = upload.pieces();
                        idle.restart();
                    }
                    _ => return Poll::Ready(None),
                }
            }
            Poll::Pending
        });
        let answer = answer.await;
        line.sleep = idle.into_sleep();
        match answer {
            Some(answer) => answer.map_err(|error| Failed::Sending(Box::new(error))),
            None => {
                let limit = self.settings.read_idle_timeout.unwrap_or_default();
                let message = format!("{} neither took nor sent anything for {limit:?}", host(uri));
                Err(Failed::Silent(TransportError::new(Kind::IdleTimeout, message)))
            }
        }
    }

    fn body(&self, body: Incoming, permit: Permit) -> ByteStream {
        // No body, or none that follows (HEAD): the connection is free already.
        if body.is_end_stream() {
            return ByteStream::empty();
        }
        let declared = body.size_hint().exact();
        let idle = IdleTimer::watching(self.settings.read_idle_timeout, self.settings.stalls);
        ReplySource::stream(Arriving { body, permit }, declared, idle, ())
    }
}

enum Failed {
    Silent(TransportError),
    Sending(Box<TrySendError<Request<Outgoing>>>),
}

/// What it takes to send a request again whose head is lost with its connection.
struct Spare {
    method: http::Method,
    uri: Uri,
    headers: http::HeaderMap,
}

impl Spare {
    fn of(request: &Request<Outgoing>) -> Self {
        Self { method: request.method().clone(), uri: request.uri().clone(), headers: request.headers().clone() }
    }

    fn with(self, body: Outgoing) -> Request<Outgoing> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

/// The connection ended before a byte of the answer.
fn broke_off(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || error.is_body_write_aborted() || {
        let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
        use std::io::ErrorKind as Io;
        io.is_some_and(|io| matches!(io.kind(), Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe))
    }
}

/// The body of an answer and the connection it comes over, which is free when the last byte is there.
struct Arriving {
    // Before the permit: a body that is dropped unread leaves its connection to be looked at.
    body: Incoming,
    permit: Permit,
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, permit } = &mut *self;
        // What came together with the head, or with the chunk before, is here already.
        let here = Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop()));
        let frame = match (here, &mut permit.line) {
            (Poll::Pending, Some(line)) => ready!(line.drive(cx, |cx| Pin::new(&mut *body).poll_frame(cx))),
            (Poll::Pending, None) => None,
            (Poll::Ready(frame), _) => frame,
        };
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What has to be so before anything is sent; where we are, and whether the target is https.
fn check(uri: &Uri) -> Result<(Id, bool), TransportError> {
    let Ok(runtime) = Handle::try_current() else {
        return Err(TransportError::new(Kind::Unsupported, "requests can be sent inside a tokio runtime only"));
    };
    let https = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        _ => return Err(TransportError::new(Kind::Unsupported, "the target is no http or https URL")),
    };
    if cfg!(not(feature = "_tls")) && https {
        let error = TransportError::new(Kind::Unsupported, "https is not compiled in");
        return Err(error.with_suggestion("enable the feature `rustls-ring`"));
    }
    Ok((runtime.id(), https))
}

fn failed(error: BoxError, connecting: bool, uri: &Uri) -> TransportError {
    classify(error, connecting, &host(uri))
}

/// `name:port` of a request's target, for messages. Never its path or query.
fn host(uri: &Uri) -> String {
    let name = uri.host().unwrap_or("an unnamed host");
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    format!("{name}:{}", uri.port_u16().unwrap_or(default))
}
