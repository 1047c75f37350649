//! Opening connections: TCP, a proxy's tunnel, TLS on first need, and one time limit over all.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::proxy::{Proxies, Proxy};
#[cfg(feature = "_tls")]
use super::tls::Tls;
use super::tunnel;
use crate::body::IdleTimer;
use crate::error::BoxError;
use crate::transport::BoxFuture;

thread_local! {
    /// Connections begun on this thread. hyper-util dials from inside the poll of the request that needs the
    /// connection, so a count that differs after a poll means: this request did not get a used one.
    static DIALS: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn dials() -> u64 {
    DIALS.get()
}

/// Makes connections for hyper-util's pool.
#[derive(Clone)]
pub(super) struct Dialer {
    tcp: HttpConnector,
    limit: Duration,
    stuck_after: Option<Duration>,
    proxies: Option<Arc<Proxies>>,
    #[cfg(feature = "_tls")]
    tls: Tls,
}

impl Dialer {
    pub(super) fn new(settings: &super::HyperTransportBuilder) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(settings.tcp_nodelay);
        tcp.set_keepalive(settings.tcp_keep_alive);
        // A host with several addresses gets its time divided between them.
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        Self {
            tcp,
            limit: settings.connect_timeout,
            // Twice: a request that still waits notices first, and has more to say.
            stuck_after: settings.read_idle_timeout.map(|limit| limit.saturating_mul(2)),
            proxies: settings.proxies.clone(),
            #[cfg(feature = "_tls")]
            tls: Tls::new(&settings.tls),
        }
    }

    async fn connect(mut self, target: Uri) -> Result<Wire, BoxError> {
        let proxies = self.proxies.take();
        let proxy = proxies.as_deref().and_then(|proxies| proxies.of(&target));
        let https = target.scheme() == Some(&Scheme::HTTPS);
        let Some(proxy) = proxy else {
            let stream = self.tcp.call(target.clone()).await?.into_inner();
            let io = if https { self.encrypt(&target, stream).await? } else { Io::Plain(TokioIo::new(stream)) };
            return Ok(Wire::new(io, false, self.stuck_after));
        };
        let reach = |error: BoxError| ProxyUnreachable { proxy: proxy.authority().to_owned(), source: error };
        let stream = self.tcp.call(at(proxy)?).await.map_err(|e| reach(e.into()))?.into_inner();
        let io = if proxy.is_tls() {
            self.through_tls_proxy(proxy, &target, https, stream).await?
        } else if https {
            let stream = tunnel::open(stream, proxy, &target).await?;
            self.encrypt(&target, stream).await?
        } else {
            Io::Plain(TokioIo::new(stream))
        };
        Ok(Wire::new(io, !https, self.stuck_after))
    }
}

#[cfg(feature = "_tls")]
impl Dialer {
    async fn encrypt(&self, target: &Uri, stream: TcpStream) -> Result<Io, BoxError> {
        let stream = self.tls.connect(target.host().unwrap_or_default(), stream).await?;
        Ok(Io::Tls(Box::new(TokioIo::new(stream))))
    }

    async fn through_tls_proxy(
        &self,
        proxy: &Proxy,
        target: &Uri,
        https: bool,
        stream: TcpStream,
    ) -> Result<Io, BoxError> {
        let outer = self.tls.connect(proxy.host(), stream).await;
        let outer = outer.map_err(|source| ProxyUnreachable { proxy: proxy.authority().to_owned(), source })?;
        if !https {
            return Ok(Io::Tls(Box::new(TokioIo::new(outer))));
        }
        let outer = tunnel::open(outer, proxy, target).await?;
        let inner = self.tls.connect(target.host().unwrap_or_default(), outer).await?;
        Ok(Io::Nested(Box::new(TokioIo::new(inner))))
    }
}

#[cfg(not(feature = "_tls"))]
impl Dialer {
    async fn encrypt(&self, _: &Uri, _: TcpStream) -> Result<Io, BoxError> {
        Err(NotSetUp::no_tls().into())
    }

    async fn through_tls_proxy(&self, _: &Proxy, _: &Uri, _: bool, _: TcpStream) -> Result<Io, BoxError> {
        Err(NotSetUp::no_tls().into())
    }
}

fn at(proxy: &Proxy) -> Result<Uri, BoxError> {
    Ok(Uri::builder().scheme(Scheme::HTTP).authority(proxy.authority()).path_and_query("/").build()?)
}

