//! Opening connections: TCP, a proxy's tunnel, TLS on first need, and one time limit over all.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;

use super::BoxFuture;
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
        if let Some(proxy) = proxy {
            return self.through(proxy, target, https).await;
        }
        let port = target.port_u16().unwrap_or(if https { 443 } else { 80 });
        let wire = Wire::plain(tcp::connect(target.host().unwrap_or_default(), port, self.tcp).await?);
        if https { self.encrypt(target.host(), wire).await } else { Ok(wire) }
    }

    /// Boxed, as the handshake is: what is rare does not make the future of every connection larger.
    fn through<'a>(&'a self, proxy: &'a Proxy, target: &'a Uri, https: bool) -> BoxFuture<'a, Result<Wire, BoxError>> {
        Box::pin(async move {
            let unreachable = |source| ProxyUnreachable { proxy: proxy.authority().to_owned(), source };
            let mut wire = Wire::plain(tcp::connect(proxy.host(), proxy.port(), self.tcp).await.map_err(unreachable)?);
            if proxy.is_tls() {
                wire = self.encrypt(Some(proxy.host()), wire).await.map_err(unreachable)?;
            }
            if !https {
                return Ok(wire);
            }
            tunnel::open(&mut wire, proxy, target).await?;
            self.encrypt(target.host(), wire).await
        })
    }

    #[cfg(feature = "_tls")]
    fn encrypt<'a>(&'a self, host: Option<&'a str>, wire: Wire) -> BoxFuture<'a, Result<Wire, BoxError>> {
        Box::pin(async move { Ok(Wire::Tls(Box::new(self.tls.connect(host.unwrap_or_default(), wire).await?))) })
    }

    #[cfg(not(feature = "_tls"))]
    async fn encrypt(&self, _: Option<&str>, _: Wire) -> Result<Wire, BoxError> {
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
