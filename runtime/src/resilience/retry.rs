//! When and how soon a failed request is sent again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::error::{RetryClass, S3Error};

/// What is tried again, how often and when.
///
/// The wait before attempt *n* + 1 is a random share of `base * 2^(n-1)`, at most `max_delay` ("full jitter"), so that
/// many clients that failed together do not come back together. A server's `Retry-After` is a lower bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all. Default 3.
    pub max_attempts: u32,
    /// The first wait at most. Default 100 ms.
    pub base_delay: Duration,
    /// Any wait at most, `Retry-After` excepted. Default 20 s.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 3, base_delay: Duration::from_millis(100), max_delay: Duration::from_secs(20) }
    }
}

/// A server that asks for longer than this is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

impl RetryPolicy {
    /// How long to wait before sending again after `attempts` attempts; `None`: do not.
    pub fn delay(&self, attempts: u32, error: &S3Error, jitter: &mut Jitter) -> Option<Duration> {
        if attempts >= self.max_attempts || !error.is_retryable() {
            return None;
        }
        // A store that says "slow down" needs more air than one that stumbled.
        let base = match error.retry_class() {
            RetryClass::Throttle => self.base_delay * 5,
            _ => self.base_delay,
        };
        let cap = base.saturating_mul(1u32 << (attempts.saturating_sub(1)).min(16)).min(self.max_delay);
        let wait = cap.mul_f64(jitter.share());
        match error.retry_after() {
            Some(asked) if asked > LONGEST_RETRY_AFTER => None,
            Some(asked) => Some(asked.max(wait)),
            None => Some(wait),
        }
    }
}

/// A source of chance good enough to spread waits; not for secrets.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// Seeded by the process's hash keys.
    pub fn new() -> Self {
        Self(RandomState::new().build_hasher().finish() | 1)
    }

    /// With a fixed seed, for tests.
    pub fn seeded(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next 64 bits (xorshift64*).
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 (included) to 1 (excluded).
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::error::{NetworkError, ObjectError, ServerError};

    fn failing() -> S3Error {
        S3Error::new(NetworkError::ConnectionFailed, "").with_retryable(true)
    }

    #[test]
    fn waits_grow_and_stay_below_their_cap() {
        let policy = RetryPolicy { max_attempts: 40, ..Default::default() };
        let mut jitter = Jitter::seeded(7);
        for attempts in 1..39 {
            let cap = Duration::from_millis(100).saturating_mul(1 << (attempts - 1).min(16)).min(policy.max_delay);
            for _ in 0..50 {
                assert!(policy.delay(attempts, &failing(), &mut jitter).unwrap() <= cap);
            }
        }
    }

    #[test]
    fn stops_at_the_last_attempt_and_at_errors_that_stay() {
        let policy = RetryPolicy::default();
        let mut jitter = Jitter::seeded(1);
        assert!(policy.delay(3, &failing(), &mut jitter).is_none());
        assert!(policy.delay(1, &S3Error::new(ObjectError::NotFound, ""), &mut jitter).is_none());
    }

    #[test]
    fn a_server_that_names_a_wait_gets_at_least_that() {
        let asked = |s| {
            S3Error::new(ServerError::SlowDown, "")
                .with_retry_class(RetryClass::Throttle)
                .with_retry_after(Some(Duration::from_secs(s)))
        };
        let mut jitter = Jitter::seeded(1);
        assert!(RetryPolicy::default().delay(1, &asked(7), &mut jitter).unwrap() >= Duration::from_secs(7));
        assert!(RetryPolicy::default().delay(1, &asked(3600), &mut jitter).is_none());
    }
}
