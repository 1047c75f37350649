//! The objects below a prefix, page after page, with the next page on its way while one is worked on.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::entry::{Batch, Facts, Found, Requests, Side, SkipKind, SkippedName, SyncSide};
use super::filter::Filter;
use super::names::{fault, shown};
use crate::error::ResponseError;
use crate::types::Object;
use crate::{Bucket, S3Error};

/// Keys must be possible as file names, with the rules of Windows (`true`) or of this system; `None`: any key will do.
pub(super) type FileNames = Option<bool>;

/// What is listed.
pub(super) struct List {
    pub(super) bucket: Bucket,
    pub(super) prefix: String,
    pub(super) side: SyncSide,
    pub(super) names: FileNames,
    pub(super) filter: Arc<Filter>,
    pub(super) requests: Requests,
}

impl List {
    /// Begins to list, in a task of its own.
    pub(super) fn start(self) -> Side {
        let (out, batches) = mpsc::channel(1);
        let mut producer = JoinSet::new();
        let name = format!("s3://{}/{}", self.bucket.name(), self.prefix);
        producer.spawn(async move {
            if let Err(error) = self.run(&out).await {
                // Nobody listening means nobody wants to know.
                let _ = out.send(Err(error)).await;
            }
        });
        Side::new(name, batches, producer)
    }

    async fn run(&self, out: &mpsc::Sender<Batch>) -> Result<(), S3Error> {
        let mut listing = self.bucket.list_objects_v2();
        if !self.prefix.is_empty() {
            listing = listing.prefix(&self.prefix);
        }
        let mut pages = listing.pages();
        loop {
            let page = pages.next().await;
            let Some(page) = page else { return Ok(()) };
            self.requests.add(1);
            let batch = page?.contents.into_iter().filter_map(|object| self.found(object).transpose());
            let batch = batch.collect::<Result<Vec<_>, _>>()?;
            if out.send(Ok(batch)).await.is_err() {
                return Ok(());
            }
        }
    }

    fn found(&self, mut object: Object) -> Result<Option<Found>, S3Error> {
        if !object.key.starts_with(&self.prefix) {
            let message = format!("the listing has the key `{}`, which does not begin as asked", shown(&object.key));
            return Err(S3Error::new(ResponseError::InvalidResponse, message).with_target(
                "ListObjectsV2",
                Some(self.bucket.name()),
                None,
            ));
        }
        let relative = object.key.split_off(self.prefix.len());
        let size = object.size.and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
        if relative.is_empty() || (self.names.is_some() && relative.ends_with('/') && size == 0) {
            let shown_as = if relative.is_empty() { self.prefix.as_str() } else { &relative };
            let why = "it is empty and only stands for a directory";
            return Ok(Some(Found::Note(SkippedName::new(self.side, shown_as, SkipKind::DirectoryMarker, why))));
        }
        if !self.filter.takes(&relative) {
            return Ok(None);
        }
        if let Some(why) = self.names.and_then(|portable| fault(&relative, portable)) {
            let skip = SkippedName::new(self.side, &relative, SkipKind::Name, why);
            return Ok(Some(Found::Barrier { key: relative, below: None, skip }));
        }
        let facts = Facts {
            size,
            modified: object.last_modified,
            e_tag: object.e_tag,
            sums: object.checksum_algorithm.iter().cloned().collect(),
            sum_type: object.checksum_type,
        };
        Ok(Some(Found::File { key: relative, facts }))
    }
}
