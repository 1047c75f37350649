//! The cache: one fetch for all, reads that never wait for a refresh, and errors that do not stay.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use integration_s3_runtime::credentials::{CredentialsCache, CredentialsFuture, ProvideCredentials};
use integration_s3_runtime::error::{CredentialsError, ErrorKind, S3Error};
use integration_s3_runtime::identity::Credentials;
use integration_s3_runtime::timestamp::Timestamp;
use tokio::sync::Semaphore;

type Answer = Box<dyn Fn(usize) -> Result<Credentials, S3Error> + Send>;

/// Answers when it is let, with what the test says for the n-th fetch.
struct Source {
    fetches: AtomicUsize,
    gate: Semaphore,
    answer: Mutex<Answer>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl ProvideCredentials for Source {
    fn name(&self) -> &'static str {
        "test"
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(async {
            let fetch = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
            self.gate.acquire().await.unwrap().forget();
            (self.answer.lock().unwrap())(fetch)
        })
    }
}

fn cache(
    open: usize,
    answer: impl Fn(usize) -> Result<Credentials, S3Error> + Send + 'static,
) -> (Arc<Source>, Arc<CredentialsCache>) {
    let answer = Mutex::new(Box::new(answer) as Answer);
    let source = Arc::new(Source { fetches: AtomicUsize::new(0), gate: Semaphore::new(open), answer });
    (source.clone(), Arc::new(CredentialsCache::new(source)))
}

impl Source {
    fn count(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Until that many fetches have begun, and then some turns for what must not happen.
    async fn reaches(&self, fetches: usize) {
        while self.count() < fetches {
            tokio::task::yield_now().await;
        }
        settle().await;
        assert_eq!(self.count(), fetches);
    }
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

const OPEN: usize = Semaphore::MAX_PERMITS;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_unix(secs)
}

/// The n-th credentials, valid for an hour per fetch.
fn hourly(fetch: usize) -> Result<Credentials, S3Error> {
    Ok(Credentials::new(format!("AKIA{fetch}"), "s").with_expiry(at(3600 * fetch as i64)))
}

fn down() -> S3Error {
    S3Error::new(CredentialsError::RefreshFailed, "down").with_source(std::io::Error::other("cable"))
}

/// What a future says when asked once: a read that would wait is `None`.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_on_a_cold_cache_cause_one_fetch() {
    let (source, cache) = cache(0, hourly);
    let callers: Vec<_> = (0..10_000)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get(at(0)).await.unwrap() })
        })
        .collect();
    source.reaches(1).await;
    source.gate.add_permits(1);
    let first = cache.get(at(0)).await.unwrap();
    for caller in callers {
        assert!(Arc::ptr_eq(&caller.await.unwrap(), &first));
    }
    assert_eq!(source.count(), 1);
}

#[tokio::test]
async fn reads_beside_a_refresh_never_wait() {
    let (source, cache) = cache(1, hourly);
    let old = cache.get(at(0)).await.unwrap();
    for now in [0, 3000, 3239] {
        assert!(Arc::ptr_eq(&at_once(cache.get(at(now))).unwrap().unwrap(), &old));
    }
    settle().await;
    assert_eq!(source.count(), 1, "too early to refresh");
    // Five minutes before the end at the latest, a fetch begins that does not end yet.
    at_once(cache.get(at(3300))).unwrap().unwrap();
    source.reaches(2).await;
    for now in 3300..3600 {
        for _ in 0..100 {
            assert!(Arc::ptr_eq(&at_once(cache.get(at(now))).unwrap().unwrap(), &old));
        }
    }
    assert!(at_once(cache.get(at(3600))).is_none(), "past their end nobody gets the old ones");
    assert_eq!(source.count(), 2);
    source.gate.add_permits(1);
    let new = cache.get(at(3600)).await.unwrap();
    assert_eq!(new.access_key_id(), "AKIA2");
    assert_eq!(source.count(), 2);
}

#[tokio::test]
async fn refreshes_are_spread_over_a_minute() {
    let mut begun = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let (source, cache) = cache(OPEN, hourly);
        cache.get(at(0)).await.unwrap();
        for now in 3230..3302 {
            cache.get(at(now)).await.unwrap();
            tokio::task::yield_now().await;
            if source.count() == 2 {
                begun.insert(now);
                break;
            }
        }
    }
    assert!(*begun.first().unwrap() >= 3240 && *begun.last().unwrap() <= 3301, "{begun:?}");
    assert!(begun.len() > 20, "{begun:?}");
}

