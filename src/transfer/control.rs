//! Watching and steering a transfer from elsewhere.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::watch;

use super::progress::{Meter, Phase, Progress};
use super::state::TransferState;
use crate::S3Error;
use crate::error::TransferError;

/// Watches and steers a transfer: pause, go on, call off. Cheap to clone, and good for several transfers at once.
///
/// ```
/// use integration_s3::transfer::TransferHandle;
///
/// let handle = TransferHandle::new();
/// handle.pause();
/// assert!(handle.is_paused());
/// handle.resume();
/// assert_eq!(handle.progress().bytes, 0);
/// ```
#[derive(Clone)]
pub struct TransferHandle(Arc<Shown>);

struct Shown {
    command: watch::Sender<Command>,
    progress: Mutex<Progress>,
    state: Mutex<Option<TransferState>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Run,
    Pause,
    Cancel,
}

impl Default for TransferHandle {
    fn default() -> Self {
        Self::new()
    }
}

impl TransferHandle {
    /// A handle to be given to a transfer.
    pub fn new() -> Self {
        let (command, _) = watch::channel(Command::Run);
        Self(Arc::new(Shown { command, progress: Mutex::default(), state: Mutex::default() }))
    }

    /// No further part begins, and bytes stop as soon as what is on its way has gone. Parts that stand keep standing.
    pub fn pause(&self) {
        self.order(Command::Pause);
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.order(Command::Run);
    }

    /// Calls the transfer off. It ends with [`TransferError::UploadAborted`] once it has cleaned up after itself (or has
    /// left what it needs to go on later, where that was asked for). There is no way back.
    pub fn cancel(&self) {
        self.order(Command::Cancel);
    }

    /// Whether it was told to pause.
    pub fn is_paused(&self) -> bool {
        *self.0.command.borrow() == Command::Pause
    }

    /// Whether it was called off.
    pub fn is_cancelled(&self) -> bool {
        *self.0.command.borrow() == Command::Cancel
    }

    /// How far it is. Of several transfers with one handle, the one that told last.
    pub fn progress(&self) -> Progress {
        *self.0.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is needed to go on later, as of the last part that is over. `None` before there is anything to go on with.
    pub fn state(&self) -> Option<TransferState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn show(&self, progress: Progress) {
        *self.0.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    pub(crate) fn keep(&self, state: Option<TransferState>) {
        *self.0.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn order(&self, wanted: Command) {
        self.0.command.send_if_modified(|command| {
            let changes = *command != Command::Cancel && *command != wanted;
            if changes {
                *command = wanted;
            }
            changes
        });
    }
}

impl fmt::Debug for TransferHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferHandle").field("command", &*self.0.command.borrow()).finish_non_exhaustive()
    }
}

/// The side of the transfer: waits where it was told to wait.
#[derive(Clone)]
pub(crate) struct Control {
    commands: watch::Receiver<Command>,
    /// Keeps the sender alive.
    handle: TransferHandle,
    /// Set when the future of the transfer is dropped.
    dropped: watch::Receiver<bool>,
}

/// Tells a transfer's driver that nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct Drop(watch::Sender<bool>);

impl Drop {
    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Control {
    pub(crate) fn new(handle: TransferHandle) -> (Self, Drop) {
        let (drop, dropped) = watch::channel(false);
        (Self { commands: handle.0.command.subscribe(), handle, dropped }, Drop(drop))
    }

    pub(crate) fn handle(&self) -> &TransferHandle {
        &self.handle
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        *self.dropped.borrow() || *self.commands.borrow() == Command::Cancel
    }

    /// Does what cannot be undone, unless the transfer was called off before. Whoever calls it off meanwhile waits until it
    /// is done: so it has either happened when that returns, or never will.
    ///
    /// # Errors
    /// [`TransferError::UploadAborted`] when it was called off.
    pub(crate) fn in_time<T>(&self, work: impl FnOnce() -> T) -> Result<T, S3Error> {
        // As long as a value is borrowed nobody can set another.
        let (dropped, command) = (self.dropped.borrow(), self.commands.borrow());
        if *dropped || *command == Command::Cancel {
            return Err(cancelled());
        }
        Ok(work())
    }

    /// To be passed before each step: waits while the transfer is paused.
    ///
    /// # Errors
    /// [`TransferError::UploadAborted`] when it was called off.
    pub(crate) async fn pass(&self, meter: &Meter) -> Result<(), S3Error> {
        if self.is_cancelled() {
            return Err(cancelled());
        }
        if *self.commands.borrow() == Command::Run {
            return Ok(());
        }
        meter.phase(Phase::Paused);
        let mut commands = self.commands.clone();
        either(commands.wait_for(|command| *command != Command::Pause), self.cancelled()).await;
        if self.is_cancelled() {
            return Err(cancelled());
        }
        meter.phase(Phase::Running);
        Ok(())
    }

    /// Ready when the transfer was called off, or dropped. Behind a pointer: it is a part of nearly every wait.
    pub(crate) fn cancelled(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let (mut commands, mut dropped) = (self.commands.clone(), self.dropped.clone());
            let called_off = async {
                if commands.wait_for(|command| *command == Command::Cancel).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let dropped = async {
                // The sender goes with the future once the driver is done, or was detached.
                if dropped.wait_for(|dropped| *dropped).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            either(called_off, dropped).await;
        })
    }

    /// What comes of `work`, unless the transfer is called off before.
    ///
    /// # Errors
    /// [`TransferError::UploadAborted`] when it was called off; `work` is dropped then.
    pub(crate) async fn unless_cancelled<F: IntoFuture>(&self, work: F) -> Result<F::Output, S3Error> {
        match either(self.cancelled(), work.into_future()).await {
            Either::First(()) => Err(cancelled()),
            Either::Second(done) => Ok(done),
        }
    }
}

/// The output of whichever future was ready first.
pub(crate) enum Either<A, B> {
    First(A),
    Second(B),
}

/// Waits for either; the first one goes first. (`select!` would bring procedural macros into every build.)
pub(crate) async fn either<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| {
        if let Poll::Ready(output) = first.as_mut().poll(cx) {
            return Poll::Ready(Either::First(output));
        }
        second.as_mut().poll(cx).map(Either::Second)
    })
    .await
}

