//! The way an attempt takes before it may be sent: circuit, then rate limits. And what is learnt when it is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::core::Core;
use super::metered::Metered;
use super::sent::Sent;
use super::{Limit, RequestOptions};
use crate::body::ByteStream;
use crate::endpoint::EndpointConfig;
use crate::error::{ErrorKind, NetworkError, RetryClass, S3Error, ServerError};
use crate::resilience::{Lane, Limiter, Outcome, Pass, RetryMode, RetryPolicy};
use crate::telemetry::{Watch, circuit_changed, rate_limited};

/// Where a call goes, what is kept for that place, and which layers it passes.
pub(super) struct Place<'a> {
    core: &'a Core,
    /// Where the bucket was found, if elsewhere than configured.
    pub(super) elsewhere: Option<Arc<EndpointConfig>>,
    pub(super) policy: &'a RetryPolicy,
    lane: Option<Arc<Lane>>,
    circuit: bool,
    limits: bool,
    pub(super) sent: Sent,
}

impl<'a> Place<'a> {
    /// Looks a bucket up. It takes no lock.
    pub(super) fn of(core: &'a Core, options: Option<&'a RequestOptions>, bucket: Option<&str>) -> Self {
        let config = &core.config;
        let policy = options.and_then(|o| o.retry.as_deref()).unwrap_or(&config.retry);
        let circuit = config.circuit.failures > 0 && options.is_none_or(|o| !o.without_circuit);
        let limits = !config.rate_limits.is_off() && options.is_none_or(|o| !o.without_rate_limits);
        let elsewhere = core.regions.of(bucket);
        let wanted = circuit || policy.mode == RetryMode::Adaptive || (limits && config.rate_limits.per_bucket);
        let lane = wanted.then(|| {
            let region = elsewhere.as_deref().unwrap_or(&config.endpoint).region();
            core.lanes.of(bucket.unwrap_or_default(), region)
        });
        Self { core, elsewhere, policy, lane, circuit, limits, sent: Sent::default() }
    }

    /// Where requests are sent.
    pub(super) fn endpoint(&self) -> &EndpointConfig {
        self.elsewhere.as_deref().unwrap_or(&self.core.config.endpoint)
    }

    /// Why a call that took longer than `limit` did.
    #[cold]
    pub(super) fn overdue(&self, limit: Duration) -> S3Error {
        self.sent.in_vain(limit, &*self.core.config.transport).unwrap_or_else(|| Limit::Call.passed(limit))
    }

    fn lane(&self) -> Option<&Lane> {
        self.lane.as_deref()
    }

    fn limiter(&self) -> Option<&Limiter> {
        if !self.limits {
            return None;
        }
        self.lane().and_then(|lane| lane.limits.as_ref()).or(self.core.limits.as_ref())
    }

