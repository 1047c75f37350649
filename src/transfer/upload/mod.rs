//! Uploads of any size from files, bytes, readers and streams.

mod feed;
mod finish;
mod keeper;
mod multipart;
mod part;
mod plan;
mod request;
mod resume;
mod source;
pub(super) mod sums;
mod whole;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use source::UploadSource;

use self::feed::{Beginning, Feed};
use self::keeper::{Keeper, OnState};
use self::multipart::Multipart;
use self::plan::Plan;
use self::request::Wanted;
use self::source::{File, Source};
use super::progress::Phase;
use super::{Leftovers, ProgressListener, Run, Start, Transfer, TransferHandle, TransferManager, TransferState};
use crate::config::ChecksumWhen;
use crate::error::RequestError;
use crate::integrity::Algorithm;
use crate::operations::{PutObject, PutObjectRequest};
use crate::transfer::work::apart;
use crate::{Bucket, ByteStream, Bytes, S3Error};

/// What errors call it.
const OPERATION: &str = "Upload";

/// The builder the caller configures, complete but for the body.
type Put = PutObject<(String, String)>;

impl TransferManager {
    /// Uploads a source of any size: with one request below the threshold, in parts above it.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// # async fn example(client: &integration_s3::S3Client) -> Result<(), integration_s3::S3Error> {
    /// let uploaded = client
    ///     .transfer()
    ///     .upload("backups", "2026/disk.img", Path::new("/data/disk.img"))
    ///     .configure(|put| put.content_type("application/octet-stream"))
    ///     .progress(|p: &integration_s3::transfer::Progress| eprintln!("{p}"))
    ///     .await?;
    /// println!("{} bytes in {} parts", uploaded.bytes, uploaded.parts);
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload(&self, bucket: impl Into<String>, key: impl Into<String>, source: impl Into<UploadSource>) -> Upload {
        let put = self.client.put_object().bucket(bucket).key(key);
        Upload { start: Start::of(self), put, source: source.into(), state_file: None, state: None, on_state: None }
    }

    /// [`upload`](Self::upload) of a file.
    ///
    /// ```
    /// # async fn example(client: &integration_s3::S3Client) -> Result<(), integration_s3::S3Error> {
    /// client.transfer().upload_file("big.iso", "images", "big.iso").state_file("big.iso.upload").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_file(&self, path: impl Into<PathBuf>, bucket: impl Into<String>, key: impl Into<String>) -> Upload {
        self.upload(bucket, key, UploadSource::path(path))
    }
}

impl Bucket {
    /// [`TransferManager::upload`] into this bucket.
    ///
    /// ```
    /// # async fn example(logs: &integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// use integration_s3::transfer::UploadSource;
    ///
    /// let lines = UploadSource::reader(tokio::io::empty(), None);
    /// logs.upload("2026/app.log", lines).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload(&self, key: impl Into<String>, source: impl Into<UploadSource>) -> Upload {
        self.client().transfer().upload(self.name(), key, source)
    }

    /// [`TransferManager::upload_file`] into this bucket.
    ///
    /// ```
    /// # async fn example(logs: &integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// logs.upload_file("app.log", "/var/log/app.log").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_file(&self, key: impl Into<String>, path: impl Into<PathBuf>) -> Upload {
        self.client().transfer().upload_file(path, self.name(), key)
    }
}

/// An upload being set up; made by [`TransferManager::upload`]. It starts when it is awaited, or by [`start`](Self::start).
///
/// Below the threshold it is one PutObject, else parts of equal size (the last may be smaller), `concurrency` of them at a
/// time. A file is read while it is sent; of a stream at most `part_size` times `concurrency` bytes are held, out of the
/// client's transfer memory. Parts that fail are sent again by themselves while the others go on.
///
/// # Errors
/// When awaited: what ended it, with [`TransferFailure`](super::TransferFailure) as source once parts were on their way;
/// [`RequestError::Validation`] for a source that cannot be read or changed while it was read, settings that cannot be, or a
/// state that is not of this upload; [`TransferError::ChecksumMismatch`](crate::error::TransferError::ChecksumMismatch) if
/// the store says that it has other bytes; [`TransferError::UploadAborted`](crate::error::TransferError::UploadAborted) when
/// it was called off.
#[must_use = "an upload does nothing until it is awaited or started"]
pub struct Upload {
    start: Start,
    put: Put,
    source: UploadSource,
    state_file: Option<PathBuf>,
    state: Option<TransferState>,
    on_state: Option<OnState>,
}

