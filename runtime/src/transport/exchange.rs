//! One request and its answer: over an idle connection or a new one, until the last byte of the body is there.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::{HOST, IF_MATCH, IF_NONE_MATCH};
use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
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
use super::{BoxFuture, HyperTransportBuilder, TransportError, TransportErrorKind as Kind, Unhurried};
use crate::body::{ByteStream, IdleTimer, ReplySource};
use crate::error::BoxError;
use crate::resilience::StallPolicy;

/// What all exchanges of a transport share.
pub(super) struct Exchanges {
    pub(super) dialer: Dialer,
    pub(super) pool: Arc<Pool>,
    pub(super) settings: HyperTransportBuilder,
}

impl Exchanges {
    /// Everything that is rare is boxed, behind a pointer so that it is not put in line: what remains is a future of a few hundred bytes, made and moved for each request.
    ///
    /// No `async fn`: the future would keep the place of the request it was given beside that of the one it sends.
    pub(super) fn exchange(
        &self,
        mut permit: Permit,
        request: Request<ByteStream>,
    ) -> impl Future<Output = Result<Response<ByteStream>, TransportError>> + Send + '_ {
        let https = request.uri().scheme() == Some(&Scheme::HTTPS);
        let unhurried = request.extensions().get::<Unhurried>().is_some();
        let (request, uri, upload, proxy) = self.prepare(request, https);
        let mut request = Some(request);
        async move {
            let home = check(&uri, https)?;
            loop {
                let line = match self.pool.take(https, authority(&uri), home) {
                    Some(line) => line,
                    None => self.dial(&uri, https).await?,
                };
                let line = permit.line.insert(line);
                let used = line.used;
                let (sending, spare) = launch(line, &mut request, upload.as_deref());
                let answer = {
                    let mut sending = pin!(sending);
                    let mut idle = IdleTimer::new(self.settings.read_idle_timeout).with_sleep(line.sleep.take());
                    // What goes out before the wait begins is no sign of life afterwards.
                    let mut taken = u64::MAX;
                    let answer = poll_fn(|cx| {
                        let mut here = None;
                        let driven = line.drive(cx, |cx| Answered::poll(&mut here, sending.as_mut(), cx));
                        if driven.is_ready() || here.is_some() {
                            return Poll::Ready(here);
                        }
                        if taken == u64::MAX {
                            taken = line.taken();
                        }
                        while idle.poll_expired(&mut line.context()).is_ready() {
                            if line.taken() == taken && !upload.as_ref().is_some_and(|upload| upload.starved()) {
                                return Poll::Ready(None);
                            }
                            taken = line.taken();
                            idle.restart();
                        }
                        Poll::Pending
                    })
                    .await;
                    line.sleep = idle.into_sleep();
                    answer
                };
                match answer {
                    Some(Ok(answer)) => return self.answered(answer, permit, proxy, &uri, unhurried),
                    Some(Err(error)) => {
                        permit.line = None;
                        request = Some(once_more(error, spare, upload.as_ref(), used, &uri)?);
                    }
                    None => return Err(self.silent(&uri).with_connection_reused(used)),
                }
            }
        }
    }

    /// The right to use a connection, waited for.
    pub(super) async fn permit(&self) -> Result<Permit, TransportError> {
        runtime()?;
        self.pool.permit(self.settings.pool_wait).await
    }

    /// The request as it goes over the wire, and what is kept of it.
    fn prepare(
        &self,
        request: Request<ByteStream>,
        https: bool,
    ) -> (Request<Outgoing>, Uri, Option<Arc<Upload>>, Option<&Proxy>) {
        let (mut parts, body) = request.into_parts();
        let uri = std::mem::take(&mut parts.uri);
        let proxy = self.settings.proxies.as_deref().and_then(|proxies| proxies.of(&uri));
        // Through a tunnel the target's own answers come, and the proxy has been told when it was opened.
        let proxy = proxy.filter(|_| !https);
        if let Some(value) = proxy.and_then(Proxy::authorization) {
            parts.headers.insert(http::header::PROXY_AUTHORIZATION, value.clone());
        }
        if !parts.headers.contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(authority(&uri))
        {
            parts.headers.insert(HOST, host);
        }
        parts.uri = match uri.path_and_query() {
            Some(path) if proxy.is_none() => Uri::from(path.clone()),
            _ => uri.clone(),
        };
        let (body, upload) = Outgoing::new(body);
        (Request::from_parts(parts, body), uri, upload, proxy)
    }

    fn dial<'a>(&'a self, uri: &'a Uri, https: bool) -> BoxFuture<'a, Result<Box<Line>, TransportError>> {
        Box::pin(async move {
            let wire = self.dialer.dial(uri).await.map_err(|error| failed(error, true, uri))?;
            let place = Place { https, authority: authority(uri).into() };
            Line::over(wire, place).await.map_err(|error| failed(error.into(), true, uri))
        })
    }

    fn silent(&self, uri: &Uri) -> TransportError {
        let limit = self.settings.read_idle_timeout.unwrap_or_default();
        let message = format!("{} neither took nor sent anything for {limit:?}", host(uri));
        TransportError::new(Kind::IdleTimeout, message)
    }

    fn answered(
        &self,
        answered: Answered,
        permit: Permit,
        proxy: Option<&Proxy>,
        uri: &Uri,
        unhurried: bool,
    ) -> Result<Response<ByteStream>, TransportError> {
        let Answered { answer, declared, ahead } = answered;
        if let (Some(proxy), StatusCode::PROXY_AUTHENTICATION_REQUIRED) = (proxy, answer.status()) {
            return Err(failed(Refused::unauthorized(proxy, host(uri)).into(), true, uri));
        }
        let stalls = if unhurried { None } else { self.settings.stalls };
        Ok(answer.map(|body| self.body(body, declared, ahead, permit, stalls)))
    }

    fn body(
        &self,
        body: Incoming,
        declared: Option<u64>,
        mut ahead: Came,
        permit: Permit,
        stalls: Option<StallPolicy>,
    ) -> ByteStream {
        if body.is_end_stream() {
            match &mut ahead {
                // No body, or none that follows (HEAD): the connection is free already.
                Poll::Pending => return ByteStream::empty(),
                // All of it is here.
                Poll::Ready(Some(Ok(frame))) if frame.data_ref().map(|data| data.len() as u64) == declared => {
                    return frame.data_mut().map(std::mem::take).unwrap_or_default().into();
                }
                Poll::Ready(_) => {}
            }
        }
        let idle = IdleTimer::watching(self.settings.read_idle_timeout, stalls);
        ReplySource::stream(Arriving { ahead, body, permit }, declared, idle, ())
    }
}

