//! One call as it is seen from outside: its span, its numbers, and the line in the log when it is over.

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::{HeaderMap, StatusCode, Uri};
use tokio::time::Instant;
use tracing::field::{Empty, display};
use tracing::{Level, Span};

use super::metrics::{self, Ended};
use super::{Headers, SafeUrl};
use crate::config::S3Config;
use crate::error::{ErrorKind, S3Error};
use crate::plumbing::OperationFacts;
use crate::resilience::CircuitState;

/// A call without streams that takes longer is worth a warning.
const SLOW: Duration = Duration::from_secs(10);

/// Follows one call. While nobody listens it is nothing.
#[derive(Debug)]
pub(crate) struct Watch<'a>(Option<Box<Listener<'a>>>);

#[derive(Debug)]
struct Listener<'a> {
    config: &'a S3Config,
    facts: &'static OperationFacts,
    span: Span,
    /// None: nobody listens but to the span.
    started: Option<Instant>,
    status: AtomicU16,
    attempts: AtomicU32,
    sent: AtomicU64,
    received: AtomicU64,
    /// For the gauge of calls under way, which must fall when the call is dropped; taken when it ends.
    active: Option<Box<str>>,
}

impl<'a> Watch<'a> {
    pub(crate) fn begin(
        config: &'a S3Config,
        facts: &'static OperationFacts,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> Self {
        let span = tracing::span!(
            target: "integration_s3::call",
            Level::INFO,
            "s3.operation",
            "otel.kind" = "client",
            "otel.status_code" = Empty,
            "rpc.system" = "aws-api",
            "rpc.service" = "S3",
            "rpc.method" = facts.name,
            "aws.region" = config.region(),
            "aws.request_id" = Empty,
            "s3.bucket" = bucket,
            "s3.key" = key,
            "s3.operation" = facts.span,
            "http.method" = facts.verb.as_str(),
            "http.url" = Empty,
            "http.status_code" = Empty,
            "http.request_content_length" = Empty,
            "http.response_content_length" = Empty,
            "retry.count" = Empty,
            "circuit_breaker.state" = Empty,
            "rate_limit.remaining" = Empty,
            "error.type" = Empty,
        );
        let listening = metrics::ON || tracing::enabled!(target: "integration_s3::call", Level::WARN);
        if !listening && span.is_disabled() {
            return Self(None);
        }
        let active = metrics::ON.then(|| {
            let bucket = bucket.unwrap_or_default();
            metrics::active(facts, bucket, 1.0);
            bucket.into()
        });
        Self(Some(Box::new(Listener {
            config,
            facts,
            span,
            started: listening.then(Instant::now),
            status: AtomicU16::new(0),
            attempts: AtomicU32::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            active,
        })))
    }

    /// The span of the call; one that is off if nobody listens.
    pub(crate) fn span(&self) -> &Span {
        static OFF: Span = Span::none();
        self.0.as_ref().map_or(&OFF, |listener| &listener.span)
    }

    /// An attempt leaves.
    pub(crate) fn sending(&self, attempt: u32, url: &Uri, headers: &HeaderMap, length: Option<u64>) {
        let Some(it) = &self.0 else { return };
        it.attempts.store(attempt, Relaxed);
        if it.started.is_none() {
            return;
        }
        if let Some(length) = length {
            it.sent.store(length, Relaxed);
            it.span.record("http.request_content_length", length);
        }
        if attempt > 1 {
            it.span.record("retry.count", attempt - 1);
        }
        if !it.span.is_disabled() {
            it.span.record("http.url", display(SafeUrl(url)));
        }
        tracing::debug!(
            target: "integration_s3::wire",
            method = it.facts.verb.as_str(), url = %SafeUrl(url), attempt, headers = ?Headers(headers), "request"
        );
    }

