//! What the client keeps of its credentials, so that a call does not ask their source.
//!
//! Reading is one atomic load. A fetch is a task of its own ("flight") that all who need it wait for: nobody who stops
//! waiting can stop it, and there is never more than one. A source that answers at once costs no task.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::ProvideCredentials;
use super::fault::{expired, failed};
use crate::apart::as_a_task;
use crate::error::{CredentialsError, S3Error};
use crate::identity::Credentials;
use crate::resilience::Jitter;
use crate::timestamp::Timestamp;
use crate::transport::BoxFuture;

/// How long before their end credentials are fetched anew.
const AHEAD: i64 = 5 * 60;
/// Clients that started together spread their refreshes over this time before that.
const SPREAD: i64 = 60;
/// Between background refreshes that fail: the first wait, and the longest.
const BACKOFF: (i64, i64) = (5, 60);
/// A source that takes longer has hung; the next caller gets a new flight.
const LONGEST_FLIGHT: Duration = Duration::from_secs(120);

/// Credentials and the source that renews them.
///
/// - They are fetched when the first call needs them; everybody who calls meanwhile waits for that one fetch.
/// - About five minutes before their end (half of what is left, if that is shorter) they are fetched anew in the
///   background. The old ones serve until their end, also when fetching fails, which is then tried again after
///   5 seconds to a minute.
/// - An error goes to all who waited for that fetch. It is not kept: the next call fetches again.
#[derive(Debug)]
pub struct CredentialsCache {
    shared: Arc<Shared>,
}

struct Shared {
    source: Arc<dyn ProvideCredentials>,
    current: ArcSwapOption<Held>,
    flight: Mutex<Option<Flight>>,
    /// No background refresh before this second.
    not_before: AtomicI64,
    failures: Mutex<Failures>,
}

struct Held {
    credentials: Arc<Credentials>,
    /// The second from which they should be renewed; `i64::MAX`: never.
    renew: i64,
    /// The second at which they end; `i64::MAX`: never.
    end: i64,
}

struct Failures {
    in_a_row: u32,
    jitter: Jitter,
}

type Outcome = Result<Arc<Held>, Arc<S3Error>>;
type Flight = watch::Receiver<Option<Outcome>>;
type Fetch = BoxFuture<'static, ()>;

impl CredentialsCache {
    /// An empty cache in front of a source.
    pub fn new(source: Arc<dyn ProvideCredentials>) -> Self {
        Self {
            shared: Arc::new(Shared {
                source,
                current: ArcSwapOption::empty(),
                flight: Mutex::new(None),
                not_before: AtomicI64::new(i64::MIN),
                failures: Mutex::new(Failures { in_a_row: 0, jitter: Jitter::new() }),
            }),
        }
    }

    /// Credentials valid at `now`.
    ///
    /// # Errors
    /// Whatever the source answers, unless the old ones are still valid;
    /// [`CredentialsError::Expired`](crate::error::CredentialsError::Expired) when it answers with credentials that are past
    /// their end.
    pub async fn get(&self, now: Timestamp) -> Result<Arc<Credentials>, S3Error> {
        match self.at_hand(now) {
            Some(credentials) => Ok(credentials),
            None => self.wait(now).await,
        }
    }

    /// Those that need no waiting for.
    pub(crate) fn at_hand(&self, now: Timestamp) -> Option<Arc<Credentials>> {
        let held = self.shared.current.load();
        let held = held.as_ref().filter(|held| now.unix() < held.end)?;
        if now.unix() >= held.renew {
            self.shared.refresh(now);
        }
        Some(held.credentials.clone())
    }

    /// Forgets what is kept, because the server says that it has expired. Only if it is still what was `rejected`: of many
    /// calls that were rejected together, the first makes the cache fetch.
    pub fn forget(&self, rejected: &Arc<Credentials>) {
        let current = self.shared.current.load();
        if current.as_ref().is_some_and(|held| Arc::ptr_eq(&held.credentials, rejected)) {
            self.shared.current.compare_and_swap(&current, None);
        }
    }

    async fn wait(&self, now: Timestamp) -> Result<Arc<Credentials>, S3Error> {
        // A flight can be lost with the runtime it was on; another may then be tried on this one.
        for _ in 0..2 {
            let (mut flight, fetch) = match self.shared.board(now) {
                Boarding::Unneeded(held) => return Ok(held.credentials.clone()),
                Boarding::Flight(flight, fetch) => (flight, fetch),
            };
            if let Some(fetch) = fetch {
                begin(fetch);
            }
            let landed = flight.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
            match landed {
                Some(Ok(held)) => return Ok(held.credentials.clone()),
                Some(Err(error)) => return Err(share(error)),
                None => {}
            }
        }
        Err(failed(self.shared.source.name(), "the fetch was stopped before it ended").with_retryable(true))
    }
}

enum Boarding {
    Unneeded(Arc<Held>),
    /// With the fetch, if it is a new one: it has to be polled.
    Flight(Flight, Option<Fetch>),
}

