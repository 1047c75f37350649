//! One file or object, brought to the other side.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use super::check::blocking;
use super::entry::Requests;
use super::files::{self, Unfinished};
use super::job::{Place, Route};
use super::plan::SyncItem;
use super::planner::path_of;
use super::refused;
use crate::operations::GetObjectOutput;
use crate::transfer::{Progress, Run};
use crate::{Bucket, ByteStream, CopySource, S3Error, Timestamp};

/// Up to this many bytes a file is held in memory whole: one request, one visit to the disk.
const SMALL: u64 = 1 << 20;
/// Up to this many bytes the store copies with one request.
const AT_ONCE: u64 = 5 << 30;

/// What all transfers of a sync have in common.
#[derive(Clone)]
pub(super) struct Mover {
    pub(super) route: Arc<Route>,
    pub(super) run: Run,
    pub(super) requests: Requests,
    /// Turns for large ones, which keep several connections busy each.
    pub(super) large: Arc<Semaphore>,
}

impl Mover {
    /// Does what the item says and answers the bytes moved.
    pub(super) async fn transfer(&self, item: &SyncItem) -> Result<u64, S3Error> {
        let route = &self.route;
        match (&route.source, &route.target) {
            (Place::Directory(root), Place::Prefix(bucket, prefix)) => {
                self.upload(path_of(root, &item.key), bucket, format!("{prefix}{}", item.key), item).await
            }
            (Place::Prefix(bucket, prefix), Place::Directory(root)) => {
                self.download(bucket, format!("{prefix}{}", item.key), root.clone(), item).await
            }
            (Place::Prefix(from, here), Place::Prefix(to, there)) => {
                self.copy(from, format!("{here}{}", item.key), to, format!("{there}{}", item.key), item).await
            }
            _ => Err(refused("both ends are directories".into())),
        }
    }

    async fn upload(&self, path: PathBuf, bucket: &Bucket, key: String, item: &SyncItem) -> Result<u64, S3Error> {
        if item.bytes <= SMALL {
            let _room = self.run.shared().memory.take(item.bytes).await;
            let small = path.clone();
            // It may have grown since it was listed: then it goes the other way.
            if let Some(bytes) = blocking(move || files::read(&small, SMALL)).await? {
                let count = bytes.len() as u64;
                self.put(bucket, key, item, bytes.into()).await?;
                self.run.meter.add(count);
                return Ok(count);
            }
        }
        let _turn = self.large.acquire().await;
        let (hook, name) = (self.route.options.hook.clone(), item.key.clone());
        let sent = bucket
            .upload(key, path)
            .configure(|put| match hook {
                Some(hook) => hook(&name, put),
                None => put,
            })
            .progress(self.share())
            .await?;
        // A multipart upload is opened and completed as well.
        self.requests.add(if sent.parts == 0 { 1 } else { u64::from(sent.parts) + 2 });
        Ok(sent.bytes)
    }

