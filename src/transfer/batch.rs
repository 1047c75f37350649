//! Many transfers at once, with one report: a failure ends its transfer and not the others.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::control::{Either, either};
use super::prefix::Deleter;
use super::report::BatchReport;
use super::{Copy, DownloadToPath, TransferHandle, TransferManager, Upload};
use crate::error::{ErrorKind, RequestError, TransferError};
use crate::transfer::work::{self, Crew};
use crate::{Bucket, S3Error};

type Boxed<T> = Pin<Box<dyn Stream<Item = T> + Send>>;
type Outcome = Result<u64, S3Error>;

impl TransferManager {
    /// Uploads many, some at a time. What each upload is made of is said by its own builder; the iterator is asked for the
    /// next one when there is room for it.
    ///
    /// ```
    /// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// let files = ["a.csv", "b.csv", "c.csv"];
    /// let uploads = files.map(|name| bucket.upload_file(format!("in/{name}"), format!("/data/{name}")));
    /// let report = bucket.client().transfer().upload_all(uploads).concurrency(2).await?;
    /// println!("{report}");          // 2 succeeded, 1 failed, 5120 bytes, and why
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_all<I>(&self, uploads: I) -> Batch<Upload>
    where
        I: IntoIterator<Item = Upload>,
        I::IntoIter: Send + 'static,
    {
        Batch::new(Box::pin(Each(uploads.into_iter())))
    }

    /// [`upload_all`](Self::upload_all) of what a stream yields.
    pub fn upload_all_of(&self, uploads: impl Stream<Item = Upload> + Send + 'static) -> Batch<Upload> {
        Batch::new(Box::pin(uploads))
    }

    /// Downloads many into files, some at a time.
    ///
    /// ```
    /// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// let downloads = ["a.csv", "b.csv"].map(|name| bucket.download_file(name, format!("/data/{name}")));
    /// bucket.client().transfer().download_all(downloads).stop_at_first_failure().await?.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download_all<I>(&self, downloads: I) -> Batch<DownloadToPath>
    where
        I: IntoIterator<Item = DownloadToPath>,
        I::IntoIter: Send + 'static,
    {
        Batch::new(Box::pin(Each(downloads.into_iter())))
    }

    /// [`download_all`](Self::download_all) of what a stream yields.
    pub fn download_all_of(
        &self,
        downloads: impl Stream<Item = DownloadToPath> + Send + 'static,
    ) -> Batch<DownloadToPath> {
        Batch::new(Box::pin(downloads))
    }

    /// Copies or moves many, some at a time.
    ///
    /// ```
    /// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// let moves = (1..=31).map(|day| format!("day-{day:02}.log"));
    /// let moves: Vec<_> = moves.map(|name| bucket.move_object(("inbox", &name), &name)).collect();
    /// let report = bucket.client().transfer().copy_all(moves).await?;
    /// # drop(report);
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy_all<I>(&self, copies: I) -> Batch<Copy>
    where
        I: IntoIterator<Item = Copy>,
        I::IntoIter: Send + 'static,
    {
        Batch::new(Box::pin(Each(copies.into_iter())))
    }

    /// [`copy_all`](Self::copy_all) of what a stream yields.
    pub fn copy_all_of(&self, copies: impl Stream<Item = Copy> + Send + 'static) -> Batch<Copy> {
        Batch::new(Box::pin(copies))
    }
}

impl Bucket {
    /// Deletes many keys, 1,000 with one request, or one by one where a store has no bulk delete. Keys that do not exist count as
    /// deleted: S3 does not tell the difference. In a bucket with versioning this puts delete markers.
    ///
    /// ```
    /// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// let report = bucket.delete_all(["a.txt", "b.txt"]).await?;
    /// assert_eq!(report.succeeded, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_all<I>(&self, keys: I) -> Batch<Deletion>
    where
        I: IntoIterator,
        I::Item: Into<String>,
        I::IntoIter: Send + 'static,
    {
        self.delete_all_of(Each(keys.into_iter()))
    }

