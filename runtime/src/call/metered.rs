//! A body that keeps to a rate, and that holds a slot among the requests under way until it has been read.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use crate::body::{BodySource, ByteStream};
use crate::error::S3Error;
use crate::resilience::Tokens;

/// The largest and the smallest piece that is paid for at once.
const PIECES: (f64, f64) = (256.0 * 1024.0, 1024.0);

pub(super) struct Metered {
    body: ByteStream,
    /// What is left of a chunk larger than a piece.
    rest: Bytes,
    /// A piece that is paid for and waits for its time.
    paid: Option<(Bytes, Pin<Box<Sleep>>)>,
    bytes: Option<Arc<Mutex<Tokens>>>,
    /// Freed when the body is dropped, which its reader does at the end.
    _slot: Option<OwnedSemaphorePermit>,
    started: Instant,
}

impl Metered {
    pub(super) fn wrap(
        body: ByteStream,
        bytes: Option<Arc<Mutex<Tokens>>>,
        slot: Option<OwnedSemaphorePermit>,
        started: Instant,
    ) -> ByteStream {
        let source = Self { body, rest: Bytes::new(), paid: None, bytes, _slot: slot, started };
        ByteStream::from_source(Box::new(source))
    }

    /// The next piece and the wait it costs.
    fn pay(&mut self) -> (Bytes, Duration) {
        let Some(bytes) = &self.bytes else { return (std::mem::take(&mut self.rest), Duration::ZERO) };
        let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        // An eighth of a second's worth, so that the flow is even.
        let most = (bytes.rate() / 8.0).clamp(PIECES.1, PIECES.0) as usize;
        let piece = self.rest.split_to(self.rest.len().min(most));
        let wait = bytes.take(self.started.elapsed(), piece.len() as f64);
        (piece, wait)
    }
}

impl BodySource for Metered {
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let this = self.get_mut();
        if let Some((piece, due)) = &mut this.paid {
            ready!(due.as_mut().poll(cx));
            let piece = std::mem::take(piece);
            this.paid = None;
            return Poll::Ready(Some(Ok(piece)));
        }
        if this.rest.is_empty() {
            match ready!(this.body.poll_chunk(cx)) {
                Some(Ok(chunk)) => this.rest = chunk,
                end => return Poll::Ready(end),
            }
        }
        let (piece, wait) = this.pay();
        if wait.is_zero() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let mut due = Box::pin(sleep(wait));
        match due.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Ok(piece))),
            Poll::Pending => {
                this.paid = Some((piece, due));
                Poll::Pending
            }
        }
    }

    fn remaining(&self) -> Option<u64> {
        let held = self.rest.len() + self.paid.as_ref().map_or(0, |(piece, _)| piece.len());
        Some(self.body.len()? + held as u64)
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let (Some((piece, _)), Some(bytes)) = (&self.paid, &self.bytes) {
            bytes.lock().unwrap_or_else(PoisonError::into_inner).give_back(piece.len() as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_flow_at_the_rate_and_arrive_whole() {
        let bytes = Arc::new(Mutex::new(Tokens::new(100_000.0, 100_000.0)));
        let data = Bytes::from(vec![7u8; 1_000_000]);
        let started = Instant::now();
        let body = Metered::wrap(data.clone().into(), Some(bytes), None, started);
        assert_eq!(body.len(), Some(1_000_000));
        assert_eq!(body.collect().await.unwrap(), data);
        // The first second's worth is free.
        assert_eq!(started.elapsed().as_secs(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_paid_and_not_used_comes_back() {
        let bytes = Arc::new(Mutex::new(Tokens::new(1_000.0, 1_000.0)));
        let mut body = Metered::wrap(vec![7u8; 4_000].into(), Some(bytes.clone()), None, Instant::now());
        body.next().await.unwrap().unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(1), body.next()).await;
        assert!(waiting.is_err());
        drop(body);
        assert!(bytes.lock().unwrap().left(Duration::ZERO) < 1.0);
        assert_eq!(bytes.lock().unwrap().take(Duration::from_secs(1), 900.0), Duration::ZERO);
    }
}
