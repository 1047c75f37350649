//! Writes a request line by line into its final form. Infallible verbs: the first mistake is remembered and comes out
//! of [`RequestWriter::finish`], so that generated code stays one line per fact.
//!
//! It knows where the request goes, but neither signs nor sends.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, Entry};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::percent::{encode_path, encode_query};
use super::wire_request::{self, WireRequest, Written};
use super::{DateFormat, WireValue, XmlWriter, encode_words, limits};
use crate::body::ByteStream;
use crate::checks;
use crate::endpoint::EndpointConfig;
use crate::error::{RequestError, S3Error};
use crate::identity::SecretBytes;
use crate::integrity::md5_of;
use crate::sign::Unsigned;
use crate::timestamp::Timestamp;

/// Takes down one request.
///
/// ```
/// use integration_s3_runtime::endpoint::{EndpointConfig, EndpointOptions};
/// use integration_s3_runtime::plumbing::RequestWriter;
///
/// let endpoint = EndpointConfig::new(EndpointOptions { region: "eu-west-1".into(), ..Default::default() })?;
/// let mut w = RequestWriter::new(&endpoint);
/// w.bucket("logs");
/// w.key("a b/c.txt");
/// w.query("versionId", &Some("x/y"));
/// w.flag("tagging");
/// let request = w.finish()?;
/// assert_eq!(request.uri(), "https://logs.s3.eu-west-1.amazonaws.com/a%20b/c.txt?tagging=&versionId=x%2Fy");
/// # Ok::<(), integration_s3_runtime::error::S3Error>(())
/// ```
pub struct RequestWriter {
    endpoint: EndpointConfig,
    /// Scheme, authority, path and query as far as they are written.
    url: String,
    /// Where the path begins; 0 until the authority is written.
    path_at: usize,
    /// Where the key begins, or would.
    key_at: usize,
    /// Where the query begins, or would.
    query_at: usize,
    /// The bucket, unless only the URL is wanted.
    bucket: Option<String>,
    only_url: bool,
    has_bucket: bool,
    bucket_in_host: bool,
    headers: HeaderMap,
    body: ByteStream,
    checksum: Option<String>,
    checksum_header: Option<&'static str>,
    mode_header: Option<&'static str>,
    scratch: String,
    error: Option<S3Error>,
}

