//! An answer with a 2xx status, on its way into an output: headers as values, the body as a stream, a text or a document.
//!
//! Which statuses are answers and which are errors is the call's business. What is decided here is the error that
//! hides in an answer: an `<Error>` document under status 200.

use super::error_document::{error_document, is_error_document};
use super::rfc2047::decode_words;
use super::wire_value::{DateFormat, FromWire};
use super::xml::{Document, DocumentError, Each, MAX_CHILD, MAX_TEXT, XmlError, XmlReader, is_root};
use crate::body::ByteStream;
use crate::error::{CodeLookup, ErrorKind, ResponseError, RetryClass, S3Error, ServerError, TransferError, no_codes};
use crate::timestamp::Timestamp;
use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, HeaderName, StatusCode};
use std::collections::BTreeMap;

/// Bytes that an operation without an output reads of a body before it gives the connection up.
const MAX_IGNORED: usize = 64 << 10;

/// One answered request.
#[derive(Debug)]
pub struct Reply {
    head: Head,
    body: ByteStream,
}

/// What is left of a reply while its body is read.
#[derive(Debug)]
struct Head {
    status: StatusCode,
    headers: HeaderMap,
    /// Which headers may be there, see [`mark`].
    marks: u64,
    /// The [kinds](kind) of the first of them, in their order.
    kinds: [u8; KINDS],
    codes: CodeLookup,
    operation: &'static str,
}

/// Headers whose kind is remembered: most answers have no more.
const KINDS: usize = 16;

/// A number below 64 that names rarely share. In line, as [`mark`].
#[inline(always)]
const fn kind(name: &str) -> u8 {
    let last = match name.as_bytes() {
        [.., last] => *last as usize,
        [] => 0,
    };
    ((name.len() + 37 * last) % 64) as u8
}

/// A bit for a header name. An answer has some ten headers and an output asks for forty: most questions are
/// answered by one look at the marks. In line, so that the mark of a name in the program is a number there.
#[inline(always)]
const fn mark(name: &str) -> u64 {
    1 << kind(name)
}

impl Reply {
    /// An answer as the transport gave it; `codes` tells what the error codes of a document mean.
    pub fn new(status: StatusCode, headers: HeaderMap, body: ByteStream, codes: CodeLookup) -> Self {
        *Self::boxed(status, headers, body, codes, "")
    }

    /// The same, where it stays: it is large. `operation` is the one it answers, for stores that name documents after it.
    pub(crate) fn boxed(
        status: StatusCode,
        headers: HeaderMap,
        body: ByteStream,
        codes: CodeLookup,
        operation: &'static str,
    ) -> Box<Self> {
        let (mut marks, mut kinds) = (0, [0; KINDS]);
        for (at, (name, _)) in headers.iter().enumerate() {
            let kind = kind(name.as_str());
            marks |= 1 << kind;
            if let Some(slot) = kinds.get_mut(at) {
                *slot = kind;
            }
        }
        Box::new(Self { head: Head { status, headers, marks, kinds, codes, operation }, body })
    }

    /// Which operation it answers, for stores that name documents after it.
    pub fn answering(mut self, operation: &'static str) -> Self {
        self.head.operation = operation;
        self
    }

