//! How the body travels: with which checksum and where that stands, hashed, unsigned or signed chunk by chunk; and
//! whether it can travel twice.
//!
//! | body | over https | over http |
//! |---|---|---|
//! | in memory, up to 1 MiB | checksum in a header | the same, and the body's hash is signed |
//! | larger, file or stream | chunks, the checksum behind them | signed chunks, the checksum behind them |
//!
//! Without a checksum there are no chunks over https. A store that takes none (`aws_chunked`) gets none, and neither does an
//! operation whose body is a document: large bodies in memory are then hashed before they are sent, in steps between which
//! other tasks run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::ahead::Ahead;
use super::chunked::framed;
use super::core::Core;
use crate::body::ByteStream;
use crate::config::{ChecksumWhen, PayloadSigning, S3Config};
use crate::error::{RequestError, S3Error};
use crate::identity::Credentials;
use crate::integrity::{Algorithm, Hasher, md5_of, sha256_and};
use crate::plumbing::{ChecksumRule, OperationFacts, WireRequest, static_name};
use crate::sign::{self, CHUNK_SIZE, ChunkFramer, SigningScope, Target};

/// Bodies in memory up to this size are hashed before they are sent, without a pause: it takes less than a millisecond, and
/// they are in the processor's second cache afterwards. Larger ones would have to be fetched from memory twice.
pub(super) const HASHED_AT_ONCE: usize = 1024 * 1024;

/// What is used when nobody chose.
const DEFAULT: Algorithm = Algorithm::Crc64Nvme;

/// The body of a call and how it is covered by the signature.
pub(super) struct Payload {
    body: ByteStream,
    cover: Cover,
    replayable: bool,
    /// Hashes without which the request is not complete, of a body that is too large to compute them in passing.
    ahead: Option<Box<Ahead>>,
}

/// The checksum a request gets.
enum Chosen {
    Nothing,
    Sum(Algorithm),
    /// What nearly every store knows.
    Md5,
}

enum Cover {
    Empty,
    Unsigned,
    /// Hexadecimal SHA-256 of the whole body.
    Hashed(String),
    /// In chunks; the length is that of the body before it is cut.
    Chunks(u64, Frame),
}

#[derive(Clone, Copy)]
enum Frame {
    Signed,
    SignedTrailer(Algorithm),
    UnsignedTrailer(Algorithm),
}

impl Frame {
    fn trailer(self) -> Option<Algorithm> {
        match self {
            Self::Signed => None,
            Self::SignedTrailer(algorithm) | Self::UnsignedTrailer(algorithm) => Some(algorithm),
        }
    }
}

impl Payload {
    /// Decides once per call. Takes the body out of the request and adds the headers that do not change per attempt.
    pub(super) fn plan(config: &S3Config, facts: &OperationFacts, request: &mut WireRequest) -> Result<Self, S3Error> {
        let body = declared_length(request)?;
        ask_for_stored(config, request);
        let chosen = match facts.checksum {
            ChecksumRule::None => Chosen::Nothing,
            ChecksumRule::Announced => {
                // Whoever chose a type had an algorithm in mind that we cannot know.
                if !request.headers().contains_key("x-amz-checksum-type") {
                    announce(config, request);
                }
                Chosen::Nothing
            }
            ChecksumRule::Supported | ChecksumRule::Required => chosen(config, facts.checksum, request, &body)?,
        };
        let algorithm = match chosen {
            Chosen::Sum(algorithm) => Some(algorithm),
            Chosen::Nothing | Chosen::Md5 => None,
        };
        let length = body.len().ok_or_else(|| {
            S3Error::new(RequestError::MissingContentLength, "the length of the body is not known")
                .with_suggestion("set content_length, or upload a stream of unknown length in parts (multipart)")
        })?;
        let sign = match config.payload_signing {
            PayloadSigning::Signed => true,
            PayloadSigning::Unsigned => false,
            PayloadSigning::Auto => !request.is_https(),
        };
        let sign = sign && config.credentials.is_some();
        // Documents are read as they come: stores undo chunks where objects arrive, and some nowhere else.
        let chunks = config.store.aws_chunked && facts.streams_in;
        let at_once = body.as_bytes().is_none_or(|bytes| bytes.len() <= HASHED_AT_ONCE);
        let (mut sum, mut ahead) = (None, Ahead::default());
        let cover = match (body.as_bytes(), sign, algorithm) {
            _ if length == 0 => {
                sum = algorithm.map(|algorithm| Hasher::of(algorithm, b""));
                Cover::Empty
            }
            (_, false, None) => Cover::Unsigned,
            (Some(bytes), true, _) if at_once => {
                let (hash, of_body) = sha256_and(algorithm, bytes);
                sum = of_body;
                Cover::Hashed(sign::hex(&hash))
            }
            (Some(bytes), false, Some(algorithm)) if at_once => {
                sum = Some(Hasher::of(algorithm, bytes));
                Cover::Unsigned
            }
            (Some(_), sign, algorithm) if !chunks => {
                ahead = Ahead { sha256: sign, sum: algorithm, md5: false };
                // Until it is computed, a hash that fits nothing.
                if sign { Cover::Hashed(String::new()) } else { Cover::Unsigned }
            }
            _ if !chunks => return Err(no_chunks(sign)),
            (_, true, None) => Cover::Chunks(length, Frame::Signed),
            (_, true, Some(algorithm)) => Cover::Chunks(length, Frame::SignedTrailer(algorithm)),
            (_, false, Some(algorithm)) => Cover::Chunks(length, Frame::UnsignedTrailer(algorithm)),
        };
        let headers = request.headers_mut();
        if let Some(sum) = sum {
            headers.insert(sum.algorithm().header(), sum.to_header());
        }
        match (chosen, body.as_bytes()) {
            (Chosen::Md5, Some(_)) if !at_once => ahead.md5 = true,
            (Chosen::Md5, Some(bytes)) => insert_md5(headers, &md5_of(bytes)),
            _ => {}
        }
        if let Cover::Chunks(length, frame) = cover {
            announce_chunks(headers, length, frame)?;
        }
        let replayable = body.is_replayable();
        let ahead = (!at_once && ahead != Ahead::default()).then(|| Box::new(ahead));
        Ok(Self { body, cover, replayable, ahead })
    }

