//! One file or object, brought to the other side.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::check::blocking;
use super::entry::Requests;
use super::files::{self, Unfinished};
use super::job::{Place, Route};
use super::plan::SyncItem;
use super::planner::path_of;
use super::refused;
use crate::operations::GetObjectOutput;
use crate::transfer::Run;
use crate::{Bucket, ByteStream, CopySource, S3Error, Timestamp};

/// Up to this many bytes a file is held in memory whole: one request, one visit to the disk.
const SMALL: u64 = 1 << 20;
/// Bytes gathered before they are written.
const GATHERED: usize = 1 << 20;

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
        let body = ByteStream::from_path(&path).await?;
        let count = body.len().unwrap_or(item.bytes);
        self.put(bucket, key, item, body).await?;
        self.run.meter.add(count);
        Ok(count)
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
        self.requests.add(1);
        let got = bucket.get_object(&key).await?;
        let modified = time_of(item, &got);
        let durable = self.route.options.durable;
        let relative = item.key.clone();
        let wrong = |error: S3Error| error.with_target("GetObject", Some(bucket.name()), Some(&key));
        let known = got.content_length.and_then(|it| u64::try_from(it).ok());
        if let Some(count) = known.filter(|it| *it <= SMALL) {
            let _room = self.run.shared().memory.take(count).await;
            let bytes = got.body.collect().await.map_err(wrong)?;
            let count = bytes.len() as u64;
            blocking(move || {
                let mut file = Unfinished::create(&root, &relative)?;
                file.write(&bytes)?;
                file.finish(modified, durable)
            })
            .await?;
            self.run.meter.add(count);
            return Ok(count);
        }
        let mut body = got.body;
        let mut file = blocking(move || Unfinished::create(&root, &relative)).await?;
        let (mut count, mut gathered) = (0, Vec::with_capacity(GATHERED));
        loop {
            let chunk = body.next().await.transpose().map_err(wrong)?;
            if let Some(chunk) = &chunk {
                gathered.extend_from_slice(chunk);
            }
            if gathered.len() >= GATHERED || chunk.is_none() {
                self.run.pass().await?;
                let bytes = std::mem::take(&mut gathered);
                let length = bytes.len() as u64;
                (file, gathered) = blocking(move || {
                    file.write(&bytes)?;
                    let mut empty = bytes;
                    empty.clear();
                    Ok((file, empty))
                })
                .await?;
                count += length;
                self.run.meter.add(length);
            }
            if chunk.is_none() {
                break;
            }
        }
        blocking(move || file.finish(modified, durable)).await?;
        Ok(count)
    }

    async fn copy(
        &self,
        from: &Bucket,
        source: String,
        to: &Bucket,
        target: String,
        item: &SyncItem,
    ) -> Result<u64, S3Error> {
        if self.route.one_client {
            self.requests.add(1);
            let copy = to.client().copy_object().bucket(to.name()).key(target);
            copy.copy_source(CopySource::new(from.name(), source)).await?;
        } else {
            self.requests.add(1);
            let mut got = from.get_object(&source).await?;
            let body = std::mem::take(&mut got.body);
            let body = match item.bytes <= SMALL {
                // Held in memory, so that it can be sent again.
                true => body.collect().await?.into(),
                false => body,
            };
            let put = like(to.client().put_object().bucket(to.name()).key(target), got);
            let put = match &self.route.options.hook {
                Some(hook) => hook(&item.key, put),
                None => put,
            };
            self.requests.add(1);
            put.body(body).await?;
        }
        self.run.meter.add(item.bytes);
        Ok(item.bytes)
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
    for (name, value) in got.metadata {
        put = put.metadata(name, value);
    }
    put
}

/// The time a downloaded file gets. The listing's may be finer than the header's, which has whole seconds; if they are not of the
/// same second, the object was replaced meanwhile.
fn time_of(item: &SyncItem, got: &GetObjectOutput) -> Option<Timestamp> {
    match (item.facts.modified, got.last_modified) {
        (Some(listed), Some(now)) if listed.unix() == now.unix() => Some(listed),
        (listed, now) => now.or(listed),
    }
}