    /// An answer out of its parts, for examples of the wire format. Headers that are none are left out.
    pub fn from_parts(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Self {
        let mut map = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                map.append(name, value);
            }
        }
        let status = StatusCode::from_u16(status).unwrap_or_default();
        Self::new(status, map, body.into(), no_codes)
    }

    /// Puts another body around its own.
    pub(crate) fn map_body(&mut self, around: impl FnOnce(&HeaderMap, ByteStream) -> ByteStream) {
        self.body = around(&self.head.headers, std::mem::take(&mut self.body));
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The server's name for the request.
    pub fn request_id(&self) -> Option<&str> {
        self.head.get("x-amz-request-id")
    }

    /// The server's second name for the request.
    pub fn host_id(&self) -> Option<&str> {
        self.head.get("x-amz-id-2")
    }

    /// A header as text; `None` if it is absent or not UTF-8.
    #[inline]
    pub fn text(&self, name: &'static str) -> Option<String> {
        if self.head.marks & mark(name) == 0 { None } else { self.head.owned(name) }
    }

    /// A header as a value; `None` if it is absent or no such value.
    #[inline]
    pub fn parse<T: FromWire>(&self, name: &'static str) -> Option<T> {
        T::from_wire(self.head.get(name)?)
    }

    /// A header as a date; `None` if it is absent or none.
    #[inline]
    pub fn date(&self, name: &'static str, format: DateFormat) -> Option<Timestamp> {
        format.read(self.head.get(name)?)
    }

    /// A comma separated header as values, repeated headers in their order. What is no such value is left out.
    pub fn list<T: FromWire>(&self, name: &'static str) -> Vec<T> {
        let lines =
            self.head.headers.get_all(name).into_iter().filter_map(|line| std::str::from_utf8(line.as_bytes()).ok());
        lines
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .filter_map(T::from_wire)
            .collect()
    }

    /// The headers that begin with `prefix`, by the rest of their names in lower case, encoded words decoded.
    ///
    /// A value that is not UTF-8 is read as Latin-1, as old stores write it.
    pub fn metadata(&self, prefix: &'static str) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &self.head.headers {
            let Some(name) = name.as_str().strip_prefix(prefix) else { continue };
            let value = match std::str::from_utf8(value.as_bytes()) {
                Ok(text) => decode_words(text).into_owned(),
                Err(_) => value.as_bytes().iter().map(|&b| char::from(b)).collect(),
            };
            // Set twice, S3 joins the values itself; others send two headers.
            found
                .entry(name.to_owned())
                .and_modify(|all| {
                    all.push(',');
                    all.push_str(&value);
                })
                .or_insert(value);
        }
        found
    }

    /// A value no store leaves out.
    ///
    /// # Errors
    /// `InvalidResponse` naming `what` if it is absent.
    pub fn require<T>(&self, what: &'static str, value: Option<T>) -> Result<T, S3Error> {
        value.ok_or_else(|| self.head.error(ResponseError::InvalidResponse, format!("the answer has no {what}")))
    }

    /// The body, if it is in memory.
    pub(crate) fn here(&self) -> Option<&Bytes> {
        self.body.as_bytes()
    }

    /// The body as it arrives. Leaves an empty one.
    pub fn body(&mut self) -> ByteStream {
        std::mem::take(&mut self.body)
    }

    /// Reads a body that should hold nothing, so that its connection can serve again.
    ///
    /// # Errors
    /// What the body's transport meets, and the error of an `<Error>` document.
    pub async fn finish(&mut self) -> Result<(), S3Error> {
        // Boxed: nearly always there is nothing, and the future of every such call would be larger.
        if self.body.is_empty() { Ok(()) } else { Box::pin(self.drain()).await }
    }

    async fn drain(&mut self) -> Result<(), S3Error> {
        let (head, mut body) = (&self.head, std::mem::take(&mut self.body));
        let mut seen = Vec::new();
        while let Some(chunk) = body.next().await {
            seen.extend_from_slice(&chunk.map_err(|e| head.named(e))?);
            if seen.len() > MAX_IGNORED {
                break;
            }
        }
        if is_error_document(&seen) { Err(head.refused(&seen)) } else { Ok(()) }
    }

    /// The whole body as text, of at most 8 MiB.
    ///
    /// # Errors
    /// What the body's transport meets; `UnexpectedContent` if it is longer or not UTF-8.
    pub async fn text_body(&mut self) -> Result<String, S3Error> {
        let Self { head, body } = self;
        let bytes = head.whole(std::mem::take(body), MAX_TEXT).await?;
        String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            head.error(ResponseError::UnexpectedContent, format!("the body is not text: byte {at} is not UTF-8"))
        })
    }

    /// Hands each child of the root to `each` as soon as it arrived whole. An empty body has no children.
    ///
    /// `each` may be called again for a child that was cut, so it changes nothing before its read succeeded.
    ///
    /// # Errors
    /// `XmlParse` for what is no XML; `InvalidResponse` for another root; the error of an `<Error>`
    /// document; `IncompleteBody`, which may be tried again, when the body ends before the document.
    pub async fn xml(&mut self, root: &'static str, each: &mut Each<'_>) -> Result<(), S3Error> {
        let Self { head, body } = self;
        let mut document = Document::new(root).answering(head.operation);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| head.named(e))?;
            document.push(&chunk, each).map_err(|e| head.unread(root, e))?;
        }
        document.end(each).map_err(|e| head.unread(root, e))
    }

    /// The whole document as one value; `read` finds the root opened. `None` for an empty body.
    ///
    /// # Errors
    /// As for [`xml`](Self::xml).
    pub async fn xml_value<T: Send>(
        &mut self,
        root: &'static str,
        read: fn(&mut XmlReader<'_>) -> Result<T, XmlError>,
    ) -> Result<Option<T>, S3Error> {
        let Self { head, body } = self;
        let bytes = head.whole(std::mem::take(body), MAX_CHILD).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        whole_document(&bytes, root, head.operation, read).map(Some).map_err(|e| head.unread(root, e))
    }
}