#[tokio::test]
async fn short_lived_credentials_are_not_fetched_all_the_time() {
    let (source, cache) = cache(OPEN, |fetch| Ok(Credentials::new("A", "s").with_expiry(at(120 * fetch as i64))));
    for now in 0..59 {
        cache.get(at(now)).await.unwrap();
        settle().await;
    }
    assert_eq!(source.count(), 1);
    cache.get(at(60)).await.unwrap();
    source.reaches(2).await;
}

#[tokio::test]
async fn a_failing_refresh_is_retried_with_pauses_while_the_old_ones_serve() {
    let (source, cache) = cache(OPEN, |fetch| if fetch == 1 { hourly(1) } else { Err(down()) });
    let old = cache.get(at(0)).await.unwrap();
    for now in 3300..3600 {
        for _ in 0..10 {
            assert!(Arc::ptr_eq(&cache.get(at(now)).await.unwrap(), &old));
            tokio::task::yield_now().await;
        }
    }
    let refreshes = source.count() - 1;
    assert!((6..=16).contains(&refreshes), "{refreshes} fetches in five minutes");
    let error = cache.get(at(3600)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials(CredentialsError::RefreshFailed));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "cable");
}

#[tokio::test]
async fn an_error_reaches_all_who_waited_and_is_not_kept() {
    let (source, cache) =
        cache(0, |fetch| if fetch == 1 { Err(down().with_suggestion("plug it in")) } else { hourly(1) });
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get(at(0)).await.unwrap_err() })
        })
        .collect();
    source.reaches(1).await;
    source.gate.add_permits(2);
    for caller in callers {
        assert_eq!(caller.await.unwrap().to_string(), "down; plug it in");
    }
    assert_eq!(source.count(), 1);
    assert_eq!(cache.get(at(0)).await.unwrap().access_key_id(), "AKIA1");
    assert_eq!(source.count(), 2);
}

#[tokio::test]
async fn credentials_rejected_by_many_calls_are_fetched_once() {
    let (source, cache) = cache(OPEN, |fetch| Ok(Credentials::new(format!("AKIA{fetch}"), "s")));
    let rejected = cache.get(at(0)).await.unwrap();
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let (cache, rejected) = (cache.clone(), rejected.clone());
            tokio::spawn(async move {
                cache.forget(&rejected);
                cache.get(at(0)).await.unwrap()
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().access_key_id(), "AKIA2");
    }
    cache.forget(&rejected);
    assert_eq!(cache.get(at(0)).await.unwrap().access_key_id(), "AKIA2");
    assert_eq!(source.count(), 2);
}

#[tokio::test]
async fn who_stops_waiting_stops_nobody_else() {
    let (source, cache) = cache(0, hourly);
    assert!(at_once(cache.get(at(0))).is_none());
    let other = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get(at(0)).await.unwrap() }
    });
    source.reaches(1).await;
    assert!(at_once(cache.get(at(0))).is_none());
    source.gate.add_permits(1);
    assert_eq!(other.await.unwrap().access_key_id(), "AKIA1");
    assert_eq!(source.count(), 1);
}

#[tokio::test]
async fn expired_credentials_of_a_source_are_its_error() {
    let (_, cache) = cache(OPEN, |_| Ok(Credentials::new("A", "s").with_expiry(at(10))));
    let error = cache.get(at(10)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials(CredentialsError::Expired));
}

#[tokio::test]
async fn a_source_that_panics_does_not_block_the_next_fetch() {
    let (source, cache) = cache(OPEN, |fetch| if fetch <= 2 { panic!("on purpose") } else { hourly(1) });
    assert!(cache.get(at(0)).await.unwrap_err().to_string().contains("stopped before it ended"));
    // The answer's lock is poisoned by the panic; a new answer would find that out.
    source.answer.clear_poison();
    assert_eq!(cache.get(at(0)).await.map(|c| c.access_key_id().to_owned()).unwrap(), "AKIA1");
}

#[test]
fn a_runtime_that_ends_takes_nothing_with_it() {
    let (source, cache) = cache(0, hourly);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime().block_on(async {
        assert!(at_once(cache.get(at(0))).is_none());
        source.reaches(1).await;
    });
    source.gate.add_permits(1);
    let found = runtime().block_on(cache.get(at(0))).unwrap();
    assert_eq!(found.access_key_id(), "AKIA2");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_given_up() {
    let (_, cache) = cache(0, hourly);
    assert!(cache.get(at(0)).await.unwrap_err().to_string().contains("nothing within 120s"));
}
