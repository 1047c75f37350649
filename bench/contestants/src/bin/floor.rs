//! The floor: what HTTP over hyper costs by itself. No retries, no errors, no parsing.
//!
//! Variants: empty, a bare connection with a `Vec` as pool; `signed`, with SigV4 by hand (key kept, body not covered);
//! `pooled-signed`, with the pool of hyper-util as well: the practical floor of a client built on it. TLS, where the endpoint asks
//! for it, is rustls with ring, and not for the pool.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bench_harness::futures_util::{StreamExt, TryStreamExt, stream};
use bench_harness::{ACCESS_KEY, Bytes, Contestant, Error, REGION, Result, SECRET_KEY, Target, Unsupported};
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

type Body = Full<Bytes>;
type Connection = SendRequest<Body>;

struct Floor {
    address: String,
    tls: Option<TlsConnector>,
    bucket: String,
    idle: Mutex<Vec<Connection>>,
    pool: Option<Client<HttpConnector, Body>>,
    signer: Option<Signer>,
}

impl Floor {
    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<(Response<Incoming>, Option<Connection>)> {
        let request = Request::builder().method(method).header("host", &self.address);
        let request = match self.pool {
            Some(_) => request.uri(format!("http://{}{path}", self.address)),
            None => request.uri(path),
        };
        let mut request = request.body(Full::new(body))?;
        if let Some(signer) = &self.signer {
            signer.sign(&mut request, &self.address)?;
        }
        let (response, connection) = match &self.pool {
            Some(pool) => (pool.request(request).await?, None),
            None => {
                let mut connection = self.connection().await?;
                connection.ready().await?;
                (connection.send_request(request).await?, Some(connection))
            }
        };
        if response.status().is_success() {
            Ok((response, connection))
        } else {
            Err(format!("status {}", response.status()).into())
        }
    }

    async fn connection(&self) -> Result<Connection> {
        if let Some(connection) = self.idle.lock().map_err(|_| "poisoned")?.pop() {
            return Ok(connection);
        }
        let stream = tokio::net::TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return converse(stream).await };
        let host = self.address.split(':').next().unwrap_or_default().to_owned();
        converse(tls.connect(host.try_into()?, stream).await?).await
    }

    /// Sends, and reads the answer to its end; gives its length.
    async fn drain(&self, method: Method, path: &str, body: Bytes) -> Result<u64> {
        let (response, connection) = self.send(method, path, body).await?;
        let mut body = response.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        self.idle.lock().map_err(|_| "poisoned")?.extend(connection);
        Ok(length)
    }

    fn path(&self, key: &str) -> String {
        format!("/{}/{key}", self.bucket)
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // How it ends shows at the next request.
        let _ = connection.await;
    });
    Ok(sender)
}

/// TLS that trusts what the system does.
fn tls() -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}

impl Contestant for Floor {
    const NAME: &'static str = "floor";

    async fn new(target: &Target) -> Result<Self> {
        let pool = || {
            let mut connector = HttpConnector::new();
            connector.set_nodelay(true);
            Client::builder(TokioExecutor::new()).build(connector)
        };
        let pooled = target.variant.starts_with("pooled");
        let secure = target.endpoint.strip_prefix("https://");
        if pooled && secure.is_some() {
            return Err(Unsupported.into());
        }
        Ok(Self {
            address: secure.unwrap_or(target.endpoint.trim_start_matches("http://")).to_owned(),
            tls: secure.map(|_| tls()).transpose()?,
            bucket: target.bucket.clone(),
            idle: Mutex::default(),
            pool: pooled.then(pool),
            signer: if target.variant.ends_with("signed") { Some(Signer::new()?) } else { None },
        })
    }

    async fn get(&self, key: &str) -> Result<u64> {
        self.drain(Method::GET, &self.path(key), Bytes::new()).await
    }

    async fn stream(&self, key: &str) -> Result<u64> {
        self.get(key).await
    }

