//! Connections nobody uses at the moment, and how many may be in use.
//!
//! A permit stands for a connection in use; with it comes an idle connection or a new one is opened. A connection goes back
//! when the answer has been read, before the permit does: who waits for the permit finds it.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::TransportError;
use super::line::{Line, Place};
use crate::apart::as_a_task;

/// The sweeper comes by at least this often, and no more often than that.
const SWEEPS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// A connection that has idled for less is used without a question to the system whether it still stands.
const LATELY: Duration = Duration::from_millis(10);

pub(super) struct Pool {
    permits: Semaphore,
    max: usize,
    idle_limit: Duration,
    lifetime: Option<Duration>,
    idle: Mutex<Idle>,
    /// When a request that had to wait got a connection the last time.
    served: Mutex<Option<Instant>>,
    /// A task looks after idle connections. There is none while there are none.
    swept: AtomicBool,
}

/// Boxed: a line is large, and moves in and out with every request.
#[allow(clippy::vec_box)]
type Lines = Vec<Box<Line>>;

#[derive(Default)]
struct Idle {
    /// Sorted by place. A place that is new is rare, and a list costs a program less than a map.
    places: Vec<(Place, Lines)>,
    count: usize,
}

impl Idle {
    /// Where the lines to that place are, or belong.
    fn find(&self, https: bool, authority: &str) -> Result<usize, usize> {
        self.places.binary_search_by(|(place, _)| (place.https, &*place.authority).cmp(&(https, authority)))
    }

    fn of(&mut self, https: bool, authority: &str) -> Option<&mut Lines> {
        let at = self.find(https, authority).ok()?;
        self.places.get_mut(at).map(|(_, lines)| lines)
    }

    /// The line that has idled longest: the first of its place.
    fn longest(&mut self) -> Option<Box<Line>> {
        let lines = self.places.iter_mut().filter_map(|(_, lines)| Some((lines.first()?.idle_since, lines)));
        let (_, lines) = lines.min_by_key(|(since, _)| *since)?;
        self.count -= 1;
        Some(lines.remove(0))
    }
}

impl Pool {
    /// `max` connections in use, and as many idle ones, all hosts together.
    pub(super) fn new(max: usize, idle_limit: Duration, lifetime: Option<Duration>) -> Self {
        Self {
            permits: Semaphore::new(max),
            max,
            idle_limit,
            lifetime,
            idle: Mutex::default(),
            served: Mutex::default(),
            swept: AtomicBool::new(false),
        }
    }

    pub(super) fn in_use(&self) -> usize {
        self.max.saturating_sub(self.permits.available_permits())
    }

    /// The right to use one connection, if not all are in use.
    pub(super) fn try_permit(self: &Arc<Self>) -> Option<Permit> {
        self.permits.try_acquire().ok()?.forget();
        Some(Permit { line: None, right: Right(Arc::clone(self)) })
    }

    /// The right to use one connection, in the order in which it was asked for. Waited for as long as others before get
    /// theirs; if nobody does for `limit`, that was it.
    pub(super) async fn permit(self: &Arc<Self>, limit: Option<Duration>) -> Result<Permit, TransportError> {
        let since = Instant::now();
        let mut free = pin!(self.permits.acquire());
        let mut moved = since;
        loop {
            let got = match limit.and_then(|limit| moved.checked_add(limit)) {
                Some(until) => tokio::time::timeout_at(until, free.as_mut()).await,
                None => Ok(free.as_mut().await),
            };
            if let Ok(Ok(permit)) = got {
                permit.forget();
                break;
            }
            match *self.served() {
                Some(served) if served > moved => moved = served,
                _ => return Err(TransportError::pool_exhausted(self.in_use(), self.max, since.elapsed())),
            }
        }
        *self.served() = Some(Instant::now());
        Ok(Permit { line: None, right: Right(Arc::clone(self)) })
    }

