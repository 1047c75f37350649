//! Counters, histograms and gauges through the `metrics` facade; without the feature `metrics`, nothing at all.

use std::time::Duration;

use crate::plumbing::OperationFacts;
use crate::resilience::CircuitState;

/// What a finished call is counted with.
#[cfg_attr(not(feature = "metrics"), allow(dead_code))]
pub(super) struct Ended<'a> {
    pub(super) facts: &'static OperationFacts,
    pub(super) region: &'a str,
    pub(super) bucket: &'a str,
    pub(super) status: u16,
    pub(super) error: Option<crate::error::ErrorKind>,
    pub(super) took: Duration,
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Connections the pool may have, and those of them in use.
    pub(super) pool: Option<(usize, usize)>,
}

#[cfg(feature = "metrics")]
mod on {
    use super::*;
    use crate::telemetry::names::metric;
    use metrics::{counter, gauge, histogram};

    pub(in crate::telemetry) const ON: bool = true;

    pub(in crate::telemetry) fn ended(call: &Ended<'_>) {
        let (operation, region, bucket) = (call.facts.span, call.region.to_owned(), call.bucket.to_owned());
        let status = match call.status {
            0 => "none".to_owned(),
            status => status.to_string(),
        };
        counter!(metric::REQUESTS, "operation" => operation, "status" => status, "region" => region.clone(), "bucket" => bucket.clone())
            .increment(1);
        if let Some(kind) = call.error {
            let error_type = format!("{}.{}", kind.category(), kind.variant());
            counter!(metric::ERRORS, "operation" => operation, "error_type" => error_type, "region" => region.clone(), "bucket" => bucket.clone())
                .increment(1);
        }
        if let Some((size, in_use)) = call.pool {
            gauge!(metric::POOL_SIZE, "bucket" => bucket.clone()).set(size as f64);
            gauge!(metric::POOL_AVAILABLE, "bucket" => bucket.clone()).set(size.saturating_sub(in_use) as f64);
        }
        histogram!(metric::REQUEST_DURATION, "operation" => operation, "region" => region, "bucket" => bucket)
            .record(call.took.as_secs_f64());
        for (direction, bytes) in [("request", call.sent), ("response", call.received)] {
            if bytes > 0 {
                histogram!(metric::REQUEST_SIZE, "operation" => operation, "direction" => direction)
                    .record(bytes as f64);
            }
        }
    }

    /// One call more under way, or one less.
    pub(in crate::telemetry) fn active(facts: &'static OperationFacts, bucket: &str, by: f64) {
        gauge!(metric::ACTIVE_REQUESTS, "operation" => facts.span, "bucket" => bucket.to_owned()).increment(by);
    }

    pub(in crate::telemetry) fn retried(facts: &'static OperationFacts, region: &str, bucket: &str) {
        counter!(metric::RETRIES, "operation" => facts.span, "region" => region.to_owned(), "bucket" => bucket.to_owned())
            .increment(1);
    }

    pub(in crate::telemetry) fn circuit(bucket: &str, state: CircuitState) {
        if state == CircuitState::Open {
            counter!(metric::CIRCUIT_TRIPS, "bucket" => bucket.to_owned()).increment(1);
        }
        gauge!(metric::CIRCUIT_STATE, "bucket" => bucket.to_owned()).set(f64::from(state as u8));
    }

    pub(in crate::telemetry) fn limited(bucket: &str) {
        counter!(metric::RATE_LIMIT_HITS, "bucket" => bucket.to_owned()).increment(1);
    }

    /// Times a signature.
    pub(in crate::telemetry) fn signing<T>(sign: impl FnOnce() -> T) -> T {
        let started = std::time::Instant::now();
        let signed = sign();
        histogram!(metric::SIGNING_DURATION).record(started.elapsed().as_secs_f64());
        signed
    }

