//! The body of an answer on its way to the caller: it goes on by itself where the connection broke, and is compared with
//! the stored checksum before its last bytes are handed on.
//!
//! ```text
//! GET           -> 200, bytes 0..   X (cut)
//! GET, Range: bytes=N-, If-Match    -> 206, bytes N..   X (stalled)
//! ...           -> the last byte, the verdict, the end
//! ```
//!
//! Going on is one more attempt of the same call: the same headers and query, judged by the same retry policy. The
//! attempts count from the last byte that came. What makes it safe is the tag of the object: an answer without one is
//! not continued.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, RANGE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use tracing::Instrument as _;

use super::RequestOptions;
use super::attempts::Attempts;
use super::core::Core;
use super::gate::Place;
use super::payload::Payload;
use crate::body::{BodySource, ByteStream};
use crate::endpoint::EndpointConfig;
use crate::error::{ResponseError, S3Error, TransferError};
use crate::integrity::{Check, Unchecked, Verification};
use crate::plumbing::{OperationFacts, Reply, WireRequest};
use crate::telemetry::Watch;

/// What it takes to ask for the rest.
pub(super) struct Origin {
    pub(super) core: Arc<Core>,
    pub(super) facts: &'static OperationFacts,
    pub(super) options: Option<Box<RequestOptions>>,
    /// Without its body.
    pub(super) request: WireRequest,
    pub(super) elsewhere: Option<Arc<EndpointConfig>>,
    /// Attempts that were sent since the last byte that came.
    pub(super) sent: u32,
}

/// # Errors
/// The server sent other bytes than the range that was asked for: they would be taken for those.
pub(super) fn as_asked(reply: &Reply, request: &WireRequest) -> Result<(), S3Error> {
    let asked = request.headers().get(RANGE);
    let Some(got) = elsewhere(reply.status(), reply.headers(), asked, request) else { return Ok(()) };
    let (what, advice) = match asked {
        Some(_) => ("a range", "read the whole object, or find out what ignores ranges on the way"),
        None if part(request).is_some() => ("a part", "ask for its range, or read the whole object"),
        None => ("an object", "find out what answers in the server's place on the way"),
    };
    Err(S3Error::new(ResponseError::UnexpectedContent, format!("the server answered a request for {what} with {got}"))
        .with_suggestion(advice)
        .with_status(reply.status())
        .with_request_id(reply.request_id()))
}

/// What there is to know about a body that is in memory; `None` if it is not, or is not what was stored: then whoever reads
/// it is told.
pub(super) fn known(reply: &Reply, request: &WireRequest) -> Option<Verification> {
    let body = reply.here()?;
    // A transport that does not look itself how much came.
    if declared(reply.headers()).is_some_and(|length| length != body.len() as u64) {
        return None;
    }
    Some(match check(reply.status(), reply.headers(), request) {
        Ok(mut check) => {
            check.update(body);
            check.close().ok()?;
            check.verification()
        }
        Err(why) => Verification::NotChecked(why),
    })
}

fn check(status: u16, headers: &HeaderMap, request: &WireRequest) -> Result<Check, Unchecked> {
    if !checks(request) {
        return Err(Unchecked::NotAsked);
    }
    let status = StatusCode::from_u16(status).unwrap_or_default();
    Check::of_answer(status, headers, &|| part(request).is_some())
}

/// Whether the body is to be compared with the stored checksum.
fn checks(request: &WireRequest) -> bool {
    // What was encoded has a header or two: they are compared sooner than the name is hashed.
    let is_mode = |name: &str| request.mode_header() == Some(name);
    let mode = request.headers().iter().find(|(name, _)| is_mode(name.as_str()));
    mode.is_some_and(|(_, mode)| mode.as_bytes().eq_ignore_ascii_case(b"ENABLED"))
}

/// The answer with a body that looks after itself.
pub(super) fn look_after(reply: &mut Reply, origin: Origin) {
    let status = reply.status();
    reply.map_body(|headers, body| ByteStream::from_source(Box::new(Download::new(status, headers, body, origin))));
}

