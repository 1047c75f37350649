//! The circuit breaker: a place that fails again and again is left alone for a while, then tried with a few requests.
//!
//! One word holds the whole state, so that a closed circuit costs one load per attempt and no lock is ever taken.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// When requests to a place that fails are held back. On by default.
///
/// Each bucket on each endpoint has a circuit of its own. What counts as a failure: errors of the server, timeouts, and
/// connections that fail; not what the server refuses (4xx), and not its asking to slow down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitPolicy {
    /// So many failures in a row open it; 0: never. Default 5.
    pub failures: u32,
    /// How long it stays open before it is tried. Default 30 s.
    pub reset_after: Duration,
    /// So many successes in a row close it, and so many requests are let through to try. Default 3.
    pub trials: u32,
}

impl Default for CircuitPolicy {
    fn default() -> Self {
        Self { failures: 5, reset_after: Duration::from_secs(30), trials: 3 }
    }
}

impl CircuitPolicy {
    /// No circuit breaker.
    pub fn off() -> Self {
        Self { failures: 0, ..Self::default() }
    }

    /// So many failures in a row open it; 0: never.
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// How long it stays open before it is tried.
    pub fn reset_after(mut self, time: Duration) -> Self {
        self.reset_after = time;
        self
    }

    /// So many successes in a row close it, and so many requests are let through to try; at least 1.
    pub fn trials(mut self, trials: u32) -> Self {
        self.trials = trials.max(1);
        self
    }
}

/// The state of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CircuitState {
    /// Requests pass.
    Closed,
    /// A few requests are let through to see whether they succeed.
    HalfOpen,
    /// Requests fail at once, without being sent.
    Open,
}

impl CircuitState {
    /// `closed`, `half_open` or `open`, for telemetry.
    pub const fn as_str(self) -> &'static str {
        match self {
            CircuitState::Closed => "closed",
            CircuitState::HalfOpen => "half_open",
            CircuitState::Open => "open",
        }
    }
}

/// What an attempt tells about the place it went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Failure,
    /// Nothing: it was called off, or failed for a reason of ours.
    Unknown,
}

/// The state in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    state: CircuitState,
    /// Closed: failures in a row. Half-open: trials under way.
    count: u16,
    /// Half-open: trials that succeeded.
    good: u16,
    /// Counts changes of state, so that an attempt cannot speak about a state it did not see.
    epoch: u32,
}

impl Word {
    fn pack(self) -> u64 {
        (self.state as u64)
            | u64::from(self.count & 0x7FFF) << 2
            | u64::from(self.good & 0x7FFF) << 17
            | u64::from(self.epoch) << 32
    }

    fn unpack(word: u64) -> Self {
        let state = match word & 3 {
            0 => CircuitState::Closed,
            1 => CircuitState::HalfOpen,
            _ => CircuitState::Open,
        };
        let part = |shift: u32| (word >> shift & 0x7FFF) as u16;
        Self { state, count: part(2), good: part(17), epoch: (word >> 32) as u32 }
    }

    fn enter(self, state: CircuitState) -> Self {
        Self { state, count: 0, good: 0, epoch: self.epoch.wrapping_add(1) }
    }
}

/// One circuit. Time comes from outside, as the time since some fixed beginning.
#[derive(Debug)]
pub(crate) struct Circuit {
    word: AtomicU64,
    /// When it was opened last, in nanoseconds.
    opened: AtomicU64,
    policy: CircuitPolicy,
}

/// Why an attempt may not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// After this time a trial may pass.
    pub(crate) retry_in: Duration,
}

impl Circuit {
    pub(crate) fn new(policy: CircuitPolicy) -> Self {
        let limit = |n: u32| n.min(0x7FFF);
        let policy = CircuitPolicy { failures: limit(policy.failures), trials: limit(policy.trials).max(1), ..policy };
        Self { word: AtomicU64::new(0), opened: AtomicU64::new(0), policy }
    }

    pub(crate) fn state(&self) -> CircuitState {
        Word::unpack(self.word.load(SeqCst)).state
    }

