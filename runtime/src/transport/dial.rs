//! Opening connections: TCP, TLS on first need, and one time limit over both.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

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
}

impl Dialer {
    pub(super) fn new(limit: Duration, nodelay: bool, keep_alive: Option<Duration>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(nodelay);
        tcp.set_keepalive(keep_alive);
        // A host with several addresses gets its time divided between them.
        tcp.set_connect_timeout(Some(limit));
        Self { tcp, limit }
    }
}

impl Service<http::Uri> for Dialer {
    type Response = Wire;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Wire, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        DIALS.set(DIALS.get() + 1);
        let (tcp, limit) = (self.tcp.clone(), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connect(tcp, uri)).await {
                Ok(result) => result.map(Wire),
                Err(_) => Err(TookTooLong(limit).into()),
            }
        })
    }
}

#[cfg(feature = "rustls-ring")]
type Io = hyper_rustls::MaybeHttpsStream<TokioIo<TcpStream>>;
#[cfg(not(feature = "rustls-ring"))]
type Io = TokioIo<TcpStream>;

#[cfg(feature = "rustls-ring")]
async fn connect(mut tcp: HttpConnector, uri: http::Uri) -> Result<Io, BoxError> {
    if uri.scheme() == Some(&http::uri::Scheme::HTTPS) {
        let config = tls::config().await?;
        hyper_rustls::HttpsConnector::from((tcp, config)).call(uri).await
    } else {
        Ok(hyper_rustls::MaybeHttpsStream::Http(tcp.call(uri).await?))
    }
}

#[cfg(not(feature = "rustls-ring"))]
async fn connect(mut tcp: HttpConnector, uri: http::Uri) -> Result<Io, BoxError> {
    Ok(tcp.call(uri).await?)
}

#[cfg(feature = "rustls-ring")]
mod tls {
    //! The TLS configuration, one per process. Reading the system's roots takes tens of milliseconds,
    //! most of a cold start, so it waits for the first https connection and happens on a blocking thread.

    use std::sync::Arc;

    use hyper_rustls::ConfigBuilderExt;
    use rustls::ClientConfig;
    use tokio::sync::OnceCell;

    use super::NoRoots;
    use crate::error::BoxError;

    static CONFIG: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

    pub(super) async fn config() -> Result<Arc<ClientConfig>, BoxError> {
        let load = || async { tokio::task::spawn_blocking(load).await? };
        CONFIG.get_or_try_init(load).await.cloned()
    }

    fn load() -> Result<Arc<ClientConfig>, BoxError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_native_roots()
            .map_err(NoRoots)?
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// The system has no usable root certificates.
#[derive(Debug)]
pub(super) struct NoRoots(#[cfg_attr(not(feature = "rustls-ring"), allow(dead_code))] io::Error);

impl fmt::Display for NoRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system's root certificates cannot be loaded: {}", self.0)
    }
}

impl StdError for NoRoots {}

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
pub(super) struct Wire(Io);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }
}
