//! Work of transfers that runs by itself: on threads for what blocks, and in groups of tasks.
//!
//! To tokio all of it is of one type, whatever it does and answers: tasks are some 2,000 lines of generated code for each kind,
//! in the build of every program.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};

pub(crate) use integration_s3_runtime::apart::{Gone, Running, apart, begin};

use crate::S3Error;
use crate::error::TransferError;

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// [`apart`], for work that can fail.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, S3Error> + Send + 'static,
) -> Result<T, S3Error> {
    apart(work).await.unwrap_or_else(|gone| Err(no_thread(gone)))
}

/// The error of work [`apart`] that did not come to its end.
#[cold]
pub(crate) fn no_thread(gone: Gone) -> S3Error {
    let message = "the thread that writes to the disk is gone: the runtime is shutting down";
    lost(message, gone)
}

/// The error of work that did not come to its end.
#[cold]
pub(crate) fn lost(message: &'static str, gone: Gone) -> S3Error {
    S3Error::new(TransferError::StreamInterrupted, message).with_source(gone)
}

/// Tasks whose answers come in the order they end. Dropped, it ends them all.
pub(crate) struct Crew<T> {
    tasks: JoinSet<()>,
    answers: Arc<Mutex<VecDeque<T>>>,
}

impl<T: Send + 'static> Crew<T> {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), answers: Arc::default() }
    }

    /// How many have begun and have not been [joined](Self::poll_next).
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(crate) fn spawn(&mut self, work: impl Future<Output = T> + Send + 'static) {
        self.spawn_on(work, &Handle::current());
    }

    pub(crate) fn spawn_on(&mut self, work: impl Future<Output = T> + Send + 'static, runtime: &Handle) {
        let answers = Arc::clone(&self.answers);
        let task: Boxed = Box::pin(async move {
            let answer = work.await;
            answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer);
        });
        self.tasks.spawn_on(task, runtime);
    }

    /// What the next one answered; `None` when there is none left.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Gone>>> {
        let over = ready!(self.tasks.poll_join_next(cx));
        Poll::Ready(over.map(|over| self.answer(over)))
    }

    /// As [`poll_next`](Self::poll_next). Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Option<Result<T, Gone>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Forgets those that are over; answers whether there was one.
    pub(crate) fn reap(&mut self) -> bool {
        match self.tasks.try_join_next() {
            Some(over) => self.answer(over).is_ok(),
            None => false,
        }
    }

    /// Ends all.
    pub(crate) fn abort_all(&mut self) {
        self.tasks.abort_all();
    }

    /// Ends all, and waits until they have ended.
    pub(crate) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// There are as many answers as tasks that ended well: any of them may be taken.
    fn answer(&mut self, over: Result<(), JoinError>) -> Result<T, Gone> {
        over.map_err(|error| Gone(Some(error)))?;
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front().ok_or(Gone(None))
    }
}

/// Puts things in the order of their numbers. They come nearly so, and then this is one pass over them.
pub(crate) fn put_in_order<T>(things: &mut [T], number: impl Fn(&T) -> u64) {
    for end in 1..things.len() {
        let mut at = end;
        while at > 0 && number(&things[at]) < number(&things[at - 1]) {
            things.swap(at, at - 1);
            at -= 1;
        }
    }
}