/// What polling a body brought.
type Came = Poll<Option<Result<Frame<Bytes>, hyper::Error>>>;

/// An answer's head, and what came along with it.
struct Answered {
    answer: Response<Incoming>,
    /// The length of the body.
    declared: Option<u64>,
    ahead: Came,
}

/// Bodies up to this length are looked for beside the head: such a body is often in the same packet.
const SHORT: u64 = 64 * 1024;

impl Answered {
    /// Ready when head and body are there. What came before that stands in `here`, and is good without the rest.
    fn poll(
        here: &mut Option<Result<Self, TrySendError<Request<Outgoing>>>>,
        sending: Pin<&mut impl Future<Output = Answer>>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if here.is_none() {
            *here = Some(ready!(sending.poll(cx)).map(|answer| {
                let declared = answer.body().size_hint().exact();
                Self { answer, declared, ahead: Poll::Pending }
            }));
        }
        match here {
            Some(Ok(answered)) => answered.look_ahead(cx),
            _ => Poll::Ready(()),
        }
    }

    fn look_ahead(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let body = self.answer.body_mut();
        if self.declared.is_none_or(|length| length > SHORT) || body.is_end_stream() {
            return Poll::Ready(());
        }
        self.ahead = Pin::new(body).poll_frame(cx);
        if self.ahead.is_pending() { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// Hands the request to the connection, and keeps what would be lost with it.
#[inline]
fn launch(
    line: &mut Line,
    request: &mut Option<Request<Outgoing>>,
    upload: Option<&Upload>,
) -> (impl Future<Output = Answer> + use<>, Option<Box<Spare>>) {
    let may_be_lost = upload.is_some() && line.used;
    let kept = request.as_ref().filter(|request| may_be_lost && repeatable(request));
    let spare = kept.map(|request| Box::new(Spare::of(request)));
    (line.send(request.take().unwrap_or_default()), spare)
}

/// What is added to an object must find it as long as this says.
static APPENDS: HeaderName = HeaderName::from_static("x-amz-write-offset-bytes");

/// What is sent on a condition finds another state the second time, if the first was carried out.
fn repeatable<B>(request: &Request<B>) -> bool {
    let conditional = [&IF_MATCH, &IF_NONE_MATCH, &APPENDS].iter().any(|name| request.headers().contains_key(*name));
    request.method().is_idempotent() && !conditional
}

/// The request for the next connection, if it may go over one: what an idle connection did not take any more, because the
/// server had closed it meanwhile.
fn once_more(
    mut error: TrySendError<Request<Outgoing>>,
    spare: Option<Box<Spare>>,
    upload: Option<&Arc<Upload>>,
    used: bool,
    uri: &Uri,
) -> Result<Request<Outgoing>, TransportError> {
    if let Some(own) = upload.and_then(|upload| upload.failure()) {
        return Err(TransportError::new(Kind::RequestBody, own.message().to_owned()).with_source(own));
    }
    let unsent = error.take_message();
    let error = error.into_error();
    let again = match (unsent, spare, upload) {
        (Some(request), ..) if used => Some(request),
        // No more than the beginning of the body was sent, or all of a short one: whoever acted on that does so again.
        (None, Some(spare), Some(upload)) if broke_off(&error) => upload.take_back().map(|body| spare.with(body)),
        _ => None,
    };
    again.ok_or_else(|| failed(error.into(), false, uri).with_connection_reused(used))
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
    /// Read already, together with the head.
    ahead: Came,
    // Before the permit: a body that is dropped unread leaves its connection to be looked at.
    body: Incoming,
    permit: Permit,
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { ahead, body, permit } = &mut *self;
        if let Poll::Ready(frame) = std::mem::replace(ahead, Poll::Pending) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
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
        self.ahead.is_pending() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn authority(uri: &Uri) -> &str {
    uri.authority().map(http::uri::Authority::as_str).unwrap_or_default()
}

/// What has to be so before anything is sent, and where we are.
fn check(uri: &Uri, https: bool) -> Result<Id, TransportError> {
    let runtime = runtime()?;
    if !https && uri.scheme() != Some(&Scheme::HTTP) {
        return Err(TransportError::new(Kind::Unsupported, "the target is no http or https URL"));
    }
    if cfg!(not(feature = "_tls")) && https {
        let error = TransportError::new(Kind::Unsupported, "https is not compiled in");
        return Err(error.with_suggestion("enable the feature `rustls-ring`"));
    }
    Ok(runtime.id())
}

fn runtime() -> Result<Handle, TransportError> {
    Handle::try_current()
        .map_err(|_| TransportError::new(Kind::Unsupported, "requests can be sent inside a tokio runtime only"))
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
