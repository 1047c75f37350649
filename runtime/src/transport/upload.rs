//! The body of a request on its way out: it tells when it is the body that is waited for, leaves room for other tasks, and can
//! be had back as long as next to nothing of it has left.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::body::ByteStream;
use crate::error::{S3Error, TransferError};

/// A body in memory up to this size is handed to the connection as it is, and a larger one begins with so much: as long as no
/// more has left, nobody can have acted on the request.
const FIRST: usize = 256 * 1024;

/// What is handed to the connection at once after that. The more the system can take in one call, the fewer calls there are;
/// but while it takes, other tasks wait: a millisecond at most.
const PIECE: usize = 8 * 1024 * 1024;

/// After so many bytes in a row the body pauses once. A peer that takes all there is would keep the task going until all is
/// sent, hashed on the way perhaps. (The connection is polled a few times more before other tasks get their turn.)
const TURN: usize = 1024 * 1024;

/// What the sender keeps of a body it has given away. Only bodies larger than a piece, or not in memory, have one.
#[derive(Debug, Default)]
pub(super) struct Upload {
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
    /// How many pieces have left.
    pieces: u64,
    /// The first piece, until another has left.
    first: Bytes,
    /// Bytes that left since the last pause.
    turn: usize,
    failure: Option<S3Error>,
}

impl Upload {
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
        if source.pieces > 1 || source.failure.is_some() {
            return None;
        }
        source.ahead = std::mem::take(&mut source.first);
        source.pieces = 0;
        Some(Outgoing::Watched(Arc::clone(self)))
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let mut source = self.source();
        let source = &mut *source;
        if source.turn >= TURN {
            source.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = if source.ahead.is_empty() {
            if source.rest.is_empty() {
                let polled = source.body.poll_chunk(cx);
                self.starved.store(polled.is_pending(), Relaxed);
                match polled {
                    Poll::Pending => {
                        source.turn = 0;
                        return Poll::Pending;
                    }
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
            let most = if source.pieces == 0 { FIRST } else { PIECE };
            source.rest.split_to(source.rest.len().min(most))
        } else {
            std::mem::take(&mut source.ahead)
        };
        source.first = if source.pieces == 0 { piece.clone() } else { Bytes::new() };
        source.pieces += 1;
        source.turn += piece.len();
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
        match body.in_one_piece(FIRST) {
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
        let data: Vec<u8> = (0..FIRST * 2 + 7).map(|at| at as u8).collect();
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
        let (mut body, upload) = Outgoing::new(ByteStream::from(vec![7; FIRST + 1]));
        assert_eq!(body.size_hint().exact(), Some(FIRST as u64 + 1));
        assert_eq!(piece(&mut body).await.unwrap().len(), FIRST);
        assert_eq!(body.size_hint().exact(), Some(1));
        let mut body = upload.unwrap().take_back().unwrap();
        assert_eq!(body.size_hint().exact(), Some(FIRST as u64 + 1));
        assert!(!body.is_end_stream());
        assert_eq!(piece(&mut body).await.unwrap().len(), FIRST);
        assert_eq!(piece(&mut body).await.unwrap().len(), 1);
        assert!(body.is_end_stream());
    }

    struct Endless;

    impl crate::body::BodySource for Endless {
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
            Poll::Ready(Some(Ok(Bytes::from_static(&[7; 100_000]))))
        }
    }

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    #[test]
    fn a_body_that_never_makes_anybody_wait_pauses_and_goes_on_by_itself() {
        let woken = Arc::new(Woken::default());
        let waker = std::task::Waker::from(woken.clone());
        let (mut body, upload) = Outgoing::new(ByteStream::from_source(Box::new(Endless)));
        for _ in 0..5 {
            let mut sent = 0;
            while let Poll::Ready(frame) = Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker)) {
                sent += frame.unwrap().unwrap().into_data().unwrap().len();
                assert!(!woken.0.load(Relaxed));
            }
            assert!((TURN..TURN + 100_000).contains(&sent), "{sent}");
            assert!(woken.0.swap(false, Relaxed), "it is not forgotten");
            assert!(!upload.as_ref().unwrap().starved(), "it is not the body that is waited for");
        }
    }
}
