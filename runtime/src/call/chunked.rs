//! A body on its way out, cut into chunks (`aws-chunked`) that may be signed and may be followed by a checksum.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::body::{BodySource, ByteStream};
use crate::error::S3Error;
use crate::integrity::{Algorithm, Hasher};
use crate::sign::{ChunkFramer, encoded_len};

/// The body in chunks. `length` is the length of the data alone, `trailer` the checksum that is computed on the way.
pub(super) fn framed(
    body: ByteStream,
    length: u64,
    framer: ChunkFramer,
    signed: bool,
    trailer: Option<Algorithm>,
) -> ByteStream {
    ByteStream::from_source(Box::new(Chunked::new(body, length, framer, signed, trailer)))
}

struct Chunked {
    body: ByteStream,
    /// Taken when the last frame was made.
    framer: Option<ChunkFramer>,
    hasher: Option<Hasher>,
    /// Data of the chunk being filled: its header, which goes first, needs all of it.
    pending: Vec<Bytes>,
    ready: VecDeque<Bytes>,
    /// Data of later chunks that is here already.
    rest: Bytes,
    left: Option<u64>,
}

impl Chunked {
    fn new(body: ByteStream, length: u64, framer: ChunkFramer, signed: bool, trailer: Option<Algorithm>) -> Self {
        let lines = trailer.map(|algorithm| (algorithm.header_str(), algorithm.text_len()));
        Self {
            body,
            left: encoded_len(signed, length, framer.room(), lines.as_slice()),
            framer: Some(framer),
            hasher: trailer.map(Hasher::new),
            pending: Vec::new(),
            ready: VecDeque::new(),
            rest: Bytes::new(),
        }
    }

    /// Takes in what the present chunk has room for. No more: it goes on its way while it is in the processor's cache, and a
    /// body that lies in memory is not hashed as a whole before its first byte leaves.
    fn take_in(&mut self, mut data: Bytes) {
        let Some(framer) = &mut self.framer else { return };
        let piece = data.split_to(data.len().min(framer.room()));
        self.rest = data;
        framer.feed(&piece);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        self.pending.push(piece);
        if framer.room() == 0 {
            self.ready.extend(framer.header());
            self.ready.extend(self.pending.drain(..));
        }
    }

    fn finish(&mut self) {
        if let Some(mut framer) = self.framer.take() {
            self.ready.extend(framer.header());
            self.ready.extend(self.pending.drain(..));
            let sum = self.hasher.take().map(Hasher::finish);
            let line = sum.map(|sum| (sum.algorithm().header_str(), sum.to_base64()));
            let line = line.as_ref().map(|(name, value)| (*name, value.as_str()));
            self.ready.push_back(framer.finish(line.as_slice()));
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
            if !this.rest.is_empty() {
                let rest = std::mem::take(&mut this.rest);
                this.take_in(rest);
                continue;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::task::Waker;

    use super::*;
    use crate::sign::CHUNK_SIZE;

    #[test]
    fn of_a_body_in_memory_one_chunk_is_hashed_at_a_time() {
        let data = Bytes::from(vec![7; 10 * CHUNK_SIZE + 1]);
        let framer = ChunkFramer::unsigned(CHUNK_SIZE);
        let length = data.len() as u64;
        let mut body = Chunked::new(data.into(), length, framer, false, Some(Algorithm::Sha256));
        let mut cx = Context::from_waker(Waker::noop());
        for chunk in 1..=10 {
            let header = Pin::new(&mut body).poll_next(&mut cx);
            assert!(matches!(header, Poll::Ready(Some(Ok(header))) if header.ends_with(b"40000\r\n")));
            assert_eq!(body.rest.len(), (10 - chunk) * CHUNK_SIZE + 1, "the rest has not been looked at");
            let data = Pin::new(&mut body).poll_next(&mut cx);
            assert!(matches!(data, Poll::Ready(Some(Ok(data))) if data.len() == CHUNK_SIZE));
        }
    }
}
