//! Copies of any size, and moves.
//!
//! The store copies by itself, without the bytes passing through here, except [from another client](Copy::from_client).

mod abort;
mod driver;
mod origin;
mod parts;
mod request;
mod sums;

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use super::{Leftovers, ProgressListener, Start, Transfer, TransferHandle, TransferManager};
use crate::operations::CopyObject;
use crate::{Bucket, CopySource, S3Client, S3Error};
use driver::Job;
use sums::Sums;

/// From this size on parts are copied side by side: one request for more would take longer than a call may.
const THRESHOLD: u64 = 256 << 20;

impl TransferManager {
    /// Copies an object of any size: with one request up to 256 MiB, above that in parts copied side by side. Metadata,
    /// content headers and tags come along, or are replaced through [`configure`](Copy::configure).
    ///
    /// Text as a source is read as `bucket/key`; a version is named with [`CopySource::version_id`].
    ///
    /// ```
    /// # async fn example(client: integration_s3::S3Client) -> Result<(), integration_s3::S3Error> {
    /// let copied = client.transfer().copy("backups/2026/db.tar", "archive", "db-2026.tar").await?;
    /// println!("{} bytes in {} parts", copied.bytes, copied.parts);
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy(&self, source: impl Into<CopySource>, bucket: impl Into<String>, key: impl Into<String>) -> Copy {
        Copy::new(self, source.into(), bucket.into(), key.into(), false)
    }

    /// Copies an object and deletes the source once the copy is beyond doubt: it has the source's size, no checksum or tag
    /// that can be compared differs, and the source is still what was copied. Else the source stays and the error says why.
    ///
    /// A source with a version id loses that version for good. Moving an object onto itself is refused.
    ///
    /// ```
    /// # async fn example(client: integration_s3::S3Client) -> Result<(), integration_s3::S3Error> {
    /// client.transfer().move_object("inbox/a.csv", "done", "2026/a.csv").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn move_object(
        &self,
        source: impl Into<CopySource>,
        bucket: impl Into<String>,
        key: impl Into<String>,
    ) -> Copy {
        Copy::new(self, source.into(), bucket.into(), key.into(), true)
    }
}

impl Bucket {
    /// [`TransferManager::copy`] into this bucket: an object of any size.
    pub fn copy(&self, source: impl Into<CopySource>, key: impl Into<String>) -> Copy {
        self.client().transfer().copy(source, self.name(), key)
    }

    /// [`TransferManager::move_object`] into this bucket.
    pub fn move_object(&self, source: impl Into<CopySource>, key: impl Into<String>) -> Copy {
        self.client().transfer().move_object(source, self.name(), key)
    }
}

/// What a copy is made of beside the request.
#[derive(Clone)]
struct Plan {
    /// Bucket, key and source as they were given.
    named: (String, String, CopySource),
    from: Option<S3Client>,
    moves: bool,
    threshold: u64,
    part_size: Option<u64>,
}

/// A copy or a move to be started; made by [`TransferManager::copy`] and [`TransferManager::move_object`].
#[must_use = "nothing is copied until this is awaited or started"]
pub struct Copy {
    start: Start,
    builder: CopyObject<(String, String, CopySource)>,
    plan: Plan,
}

impl Copy {
    fn new(manager: &TransferManager, source: CopySource, bucket: String, key: String, moves: bool) -> Self {
        let builder = manager.client().copy_object().bucket(&bucket).key(&key).copy_source(source.clone());
        let plan = Plan { named: (bucket, key, source), from: None, moves, threshold: THRESHOLD, part_size: None };
        Self { start: Start::of(manager), builder, plan }
    }