    /// Passes on how far a large one is.
    fn share(&self) -> impl Fn(&Progress) + Send + Sync + 'static {
        let (meter, told) = (self.run.meter.clone(), AtomicU64::new(0));
        move |progress| {
            let before = told.swap(progress.bytes, Ordering::Relaxed);
            if progress.bytes >= before {
                meter.add(progress.bytes - before);
            } else {
                meter.take_back(before - progress.bytes);
            }
        }
    }

    async fn put(&self, bucket: &Bucket, key: String, item: &SyncItem, body: ByteStream) -> Result<(), S3Error> {
        let mut put = bucket.client().put_object().bucket(bucket.name()).key(key);
        if let Some(hook) = &self.route.options.hook {
            put = hook(&item.key, put);
        }
        self.requests.add(1);
        put.body(body).await.map(drop)
    }

    async fn download(&self, bucket: &Bucket, key: String, root: PathBuf, item: &SyncItem) -> Result<u64, S3Error> {
        if item.bytes > SMALL {
            return self.download_large(bucket, key, root, item).await;
        }
        self.requests.add(1);
        let got = bucket.get_object(&key).await?;
        let length = got.content_length.and_then(|it| u64::try_from(it).ok());
        if length.is_none_or(|it| it > SMALL) {
            // It has grown since it was listed.
            drop(got);
            return self.download_large(bucket, key, root, item).await;
        }
        let modified = time_of(item, got.last_modified);
        let (durable, relative) = (self.route.options.durable, item.key.clone());
        let _room = self.run.shared().memory.take(length.unwrap_or(SMALL)).await;
        let wrong = |error: S3Error| error.with_target("GetObject", Some(bucket.name()), Some(&key));
        let bytes = got.body.collect().await.map_err(wrong)?;
        let count = bytes.len() as u64;
        blocking(move || {
            let mut file = Unfinished::create(&root, &relative)?;
            file.write(&bytes)?;
            file.finish(modified, durable)
        })
        .await?;
        self.run.meter.add(count);
        Ok(count)
    }

    async fn download_large(
        &self,
        bucket: &Bucket,
        key: String,
        root: PathBuf,
        item: &SyncItem,
    ) -> Result<u64, S3Error> {
        let _turn = self.large.acquire().await;
        let relative = item.key.clone();
        let place = blocking(move || files::place(&root, &relative)).await?;
        let download = bucket.download(key).expected_size(item.bytes).progress(self.share());
        let got = download.to_path(&place).durable(self.route.options.durable).await?;
        self.requests.add(u64::from(got.parts.max(1)));
        let modified = time_of(item, got.last_modified);
        blocking(move || files::date(&place, modified)).await?;
        Ok(got.bytes)
    }

    async fn copy(
        &self,
        from: &Bucket,
        source: String,
        to: &Bucket,
        target: String,
        item: &SyncItem,
    ) -> Result<u64, S3Error> {
        let here = self.route.one_client;
        if here && item.bytes <= AT_ONCE {
            self.requests.add(1);
            let copy = to.client().copy_object().bucket(to.name()).key(target);
            copy.copy_source(CopySource::new(from.name(), source)).await?;
        } else if here || item.bytes > SMALL || !self.through_here(from, &source, to, &target).await? {
            let _turn = self.large.acquire().await;
            let mut copy = to.copy(CopySource::new(from.name(), source), target).progress(self.share());
            if !here {
                copy = copy.from_client(from.client());
            }
            let copied = copy.await?;
            // The object is looked at first; each part that passes through here is read and written.
            let each = if here { 1 } else { 2 };
            self.requests.add(1 + if copied.parts == 0 { each } else { u64::from(copied.parts) * each + 2 });
            return Ok(copied.bytes);
        }
        self.run.meter.add(item.bytes);
        Ok(item.bytes)
    }
}

impl Mover {
    /// Reads a small object and writes it to the other store. `false`: it has grown, or has tags, so that it takes more.
    async fn through_here(&self, from: &Bucket, source: &str, to: &Bucket, target: &str) -> Result<bool, S3Error> {
        self.requests.add(1);
        let mut got = from.get_object(source).await?;
        let small = got.content_length.is_some_and(|it| u64::try_from(it).is_ok_and(|it| it <= SMALL));
        if !small || got.tag_count.is_some_and(|count| count > 0) {
            return Ok(false);
        }
        // Held in memory, so that it can be sent again.
        let body = std::mem::take(&mut got.body).collect().await?;
        self.requests.add(1);
        like(to.client().put_object().bucket(to.name()).key(target), got).body(body).await?;
        Ok(true)
    }
}

type Put = crate::operations::PutObject<(String, String)>;

/// The upload with the headers the object has elsewhere.
fn like(mut put: Put, got: GetObjectOutput) -> Put {
    if let Some(it) = got.content_type {
        put = put.content_type(it);
    }
    if let Some(it) = got.content_encoding {
        put = put.content_encoding(it);
    }
    if let Some(it) = got.content_language {
        put = put.content_language(it);
    }
    if let Some(it) = got.content_disposition {
        put = put.content_disposition(it);
    }
    if let Some(it) = got.cache_control {
        put = put.cache_control(it);
    }
    if let Some(it) = got.expires {
        put = put.expires(it);
    }
    if let Some(it) = got.website_redirect_location {
        put = put.website_redirect_location(it);
    }
    for (name, value) in got.metadata {
        put = put.metadata(name, value);
    }
    put
}

/// The time a downloaded file gets. The listing's may be finer than the header's, which has whole seconds; if they are not of the
/// same second, the object was replaced meanwhile.
fn time_of(item: &SyncItem, now: Option<Timestamp>) -> Option<Timestamp> {
    match (item.facts.modified, now) {
        (Some(listed), Some(now)) if listed.unix() == now.unix() => Some(listed),
        (listed, now) => now.or(listed),
    }
}
