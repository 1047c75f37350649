//! When and how soon a failed request is sent again. What it may cost all calls together is in `budget.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{BudgetPolicy, Jitter};
use crate::error::{ErrorKind, NetworkError, RetryClass, S3Error, ServerError};

/// What is tried again, how often and when.
///
/// The wait before attempt *n* + 1 is a random share of `base * 2^(n-1)`, at most `max_delay` ("full jitter"), so that
/// many clients that failed together do not come back together. A server's `Retry-After` is a lower bound; one of more
/// than 60 s is not waited for.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use std::time::Duration;
/// use integration_s3::resilience::{RetryCase, RetryMode, RetryPolicy, RetryRule};
///
/// let policy = RetryPolicy::default()
///     .max_attempts(5)
///     .mode(RetryMode::Adaptive)
///     .rule(RetryCase::Timeout, RetryRule::new().max_attempts(2).base_delay(Duration::from_millis(500)));
/// assert_eq!(policy.max_attempts, 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts in all, whatever fails. Default 3.
    pub max_attempts: u32,
    /// The first wait at most. Default 100 ms, and 1 s when the server asks to slow down.
    pub base_delay: Duration,
    /// Any wait at most, `Retry-After` excepted. Default 20 s.
    pub max_delay: Duration,
    /// Whether the rate of requests gives way to a server that throttles. Default [`RetryMode::Standard`].
    pub mode: RetryMode,
    /// What retries may cost all calls of the client together; `None`: no limit. The sizes are the client's: of a policy
    /// given to one request only `None` is looked at.
    pub budget: Option<BudgetPolicy>,
    rules: [RetryRule; RetryCase::ALL.len()],
    classifier: Option<RetryClassifier>,
}

/// How retries and the rate of requests go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RetryMode {
    /// Waits between attempts and a budget; requests that do not fail are never held back.
    #[default]
    Standard,
    /// As standard; beyond that, once a bucket throttles, **all** requests to it are paced to a rate that is cut to 70 % at each
    /// throttle and then grows along a cubic curve, slowly around the rate that failed. For batches that shall
    /// use what the server gives without hammering on it; it adds latency.
    Adaptive,
}

/// Kinds of failures a policy can have a rule for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryCase {
    /// `SlowDown`, 429 and the other throttling codes.
    Throttle,
    /// `ServiceUnavailable`.
    Unavailable,
    /// `InternalError`, bad gateways, and what else is the server's fault.
    Server,
    /// Attempts that took too long, whoever noticed.
    Timeout,
    /// No connection, or one that broke before the answer.
    Connection,
    /// Answers that broke off, and anything else that is tried again.
    Interrupted,
}

impl RetryCase {
    /// All of them.
    pub const ALL: [RetryCase; 6] = [
        RetryCase::Throttle,
        RetryCase::Unavailable,
        RetryCase::Server,
        RetryCase::Timeout,
        RetryCase::Connection,
        RetryCase::Interrupted,
    ];

    /// The case an error is.
    pub fn of(error: &S3Error) -> Self {
        match (error.retry_class(), error.kind()) {
            (RetryClass::Throttle, _) => Self::Throttle,
            (RetryClass::Timeout, _) => Self::Timeout,
            (_, ErrorKind::Network(NetworkError::Timeout) | ErrorKind::Server(ServerError::Timeout)) => Self::Timeout,
            (_, ErrorKind::Server(ServerError::ServiceUnavailable)) => Self::Unavailable,
            (_, ErrorKind::Server(_)) => Self::Server,
            (_, ErrorKind::Network(_)) => Self::Connection,
            _ => Self::Interrupted,
        }
    }
}

/// What differs from the policy for one [`RetryCase`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryRule {
    /// Attempts in all when this fails; never more than the policy's.
    pub max_attempts: Option<u32>,
    /// The first wait at most.
    pub base_delay: Option<Duration>,
}

impl RetryRule {
    /// As the policy has it.
    pub const fn new() -> Self {
        Self { max_attempts: None, base_delay: None }
    }