/// An object that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// Its ETag, in quotes, as the store answered.
    pub e_tag: Option<String>,
    /// The version that was written, in buckets with versioning.
    pub version_id: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// In how many parts it was sent; 0: with one request.
    pub parts: u32,
    /// Bytes that an earlier run had sent already.
    pub resumed: u64,
    /// The checksum the store answered, in base64, after it was compared; one over those of the parts ends in `-` and their
    /// number. `None` where none is used.
    pub checksum: Option<String>,
    /// What it was computed by.
    pub checksum_algorithm: Option<Algorithm>,
}

impl Upload {
    /// Sets what PutObject can: content type, metadata, tags, storage class, encryption, conditions, a checksum algorithm.
    /// In parts, each goes with the request it belongs to. Body, and options of the call, are not taken over.
    pub fn configure(mut self, change: impl FnOnce(Put) -> Put) -> Self {
        self.put = change(self.put);
        self
    }

    /// Size of the parts in bytes: [`TransferManager::part_size`] for this upload.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.start.settings.part_size = bytes;
        self
    }

    /// From which size on it goes in parts: [`TransferManager::threshold`] for this upload.
    pub fn threshold(mut self, bytes: u64) -> Self {
        self.start.settings.threshold = bytes;
        self
    }

    /// How many parts are in flight: [`TransferManager::concurrency`] for this upload.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.start.settings.concurrency = parts;
        self
    }

    /// What becomes of the parts if it does not come to an end. Only uploads of files can be gone on with: of other sources
    /// nothing is kept.
    pub fn leftovers(mut self, leftovers: Leftovers) -> Self {
        self.start.settings.leftovers = leftovers;
        self
    }

    /// Who is told how it gets on.
    pub fn progress(mut self, listener: impl ProgressListener) -> Self {
        self.start.listener = Some(Arc::new(listener));
        self
    }

    /// Steers it by a handle that exists already; one may steer several transfers.
    pub fn handle(mut self, handle: &TransferHandle) -> Self {
        self.start.handle = handle.clone();
        self
    }

    /// Keeps its state in a file, which is removed when the object is there. If the file is there already, the upload it
    /// names is gone on with: parts the store has are not sent again. Implies [`Leftovers::Keep`].
    ///
    /// The source must be a file; for others this is ignored. Encryption with keys of your own has to be configured again:
    /// keys are never written.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_file = Some(path.into());
        self
    }

    /// Goes on with the upload of which this is the state. As [`state_file`](Self::state_file), without a file.
    pub fn resume(mut self, state: TransferState) -> Self {
        self.state = Some(state);
        self
    }

    /// Is called with the state whenever a part is over, to keep it where you like.
    pub fn on_state(mut self, told: impl Fn(&TransferState) + Send + Sync + 'static) -> Self {
        self.on_state = Some(Arc::new(told));
        self
    }

    /// For reports: where it goes, as a URL.
    pub(crate) fn place(&self) -> String {
        let request = self.put.clone().build();
        format!("s3://{}/{}", request.bucket, request.key)
    }

    /// Starts it as a task of its own.
    pub fn start(self) -> Transfer<Uploaded> {
        let Self { start, put, source, state_file, state, on_state } = self;
        let keeper = Keeper::new(state_file, on_state, start.handle.clone());
        start.spawn(|run| async move {
            let request = put.clone().build();
            let (bucket, key) = (request.bucket.clone(), request.key.clone());
            let job = Job { run, put, request, keeper, state };
            job.drive(source).await.map_err(|error| error.with_target(OPERATION, Some(&bucket), Some(&key)))
        })
    }
}

impl IntoFuture for Upload {
    type Output = Result<Uploaded, S3Error>;
    type IntoFuture = Transfer<Uploaded>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Upload");
        shown.field("source", &self.source).field("settings", &self.start.settings);
        shown.field("state_file", &self.state_file).finish_non_exhaustive()
    }
}

/// One upload, before it is known whether it goes in parts.
struct Job {
    run: Run,
    put: Put,
    request: PutObjectRequest,
    keeper: Keeper,
    state: Option<TransferState>,
}

