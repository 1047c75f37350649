//! Moving objects of any size, in either direction: in parts, with resumption, progress and control.
//!
//! [`S3Client::transfer`] is the way in. Every transfer is a builder that can be awaited, or started to hold it in the hand:
//!
//! ```
//! use integration_s3::transfer::{Progress, Transfer, Uploaded};
//! use integration_s3::{S3Client, S3Error};
//!
//! # async fn example(client: &S3Client) -> Result<(), S3Error> {
//! let uploaded = client.transfer().upload_file("/data/big.iso", "backup", "big.iso").await?;
//! println!("{} bytes in {} parts", uploaded.bytes, uploaded.parts);
//!
//! let transfer: Transfer<Uploaded> = client
//!     .transfer()
//!     .upload_file("/data/big.iso", "backup", "big.iso")
//!     .progress(|progress: &Progress| println!("{progress}"))
//!     .start();
//! transfer.handle().pause();
//! transfer.handle().resume();
//! transfer.await?;
//! # Ok(())
//! # }
//! ```
//!
//! Transfers are tasks of the tokio runtime they are started in. All transfers of a client and its clones share one budget of
//! memory for the parts they hold (`transfer_memory`, 256 MiB unless set).

#[cfg(feature = "indicatif")]
mod bar;
mod batch;
pub(crate) mod control;
mod copy;
pub(crate) mod download;
mod failure;
mod listing;
mod memory;
pub(crate) mod prefix;
pub(crate) mod progress;
mod report;
mod stale;
mod state;
mod task;
mod upload;
pub(crate) mod work;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "indicatif")]
pub use bar::Bar;
pub use batch::{Batch, Deletion};
pub use control::TransferHandle;
pub use copy::{Copied, Copy};
pub use download::{Download, DownloadToBytes, DownloadToPath, DownloadToWriter, Downloaded};
pub use failure::{Left, TransferFailure};
pub use listing::{ListParallel, ParallelItems};
pub use prefix::DeletePrefix;
pub use progress::{Phase, Progress, ProgressListener};
pub use report::BatchReport;
pub use state::TransferState;
pub use task::Transfer;
pub use upload::{Upload, UploadSource, Uploaded};

use crate::error::RequestError;
use crate::{S3Client, S3Error};
use memory::Memory;
use progress::Meter;

/// The least and the most S3 takes as a part.
pub(crate) const PART_SIZES: std::ops::RangeInclusive<u64> = (5 << 20)..=(5 << 30);

/// Starts transfers with common settings; made by [`S3Client::transfer`]. Cheap to make and to clone.
#[derive(Clone, Debug)]
pub struct TransferManager {
    client: S3Client,
    settings: Settings,
}

/// What becomes of unfinished work when a transfer fails, is called off or dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leftovers {
    /// It is removed: uploads are aborted, partial files deleted.
    #[default]
    Abort,
    /// It is kept, to go on later: the upload stays open (and billed), the partial file stays.
    Keep,
}

/// What can be set on a manager and on each transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) part_size: u64,
    pub(crate) threshold: u64,
    pub(crate) concurrency: usize,
    pub(crate) leftovers: Leftovers,
}

impl Settings {
    /// # Errors
    /// A size or number that cannot be, with what can.
    pub(crate) fn check(&self) -> Result<(), S3Error> {
        let refused = |message: String| Err(S3Error::new(RequestError::Validation, message));
        if !PART_SIZES.contains(&self.part_size) {
            return refused(format!("a part has 5 MiB to 5 GiB, part_size is {} bytes", self.part_size));
        }
        if self.threshold > *PART_SIZES.end() {
            return refused(format!("one request stores at most 5 GiB, threshold is {} bytes", self.threshold));
        }
        if !(1..=256).contains(&self.concurrency) {
            return refused(format!("1 to 256 parts can be in flight, concurrency is {}", self.concurrency));
        }
        Ok(())
    }
}

/// What all transfers of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) memory: Memory,
    open_uploads: AtomicU64,
    /// Ids of uploads whose transfer is over and which are still open: taken up again, they must not count twice.
    kept: Mutex<HashSet<String>>,
}

impl Shared {
    pub(crate) fn new(memory: u64) -> Arc<Self> {
        Arc::new(Self { memory: Memory::new(memory), open_uploads: AtomicU64::new(0), kept: Mutex::default() })
    }

