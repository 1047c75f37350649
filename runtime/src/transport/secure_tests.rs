//! TLS with a certificate authority of our own, and proxies, on loopback: what works, and what a user reads when it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{HttpTransport, HyperTransport, NoProxy, Proxies, TransportErrorKind as Kind};
use crate::body::ByteStream;
use crate::error::{ConfigurationError, ErrorKind, NetworkError, S3Error};

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A certificate authority nobody knows.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = std::env::temp_dir().join(format!("integration-s3-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { issuer, folder }
    }

    fn file(&self, name: &str, text: String) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn bundle(&self) -> PathBuf {
        self.file("ca.pem", self.issuer.pem())
    }

    fn issue(&self, name: &str, expired: bool) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// What a TLS server with a certificate for that name needs.
    fn acceptor(&self, name: &str, expired: bool, ask_client: bool) -> TlsAcceptor {
        let (certificate, key) = self.issue(name, expired);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if ask_client {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server with a certificate for that name; it says hello to each request. Answers its port.
    async fn serve(&self, name: &str, expired: bool, ask_client: bool) -> u16 {
        let acceptor = self.acceptor(name, expired, ask_client);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        hello(stream).await;
                    }
                });
            }
        });
        port
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut data = Vec::new();
    while !data.ends_with(b"\r\n\r\n") {
        data.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(data).ok()
}

async fn hello(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    while head(&mut stream).await.is_some() {
        if stream.write_all(HELLO).await.is_err() {
            return;
        }
    }
}

async fn get(transport: &HyperTransport, url: &str) -> Result<String, S3Error> {
    let request = http::Request::builder().uri(url).body(ByteStream::empty()).unwrap();
    let answer = transport.send(request).await.map_err(S3Error::from)?;
    answer.into_body().collect_string().await
}

#[tokio::test]
async fn a_bundle_makes_an_own_authority_trusted() {
    let authority = Authority::new("bundle");
    let port = authority.serve("localhost", false, false).await;
    let transport = HyperTransport::builder().ca_bundle(authority.bundle()).build();
    assert_eq!(get(&transport, &format!("https://localhost:{port}/b/k")).await.unwrap(), "hello");
}

#[tokio::test]
async fn why_a_body_was_refused_comes_through_tls_too() {
    let authority = Authority::new("refusal");
    let acceptor = authority.acceptor("localhost", false, false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/b/k", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Or the answer waits for an acknowledgement of what was sent before, and is thrown away with the connection.
            socket.set_nodelay(true).unwrap();
            let mut stream = acceptor.accept(socket).await.unwrap();
            head(&mut stream).await.unwrap();
            let refusal = b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 9\r\n\r\nforbidden";
            stream.write_all(refusal).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    let transport = HyperTransport::builder().ca_bundle(authority.bundle()).build();
    for megabytes in [1, 4, 32] {
        let put = http::Request::put(&url).body(vec![0; megabytes << 20].into()).unwrap();
        let answer = transport.send(put).await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.into_body().collect().await.unwrap(), "forbidden");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_in_order_and_then_reset_while_it_idled_is_replaced() {
    let authority = Authority::new("order");
    let acceptor = authority.acceptor("localhost", false, false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (close, mut may_close) = tokio::sync::mpsc::channel::<()>(1);
    let (closed, mut is_closed) = tokio::sync::mpsc::channel::<()>(1);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(socket).await.unwrap();
            head(&mut stream).await.unwrap();
            stream.write_all(HELLO).await.unwrap();
            stream.flush().await.unwrap();
            may_close.recv().await.unwrap();
            stream.shutdown().await.unwrap();
            stream.get_ref().0.set_zero_linger().unwrap();
            drop(stream);
            closed.send(()).await.unwrap();
        }
    });
    let transport = HyperTransport::builder().ca_bundle(authority.bundle()).build();
    let url = format!("https://localhost:{port}/b/k");
    for _ in 0..3 {
        let got = tokio::time::timeout(Duration::from_secs(20), get(&transport, &url));
        assert_eq!(got.await.unwrap().unwrap(), "hello");
        close.send(()).await.unwrap();
        is_closed.recv().await.unwrap();
        // It is asked about once it has idled for a while.
        std::thread::sleep(Duration::from_millis(30));
    }
}

