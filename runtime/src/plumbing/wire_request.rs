//! A request in its final form: what is signed is what is sent. Only what differs between attempts is missing.

use std::fmt;

use bytes::Bytes;
use http::uri::Uri;
use http::{HeaderMap, HeaderValue};

use crate::body::ByteStream;
use crate::endpoint::{EndpointConfig, Place};
use crate::error::{RequestError, S3Error};

/// A finished request without its method, which the operation's facts name.
pub struct WireRequest {
    uri: Uri,
    /// Apart from the others, which are mostly none and then cost nothing to keep.
    host: HeaderValue,
    headers: HeaderMap,
    body: ByteStream,
    checksum: Option<String>,
    checksum_header: Option<&'static str>,
    mode_header: Option<&'static str>,
    bucket: Option<String>,
    bucket_in_host: bool,
    /// Where the path's key begins, with its slash; the path's length if there is no key.
    key_at: usize,
}

/// What a writer hands over.
pub(super) struct Written {
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: ByteStream,
    pub(super) checksum: Option<String>,
    pub(super) checksum_header: Option<&'static str>,
    pub(super) mode_header: Option<&'static str>,
    pub(super) bucket: Option<String>,
    pub(super) bucket_in_host: bool,
    pub(super) key_at: usize,
}

impl WireRequest {
    /// Boxed at once: it is large.
    pub(super) fn new(written: Written) -> Result<Box<Self>, S3Error> {
        let Written { url, headers, body, checksum, checksum_header, mode_header, bucket, bucket_in_host, key_at } =
            written;
        let (uri, host) = target(url)?;
        Ok(Box::new(Self {
            uri,
            host,
            headers,
            body,
            checksum,
            checksum_header,
            mode_header,
            bucket,
            bucket_in_host,
            key_at,
        }))
    }

    /// Scheme, authority, path and query. A clone shares the text.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.uri.scheme_str().unwrap_or_default()
    }

    /// Whether TLS covers the request.
    pub fn is_https(&self) -> bool {
        self.scheme() == "https"
    }

    /// Host, and port unless it is the scheme's own.
    pub fn authority(&self) -> &str {
        self.uri.authority().map(http::uri::Authority::as_str).unwrap_or_default()
    }

    /// The path, percent-encoded as it is signed.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The query without its question mark, in canonical order; empty if there is none.
    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// Whether the bucket stands in the host.
    pub fn bucket_in_host(&self) -> bool {
        self.bucket_in_host
    }

    /// The `host` header.
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The headers, `host` not among them.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The headers, to add to.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The body.
    pub fn body(&self) -> &ByteStream {
        &self.body
    }

    /// Takes the body out and leaves an empty one.
    pub fn take_body(&mut self) -> ByteStream {
        std::mem::take(&mut self.body)
    }

    /// The checksum algorithm the caller asked for, as on the wire.
    pub fn checksum_algorithm(&self) -> Option<&str> {
        self.checksum.as_deref()
    }

    /// The header that names the checksum algorithm, if the operation has one, whether it is set or not.
    pub fn checksum_header(&self) -> Option<&'static str> {
        self.checksum_header
    }

    /// The header that asks for the stored checksum, if the operation has one, whether it is set or not.
    pub fn mode_header(&self) -> Option<&'static str> {
        self.mode_header
    }

    /// The bucket.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// The key as it was before it was encoded.
    pub fn key_text(&self) -> Option<String> {
        let encoded = self.path().get(self.key_at + 1..).filter(|_| self.has_key())?;
        Some(percent_encoding::percent_decode_str(encoded).decode_utf8_lossy().into_owned())
    }

    /// The request without its body, which stays. Leaves nothing worth sending.
    pub fn take_head(&mut self) -> Self {
        let head = Self {
            uri: std::mem::take(&mut self.uri),
            host: self.host.clone(),
            headers: std::mem::take(&mut self.headers),
            body: ByteStream::empty(),
            checksum: self.checksum.take(),
            bucket: self.bucket.take(),
            ..*self
        };
        self.key_at = 0;
        head
    }

    /// The request once more, without its body.
    pub fn clone_head(&self) -> Self {
        Self {
            uri: self.uri.clone(),
            host: self.host.clone(),
            headers: self.headers.clone(),
            body: ByteStream::empty(),
            checksum: self.checksum.clone(),
            bucket: self.bucket.clone(),
            ..*self
        }
    }

    /// Leaves a query parameter out.
    ///
    /// # Errors
    /// None that a request which could be made would meet.
    pub fn remove_query(&mut self, name: &str) -> Result<(), S3Error> {
        let is_it = |pair: &str| pair.split_once('=').map_or(pair, |(name, _)| name) == name;
        if !self.query().split('&').any(is_it) {
            return Ok(());
        }
        let kept: Vec<&str> = self.query().split('&').filter(|pair| !is_it(pair)).collect();
        let mut url = format!("{}://{}{}", self.scheme(), self.authority(), self.path());
        if !kept.is_empty() {
            url.push('?');
            url.push_str(&kept.join("&"));
        }
        self.uri = target(url)?.0;
        Ok(())
    }

    /// Whether it is about a key.
    pub fn has_key(&self) -> bool {
        self.path().len() > self.key_at + 1
    }

    /// Whether its head was taken.
    pub fn is_spent(&self) -> bool {
        self.uri.authority().is_none()
    }

    /// Turns the request to another endpoint or region; key, query, headers and body stay.
    ///
    /// # Errors
    /// The URL becomes too long.
    pub fn reresolve(&mut self, endpoint: &EndpointConfig) -> Result<(), S3Error> {
        let place = endpoint.place(self.bucket.as_deref());
        let key = self.path().get(self.key_at..).unwrap_or_default();
        let query = self.uri.query();
        let mut url = String::with_capacity(self.authority().len() + key.len() + query.map_or(0, str::len) + 96);
        begin(&place, &mut url);
        let path_at = url.len();
        place.write_prefix(&mut url);
        let key_at = url.len() - path_at;
        // The lone slash of a bucket's or service's root belongs to the place it had, not to a key.
        if self.has_key() {
            url.push_str(key);
        } else if !place.bucket_in_path() {
            url.push('/');
        }
        if let Some(query) = query {
            url.push('?');
            url.push_str(query);
        }
        let (uri, host) = target(url)?;
        let bucket_in_host = place.bucket_in_host();
        self.uri = uri;
        self.host = host;
        self.bucket_in_host = bucket_in_host;
        self.key_at = key_at;
        Ok(())
    }
}

