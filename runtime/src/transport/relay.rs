//! The waker between a connection and whoever uses it at the moment.
//!
//! hyper's halves of a connection wake each other through channels. Polled by one task, each such wake would be one more
//! turn of that task. The relay tells them from wakes of the outside world: what is woken while the connection is being
//! polled is polled again at once, and the task hears of the rest only.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// One per connection, for as long as it lives: nothing is made or registered anew for a request.
#[derive(Debug, Default)]
pub(super) struct Relay {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whom to wake. `None`: nobody waits, the connection idles.
    task: Option<Waker>,
    polling: bool,
    woken: bool,
}

impl Relay {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polling begins, for this task.
    pub(super) fn begin(&self, task: &Waker) {
        let mut state = self.state();
        state.polling = true;
        state.woken = false;
        let old = match &state.task {
            Some(known) if known.will_wake(task) => None,
            _ => state.task.replace(task.clone()),
        };
        drop(state);
        // Dropping a waker may drop its task, and with it anything.
        drop(old);
    }

    /// Nothing is ready: whether something happened meanwhile, so that polling once more is worth it. If not, polling is
    /// over, and the next wake reaches the task.
    pub(super) fn again(&self) -> bool {
        let mut state = self.state();
        state.polling = std::mem::take(&mut state.woken);
        state.polling
    }

    /// Polling is over.
    pub(super) fn end(&self) {
        self.state().polling = false;
    }

    /// Nobody waits any more.
    pub(super) fn leave(&self) {
        let mut state = self.state();
        state.polling = false;
        let old = state.task.take();
        drop(state);
        drop(old);
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state();
        if state.polling {
            state.woken = true;
            return;
        }
        let task = state.task.clone();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_wake_reaches_the_task_only_while_nobody_polls() {
        let (relay, count) = (Arc::new(Relay::default()), Arc::new(Count::default()));
        let (waker, task) = (Waker::from(relay.clone()), Waker::from(count.clone()));
        let woken = || count.0.load(Ordering::SeqCst);
        waker.wake_by_ref();
        assert_eq!(woken(), 0, "nobody waits");
        relay.begin(&task);
        waker.wake_by_ref();
        assert!(relay.again(), "woken while polling: once more");
        assert!(!relay.again());
        assert_eq!(woken(), 0);
        waker.wake_by_ref();
        assert_eq!(woken(), 1);
        relay.begin(&task);
        waker.wake_by_ref();
        relay.end();
        assert_eq!(woken(), 1, "it is being looked at");
        waker.wake_by_ref();
        assert_eq!(woken(), 2);
        relay.leave();
        waker.wake();
        assert_eq!(woken(), 2);
        drop(task);
        assert_eq!(Arc::strong_count(&count), 1, "no task is kept alive by an idle connection");
    }

    #[test]
    fn the_last_task_that_polled_is_woken() {
        let relay = Arc::new(Relay::default());
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        relay.begin(&Waker::from(first.clone()));
        relay.end();
        relay.begin(&Waker::from(second.clone()));
        assert!(!relay.again());
        Waker::from(relay).wake();
        assert_eq!((first.0.load(Ordering::SeqCst), second.0.load(Ordering::SeqCst)), (0, 1));
    }
}