impl Job {
    async fn drive(self, source: UploadSource) -> Result<Uploaded, S3Error> {
        self.run.meter.phase(Phase::Running);
        self.run.pass().await?;
        match source.0 {
            Source::Path(path) => {
                let file = File::look_at(&path).await?;
                self.file(file).await
            }
            Source::Bytes(bytes) => self.bytes(bytes).await,
            Source::Stream(body) => self.stream(body).await,
        }
    }

    async fn file(mut self, file: File) -> Result<Uploaded, S3Error> {
        let (settings, len) = (self.run.settings, file.facts.len);
        self.run.meter.set_total(len);
        let loaded = match (self.state.take(), self.keeper.file.clone()) {
            (None, Some(path)) => {
                let loaded = apart(move || TransferState::load(path)).await;
                loaded.unwrap_or(Ok(None))?
            }
            (state, _) => state,
        };
        if loaded.is_none() && len < settings.threshold.max(1) {
            return whole::of_file(self.run, self.put, file).await;
        }
        let resumed = match loaded {
            Some(state) => resume::resume(&self.run, &self.request, state, &file.facts).await?,
            None => None,
        };
        let plan = match &resumed {
            Some(resumed) => resumed.plan,
            None => Plan::new(len, settings.part_size)?,
        };
        if resumed.is_none() && len == 0 {
            return whole::of_file(self.run, self.put, file).await;
        }
        let path = file.facts.path.clone();
        let mut upload = self.in_parts(Some(file), plan.part_size, Some(plan))?;
        upload.open(resumed).await?;
        let mut stands = BTreeSet::new();
        stands.extend(upload.done.iter().map(|part| part.number));
        upload.finish(Feed::File { path, plan, next: 1, stands }).await
    }

    async fn bytes(self, bytes: Bytes) -> Result<Uploaded, S3Error> {
        let (settings, len) = (self.run.settings, bytes.len() as u64);
        self.not_resumable()?;
        self.run.meter.set_total(len);
        if len < settings.threshold.max(1) {
            return whole::of_bytes(self.run, self.put, bytes).await;
        }
        let plan = Plan::new(len, settings.part_size)?;
        let mut upload = self.in_parts(None, plan.part_size, Some(plan))?;
        upload.open(None).await?;
        upload.finish(Feed::Bytes { bytes, plan, next: 1 }).await
    }

    async fn stream(self, body: ByteStream) -> Result<Uploaded, S3Error> {
        let settings = self.run.settings;
        self.not_resumable()?;
        let declared = self.request.content_length.and_then(|len| u64::try_from(len).ok());
        let body = match (body.len(), declared) {
            (None, Some(len)) => ByteStream::from_stream(body, Some(len)),
            _ => body,
        };
        let plan = body.len().map(|len| Plan::new(len, settings.part_size)).transpose()?;
        if let Some(plan) = plan {
            self.run.meter.set_total(plan.len);
        }
        // A small object must not take more memory than a large one.
        let part_size = plan.map_or(settings.part_size, |plan| plan.part_size);
        let most = settings.threshold.min(part_size.saturating_mul(settings.concurrency as u64));
        let beginning = Beginning::read(body, most.max(1), &self.run.shared().memory);
        let beginning = self.run.control.unless_cancelled(beginning).await??;
        let begun = beginning.bytes.len() as u64;
        if beginning.over && (begun < most || begun == 0) {
            self.run.meter.set_total(begun);
            return whole::of_bytes(self.run, self.put, beginning.bytes.clone()).await;
        }
        let mut upload = self.in_parts(None, part_size, plan)?;
        upload.open(None).await?;
        upload.finish(beginning.into_feed(part_size)).await
    }

    fn in_parts(self, file: Option<File>, part_size: u64, plan: Option<Plan>) -> Result<Multipart, S3Error> {
        let when_supported = self.run.client.config().request_checksums == ChecksumWhen::Supported;
        let wanted = Wanted::of(&self.request, when_supported)?;
        // At most 10,000.
        let parts = plan.map(|plan| plan.count() as u32);
        let (run, put, keeper) = (self.run, self.request, self.keeper);
        let (upload_id, done, resumed) = (String::new(), Vec::new(), 0);
        Ok(Multipart { run, put, wanted, keeper, file, part_size, parts, upload_id, done, resumed })
    }

    fn not_resumable(&self) -> Result<(), S3Error> {
        if self.state.is_none() {
            return Ok(());
        }
        Err(S3Error::new(RequestError::Validation, "only uploads of files can be gone on with")
            .with_suggestion("give the path of the file the upload was begun with"))
    }
}