impl Shared {
    /// Starts a refresh unless one is under way or it is too soon after one that failed.
    fn refresh(self: &Arc<Self>, now: Timestamp) {
        if now.unix() >= self.not_before.load(Ordering::Relaxed) {
            let mut flight = lock(&self.flight);
            if !flight.as_ref().is_some_and(under_way) {
                let (departed, fetch) = self.depart(now);
                as_a_task(&Handle::current(), fetch);
                *flight = Some(departed);
            }
        }
    }

    /// The flight under way, or a new one, unless one has landed since the caller looked.
    fn board(self: &Arc<Self>, now: Timestamp) -> Boarding {
        let mut flight = lock(&self.flight);
        if let Some(held) = self.current.load_full().filter(|held| now.unix() < held.end) {
            return Boarding::Unneeded(held);
        }
        if let Some(flight) = flight.as_ref().filter(|flight| under_way(flight)) {
            return Boarding::Flight(flight.clone(), None);
        }
        let (departed, fetch) = self.depart(now);
        *flight = Some(departed.clone());
        Boarding::Flight(departed, Some(fetch))
    }

    fn depart(self: &Arc<Self>, now: Timestamp) -> (Flight, Fetch) {
        let (sender, receiver) = watch::channel(None);
        let shared = self.clone();
        let fetch = async move {
            let outcome = match tokio::time::timeout(LONGEST_FLIGHT, shared.source.credentials()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(failed(shared.source.name(), format!("nothing within {LONGEST_FLIGHT:?}"))),
            };
            let outcome = shared.land(now, outcome);
            sender.send_replace(Some(outcome));
        };
        (receiver, Box::pin(fetch))
    }

    /// Keeps what came and ends the flight.
    fn land(&self, now: Timestamp, outcome: Result<Credentials, S3Error>) -> Outcome {
        let outcome = outcome.and_then(|new| self.hold(now, new)).map_err(Arc::new);
        let mut failures = lock(&self.failures);
        let wait = match &outcome {
            Ok(held) => {
                failures.in_a_row = 0;
                let end = held.credentials.expires_at();
                tracing::debug!(source = held.credentials.source(), expires_at = ?end, "fetched credentials");
                0
            }
            Err(error) => {
                let wait = (BACKOFF.0 << failures.in_a_row.min(4)).min(BACKOFF.1);
                failures.in_a_row += 1;
                tracing::warn!(source = self.source.name(), error = %error, "credentials could not be fetched");
                // From half of it to all of it.
                wait - (failures.jitter.share() * wait as f64 / 2.0) as i64
            }
        };
        self.not_before.store(now.unix().saturating_add(wait), Ordering::Relaxed);
        let mut flight = lock(&self.flight);
        if let Ok(held) = &outcome {
            self.current.store(Some(held.clone()));
        }
        *flight = None;
        outcome
    }

    fn hold(&self, now: Timestamp, new: Credentials) -> Result<Arc<Held>, S3Error> {
        if let Some(fault) = new.fault() {
            return Err(S3Error::new(CredentialsError::Invalid, format!("credentials ({}): {fault}", new.source()))
                .with_suggestion("copy them again, without what stands around them"));
        }
        let Some(end) = new.expires_at().map(Timestamp::unix) else {
            return Ok(Arc::new(Held { credentials: Arc::new(new), renew: i64::MAX, end: i64::MAX }));
        };
        let left = end.saturating_sub(now.unix());
        if left <= 0 {
            return Err(expired(self.source.name(), "it gave credentials that have expired"));
        }
        let spread = (lock(&self.failures).jitter.share() * SPREAD as f64) as i64;
        let ahead = (AHEAD + spread).min(left / 2);
        Ok(Arc::new(Held { credentials: Arc::new(new), renew: end - ahead, end }))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Polls the fetch here and now: most sources have what they give at hand. What takes longer becomes a task, and is polled
/// anew as one. A panic ends the fetch and nothing else, as it would in a task.
fn begin(mut fetch: Fetch) {
    let mut context = Context::from_waker(Waker::noop());
    if let Ok(Poll::Pending) = catch_unwind(AssertUnwindSafe(|| fetch.as_mut().poll(&mut context))) {
        as_a_task(&Handle::current(), fetch);
    }
}

/// A flight is gone without landing when its source panicked or its runtime ended.
fn under_way(flight: &Flight) -> bool {
    flight.has_changed().is_ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A copy of an error for one of those who waited.
fn share(error: Arc<S3Error>) -> S3Error {
    let mut copy = S3Error::new(error.kind(), error.message().to_owned())
        .with_retry_class(error.retry_class())
        .with_retry_after(error.retry_after());
    if let Some(suggestion) = error.suggestion() {
        copy = copy.with_suggestion(suggestion.to_owned());
    }
    if let Some(status) = error.status() {
        copy = copy.with_status(status);
    }
    if let Some(code) = error.code() {
        copy = copy.with_code(code);
    }
    match error.source() {
        Some(_) => copy.with_source(Cause(error)),
        None => copy,
    }
}

/// The cause of a shared error, without the error itself: its text is in the copy.
struct Cause(Arc<S3Error>);

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.source(), f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(cause) => fmt::Display::fmt(cause, f),
            None => Ok(()),
        }
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().and_then(StdError::source)
    }
}