#[tokio::test]
async fn a_connection_that_idled_is_asked_about_and_used_again() {
    let authority = Authority::new("idle");
    let acceptor = authority.acceptor("localhost", false, false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        // A second connection would be refused.
        drop(listener);
        hello(acceptor.accept(socket).await.unwrap()).await;
    });
    let transport = HyperTransport::builder().ca_bundle(authority.bundle()).build();
    for _ in 0..3 {
        assert_eq!(get(&transport, &format!("https://localhost:{port}/b/k")).await.unwrap(), "hello");
        std::thread::sleep(Duration::from_millis(30));
    }
}

#[tokio::test]
async fn what_a_user_reads_when_a_certificate_is_not_accepted() {
    let authority = Authority::new("refused");
    let trusting = || HyperTransport::builder().ca_bundle(authority.bundle()).build();
    let good = authority.serve("localhost", false, false).await;
    let expired = authority.serve("localhost", true, false).await;
    let other = authority.serve("storage.example.com", false, false).await;
    // Not the plain one: a machine without any roots ends earlier.
    let stranger = Authority::new("stranger");
    for (transport, port, expected) in [
        (
            HyperTransport::builder().ca_bundle(stranger.bundle()).build(),
            good,
            format!(
                "the certificate of localhost:{good} is from an issuer that is not trusted here; if the store or a proxy \
                 has a certificate authority of its own, name its PEM file in AWS_CA_BUNDLE or ca_bundle(..)"
            ),
        ),
        (
            trusting(),
            expired,
            format!(
                "the certificate of localhost:{expired} has expired; renew it on the server; if it is still valid, check \
                 this machine's clock"
            ),
        ),
        (
            trusting(),
            other,
            format!(
                "the certificate of localhost:{other} is for another name; check the endpoint's host; path_style(true) \
                 helps if it is the bucket's name that does not fit"
            ),
        ),
    ] {
        let error = get(&transport, &format!("https://localhost:{port}/b/k?X-Amz-Signature=hush")).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.kind(), ErrorKind::Network(NetworkError::Tls));
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn switching_verification_off_accepts_them_all() {
    let authority = Authority::new("danger");
    let expired = authority.serve("storage.example.com", true, false).await;
    let transport = HyperTransport::builder().danger_accept_invalid_certificates(true).build();
    assert_eq!(get(&transport, &format!("https://localhost:{expired}/b/k")).await.unwrap(), "hello");
}

/// A server that knows TLS 1.1 only answers the first message with the alert `protocol_version` (70), in a record of its own
/// version.
#[tokio::test]
async fn a_server_with_old_tls_only_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 1024]).await;
            let _ = socket.write_all(&[21, 3, 2, 0, 2, 2, 70]).await;
        }
    });
    let authority = Authority::new("old");
    let transport = HyperTransport::builder().ca_bundle(authority.bundle()).build();
    let error = get(&transport, &format!("https://localhost:{port}/")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "localhost:{port} speaks no TLS version that is safe: TLS 1.2 or 1.3 is needed; enable TLS 1.2 or 1.3 on the server"
        )
    );
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_servers_that_ask() {
    let authority = Authority::new("identity");
    let port = authority.serve("localhost", false, true).await;
    let url = format!("https://localhost:{port}/b/k");
    let (certificate, key) = authority.issue("client.example.com", false);
    let chain = authority.file("client.pem", certificate.pem());
    let key = authority.file("client.key", key.serialize_pem());
    let plain = HyperTransport::builder().ca_bundle(authority.bundle());
    let known = plain.clone().client_certificate(&chain, &key).build();
    assert_eq!(get(&known, &url).await.unwrap(), "hello");

    let error = get(&plain.build(), &url).await.unwrap_err().to_string();
    assert_eq!(error, format!("localhost:{port} asks for a client certificate; give one with client_certificate(..)"));
}