    /// Whether [`complete`](Self::complete) has something to do.
    pub(super) fn is_incomplete(&self) -> bool {
        self.ahead.is_some() || self.promises_nothing()
    }

    /// A stream that is said to have no bytes. No transport would ask it for any.
    fn promises_nothing(&self) -> bool {
        !self.replayable && matches!(self.cover, Cover::Empty)
    }

    /// Computes what is missing, and looks whether a stream is as empty as it was said to be. To be called before anything
    /// is signed.
    pub(super) async fn complete(&mut self, headers: &mut HeaderMap) -> Result<(), S3Error> {
        if self.promises_nothing() {
            let body = std::mem::take(&mut self.body);
            body.collect().await?;
            self.replayable = true;
        }
        let (Some(ahead), Some(bytes)) = (&self.ahead, self.body.as_bytes()) else { return Ok(()) };
        let found = ahead.compute(bytes).await;
        if let Some(sha256) = found.sha256 {
            self.cover = Cover::Hashed(sign::hex(&sha256));
        }
        if let Some(md5) = found.md5 {
            insert_md5(headers, &md5);
        }
        if let Some(sum) = found.sum {
            headers.insert(sum.algorithm().header(), sum.to_header());
        }
        self.ahead = None;
        Ok(())
    }

    /// Whether the body can be sent once more.
    pub(super) fn can_replay(&self) -> bool {
        self.replayable
    }

    /// Signs the headers and hands out the body for one attempt. A checksum behind it is computed anew.
    pub(super) fn sign(
        &mut self,
        core: &Core,
        request: &WireRequest,
        headers: &mut HeaderMap,
        credentials: Option<&Credentials>,
        scope: &SigningScope<'_>,
        method: &str,
    ) -> Result<ByteStream, S3Error> {
        let body = match self.body.try_replay() {
            Some(again) => again,
            None => std::mem::take(&mut self.body),
        };
        let cover = match &self.cover {
            Cover::Empty => sign::Payload::Empty,
            Cover::Unsigned => sign::Payload::Unsigned,
            Cover::Hashed(hex) => sign::Payload::Sha256Hex(hex),
            Cover::Chunks(_, Frame::Signed) => sign::Payload::StreamingSigned,
            Cover::Chunks(_, Frame::SignedTrailer(_)) => sign::Payload::StreamingSignedTrailer,
            Cover::Chunks(_, Frame::UnsignedTrailer(_)) => sign::Payload::StreamingUnsignedTrailer,
        };
        let signature = match credentials {
            Some(credentials) => {
                let (path, query) = (request.path(), request.query());
                let target = Target { method, host: Some(request.authority()), path, query };
                Some(sign::sign_request(&target, headers, &cover, credentials, scope, &core.keys)?)
            }
            None => None,
        };
        let Cover::Chunks(length, frame) = self.cover else { return Ok(body) };
        let (signed, framer) = match (frame, signature) {
            (Frame::Signed | Frame::SignedTrailer(_), Some(signature)) => {
                (true, ChunkFramer::signed(signature, CHUNK_SIZE))
            }
            (_, signature) => {
                if signature.is_none() {
                    // It tells the store how the body is cut, also where nothing is signed.
                    let value = HeaderValue::from_static(sign::Payload::StreamingUnsignedTrailer.as_str());
                    headers.insert("x-amz-content-sha256", value);
                }
                (false, ChunkFramer::unsigned(CHUNK_SIZE))
            }
        };
        Ok(framed(body, length, framer, signed, frame.trailer()))
    }
}

