//! Opening connections: TCP, a proxy's tunnel, TLS on first need, and one time limit over all.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::proxy::{Proxies, Proxy};
use super::tcp;
#[cfg(feature = "_tls")]
use super::tls::Tls;
use super::tunnel;
use super::wire::Wire;
use crate::error::BoxError;

/// Opens connections.
#[derive(Clone)]
pub(super) struct Dialer {
    tcp: tcp::Options,
    proxies: Option<Arc<Proxies>>,
    #[cfg(feature = "_tls")]
    tls: Tls,
}

impl Dialer {
    pub(super) fn new(settings: &super::HyperTransportBuilder) -> Self {
        Self {
            tcp: tcp::Options {
                nodelay: settings.tcp_nodelay,
                keep_alive: settings.tcp_keep_alive,
                limit: settings.connect_timeout,
            },
            proxies: settings.proxies.clone(),
            #[cfg(feature = "_tls")]
            tls: Tls::new(&settings.tls),
        }
    }

    /// A connection to the host of `target`, ready for requests.
    pub(super) async fn dial(&self, target: &Uri) -> Result<Wire, BoxError> {
        let limit = self.tcp.limit;
        tokio::time::timeout(limit, self.connect(target)).await.unwrap_or_else(|_| Err(TookTooLong(limit).into()))
    }

    async fn connect(&self, target: &Uri) -> Result<Wire, BoxError> {
        let proxy = self.proxies.as_deref().and_then(|proxies| proxies.of(target));
        let https = target.scheme() == Some(&Scheme::HTTPS);
        let Some(proxy) = proxy else {
            let port = target.port_u16().unwrap_or(if https { 443 } else { 80 });
            let stream = tcp::connect(target.host().unwrap_or_default(), port, self.tcp).await?;
            return if https { self.encrypt(target, stream).await } else { Ok(Wire::Plain(TokioIo::new(stream))) };
        };
        let stream = tcp::connect(proxy.host(), proxy.port(), self.tcp).await;
        let stream = stream.map_err(|source| ProxyUnreachable { proxy: proxy.authority().to_owned(), source })?;
        if proxy.is_tls() {
            return self.through_tls_proxy(proxy, target, https, stream).await;
        }
        if !https {
            return Ok(Wire::Plain(TokioIo::new(stream)));
        }
        let stream = tunnel::open(stream, proxy, target).await?;
        self.encrypt(target, stream).await
    }
}

#[cfg(feature = "_tls")]
impl Dialer {
    async fn encrypt(&self, target: &Uri, stream: TcpStream) -> Result<Wire, BoxError> {
        let stream = self.tls.connect(target.host().unwrap_or_default(), stream).await?;
        Ok(Wire::Tls(Box::new(TokioIo::new(stream))))
    }

    async fn through_tls_proxy(
        &self,
        proxy: &Proxy,
        target: &Uri,
        https: bool,
        stream: TcpStream,
    ) -> Result<Wire, BoxError> {
        let outer = self.tls.connect(proxy.host(), stream).await;
        let outer = outer.map_err(|source| ProxyUnreachable { proxy: proxy.authority().to_owned(), source })?;
        if !https {
            return Ok(Wire::Tls(Box::new(TokioIo::new(outer))));
        }
        let outer = tunnel::open(outer, proxy, target).await?;
        let inner = self.tls.connect(target.host().unwrap_or_default(), outer).await?;
        Ok(Wire::Nested(Box::new(TokioIo::new(inner))))
    }
}

#[cfg(not(feature = "_tls"))]
impl Dialer {
    async fn encrypt(&self, _: &Uri, _: TcpStream) -> Result<Wire, BoxError> {
        Err(NotSetUp::no_tls().into())
    }

    async fn through_tls_proxy(&self, _: &Proxy, _: &Uri, _: bool, _: TcpStream) -> Result<Wire, BoxError> {
        Err(NotSetUp::no_tls().into())
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
