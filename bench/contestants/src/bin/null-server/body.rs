//! Bodies without copies: pieces that are there already, or as much of one block as an object is long.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// Bytes that go to hyper at once.
const FRAME: usize = 256 << 10;

/// What is left to send.
pub(crate) enum Body {
    Pieces(VecDeque<Bytes>),
    Object { block: Bytes, at: u64, left: u64 },
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self::Pieces(VecDeque::new())
    }

    fn left(&self) -> u64 {
        match self {
            Self::Pieces(pieces) => pieces.iter().map(|piece| piece.len() as u64).sum(),
            Self::Object { left, .. } => *left,
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Pieces(pieces) => pieces.pop_front(),
            Self::Object { left: 0, .. } => None,
            Self::Object { block, at, left } => {
                let from = (*at % block.len() as u64) as usize;
                let len = FRAME.min(block.len() - from).min(usize::try_from(*left).unwrap_or(FRAME));
                *at += len as u64;
                *left -= len as u64;
                Some(block.slice(from..from + len))
            }
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
