//! A transfer under way: a task that does the work, and the future that waits for it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::control::{self, TransferHandle};
use super::progress::{Meter, Phase};
use super::work::{self, Running};
use crate::S3Error;
use crate::error::{ConfigurationError, TransferError};

/// A transfer that has begun. Await it for its outcome.
///
/// It is a task of its own and gets on whether it is polled or not. Dropping it calls it off: the task then cleans up in the
/// background (aborts the upload, removes the file it was writing), or keeps what is needed to go on, as its
/// [`Leftovers`](super::Leftovers) say; the runtime must live long enough for that. [`detach`](Self::detach) lets it go on.
#[must_use = "a transfer is called off when it is dropped; await it, or detach it"]
pub struct Transfer<T> {
    task: Task<T>,
    handle: TransferHandle,
    drop: Option<control::Drop>,
}

enum Task<T> {
    Running(Running<Result<T, S3Error>>),
    /// It never began.
    Refused(Option<S3Error>),
}

impl<T> Unpin for Transfer<T> {}

impl<T> Transfer<T> {
    /// To watch and steer it.
    pub fn handle(&self) -> &TransferHandle {
        &self.handle
    }

    /// Lets it go on by itself. The handle still steers it.
    pub fn detach(mut self) -> TransferHandle {
        self.drop = None;
        self.handle.clone()
    }

    pub(crate) fn refused(handle: TransferHandle, error: S3Error) -> Self {
        Self { task: Task::Refused(Some(error)), handle, drop: None }
    }
}

/// Starts a transfer. The phase it ends in is told when the driver returns.
pub(crate) fn spawn<T: Send + 'static>(
    handle: TransferHandle,
    meter: Meter,
    drop: control::Drop,
    driver: impl Future<Output = Result<T, S3Error>> + Send + 'static,
) -> Transfer<T> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        let error = S3Error::new(ConfigurationError::InvalidConfiguration, "there is no tokio runtime here")
            .with_suggestion("start transfers inside of one, such as #[tokio::main]");
        return Transfer::refused(handle, error);
    };
    let shown = handle.clone();
    let task = work::begin(&runtime, async move {
        let outcome = driver.await;
        meter.phase(match &outcome {
            Ok(_) => Phase::Done,
            Err(error) if error.kind() == TransferError::UploadAborted.into() => Phase::Cancelled,
            Err(_) => Phase::Failed,
        });
        outcome
    });
    Transfer { task: Task::Running(task), handle: shown, drop: Some(drop) }
}

#[cold]
fn lost_task(lost: work::Gone) -> S3Error {
    S3Error::new(TransferError::UploadAborted, format!("the transfer's task was lost: {lost}"))
        .with_suggestion("keep the runtime running until the transfer is over")
}

impl<T> Future for Transfer<T> {
    type Output = Result<T, S3Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &mut self.task {
            Task::Refused(error) => Err(error.take().unwrap_or_else(control::cancelled)),
            Task::Running(task) => match Pin::new(task).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(outcome)) => outcome,
                Poll::Ready(Err(lost)) => Err(lost_task(lost)),
            },
        };
        self.drop = None;
        Poll::Ready(outcome)
    }
}

impl<T> Drop for Transfer<T> {
    fn drop(&mut self) {
        if let Some(drop) = self.drop.take() {
            drop.now();
        }
    }
}

impl<T> fmt::Debug for Transfer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").field("progress", &self.handle.progress()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::transfer::control::Control;

    fn started(handle: &TransferHandle) -> Transfer<u32> {
        let (control, drop) = Control::new(handle.clone());
        let meter = Meter::new(handle.clone(), None);
        spawn(handle.clone(), meter, drop, async move {
            control.cancelled().await;
            Err(control::cancelled())
        })
    }

    async fn ends(handle: &TransferHandle) {
        while !handle.progress().phase.is_final() {
            tokio::task::yield_now().await;
        }
        assert_eq!(handle.progress().phase, Phase::Cancelled);
    }

    #[tokio::test]
    async fn dropping_calls_off_and_detaching_does_not() {
        let handle = TransferHandle::new();
        drop(started(&handle));
        ends(&handle).await;

        let handle = started(&TransferHandle::new()).detach();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(handle.progress().phase, Phase::Waiting);
        handle.cancel();
        ends(&handle).await;
    }

    #[test]
    fn says_that_a_runtime_is_missing() {
        let handle = TransferHandle::new();
        let transfer = started(&handle);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(transfer).unwrap_err();
        assert!(error.to_string().contains("runtime"), "{error}");
    }
}
