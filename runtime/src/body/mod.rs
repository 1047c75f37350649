//! Bodies of requests and answers.
//!
//! [`ByteStream`] is the one type for both directions: bytes in memory, a range of a file, a stream that
//! can be read once, or the body of an answer as it arrives. Nothing here knows HTTP beyond "so many bytes
//! were promised"; connections and their timeouts live in [`transport`](crate::transport).

mod file;
mod idle;
mod read;
mod reply;
mod source;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_core::Stream;
use tokio::io::AsyncRead;

use crate::error::{BoxError, RequestError, S3Error, TransferError};
use crate::integrity::{Unchecked, Verification};

pub use bytes::Bytes;
pub(crate) use idle::IdleTimer;
pub use read::BodyReader;
pub(crate) use reply::ReplySource;
pub use source::BodySource;

use file::FileSpan;
pub use watch::BodyObserver;
use watch::Watch;

/// The bytes of a request or an answer.
///
/// Text and byte values convert into one; files and streams have constructors:
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::ByteStream;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let body = ByteStream::from("hello");
/// assert_eq!(body.len(), Some(5));
/// assert!(body.is_replayable());
/// assert_eq!(body.collect().await?, "hello");
/// # Ok::<(), integration_s3::error::S3Error>(())
/// # }).unwrap();
/// ```
///
/// **Reading.** [`next`](Self::next) gives chunk after chunk, [`collect`](Self::collect) all of it,
/// [`write_to`](Self::write_to) copies into a writer and [`into_reader`](Self::into_reader) makes a reader.
/// A body that ends before all promised bytes are there is an error, never a silent end.
///
/// **Cloning.** Bytes and files clone as values. A one-shot stream is shared between its clones: the first
/// one that is read has it, the others answer an error that says so. The body of an answer, and any body
/// that is partly read from a file or stream, stays with the original.
///
/// **Connections.** The body of an answer keeps its connection until it has been read to the end or dropped; held unread, it
/// keeps it from others.
///
/// **Runtimes.** Read the body of an answer on the tokio runtime that sent the request, or on another while that one runs: its
/// connection belongs to the runtime that opened it. If that is a current-thread runtime that nobody blocks on any more, what
/// is still to come does not arrive: the body stalls for 5 s and is then gone on with over a new connection of the runtime that
/// reads it, if the object has a tag. Bodies up to 64 KiB are mostly here with their head.
///
/// **Dropping** a body half read is fine: it gives its connection back.
///
/// `Debug` shows the kind and the length, never content.
#[derive(Default)]
pub struct ByteStream {
    inner: Inner,
    watch: Option<Box<Watch>>,
}

enum Inner {
    Bytes(Bytes),
    /// Of a short answer that came whole, and was looked at at once.
    Known(Bytes, Verification),
    File(Arc<FileSpan>),
    /// A one-shot stream nobody has begun to read.
    Shared(Arc<Shared>),
    /// Being read. The mutex makes any source `Sync`; readers own it and lock nothing.
    Source(Mutex<Pin<Box<dyn BodySource>>>),
    /// A clone of something that cannot be cloned.
    Spent,
    /// Was read to its end, or to an error; what is known about the bytes stays.
    Read(Verification),
}