impl fmt::Debug for RequestWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Queries and header values can be secret.
        f.debug_struct("RequestWriter")
            .field("endpoint", &self.endpoint)
            .field("path", &self.url.get(self.path_at..self.query_at).unwrap_or_default())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl RequestWriter {
    /// A request to that endpoint.
    pub fn new(endpoint: &EndpointConfig) -> Self {
        // Room for what call and signature add as well.
        Self::with_room(endpoint, 192, 12)
    }

    /// A request of which only the URL is wanted, with that much room behind it. Headers are the exception.
    pub(crate) fn for_url(endpoint: &EndpointConfig, room: usize) -> Self {
        Self { only_url: true, ..Self::with_room(endpoint, 192 + room, 0) }
    }

    fn with_room(endpoint: &EndpointConfig, url: usize, headers: usize) -> Self {
        Self {
            endpoint: endpoint.clone(),
            url: String::with_capacity(url),
            path_at: 0,
            key_at: 0,
            query_at: 0,
            bucket: None,
            only_url: false,
            has_bucket: false,
            bucket_in_host: false,
            headers: HeaderMap::with_capacity(headers),
            body: ByteStream::empty(),
            checksum: None,
            checksum_header: None,
            mode_header: None,
            scratch: String::new(),
            error: None,
        }
    }

    /// The bucket the request is about: before anything else, once.
    pub fn bucket(&mut self, bucket: &str) {
        if self.path_at != 0 {
            return self.refuse(S3Error::new(RequestError::Validation, "the bucket must be written first, and once"));
        }
        match checks::bucket(bucket) {
            Ok(()) => {
                self.begin_at(Some(bucket));
                if !self.only_url {
                    self.bucket = Some(bucket.to_owned());
                }
            }
            Err(error) => {
                self.refuse(error);
                self.begin();
            }
        }
    }

    /// The key: checked and percent-encoded. Leading slashes, `//`, `.` and `..` stay.
    pub fn key(&mut self, key: &str) {
        self.begin();
        self.check(checks::key(key));
        let query = self.url.split_off(self.query_at);
        self.url.reserve(1 + key.len() + key.len() / 4);
        self.url.push('/');
        encode_path(key, &mut self.url);
        self.query_at = self.url.len();
        self.url.push_str(&query);
    }

    /// A query parameter without a value, `?tagging`; written as `tagging=`, which is how it is signed.
    pub fn flag(&mut self, name: &'static str) {
        self.parameter(name, "");
    }

    /// A query parameter; nothing for an absent value.
    #[inline]
    pub fn query<V: WireValue + ?Sized>(&mut self, name: &'static str, value: &V) {
        if !value.is_absent() {
            self.write_query(name, value);
        }
    }

    fn write_query<V: WireValue + ?Sized>(&mut self, name: &'static str, value: &V) {
        let mut scratch = std::mem::take(&mut self.scratch);
        self.fault(value.fault());
        if let Some(text) = value.wire(&mut scratch) {
            self.parameter(name, text);
        }
        self.scratch = scratch;
    }

    /// A date as a query parameter.
    pub fn query_date(&mut self, name: &'static str, value: &Option<Timestamp>, format: DateFormat) {
        if let Some(text) = self.dated(value, format) {
            self.parameter(name, &text);
            self.scratch = text;
        }
    }

    /// A header; nothing for an absent value. The name is in lower case.
    #[inline]
    pub fn header<V: WireValue + ?Sized>(&mut self, name: &'static str, value: &V) {
        if !value.is_absent() {
            self.write_header(name, value);
        }
    }

    fn write_header<V: WireValue + ?Sized>(&mut self, name: &'static str, value: &V) {
        let mut scratch = std::mem::take(&mut self.scratch);
        self.fault(value.fault());
        if let Some(text) = value.wire(&mut scratch) {
            self.put(name, text, value.is_secret());
        }
        self.scratch = scratch;
    }

    /// A date as a header.
    pub fn header_date(&mut self, name: &'static str, value: &Option<Timestamp>, format: DateFormat) {
        if let Some(text) = self.dated(value, format) {
            self.put(name, &text, false);
            self.scratch = text;
        }
    }

    /// A header with a list, separated by commas; nothing for an empty one.
    pub fn header_list<V: WireValue>(&mut self, name: &'static str, values: &[V]) {
        let mut list = String::new();
        let mut scratch = std::mem::take(&mut self.scratch);
        for value in values {
            self.fault(value.fault());
            if let Some(text) = value.wire(&mut scratch) {
                if !list.is_empty() {
                    list.push(',');
                }
                list.push_str(text);
            }
        }
        self.scratch = scratch;
        if !list.is_empty() {
            self.put(name, &list, false);
        }
    }

    /// A header with the MD5 of a secret: the one given, else the one of the bytes.
    pub fn header_md5(&mut self, name: &'static str, given: &Option<String>, of: &Option<SecretBytes>) {
        match (given, of) {
            (Some(given), _) => self.put(name, given, false),
            (None, Some(bytes)) => self.put(name, &STANDARD.encode(md5_of(bytes.expose())), false),
            (None, None) => {}
        }
    }

    /// A header for each entry: prefix and name, in lower case. Values outside ASCII travel as RFC 2047 words.
    pub fn metadata(&mut self, prefix: &'static str, map: &BTreeMap<String, String>) {
        self.check(checks::metadata_size(map.iter().map(|(name, value)| name.len() + value.len()).sum()));
        for (name, value) in map {
            let written = metadata_header(prefix, name, value);
            match written {
                Ok((header, value)) => match self.headers.entry(header) {
                    Entry::Vacant(slot) => {
                        slot.insert(value);
                    }
                    Entry::Occupied(slot) => {
                        let message = format!("the header {} is given twice, in different case", slot.key());
                        self.refuse(S3Error::new(RequestError::Validation, message));
                    }
                },
                Err(error) => self.refuse(error),
            }
        }
    }

    /// The body as it is.
    pub fn body(&mut self, body: ByteStream) {
        self.body = body;
    }

    /// A text as the body. A content type that was written before stays.
    pub fn text_body(&mut self, content_type: &'static str, text: &str) {
        self.typed_body(content_type, text.to_owned());
    }

    /// An XML document as the body. A content type that was written before stays.
    pub fn xml_body(&mut self, root: &'static str, xmlns: &'static str, write: impl FnOnce(&mut XmlWriter)) {
        let mut xml = XmlWriter::new(root, xmlns);
        write(&mut xml);
        match xml.finish() {
            Ok(document) => self.typed_body("application/xml", document),
            Err(error) => self.refuse(error),
        }
    }

    /// The checksum algorithm the caller asks for: remembered, and written as a header.
    pub fn checksum_algorithm<V: WireValue>(&mut self, header: &'static str, value: &V) {
        self.checksum_header = Some(header);
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(text) = value.wire(&mut scratch) {
            self.put(header, text, false);
            self.checksum = Some(text.to_owned());
        }
        self.scratch = scratch;
    }

    /// The header by which the caller asks for the stored checksum of the answer; the call may set it as well.
    pub fn checksum_mode<V: WireValue>(&mut self, header: &'static str, value: &V) {
        self.mode_header = Some(header);
        self.header(header, value);
    }

    /// Refuses a text with fewer or more characters.
    pub fn limit_chars(&mut self, field: &'static str, value: &str, min: usize, max: usize) {
        self.check(limits::chars(field, value, min, max));
    }

    /// Refuses a number outside `min..=max`.
    pub fn limit_range(&mut self, field: &'static str, value: i64, min: i64, max: i64) {
        self.check(limits::range(field, value, min, max));
    }

    /// Refuses a list with fewer than `min` or more than `max` items.
    pub fn limit_items(&mut self, field: &'static str, len: usize, min: usize, max: usize) {
        self.check(limits::items(field, len, min, max));
    }

    /// Refuses a list in which two items have the same text.
    pub fn refuse_twins<'a>(&mut self, field: &'static str, values: impl Iterator<Item = &'a str>) {
        self.check(limits::twins(field, values));
    }

    /// Refuses a text that begins with a reserved prefix, in any case.
    pub fn refuse_prefix(&mut self, field: &'static str, value: &str, prefix: &'static str) {
        self.check(limits::prefix(field, value, prefix));
    }

    /// Remembers a mistake, if it is the first.
    pub fn refuse(&mut self, error: S3Error) {
        self.error.get_or_insert(error);
    }

    /// The finished request.
    ///
    /// # Errors
    /// The first mistake.
    pub fn finish(mut self) -> Result<Box<WireRequest>, S3Error> {
        self.complete()?;
        WireRequest::new(Written {
            url: self.url,
            headers: self.headers,
            body: self.body,
            checksum: self.checksum,
            checksum_header: self.checksum_header,
            mode_header: self.mode_header,
            bucket: self.bucket,
            bucket_in_host: self.bucket_in_host,
            key_at: self.key_at - self.path_at,
        })
    }

    /// The finished URL and the headers that go with it, `host` not among them.
    ///
    /// # Errors
    /// The first mistake.
    pub(crate) fn finish_url(mut self) -> Result<(Unsigned, HeaderMap), S3Error> {
        self.complete()?;
        let host_at = memchr::memchr(b':', self.url.as_bytes()).map_or(0, |colon| colon + "://".len());
        wire_request::check_length(&self.url)?;
        let unsigned = Unsigned { url: self.url, host_at, path_at: self.path_at, query_at: self.query_at };
        Ok((unsigned, self.headers))
    }

    fn complete(&mut self) -> Result<(), S3Error> {
        self.begin();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        // The root of a service or of a bucket in the host is a slash; a bucket in the path needs none.
        if self.query_at == self.key_at && (!self.has_bucket || self.bucket_in_host) {
            self.url.insert(self.query_at, '/');
            self.query_at += 1;
        }
        Ok(())
    }

    /// Writes what stands before the key, if that has not been done.
    fn begin(&mut self) {
        if self.path_at != 0 {
            return;
        }
        self.begin_at(None);
    }

    fn begin_at(&mut self, bucket: Option<&str>) {
        let place = self.endpoint.place(bucket);
        self.has_bucket = bucket.is_some();
        wire_request::begin(&place, &mut self.url);
        self.path_at = self.url.len();
        place.write_prefix(&mut self.url);
        self.bucket_in_host = place.bucket_in_host();
        self.key_at = self.url.len();
        self.query_at = self.key_at;
    }

    /// Puts a parameter where it belongs in canonical order: by name, then by value.
    fn parameter(&mut self, name: &str, value: &str) {
        self.begin();
        let end = self.url.len();
        self.url.push(if end == self.query_at { '?' } else { '&' });
        encode_query(name, &mut self.url);
        self.url.push('=');
        encode_query(value, &mut self.url);
        if end == self.query_at {
            return;
        }
        let Some(at) = self.place_of_last(end) else { return };
        // `?b=&c=&a=`: turn `?b=&c=` and `&a=` around and swap the two separators.
        let mut bytes = std::mem::take(&mut self.url).into_bytes();
        let length = bytes.len() - end;
        if let Some(tail) = bytes.get_mut(at..) {
            tail.rotate_right(length);
        }
        bytes.swap(at, at + length);
        match String::from_utf8(bytes) {
            Ok(url) => self.url = url,
            Err(_) => self.refuse(S3Error::new(RequestError::Validation, "the query is not ASCII")),
        }
    }

    /// The separator before the first parameter that must come after the one just appended at `end`.
    fn place_of_last(&self, end: usize) -> Option<usize> {
        // Not the texts as they are: `=` comes after `-`, but `max=` belongs before `max-keys=`.
        let new = self.url.get(end + 1..)?.split_once('=');
        let mut at = self.query_at;
        for old in self.url.get(at + 1..end)?.split('&') {
            if old.split_once('=') > new {
                return Some(at);
            }
            at += 1 + old.len();
        }
        None
    }

    fn dated(&mut self, value: &Option<Timestamp>, format: DateFormat) -> Option<String> {
        let value = (*value)?;
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        format.write(value, &mut text);
        Some(text)
    }

    fn put(&mut self, name: &'static str, text: &str, secret: bool) {
        match header_value(name, text, secret).and_then(|value| Ok((static_name(name)?, value))) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(error) => self.refuse(error),
        }
    }

    fn typed_body(&mut self, content_type: &'static str, text: String) {
        if !self.headers.contains_key(CONTENT_TYPE) {
            self.put("content-type", content_type, false);
        }
        self.body = ByteStream::from(text);
    }

    fn check(&mut self, result: Result<(), S3Error>) {
        if let Err(error) = result {
            self.refuse(error);
        }
    }

    fn fault(&mut self, fault: Option<S3Error>) {
        if let Some(error) = fault {
            self.refuse(error);
        }
    }
}

fn header_value(name: &str, text: &str, secret: bool) -> Result<HeaderValue, S3Error> {
    checks::header_value(name, text)?;
    let mut value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| S3Error::new(RequestError::Validation, format!("the value of {name} cannot stand in a header")))?;
    value.set_sensitive(secret);
    Ok(value)
}

/// A name that is known when the program is built: no copy is made of it.
pub(crate) fn static_name(name: &'static str) -> Result<HeaderName, S3Error> {
    // `from_static` would panic for these.
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(S3Error::new(RequestError::Validation, format!("`{name}` is no header name in lower case")));
    }
    Ok(HeaderName::from_static(name))
}

fn metadata_header(prefix: &str, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), S3Error> {
    checks::metadata_name(name)?;
    let full = format!("{prefix}{name}");
    checks::header_value(&full, value)?;
    let header = HeaderName::from_bytes(full.as_bytes()).map_err(|_| {
        S3Error::new(
            RequestError::Validation,
            format!("the metadata name has {} bytes, too many for a header", name.len()),
        )
    })?;
    Ok((header, header_value(&full, &encode_words(value), false)?))
}
