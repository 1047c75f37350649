//! How the body travels: hashed, unsigned, or signed chunk by chunk; and whether it can travel twice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::core::Core;
use crate::body::ByteStream;
use crate::config::{PayloadSigning, S3Config};
use crate::error::{RequestError, S3Error};
use crate::identity::Credentials;
use crate::plumbing::{ChecksumRule, OperationFacts, WireRequest};
use crate::sign::{self, SigningScope, Target};
use crate::timestamp::Timestamp;

/// Bodies in memory up to this size are hashed before they are sent; larger ones are signed in chunks as they go.
const HASHED_AT_ONCE: usize = 8 * 1024 * 1024;

/// The body of a call and how it is covered by the signature.
pub(super) struct Payload {
    body: ByteStream,
    cover: Cover,
    replayable: bool,
}

enum Cover {
    Empty,
    Unsigned,
    /// Hexadecimal SHA-256 of the whole body.
    Hashed(String),
    /// The length of the body before it is cut into chunks.
    Chunks(u64),
}

impl Payload {
    /// Decides once per call. Takes the body out of the request and adds the headers that do not change per attempt.
    pub(super) fn plan(config: &S3Config, facts: &OperationFacts, request: &mut WireRequest) -> Result<Self, S3Error> {
        let body = declared_length(request)?;
        if matches!(facts.checksum, ChecksumRule::Required) {
            add_checksum(request, &body, config.store.content_md5);
        }
        let length = body.len().ok_or_else(|| {
            S3Error::new(RequestError::MissingContentLength, "the length of the body is not known")
                .with_suggestion("set content_length, or upload a stream of unknown length in parts (multipart)")
        })?;
        let hash = match config.payload_signing {
            PayloadSigning::Signed => true,
            PayloadSigning::Unsigned => false,
            PayloadSigning::Auto => !request.is_https(),
        };
        let chunks = config.store.aws_chunked;
        let cover = match body.as_bytes() {
            _ if length == 0 => Cover::Empty,
            _ if !hash || config.credentials.is_none() => Cover::Unsigned,
            Some(bytes) if bytes.len() <= HASHED_AT_ONCE || !chunks => Cover::Hashed(sign::sha256_hex(bytes)),
            _ if chunks => Cover::Chunks(length),
            // Over plain http nobody would notice a change: that must be the caller's word.
            _ => {
                return Err(S3Error::new(
                    RequestError::Validation,
                    "the body is a stream, which this store takes unsigned only",
                )
                .with_suggestion(
                    "use https, give the body as bytes, or set payload_signing(PayloadSigning::Unsigned)",
                ));
            }
        };
        if let Cover::Chunks(length) = cover {
            let headers = request.headers_mut();
            headers.insert("x-amz-decoded-content-length", HeaderValue::from(length));
            let coding = match headers.get("content-encoding") {
                Some(coding) => {
                    HeaderValue::try_from([b"aws-chunked,", coding.as_bytes()].concat()).map_err(|_| not_a_header())?
                }
                None => HeaderValue::from_static("aws-chunked"),
            };
            headers.insert("content-encoding", coding);
        }
        let replayable = body.is_replayable();
        Ok(Self { body, cover, replayable })
    }

    /// Whether the body can be sent once more.
    pub(super) fn can_replay(&self) -> bool {
        self.replayable
    }

    /// Signs the headers and hands out the body for one attempt.
    pub(super) fn sign(
        &mut self,
        core: &Core,
        request: &WireRequest,
        headers: &mut HeaderMap,
        credentials: Option<&Credentials>,
        region: &str,
        now: Timestamp,
        method: &str,
    ) -> Result<ByteStream, S3Error> {
        let body = match self.body.try_replay() {
            Some(again) => again,
            None => std::mem::take(&mut self.body),
        };
        let Some(credentials) = credentials else { return Ok(body) };
        let target = Target { method, host: Some(request.authority()), path: request.path(), query: request.query() };
        let scope = SigningScope { region, service: "s3", time: now };
        let cover = match &self.cover {
            Cover::Empty => sign::Payload::Empty,
            Cover::Unsigned => sign::Payload::Unsigned,
            Cover::Hashed(hex) => sign::Payload::Sha256Hex(hex),
            Cover::Chunks(_) => sign::Payload::StreamingSigned,
        };
        let signature = sign::sign_request(&target, headers, &cover, credentials, &scope, &core.keys)?;
        match self.cover {
            Cover::Chunks(length) => Ok(super::chunked::signed_chunks(body, length, signature)),
            _ => Ok(body),
        }
    }
}

/// The body, with the length the caller declared if it does not know its own. The header itself is the transport's work.
fn declared_length(request: &mut WireRequest) -> Result<ByteStream, S3Error> {
    let body = request.take_body();
    let declared = request.headers_mut().remove("content-length");
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

/// Operations that demand a checksum take this one in nearly every store there is.
fn add_checksum(request: &mut WireRequest, body: &ByteStream, md5: bool) {
    let headers = request.headers_mut();
    let has_one = headers.keys().any(|name| name == "content-md5" || name.as_str().starts_with("x-amz-checksum-"));
    let (false, Some(bytes)) = (has_one, body.as_bytes()) else { return };
    let (name, sum) = match md5 {
        true => ("content-md5", STANDARD.encode(Md5::digest(bytes))),
        false => ("x-amz-checksum-sha256", STANDARD.encode(Sha256::digest(bytes))),
    };
    if let Ok(sum) = HeaderValue::try_from(sum) {
        headers.insert(name, sum);
    }
}

fn not_a_header() -> S3Error {
    S3Error::new(RequestError::Validation, "the content encoding cannot stand in a header")
}