fn whole_document<T>(
    bytes: &[u8],
    root: &str,
    operation: &str,
    read: fn(&mut XmlReader<'_>) -> Result<T, XmlError>,
) -> Result<T, DocumentError> {
    let of = |e| if e == XmlError::Incomplete { DocumentError::Truncated } else { DocumentError::Xml(e) };
    let mut xml = XmlReader::new(bytes);
    match xml.root().map_err(of)? {
        name if is_root(name, root, operation) => {}
        "Error" => return Err(DocumentError::Refused(bytes.to_owned())),
        other => return Err(DocumentError::Root(other.chars().take(64).collect())),
    }
    let value = read(&mut xml).map_err(of)?;
    while xml.depth() > 0 {
        xml.skip().map_err(of)?;
    }
    xml.epilog().map_err(of)?;
    Ok(value)
}

impl Head {
    #[inline]
    fn get(&self, name: &str) -> Option<&str> {
        if self.marks & mark(name) == 0 { None } else { self.find(name) }
    }

    #[inline(never)]
    fn owned(&self, name: &str) -> Option<String> {
        self.find(name).map(str::to_owned)
    }

    #[inline(never)]
    fn find(&self, name: &str) -> Option<&str> {
        // The map would hash the name; of so few headers the first that fits is found sooner.
        let kind = kind(name);
        let mut all = self.headers.iter().enumerate();
        let (_, (_, value)) =
            all.find(|(at, (found, _))| self.kinds.get(*at).is_none_or(|it| *it == kind) && found.as_str() == name)?;
        std::str::from_utf8(value.as_bytes()).ok()
    }

    fn error(&self, kind: impl Into<ErrorKind>, message: String) -> S3Error {
        self.named(S3Error::new(kind, message)).with_status(self.status.as_u16())
    }

    fn named(&self, error: S3Error) -> S3Error {
        error.with_request_id(self.get("x-amz-request-id")).with_host_id(self.get("x-amz-id-2"))
    }

    async fn whole(&self, mut body: ByteStream, max: usize) -> Result<Vec<u8>, S3Error> {
        let mut whole = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| self.named(e))?;
            if whole.len() + chunk.len() > max {
                let message = format!("the answer is longer than {} MiB", max >> 20);
                return Err(self.error(ResponseError::UnexpectedContent, message));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    fn unread(&self, root: &'static str, error: DocumentError) -> S3Error {
        match error {
            DocumentError::Truncated => self
                .error(TransferError::IncompleteBody, format!("the answer ends inside its <{root}> document"))
                .with_retryable(true),
            DocumentError::Xml(source @ XmlError::Missing { .. }) => self
                .error(ResponseError::InvalidResponse, format!("the <{root}> document has {source}"))
                .with_source(source),
            DocumentError::Xml(source) => self
                .error(ResponseError::XmlParse, format!("the answer is no <{root}> document: {source}"))
                .with_source(source),
            DocumentError::Root(found) => self
                .error(ResponseError::InvalidResponse, format!("expected a <{root}> document, found <{found}>"))
                .with_suggestion("check that the endpoint is an S3 service"),
            DocumentError::Refused(body) => self.refused(&body),
        }
    }

    /// The error of an `<Error>` document under a 2xx status: its code decides, the status says nothing.
    fn refused(&self, body: &[u8]) -> S3Error {
        let document = error_document(body);
        let (request_id, host_id) = (document.request_id.clone(), document.host_id.clone());
        let error = document.into_error(ServerError::Other.into(), RetryClass::No, self.codes);
        self.named(error)
            .with_status(self.status.as_u16())
            .with_request_id(request_id.as_deref())
            .with_host_id(host_id.as_deref())
    }
}

#[cfg(test)]
mod tests;