struct Download {
    body: ByteStream,
    /// Where in the object the answer begins.
    first: u64,
    /// Bytes handed on.
    seen: u64,
    /// Bytes still to come, if it is known.
    left: Option<u64>,
    /// Bytes of the present answer that were handed on before, out of an earlier one.
    skip: u64,
    check: Result<Check, Unchecked>,
    /// The tag by which the rest is asked for; `None`: it cannot be.
    tag: Option<HeaderValue>,
    /// The server's name for the first answer.
    request_id: Option<HeaderValue>,
    /// Lent out while the rest is being asked for.
    origin: Option<Origin>,
    asking: Option<Asking>,
}

type Asking = Pin<Box<dyn Future<Output = (Origin, Result<Rest, S3Error>)> + Send>>;

/// An answer that goes on where another broke off.
struct Rest {
    body: ByteStream,
    skip: u64,
}

impl Download {
    fn new(status: u16, headers: &HeaderMap, body: ByteStream, origin: Origin) -> Self {
        let request = &origin.request;
        let check = check(status, headers, request);
        let partial = status == StatusCode::PARTIAL_CONTENT;
        let first = if partial { span_of(headers).map(|(first, _)| first) } else { Some(0) };
        let left = declared(headers).or(body.len());
        // A weak tag matches nothing; and without its place in the object the rest cannot be named.
        let tag = headers.get(ETAG).filter(|tag| is_strong(tag) && first.is_some()).cloned();
        let (first, origin) = (first.unwrap_or_default(), Some(origin));
        let request_id = headers.get("x-amz-request-id").cloned();
        Self { body, first, seen: 0, left, skip: 0, check, tag, request_id, origin, asking: None }
    }

    /// Bytes that are new, out of those that came.
    fn take_in(&mut self, mut chunk: Bytes) -> Result<Bytes, S3Error> {
        let old = usize::try_from(self.skip).map_or(chunk.len(), |skip| skip.min(chunk.len()));
        chunk.advance(old);
        self.skip -= old as u64;
        if let Some(left) = &mut self.left {
            // Only an answer with more than was asked for has more: its tail is not wanted.
            chunk.truncate(usize::try_from(*left).map_or(chunk.len(), |left| left.min(chunk.len())));
            *left -= chunk.len() as u64;
        }
        self.seen += chunk.len() as u64;
        if let (Ok(check), false) = (&mut self.check, chunk.is_empty()) {
            check.update(&chunk);
        }
        if let (Some(origin), false) = (&mut self.origin, chunk.is_empty()) {
            origin.sent = 1;
        }
        if self.left == Some(0) {
            self.verdict()?;
        }
        Ok(chunk)
    }

    fn verdict(&mut self) -> Result<(), S3Error> {
        match &mut self.check {
            Ok(check) => check.close(),
            Err(_) => Ok(()),
        }
    }

    /// Begins to ask for the rest, or gives the error back if that cannot be done.
    fn ask(&mut self, error: S3Error) -> Result<(), S3Error> {
        if !error.is_retryable() || !self.origin.as_ref().is_some_and(|origin| origin.facts.idempotent) {
            return Err(error);
        }
        let Some(tag) = self.tag.clone() else { return Err(error) };
        let Some(mut origin) = self.origin.take() else { return Err(error) };
        let from = self.first + self.seen;
        let last = self.left.map(|left| from + left.saturating_sub(1));
        // The connection that broke is given up before another is asked for.
        self.body = ByteStream::empty();
        self.asking = Some(Box::pin(async move {
            let rest = origin.rest(error, from, last, &tag).await;
            (origin, rest)
        }));
        Ok(())
    }

