//! Answers that come in pages.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::{Call, Operation, Sending};
use crate::error::{ResponseError, S3Error};

/// A request whose answer comes in pages.
pub trait Paged: Operation + Clone + PartialEq {
    /// Puts the tokens of `page` into the request, so that it asks for the next one. `false`: that was the last.
    fn turn(&mut self, page: &Self::Output) -> bool;
}

/// The pages of an answer, fetched one by one as they are asked for.
///
/// A stream for those who use `futures`, and [`next`](Self::next) for those who do not. It ends after the last page
/// and after the first error.
#[must_use = "pages are fetched only as they are asked for"]
pub struct Pages<O: Paged> {
    call: Call,
    /// The request for the next page; none after the last.
    request: Option<Box<O>>,
    fetching: Option<Sending<O::Output>>,
}

impl<O: Paged> Pages<O> {
    pub(super) fn new(call: Call, request: Box<O>) -> Self {
        Self { call, request: Some(request), fetching: None }
    }

    /// The next page; `None` after the last. Cancel-safe: a page whose fetching was dropped is fetched again.
    pub async fn next(&mut self) -> Option<Result<O::Output, S3Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<O: Paged> Unpin for Pages<O> {}

impl<O: Paged> Stream for Pages<O> {
    type Item = Result<O::Output, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(request) = &this.request else { return Poll::Ready(None) };
        let fetching = this.fetching.get_or_insert_with(|| this.call.clone().send(request.clone()));
        let page = ready!(Pin::new(fetching).poll(cx));
        this.fetching = None;
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                this.request = None;
                return Poll::Ready(Some(Err(error)));
            }
        };
        if let Some(asked) = this.request.take() {
            let mut next = asked.clone();
            if next.turn(&page) {
                // The page in hand is good; the one after it would be the same for ever.
                if next == asked {
                    return Poll::Ready(Some(Err(S3Error::new(
                        ResponseError::InvalidResponse,
                        "the server says there are more pages but names the same one again",
                    )
                    .with_target(O::FACTS.name, next.bucket(), next.key()))));
                }
                this.request = Some(next);
            }
        }
        Poll::Ready(Some(Ok(page)))
    }
}

impl<O: Paged> fmt::Debug for Pages<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("operation", &O::FACTS.name).field("finished", &self.request.is_none()).finish()
    }
}

/// The items of all pages, one after the other; pages are fetched as they are needed.
#[must_use = "items are fetched only as they are asked for"]
pub struct Items<O: Paged, T> {
    pages: Pages<O>,
    take: fn(O::Output) -> Vec<T>,
    ready: VecDeque<T>,
}

impl<O: Paged, T> Items<O, T> {
    pub(super) fn new(pages: Pages<O>, take: fn(O::Output) -> Vec<T>) -> Self {
        Self { pages, take, ready: VecDeque::new() }
    }

    /// The next item; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T, S3Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All items in memory.
    ///
    /// # Errors
    /// The first error of any page; items gathered before it are dropped.
    pub async fn collect(mut self) -> Result<Vec<T>, S3Error> {
        let mut all = Vec::new();
        while let Some(page) = self.pages.next().await {
            all.append(&mut (self.take)(page?));
        }
        let mut early: Vec<T> = self.ready.into();
        early.append(&mut all);
        Ok(early)
    }
}

impl<O: Paged, T> Unpin for Items<O, T> {}

impl<O: Paged, T> Stream for Items<O, T> {
    type Item = Result<T, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(Pin::new(&mut self.pages).poll_next(cx)) {
                Some(Ok(page)) => self.ready = (self.take)(page).into(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<O: Paged, T> fmt::Debug for Items<O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("pages", &self.pages).field("ready", &self.ready.len()).finish()
    }
}