pub(crate) fn cancelled() -> S3Error {
    S3Error::new(TransferError::UploadAborted, "the transfer was called off")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_paused_transfer_waits_and_a_cancelled_one_never_goes_on() {
        let handle = TransferHandle::new();
        let (control, _drop) = Control::new(handle.clone());
        let meter = Meter::new(handle.clone(), None);
        meter.phase(Phase::Running);
        control.pass(&meter).await.unwrap();
        handle.pause();
        let mut waiting = Box::pin(control.pass(&meter));
        let soon = std::time::Duration::from_millis(10);
        assert!(tokio::time::timeout(soon, &mut waiting).await.is_err());
        assert_eq!(handle.progress().phase, Phase::Paused);
        handle.resume();
        waiting.await.unwrap();
        assert_eq!(handle.progress().phase, Phase::Running);
        handle.pause();
        handle.cancel();
        handle.resume();
        assert!(handle.is_cancelled());
        assert_eq!(control.pass(&meter).await.unwrap_err().kind(), TransferError::UploadAborted.into());
        control.cancelled().await;
    }

    #[test]
    fn what_cannot_be_undone_is_done_before_the_drop_returns_or_never() {
        use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
        let (control, dropped) = Control::new(TransferHandle::new());
        let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                control.in_time(|| {
                    begun.store(true, SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    done.store(true, SeqCst);
                })
            });
            while !begun.load(SeqCst) {
                std::thread::yield_now();
            }
            dropped.now();
            assert!(done.load(SeqCst));
        });
        assert_eq!(control.in_time(|| ()).unwrap_err().kind(), TransferError::UploadAborted.into());
        let handle = TransferHandle::new();
        let (control, _drop) = Control::new(handle.clone());
        assert_eq!(control.in_time(|| 7).unwrap(), 7);
        handle.cancel();
        control.in_time(|| ()).unwrap_err();
    }

    #[tokio::test]
    async fn a_dropped_future_cancels_a_detached_one_does_not() {
        let (control, dropped) = Control::new(TransferHandle::new());
        drop(dropped);
        let soon = std::time::Duration::from_millis(10);
        assert!(tokio::time::timeout(soon, control.cancelled()).await.is_err());
        let (control, dropped) = Control::new(TransferHandle::new());
        dropped.now();
        control.cancelled().await;
    }
}