#[tokio::test]
async fn files_that_do_not_fit_are_named() {
    let authority = Authority::new("files");
    let empty = authority.file("empty.pem", "no certificate".to_owned());
    let gone = authority.folder.join("gone.pem");
    let (certificate, _) = authority.issue("client.example.com", false);
    let chain = authority.file("client.pem", certificate.pem());
    let plain = HyperTransport::builder();
    for (transport, file) in [
        (plain.clone().ca_bundle(&gone).build(), "gone.pem cannot be read"),
        (plain.clone().ca_bundle(&empty).build(), "empty.pem holds no certificate"),
        (plain.clone().client_certificate(&gone, &gone).build(), "gone.pem cannot be read"),
        (plain.clone().client_certificate(&chain, &empty).build(), "empty.pem holds no private key"),
    ] {
        let port = authority.serve("localhost", false, false).await;
        let error = get(&transport, &format!("https://localhost:{port}/")).await.unwrap_err();
        assert!(error.to_string().contains(file), "{error}");
        assert_eq!(error.kind(), ErrorKind::Configuration(ConfigurationError::InvalidConfiguration));
    }
}

/// A proxy: tunnels for `CONNECT`, forwards nothing else but says what it was asked.
struct ProxyServer {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ProxyServer {
    async fn start(demands: Option<&'static str>) -> Self {
        Self::behind(None, demands).await
    }