    pub(in crate::telemetry) fn upload(bucket: &str, completed: Option<bool>) {
        let by = if completed.is_some() { -1.0 } else { 1.0 };
        gauge!(metric::ACTIVE_UPLOADS, "bucket" => bucket.to_owned()).increment(by);
        match completed {
            Some(true) => counter!(metric::UPLOADS_COMPLETED, "bucket" => bucket.to_owned()).increment(1),
            Some(false) => counter!(metric::UPLOADS_ABORTED, "bucket" => bucket.to_owned()).increment(1),
            None => {}
        }
    }

    pub(in crate::telemetry) fn part(bucket: &str, bytes: u64) {
        histogram!(metric::PART_SIZE, "bucket" => bucket.to_owned()).record(bytes as f64);
    }

    /// Tells the installed recorder units and descriptions of all metrics. Call it once, after installing it.
    pub fn describe_metrics() {
        use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
        describe_counter!(metric::REQUESTS, "Calls that ended");
        describe_counter!(metric::ERRORS, "Calls that failed");
        describe_counter!(metric::RETRIES, "Attempts after the first");
        describe_counter!(metric::CIRCUIT_TRIPS, "Circuits that opened");
        describe_counter!(metric::RATE_LIMIT_HITS, "Attempts that waited for a rate limit");
        describe_counter!(metric::UPLOADS_COMPLETED, "Multipart uploads completed");
        describe_counter!(metric::UPLOADS_ABORTED, "Multipart uploads aborted");
        describe_histogram!(metric::REQUEST_DURATION, Unit::Seconds, "Time of a call with all its attempts");
        describe_histogram!(metric::REQUEST_SIZE, Unit::Bytes, "Size of bodies");
        describe_histogram!(metric::PART_SIZE, Unit::Bytes, "Size of uploaded parts");
        describe_histogram!(metric::SIGNING_DURATION, Unit::Seconds, "Time of a signature");
        describe_gauge!(metric::ACTIVE_REQUESTS, "Calls under way");
        describe_gauge!(metric::ACTIVE_UPLOADS, "Multipart uploads under way");
        describe_gauge!(metric::POOL_SIZE, "Connections the pool may have");
        describe_gauge!(metric::POOL_AVAILABLE, "Connections of the pool not in use");
        describe_gauge!(metric::CIRCUIT_STATE, "0 closed, 1 half-open, 2 open");
    }
}

#[cfg(not(feature = "metrics"))]
mod on {
    use super::*;

    pub(in crate::telemetry) const ON: bool = false;

    pub(in crate::telemetry) fn ended(_: &Ended<'_>) {}
    pub(in crate::telemetry) fn active(_: &'static OperationFacts, _: &str, _: f64) {}
    pub(in crate::telemetry) fn retried(_: &'static OperationFacts, _: &str, _: &str) {}
    pub(in crate::telemetry) fn circuit(_: &str, _: CircuitState) {}
    pub(in crate::telemetry) fn limited(_: &str) {}
    pub(in crate::telemetry) fn signing<T>(sign: impl FnOnce() -> T) -> T {
        sign()
    }
    pub(in crate::telemetry) fn upload(_: &str, _: Option<bool>) {}
    pub(in crate::telemetry) fn part(_: &str, _: u64) {}

    /// Without the feature `metrics` there is nothing to describe.
    pub fn describe_metrics() {}
}

pub use on::describe_metrics;
pub(super) use on::{ON, active, ended, part, retried, signing, upload};

/// A circuit has a new state: an error when it opens, information otherwise.
pub(crate) fn circuit_changed(bucket: &str, region: &str, state: CircuitState) {
    on::circuit(bucket, state);
    let state = state.as_str();
    if state == "open" {
        tracing::error!(target: "integration_s3::circuit", bucket, region, state, "circuit opened");
    } else {
        tracing::info!(target: "integration_s3::circuit", bucket, region, state, "circuit changed");
    }
}

/// An attempt waits for a rate limit.
pub(crate) fn rate_limited(bucket: &str, limit: &'static str, wait: Option<Duration>) {
    on::limited(bucket);
    let wait_ms = wait.map(|wait| wait.as_millis() as u64);
    tracing::warn!(target: "integration_s3::limits", bucket, limit, wait_ms, "waiting for a rate limit");
}