    /// The head of an answer is there.
    pub(crate) fn answered(&self, status: StatusCode, headers: &HeaderMap) {
        let Some(it) = &self.0 else { return };
        it.status.store(status.as_u16(), Relaxed);
        if it.started.is_none() {
            return;
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(length) = text("content-length").and_then(|length| length.parse::<u64>().ok()) {
            it.received.store(length, Relaxed);
            it.span.record("http.response_content_length", length);
        }
        it.span.record("http.status_code", status.as_u16());
        Span::current().record("http.status_code", status.as_u16());
        if let Some(id) = text("x-amz-request-id") {
            it.span.record("aws.request_id", id);
        }
        tracing::debug!(
            target: "integration_s3::wire", status = status.as_u16(), headers = ?Headers(headers), "answer"
        );
    }

    /// The circuit an attempt passed.
    pub(crate) fn circuit(&self, state: CircuitState) {
        if let Some(it) = &self.0 {
            it.span.record("circuit_breaker.state", state.as_str());
        }
    }

    /// Requests that might have been sent at once.
    pub(crate) fn remaining(&self, left: impl FnOnce() -> f64) {
        if let Some(it) = self.0.as_ref().filter(|it| !it.span.is_disabled()) {
            it.span.record("rate_limit.remaining", left() as u64);
        }
    }

    /// The call is over.
    pub(crate) fn end(self, bucket: Option<&str>, key: Option<&str>, error: Option<&S3Error>) {
        if let Some(mut listener) = self.0 {
            listener.end(bucket, key, error);
        }
    }
}

impl Listener<'_> {
    fn end(&mut self, bucket: Option<&str>, key: Option<&str>, error: Option<&S3Error>) {
        let Some(started) = self.started else { return };
        let took = started.elapsed();
        if let Some(bucket) = self.active.take() {
            metrics::active(self.facts, &bucket, -1.0);
        }
        let status = error.map_or(self.status.load(Relaxed), |error| error.status().unwrap_or(0));
        let region = self.config.region();
        if metrics::ON {
            metrics::ended(&Ended {
                facts: self.facts,
                region,
                bucket: bucket.unwrap_or_default(),
                status,
                error: error.map(S3Error::kind),
                took,
                sent: self.sent.load(Relaxed),
                received: self.received.load(Relaxed),
                pool: self.config.transport.pool(),
            });
        }
        let operation = self.facts.span;
        let duration_ms = took.as_millis() as u64;
        let retry_count = self.attempts.load(Relaxed).saturating_sub(1);
        let content_length = self.received.load(Relaxed);
        let _entered = self.span.enter();
        match error {
            None => tracing::info!(
                target: "integration_s3::call",
                operation, bucket, key, region, duration_ms, status, content_length, retry_count, "S3 operation completed"
            ),
            Some(error) => {
                let error_type = kind_name(error.kind());
                self.span.record("error.type", &*error_type);
                self.span.record("otel.status_code", "ERROR");
                let request_id = error.request_id();
                // Answers such as "not found" are often what was asked for: only what nobody can have wanted is an error.
                if error.is_retryable() || matches!(error.kind(), ErrorKind::Access(_) | ErrorKind::Credentials(_)) {
                    tracing::error!(
                        target: "integration_s3::call",
                        operation, bucket, key, region, request_id, duration_ms, status, retry_count,
                        error_type = &*error_type, error = %error, "S3 operation failed"
                    );
                } else {
                    tracing::debug!(
                        target: "integration_s3::call",
                        operation, bucket, key, region, request_id, duration_ms, status, retry_count,
                        error_type = &*error_type, error = %error, "S3 operation refused"
                    );
                }
            }
        }
        if took > SLOW && !self.facts.streams_in && !self.facts.streams_out {
            tracing::warn!(
                target: "integration_s3::call",
                operation, bucket, key, region, duration_ms, retry_count, "S3 operation was slow"
            );
        }
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        if let Some(bucket) = self.active.take() {
            metrics::active(self.facts, &bucket, -1.0);
        }
    }
}

/// `Server.SlowDown`.
fn kind_name(kind: ErrorKind) -> Box<str> {
    format!("{}.{}", kind.category(), kind.variant()).into()
}
