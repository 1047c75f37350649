//! A timer for silence: it runs only while something is waited for, and costs nothing while data flows.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

pin_project! {
    /// Fires when what is waited for stays away for `limit`.
    ///
    /// The sleep is made at the first wait and stays where it is while data flows; only when it goes off
    /// is it compared with the time the present wait began. So a chunk costs no trip to the timer wheel.
    pub(crate) struct IdleTimer {
        #[pin]
        sleep: Option<Sleep>,
        since: Option<Instant>,
        limit: Option<Duration>,
    }
}

impl IdleTimer {
    /// `None` never fires.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { sleep: None, since: None, limit }
    }

    /// What was waited for came, or is not waited for any more.
    pub(crate) fn stop(self: Pin<&mut Self>) {
        *self.project().since = None;
    }

    /// Begins a new wait, now.
    pub(crate) fn restart(self: Pin<&mut Self>) {
        *self.project().since = Some(Instant::now());
    }

    /// More time for this wait and those that follow.
    pub(crate) fn extend(self: Pin<&mut Self>, by: Duration) {
        if let Some(limit) = self.project().limit {
            *limit += by;
        }
    }

    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// Ready once the silence has lasted too long. To be called whenever a poll came back pending.
    pub(crate) fn poll_expired(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(limit) = *this.limit else { return Poll::Pending };
        let deadline = *this.since.get_or_insert_with(Instant::now) + limit;
        if this.sleep.is_none() {
            this.sleep.set(Some(sleep_until(deadline)));
        }
        while let Some(mut sleep) = this.sleep.as_mut().as_pin_mut() {
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.reset(deadline);
        }
        Poll::Pending
    }
}