impl From<Inner> for ByteStream {
    fn from(inner: Inner) -> Self {
        Self { inner, watch: None }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

struct Shared {
    source: Mutex<Option<Pin<Box<dyn BodySource>>>>,
    len: Option<u64>,
}

impl ByteStream {
    /// No bytes.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A static text or byte string, without copying it.
    pub fn from_static(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }

    /// A whole file, read while it is sent, in pieces of 256 KiB.
    ///
    /// The length is taken now. The file is opened anew each time the body is read, so that a failed
    /// request can be repeated; no descriptor is held in between. Bytes appended later are not sent.
    ///
    /// # Errors
    ///
    /// [`RequestError::Validation`] naming the path if it is no file or cannot be read. While sending: the
    /// same if the file has become shorter.
    pub async fn from_path(path: impl AsRef<Path>) -> Result<Self, S3Error> {
        Ok(Inner::File(Arc::new(FileSpan::whole(path.as_ref()).await?)).into())
    }

    /// `len` bytes of a file, beginning at byte `offset`. Otherwise as [`from_path`](Self::from_path).
    ///
    /// # Errors
    ///
    /// As [`from_path`](Self::from_path), and if the file does not have that many bytes.
    pub async fn from_file_range(path: impl AsRef<Path>, offset: u64, len: u64) -> Result<Self, S3Error> {
        Ok(Inner::File(Arc::new(FileSpan::range(path.as_ref(), offset, len).await?)).into())
    }

    /// A stream, which can be read once. Requests with such a body are not repeated after a failure.
    ///
    /// `len` is the exact number of bytes, if it is known; many stores want it. A stream that yields
    /// fewer or more is an error when it is read.
    pub fn from_stream<S, E>(stream: S, len: Option<u64>) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self::shared(Box::pin(source::StreamSource::new(stream, len)), len)
    }

    /// A reader, which can be read once; otherwise as [`from_stream`](Self::from_stream).
    ///
    /// The length is that of all the reader yields: it is read to its end, and one byte more is an error. If it goes on
    /// after what is meant, as a socket or a pipe does, give it as `reader.take(len)` (tokio's `AsyncReadExt`).
    pub fn from_reader(reader: impl AsyncRead + Send + 'static, len: Option<u64>) -> Self {
        Self::shared(Box::pin(source::ReaderSource::new(reader, len)), len)
    }

    /// A body that is made as it is read: the seam for layers that check or resume another body.
    pub fn from_source(source: Box<dyn BodySource>) -> Self {
        Inner::Source(Mutex::new(Box::into_pin(source))).into()
    }

    fn shared(source: Pin<Box<dyn BodySource>>, len: Option<u64>) -> Self {
        Inner::Shared(Arc::new(Shared { source: Mutex::new(Some(source)), len })).into()
    }

    /// The exact number of bytes yet to be read, if it is known.
    pub fn len(&self) -> Option<u64> {
        match &self.inner {
            Inner::Bytes(bytes) | Inner::Known(bytes, _) => Some(bytes.len() as u64),
            Inner::File(file) => Some(file.len),
            Inner::Shared(shared) => shared.len,
            Inner::Source(source) => source.lock().unwrap_or_else(PoisonError::into_inner).remaining(),
            Inner::Spent => None,
            Inner::Read(_) => Some(0),
        }
    }

    /// Whether it is known that no byte is left. A body of unknown length is not empty.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Whether the body can be sent again if an attempt fails: bytes and files can, streams cannot.
    pub fn is_replayable(&self) -> bool {
        matches!(self.inner, Inner::Bytes(_) | Inner::Known(..) | Inner::File(_))
    }

    /// The same body once more, if it [can be sent again](Self::is_replayable). Costs no copy of content.
    pub fn try_replay(&self) -> Option<Self> {
        self.is_replayable().then(|| self.clone())
    }

    /// Whether what is read is compared with the checksum the store has, and how that came out.
    ///
    /// Before the last byte it is [`Pending`](Verification::Pending) or the reason why there is nothing to compare with.
    /// A body that does not agree ends in an error, so one that was read to its end without an error and was
    /// `Pending` before is verified. A short answer that came whole has been looked at when it is handed out.
    ///
    /// ```
    /// # use integration_s3_runtime::facade as integration_s3;
    /// use integration_s3::ByteStream;
    /// use integration_s3::integrity::{Unchecked, Verification};
    ///
    /// let body = ByteStream::from("never left this machine");
    /// assert_eq!(body.verification(), Verification::NotChecked(Unchecked::NotAsked));
    /// ```
    pub fn verification(&self) -> Verification {
        match &self.inner {
            Inner::Source(source) => source.lock().unwrap_or_else(PoisonError::into_inner).verification(),
            Inner::Known(_, verification) | Inner::Read(verification) => *verification,
            _ => Verification::NotChecked(Unchecked::NotAsked),
        }
    }

    /// The content, if it lies in memory.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.inner {
            Inner::Bytes(bytes) | Inner::Known(bytes, _) => Some(bytes),
            _ => None,
        }
    }

    /// The same bytes, with what is known about them. Only for what lies in memory.
    pub(crate) fn known(self, verification: Verification) -> Self {
        let inner = match self.inner {
            Inner::Bytes(bytes) if verification != Verification::NotChecked(Unchecked::NotAsked) => {
                Inner::Known(bytes, verification)
            }
            other => other,
        };
        Self { inner, watch: self.watch }
    }

    /// The path and the range of bytes, if it is (part of) a file.
    pub fn as_file(&self) -> Option<(&Path, Range<u64>)> {
        match &self.inner {
            Inner::File(file) => Some((&file.path, file.offset..file.offset + file.len)),
            _ => None,
        }
    }

    /// The source to read from. For bytes there is none.
    fn source(&mut self) -> Result<Option<Pin<&mut (dyn BodySource + 'static)>>, S3Error> {
        let fresh = match &mut self.inner {
            Inner::Bytes(_) | Inner::Known(..) | Inner::Read(_) => return Ok(None),
            Inner::Source(_) => None,
            Inner::File(file) => Some(file::FileSource::boxed(Arc::clone(file))),
            Inner::Shared(shared) => {
                let taken = shared.source.lock().unwrap_or_else(PoisonError::into_inner).take();
                Some(taken.ok_or_else(read_already)?)
            }
            Inner::Spent => return Err(not_cloned()),
        };
        if let Some(fresh) = fresh {
            self.inner = Inner::Source(Mutex::new(fresh));
        }
        match &mut self.inner {
            Inner::Source(source) => Ok(Some(source.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut())),
            _ => Ok(None),
        }
    }
}