    /// Errors of a body say whose it is: they come out long after the call.
    fn named(&self, error: S3Error) -> S3Error {
        let error = error.with_request_id(self.request_id.as_ref().and_then(|id| id.to_str().ok()));
        match &self.origin {
            Some(origin) => {
                let request = &origin.request;
                let error = error.with_attempts(origin.sent);
                error.with_target(origin.facts.name, request.bucket(), request.key_text().as_deref())
            }
            None => error,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        loop {
            if let Some(asking) = &mut self.asking {
                let (origin, rest) = ready!(asking.as_mut().poll(cx));
                self.asking = None;
                self.origin = Some(origin);
                match rest {
                    Ok(Rest { body, skip }) => (self.body, self.skip) = (body, skip),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
            if self.left == Some(0) {
                // What the connection has to say after the last byte does not matter any more.
                return Poll::Ready(self.verdict().err().map(Err));
            }
            let error = match ready!(self.body.poll_chunk(cx)) {
                Some(Ok(chunk)) => match self.take_in(chunk) {
                    Ok(chunk) if chunk.is_empty() => continue,
                    chunk => return Poll::Ready(Some(chunk)),
                },
                Some(Err(error)) => error,
                None if self.left.is_none() && self.skip == 0 => return Poll::Ready(self.verdict().err().map(Err)),
                None => cut(self.seen, self.left),
            };
            if let Err(error) = self.ask(error) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl BodySource for Download {
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let this = self.get_mut();
        this.poll(cx).map(|chunk| chunk.map(|chunk| chunk.map_err(|error| this.named(error))))
    }

    fn remaining(&self) -> Option<u64> {
        let open = self.check.as_ref().is_ok_and(Check::is_open);
        self.left.filter(|left| *left > 0 || !open)
    }

    fn verification(&self) -> Verification {
        match &self.check {
            Ok(check) => check.verification(),
            Err(why) => Verification::NotChecked(*why),
        }
    }
}

impl Origin {
    /// Asks for the object from byte `from` on, after what `error` says has passed the retry policy.
    async fn rest(&mut self, error: S3Error, from: u64, last: Option<u64>, tag: &HeaderValue) -> Result<Rest, S3Error> {
        let mut request = Box::new(self.request.clone_head());
        // A part cannot be asked for in parts: its range can.
        request.remove_query(PART)?;
        let headers = request.headers_mut();
        headers.insert(RANGE, range(from, last)?);
        headers.insert(IF_MATCH, tag.clone());
        let (core, options) = (self.core.clone(), self.options.as_deref());
        let bucket = self.request.bucket();
        let mut place = Place::of(&core, options, bucket);
        place.elsewhere = self.elsewhere.clone();
        // It has a span, and ends without a word: the call is over, and this is one of its retries.
        let watch = Watch::begin(&core.config, self.facts, bucket, self.request.key_text().as_deref());
        let payload = Payload::plan(&core.config, self.facts, &mut request)?;
        let target = (bucket, self.request.has_key());
        let mut attempts = Attempts::new(&core, options, self.facts, (request, payload), target, &place, &watch);
        attempts.continue_after(self.sent);
        let again = async {
            attempts.undecodable(error).await?;
            attempts.next().await
        };
        let reply = again.instrument(watch.span().clone()).await;
        self.sent = place.sent.times();
        let mut reply = reply.map_err(|error| match error.status() {
            Some(412 | 416) => changed(from).with_status(412).with_request_id(error.request_id()),
            _ => error,
        })?;
        if reply.headers().get(ETAG).is_some_and(|now| now != tag) {
            return Err(changed(from));
        }
        let skip = match (reply.status(), span_of(reply.headers())) {
            (206, Some((first, _))) if first == from => 0,
            // The range was ignored, as HTTP allows. What is known to be the same object is read over.
            (200, _) if reply.headers().contains_key(ETAG) => from,
            (200, _) => return Err(changed(from)),
            _ => {
                let message = format!("bytes from {from} were asked for, and the answer does not say that it has them");
                return Err(S3Error::new(ResponseError::InvalidResponse, message));
            }
        };
        Ok(Rest { body: reply.body(), skip })
    }
}

const PART: &str = "partNumber";

/// The number of the part that is asked for.
fn part(request: &WireRequest) -> Option<&str> {
    request.query().split('&').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == PART)).map(|(_, it)| it)
}

fn is_strong(tag: &HeaderValue) -> bool {
    !tag.is_empty() && !tag.as_bytes().starts_with(b"W/")
}

/// The length a head declares. Where chunks come instead, they end the body, whatever else is said (RFC 9112, 6.3).
fn declared(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH).filter(|_| !headers.contains_key(TRANSFER_ENCODING))?;
    length.to_str().ok()?.parse().ok()
}

/// What came instead of what was asked for; `None`: that came, as far as the answer says.
fn elsewhere(status: u16, headers: &HeaderMap, asked: Option<&HeaderValue>, request: &WireRequest) -> Option<String> {
    let partial = match status {
        200 if asked.is_none() => {
            // An object that was stored in one go is its own first part.
            let later = part(request).is_some_and(|number| number != "1") && !headers.contains_key(CONTENT_RANGE);
            return later.then(|| "the whole object".to_owned());
        }
        204 | 205 => return Some("no content".to_owned()),
        status => status == StatusCode::PARTIAL_CONTENT,
    };
    let named = named(headers);
    if let (true, Some((from, to, _)), Some(length)) = (partial, named, declared(headers))
        && to.checked_sub(from) != length.checked_sub(1)
    {
        return Some(format!("bytes {from}-{to} in a body of {length} bytes"));
    }
    let Some(asked) = asked else {
        let all = |(from, to, total): (u64, u64, Option<u64>)| from == 0 && total == to.checked_add(1);
        let unasked = partial && !named.is_some_and(all) && part(request).is_none();
        return unasked.then(|| "a part of it".to_owned());
    };
    let (first, last) = asked.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    let last = last.parse::<u64>().ok();
    // The last so many bytes, or those from here to there.
    let (first, most) = match (first.parse::<u64>(), last) {
        (Ok(first), last) => (Some(first), last.and_then(|last| last.saturating_sub(first).checked_add(1))),
        (Err(_), Some(most)) if first.is_empty() => (None, Some(most)),
        _ => return None,
    };
    match named {
        Some((from, to, total)) => {
            let more = most.is_some_and(|most| to.saturating_sub(from) >= most);
            let begins = first.map_or(total.is_none_or(|total| total == to.saturating_add(1)), |first| first == from);
            (more || !begins).then(|| format!("bytes {from}-{to}"))
        }
        None if partial => Some("a part that it does not name".to_owned()),
        None if status == StatusCode::OK => {
            let end = most.map(|most| first.unwrap_or_default().saturating_add(most));
            let longer = end.is_some_and(|end| declared(headers).is_none_or(|length| length > end));
            (first.is_some_and(|first| first > 0) || longer).then(|| "the whole object".to_owned())
        }
        None => None,
    }
}

/// The first and the last byte of a `content-range`, and how many there are in all if it says so.
fn named(headers: &HeaderMap) -> Option<(u64, u64, Option<u64>)> {
    let value = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (span, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, total.parse().ok()))
}

fn span_of(headers: &HeaderMap) -> Option<(u64, u64)> {
    named(headers).map(|(first, last, _)| (first, last))
}

fn range(from: u64, last: Option<u64>) -> Result<HeaderValue, S3Error> {
    let text = match last {
        Some(last) => format!("bytes={from}-{last}"),
        None => format!("bytes={from}-"),
    };
    HeaderValue::try_from(text).map_err(|_| S3Error::new(ResponseError::InvalidResponse, "the range is no header"))
}

fn cut(seen: u64, left: Option<u64>) -> S3Error {
    let all = seen + left.unwrap_or_default();
    let message = format!("the answer ended after {seen} of {all} bytes");
    S3Error::new(TransferError::IncompleteBody, message).with_retryable(true)
}

fn changed(from: u64) -> S3Error {
    let message = format!("the object was replaced while it was read: the connection broke before byte {from}");
    S3Error::new(TransferError::ObjectChanged, message)
        .with_suggestion("throw away what was read and read it again; name a version to keep reading an old one")
}
