//! The default transport: hyper with hyper-util's connection pool, TLS by rustls. HTTP/1.1.

use std::fmt;
use std::future::poll_fn;
#[cfg(feature = "_tls")]
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::uri::Scheme;
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::classify::classify;
use super::dial::{Dialer, dials};
use super::proxy::{Proxies, Proxy};
#[cfg(feature = "_tls")]
use super::tls::TlsOptions;
use super::tunnel::Refused;
use super::upload::{Outgoing, Upload};
use super::{BoxFuture, HttpTransport, TransportError, TransportErrorKind as Kind};
use crate::body::{ByteStream, IdleTimer, ReplySource};
use crate::resilience::StallPolicy;

/// Sends requests over pooled HTTP/1.1 connections.
///
/// Clones share one pool. It needs a tokio runtime with its clock and I/O enabled. Making one opens and
/// loads nothing: the system's root certificates are read when the first https connection is opened, once
/// per process.
///
/// ```
/// use std::time::Duration;
/// use integration_s3_runtime::transport::HyperTransport;
///
/// let transport = HyperTransport::builder().pool_max(16).connect_timeout(Duration::from_secs(2)).build();
/// assert_eq!(transport.connections_in_use(), 0);
/// ```
#[derive(Clone)]
pub struct HyperTransport {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client<Dialer, Outgoing>,
    permits: Arc<Semaphore>,
    settings: HyperTransportBuilder,
}

/// Options of a [`HyperTransport`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct HyperTransportBuilder {
    pool_max: usize,
    pool_idle: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) read_idle_timeout: Option<Duration>,
    stalls: Option<StallPolicy>,
    pub(super) tcp_nodelay: bool,
    pub(super) tcp_keep_alive: Option<Duration>,
    pub(super) proxies: Option<Arc<Proxies>>,
    #[cfg(feature = "_tls")]
    pub(super) tls: TlsOptions,
}

impl Default for HyperTransportBuilder {
    fn default() -> Self {
        Self {
            pool_max: 100,
            pool_idle: Duration::from_secs(90),
            connect_timeout: Duration::from_secs(5),
            read_idle_timeout: Some(Duration::from_secs(30)),
            stalls: Some(StallPolicy::default()),
            tcp_nodelay: true,
            tcp_keep_alive: Some(Duration::from_secs(60)),
            proxies: None,
            #[cfg(feature = "_tls")]
            tls: TlsOptions::default(),
        }
    }
}

impl HyperTransportBuilder {
    /// How many connections may be in use at the same time, all hosts together. Default: 100; at least 1.
    ///
    /// A request beyond waits as long as the [connect timeout](Self::connect_timeout) for one to become free,
    /// then fails as [`PoolExhausted`](Kind::PoolExhausted). A connection is in use until the body of its
    /// answer has been read to the end or dropped.
    pub fn pool_max(mut self, connections: usize) -> Self {
        self.pool_max = connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long a connection nobody uses is kept open. Default: 90 s.
    pub fn pool_idle(mut self, time: Duration) -> Self {
        self.pool_idle = time;
        self
    }

    /// How long opening a connection may take: name resolution, TCP and TLS together. Default: 5 s.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// How long the server may be silent while its answer is waited for or read. Default: 30 s. `None`: for ever.
    ///
    /// Between chunks of a body, only time spent waiting counts, not the time the caller takes over
    /// a chunk. While a request is sent, each piece the connection takes starts the time anew, and a body that
    /// has nothing to send stops it.
    pub fn read_idle_timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.read_idle_timeout = time.into();
        self
    }

    /// When the body of an answer that trickles is given up. Default: under 1 byte per second over 5 s of waiting. `None`:
    /// only silence ends it. What is sent is not held to a rate: how much the machine has buffered cannot be seen, so
    /// that only silence of the [read idle timeout](Self::read_idle_timeout) tells a slow uplink from a dead one.
    pub fn stalled_streams(mut self, policy: impl Into<Option<StallPolicy>>) -> Self {
        self.stalls = policy.into();
        self
    }

    /// Whether small writes leave at once (`TCP_NODELAY`). Default: yes.
    pub fn tcp_nodelay(mut self, on: bool) -> Self {
        self.tcp_nodelay = on;
        self
    }

    /// After how much silence the system probes a connection. Default: 60 s. `None`: never.
    pub fn tcp_keep_alive(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.tcp_keep_alive = after.into();
        self
    }

    /// Goes through proxies: https by `CONNECT`, plain http in absolute form. Default: directly.
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = (proxies.https.is_some() || proxies.http.is_some()).then(|| Arc::new(proxies));
        self
    }

    /// Trusts the certificates of this PEM file beside the system's. Read when the first https connection is opened.
    #[cfg(feature = "_tls")]
    pub fn ca_bundle(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.ca_bundle = Some(path.into());
        self
    }

    /// Shows this certificate to servers that ask for one: PEM files of the chain, own certificate first, and of its key,
    /// unencrypted. Read when the first https connection is opened.
    #[cfg(feature = "_tls")]
    pub fn client_certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.identity = Some((chain.into(), key.into()));
        self
    }

    /// Accepts any certificate, of anybody, for any name. Whoever sits between client and server can then read and change
    /// everything, keys included: for experiments only. A warning is logged when the first https connection is opened.
    #[cfg(feature = "_tls")]
    pub fn danger_accept_invalid_certificates(mut self, on: bool) -> Self {
        self.tls.accept_invalid = on;
        self
    }

    /// The transport.
    pub fn build(self) -> HyperTransport {
        let dialer = Dialer::new(&self);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.pool_idle)
            .pool_max_idle_per_host(self.pool_max)
            .build(dialer);
        let permits = Arc::new(Semaphore::new(self.pool_max));
        HyperTransport { inner: Arc::new(Inner { client, permits, settings: self }) }
    }
}

