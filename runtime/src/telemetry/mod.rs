//! Spans, log events and metrics: what a call shows of itself. It observes and never decides.
//!
//! All names are documented in [`names`] and are as stable as functions. Spans and events go to `tracing`; with the cargo
//! feature `metrics`, counters, histograms and gauges go to the `metrics` facade. While nobody listens nothing is built.
//!
//! ```text
//! s3.operation                   info   one call, with all its attempts
//!   s3.request_build             debug  the request value becomes URL, headers and body
//!   s3.credential_resolution     debug  credentials, from the cache or their source
//!   s3.signing.signature         debug  one signature
//!   s3.http_request              debug  one attempt, from sending to the head of the answer
//!   s3.retry_delay               debug  the wait before the next attempt
//!   s3.response_parse            debug  the answer becomes an output
//! ```

mod metrics;
pub mod names;
mod redact;
pub mod uploads;
mod watch;

pub(crate) use metrics::{circuit_changed, rate_limited};
pub(crate) use redact::{Headers, SafeUrl};
pub(crate) use watch::Watch;

pub use metrics::describe_metrics;

use std::time::Duration;

use tracing::{Span, debug_span};

use crate::error::S3Error;
use crate::plumbing::OperationFacts;

pub(crate) fn build_span() -> Span {
    debug_span!(target: "integration_s3::call", "s3.request_build")
}

pub(crate) fn credentials_span() -> Span {
    debug_span!(target: "integration_s3::call", "s3.credential_resolution")
}

pub(crate) fn attempt_span(attempt: u32) -> Span {
    debug_span!(
        target: "integration_s3::call",
        "s3.http_request",
        "retry.count" = attempt - 1,
        "http.status_code" = tracing::field::Empty
    )
}

pub(crate) fn delay_span() -> Span {
    debug_span!(target: "integration_s3::call", "s3.retry_delay")
}

pub(crate) fn parse_span() -> Span {
    debug_span!(target: "integration_s3::call", "s3.response_parse")
}

/// Makes a signature under its span, and times it.
pub(crate) fn signing<T>(sign: impl FnOnce() -> T) -> T {
    debug_span!(target: "integration_s3::call", "s3.signing.signature").in_scope(|| metrics::signing(sign))
}

/// An attempt failed and is made again after a wait.
pub(crate) fn retrying(
    facts: &'static OperationFacts,
    region: &str,
    bucket: Option<&str>,
    attempt: u32,
    wait: Duration,
    error: &S3Error,
) {
    metrics::retried(facts, region, bucket.unwrap_or_default());
    let (operation, delay_ms) = (facts.span, wait.as_millis() as u64);
    tracing::warn!(
        target: "integration_s3::retry", operation, bucket, region, attempt, delay_ms, error = %error, "trying again"
    );
}
