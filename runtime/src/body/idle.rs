//! A timer for silence: it runs only while something is waited for, and costs nothing while data flows.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::resilience::{StallPolicy, StallWatch};

/// No limit is shorter: a timer that has gone off again as soon as it is set would keep whoever sets it from ever waiting.
const SHORTEST: Duration = Duration::from_millis(1);

/// Fires when what is waited for stays away for `limit`.
///
/// The sleep is made at the first wait and stays where it is while data flows; only when it goes off
/// is it compared with the time the present wait began. So a chunk costs no trip to the timer wheel, and neither does
/// a request, if the sleep is handed from one to the next.
pub(crate) struct IdleTimer {
    sleep: Option<Pin<Box<Sleep>>>,
    since: Option<Instant>,
    limit: Option<Duration>,
    stall: Option<StallPolicy>,
    watch: StallWatch,
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
        let limit = limit.map(|limit| limit.max(SHORTEST));
        Self { sleep: None, since: None, limit, stall, watch: StallWatch::default() }
    }

    /// With a sleep another timer has left.
    pub(crate) fn with_sleep(mut self, sleep: Option<Pin<Box<Sleep>>>) -> Self {
        self.sleep = sleep;
        self
    }

    /// The sleep, for the next timer.
    pub(crate) fn into_sleep(self) -> Option<Pin<Box<Sleep>>> {
        self.sleep
    }

    /// So many bytes came. What was waited for them counts, unless the timer would have gone off meanwhile: then nobody
    /// was waiting, for it is looked at whenever somebody asks.
    pub(crate) fn arrived(&mut self, bytes: u64) {
        let since = self.since.take();
        if let Some(policy) = &self.stall
            && (since.is_some() || self.watch != StallWatch::default())
        {
            let waited = since.map(|since| since.elapsed()).unwrap_or_default();
            if waited < self.watch.patience(policy) {
                self.watch.arrived(policy, waited, bytes);
            } else {
                self.watch = StallWatch::default();
            }
        }
    }

    /// The policy a trickle broke, if that is what made the timer fire rather than plain silence.
    pub(crate) fn trickled(&self) -> Option<StallPolicy> {
        self.stall.filter(|policy| self.limit.is_none_or(|limit| self.watch.patience(policy) < limit))
    }

    /// Begins a new wait, now.
    pub(crate) fn restart(&mut self) {
        self.since = Some(Instant::now());
    }

    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// Ready once the silence has lasted too long. To be called whenever a poll came back pending.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.stall.as_ref().map(|policy| self.watch.patience(policy));
        let Some(limit) = self.limit.into_iter().chain(patience).min() else { return Poll::Pending };
        let deadline = match self.since {
            // Not left to the sleep alone: a task that is kept busy for its whole budget is told nothing by it.
            Some(since) if since.elapsed() >= limit => return Poll::Ready(()),
            Some(since) => since + limit,
            None => *self.since.insert(Instant::now()) + limit,
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn without_any_patience_there_is_still_a_wait() {
        for limit in [Duration::ZERO, Duration::from_nanos(1)] {
            let mut idle = IdleTimer::new(Some(limit));
            let mut expired = async || std::future::poll_fn(|cx| Poll::Ready(idle.poll_expired(cx))).await.is_ready();
            assert!(!expired().await);
            tokio::time::advance(SHORTEST).await;
            assert!(expired().await);
            idle.restart();
            assert!(std::future::poll_fn(|cx| Poll::Ready(idle.poll_expired(cx))).await.is_pending());
        }
    }
}
