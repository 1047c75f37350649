//! Where the bytes of an upload come from.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::io::AsyncRead;

use super::super::state::FileFacts;
use crate::error::RequestError;
use crate::transfer::work::blocking;
use crate::{ByteStream, Bytes, S3Error};

/// What is uploaded: a file, bytes, or a stream whose length may be unknown.
///
/// Text, bytes, [`ByteStream`]s and paths convert into one. Text is content; a path has to be a `Path`.
///
/// ```
/// use std::path::Path;
///
/// use integration_s3::transfer::UploadSource;
///
/// let content: UploadSource = "hello".into();
/// let file: UploadSource = Path::new("/var/log/syslog").into();
/// let piped = UploadSource::reader(&b"of a length nobody knows"[..], None);
/// ```
pub struct UploadSource(pub(super) Source);

pub(super) enum Source {
    Path(PathBuf),
    Bytes(Bytes),
    /// Read once, from its beginning to its end.
    Stream(ByteStream),
}

impl UploadSource {
    /// A file, read in ranges while it is sent: no part of it is held in memory. It must not change meanwhile.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self(Source::Path(path.into()))
    }

    /// What a reader yields, up to its end. `len` is the exact number of bytes, if it is known: then parts are as large as
    /// they have to be, and fewer or more are an error. A reader that goes on after what is meant is given as
    /// `reader.take(len)`. Without it an upload has at most 10,000 parts of the size that is set.
    pub fn reader(reader: impl AsyncRead + Send + 'static, len: Option<u64>) -> Self {
        ByteStream::from_reader(reader, len).into()
    }
}

impl From<ByteStream> for UploadSource {
    fn from(body: ByteStream) -> Self {
        if let Some(bytes) = body.as_bytes() {
            return Self(Source::Bytes(bytes.clone()));
        }
        Self(Source::Stream(body))
    }
}

macro_rules! from_content {
    ($($type:ty),*) => { $(
        impl From<$type> for UploadSource {
            fn from(content: $type) -> Self {
                Self(Source::Bytes(content.into()))
            }
        }
    )* };
}
from_content!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);

impl From<PathBuf> for UploadSource {
    fn from(path: PathBuf) -> Self {
        Self::path(path)
    }
}

impl From<&Path> for UploadSource {
    fn from(path: &Path) -> Self {
        Self::path(path)
    }
}

impl fmt::Debug for UploadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Path(path) => write!(f, "UploadSource({})", path.display()),
            Source::Bytes(bytes) => write!(f, "UploadSource({} bytes)", bytes.len()),
            Source::Stream(body) => write!(f, "UploadSource({body:?})"),
        }
    }
}

/// A file as it was when the upload began, and how to tell whether it still is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct File {
    pub(super) facts: FileFacts,
    /// Which file it is, where the platform tells: one that was put in its place is another.
    identity: Option<(u64, u64)>,
}

impl File {
    /// # Errors
    /// It is no file, or cannot be read. Nothing has been sent then.
    pub(super) async fn look_at(path: &Path) -> Result<Self, S3Error> {
        let path = path.to_owned();
        blocking(move || Self::look(&path)).await
    }

    fn look(path: &Path) -> Result<Self, S3Error> {
        let refused = |error: &std::io::Error| {
            S3Error::new(RequestError::Validation, format!("the file {} cannot be read: {error}", path.display()))
                .with_source(std::io::Error::from(error.kind()))
        };
        let absolute = std::path::absolute(path).map_err(|error| refused(&error))?;
        // Opened, so that a missing permission shows before anything is sent.
        let meta = match std::fs::metadata(path) {
            Ok(meta) if !meta.is_file() => {
                let message = format!("{} is not a file", path.display());
                return Err(S3Error::new(RequestError::Validation, message)
                    .with_suggestion("give a file; a pipe or a device can be uploaded as a reader"));
            }
            Ok(_) => {
                let mut file = std::fs::File::open(path).map_err(|error| refused(&error))?;
                let meta = file.metadata().map_err(|error| refused(&error))?;
                // Files a kernel makes up while they are read have no length.
                if meta.len() == 0 && file.read(&mut [0]).map_err(|error| refused(&error))? > 0 {
                    let message = format!("{} says it is empty, and is not", path.display());
                    return Err(S3Error::new(RequestError::Validation, message)
                        .with_suggestion("upload it as a reader, whose length need not be known"));
                }
                meta
            }
            Err(error) => return Err(refused(&error)),
        };
        let modified = meta.modified().ok().map(since_1970);
        let facts = FileFacts { path: absolute, len: meta.len(), modified };
        Ok(Self { facts, identity: identity(&meta) })
    }

    /// # Errors
    /// The file is not what it was, with what differs.
    pub(super) async fn check(&self) -> Result<(), S3Error> {
        let now = Self::look_at(&self.facts.path).await?;
        if now.identity != self.identity {
            return Err(self.changed("another file is in its place"));
        }
        if now.facts.len != self.facts.len {
            return Err(self.changed(&format!("it had {} bytes and has {}", self.facts.len, now.facts.len)));
        }
        if now.facts.modified != self.facts.modified {
            return Err(self.changed("it was written to"));
        }
        Ok(())
    }

    fn changed(&self, how: &str) -> S3Error {
        let message = format!("the file {} changed while it was read: {how}", self.facts.path.display());
        S3Error::new(RequestError::Validation, message).with_suggestion("upload it again when nobody writes to it")
    }
}

/// # Errors
/// The file is not the one an upload was begun with.
pub(super) fn same_as_before(before: &FileFacts, now: &FileFacts) -> Result<(), S3Error> {
    let how = if before.path != now.path {
        return Err(S3Error::new(
            RequestError::Validation,
            format!("the state is of an upload of {}, not of {}", before.path.display(), now.path.display()),
        )
        .with_suggestion("give each upload a state file of its own, or delete it to begin anew"));
    } else if before.len != now.len {
        format!("it had {} bytes and has {}", before.len, now.len)
    } else if before.modified != now.modified {
        "it was written to".to_owned()
    } else {
        return Ok(());
    };
    let message = format!("the file {} changed since its upload began: {how}", now.path.display());
    Err(S3Error::new(RequestError::Validation, message).with_suggestion(
        "delete the state to begin anew; what was sent of the old file must not be mixed with the new",
    ))
}

fn since_1970(time: SystemTime) -> (i64, u32) {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            (i64::try_from(before.as_secs()).map_or(i64::MIN, |s| -s), before.subsec_nanos())
        }
    }
}

#[cfg(unix)]
fn identity(meta: &std::fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> Option<(u64, u64)> {
    None
}
