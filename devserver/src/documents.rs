//! Request documents (XML): their hashes are judged here, because s3s reads them without looking.

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use s3s::crypto::{Checksum as _, Sha256};

use crate::gate::{Refusal, refuse};
use crate::query;
use crate::store::hex;
use crate::sums;

/// Whether the body of this request is a small document that s3s reads without checking its hashes.
pub(crate) fn expected(parts: &Parts) -> bool {
    let query = query::parse(parts.uri.query().unwrap_or_default());
    let has = |name: &str| query.iter().any(|(n, _)| n == name);
    let streaming = parts.headers.get("x-amz-content-sha256").is_some_and(|v| v.as_bytes().starts_with(b"STREAMING-"));
    let form = parts.headers.get("content-type").is_some_and(|v| v.as_bytes().starts_with(b"multipart/form-data"));
    let document = parts.method == Method::POST && !form
        || parts.method == Method::PUT && ["tagging", "cors", "versioning", "delete"].into_iter().any(has);
    document && !streaming
}

/// Judges such a body.
pub(crate) fn judge(parts: &Parts, body: &Bytes) -> Result<(), Refusal> {
    let sha256 = parts.headers.get("x-amz-content-sha256").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if sha256.len() == 64 && sha256 != hex(&Sha256::checksum(body)) {
        return refuse(
            StatusCode::BAD_REQUEST,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        );
    }
    let query = query::parse(parts.uri.query().unwrap_or_default());
    let has = |name: &str| query.iter().any(|(n, _)| n == name);
    if has("uploads") || has("uploadId") {
        // Here the checksum headers speak of the object, not of this document.
        return Ok(());
    }
    let checked = sums::verify(body, &parts.headers, None).map_err(|e| Refusal {
        status: e.status_code().unwrap_or(StatusCode::BAD_REQUEST),
        code: e.code().as_str().to_owned(),
        message: e.message().unwrap_or_default().to_owned(),
        extra: Vec::new(),
    })?;
    if checked.is_none() && !parts.headers.contains_key("content-md5") && ["delete", "cors"].into_iter().any(has) {
        return refuse(
            StatusCode::BAD_REQUEST,
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        );
    }
    Ok(())
}