    /// Changes what the copy will be: storage class, encryption, ACL, new metadata (with `metadata_directive`), new tags (with
    /// `tagging_directive`), conditions on source and target, keys of customers, payer, owners. In parts it means the same
    /// as in one request. Bucket, key and source are those given before; setting others here is refused.
    ///
    /// ```
    /// use integration_s3::types::{MetadataDirective, StorageClass};
    ///
    /// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// bucket
    ///     .copy("logs/a.txt", "cold/a.txt")
    ///     .configure(|copy| copy.storage_class(StorageClass::StandardIa))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn configure(
        mut self,
        change: impl FnOnce(CopyObject<(String, String, CopySource)>) -> CopyObject<(String, String, CopySource)>,
    ) -> Self {
        self.builder = change(self.builder);
        self
    }

    /// The source lives with that client: at another endpoint, in another account. Its bytes pass through this machine, in
    /// parts held in the memory budget of the target's client: part size x concurrency.
    ///
    /// Each part is read with the source's ETag as a condition. Where both sides have a checksum of the same kind they are
    /// compared; a [move](TransferManager::move_object) needs that, or two MD5 ETags, to delete the source.
    pub fn from_client(mut self, source: &S3Client) -> Self {
        self.plan.from = Some(source.clone());
        self
    }

    /// Bytes of a part, 5 MiB to 5 GiB; more where 10,000 parts would not reach. Default: 64 MiB, or 256 MiB for objects
    /// above 16 GiB, when the store copies; the client's part size (8 MiB unless configured) when bytes pass through.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.plan.part_size = Some(bytes);
        self
    }

    /// Up to this size one CopyObject request is used. Default 256 MiB; values above 5 GiB, S3's limit, count as 5 GiB. A store
    /// that finds an object too large for one request gets parts. Not used when bytes pass through.
    pub fn threshold(mut self, bytes: u64) -> Self {
        self.plan.threshold = bytes;
        self
    }

    /// Parts on their way at once. Default: the client's, 4 unless configured.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.start.settings.concurrency = parts;
        self
    }

    /// What becomes of the parts when a copy fails or is cancelled. Default: the upload is aborted. Copies cannot be gone on
    /// with, so keeping them helps only those who look at them.
    pub fn leftovers(mut self, leftovers: Leftovers) -> Self {
        self.start.settings.leftovers = leftovers;
        self
    }

    /// Tells how the copy goes, part by part.
    pub fn progress(mut self, listener: impl ProgressListener) -> Self {
        self.start.listener = Some(Arc::new(listener));
        self
    }

    /// Pauses, resumes and cancels this copy. A paused copy begins no part; those on their way end.
    pub fn handle(mut self, handle: &TransferHandle) -> Self {
        self.start.handle = handle.clone();
        self
    }

    /// For reports: where the copy goes, as a URL.
    pub(crate) fn place(&self) -> String {
        format!("s3://{}/{}", self.plan.named.0, self.plan.named.1)
    }

    /// Begins in a task of its own; awaiting the copy does the same.
    pub fn start(self) -> Transfer<Copied> {
        let Self { start, builder, plan } = self;
        let request = builder.clone().build();
        start.spawn(|run| Job { run, plan, builder, request }.drive())
    }
}

impl IntoFuture for Copy {
    type Output = Result<Copied, S3Error>;
    type IntoFuture = Transfer<Copied>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

impl fmt::Debug for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.builder.clone().build();
        f.debug_struct("Copy")
            .field("source", &request.copy_source)
            .field("bucket", &request.bucket)
            .field("key", &request.key)
            .field("moves", &self.plan.moves)
            .finish_non_exhaustive()
    }
}

/// A copy that stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Copied {
    /// The copy's tag. It differs from the source's when one of them was made in parts and the other was not.
    pub e_tag: Option<String>,
    /// The copy's version, in buckets that keep versions.
    pub version_id: Option<String>,
    /// The version that was read, where the source's bucket keeps versions.
    pub source_version_id: Option<String>,
    /// The object's size; 0 for a source given as raw text, whose size nobody knows.
    pub bytes: u64,
    /// In how many parts it was copied; 0: with one request.
    pub parts: u32,
    /// The copy's checksum if the store answered one, `CRC64NVME:AAAAAAAAAAA=`.
    pub checksum: Option<String>,
    sums: Sums,
}