    fn served(&self) -> MutexGuard<'_, Option<Instant>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to that place that was used last, if one idles.
    pub(super) fn take(&self, https: bool, authority: &str, home: Id) -> Option<Box<Line>> {
        loop {
            let mut idle = self.idle();
            if idle.count == 0 {
                return None;
            }
            let lines = idle.of(https, authority)?;
            // A socket is watched by the runtime that opened it, and by that alone.
            let mut line = match lines.last() {
                Some(last) if last.home == home => lines.pop(),
                _ => lines.iter().rposition(|line| line.home == home).map(|at| lines.remove(at)),
            }?;
            idle.count -= 1;
            drop(idle);
            let now = Instant::now();
            let lately = now.duration_since(line.idle_since) < LATELY;
            if !self.is_old(&line, now) && (lately || !line.has_ended()) {
                return Some(line);
            }
        }
    }

    /// Keeps a connection for the next request, unless it is over. If there are enough, another makes room.
    fn keep(self: &Arc<Self>, mut line: Box<Line>) {
        if !line.rests() {
            return line.abort();
        }
        let now = Instant::now();
        line.used = true;
        line.idle_since = now;
        if self.lifetime.is_some() && self.is_old(&line, now) {
            return;
        }
        let mut idle = self.idle();
        // One too many for the pool is not the one that is in demand.
        let gone = if idle.count >= self.max { idle.longest() } else { None };
        match idle.of(line.place.https, &line.place.authority) {
            Some(lines) => lines.push(line),
            None => {
                let (Ok(at) | Err(at)) = idle.find(line.place.https, &line.place.authority);
                idle.places.insert(at, (line.place.clone(), vec![line]));
            }
        }
        idle.count += 1;
        drop(idle);
        drop(gone);
        if !self.swept.load(Ordering::Relaxed) {
            self.begin_sweeping();
        }
    }

    fn is_old(&self, line: &Line, now: Instant) -> bool {
        now.duration_since(line.idle_since) > self.idle_limit
            || self.lifetime.is_some_and(|limit| now.duration_since(line.born) > limit)
    }

    #[cold]
    fn begin_sweeping(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.swept.swap(true, Ordering::AcqRel) {
            let sweeper = Sweeper(Arc::downgrade(self));
            as_a_task(&runtime, Box::pin(sweeper.run((self.idle_limit / 4).clamp(SWEEPS.0, SWEEPS.1))));
        }
    }

    /// Closes what is old or over; answers whether any is left.
    fn sweep(&self) -> bool {
        let mut gone = Vec::new();
        let now = Instant::now();
        let mut idle = self.idle();
        let Idle { places, count } = &mut *idle;
        places.retain_mut(|(_, lines)| {
            gone.extend(lines.extract_if(.., |line| self.is_old(line, now) || line.is_over()));
            !lines.is_empty()
        });
        *count -= gone.len();
        let left = *count > 0;
        if !left {
            // Under the lock: whoever keeps a connection next sees that nobody sweeps.
            self.swept.store(false, Ordering::Release);
        }
        drop(idle);
        left
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("max", &self.max).field("in_use", &self.in_use()).finish_non_exhaustive()
    }
}

/// Looks after idle connections for as long as there are any.
struct Sweeper(Weak<Pool>);

impl Sweeper {
    async fn run(mut self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            match self.0.upgrade() {
                Some(pool) if pool.sweep() => {}
                // It has been said already that nobody sweeps.
                _ => return self.0 = Weak::new(),
            }
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        // Its runtime may end before the pool does: another one takes over.
        if let Some(pool) = self.0.upgrade() {
            pool.swept.store(false, Ordering::Release);
        }
    }
}

/// The right to use a connection, and the connection. Dropped, it gives both back; a connection in the middle of something
/// is ended.
pub(super) struct Permit {
    pub(super) line: Option<Box<Line>>,
    right: Right,
}

/// Given back when it is dropped: that happens also where what was done to the connection before panics.
struct Right(Arc<Pool>);

impl Drop for Right {
    fn drop(&mut self) {
        self.0.permits.add_permits(1);
    }
}

impl Permit {
    pub(super) fn is_of(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(&self.right.0, pool)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self.line.take() {
            // What panicked may be the body on its way out, which would be asked once more: two panics end the program.
            Some(line) if std::thread::panicking() => line.abort(),
            Some(line) => self.right.0.keep(line),
            None => {}
        }
    }
}
