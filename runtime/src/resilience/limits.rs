//! Rate limits a user sets: requests per second, requests at once, bytes per second. Off unless asked for.
//!
//! A limit never fails a request, it makes it wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::tokens::Tokens;

/// How much a client may send. What is not set is not limited.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::resilience::RateLimits;
///
/// let limits = RateLimits::new().requests_per_second(200).concurrent_requests(32).per_bucket(true);
/// assert_eq!(limits.requests_per_second, Some(200));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Requests per second, retries included.
    pub requests_per_second: Option<u32>,
    /// Requests that may be sent at once after a time of rest. Default: as many as per second.
    pub burst: Option<u32>,
    /// Requests under way at once. One is under way until the body of its answer has been read or dropped.
    pub concurrent_requests: Option<u32>,
    /// Bytes of bodies per second, up and down together.
    pub bytes_per_second: Option<u64>,
    /// Each bucket has the limits for itself. Default: all buckets share them.
    pub per_bucket: bool,
    /// Requests per second fall to 70 % each time the server asks to slow down, to a sixteenth at least, and come back within
    /// a minute. Default: yes.
    pub adapt: bool,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            requests_per_second: None,
            burst: None,
            concurrent_requests: None,
            bytes_per_second: None,
            per_bucket: false,
            adapt: true,
        }
    }
}

impl RateLimits {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests per second, retries included; at least 1.
    pub fn requests_per_second(mut self, requests: u32) -> Self {
        self.requests_per_second = Some(requests.max(1));
        self
    }

    /// Requests that may be sent at once after a time of rest; at least 1.
    pub fn burst(mut self, requests: u32) -> Self {
        self.burst = Some(requests.max(1));
        self
    }

    /// Requests under way at once; at least 1.
    pub fn concurrent_requests(mut self, requests: u32) -> Self {
        self.concurrent_requests = Some(requests.max(1));
        self
    }

    /// Bytes of bodies per second, up and down together; at least 1.
    pub fn bytes_per_second(mut self, bytes: u64) -> Self {
        self.bytes_per_second = Some(bytes.max(1));
        self
    }

    /// Whether each bucket has the limits for itself.
    pub fn per_bucket(mut self, on: bool) -> Self {
        self.per_bucket = on;
        self
    }

    /// Whether requests per second fall when the server asks to slow down.
    pub fn adapt(mut self, on: bool) -> Self {
        self.adapt = on;
        self
    }

    /// Whether nothing is limited.
    pub fn is_off(&self) -> bool {
        self.requests_per_second.is_none() && self.concurrent_requests.is_none() && self.bytes_per_second.is_none()
    }
}

/// How much a throttle leaves, the least that is ever left, and how long it takes to come back.
const CUT: f64 = 0.7;
const LEAST: f64 = 1.0 / 16.0;
const COMES_BACK: f64 = 60.0;

/// Requests per second, less after a throttle.
#[derive(Debug)]
pub(crate) struct RequestRate {
    tokens: Tokens,
    full: f64,
    burst: f64,
    adapt: bool,
    /// Since the last throttle, and the rate it left.
    cut: Option<(Duration, f64)>,
}

impl RequestRate {
    pub(crate) fn new(per_second: u32, burst: u32, adapt: bool) -> Self {
        let (full, burst) = (f64::from(per_second.max(1)), f64::from(burst.max(1)));
        Self { tokens: Tokens::new(full, burst), full, burst, adapt, cut: None }
    }

    pub(crate) fn take(&mut self, now: Duration) -> Duration {
        self.recover(now);
        self.tokens.take(now, 1.0)
    }

    pub(crate) fn give_back(&mut self) {
        self.tokens.give_back(1.0);
    }

    pub(crate) fn throttled(&mut self, now: Duration) {
        if self.adapt {
            self.recover(now);
            let rate = (self.tokens.rate() * CUT).max(self.full * LEAST);
            self.cut = Some((now, rate));
            self.set(now, rate);
        }
    }

    /// Tokens to be had without waiting.
    pub(crate) fn left(&mut self, now: Duration) -> f64 {
        self.recover(now);
        self.tokens.left(now)
    }

