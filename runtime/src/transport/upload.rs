//! The body of a request on its way out: what it wraps tells the head's timer that things move.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::body::ByteStream;
use crate::error::{S3Error, TransferError};

/// What is handed to the connection at once. A body of one large piece would be one long silence otherwise.
const PIECE: usize = 256 * 1024;

/// What the sender sees of a body it has given away. Only bodies larger than a piece, or not in memory, have one.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pieces: AtomicU64,
    /// The body itself has nothing to give: the silence is not the server's.
    starved: AtomicBool,
    failure: Mutex<Option<S3Error>>,
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
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(super) struct Outgoing {
    body: ByteStream,
    /// What is left of a chunk larger than a piece.
    rest: Bytes,
    upload: Option<Arc<Upload>>,
}

impl Outgoing {
    pub(super) fn new(body: ByteStream) -> (Self, Option<Arc<Upload>>) {
        let small = body.as_bytes().is_some_and(|bytes| bytes.len() <= PIECE);
        let upload = (!small).then(Arc::default);
        (Self { body, rest: Bytes::new(), upload: upload.clone() }, upload)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = S3Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            let polled = this.body.poll_chunk(cx);
            if let Some(upload) = &this.upload {
                upload.starved.store(polled.is_pending(), Relaxed);
            }
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Ok(chunk))) => this.rest = chunk,
                Poll::Ready(Some(Err(error))) => {
                    let Some(upload) = &this.upload else { return Poll::Ready(Some(Err(error))) };
                    *upload.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    let placeholder = S3Error::new(TransferError::StreamInterrupted, "the body of the request failed");
                    return Poll::Ready(Some(Err(placeholder)));
                }
            }
        }
        if let Some(upload) = &this.upload {
            upload.pieces.fetch_add(1, Relaxed);
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.body.len() {
            Some(len) => SizeHint::with_exact(len + self.rest.len() as u64),
            None => SizeHint::new(),
        }
    }
}