/// The body, with the length the caller declared if it does not know its own. The header itself is the transport's work.
fn declared_length(request: &mut WireRequest) -> Result<ByteStream, S3Error> {
    let body = request.take_body();
    let declared = request.headers_mut().remove(CONTENT_LENGTH);
    let Some(declared) = declared.and_then(|v| v.to_str().ok()?.parse::<u64>().ok()) else { return Ok(body) };
    match body.len() {
        None => Ok(ByteStream::from_stream(body, Some(declared))),
        Some(length) if length == declared => Ok(body),
        Some(length) => Err(S3Error::new(
            RequestError::Validation,
            format!("content_length says {declared} bytes, but the body has {length}"),
        )
        .with_suggestion("leave content_length out: the body knows its length")),
    }
}

/// The checksum to compute, if any.
fn chosen(
    config: &S3Config,
    rule: ChecksumRule,
    request: &mut WireRequest,
    body: &ByteStream,
) -> Result<Chosen, S3Error> {
    if request.headers().keys().any(is_checksum) {
        return Ok(Chosen::Nothing);
    }
    if let Some(name) = request.checksum_algorithm() {
        return match Algorithm::from_wire(name) {
            Some(algorithm) => Ok(Chosen::Sum(algorithm)),
            None => Err(unknown(name)),
        };
    }
    if request.headers().contains_key("content-md5") {
        return Ok(Chosen::Nothing);
    }
    // Behind the body is the only place where it can stand.
    if body.as_bytes().is_none() && !config.store.aws_chunked {
        return Ok(Chosen::Nothing);
    }
    match (config.request_checksums, rule) {
        (ChecksumWhen::Required, ChecksumRule::Required) if !config.store.content_md5 => {
            Ok(Chosen::Sum(Algorithm::Sha256))
        }
        (ChecksumWhen::Required, ChecksumRule::Required) if body.as_bytes().is_some() => Ok(Chosen::Md5),
        (ChecksumWhen::Supported, _) | (_, ChecksumRule::Required) => {
            announce(config, request);
            Ok(Chosen::Sum(DEFAULT))
        }
        (ChecksumWhen::Required, _) => Ok(Chosen::Nothing),
    }
}

fn insert_md5(headers: &mut HeaderMap, md5: &[u8]) {
    if let Ok(value) = HeaderValue::try_from(STANDARD.encode(md5)) {
        headers.insert("content-md5", value);
    }
}

/// Names the algorithm nobody chose, where the client is to use checksums.
fn announce(config: &S3Config, request: &mut WireRequest) {
    if let (Some(header), ChecksumWhen::Supported) = (request.checksum_header(), config.request_checksums)
        && let Ok(header) = static_name(header)
    {
        request.headers_mut().entry(header).or_insert(HeaderValue::from_static(DEFAULT.as_str()));
    }
}

/// Asks for the checksum the object was stored with, where there may be one.
fn ask_for_stored(config: &S3Config, request: &mut WireRequest) {
    if let (Some(header), ChecksumWhen::Supported) = (request.mode_header(), config.response_checksums)
        && let Ok(header) = static_name(header)
    {
        request.headers_mut().entry(header).or_insert(HeaderValue::from_static("ENABLED"));
    }
}

/// A value, not what is said about one.
pub(super) fn is_checksum(name: &HeaderName) -> bool {
    let rest = name.as_str().strip_prefix("x-amz-checksum-");
    rest.is_some_and(|rest| !matches!(rest, "algorithm" | "type" | "mode"))
}

fn announce_chunks(headers: &mut HeaderMap, length: u64, frame: Frame) -> Result<(), S3Error> {
    headers.insert("x-amz-decoded-content-length", HeaderValue::from(length));
    let coding = match headers.get("content-encoding") {
        Some(coding) => {
            HeaderValue::try_from([b"aws-chunked,", coding.as_bytes()].concat()).map_err(|_| not_a_header())?
        }
        None => HeaderValue::from_static("aws-chunked"),
    };
    headers.insert("content-encoding", coding);
    if let Some(algorithm) = frame.trailer() {
        headers.insert("x-amz-trailer", HeaderValue::from_static(algorithm.header_str()));
    }
    Ok(())
}

/// Over plain http nobody would notice a change: going unsigned must be the caller's word.
fn no_chunks(signed: bool) -> S3Error {
    let what = if signed { "unsigned" } else { "without a checksum" };
    let way_out = match signed {
        true => "use https, give the body as bytes, or set payload_signing(PayloadSigning::Unsigned)",
        false => "give the body as bytes, or compute the checksum yourself and set its value",
    };
    S3Error::new(RequestError::Validation, format!("the body is a stream, which this store takes {what} only"))
        .with_suggestion(way_out)
}

fn unknown(name: &str) -> S3Error {
    let known: Vec<&str> = Algorithm::ALL.into_iter().map(Algorithm::as_str).collect();
    S3Error::new(RequestError::Validation, format!("{name} checksums are not computed by this client"))
        .with_suggestion(format!("compute it yourself and set its value, or choose one of {}", known.join(", ")))
}

fn not_a_header() -> S3Error {
    S3Error::new(RequestError::Validation, "the content encoding cannot stand in a header")
}
