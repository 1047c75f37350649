//! The names of everything that is observed. They are API: a changed name is a breaking change.

/// Targets of spans and events.
pub mod target {
    /// Spans, and how operations end.
    pub const CALL: &str = "integration_s3::call";
    /// Attempts that fail and are made again.
    pub const RETRY: &str = "integration_s3::retry";
    /// Changes of circuits.
    pub const CIRCUIT: &str = "integration_s3::circuit";
    /// Requests that wait for a rate limit.
    pub const LIMITS: &str = "integration_s3::limits";
    /// Heads of requests and answers, redacted.
    pub const WIRE: &str = "integration_s3::wire";
    /// A client and what it was set up with.
    pub const CLIENT: &str = "integration_s3::client";
}

/// Spans.
pub mod span {
    /// One call, with all its attempts. Level info.
    pub const OPERATION: &str = "s3.operation";
    /// The request value becomes URL, headers and body. Level debug, as all that follow.
    pub const REQUEST_BUILD: &str = "s3.request_build";
    /// Credentials, from the cache or their source.
    pub const CREDENTIALS: &str = "s3.credential_resolution";
    /// One signature.
    pub const SIGNING: &str = "s3.signing.signature";
    /// One attempt, from sending to the head of the answer.
    pub const ATTEMPT: &str = "s3.http_request";
    /// The wait before the next attempt.
    pub const RETRY_DELAY: &str = "s3.retry_delay";
    /// The answer becomes an output.
    pub const PARSE: &str = "s3.response_parse";
}

/// Metrics of the feature `metrics`.
pub mod metric {
    /// Counter: calls that ended. Labels operation, status, region, bucket; status is `none` if no answer came.
    pub const REQUESTS: &str = "s3_requests_total";
    /// Counter: calls that failed. Labels operation, error_type (`Category.Variant`), region, bucket.
    pub const ERRORS: &str = "s3_errors_total";
    /// Counter: attempts after the first. Labels operation, region, bucket.
    pub const RETRIES: &str = "s3_retries_total";
    /// Counter: circuits that opened. Label bucket.
    pub const CIRCUIT_TRIPS: &str = "s3_circuit_breaker_trips_total";
    /// Counter: attempts that waited for a rate limit. Label bucket.
    pub const RATE_LIMIT_HITS: &str = "s3_rate_limit_hits_total";
    /// Counter: multipart uploads of the transfer manager that were completed. Label bucket.
    pub const UPLOADS_COMPLETED: &str = "s3_multipart_uploads_completed_total";
    /// Counter: multipart uploads of the transfer manager that were aborted. Label bucket.
    pub const UPLOADS_ABORTED: &str = "s3_multipart_uploads_aborted_total";
    /// Histogram: seconds a call took, all attempts included, up to its output. Labels operation, region, bucket.
    pub const REQUEST_DURATION: &str = "s3_request_duration_seconds";
    /// Histogram: bytes of bodies, as declared. Labels operation, direction (`request`, `response`).
    pub const REQUEST_SIZE: &str = "s3_request_size_bytes";
    /// Histogram: bytes of parts the transfer manager uploaded. Label bucket.
    pub const PART_SIZE: &str = "s3_multipart_part_size_bytes";
    /// Histogram: seconds a signature took. No labels.
    pub const SIGNING_DURATION: &str = "s3_signing_duration_seconds";
    /// Gauge: calls under way. Labels operation, bucket.
    pub const ACTIVE_REQUESTS: &str = "s3_active_requests";
    /// Gauge: multipart uploads of the transfer manager under way. Label bucket.
    pub const ACTIVE_UPLOADS: &str = "s3_active_multipart_uploads";
    /// Gauge: connections the client's pool may have. Label bucket: that of the call that looked last.
    pub const POOL_SIZE: &str = "s3_connection_pool_size";
    /// Gauge: connections of them not in use. Label bucket, likewise.
    pub const POOL_AVAILABLE: &str = "s3_connection_pool_available";
    /// Gauge: a bucket's circuit: 0 closed, 1 half-open, 2 open. Label bucket.
    pub const CIRCUIT_STATE: &str = "s3_circuit_breaker_state";
}

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;

/// Useful upper bounds for the buckets of each histogram, for exporters that need them.
pub const HISTOGRAM_BUCKETS: &[(&str, &[f64])] = &[
    (metric::REQUEST_DURATION, &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0]),
    (metric::REQUEST_SIZE, &[KIB, 10.0 * KIB, 100.0 * KIB, MIB, 10.0 * MIB, 100.0 * MIB, 1024.0 * MIB]),
    (metric::PART_SIZE, &[5.0 * MIB, 10.0 * MIB, 25.0 * MIB, 50.0 * MIB, 100.0 * MIB]),
    (metric::SIGNING_DURATION, &[0.0001, 0.0005, 0.001, 0.005, 0.01]),
];