    /// Asks for an attempt. `changed` is told a new state. `now` is asked for only if the circuit is not closed.
    pub(crate) fn pass(
        &self,
        now: impl Fn() -> Duration,
        changed: impl FnOnce(CircuitState),
    ) -> Result<Pass<'_>, Refused> {
        let mut seen = self.word.load(SeqCst);
        loop {
            let word = Word::unpack(seen);
            let next = match word.state {
                CircuitState::Closed => return Ok(Pass { circuit: self, epoch: word.epoch, trial: false }),
                CircuitState::Open => match self.left(now()) {
                    Duration::ZERO => Word { count: 1, ..word.enter(CircuitState::HalfOpen) },
                    retry_in => return Err(Refused { retry_in }),
                },
                CircuitState::HalfOpen if u32::from(word.count) + u32::from(word.good) < self.policy.trials => {
                    Word { count: word.count + 1, ..word }
                }
                CircuitState::HalfOpen => return Err(Refused { retry_in: Duration::ZERO }),
            };
            match self.word.compare_exchange_weak(seen, next.pack(), SeqCst, SeqCst) {
                Ok(_) => {
                    if next.state != word.state {
                        changed(next.state);
                    }
                    return Ok(Pass { circuit: self, epoch: next.epoch, trial: true });
                }
                Err(other) => seen = other,
            }
        }
    }

    /// Whether an attempt made at `then` is certain to be refused, as far as can be seen now.
    pub(crate) fn is_open_at(&self, then: impl FnOnce() -> Duration) -> bool {
        self.state() == CircuitState::Open && !self.left(then()).is_zero()
    }

    fn left(&self, now: Duration) -> Duration {
        (Duration::from_nanos(self.opened.load(SeqCst)) + self.policy.reset_after).saturating_sub(now)
    }

    fn learn(&self, epoch: u32, outcome: Outcome, now: impl Fn() -> Duration) -> Option<CircuitState> {
        let mut seen = self.word.load(SeqCst);
        loop {
            let word = Word::unpack(seen);
            if word.epoch != epoch {
                return None;
            }
            let next = match (word.state, outcome) {
                (CircuitState::Closed, Outcome::Success) if word.count > 0 => Word { count: 0, ..word },
                (CircuitState::Closed, Outcome::Failure) if self.policy.failures > 0 => {
                    let count = word.count + 1;
                    if u32::from(count) >= self.policy.failures {
                        self.open(word, now())
                    } else {
                        Word { count, ..word }
                    }
                }
                (CircuitState::HalfOpen, Outcome::Success) if u32::from(word.good) + 1 >= self.policy.trials => {
                    word.enter(CircuitState::Closed)
                }
                (CircuitState::HalfOpen, Outcome::Success) => {
                    Word { count: word.count.saturating_sub(1), good: word.good + 1, ..word }
                }
                (CircuitState::HalfOpen, Outcome::Failure) => self.open(word, now()),
                (CircuitState::HalfOpen, Outcome::Unknown) => Word { count: word.count.saturating_sub(1), ..word },
                _ => return None,
            };
            match self.word.compare_exchange_weak(seen, next.pack(), SeqCst, SeqCst) {
                Ok(_) => return (next.state != word.state).then_some(next.state),
                Err(other) => seen = other,
            }
        }
    }

    /// The time goes first, so that whoever sees the circuit open sees since when.
    fn open(&self, word: Word, now: Duration) -> Word {
        self.opened.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), SeqCst);
        word.enter(CircuitState::Open)
    }
}

/// Leave for one attempt. Dropping it without a word gives a trial's place back.
#[derive(Debug)]
#[must_use = "an attempt must tell how it went"]
pub(crate) struct Pass<'a> {
    circuit: &'a Circuit,
    epoch: u32,
    trial: bool,
}

impl Pass<'_> {
    /// How the attempt went. Answers the new state, if that changed it.
    pub(crate) fn done(mut self, outcome: Outcome, now: impl Fn() -> Duration) -> Option<CircuitState> {
        self.trial = false;
        self.circuit.learn(self.epoch, outcome, now)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.circuit.learn(self.epoch, Outcome::Unknown, || Duration::ZERO);
        }
    }
}

#[cfg(test)]
#[path = "circuit_tests.rs"]
mod tests;