    /// An upload was opened.
    pub(crate) fn opened(&self) {
        self.open_uploads.fetch_add(1, Ordering::Relaxed);
    }

    /// It was completed or aborted.
    pub(crate) fn closed(&self) {
        let _ = self.open_uploads.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| open.checked_sub(1));
    }

    /// Its transfer is over, it is still open.
    pub(crate) fn kept(&self, upload_id: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(upload_id.to_owned());
    }

    /// It is gone on with, perhaps by another client than the one that opened it.
    pub(crate) fn taken_up(&self, upload_id: &str) {
        if !self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(upload_id) {
            self.opened();
        }
    }
}

impl S3Client {
    /// Transfers of any size, with the client's settings (`multipart_part_size`, `multipart_threshold`,
    /// `multipart_concurrency`).
    pub fn transfer(&self) -> TransferManager {
        let multipart = &self.config().multipart;
        let settings = Settings {
            part_size: multipart.part_size,
            threshold: multipart.threshold,
            concurrency: multipart.concurrency as usize,
            leftovers: Leftovers::default(),
        };
        TransferManager { client: self.clone(), settings }
    }
}

impl TransferManager {
    /// The client it works with.
    pub fn client(&self) -> &S3Client {
        &self.client
    }

    /// Size of the parts in bytes, 5 MiB to 5 GiB; default 8 MiB. Larger objects get larger parts by themselves, because there
    /// can be 10,000 of them. Checked when a transfer starts.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.settings.part_size = bytes;
        self
    }

    /// From this size on, in bytes, objects go in parts; default 16 MiB, at most 5 GiB.
    pub fn threshold(mut self, bytes: u64) -> Self {
        self.settings.threshold = bytes;
        self
    }

    /// How many parts of one transfer are in flight, 1 to 256; default 4.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.settings.concurrency = parts;
        self
    }

    /// What becomes of unfinished work; default [`Leftovers::Abort`].
    pub fn leftovers(mut self, leftovers: Leftovers) -> Self {
        self.settings.leftovers = leftovers;
        self
    }

    /// Multipart uploads this client opened and has neither completed nor aborted: those under way, those kept to go on with
    /// later, and those whose abort failed. What is left when all transfers are over is billed until somebody removes it.
    pub fn uploads_left_open(&self) -> u64 {
        self.client.transfers.open_uploads.load(Ordering::Relaxed)
    }

    /// Bytes of the client's transfer memory that are in use.
    pub fn memory_in_use(&self) -> u64 {
        self.client.transfers.memory.in_use()
    }
}

/// What the driver of a transfer works with.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) client: S3Client,
    pub(crate) settings: Settings,
    pub(crate) control: control::Control,
    pub(crate) meter: Meter,
}

/// What every builder of a transfer keeps until it starts.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) client: S3Client,
    pub(crate) settings: Settings,
    pub(crate) listener: Option<Arc<dyn ProgressListener>>,
    pub(crate) handle: TransferHandle,
}

impl Start {
    pub(crate) fn of(manager: &TransferManager) -> Self {
        let handle = TransferHandle::new();
        Self { client: manager.client.clone(), settings: manager.settings, listener: None, handle }
    }

    /// Starts the driver that `drive` makes, if the settings can be.
    pub(crate) fn spawn<T, F>(self, drive: impl FnOnce(Run) -> F) -> Transfer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, S3Error>> + Send + 'static,
    {
        if let Err(error) = self.settings.check() {
            return Transfer::refused(self.handle, error);
        }
        let meter = Meter::new(self.handle.clone(), self.listener);
        let (control, drop) = control::Control::new(self.handle.clone());
        let run = Run { client: self.client, settings: self.settings, control, meter: meter.clone() };
        task::spawn(self.handle, meter, drop, drive(run))
    }
}

impl Run {
    /// What all transfers of the client share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.client.transfers
    }

    /// The store, as states name it: what it is called does not matter, only that it is the same.
    pub(crate) fn endpoint(&self) -> String {
        let endpoint = &self.client.config().endpoint;
        format!("{}://{}{}", endpoint.scheme().as_str(), endpoint.authority(), endpoint.base_path())
    }

    /// To be passed before each step: waits while paused.
    ///
    /// # Errors
    /// The transfer was called off.
    pub(crate) async fn pass(&self) -> Result<(), S3Error> {
        self.control.pass(&self.meter).await
    }
}
