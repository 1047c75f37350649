//! The default transport: HTTP/1.1 by hyper over a pool of our own, TLS by rustls.

use std::fmt;
#[cfg(feature = "_tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::dial::Dialer;
use super::exchange::Exchanges;
use super::pool::Pool;
use super::proxy::Proxies;
#[cfg(feature = "_tls")]
use super::tls::TlsOptions;
use super::{BoxFuture, HttpTransport, Reservation, TransportError};
use crate::body::ByteStream;
use crate::resilience::StallPolicy;

/// Sends requests over pooled HTTP/1.1 connections.
///
/// Clones share one pool. It needs a tokio runtime with its clock and I/O enabled. Making one opens and
/// loads nothing: the system's root certificates are read when the first https connection is opened, once
/// per process.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use std::time::Duration;
/// use integration_s3::transport::HyperTransport;
///
/// let transport = HyperTransport::builder().pool_max(16).connect_timeout(Duration::from_secs(2)).build();
/// assert_eq!(transport.connections_in_use(), 0);
/// ```
#[derive(Clone)]
pub struct HyperTransport {
    inner: Arc<Exchanges>,
}

/// Options of a [`HyperTransport`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct HyperTransportBuilder {
    pool_max: usize,
    pool_idle: Duration,
    pool_lifetime: Option<Duration>,
    pub(super) pool_wait: Option<Duration>,
    pub(super) connect_timeout: Duration,
    pub(super) read_idle_timeout: Option<Duration>,
    pub(super) stalls: Option<StallPolicy>,
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
            pool_lifetime: None,
            pool_wait: Some(Duration::from_secs(60)),
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
    /// Requests beyond wait for their turn, as [`pool_wait`](Self::pool_wait) says. A connection is in use until the body of
    /// its answer has been read to the end or dropped: who holds bodies unread while requests wait for their connections
    /// waits for himself.
    pub fn pool_max(mut self, connections: usize) -> Self {
        self.pool_max = connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long no connection may become free before the requests that wait for one fail as
    /// [`PoolExhausted`](super::TransportErrorKind::PoolExhausted). Default: 60 s. `None`: they wait for ever.
    ///
    /// It is no limit for a request: they get their turns in the order in which they came, and however many there are, each
    /// waits for as long as those before it get theirs.
    pub fn pool_wait(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.pool_wait = time.into();
        self
    }

    /// How long a connection nobody uses is kept open. Default: 90 s.
    pub fn pool_idle(mut self, time: Duration) -> Self {
        self.pool_idle = time;
        self
    }

    /// How old a connection may become before it is replaced, between two requests. Default: `None`, any age. Worth setting
    /// where a name is spread over servers that come and go.
    pub fn pool_lifetime(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.pool_lifetime = time.into();
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
    /// that only silence of the [read idle timeout](Self::read_idle_timeout) tells a slow uplink from a dead one. The client
    /// does not hold answers of completions and copies to it: they are blanks until a verdict stands.
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
        let pool = Arc::new(Pool::new(self.pool_max, self.pool_idle, self.pool_lifetime));
        HyperTransport { inner: Arc::new(Exchanges { dialer, pool, settings: self }) }
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
        self.inner.pool.in_use()
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
        match self.reserve() {
            Ok(place) => self.send_reserved(place, request),
            Err(free) => Box::pin(async move { self.send_reserved(free.await?, request).await }),
        }
    }

    fn reserve(&self) -> Result<Reservation, BoxFuture<'_, Result<Reservation, TransportError>>> {
        match self.inner.pool.try_permit() {
            Some(permit) => Ok(Reservation(Some(permit))),
            None => Err(Box::pin(async { Ok(Reservation(Some(self.inner.permit().await?))) })),
        }
    }

    fn send_reserved(
        &self,
        place: Reservation,
        request: http::Request<ByteStream>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        match place.0 {
            Some(permit) if permit.is_of(&self.inner.pool) => Box::pin(self.inner.exchange(permit, request)),
            // Of another transport, or of none.
            _ => self.send(request),
        }
    }

    fn wants_operation_name(&self) -> bool {
        false
    }

    fn pool(&self) -> Option<(usize, usize)> {
        Some((self.inner.settings.pool_max, self.connections_in_use()))
    }
}
