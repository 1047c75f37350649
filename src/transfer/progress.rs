//! How far a transfer is: counted here, told to whoever listens.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::control::TransferHandle;

/// The least time between two calls of a listener while bytes move.
const PACE: Duration = Duration::from_millis(100);
/// How far back the rate looks: after this long an old rate counts a third.
const MEMORY: f64 = 5.0;

/// What a transfer is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// It has not begun to move bytes.
    #[default]
    Waiting,
    /// Bytes move.
    Running,
    /// It was told to pause.
    Paused,
    /// All bytes are there; the last steps are being made: completing, verifying, renaming.
    Finishing,
    /// It is done.
    Done,
    /// It ended with an error.
    Failed,
    /// It was called off.
    Cancelled,
}

impl Phase {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Bytes that are over, those from before a resumption included. It can go back a little when a part is sent again.
    pub bytes: u64,
    /// All bytes there are; `None` while the length of the source is not known.
    pub total: Option<u64>,
    /// Bytes that were there before this run began.
    pub resumed: u64,
    /// Parts that are over.
    pub parts_done: u32,
    /// All parts; `None` while that is not known. 0: it goes in one piece.
    pub parts: Option<u32>,
    /// Bytes a second over the last seconds; 0 before anything is known.
    pub bytes_per_second: f64,
    /// How long the rest takes at that rate; `None` without total or rate.
    pub eta: Option<Duration>,
    /// Since it began, pauses included.
    pub elapsed: Duration,
}

impl Progress {
    /// The share that is over, 0.0 to 1.0; `None` while the total is not known.
    pub fn fraction(&self) -> Option<f64> {
        match self.total? {
            0 => Some(if self.phase == Phase::Done { 1.0 } else { 0.0 }),
            total => Some((self.bytes as f64 / total as f64).min(1.0)),
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            Some(total) => write!(f, "{} of {total} bytes", self.bytes)?,
            None => write!(f, "{} bytes", self.bytes)?,
        }
        match self.phase {
            Phase::Running => {
                write!(f, ", {:.0} bytes/s", self.bytes_per_second)?;
                self.eta.map_or(Ok(()), |eta| write!(f, ", {} s left", eta.as_secs()))
            }
            phase => write!(f, ", {}", format!("{phase:?}").to_lowercase()),
        }
    }
}

/// Is told how a transfer gets on: at most every 100 ms, whenever a part is over, and at the end.
///
/// It is called from the transfer's own tasks and never twice at once. It should return soon: what it waits for, the
/// transfer waits for. If it panics, that is logged and the transfer goes on. Closures are listeners:
///
/// ```
/// use integration_s3::transfer::{Progress, ProgressListener};
///
/// fn takes(listener: impl ProgressListener) {
///     listener.progress(&Progress::default());
/// }
/// takes(|progress: &Progress| println!("{progress}"));
/// ```
pub trait ProgressListener: Send + Sync + 'static {
    /// How far it is now.
    fn progress(&self, progress: &Progress);
}

impl<F: Fn(&Progress) + Send + Sync + 'static> ProgressListener for F {
    fn progress(&self, progress: &Progress) {
        self(progress);
    }
}

/// Counts for one transfer. Clones count together.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Counting>);

struct Counting {
    handle: TransferHandle,
    listener: Option<Arc<dyn ProgressListener>>,
    /// Held while the listener is called: one call at a time.
    telling: Mutex<()>,
    tally: Mutex<Tally>,
}

struct Tally {
    progress: Progress,
    began: Instant,
    told: Instant,
    /// Where the rate was measured last.
    mark: (Instant, u64),
    /// A part may be sent twice: bytes for the rate never go back.
    moved: u64,
}

impl Meter {
    pub(crate) fn new(handle: TransferHandle, listener: Option<Arc<dyn ProgressListener>>) -> Self {
        let now = Instant::now();
        let tally = Tally { progress: Progress::default(), began: now, told: now, mark: (now, 0), moved: 0 };
        Self(Arc::new(Counting { handle, listener, telling: Mutex::new(()), tally: Mutex::new(tally) }))
    }

    pub(crate) fn set_total(&self, bytes: u64) {
        self.change(true, |p| p.total = Some(bytes));
    }

    pub(crate) fn set_parts(&self, parts: u32) {
        self.change(true, |p| p.parts = Some(parts));
    }

    /// So many bytes and parts were there before.
    pub(crate) fn resumed(&self, bytes: u64, parts: u32) {
        self.change(true, |p| {
            p.resumed = bytes;
            p.bytes += bytes;
            p.parts_done += parts;
        });
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.0.tally().moved += bytes;
        self.change(false, |p| p.bytes += bytes);
    }

    /// Bytes that will move once more.
    pub(crate) fn take_back(&self, bytes: u64) {
        self.change(false, |p| p.bytes = p.bytes.saturating_sub(bytes));
    }

