//! How often a call was sent, and whether it waits for a connection at the moment: what has to be known from outside when
//! its time is over.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{NetworkError, RetryClass, S3Error};
use crate::transport::{BoxFuture, HOW_TO_FREE, HttpTransport, Reservation, TransportError};

/// One task writes and reads it; it is shared so that the call can be looked at from outside, and atomic so that it may
/// move between threads.
#[derive(Debug, Default)]
pub(super) struct Sent {
    times: AtomicU32,
    waiting: AtomicBool,
}

impl Sent {
    /// How often the request was handed to the transport.
    pub(super) fn times(&self) -> u32 {
        self.times.load(Relaxed)
    }

    pub(super) fn set(&self, times: u32) {
        self.times.store(times, Relaxed);
    }

    pub(super) fn once_more(&self) {
        self.set(self.times().saturating_add(1));
    }

    /// Waits for a connection.
    pub(super) async fn waiting(
        &self,
        free: BoxFuture<'_, Result<Reservation, TransportError>>,
    ) -> Result<Reservation, S3Error> {
        self.waiting.store(true, Relaxed);
        let connection = free.await;
        self.waiting.store(false, Relaxed);
        Ok(connection?)
    }

    /// An attempt, or `None` if it took longer than `time`. The time begins anew with the connection that was waited for.
    pub(super) async fn within<T>(&self, time: Duration, attempt: impl Future<Output = T>) -> Option<T> {
        let (mut attempt, mut alarm) = (pin!(attempt), pin!(sleep(time)));
        let mut waited = false;
        poll_fn(|cx| {
            if let Poll::Ready(answer) = attempt.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            if self.waiting.load(Relaxed) {
                waited = true;
                return Poll::Pending;
            }
            if std::mem::take(&mut waited) {
                // Longer than any clock goes: no limit.
                let Some(until) = Instant::now().checked_add(time) else { return Poll::Pending };
                alarm.as_mut().reset(until);
            }
            alarm.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// Why a call did not end within its own time, if that is for want of a connection.
    #[cold]
    pub(super) fn in_vain(&self, limit: Duration, transport: &dyn HttpTransport) -> Option<S3Error> {
        if !self.waiting.load(Relaxed) {
            return None;
        }
        let used = transport.pool().map(|(max, active)| format!(": {active} of {max} are in use")).unwrap_or_default();
        let message = format!("the call's {limit:?} ended while it waited for a connection{used}");
        let error = S3Error::new(NetworkError::PoolExhausted, message);
        Some(error.with_retry_class(RetryClass::Transient).with_suggestion(HOW_TO_FREE))
    }
}
