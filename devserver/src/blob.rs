//! Answer bodies: slices of stored segments, handed out in pieces without copying.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use s3s::StdError;
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, DynByteStream, RemainingLength};

/// Small enough that a slow reader does not hold much, large enough that frames cost nothing.
const PIECE: usize = 256 << 10;

struct Pieces {
    queue: VecDeque<Bytes>,
    left: usize,
}

/// A body of these slices, its length known.
pub(crate) fn blob(slices: Vec<Bytes>) -> StreamingBlob {
    let left = slices.iter().map(Bytes::len).sum();
    StreamingBlob::from(Box::pin(Pieces { queue: slices.into(), left }) as DynByteStream)
}

impl Stream for Pieces {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(front) = self.queue.front_mut() else {
            return Poll::Ready(None);
        };
        let piece = front.split_to(front.len().min(PIECE));
        if front.is_empty() {
            self.queue.pop_front();
        }
        self.left -= piece.len();
        Poll::Ready(Some(Ok(piece)))
    }
}

impl ByteStream for Pieces {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(self.left)
    }
}
