//! Options of one call.

use std::time::Duration;

use crate::resilience::RetryPolicy;

/// Options of one call; what is not set is as the client has it.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::RequestOptions;
/// use std::time::Duration;
///
/// let options = RequestOptions::new().timeout(Duration::from_secs(5)).max_attempts(1);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to a request"]
pub struct RequestOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) retry: Option<Box<RetryPolicy>>,
    pub(crate) without_circuit: bool,
    pub(crate) without_rate_limits: bool,
}

impl RequestOptions {
    /// As the client has them.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the call may take with all its attempts. It also bounds calls with a streaming body, up to the head of
    /// the answer.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long one attempt may take, up to the head of the answer. The wait for a connection is not part of it. An attempt
    /// that takes longer is made again, like others that failed; if this is shorter than the client's own limit, it does
    /// not count against the bucket's circuit.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// How often the request is sent at most; at least 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// What is tried again, how often and when, in place of the client's policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(Box::new(policy));
        self
    }

    /// Sends the request whatever state the bucket's circuit is in, and tells the circuit nothing. For probes.
    pub fn without_circuit(mut self) -> Self {
        self.without_circuit = true;
        self
    }

    /// Sends the request past the client's rate limits, and does not count it. For requests that must not wait.
    pub fn without_rate_limits(mut self) -> Self {
        self.without_rate_limits = true;
        self
    }
}
