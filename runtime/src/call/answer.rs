//! What an answer means: a reply to decode, or an error.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::body::ByteStream;
use crate::error::{CodeLookup, ResponseError, RetryClass, S3Error, ServerError, advice_for_status, kind_of_status};
use crate::plumbing::{ErrorDocument, error_document};
use crate::timestamp::Timestamp;

/// An error document beyond this is not read: no store sends one.
const LONGEST_ERROR: usize = 64 * 1024;

/// Nor is it waited for longer than this, were it to come byte by byte.
const ERROR_PATIENCE: Duration = Duration::from_secs(10);

/// The beginning of the body of an error. What cannot be read any more is left: the status says enough.
pub(super) async fn error_body(mut body: ByteStream) -> Vec<u8> {
    let mut text = Vec::new();
    let reading = async {
        while let Some(Ok(chunk)) = body.next().await {
            let room = LONGEST_ERROR - text.len();
            text.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if text.len() == LONGEST_ERROR {
                break;
            }
        }
    };
    // Late or not: what came is what there is.
    let _ = tokio::time::timeout(ERROR_PATIENCE, reading).await;
    text
}

/// A verdict is a few hundred bytes, after blanks that keep the connection alive.
const LONGEST_VERDICT: usize = 4 * 1024 * 1024;

/// The body of a 2xx answer that may hold an error instead of a result.
pub(super) async fn verdict(status: StatusCode, headers: &HeaderMap, mut body: ByteStream) -> Result<Vec<u8>, S3Error> {
    let named = |error: S3Error| error.with_status(status.as_u16()).with_request_id(text(headers, "x-amz-request-id"));
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        whole.extend_from_slice(&chunk.map_err(named)?);
        if whole.len() > LONGEST_VERDICT {
            let message = "the answer is longer than 4 MiB, where a result of a few hundred bytes belongs";
            return Err(named(S3Error::new(ResponseError::UnexpectedContent, message)));
        }
    }
    Ok(whole)
}

/// The error an answer tells of, whether by its status or by an error document in a 200.
pub(super) fn error_of(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    has_key: bool,
    codes: CodeLookup,
) -> S3Error {
    let mut document = error_document(body);
    if document.message.is_empty() {
        document.message = message(&document, status);
    }
    let (request_id, host_id) = (document.request_id.clone(), document.host_id.clone());
    let (kind, class) = match status.is_success() {
        true => (ServerError::Other.into(), RetryClass::No),
        false => kind_of_status(status.as_u16(), has_key),
    };
    let mut error = document
        .into_error(kind, class, codes)
        .with_status(status.as_u16())
        .with_retry_after(headers.get("retry-after").and_then(|v| retry_after(v.to_str().ok()?, headers)))
        .with_request_id(text(headers, "x-amz-request-id").or(request_id.as_deref()))
        .with_host_id(text(headers, "x-amz-id-2").or(host_id.as_deref()));
    if let (None, Some(advice)) = (error.suggestion(), advice_for_status(status.as_u16())) {
        error = error.with_suggestion(advice);
    }
    if let Some(region) = text(headers, "x-amz-bucket-region")
        && error.detail("Region").is_none()
    {
        error = error.with_detail("Region", region);
    }
    error
}

fn message(document: &ErrorDocument, status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) if document.code.is_none() => format!("the server answered {}", reason.to_lowercase()),
        _ => String::new(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty())
}

/// RFC 9110, 10.2.3: seconds, or a date, which is measured by the server's own clock.
fn retry_after(value: &str, headers: &HeaderMap) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = Timestamp::parse_http_date(value)?;
    let now = Timestamp::parse_http_date(text(headers, "date")?)?;
    Some(Duration::from_secs(until.unix().saturating_sub(now.unix()).max(0) as u64))
}
