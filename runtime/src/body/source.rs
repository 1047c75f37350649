//! Where the bytes of a one-shot body come from. Not files (`file.rs`) and not answers (`reply.rs`).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, ReadBuf};

use crate::error::{BoxError, RequestError, S3Error, TransferError};
use crate::integrity::{Unchecked, Verification};

/// Something that yields the bytes of a body, once.
///
/// After an error or the end it is dropped and not asked again. Dropping it early must free whatever it
/// holds. A layer, say one that checks a checksum, is a `BodySource` that owns a
/// [`ByteStream`](super::ByteStream) and passes on what that yields.
pub trait BodySource: Send {
    /// The next bytes; `None` at the end. Chunks may have any size, an empty one is skipped.
    ///
    /// # Errors
    ///
    /// Whatever kept the rest from coming. What arrived before stays valid.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>>;

    /// The exact number of bytes yet to come, if it is known.
    ///
    /// Zero means that all is well and over: readers may stop there without asking for the end. So
    /// a source that checks the whole must do it **before** it hands out the last chunk.
    fn remaining(&self) -> Option<u64> {
        None
    }

    /// Whether the bytes are compared with a stored checksum.
    fn verification(&self) -> Verification {
        Verification::NotChecked(Unchecked::NotAsked)
    }
}

pin_project! {
    /// A caller's stream, held to the length it promised.
    pub(super) struct StreamSource<S> {
        #[pin]
        stream: S,
        promised: Option<u64>,
        seen: u64,
        // The chunk that keeps the promise. It is handed out once the stream has said that it is over.
        last: Bytes,
    }
}

impl<S> StreamSource<S> {
    pub(super) fn new(stream: S, promised: Option<u64>) -> Self {
        Self { stream, promised, seen: 0, last: Bytes::new() }
    }
}

impl<S, E> BodySource for StreamSource<S>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError>,
{
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let mut this = self.project();
        loop {
            return Poll::Ready(match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) if chunk.is_empty() => continue,
                Some(Ok(chunk)) => {
                    *this.seen += chunk.len() as u64;
                    match *this.promised {
                        Some(promised) if *this.seen > promised => Some(Err(too_long(promised))),
                        // Whoever sends it stops asking once it has what was promised.
                        Some(promised) if *this.seen == promised => {
                            *this.last = chunk;
                            continue;
                        }
                        _ => Some(Ok(chunk)),
                    }
                }
                Some(Err(error)) => Some(Err(failed(error.into()))),
                None if !this.last.is_empty() => Some(Ok(std::mem::take(this.last))),
                None => ended(*this.seen, *this.promised),
            });
        }
    }

    fn remaining(&self) -> Option<u64> {
        // Zero only after the stream has said that it is over, or a longer one would be cut in silence.
        self.promised.map(|promised| promised.saturating_sub(self.seen) + self.last.len() as u64)
    }
}

/// Bytes are read in place and handed out without a copy, out of buffers of this size.
const READER_BUFFER: usize = 64 * 1024;

pin_project! {
    /// A caller's reader, held to the length it promised.
    pub(super) struct ReaderSource<R> {
        #[pin]
        reader: R,
        buffer: BytesMut,
        promised: Option<u64>,
        seen: u64,
        // As with streams.
        last: Bytes,
    }
}

impl<R> ReaderSource<R> {
    pub(super) fn new(reader: R, promised: Option<u64>) -> Self {
        Self { reader, buffer: BytesMut::new(), promised, seen: 0, last: Bytes::new() }
    }
}

impl<R: AsyncRead> ReaderSource<R> {
    /// Whether the reader has come to its end with what it promised.
    fn over(reader: Pin<&mut R>, cx: &mut Context<'_>, promised: u64) -> Poll<Result<(), S3Error>> {
        let mut space = [0];
        let mut space = ReadBuf::new(&mut space);
        Poll::Ready(match ready!(reader.poll_read(cx, &mut space)) {
            Ok(()) if space.filled().is_empty() => Ok(()),
            Ok(()) => Err(too_long(promised)),
            Err(error) => Err(failed(error.into())),
        })
    }
}

impl<R: AsyncRead + Send> BodySource for ReaderSource<R> {
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let mut this = self.project();
        let left = this.promised.map_or(u64::MAX, |promised| promised - *this.seen);
        if left == 0 {
            return Self::over(this.reader, cx, this.promised.unwrap_or_default()).map(|over| match over {
                Ok(()) if this.last.is_empty() => None,
                Ok(()) => Some(Ok(std::mem::take(this.last))),
                Err(error) => Some(Err(error)),
            });
        }
        if this.buffer.len() < READER_BUFFER / 8 {
            *this.buffer =
                BytesMut::zeroed(usize::try_from(left).map_or(READER_BUFFER, |left| left.min(READER_BUFFER)));
        }
        let most = usize::try_from(left).map_or(this.buffer.len(), |left| left.min(this.buffer.len()));
        let mut space = ReadBuf::new(&mut this.buffer[..most]);
        Poll::Ready(match ready!(this.reader.as_mut().poll_read(cx, &mut space)) {
            Ok(()) => match space.filled().len() {
                0 => ended(*this.seen, *this.promised),
                n => {
                    *this.seen += n as u64;
                    let chunk = this.buffer.split_to(n).freeze();
                    if left > n as u64 {
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                    // Whoever sends it stops asking once it has what was promised.
                    *this.last = chunk;
                    match ready!(Self::over(this.reader, cx, this.promised.unwrap_or_default())) {
                        Ok(()) => Some(Ok(std::mem::take(this.last))),
                        Err(error) => Some(Err(error)),
                    }
                }
            },
            Err(error) => Some(Err(failed(error.into()))),
        })
    }

    fn remaining(&self) -> Option<u64> {
        self.promised.map(|promised| promised - self.seen + self.last.len() as u64)
    }
}

fn ended(seen: u64, promised: Option<u64>) -> Option<Result<Bytes, S3Error>> {
    let promised = promised.filter(|promised| *promised != seen)?;
    let message = format!("the stream given as body ended after {seen} of the {promised} bytes it had promised");
    Some(Err(S3Error::new(TransferError::IncompleteBody, message)))
}

fn too_long(promised: u64) -> S3Error {
    let message = format!("the stream given as body is longer than the {promised} bytes it had promised");
    S3Error::new(RequestError::Validation, message)
}

/// An `S3Error` from inside a stream comes out as itself.
fn failed(mut error: BoxError) -> S3Error {
    if error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<S3Error>()) {
        error = match error.downcast::<io::Error>().map(|io| io.into_inner()) {
            Ok(Some(inner)) => inner,
            Ok(None) => io::Error::from(io::ErrorKind::Other).into(),
            Err(error) => error,
        };
    }
    match error.downcast::<S3Error>() {
        Ok(error) => *error,
        Err(error) => {
            let message = format!("the stream given as body failed: {error}");
            S3Error::new(TransferError::StreamInterrupted, message).with_source(error)
        }
    }
}