    fn recover(&mut self, now: Duration) {
        if let Some((since, left)) = self.cut {
            let rate = left + self.full * now.saturating_sub(since).as_secs_f64() / COMES_BACK;
            if rate >= self.full {
                self.cut = None;
            }
            self.set(now, rate.min(self.full));
        }
    }

    fn set(&mut self, now: Duration, rate: f64) {
        self.tokens.set(now, rate, (self.burst * rate / self.full).max(1.0));
    }
}

/// The limits at work. Time comes from outside.
#[derive(Debug)]
pub(crate) struct Limiter {
    requests: Option<Mutex<RequestRate>>,
    slots: Option<Arc<Semaphore>>,
    bytes: Option<Arc<Mutex<Tokens>>>,
}

impl Limiter {
    /// `None` if nothing is limited.
    pub(crate) fn new(limits: &RateLimits) -> Option<Self> {
        if limits.is_off() {
            return None;
        }
        let requests = limits
            .requests_per_second
            .map(|rate| Mutex::new(RequestRate::new(rate, limits.burst.unwrap_or(rate), limits.adapt)));
        let slots =
            limits.concurrent_requests.map(|n| Arc::new(Semaphore::new((n as usize).min(Semaphore::MAX_PERMITS))));
        // A second's worth may go at once.
        let bytes = limits.bytes_per_second.map(|rate| Arc::new(Mutex::new(Tokens::new(rate as f64, rate as f64))));
        Some(Self { requests, slots, bytes })
    }

    pub(crate) fn requests(&self) -> Option<MutexGuard<'_, RequestRate>> {
        self.requests.as_ref().map(|requests| requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A slot, if there is one now; `Ok(None)`: there is no limit.
    pub(crate) fn try_slot(&self) -> Result<Option<OwnedSemaphorePermit>, Arc<Semaphore>> {
        match &self.slots {
            None => Ok(None),
            Some(slots) => slots.clone().try_acquire_owned().map(Some).map_err(|_| slots.clone()),
        }
    }

    pub(crate) fn bytes(&self) -> Option<&Arc<Mutex<Tokens>>> {
        self.bytes.as_ref()
    }

    /// Slots free now.
    #[cfg(test)]
    pub(crate) fn free_slots(&self) -> Option<usize> {
        self.slots.as_ref().map(|slots| slots.available_permits())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Take(u64),
        Throttle(u64),
    }

    proptest! {
        /// The model: the configured rate is an upper bound always, and the cut rate right after a throttle.
        #[test]
        fn the_rate_is_cut_and_comes_back(
            events in prop::collection::vec(
                prop_oneof![3 => (0u64..3_000).prop_map(Event::Take), 1 => (0u64..3_000).prop_map(Event::Throttle)], 1..120),
        ) {
            let mut rate = RequestRate::new(100, 10, true);
            let (mut now, mut model) = (Duration::ZERO, 100.0f64);
            for event in events {
                let (Event::Take(gap) | Event::Throttle(gap)) = event;
                now += Duration::from_millis(gap);
                model = (model + 100.0 * gap as f64 / 1e3 / 60.0).min(100.0);
                match event {
                    Event::Take(_) => drop(rate.take(now)),
                    Event::Throttle(_) => {
                        rate.throttled(now);
                        model = (model * 0.7).max(6.25);
                    }
                }
                prop_assert!((rate.tokens.rate() - model).abs() < 1e-6, "{} {model}", rate.tokens.rate());
            }
            now += Duration::from_secs(60);
            rate.take(now);
            prop_assert_eq!(rate.tokens.rate(), 100.0);
        }
    }

    #[test]
    fn nothing_set_means_nothing_there() {
        assert!(Limiter::new(&RateLimits::new()).is_none());
        assert!(Limiter::new(&RateLimits::new().concurrent_requests(0)).unwrap().free_slots() == Some(1));
    }

    #[test]
    fn slots_come_back_when_they_are_dropped() {
        let limiter = Limiter::new(&RateLimits::new().concurrent_requests(1)).unwrap();
        let slot = limiter.try_slot().unwrap();
        assert!(limiter.try_slot().is_err());
        drop(slot);
        assert!(limiter.try_slot().is_ok());
    }
}
