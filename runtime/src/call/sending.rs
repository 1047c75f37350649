//! A call under way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::S3Error;

/// A call under way: the future that `send()` answers with, and that awaiting a builder makes.
///
/// It does nothing until it is polled. Dropping it at any point cancels the call and leaks nothing; whether the server
/// had already carried it out cannot be known then.
#[must_use = "a request does nothing until it is awaited"]
pub struct Sending<T>(Kept<T>);

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, S3Error>> + Send + 'static>>;

enum Kept<T> {
    AsIs(Boxed<T>),
    /// Outputs are large: where they are boxed they are moved once.
    Boxing(Boxed<Box<T>>),
}

impl<T> Sending<T> {
    /// Wraps a future.
    pub fn new(future: impl Future<Output = Result<T, S3Error>> + Send + 'static) -> Self {
        Self(Kept::AsIs(Box::pin(future)))
    }

    /// Wraps a future whose answer is boxed.
    pub(super) fn boxed(future: impl Future<Output = Result<Box<T>, S3Error>> + Send + 'static) -> Self {
        Self(Kept::Boxing(Box::pin(future)))
    }

    /// An answer that is already there, for mocks.
    pub fn ready(answer: Result<T, S3Error>) -> Self
    where
        T: Send + 'static,
    {
        Self::new(std::future::ready(answer))
    }
}

impl<T> Future for Sending<T> {
    type Output = Result<T, S3Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Kept::AsIs(future) => future.as_mut().poll(cx),
            Kept::Boxing(future) => future.as_mut().poll(cx).map_ok(|answer| *answer),
        }
    }
}

impl<T> std::fmt::Debug for Sending<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sending")
    }
}