impl HyperTransport {
    /// A transport with the defaults.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Options first.
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder::default()
    }

    /// Connections in use now: requests on their way and answers not read to the end. Idle ones do not count.
    pub fn connections_in_use(&self) -> usize {
        self.inner.settings.pool_max.saturating_sub(self.inner.permits.available_permits())
    }
}

impl Default for HyperTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("in_use", &self.connections_in_use())
            .field("settings", &self.inner.settings)
            .finish()
    }
}

impl HttpTransport for HyperTransport {
    fn send(
        &self,
        request: http::Request<ByteStream>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(self.inner.exchange(request))
    }

    fn wants_operation_name(&self) -> bool {
        false
    }

    fn pool(&self) -> Option<(usize, usize)> {
        Some((self.inner.settings.pool_max, self.connections_in_use()))
    }
}

impl Inner {
    async fn exchange(&self, request: http::Request<ByteStream>) -> Result<http::Response<ByteStream>, TransportError> {
        if Handle::try_current().is_err() {
            return Err(TransportError::new(Kind::Unsupported, "requests can be sent inside a tokio runtime only"));
        }
        if cfg!(not(feature = "_tls")) && request.uri().scheme() == Some(&Scheme::HTTPS) {
            let message = "https is not compiled in";
            return Err(
                TransportError::new(Kind::Unsupported, message).with_suggestion("enable the feature `rustls-ring`")
            );
        }
        let permit = self.permit().await?;
        let (mut parts, body) = request.into_parts();
        let proxy = self.settings.proxies.as_deref().and_then(|proxies| proxies.of(&parts.uri));
        // Through a tunnel the target's own answers come, and the proxy has been told when it was opened.
        let proxy = proxy.filter(|_| parts.uri.scheme() == Some(&Scheme::HTTP));
        if let Some(value) = proxy.and_then(Proxy::authorization) {
            parts.headers.insert(http::header::PROXY_AUTHORIZATION, value.clone());
        }
        let (body, upload) = Outgoing::new(body);
        // Cheap: it shares the text of the request's own.
        let uri = parts.uri.clone();
        let answer = self.head(http::Request::from_parts(parts, body), upload.as_deref(), &uri).await?;
        if let (Some(proxy), http::StatusCode::PROXY_AUTHENTICATION_REQUIRED) = (proxy, answer.status()) {
            return Err(classify(Refused::unauthorized(proxy, host(&uri)).into(), true, &host(&uri)));
        }
        Ok(answer.map(|body| self.body(body, permit)))
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, TransportError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let wait = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(self.settings.connect_timeout, wait).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => {
                let max = self.settings.pool_max;
                Err(TransportError::pool_exhausted(max - self.permits.available_permits().min(max), max))
            }
        }
    }

    /// Sends, and waits for the head of the answer.
    async fn head(
        &self,
        request: http::Request<Outgoing>,
        upload: Option<&Upload>,
        uri: &http::Uri,
    ) -> Result<http::Response<Incoming>, TransportError> {
        let mut sending = pin!(self.client.request(request));
        let mut idle = pin!(IdleTimer::new(self.settings.read_idle_timeout));
        let mut dialed = false;
        let mut pieces = 0;
        let answer = poll_fn(|cx| {
            let before = dials();
            let polled = sending.as_mut().poll(cx);
            if !dialed && dials() != before {
                dialed = true;
                // Opening has a limit of its own.
                idle.as_mut().extend(self.settings.connect_timeout);
            }
            if let Poll::Ready(answer) = polled {
                return Poll::Ready(Some(answer));
            }
            while idle.as_mut().poll_expired(cx).is_ready() {
                match upload {
                    Some(upload) if upload.starved() || upload.pieces() != pieces => {
                        pieces = upload.pieces();
                        idle.as_mut().restart();
                    }
                    _ => return Poll::Ready(None),
                }
            }
            Poll::Pending
        });
        match answer.await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => {
                if let Some(own) = upload.and_then(Upload::failure) {
                    return Err(TransportError::new(Kind::RequestBody, own.message().to_owned()).with_source(own));
                }
                let connecting = error.is_connect();
                Err(classify(error.into(), connecting, &host(uri)).with_connection_reused(!dialed))
            }
            None => {
                let limit = self.settings.read_idle_timeout.unwrap_or_default();
                let message = format!("{} neither took nor sent anything for {limit:?}", host(uri));
                Err(TransportError::new(Kind::IdleTimeout, message).with_connection_reused(!dialed))
            }
        }
    }

    fn body(&self, body: Incoming, permit: OwnedSemaphorePermit) -> ByteStream {
        // No body, or none that follows (HEAD): the connection is free already.
        if body.is_end_stream() {
            return ByteStream::empty();
        }
        let declared = body.size_hint().exact();
        let idle = IdleTimer::watching(self.settings.read_idle_timeout, self.settings.stalls);
        ReplySource::stream(body, declared, idle, permit)
    }
}

/// `name:port` of a request's target, for messages. Never its path or query.
fn host(uri: &http::Uri) -> String {
    let name = uri.host().unwrap_or("an unnamed host");
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    format!("{name}:{}", uri.port_u16().unwrap_or(default))
}