/// Writes `scheme://authority`.
pub(super) fn begin(place: &Place<'_>, url: &mut String) {
    url.push_str(place.scheme().as_str());
    url.push_str("://");
    place.write_authority(url);
}

fn target(url: String) -> Result<(Uri, HeaderValue), S3Error> {
    let url = Bytes::from(url);
    let uri = Uri::from_maybe_shared(url.clone()).map_err(|_| too_long(url.len()))?;
    let host = uri.authority().and_then(|authority| host_of(&url, authority.as_str()));
    let host = host.ok_or_else(|| S3Error::new(RequestError::Validation, "the URL has no host"))?;
    Ok((uri, host))
}

/// The header with the host: a slice of the URL where it stands there as it is, so that one text serves all.
fn host_of(url: &Bytes, authority: &str) -> Option<HeaderValue> {
    let at = memchr::memchr(b':', url)? + "://".len();
    let span = at..at + authority.len();
    match url.get(span.clone()) {
        Some(text) if text == authority.as_bytes() => HeaderValue::from_maybe_shared(url.slice(span)).ok(),
        _ => HeaderValue::from_str(authority).ok(),
    }
}

/// Everything was encoded or checked, so only the length can be wrong. The URL itself is never shown.
fn too_long(length: usize) -> S3Error {
    S3Error::new(RequestError::Validation, format!("the URL cannot be sent; it has {length} bytes"))
}

/// Refuses a URL that no HTTP client would send.
pub(super) fn check_length(url: &str) -> Result<(), S3Error> {
    if url.len() < usize::from(u16::MAX) { Ok(()) } else { Err(too_long(url.len())) }
}

impl fmt::Debug for WireRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Queries and header values can be secret; their names are not.
        f.debug_struct("WireRequest")
            .field("scheme", &self.scheme())
            .field("authority", &self.authority())
            .field("path", &self.path())
            .field("headers", &self.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>())
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