fn read_already() -> S3Error {
    S3Error::new(RequestError::NotReplayable, "the body is a stream and a clone of it has been read already")
        .with_suggestion("a stream can be read once; send bytes or a file to send the same body twice")
}

fn not_cloned() -> S3Error {
    S3Error::new(TransferError::StreamInterrupted, "this body is a clone of one that cannot be cloned")
        .with_suggestion("read the original, or collect it and clone the bytes")
}

impl Clone for ByteStream {
    fn clone(&self) -> Self {
        let inner = match &self.inner {
            Inner::Bytes(bytes) => Inner::Bytes(bytes.clone()),
            Inner::Known(bytes, verification) => Inner::Known(bytes.clone(), *verification),
            Inner::File(file) => Inner::File(Arc::clone(file)),
            Inner::Shared(shared) => Inner::Shared(Arc::clone(shared)),
            Inner::Source(_) | Inner::Spent => Inner::Spent,
            Inner::Read(verification) => Inner::Read(*verification),
        };
        Self { inner, watch: self.watch.as_ref().map(|watch| Box::new(watch.again())) }
    }
}

/// Bytes are equal by content, files by path and range, streams if they are the same stream.
impl PartialEq for ByteStream {
    fn eq(&self, other: &Self) -> bool {
        match (&self.inner, &other.inner) {
            (Inner::Bytes(a) | Inner::Known(a, _), Inner::Bytes(b) | Inner::Known(b, _)) => a == b,
            (Inner::File(a), Inner::File(b)) => a == b,
            (Inner::Shared(a), Inner::Shared(b)) => Arc::ptr_eq(a, b),
            (Inner::Source(a), Inner::Source(b)) => std::ptr::eq(a, b),
            (Inner::Spent, Inner::Spent) | (Inner::Read(_), Inner::Read(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = Length(self.len());
        match &self.inner {
            Inner::Bytes(_) => write!(f, "ByteStream({len})"),
            Inner::Known(_, verification) => write!(f, "ByteStream({len}, {verification})"),
            Inner::File(file) => write!(f, "ByteStream({len} of {:?} from {})", file.path, file.offset),
            Inner::Shared(_) => write!(f, "ByteStream(stream, {len})"),
            Inner::Source(_) => write!(f, "ByteStream(being read, {len})"),
            Inner::Spent => f.write_str("ByteStream(clone of a stream)"),
            Inner::Read(verification) => write!(f, "ByteStream(read, {verification})"),
        }
    }
}

struct Length(Option<u64>);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(len) => write!(f, "{len} bytes"),
            None => f.write_str("unknown length"),
        }
    }
}

impl From<Bytes> for ByteStream {
    fn from(bytes: Bytes) -> Self {
        Inner::Bytes(bytes).into()
    }
}

macro_rules! from_bytes {
    ($($type:ty),*) => { $(
        impl From<$type> for ByteStream {
            fn from(content: $type) -> Self {
                Bytes::from(content).into()
            }
        }
    )* };
}
from_bytes!(&'static str, &'static [u8], String, Vec<u8>, Box<[u8]>);

impl<const N: usize> From<&'static [u8; N]> for ByteStream {
    fn from(content: &'static [u8; N]) -> Self {
        Self::from_static(content)
    }
}
