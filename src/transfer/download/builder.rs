//! Setting a download up: what it reads, where it goes, and how it behaves.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::AsyncWrite;

use super::course::Broken;
use super::source::Source;
use super::to_path::Job;
use super::{Downloaded, to_bytes, to_path, to_writer};
use crate::error::RequestError;
use crate::operations::GetObject;
use crate::transfer::work::{blocking, put_in_order};
use crate::transfer::{
    Left, Leftovers, PART_SIZES, ProgressListener, Run, Start, Transfer, TransferFailure, TransferHandle,
    TransferManager, TransferState,
};
use crate::{Bucket, Bytes, S3Error};

/// The least a range may have: below, requests cost more than bytes.
const LEAST: u64 = 4 << 10;

/// What [`to_bytes`](Download::to_bytes) holds at most, unless told otherwise: 1 GiB.
const MAX_BYTES: u64 = 1 << 30;

impl TransferManager {
    /// A download of an object of any size; say where to with [`to_path`](Download::to_path),
    /// [`to_writer`](Download::to_writer) or [`to_bytes`](Download::to_bytes).
    pub fn download(&self, bucket: impl Into<String>, key: impl Into<String>) -> Download {
        let get = self.client.get_object().bucket(bucket).key(key);
        let start = Start::of(self);
        Download { piece_size: start.settings.part_size, start, get, expected: None }
    }

    /// A download into a file: [`download`](Self::download) and [`to_path`](Download::to_path) in one.
    ///
    /// ```
    /// # async fn example(client: &integration_s3::S3Client) -> Result<(), integration_s3::S3Error> {
    /// let done = client.transfer().download_file("backups", "big.iso", "/data/big.iso").await?;
    /// println!("{} bytes, {}", done.bytes, done.verification);
    /// # Ok(())
    /// # }
    /// ```
    pub fn download_file(
        &self,
        bucket: impl Into<String>,
        key: impl Into<String>,
        path: impl Into<PathBuf>,
    ) -> DownloadToPath {
        self.download(bucket, key).to_path(path)
    }
}

impl Bucket {
    /// [`TransferManager::download`] from this bucket.
    pub fn download(&self, key: impl Into<String>) -> Download {
        self.client().transfer().download(self.name(), key)
    }

    /// [`TransferManager::download_file`] from this bucket.
    pub fn download_file(&self, key: impl Into<String>, path: impl Into<PathBuf>) -> DownloadToPath {
        self.download(key).to_path(path)
    }
}

/// An object to download; made by [`TransferManager::download`].
///
/// Small objects come in one answer. Objects above the threshold come in ranges, several at once, all of the same object: each
/// request names the ETag of the first answer, and an object that was replaced meanwhile is
/// [`ObjectChanged`](crate::error::TransferError::ObjectChanged). Stores that serve no ranges, or name no ETag, are read in
/// one answer. What is compared with the stored checksum, and when, is in [`Downloaded::verification`].
#[derive(Clone)]
#[must_use = "a download needs somewhere to go, and does nothing until it is awaited or started"]
pub struct Download {
    start: Start,
    get: GetObject<(String, String)>,
    piece_size: u64,
    expected: Option<u64>,
}

/// What can be set before and after it is said where the bytes go.
macro_rules! knobs {
    ($($type:ty: $($inner:ident)?;)*) => { $(impl $type {
        /// Changes the request for the object: a version, conditions, a customer's key, who pays. It holds for all requests of
        /// the download; `range` and `part_number` are refused when it starts.
        pub fn configure(
            mut self,
            change: impl FnOnce(GetObject<(String, String)>) -> GetObject<(String, String)>,
        ) -> Self {
            self$(.$inner)?.get = change(self$(.$inner)?.get);
            self
        }

        /// Bytes of a range, 4 KiB to 5 GiB; as the manager has it unless set. Ranges end where the stored parts end, so that they
        /// are of about this size, and larger where there would be more than 10,000. Checked when it starts.
        pub fn part_size(mut self, bytes: u64) -> Self {
            self$(.$inner)?.piece_size = bytes;
            self
        }

        /// From this size on, in bytes, the object comes in ranges.
        pub fn threshold(mut self, bytes: u64) -> Self {
            self$(.$inner)?.start.settings.threshold = bytes;
            self
        }

        /// How many ranges are in flight, 1 to 256.
        pub fn concurrency(mut self, parts: usize) -> Self {
            self$(.$inner)?.start.settings.concurrency = parts;
            self
        }

        /// Is told how it gets on.
        pub fn progress(mut self, listener: impl ProgressListener) -> Self {
            self$(.$inner)?.start.listener = Some(Arc::new(listener));
            self
        }

        /// Can be watched and steered by this handle.
        pub fn handle(mut self, handle: &TransferHandle) -> Self {
            self$(.$inner)?.start.handle = handle.clone();
            self
        }

        /// The object's size, where a listing has told it: progress knows the total before the first answer. Nothing else follows
        /// from it; an object of another size is downloaded as it is.
        pub fn expected_size(mut self, bytes: u64) -> Self {
            self$(.$inner)?.expected = Some(bytes);
            self
        }
    })* };
}
knobs! {
    Download:;
    DownloadToPath: download;
    DownloadToWriter: download;
    DownloadToBytes: download;
}

