//! Options of one call.

use std::time::Duration;

/// Options of one call; what is not set is as the client has it.
///
/// ```
/// use integration_s3_runtime::call::RequestOptions;
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

    /// How long one attempt may take, up to the head of the answer.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// How often the request is sent at most; at least 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }
}