    /// [`delete_all`](Self::delete_all) of the keys a stream yields.
    pub fn delete_all_of<K: Into<String>>(&self, keys: impl Stream<Item = K> + Send + 'static) -> Batch<Deletion> {
        let bucket = self.clone();
        Batch::new(Box::pin(Map(Box::pin(keys), move |key: K| Deletion { bucket: bucket.clone(), key: key.into() })))
    }
}

/// A key to be deleted; made by [`Bucket::delete_all`].
#[derive(Clone, Debug)]
pub struct Deletion {
    bucket: Bucket,
    key: String,
}

/// Many transfers to be done when awaited; made by [`TransferManager::upload_all`] and its siblings.
///
/// Dropping it calls off what is on its way.
#[must_use = "nothing is done until this is awaited"]
pub struct Batch<T> {
    items: Boxed<T>,
    concurrency: usize,
    first: bool,
    handle: Option<TransferHandle>,
}

impl<T> Batch<T> {
    fn new(items: Boxed<T>) -> Self {
        Self { items, concurrency: 8, first: false, handle: None }
    }

    /// How many are on their way at once, 1 to 1,000; numbers outside count as the nearest. Default 8. For deletions: requests of
    /// 1,000 keys, at most 64. Each transfer has its parts in flight on top of that; their memory comes from the client's budget.
    pub fn concurrency(mut self, transfers: usize) -> Self {
        self.concurrency = transfers.clamp(1, 1_000);
        self
    }

    /// Begins nothing more once one has failed. What is on its way goes on to its end.
    pub fn stop_at_first_failure(mut self) -> Self {
        self.first = true;
        self
    }

    /// Steers the whole batch: `cancel` calls off what is on its way and begins nothing more, `pause` holds everything. Handles the
    /// items were given are replaced by this one.
    pub fn handle(mut self, handle: &TransferHandle) -> Self {
        self.handle = Some(handle.clone());
        self
    }

    fn is_cancelled(&self) -> bool {
        self.handle.as_ref().is_some_and(TransferHandle::is_cancelled)
    }

    /// Whether no further one is to be begun.
    fn is_over(&self, report: &mut BatchReport) -> bool {
        report.stopped |= self.is_cancelled() || (self.first && report.failures > 0);
        report.stopped
    }
}

/// Something a batch can do many of.
trait Item: Sized + Send + 'static {
    fn place(&self) -> String;
    fn steered(self, handle: &TransferHandle) -> Self;
    fn go(self) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;
}

impl Item for Upload {
    fn place(&self) -> String {
        Upload::place(self)
    }

    fn steered(self, handle: &TransferHandle) -> Self {
        self.handle(handle)
    }

    fn go(self) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        let transfer = self.start();
        Box::pin(async { transfer.await.map(|done| done.bytes) })
    }
}

impl Item for DownloadToPath {
    fn place(&self) -> String {
        DownloadToPath::place(self)
    }

    fn steered(self, handle: &TransferHandle) -> Self {
        self.handle(handle)
    }

    fn go(self) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        let transfer = self.start();
        Box::pin(async { transfer.await.map(|done| done.bytes) })
    }
}

impl Item for Copy {
    fn place(&self) -> String {
        Copy::place(self)
    }

    fn steered(self, handle: &TransferHandle) -> Self {
        self.handle(handle)
    }

    fn go(self) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        let transfer = self.start();
        Box::pin(async { transfer.await.map(|done| done.bytes) })
    }
}