impl Download {
    /// Into a file, which has its name only when it is complete: see [`DownloadToPath`].
    pub fn to_path(self, path: impl Into<PathBuf>) -> DownloadToPath {
        DownloadToPath {
            download: self,
            path: path.into(),
            overwrite: true,
            durable: true,
            state_file: None,
            resume: None,
        }
    }

    /// Into a writer, in order: see [`DownloadToWriter`].
    pub fn to_writer(self, writer: impl AsyncWrite + Send + 'static) -> DownloadToWriter {
        DownloadToWriter { download: self, writer: Box::pin(writer) }
    }

    /// Into memory: see [`DownloadToBytes`].
    pub fn to_bytes(self) -> DownloadToBytes {
        DownloadToBytes { download: self, max_bytes: MAX_BYTES }
    }

    fn spawn<T, F>(self, drive: impl FnOnce(Run, Arc<Source>) -> F + Send + 'static) -> Transfer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Broken>> + Send + 'static,
    {
        let Self { mut start, get, piece_size, expected } = self;
        if !(LEAST..=*PART_SIZES.end()).contains(&piece_size) {
            let message = format!("a range has 4 KiB to 5 GiB, part_size is {piece_size} bytes");
            return Transfer::refused(start.handle, S3Error::new(RequestError::Validation, message));
        }
        // The least part of an upload is nothing to a download.
        start.settings.part_size = *PART_SIZES.start();
        start.spawn(move |mut run| async move {
            run.settings.part_size = piece_size;
            let source = Arc::new(Source::new(run.client.clone(), get)?);
            if let Some(bytes) = expected {
                run.meter.set_total(bytes);
            }
            drive(run, source.clone()).await.map_err(|broken| failure(broken, &source))
        })
    }
}

fn failure(broken: Broken, source: &Source) -> S3Error {
    let Broken { error, mut done, failed, of, left, state } = broken;
    put_in_order(&mut done, |number| (*number).into());
    let text = error.to_string();
    let left = left.map_or(Left::Nothing, |path| Left::PartialFile { path });
    let mut failure = TransferFailure::new(error, left);
    failure.done = done;
    failure.failed = failed.into_iter().map(|number| (number, text.clone())).collect();
    failure.parts = (of > 0).then_some(of);
    failure.state = state;
    failure.into_error("Download", source.bucket(), source.key())
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("get", &self.get).field("part_size", &self.piece_size).finish_non_exhaustive()
    }
}

/// A download into a file; made by [`Download::to_path`]. Awaiting it starts it, in a task of its own.
///
/// The bytes go to a hidden temporary file beside the target (`.name.*.s3part`), each where it belongs. When all are there and
/// agree with the stored checksum, the file is brought to the disk for good and takes the target's name: whoever looks at the
/// target sees the old file or the new one, never half of one. A link at the target is replaced, not followed; a file
/// there hands its permissions on. When the download fails, is called off or dropped, the temporary file is removed, in the
/// background where nobody waits for it.
///
/// A drop that comes at the very last moment may find that the file has just taken its name: then it is there, whole. What is
/// not there when [`cancel`](crate::transfer::TransferHandle::cancel) or the drop returns will not come to be afterwards.
///
/// ```
/// use std::path::Path;
/// use integration_s3::{S3Client, S3Error};
///
/// // Goes on where it was, if the process ends half way and this is called again.
/// async fn fetch(client: &S3Client, to: &Path) -> Result<(), S3Error> {
///     let download = client.transfer().download("backups", "big.iso").to_path(to);
///     let done = download.state_file(to.with_extension("state")).await?;
///     println!("{} bytes, {} of them from last time", done.bytes, done.resumed);
///     Ok(())
/// }
/// ```
///
/// # Errors
/// As GetObject; a target that cannot be, before a byte moves; a disk that takes no more; the object was replaced
/// ([`ObjectChanged`](crate::error::TransferError::ObjectChanged)) or is not what is stored
/// ([`ChecksumMismatch`](crate::error::TransferError::ChecksumMismatch), after it was fetched anew twice).
/// [`TransferFailure::of`] tells which ranges are there and what is left on the disk.
#[must_use = "a download does nothing until it is awaited or started"]
pub struct DownloadToPath {
    download: Download,
    path: PathBuf,
    overwrite: bool,
    durable: bool,
    state_file: Option<PathBuf>,
    resume: Option<TransferState>,
}

