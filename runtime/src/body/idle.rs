//! A timer for silence: it runs only while something is waited for, and costs nothing while data flows.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::resilience::{StallPolicy, StallWatch};

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
        stall: Option<StallPolicy>,
        watch: StallWatch,
    }
}

impl From<Option<Duration>> for IdleTimer {
    fn from(limit: Option<Duration>) -> Self {
        Self::new(limit)
    }
}

impl IdleTimer {
    /// `None` never fires.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self::watching(limit, None)
    }

    /// Fires at silence, and at a trickle as well.
    pub(crate) fn watching(limit: Option<Duration>, stall: Option<StallPolicy>) -> Self {
        Self { sleep: None, since: None, limit, stall, watch: StallWatch::default() }
    }

    /// So many bytes came. What was waited for them counts, unless the timer would have gone off meanwhile: then nobody
    /// was waiting, for it is looked at whenever somebody asks.
    pub(crate) fn arrived(self: Pin<&mut Self>, bytes: u64) {
        let this = self.project();
        let since = this.since.take();
        if let Some(policy) = this.stall
            && (since.is_some() || *this.watch != StallWatch::default())
        {
            let waited = since.map(|since| since.elapsed()).unwrap_or_default();
            if waited < this.watch.patience(policy) {
                this.watch.arrived(policy, waited, bytes);
            } else {
                *this.watch = StallWatch::default();
            }
        }
    }

    /// The policy a trickle broke, if that is what made the timer fire rather than plain silence.
    pub(crate) fn trickled(&self) -> Option<StallPolicy> {
        self.stall.filter(|policy| self.limit.is_none_or(|limit| self.watch.patience(policy) < limit))
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
        let patience = this.stall.as_ref().map(|policy| this.watch.patience(policy));
        let Some(limit) = (*this.limit).into_iter().chain(patience).min() else { return Poll::Pending };
        let deadline = *this.since.get_or_insert_with(Instant::now) + limit;
        if this.sleep.is_none() {
            this.sleep.set(Some(sleep_until(deadline)));
        }
        if let Some(sleep) = this.sleep.as_mut().as_pin_mut()
            && sleep.deadline() > deadline
        {
            sleep.reset(deadline);
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