    /// Attempts in all when this fails; never more than the policy's. 1: not tried again.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// The first wait at most.
    pub const fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = Some(delay);
        self
    }
}

type Classify = dyn Fn(&S3Error) -> Option<RetryClass> + Send + Sync;

/// An application's own word on what an error is.
#[derive(Clone)]
struct RetryClassifier(Arc<Classify>);

impl PartialEq for RetryClassifier {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RetryClassifier {}

impl fmt::Debug for RetryClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryClassifier")
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let policy = Self {
            max_attempts: 3,
            base_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(20),
            mode: RetryMode::Standard,
            budget: Some(BudgetPolicy::default()),
            rules: [RetryRule::new(); RetryCase::ALL.len()],
            classifier: None,
        };
        // A store that says "slow down" needs more air than one that stumbled.
        policy.rule(RetryCase::Throttle, RetryRule::new().base_delay(Duration::from_secs(1)))
    }
}

/// A server that asks for longer than this is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

impl RetryPolicy {
    /// A patient policy for batches: 5 attempts where the server throttles; 3 for its own errors, for timeouts and for
    /// connections; 2 for answers that broke off; first waits of 500 ms (timeouts and connections) to 1 s.
    pub fn patient() -> Self {
        let second = Duration::from_secs(1);
        let three = RetryRule::new().max_attempts(3);
        Self::default()
            .max_attempts(5)
            .rule(RetryCase::Throttle, RetryRule::new().base_delay(second))
            .rule(RetryCase::Unavailable, three.base_delay(second))
            .rule(RetryCase::Server, three.base_delay(second))
            .rule(RetryCase::Timeout, three.base_delay(second / 2))
            .rule(RetryCase::Connection, three.base_delay(second / 2))
            .rule(RetryCase::Interrupted, RetryRule::new().max_attempts(2).base_delay(second))
    }

    /// Attempts in all; 1 switches retries off.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// The first wait at most, where no rule says otherwise.
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// Any wait at most, `Retry-After` excepted.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Whether the rate of requests gives way to a server that throttles.
    pub fn mode(mut self, mode: RetryMode) -> Self {
        self.mode = mode;
        self
    }

    /// What retries may cost all calls of the client together; `None`: no limit.
    pub fn budget(mut self, budget: impl Into<Option<BudgetPolicy>>) -> Self {
        self.budget = budget.into();
        self
    }

    /// Another rule for one kind of failure.
    pub fn rule(mut self, case: RetryCase, rule: RetryRule) -> Self {
        self.rules[case as usize] = rule;
        self
    }

    /// Asks the application what an error is before the SDK decides. `None` leaves it to the SDK.
    ///
    /// ```
    /// # use integration_s3_runtime::facade as integration_s3;
    /// use integration_s3::error::RetryClass;
    /// use integration_s3::resilience::RetryPolicy;
    ///
    /// // A store behind a gateway that answers 403 while it fails over.
    /// let policy = RetryPolicy::default()
    ///     .classifier(|error| (error.status() == Some(403) && error.code().is_none()).then_some(RetryClass::Transient));
    /// # let _ = policy;
    /// ```
    pub fn classifier(mut self, classify: impl Fn(&S3Error) -> Option<RetryClass> + Send + Sync + 'static) -> Self {
        self.classifier = Some(RetryClassifier(Arc::new(classify)));
        self
    }

    /// The error with the class the application gives it, if it has a word on it.
    pub(crate) fn classified(&self, error: S3Error) -> S3Error {
        match self.classifier.as_ref().and_then(|own| (own.0)(&error)) {
            Some(class) => error.with_retry_class(class),
            None => error,
        }
    }