impl DownloadToPath {
    /// Whether a file that is there already may be replaced; yes unless told otherwise. If not, it is an error before a byte
    /// moves, and one that comes to be meanwhile is left alone just as well.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Whether to wait until the file and its name are on the disk for good (`fsync`); yes unless told otherwise. Without it
    /// many small files are quicker, and a machine that loses power may lose them again.
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// What happens to a temporary file that is not complete. [`Leftovers::Keep`]: it stays, and what is needed to go on
    /// with it is in [`TransferFailure::state`] and [`TransferHandle::state`].
    pub fn leftovers(mut self, leftovers: Leftovers) -> Self {
        self.download.start.settings.leftovers = leftovers;
        self
    }

    /// Writes down in this file which ranges are on the disk, as they come, and goes on from there if it is there already.
    /// Then a failure keeps the temporary file, whatever the leftovers say. Success removes the state file.
    ///
    /// What an earlier process left is hashed before it is trusted; ranges that are not as they came are fetched again. Only
    /// objects above the threshold have ranges to go on from.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_file = Some(path.into());
        self
    }

    /// Goes on from this state instead of one in a file. If its temporary file is gone, the download begins anew.
    pub fn resume(mut self, state: TransferState) -> Self {
        self.resume = Some(state);
        self
    }

    /// Starts it now.
    pub fn start(self) -> Transfer<Downloaded> {
        let Self { download, path, overwrite, durable, state_file, resume } = self;
        let keep = state_file.is_some() || download.start.settings.leftovers == Leftovers::Keep;
        download.spawn(move |run, source| async move {
            let state = match (resume, state_file.clone()) {
                (Some(state), _) => Some(state),
                (None, Some(path)) => blocking(move || TransferState::load(path)).await?,
                (None, None) => None,
            };
            to_path::drive(&run, Job { source, path, overwrite, durable, state_file, state, keep }).await
        })
    }
}

impl IntoFuture for DownloadToPath {
    type Output = Result<Downloaded, S3Error>;
    type IntoFuture = Transfer<Downloaded>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

impl DownloadToPath {
    /// For reports: the object, as a URL.
    pub(crate) fn place(&self) -> String {
        let request = self.download.get.clone().build();
        format!("s3://{}/{}", request.bucket, request.key)
    }
}

impl fmt::Debug for DownloadToPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadToPath")
            .field("download", &self.download)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A download into a writer, in order; made by [`Download::to_writer`]. Awaiting it starts it, in a task of its own.
///
/// Ranges are fetched ahead of the writer, as many as are in flight, within the client's `transfer_memory`. A slow writer
/// holds no connection open: what is ahead of it waits in memory. Bytes are handed on as they come; the verdict comes at the
/// end, so treat what was written as complete only when the download has succeeded. The writer is flushed, not shut down.
///
/// ```
/// # async fn example(client: &integration_s3::S3Client) -> Result<(), integration_s3::S3Error> {
/// let (near, far) = tokio::io::duplex(64 * 1024);
/// let download = client.transfer().download("backups", "big.tar").to_writer(near).start();
/// // Read `far` here, or give it to whoever unpacks it.
/// # drop(far);
/// let done = download.await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`DownloadToPath`]; the writer failed, with the number of bytes it had taken.
#[must_use = "a download does nothing until it is awaited or started"]
pub struct DownloadToWriter {
    download: Download,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
}

impl DownloadToWriter {
    /// Starts it now.
    pub fn start(self) -> Transfer<Downloaded> {
        let Self { download, writer } = self;
        download.spawn(move |run, source| async move { to_writer::drive(&run, source, writer).await })
    }
}

impl IntoFuture for DownloadToWriter {
    type Output = Result<Downloaded, S3Error>;
    type IntoFuture = Transfer<Downloaded>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

impl fmt::Debug for DownloadToWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadToWriter").field("download", &self.download).finish_non_exhaustive()
    }
}

/// A download into memory; made by [`Download::to_bytes`]. Awaiting it starts it, in a task of its own.
///
/// It takes one allocation of the object's size, which ranges fill in parallel. It is not part of the client's
/// `transfer_memory`.
///
/// ```
/// # async fn example(client: &integration_s3::S3Client) -> Result<(), integration_s3::S3Error> {
/// let (done, bytes) = client.transfer().download("models", "weights.bin").to_bytes().await?;
/// assert_eq!(done.bytes, bytes.len() as u64);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`DownloadToPath`]; [`TooLarge`](crate::error::ObjectError::TooLarge) above [`max_bytes`](Self::max_bytes), before the
/// object is read.
#[must_use = "a download does nothing until it is awaited or started"]
pub struct DownloadToBytes {
    download: Download,
    max_bytes: u64,
}

impl DownloadToBytes {
    /// The most bytes the object may have; default 1 GiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Starts it now.
    pub fn start(self) -> Transfer<(Downloaded, Bytes)> {
        let Self { download, max_bytes } = self;
        download.spawn(move |run, source| async move { to_bytes::drive(&run, source, max_bytes).await })
    }
}

impl IntoFuture for DownloadToBytes {
    type Output = Result<(Downloaded, Bytes), S3Error>;
    type IntoFuture = Transfer<(Downloaded, Bytes)>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

impl fmt::Debug for DownloadToBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadToBytes").field("download", &self.download).finish_non_exhaustive()
    }
}
