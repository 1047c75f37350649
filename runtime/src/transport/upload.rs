//! The body of a request on its way out: what it wraps tells the head's timer that things move, and it can be had back as
//! long as next to nothing of it has left.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::body::ByteStream;
use crate::error::{S3Error, TransferError};

/// What is handed to the connection at once. A body of one large piece would be one long silence otherwise.
const PIECE: usize = 256 * 1024;

/// What the sender keeps of a body it has given away. Only bodies larger than a piece, or not in memory, have one.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pieces: AtomicU64,
    /// The body itself has nothing to give: the silence is not the server's.
    starved: AtomicBool,
    source: Mutex<Source>,
}

#[derive(Debug, Default)]
struct Source {
    /// Comes before all else: the first piece of a body that was taken back.
    ahead: Bytes,
    /// What is left of a chunk larger than a piece.
    rest: Bytes,
    body: ByteStream,
    /// The first piece, until another has left.
    first: Bytes,
    failure: Option<S3Error>,
}

impl Upload {
    pub(super) fn pieces(&self) -> u64 {
        self.pieces.load(Relaxed)
    }

    pub(super) fn starved(&self) -> bool {
        self.starved.load(Relaxed)
    }

    /// The error of the body itself, if that is what ended the exchange.
    pub(super) fn failure(&self) -> Option<S3Error> {
        self.source().failure.take()
    }

    /// The whole body once more, if no more than one piece of it has left.
    pub(super) fn take_back(self: &Arc<Self>) -> Option<Outgoing> {
        let mut source = self.source();
        if self.pieces() > 1 || source.failure.is_some() {
            return None;
        }
        source.ahead = std::mem::take(&mut source.first);
        self.pieces.store(0, Relaxed);
        Some(Outgoing::Watched(Arc::clone(self)))
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let mut source = self.source();
        let source = &mut *source;
        let piece = if source.ahead.is_empty() {
            if source.rest.is_empty() {
                let polled = source.body.poll_chunk(cx);
                self.starved.store(polled.is_pending(), Relaxed);
                match polled {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(Some(Ok(chunk))) => source.rest = chunk,
                    Poll::Ready(Some(Err(error))) => {
                        source.failure = Some(error);
                        let placeholder =
                            S3Error::new(TransferError::StreamInterrupted, "the body of the request failed");
                        return Poll::Ready(Some(Err(placeholder)));
                    }
                }
            }
            source.rest.split_to(source.rest.len().min(PIECE))
        } else {
            std::mem::take(&mut source.ahead)
        };
        let before = self.pieces.fetch_add(1, Relaxed);
        source.first = if before == 0 { piece.clone() } else { Bytes::new() };
        Poll::Ready(Some(Ok(piece)))
    }
}

pub(super) enum Outgoing {
    /// In memory, and one piece.
    Small(Bytes),
    Watched(Arc<Upload>),
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::Small(Bytes::new())
    }
}

impl Outgoing {
    pub(super) fn new(mut body: ByteStream) -> (Self, Option<Arc<Upload>>) {
        match body.in_one_piece(PIECE) {
            Some(bytes) => (Self::Small(bytes), None),
            None => {
                let source = Source { body, ..Source::default() };
                let upload = Arc::new(Upload { source: Mutex::new(source), ..Upload::default() });
                (Self::Watched(Arc::clone(&upload)), Some(upload))
            }
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = S3Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        let piece = match &mut *self {
            Self::Small(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Small(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Self::Watched(upload) => upload.poll_piece(cx),
        };
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Small(bytes) => bytes.is_empty(),
            Self::Watched(upload) => {
                let source = upload.source();
                source.ahead.is_empty() && source.rest.is_empty() && source.body.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Small(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Watched(upload) => {
                let source = upload.source();
                let held = (source.ahead.len() + source.rest.len()) as u64;
                source.body.len().map_or_else(SizeHint::new, |len| SizeHint::with_exact(len + held))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::poll_fn;

    use super::*;

    async fn piece(body: &mut Outgoing) -> Option<Bytes> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        frame.unwrap().into_data().ok()
    }

    #[tokio::test]
    async fn a_body_comes_back_whole_while_one_piece_has_left() {
        let data: Vec<u8> = (0..PIECE * 2 + 7).map(|at| at as u8).collect();
        let (mut body, upload) = Outgoing::new(ByteStream::from_reader(std::io::Cursor::new(data.clone()), None));
        let upload = upload.unwrap();
        for _ in 0..3 {
            piece(&mut body).await.unwrap();
            body = upload.take_back().unwrap();
        }
        let mut all = Vec::new();
        while let Some(piece) = piece(&mut body).await {
            all.extend_from_slice(&piece);
        }
        assert_eq!(all, data);
        assert!(upload.take_back().is_none(), "more than one piece has left");
    }

    #[tokio::test]
    async fn a_large_body_says_its_length_before_and_after_it_was_taken_back() {
        let (mut body, upload) = Outgoing::new(ByteStream::from(vec![7; PIECE + 1]));
        assert_eq!(body.size_hint().exact(), Some(PIECE as u64 + 1));
        assert_eq!(piece(&mut body).await.unwrap().len(), PIECE);
        assert_eq!(body.size_hint().exact(), Some(1));
        let mut body = upload.unwrap().take_back().unwrap();
        assert_eq!(body.size_hint().exact(), Some(PIECE as u64 + 1));
        assert!(!body.is_end_stream());
        assert_eq!(piece(&mut body).await.unwrap().len(), PIECE);
        assert_eq!(piece(&mut body).await.unwrap().len(), 1);
        assert!(body.is_end_stream());
    }
}
