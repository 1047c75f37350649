//! Reading a [`ByteStream`]: chunk by chunk, all at once, as `Stream`, `http_body::Body` or reader.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::watch::PIECE;
use super::{ByteStream, Inner};
use crate::error::{ResponseError, S3Error, TransferError};
use crate::integrity::{Unchecked, Verification};

impl ByteStream {
    /// The next bytes; `None` when all have been read. Never an empty chunk. Cancel-safe.
    ///
    /// # Errors
    ///
    /// The body ended early, the connection broke or fell silent, the file or stream failed. After an
    /// error the body is over.
    pub async fn next(&mut self) -> Option<Result<Bytes, S3Error>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// All of the body, in memory.
    ///
    /// Bytes and a body that arrived in one chunk are not copied; a body of known length takes one
    /// allocation. There is no limit: look at [`len`](Self::len) first, or stream what may be large.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next), and if there is not that much memory.
    pub async fn collect(mut self) -> Result<Bytes, S3Error> {
        if let (Inner::Bytes(bytes) | Inner::Known(bytes, _), None) = (&self.inner, &self.watch) {
            return Ok(bytes.clone());
        }
        let Some(first) = self.next().await.transpose()? else { return Ok(Bytes::new()) };
        if self.len() == Some(0) {
            return Ok(first);
        }
        let Some(second) = self.next().await.transpose()? else { return Ok(first) };
        let mut all = Vec::new();
        let left = self.len().unwrap_or(0).saturating_add((first.len() + second.len()) as u64);
        usize::try_from(left).ok().and_then(|left| all.try_reserve_exact(left).ok()).ok_or_else(|| too_much(left))?;
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        // Their buffers are large, and not needed any more.
        drop((first, second));
        while let Some(chunk) = self.next().await.transpose()? {
            all.try_reserve(chunk.len()).map_err(|_| too_much((all.len() + chunk.len()) as u64))?;
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }

    /// All of the body as text.
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect), and if it is not UTF-8.
    pub async fn collect_string(self) -> Result<String, S3Error> {
        let bytes = self.collect().await?;
        String::from_utf8(bytes.into()).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let message = format!("the body is not text: byte {at} is not UTF-8");
            S3Error::new(ResponseError::UnexpectedContent, message)
        })
    }

    /// Copies the rest of the body into a writer, flushes it, and answers the number of bytes.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next), and if the writer fails. What was written before stays written.
    pub async fn write_to(mut self, writer: impl AsyncWrite) -> Result<u64, S3Error> {
        let mut writer = std::pin::pin!(writer);
        let mut written = 0;
        while let Some(chunk) = self.next().await.transpose()? {
            writer.write_all(&chunk).await.map_err(|error| unwritten(written, error))?;
            written += chunk.len() as u64;
        }
        writer.flush().await.map_err(|error| unwritten(written, error))?;
        Ok(written)
    }

    /// A reader over the rest of the body. Its errors are `io::Error`s with the `S3Error` inside.
    pub fn into_reader(self) -> BodyReader {
        BodyReader { body: self, chunk: Bytes::new() }
    }

    /// The next bytes, polled.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let result = loop {
            match self.source() {
                Ok(Some(source)) => match ready!(source.poll_next(cx)) {
                    Some(Ok(chunk)) if chunk.is_empty() => {}
                    other => break other,
                },
                Ok(None) => break self.take_bytes().map(Ok),
                Err(error) => break Some(Err(error)),
            }
        };
        if let (Some(watch), Some(Ok(bytes))) = (&mut self.watch, &result) {
            watch.passed(bytes);
        }
        // The end frees what the source holds: its connection, its file. So does the last byte.
        if !matches!(result, Some(Ok(_))) || self.len() == Some(0) {
            self.inner = match self.verification() {
                Verification::NotChecked(Unchecked::NotAsked) => Inner::default(),
                known => Inner::Read(known),
            };
        }
        Poll::Ready(result)
    }

    fn take_bytes(&mut self) -> Option<Bytes> {
        match &mut self.inner {
            Inner::Bytes(bytes) | Inner::Known(bytes, _) if !bytes.is_empty() => {
                let piece = if self.watch.is_some() { bytes.len().min(PIECE) } else { bytes.len() };
                Some(bytes.split_to(piece))
            }
            _ => None,
        }
    }
}

fn too_much(len: u64) -> S3Error {
    let message = format!("there is no memory for a body of {len} bytes");
    S3Error::new(TransferError::StreamInterrupted, message)
        .with_suggestion("read it chunk by chunk, or write it to a file")
}

fn unwritten(written: u64, error: io::Error) -> S3Error {
    let message = format!("the body could not be written after {written} bytes: {error}");
    S3Error::new(TransferError::StreamInterrupted, message).with_source(error)
}

impl Stream for ByteStream {
    type Item = Result<Bytes, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(cx)
    }
}

impl http_body::Body for ByteStream {
    type Data = Bytes;
    type Error = S3Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        self.poll_chunk(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.len().map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// A [`ByteStream`] as a tokio reader; made by [`ByteStream::into_reader`].
#[derive(Debug)]
pub struct BodyReader {
    body: ByteStream,
    chunk: Bytes,
}

impl AsyncBufRead for BodyReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.chunk.is_empty() {
            match ready!(this.body.poll_chunk(cx)) {
                Some(Ok(chunk)) => this.chunk = chunk,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => {}
            }
        }
        Poll::Ready(Ok(&this.chunk))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        let amount = amount.min(self.chunk.len());
        self.chunk.advance(amount);
    }
}

impl AsyncRead for BodyReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let chunk = ready!(self.as_mut().poll_fill_buf(cx))?;
        let n = chunk.len().min(out.remaining());
        out.put_slice(&chunk[..n]);
        self.consume(n);
        Poll::Ready(Ok(()))
    }
}