async fn run<T: Item>(mut batch: Batch<T>) -> Result<BatchReport, S3Error> {
    let mut report = BatchReport::default();
    let mut running: Crew<(String, Outcome)> = Crew::new();
    let mut more = true;
    loop {
        more &= !batch.is_over(&mut report);
        let room = more && running.len() < batch.concurrency;
        let ended = match (room, running.is_empty()) {
            (false, true) => return Ok(report),
            (false, false) => running.next().await,
            (true, nothing) => {
                let next = poll_fn(|cx| batch.items.as_mut().poll_next(cx));
                let done = async {
                    match nothing {
                        true => std::future::pending().await,
                        false => running.next().await,
                    }
                };
                match either(next, done).await {
                    Either::First(None) => {
                        more = false;
                        continue;
                    }
                    Either::First(Some(item)) => {
                        // The stream may have taken its time.
                        if batch.is_over(&mut report) {
                            report.skipped += 1;
                            continue;
                        }
                        let item = batch.handle.iter().fold(item, |item, handle| item.steered(handle));
                        let place = item.place();
                        // Begun inside the task: its transfer is called off when the batch is dropped.
                        running.spawn(async move { (place, item.go().await) });
                        continue;
                    }
                    Either::Second(ended) => ended,
                }
            }
        };
        match ended {
            Some(Ok((_, Ok(bytes)))) => {
                report.succeeded += 1;
                report.bytes += bytes;
            }
            // Called off is not failed.
            Some(Ok((_, Err(error))))
                if batch.is_cancelled() && error.kind() == ErrorKind::Transfer(TransferError::UploadAborted) =>
            {
                report.skipped += 1;
            }
            Some(Ok((place, Err(error)))) => report.fail(place, error),
            Some(Err(lost)) => {
                report.fail("a transfer".to_owned(), work::lost("the task of a transfer was lost", lost));
            }
            None => {}
        }
    }
}

async fn delete(mut batch: Batch<Deletion>) -> Result<BatchReport, S3Error> {
    const AT_ONCE: usize = 1_000;
    let mut report = BatchReport::default();
    let mut deleter: Option<Deleter> = None;
    let mut keys = Vec::new();
    let mut outcome = Ok(());
    loop {
        let next = poll_fn(|cx| batch.items.as_mut().poll_next(cx)).await;
        let ended = next.is_none();
        if let Some(Deletion { bucket, key }) = next {
            deleter.get_or_insert_with(|| Deleter::new(&bucket, batch.concurrency.min(64), batch.first));
            if key.is_empty() {
                report.fail(key, S3Error::new(RequestError::InvalidObjectKey, "the key is empty"));
            } else {
                keys.push(key);
            }
        }
        let full = keys.len() >= AT_ONCE || ended;
        if batch.is_over(&mut report) {
            report.skipped += keys.len() as u64;
            break;
        }
        if let (true, Some(deleter)) = (full, &mut deleter) {
            outcome = deleter.delete(std::mem::take(&mut keys), &mut report).await;
        }
        if ended || outcome.is_err() {
            break;
        }
    }
    if let Some(deleter) = deleter {
        outcome = outcome.and(deleter.finish(&mut report).await);
    }
    outcome.map(|()| report)
}

/// # Errors
/// None of its own: what fails stands in the report.
macro_rules! awaited {
    ($($item:ty => $run:ident),*) => { $(impl IntoFuture for Batch<$item> {
        type Output = Result<BatchReport, S3Error>;
        type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

        fn into_future(self) -> Self::IntoFuture {
            Box::pin($run(self))
        }
    })* };
}
awaited!(Upload => run, DownloadToPath => run, Copy => run, Deletion => delete);

impl<T> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}

/// An iterator as a stream that is always ready.
struct Each<I>(I);

impl<I> Unpin for Each<I> {}

impl<I: Iterator> Stream for Each<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

struct Map<S, F>(Pin<Box<S>>, F);

impl<S, F> Unpin for Map<S, F> {}

impl<S: Stream, T, F: Fn(S::Item) -> T> Stream for Map<S, F> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        this.0.as_mut().poll_next(cx).map(|next| next.map(&this.1))
    }
}
