//! Ranges of files as bodies: read piece by piece on tokio's blocking threads, one piece ahead.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::BodySource;
use crate::apart::{Running, apart};
use crate::error::{ConfigurationError, RequestError, S3Error, TransferError};

/// Large enough that threads are not woken too often, small enough that two of them do not count.
const PIECE: u64 = 256 * 1024;

/// Which bytes of which file.
#[derive(PartialEq)]
pub(super) struct FileSpan {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl FileSpan {
    pub(super) async fn whole(path: &Path) -> Result<Self, S3Error> {
        let len = file_len(path).await?;
        Ok(Self { path: path.to_owned(), offset: 0, len })
    }

    pub(super) async fn range(path: &Path, offset: u64, len: u64) -> Result<Self, S3Error> {
        let there = file_len(path).await?;
        if offset.checked_add(len).is_none_or(|end| end > there) {
            let message = format!("{len} bytes from byte {offset} are asked of {path:?}, which has {there} bytes");
            return Err(S3Error::new(RequestError::Validation, message));
        }
        Ok(Self { path: path.to_owned(), offset, len })
    }
}

async fn file_len(path: &Path) -> Result<u64, S3Error> {
    let at = path.to_owned();
    let asked = apart(move || std::fs::metadata(at)).await;
    let meta = asked.unwrap_or_else(|gone| Err(std::io::Error::other(gone))).map_err(|error| {
        let message = format!("the file {path:?} cannot be read: {error}");
        S3Error::new(RequestError::Validation, message).with_source(error)
    })?;
    if !meta.is_file() {
        return Err(S3Error::new(RequestError::Validation, format!("{path:?} is not a file")));
    }
    Ok(meta.len())
}

/// A [`FileSpan`] being read.
pub(super) struct FileSource {
    span: Arc<FileSpan>,
    /// Bytes handed out.
    seen: u64,
    /// The piece being read on another thread; it owns the open file meanwhile.
    ahead: Option<Running<Result<(File, Bytes), S3Error>>>,
}

impl FileSource {
    pub(super) fn boxed(span: Arc<FileSpan>) -> Pin<Box<dyn BodySource>> {
        Box::pin(Self { span, seen: 0, ahead: None })
    }
}

impl BodySource for FileSource {
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let this = &mut *self;
        if this.seen == this.span.len {
            return Poll::Ready(None);
        }
        let mut piece = match this.ahead.take() {
            Some(piece) => piece,
            None => {
                if Handle::try_current().is_err() {
                    let message = "a file can be read inside a tokio runtime only";
                    return Poll::Ready(Some(Err(S3Error::new(ConfigurationError::InvalidConfiguration, message))));
                }
                let span = Arc::clone(&this.span);
                apart(move || {
                    let file = open(&span)?;
                    read(file, &span, 0)
                })
            }
        };
        let result = match Pin::new(&mut piece).poll(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                this.ahead = Some(piece);
                return Poll::Pending;
            }
        };
        let (file, bytes) = match result {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Poll::Ready(Some(Err(error))),
            Err(_) => {
                let message = format!("reading {:?} was cut off: the runtime is shutting down", this.span.path);
                return Poll::Ready(Some(Err(S3Error::new(TransferError::StreamInterrupted, message))));
            }
        };
        this.seen += bytes.len() as u64;
        if this.seen < this.span.len {
            let (span, seen) = (Arc::clone(&this.span), this.seen);
            this.ahead = Some(apart(move || read(file, &span, seen)));
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.span.len - self.seen)
    }
}

fn open(span: &FileSpan) -> Result<File, S3Error> {
    let mut file = File::open(&span.path).map_err(|error| failed(span, &error))?;
    if span.offset > 0 {
        file.seek(SeekFrom::Start(span.offset)).map_err(|error| failed(span, &error))?;
    }
    Ok(file)
}

/// The piece that begins `seen` bytes into the span, where the file stands.
fn read(mut file: File, span: &FileSpan, seen: u64) -> Result<(File, Bytes), S3Error> {
    let want = (span.len - seen).min(PIECE);
    // `want` is at most PIECE, so it fits any usize.
    let mut piece = Vec::with_capacity(want as usize);
    let got = (&mut file).take(want).read_to_end(&mut piece).map_err(|error| failed(span, &error))?;
    if (got as u64) < want {
        let there = span.offset + seen + got as u64;
        let message = format!(
            "the file {:?} became shorter while it was sent: it ends at byte {there}, expected were {}",
            span.path,
            span.offset + span.len
        );
        return Err(S3Error::new(RequestError::Validation, message));
    }
    Ok((file, Bytes::from(piece)))
}

fn failed(span: &FileSpan, error: &std::io::Error) -> S3Error {
    S3Error::new(RequestError::Validation, format!("the file {:?} cannot be read: {error}", span.path))
        .with_source(std::io::Error::from(error.kind()))
}