    /// How long to wait before sending again after `attempts` attempts, of which there may be `max`; `None`: do not.
    pub(crate) fn delay(&self, attempts: u32, max: u32, error: &S3Error, jitter: &mut Jitter) -> Option<Duration> {
        if !error.is_retryable() {
            return None;
        }
        let rule = &self.rules[RetryCase::of(error) as usize];
        if attempts >= rule.max_attempts.unwrap_or(max).min(max) {
            return None;
        }
        let base = rule.base_delay.unwrap_or(self.base_delay);
        let cap = base.saturating_mul(1u32 << (attempts.saturating_sub(1)).min(16)).min(self.max_delay);
        let wait = cap.mul_f64(jitter.share());
        match error.retry_after() {
            Some(asked) if asked > LONGEST_RETRY_AFTER => None,
            Some(asked) => Some(asked.max(wait)),
            None => Some(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::error::{ObjectError, TransferError};

    fn failing() -> S3Error {
        S3Error::new(NetworkError::ConnectionFailed, "").with_retryable(true)
    }

    fn throttled(after: Option<u64>) -> S3Error {
        S3Error::new(ServerError::SlowDown, "")
            .with_retry_class(RetryClass::Throttle)
            .with_retry_after(after.map(Duration::from_secs))
    }

    #[test]
    fn waits_grow_and_stay_below_their_cap() {
        let policy = RetryPolicy::default();
        let mut jitter = Jitter::seeded(7);
        for attempts in 1..39 {
            let cap = Duration::from_millis(100).saturating_mul(1 << (attempts - 1).min(16)).min(policy.max_delay);
            for _ in 0..50 {
                assert!(policy.delay(attempts, 40, &failing(), &mut jitter).unwrap() <= cap);
            }
        }
    }

    #[test]
    fn a_throttling_server_gets_ten_times_the_air() {
        let mut jitter = Jitter::seeded(7);
        let longest = (0..500).filter_map(|_| RetryPolicy::default().delay(1, 3, &throttled(None), &mut jitter)).max();
        assert!(longest.unwrap() > Duration::from_millis(900));
    }

    #[test]
    fn stops_at_the_last_attempt_and_at_errors_that_stay() {
        let policy = RetryPolicy::default();
        let mut jitter = Jitter::seeded(1);
        assert!(policy.delay(3, 3, &failing(), &mut jitter).is_none());
        assert!(policy.delay(1, 3, &S3Error::new(ObjectError::NotFound, ""), &mut jitter).is_none());
    }

    #[test]
    fn a_rule_can_lower_the_attempts_but_not_raise_them() {
        let mut jitter = Jitter::seeded(1);
        let policy = RetryPolicy::patient();
        let cut = S3Error::new(TransferError::IncompleteBody, "").with_retryable(true);
        assert!(policy.delay(1, 5, &cut, &mut jitter).is_some());
        assert!(policy.delay(2, 5, &cut, &mut jitter).is_none());
        assert!(policy.delay(4, 5, &throttled(None), &mut jitter).is_some());
        let eager = policy.rule(RetryCase::Throttle, RetryRule::new().max_attempts(9));
        assert!(eager.delay(2, 2, &throttled(None), &mut jitter).is_none());
    }

    #[test]
    fn a_server_that_names_a_wait_gets_at_least_that() {
        let mut jitter = Jitter::seeded(1);
        let policy = RetryPolicy::default();
        assert!(policy.delay(1, 3, &throttled(Some(7)), &mut jitter).unwrap() >= Duration::from_secs(7));
        assert!(policy.delay(1, 3, &throttled(Some(3600)), &mut jitter).is_none());
    }

    #[test]
    fn the_application_has_the_first_word() {
        let policy = RetryPolicy::default().classifier(|e| match e.status() {
            Some(403) => Some(RetryClass::Transient),
            Some(500) => Some(RetryClass::No),
            _ => None,
        });
        let of = |status, class| {
            let error = S3Error::new(ServerError::Other, "").with_status(status).with_retry_class(class);
            policy.classified(error).retry_class()
        };
        assert_eq!(of(403, RetryClass::No), RetryClass::Transient);
        assert_eq!(of(500, RetryClass::Transient), RetryClass::No);
        assert_eq!(of(503, RetryClass::Throttle), RetryClass::Throttle);
        assert_eq!(policy.clone(), policy);
    }
}
