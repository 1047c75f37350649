//! Request bodies: taken in whole, with s3s's stream errors turned into the codes S3 answers with.

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use hyper::HeaderMap;
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3Request, S3Result, StdError, TrailingHeaders, s3_error};

use crate::errors::bad;
use crate::sums;

/// Largest buffer reserved on a client's word alone; 5 GiB is the most one request may carry.
const RESERVE: usize = 64 << 20;
const LARGEST: i64 = 5 << 30;

/// An `Expires` header that was no date, put aside before s3s could refuse it.
#[derive(Debug, Clone)]
pub(crate) struct RawExpires(pub(crate) String);

/// A body that arrived whole and is what the client says it is.
pub(crate) struct Received {
    pub(crate) data: Bytes,
    /// The verified checksum, if the client sent one.
    pub(crate) sums: Option<Checksum>,
}

/// Reads and verifies a body.
///
/// # Errors
/// `IncompleteBody`, `BadDigest`, `XAmzContentSHA256Mismatch`, `SignatureDoesNotMatch` (a chunk's), ...
pub(crate) async fn receive(
    body: Option<StreamingBlob>,
    length: Option<i64>,
    headers: &HeaderMap,
    trailers: Option<TrailingHeaders>,
) -> S3Result<Received> {
    if length.is_some_and(|l| l > LARGEST) {
        return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed object size."));
    }
    let expected = length.and_then(|l| usize::try_from(l).ok());
    let mut data = BytesMut::with_capacity(expected.unwrap_or(0).min(RESERVE));
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            data.extend_from_slice(&chunk.map_err(|e| refused(&e))?);
        }
    }
    if expected.is_some_and(|l| l != data.len()) {
        return Err(incomplete());
    }
    let trailers = trailers.and_then(|t| t.take());
    let sums = sums::verify(&data, headers, trailers.as_ref())?;
    Ok(Received { data: data.freeze(), sums })
}

/// s3s keeps its stream errors private, so their text has to do.
fn refused(error: &StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        bad("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
    } else if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "The signature of a chunk does not match.")
    } else if text.contains("FormatError") || text.contains("TooLarge") || text.contains("TooMany") {
        s3_error!(InvalidRequest, "The aws-chunked framing of the body is not well-formed.")
    } else {
        incomplete()
    }
}

fn incomplete() -> S3Error {
    s3_error!(IncompleteBody, "The request body terminated unexpectedly")
}

/// The `Expires` text of a request.
pub(crate) fn expires<T>(req: &S3Request<T>) -> Option<String> {
    match req.extensions.get::<RawExpires>() {
        Some(raw) => Some(raw.0.clone()),
        None => req.headers.get("expires").and_then(|v| v.to_str().ok()).map(str::to_owned),
    }
}

/// The stored form of `Content-Encoding`: without the transfer's own `aws-chunked`.
pub(crate) fn content_encoding(header: Option<String>) -> Option<String> {
    let kept: Vec<&str> = header
        .as_deref()?
        .split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// The stored headers out of any request that writes an object.
macro_rules! facts {
    ($input:expr, $expires:expr) => {
        $crate::store::Facts {
            content_type: $input.content_type.clone(),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $crate::body::content_encoding($input.content_encoding.clone()),
            content_language: $input.content_language.clone(),
            expires: $expires,
            website_redirect: $input.website_redirect_location.clone(),
            storage_class: $input.storage_class.as_ref().map(|s| s.as_str().to_owned()),
            metadata: $crate::body::metadata($input.metadata.clone())?,
            encryption: $crate::encryption::encryption!($input),
        }
    };
}
pub(crate) use facts;

/// User metadata within the 2 KiB S3 allows (names and values together).
///
/// # Errors
/// `MetadataTooLarge`.
pub(crate) fn metadata(map: Option<s3s::dto::Metadata>) -> S3Result<Option<s3s::dto::Metadata>> {
    let size: usize = map.iter().flatten().map(|(k, v)| k.len() + v.len()).sum();
    if size > 2048 {
        return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(map)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_transfer_encoding_is_not_stored() {
        let kept = |text: &str| content_encoding(Some(text.into()));
        assert_eq!(kept("aws-chunked"), None);
        assert_eq!(kept("gzip, aws-chunked").as_deref(), Some("gzip"));
        assert_eq!(kept("aws-chunked,br").as_deref(), Some("br"));
    }
}
