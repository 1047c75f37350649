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
    let lines = trailer.map(|algorithm| (algorithm.header_str(), algorithm.text_len()));
    ByteStream::from_source(Box::new(Chunked {
        body,
        left: encoded_len(signed, length, framer.room(), lines.as_slice()),
        framer: Some(framer),
        hasher: trailer.map(Hasher::new),
        pending: Vec::new(),
        ready: VecDeque::new(),
    }))
}

struct Chunked {
    body: ByteStream,
    /// Taken when the last frame was made.
    framer: Option<ChunkFramer>,
    hasher: Option<Hasher>,
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
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&piece);
            }
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