impl Service<Uri> for Dialer {
    type Response = Wire;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Wire, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        DIALS.set(DIALS.get() + 1);
        let (dialer, limit) = (self.clone(), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, dialer.connect(uri)).await {
                Ok(result) => result,
                Err(_) => Err(TookTooLong(limit).into()),
            }
        })
    }
}

/// No connection to the proxy; the source says why.
#[derive(Debug)]
pub(super) struct ProxyUnreachable {
    pub(super) proxy: String,
    pub(super) source: BoxError,
}

impl fmt::Display for ProxyUnreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection to the proxy {}", self.proxy)
    }
}

impl StdError for ProxyUnreachable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// TLS is not set up so that it could work: no roots, a file that cannot be read.
#[derive(Debug)]
pub(super) struct NotSetUp {
    what: String,
    pub(super) advice: Option<&'static str>,
}

impl NotSetUp {
    #[cfg(feature = "_tls")]
    pub(super) fn new(what: String, advice: Option<&'static str>) -> Self {
        Self { what, advice }
    }

    #[cfg(feature = "_tls")]
    pub(super) fn advise(self, advice: &'static str) -> Self {
        Self { advice: Some(advice), ..self }
    }

    #[cfg(not(feature = "_tls"))]
    fn no_tls() -> Self {
        Self { what: "https is not compiled in".to_owned(), advice: Some("enable the feature `rustls-ring`") }
    }
}

impl fmt::Display for NotSetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl StdError for NotSetUp {}

/// Opening took longer than it may.
#[derive(Debug)]
pub(super) struct TookTooLong(pub(super) Duration);

impl fmt::Display for TookTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {:?}", self.0)
    }
}

impl StdError for TookTooLong {}

/// A connection. It hides what it knows of itself from hyper-util, which would copy that into the
/// extensions of each answer: three allocations a request.
pub(super) struct Wire {
    io: Io,
    /// Plain http through a proxy: hyper-util then writes the target in absolute form.
    proxied: bool,
    stuck_after: Option<Duration>,
    /// Made when the peer first takes nothing.
    stuck: Option<Pin<Box<IdleTimer>>>,
}

impl Wire {
    fn new(io: Io, proxied: bool, stuck_after: Option<Duration>) -> Self {
        Self { io, proxied, stuck_after, stuck: None }
    }

    /// Ends a connection whose peer takes nothing. hyper does not look after the request while it cannot write: a call
    /// that was dropped or timed out would leave the socket, and the rest of its body, behind for as long as the peer likes.
    fn progress<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            if let Some(stuck) = &mut self.stuck {
                stuck.as_mut().arrived(0);
            }
            return polled;
        }
        let limit = self.stuck_after;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(IdleTimer::new(limit)));
        stuck.as_mut().poll_expired(cx).map(|()| {
            // Closed in order, the end would queue behind the bytes nobody takes.
            let _ = self.tcp().set_zero_linger();
            Err(io::ErrorKind::TimedOut.into())
        })
    }

    fn tcp(&self) -> &TcpStream {
        match &self.io {
            Io::Plain(io) => io.inner(),
            #[cfg(feature = "_tls")]
            Io::Tls(io) => io.inner().get_ref().0,
            #[cfg(feature = "_tls")]
            Io::Nested(io) => io.inner().get_ref().0.get_ref().0,
        }
    }
}

enum Io {
    Plain(TokioIo<TcpStream>),
    #[cfg(feature = "_tls")]
    Tls(Box<TokioIo<tokio_rustls::client::TlsStream<TcpStream>>>),
    /// To the target inside of what goes to the proxy.
    #[cfg(feature = "_tls")]
    Nested(Box<TokioIo<tokio_rustls::client::TlsStream<tokio_rustls::client::TlsStream<TcpStream>>>>),
}

/// Calls the method of whichever it is.
macro_rules! each {
    ($io:expr, $wire:ident => $call:expr) => {
        match $io {
            Io::Plain($wire) => $call,
            #[cfg(feature = "_tls")]
            Io::Tls($wire) => $call,
            #[cfg(feature = "_tls")]
            Io::Nested($wire) => $call,
        }
    };
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.proxied)
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.io, wire => Pin::new(wire).poll_read(cx, buf))
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = each!(&mut self.io, wire => Pin::new(wire).poll_write(cx, buf));
        self.progress(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = each!(&mut self.io, wire => Pin::new(wire).poll_flush(cx));
        self.progress(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.io, wire => Pin::new(wire).poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        each!(&self.io, wire => wire.is_write_vectored())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = each!(&mut self.io, wire => Pin::new(wire).poll_write_vectored(cx, bufs));
        self.progress(cx, polled)
    }
}