    /// Everything will move once more.
    pub(crate) fn start_over(&self) {
        self.change(true, |p| (p.bytes, p.resumed, p.parts_done) = (0, 0, 0));
    }

    pub(crate) fn part_done(&self) {
        self.change(true, |p| p.parts_done += 1);
    }

    /// Goes on to a phase. A final one is told once and stays.
    pub(crate) fn phase(&self, phase: Phase) {
        if self.0.tally().progress.phase != phase {
            self.change(true, |p| {
                if !p.phase.is_final() {
                    p.phase = phase;
                }
            });
        }
    }

    #[cfg(test)]
    pub(crate) fn now(&self) -> Progress {
        self.0.tally().progress
    }

    fn change(&self, at_once: bool, change: impl FnOnce(&mut Progress)) {
        let progress = {
            let mut tally = self.0.tally();
            let paused = tally.progress.phase == Phase::Paused;
            change(&mut tally.progress);
            let now = Instant::now();
            if !at_once && now - tally.told < PACE {
                return;
            }
            tally.told = now;
            tally.measure(now, paused);
            tally.progress
        };
        self.0.handle.show(progress);
        let Some(listener) = &self.0.listener else { return };
        // Someone else is telling just now: the next call brings it up to date, and the end waits its turn.
        let turn = match (self.0.telling.try_lock(), progress.phase.is_final()) {
            (Ok(turn), _) => Some(turn),
            (Err(_), true) => Some(self.0.telling.lock().unwrap_or_else(PoisonError::into_inner)),
            (Err(_), false) => None,
        };
        if turn.is_some() {
            contained("progress listener", || listener.progress(&progress));
        }
    }
}

/// Calls what the caller gave. If it panics, the transfer goes on: ended there, it could not clean up after itself.
pub(crate) fn contained(what: &str, call: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err() {
        tracing::error!(target: "integration_s3::call", what, "a callback of a transfer panicked; the transfer goes on");
    }
}

impl Counting {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn measure(&mut self, now: Instant, paused: bool) {
        let progress = &mut self.progress;
        progress.elapsed = now - self.began;
        let (then, moved) = self.mark;
        let passed = (now - then).as_secs_f64();
        // The time of a pause says nothing about the rate.
        if paused {
            self.mark = (now, self.moved);
        } else if passed >= PACE.as_secs_f64() {
            let rate = (self.moved - moved) as f64 / passed;
            let weight = if moved == 0 { 1.0 } else { 1.0 - (-passed / MEMORY).exp() };
            progress.bytes_per_second += (rate - progress.bytes_per_second) * weight;
            self.mark = (now, self.moved);
        }
        let left = progress.total.map(|total| total.saturating_sub(progress.bytes));
        progress.eta = match left {
            Some(left) if progress.bytes_per_second >= 1.0 && !progress.phase.is_final() => {
                Duration::try_from_secs_f64(left as f64 / progress.bytes_per_second).ok()
            }
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rate_and_rest_follow_the_clock_and_pauses_do_not_count() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = {
            let told = told.clone();
            Arc::new(move |p: &Progress| told.lock().unwrap().push(*p))
        };
        let handle = TransferHandle::default();
        let meter = Meter::new(handle.clone(), Some(listener));
        meter.set_total(10_000);
        meter.phase(Phase::Running);
        for _ in 0..20 {
            tokio::time::advance(Duration::from_millis(50)).await;
            meter.add(100);
        }
        let progress = handle.progress();
        assert_eq!((progress.bytes, progress.total), (2_000, Some(10_000)));
        assert!((progress.bytes_per_second - 2_000.0).abs() < 50.0, "{progress}");
        assert_eq!(progress.eta.unwrap().as_secs(), 4);
        let calls = told.lock().unwrap().len();
        assert!((10..=13).contains(&calls), "{calls} calls in a second");

        meter.phase(Phase::Paused);
        tokio::time::advance(Duration::from_secs(60)).await;
        meter.phase(Phase::Running);
        assert!((meter.now().bytes_per_second - 2_000.0).abs() < 50.0);

        meter.take_back(500);
        meter.phase(Phase::Done);
        meter.phase(Phase::Failed);
        let last = *told.lock().unwrap().last().unwrap();
        assert_eq!((last.phase, last.bytes, last.eta), (Phase::Done, 1_500, None));
        assert_eq!(last.elapsed.as_secs(), 61);
    }

    #[test]
    fn fractions_are_never_above_one() {
        let of = |bytes, total, phase| Progress { bytes, total, phase, ..Progress::default() }.fraction();
        assert_eq!(of(5, None, Phase::Running), None);
        assert_eq!(of(0, Some(0), Phase::Done), Some(1.0));
        assert_eq!(of(7, Some(5), Phase::Running), Some(1.0));
    }
}
