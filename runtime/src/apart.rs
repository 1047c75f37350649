//! Work that runs by itself: on a thread for what blocks, or as a task. Not for applications.
//!
//! To tokio all of it is of one type, whatever it does and answers: a task is some 2,000 lines of generated code for each kind,
//! in the build of every program and in the program.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::transport::BoxFuture;

/// Work under way, and its answer when it is over. Dropped, it goes on.
#[derive(Debug)]
pub struct Running<T> {
    task: JoinHandle<()>,
    answer: Arc<Mutex<Option<T>>>,
}

/// Begins what waits for the disk, on a thread where that is allowed.
///
/// # Panics
/// Outside of a tokio runtime, as tokio does.
pub fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Running<T> {
    let (answer, place) = slot();
    Running { task: on_a_thread(Box::new(move || fill(&place, work()))), answer }
}

/// Begins a task.
pub fn begin<T: Send + 'static>(runtime: &Handle, work: impl Future<Output = T> + Send + 'static) -> Running<T> {
    let (answer, place) = slot();
    Running { task: as_a_task(runtime, Box::pin(async move { fill(&place, work.await) })), answer }
}

fn on_a_thread(work: Box<dyn FnOnce() + Send>) -> JoinHandle<()> {
    tokio::task::spawn_blocking(work)
}

/// A task that answers nothing.
pub(crate) fn as_a_task(runtime: &Handle, work: BoxFuture<'static, ()>) -> JoinHandle<()> {
    runtime.spawn(work)
}

type Slot<T> = Arc<Mutex<Option<T>>>;

fn slot<T>() -> (Slot<T>, Slot<T>) {
    let slot = Arc::new(Mutex::new(None));
    (Arc::clone(&slot), slot)
}

fn fill<T>(place: &Mutex<Option<T>>, answer: T) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
}

impl<T> Running<T> {
    /// Whether it is over.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T> Future for Running<T> {
    type Output = Result<T, Gone>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let over = ready!(Pin::new(&mut self.task).poll(cx));
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        Poll::Ready(over.map_err(|error| Gone(Some(error))).and_then(|()| answer.ok_or(Gone(None))))
    }
}

/// Work that did not come to its end: it panicked, or its runtime ended.
#[derive(Debug)]
pub struct Gone(pub Option<JoinError>);

impl Gone {
    /// It was ended from outside.
    pub fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_none_or(JoinError::is_cancelled)
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(error) => error.fmt(f),
            None => f.write_str("nothing came of it"),
        }
    }
}

impl StdError for Gone {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn answers_come_and_what_panicked_says_so() {
        assert_eq!(apart(|| 7).await.unwrap(), 7);
        assert_eq!(begin(&Handle::current(), async { "task" }).await.unwrap(), "task");
        let gone = apart(|| -> u8 { panic!("on purpose") }).await.unwrap_err();
        assert!(!gone.is_cancelled() && gone.to_string().contains("panicked"), "{gone}");
    }
}
