//! An answer with a 2xx status, on its way into an output: headers as values, the body as a stream, a text or a document.
//!
//! Which statuses are answers and which are errors is the call's business. What is decided here is the error that
//! hides in an answer: an `<Error>` document under status 200.

use super::error_document::{error_document, is_error_document};
use super::fields::{Fields, text};
use super::xml::{Document, DocumentError, Each, MAX_CHILD, MAX_TEXT, XmlError, XmlReader, is_root};
use crate::body::ByteStream;
use crate::error::{CodeLookup, ErrorKind, ResponseError, RetryClass, S3Error, ServerError, TransferError, no_codes};
use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, HeaderName, StatusCode};

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
    codes: CodeLookup,
    operation: &'static str,
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
        Box::new(Self { head: Head { status, headers, codes, operation }, body })
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

    /// The headers as values.
    pub fn fields(&self) -> Fields<'_> {
        Fields::of(&self.head.headers)
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
    fn get(&self, name: &str) -> Option<&str> {
        text(self.headers.get(name)?)
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