    /// A proxy that is itself reached by TLS, if there is an acceptor.
    async fn behind(tls: Option<TlsAcceptor>, demands: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (tls, seen) = (tls.clone(), seen.clone());
                tokio::spawn(async move {
                    match tls {
                        None => Self::serve(socket, demands, seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(socket).await {
                                Self::serve(stream, demands, seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, heads }
    }

    async fn serve(
        mut socket: impl AsyncRead + AsyncWrite + Unpin,
        demands: Option<&'static str>,
        heads: Arc<Mutex<Vec<String>>>,
    ) {
        while let Some(asked) = head(&mut socket).await {
            heads.lock().unwrap().push(asked.clone());
            let lower = asked.to_lowercase();
            if demands.is_some_and(|wanted| !asked.contains(wanted)) {
                let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n";
                socket.write_all(refusal.as_bytes()).await.unwrap();
            } else if let Some(rest) = lower.strip_prefix("connect ") {
                let target = rest.split(' ').next().unwrap();
                if target.starts_with("forbidden") {
                    socket.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
                    return;
                }
                let mut upstream = TcpStream::connect(target).await.unwrap();
                socket.write_all(b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut socket, &mut upstream).await;
                return;
            } else {
                socket.write_all(HELLO).await.unwrap();
            }
        }
    }

    fn through(&self, user: &str) -> Proxies {
        let proxy = format!("http://{user}{}", self.address).parse().unwrap();
        Proxies { https: Some(proxy), loopback: true, ..Proxies::default() }.also_http()
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Proxies {
    fn also_http(self) -> Self {
        Self { http: self.https.clone(), ..self }
    }
}

/// `alice:secret`.
const ALICE: &str = "Basic YWxpY2U6c2VjcmV0";

#[tokio::test]
async fn https_goes_through_a_tunnel_with_and_without_credentials() {
    let authority = Authority::new("tunnel");
    let port = authority.serve("localhost", false, false).await;
    let url = format!("https://localhost:{port}/b/k?X-Amz-Signature=hush");
    for (demands, user) in [(None, ""), (Some(ALICE), "alice:secret@")] {
        let proxy = ProxyServer::start(demands).await;
        let transport = HyperTransport::builder().ca_bundle(authority.bundle()).proxies(proxy.through(user)).build();
        for _ in 0..2 {
            assert_eq!(get(&transport, &url).await.unwrap(), "hello");
        }
        let heads = proxy.heads();
        assert_eq!(heads.len(), 1, "one tunnel serves both: {heads:?}");
        assert!(
            heads[0].starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\nhost: localhost:{port}\r\n")),
            "{heads:?}"
        );
        assert_eq!(heads[0].contains(ALICE), demands.is_some());
        assert!(!heads[0].contains("hush") && !format!("{transport:?}").contains("secret"));
    }
}

#[tokio::test]
async fn a_proxy_can_be_reached_by_tls_itself() {
    let authority = Authority::new("nested");
    let port = authority.serve("localhost", false, false).await;
    let proxy = ProxyServer::behind(Some(authority.acceptor("localhost", false, false)), Some(ALICE)).await;
    let (_, at) = proxy.address.rsplit_once(':').unwrap();
    let proxies = || Proxies {
        https: Some(format!("https://alice:secret@localhost:{at}").parse().unwrap()),
        loopback: true,
        ..Proxies::default()
    };
    let trusting = HyperTransport::builder().ca_bundle(authority.bundle()).proxies(proxies().also_http()).build();
    assert_eq!(get(&trusting, &format!("https://localhost:{port}/b")).await.unwrap(), "hello");
    assert_eq!(get(&trusting, "http://store.invalid/b").await.unwrap(), "hello");
    assert!(proxy.heads()[0].starts_with(&format!("CONNECT localhost:{port} ")), "{:?}", proxy.heads());

    let stranger = Authority::new("nested-stranger");
    let distrusting = HyperTransport::builder().ca_bundle(stranger.bundle()).proxies(proxies()).build();
    let error = get(&distrusting, &format!("https://localhost:{port}/b")).await.unwrap_err().to_string();
    let expected =
        format!("no way to the proxy: the certificate of localhost:{at} is from an issuer that is not trusted here");
    assert!(error.starts_with(&expected), "{error}");
}

#[tokio::test]
async fn plain_http_goes_to_the_proxy_in_absolute_form() {
    let proxy = ProxyServer::start(Some(ALICE)).await;
    let transport = HyperTransport::builder().proxies(proxy.through("alice:secret@")).build();
    assert_eq!(get(&transport, "http://store.invalid:9000/b/a%2Fb?x=1").await.unwrap(), "hello");
    let heads = proxy.heads();
    assert!(heads[0].starts_with("GET http://store.invalid:9000/b/a%2Fb?x=1 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains(ALICE) && heads[0].contains("host: store.invalid:9000"), "{heads:?}");
}

#[tokio::test]
async fn what_a_user_reads_when_a_proxy_refuses() {
    let proxy = ProxyServer::start(Some(ALICE)).await;
    let at = &proxy.address;
    let asks = format!(
        "the proxy {at} asks for a user name and a password (407); put them into the proxy's URL, as \
         http://user:password@host:port in HTTPS_PROXY or proxy(..)"
    );
    let refuses = format!(
        "the proxy {at} does not accept the user name and password given (407); check user name and password in the proxy's \
         URL; characters such as @ and : must be percent-encoded"
    );
    for (user, url, expected) in [
        ("", "https://s3.example.com/b", &asks),
        ("", "http://s3.example.com/b", &asks),
        ("bob:hush@", "https://s3.example.com/b", &refuses),
        ("bob:hush@", "http://s3.example.com/b", &refuses),
    ] {
        let transport = HyperTransport::builder().proxies(proxy.through(user)).build();
        let error = get(&transport, url).await.unwrap_err();
        assert_eq!(&error.to_string(), expected);
        assert!(!error.is_retryable() && !format!("{error:?}").contains("hush"));
    }
    let transport = HyperTransport::builder().proxies(proxy.through("alice:secret@")).build();
    let error = get(&transport, "https://forbidden.example.com/b").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the proxy {at} refused a connection to forbidden.example.com:443 (403); ask for the endpoint to be allowed, or list \
             it in NO_PROXY if it can be reached directly"
        )
    );
}

#[tokio::test]
async fn an_unreachable_proxy_is_named_and_listed_hosts_do_without() {
    let authority = Authority::new("direct");
    let port = authority.serve("localhost", false, false).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxies =
        Proxies { https: Some(format!("http://{gone}").parse().unwrap()), loopback: true, ..Proxies::default() };
    let transport = HyperTransport::builder().ca_bundle(authority.bundle());
    let url = format!("https://localhost:{port}/b");
    let request = http::Request::builder().uri(&url).body(ByteStream::empty()).unwrap();
    let error = transport.clone().proxies(proxies.clone()).build().send(request).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    assert_eq!(error.message(), format!("no way to the proxy: connection refused by {gone}"));

    for direct in [NoProxy::parse("localhost"), NoProxy::parse("*")] {
        let transport = transport.clone().proxies(Proxies { direct, ..proxies.clone() }).build();
        assert_eq!(get(&transport, &url).await.unwrap(), "hello");
    }
    let spared = Proxies { loopback: false, ..proxies };
    assert_eq!(get(&transport.proxies(spared).build(), &url).await.unwrap(), "hello");
}
