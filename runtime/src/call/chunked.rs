//! A body on its way out, cut into chunks that are signed one after the other (`aws-chunked`).

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::body::{BodySource, ByteStream};
use crate::error::S3Error;
use crate::sign::{CHUNK_SIZE, ChunkFramer, Signature, encoded_len};

/// The body in signed chunks. `length` is the length of the data alone.
pub(super) fn signed_chunks(body: ByteStream, length: u64, request: Signature) -> ByteStream {
    ByteStream::from_source(Box::new(Chunked {
        body,
        framer: Some(ChunkFramer::signed(request, CHUNK_SIZE)),
        pending: Vec::new(),
        ready: VecDeque::new(),
        left: encoded_len(true, length, CHUNK_SIZE, &[]),
    }))
}

struct Chunked {
    body: ByteStream,
    /// Taken when the last frame was made.
    framer: Option<ChunkFramer>,
    /// Data of the chunk being filled: its header, which goes first, needs all of it.
    pending: Vec<Bytes>,
    ready: VecDeque<Bytes>,
    left: Option<u64>,
}

impl Chunked {
    fn take_in(&mut self, mut data: Bytes) {
        let Some(framer) = &mut self.framer else { return };
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(framer.room()));
            framer.feed(&piece);
            self.pending.push(piece);
            if framer.room() == 0 {
                self.ready.extend(framer.header());
                self.ready.extend(self.pending.drain(..));
            }
        }
    }

    fn finish(&mut self) {
        if let Some(mut framer) = self.framer.take() {
            self.ready.extend(framer.header());
            self.ready.extend(self.pending.drain(..));
            self.ready.push_back(framer.finish(&[]));
        }
    }
}

impl BodySource for Chunked {
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(frame) = this.ready.pop_front() {
                this.left = this.left.map(|left| left.saturating_sub(frame.len() as u64));
                return Poll::Ready(Some(Ok(frame)));
            }
            if this.framer.is_none() {
                return Poll::Ready(None);
            }
            match ready!(this.body.poll_chunk(cx)) {
                Some(Ok(data)) => this.take_in(data),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => this.finish(),
            }
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.left
    }
}