    async fn range(&self, key: &str, _offset: u64, len: u64) -> Result<u64> {
        // The same bytes on the wire, without a Range header.
        let name = key.split_once('/').map_or("object", |(_, name)| name);
        self.get(&format!("{len}/{name}")).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.drain(Method::PUT, &self.path(key), body).await?;
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<u64> {
        let (response, connection) = self.send(Method::HEAD, &self.path(key), Bytes::new()).await?;
        let length = response.headers().get("content-length").ok_or("no length")?.to_str()?.parse()?;
        drop(response.into_body().frame().await);
        self.idle.lock().map_err(|_| "poisoned")?.extend(connection);
        Ok(length)
    }

    async fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> Result<()> {
        let path = self.path(key);
        self.drain(Method::POST, &format!("{path}?uploads"), Bytes::new()).await?;
        stream::iter(1..=count)
            .map(|number| {
                let (path, part) = (format!("{path}?partNumber={number}&uploadId=x"), part.clone());
                async move { self.drain(Method::PUT, &path, part).await }
            })
            .buffer_unordered(in_flight)
            .try_for_each(|_| async { Ok::<_, Error>(()) })
            .await?;
        self.drain(Method::POST, &format!("{path}?uploadId=x"), Bytes::new()).await?;
        Ok(())
    }

    /// Reads the pages and does not look at them: the share of the transport in a listing.
    async fn list(&self) -> Result<(u64, u64)> {
        let pages: u64 = self.bucket.trim_start_matches("list-").parse()?;
        let mut bytes = 0;
        for page in 0..pages {
            let path = format!("/{}?continuation-token={page}&list-type=2", self.bucket);
            bytes += self.drain(Method::GET, &path, Bytes::new()).await?;
        }
        Ok((pages * 1000, bytes))
    }

    async fn presign(&self, _key: &str) -> Result<usize> {
        Err(Unsupported.into())
    }
}

/// SigV4 with three signed headers, by hand.
struct Signer {
    day: String,
    keyed: Hmac<Sha256>,
}

impl Signer {
    fn new() -> Result<Self> {
        let day = now()?[..8].to_owned();
        let mut key = format!("AWS4{SECRET_KEY}").into_bytes();
        for step in [day.as_str(), REGION, "s3", "aws4_request"] {
            key = keyed(&key)?.chain_update(step).finalize().into_bytes().to_vec();
        }
        Ok(Self { day, keyed: keyed(&key)? })
    }

    fn sign(&self, request: &mut Request<Body>, host: &str) -> Result<()> {
        const NAMES: &str = "host;x-amz-content-sha256;x-amz-date";
        let date = now()?;
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let equals = if query.is_empty() || query.contains('=') { "" } else { "=" };
        let mut text = String::with_capacity(512);
        write!(
            text,
            "{}\n{path}\n{query}{equals}\nhost:{host}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{date}\n\n{NAMES}\nUNSIGNED-PAYLOAD",
            request.method()
        )?;
        let hash = Sha256::digest(text.as_bytes());
        text.clear();
        write!(text, "AWS4-HMAC-SHA256\n{date}\n{}/{REGION}/s3/aws4_request\n", self.day)?;
        push_hex(&hash, &mut text);
        let signature = self.keyed.clone().chain_update(text.as_bytes()).finalize().into_bytes();
        text.clear();
        let scope = format_args!("{ACCESS_KEY}/{}/{REGION}/s3/aws4_request", self.day);
        write!(text, "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={NAMES}, Signature=")?;
        push_hex(&signature, &mut text);
        let headers = request.headers_mut();
        headers.insert("x-amz-content-sha256", HeaderValue::from_static("UNSIGNED-PAYLOAD"));
        headers.insert("x-amz-date", HeaderValue::from_str(&date)?);
        headers.insert("authorization", HeaderValue::from_maybe_shared(Bytes::from(text))?);
        Ok(())
    }
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>> {
    Ok(Hmac::new_from_slice(key).map_err(|error| error.to_string())?)
}

fn push_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// `20261121T101112Z`.
fn now() -> Result<String> {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let leap = |year: u64| u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)));
    while days >= 365 + leap(year) {
        days -= 365 + leap(year);
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    Ok(format!("{year}{month:02}{:02}T{hour:02}{minute:02}{:02}Z", days + 1, second % 60))
}

fn main() -> ExitCode {
    bench_harness::run::<Floor>()
}