    /// Leave for an attempt at once, where nothing limits how fast they follow each other. `None`: it must be
    /// [waited for](Self::enter).
    pub(super) fn enter_now(&self, bucket: Option<&str>, watch: &Watch<'_>) -> Option<Result<Leave<'_>, S3Error>> {
        let free = self.limiter().is_none() && self.policy.mode != RetryMode::Adaptive;
        free.then(|| self.through_circuit(bucket.unwrap_or_default(), watch))
    }

    fn through_circuit(&self, bucket: &str, watch: &Watch<'_>) -> Result<Leave<'_>, S3Error> {
        let mut leave = Leave { pass: None, slot: None };
        if let Some(lane) = self.lane().filter(|_| self.circuit) {
            let changed = |state| circuit_changed(bucket, self.endpoint().region(), state);
            let pass = lane.circuit.pass(|| self.core.uptime(), changed);
            watch.circuit(lane.circuit.state());
            leave.pass = Some(pass.map_err(|refused| circuit_open(refused.retry_in))?);
        }
        Ok(leave)
    }

    /// Asks for an attempt and waits for it as long as the limits say. Dropping the future, or the leave, gives
    /// everything back.
    pub(super) async fn enter(&self, bucket: Option<&str>, watch: &Watch<'_>) -> Result<Leave<'_>, S3Error> {
        let bucket = bucket.unwrap_or_default();
        let mut leave = self.through_circuit(bucket, watch)?;
        if let Some(limiter) = self.limiter() {
            leave.slot = match limiter.try_slot() {
                Ok(slot) => slot,
                Err(slots) => {
                    rate_limited(bucket, "concurrent_requests", None);
                    slots.acquire_owned().await.ok()
                }
            };
            let wait = limiter.requests().map(|mut requests| requests.take(self.core.uptime()));
            if let Some(wait) = wait {
                pause(wait, bucket, "requests_per_second", || {
                    if let Some(mut requests) = limiter.requests() {
                        requests.give_back();
                    }
                })
                .await;
                watch.remaining(|| limiter.requests().map_or(0.0, |mut requests| requests.left(self.core.uptime())));
            }
        }
        if let Some(lane) = self.lane().filter(|_| self.policy.mode == RetryMode::Adaptive) {
            let wait = lane.pace().take(self.core.uptime());
            pause(wait, bucket, "adaptive", || lane.pace().give_back()).await;
        }
        Ok(leave)
    }

    /// The attempt is over: what its end says is remembered. `moot`: it says nothing about the place.
    pub(super) fn learn(&self, pass: Option<Pass<'_>>, error: Option<&S3Error>, moot: bool, bucket: Option<&str>) {
        let (outcome, throttled) = match error {
            None => (Outcome::Success, false),
            Some(_) if moot => (Outcome::Unknown, false),
            Some(error) => (outcome(error), throttles(error)),
        };
        if let Some(state) = pass.and_then(|pass| pass.done(outcome, || self.core.uptime())) {
            circuit_changed(bucket.unwrap_or_default(), self.endpoint().region(), state);
        }
        if throttled && let Some(mut requests) = self.limiter().and_then(Limiter::requests) {
            requests.throttled(self.core.uptime());
        }
        let answered = error.is_none_or(|error| error.status().is_some());
        if let Some(lane) = self.lane().filter(|_| answered && self.policy.mode == RetryMode::Adaptive) {
            lane.pace().answered(self.core.uptime(), throttled);
        }
    }

    /// Whether an attempt after `wait` would be refused, as far as can be seen.
    pub(super) fn is_closed_to(&self, wait: Duration) -> bool {
        self.lane().is_some_and(|lane| self.circuit && lane.circuit.is_open_at(|| self.core.uptime() + wait))
    }

    /// A body that keeps to the bytes per second and holds the slot as long as it is read.
    pub(super) fn metered(&self, body: ByteStream, slot: Option<OwnedSemaphorePermit>) -> ByteStream {
        let bytes = self.limiter().and_then(Limiter::bytes);
        // A body that is here already holds nothing up.
        if body.is_empty() || (bytes.is_none() && (slot.is_none() || body.as_bytes().is_some())) {
            return body;
        }
        Metered::wrap(body, bytes.cloned(), slot, self.core.started)
    }
}

/// Leave to send one attempt. Dropped without a word, it leaves everything as it was.
pub(super) struct Leave<'a> {
    pub(super) pass: Option<Pass<'a>>,
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// Waits. If the wait is called off, `undo` gives back what was waited for.
async fn pause(wait: Duration, bucket: &str, limit: &'static str, undo: impl FnOnce()) {
    struct Undo<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for Undo<F> {
        fn drop(&mut self) {
            if let Some(undo) = self.0.take() {
                undo();
            }
        }
    }
    if !wait.is_zero() {
        rate_limited(bucket, limit, Some(wait));
        let mut undo = Undo(Some(undo));
        tokio::time::sleep(wait).await;
        undo.0 = None;
    }
}

/// What an error says about the place it came from: its own failures count, its refusals show that it lives, and what went
/// wrong here says nothing. A server that asks to slow down is busy, not broken.
fn outcome(error: &S3Error) -> Outcome {
    match error.kind() {
        _ if throttles(error) => Outcome::Unknown,
        ErrorKind::Network(NetworkError::PoolExhausted | NetworkError::CircuitOpen) => Outcome::Unknown,
        ErrorKind::Network(_) | ErrorKind::Server(_) => Outcome::Failure,
        _ if error.status().is_some() => Outcome::Success,
        _ => Outcome::Unknown,
    }
}

fn throttles(error: &S3Error) -> bool {
    error.retry_class() == RetryClass::Throttle || error.kind() == ErrorKind::Server(ServerError::SlowDown)
}

fn circuit_open(retry_in: Duration) -> S3Error {
    S3Error::new(NetworkError::CircuitOpen, "not sent: the bucket's endpoint failed too often just now")
        .with_retryable(true)
        .with_retry_after(Some(retry_in))
        .with_suggestion("look at the errors before this one; requests are let through again once trials succeed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{AccessError, ObjectError, TransferError};

    #[test]
    fn only_the_places_own_failures_count() {
        let of = |kind: ErrorKind, status: Option<u16>| {
            let error = S3Error::new(kind, "");
            outcome(&match status {
                Some(status) => error.with_status(status),
                None => error,
            })
        };
        assert_eq!(of(ServerError::InternalError.into(), Some(500)), Outcome::Failure);
        assert_eq!(of(ServerError::ServiceUnavailable.into(), Some(503)), Outcome::Failure);
        assert_eq!(of(NetworkError::Timeout.into(), None), Outcome::Failure);
        assert_eq!(of(NetworkError::PoolExhausted.into(), None), Outcome::Unknown);
        assert_eq!(of(ServerError::SlowDown.into(), Some(503)), Outcome::Unknown);
        assert_eq!(of(ObjectError::NotFound.into(), Some(404)), Outcome::Success);
        assert_eq!(of(AccessError::Denied.into(), Some(403)), Outcome::Success);
        assert_eq!(of(TransferError::StreamInterrupted.into(), None), Outcome::Unknown);
    }
}
