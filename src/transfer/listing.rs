//! Listing large buckets with several requests at a time, as one stream.
//!
//! S3 lists keys in the order of their bytes, a page of 1,000 after the other; a million keys are a thousand round trips. Here
//! the keys are cut into spans that are listed at the same time. Where to cut is learnt on the way, from folders and from
//! single characters, so nobody has to know how the keys are named. A small bucket costs one request, as ever.

mod spans;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::runtime::Handle;

use crate::error::{ConfigurationError, RequestError, TransferError};
use crate::operations::{ListObjectsV2, ListObjectsV2Output, ListObjectsV2Request};
use crate::transfer::work::{Crew, Gone, lost};
use crate::types::Object;
use crate::{Bucket, S3Error};
use spans::{Ask, Page, Spans, What};

impl Bucket {
    /// All objects of the bucket, or of a prefix, listed with several requests at a time: for buckets of many thousand
    /// keys, where [`list_objects_v2`](Self::list_objects_v2) waits for one page after the other.
    ///
    /// ```
    /// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// let mut objects = bucket.list_parallel().prefix("logs/").concurrency(16).ordered().items();
    /// while let Some(object) = objects.next().await {
    ///     println!("{}", object?.key);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list_parallel(&self) -> ListParallel {
        ListParallel {
            request: self.list_objects_v2(),
            prefix: String::new(),
            start_after: None,
            delimiter: "/".to_owned(),
            concurrency: 8,
            ordered: false,
            pages: None,
        }
    }
}

/// A listing with several requests at a time; made by [`Bucket::list_parallel`].
///
/// Every key there is from beginning to end comes exactly once; keys written or deleted meanwhile may or may not come, as in any
/// listing. It costs some more requests than listing page by page: each cut ends with a page that is not full, and some
/// questions for a place to cut find nothing.
#[must_use = "nothing is listed until items() is read"]
#[derive(Clone, Debug)]
pub struct ListParallel {
    request: ListObjectsV2<String>,
    prefix: String,
    start_after: Option<String>,
    delimiter: String,
    concurrency: usize,
    ordered: bool,
    pages: Option<usize>,
}

impl ListParallel {
    /// Only keys that begin with this text. Default: all.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Only keys behind this one in the order of their bytes; it need not exist.
    pub fn start_after(mut self, key: impl Into<String>) -> Self {
        self.start_after = Some(key.into());
        self
    }

    /// What separates folders in keys, a hint for where to cut. Default `/`. Empty: folders are not looked for.
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = delimiter.into();
        self
    }

    /// Requests at a time, 1 to 256; numbers outside count as the nearest. Default 8.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.clamp(1, 256);
        self
    }

    /// Keys come in the order of their bytes. Without it they come as they arrive, which needs less memory and is faster
    /// when the reader is slow.
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// How many pages (of up to 1,000 objects, some 300 KB each) may wait for the reader. Default: eight times the concurrency.
    /// An ordered listing may exceed it by one.
    pub fn buffered_pages(mut self, pages: usize) -> Self {
        self.pages = Some(pages.max(1));
        self
    }

    /// Everything else a listing can carry: `fetch_owner`, `max_keys` (the page's size), `request_payer`,
    /// `expected_bucket_owner`, attributes, options of the calls. Prefix, delimiter, `start_after`, token and encoding are
    /// refused here when the listing is read: this type has its own.
    pub fn configure(mut self, change: impl FnOnce(ListObjectsV2<String>) -> ListObjectsV2<String>) -> Self {
        self.request = change(self.request);
        self
    }

    /// The objects, as a stream. Requests begin when it is first read.
    pub fn items(self) -> ParallelItems {
        let pages = self.pages.unwrap_or(self.concurrency * 8);
        ParallelItems {
            spans: Spans::new(self.prefix, self.delimiter, self.start_after, self.concurrency, self.ordered, pages),
            refused: not_ours(self.request.clone().build()),
            request: self.request,
            running: Crew::new(),
            ready: Vec::new().into_iter(),
            over: false,
        }
    }
}

/// The objects of [`ListParallel`]: a stream for those who use `futures`, and [`next`](Self::next) for those who do not.
///
/// It ends after the last object or the first error. Dropping it ends the requests on their way.
#[must_use = "objects are listed only as they are asked for"]
pub struct ParallelItems {
    spans: Spans,
    request: ListObjectsV2<String>,
    refused: Option<S3Error>,
    running: Crew<(Ask, Result<ListObjectsV2Output, S3Error>)>,
    ready: std::vec::IntoIter<Object>,
    over: bool,
}

impl ParallelItems {
    /// The next object; `None` after the last. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// As ListObjectsV2; `Response(InvalidResponse)` from a store that does not list in the order of keys: cutting
    /// such a listing could lose some.
    pub async fn next(&mut self) -> Option<Result<Object, S3Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All objects in memory.
    ///
    /// # Errors
    /// The first error of any page.
    pub async fn collect(mut self) -> Result<Vec<Object>, S3Error> {
        let mut all = Vec::new();
        while let Some(object) = self.next().await {
            all.push(object?);
        }
        Ok(all)
    }

    /// Sends what may be asked now.
    fn send(&mut self) -> Result<(), S3Error> {
        while let Some(ask) = self.spans.ask() {
            let runtime = Handle::try_current().map_err(|error| {
                S3Error::new(ConfigurationError::InvalidConfiguration, "a parallel listing was read outside of tokio")
                    .with_suggestion("read it in a task of a tokio runtime")
                    .with_source(error)
            })?;
            let request = self.request_for(&ask);
            self.running.spawn_on(async move { (ask, request.await) }, &runtime);
        }
        Ok(())
    }

    fn request_for(&self, ask: &Ask) -> impl Future<Output = Result<ListObjectsV2Output, S3Error>> + Send + use<> {
        let mut request = self.request.clone();
        match &ask.what {
            What::Page { token: Some(token), .. } => request = request.continuation_token(token),
            What::Page { after: Some(after), .. } | What::Beyond { after } => request = request.start_after(after),
            What::Page { .. } => {}
            What::Folders { base, after } => {
                request = request.start_after(after).delimiter(self.spans.delimiter()).prefix(base);
                return request.into_future();
            }
        }
        if !self.spans.prefix().is_empty() {
            request = request.prefix(self.spans.prefix());
        }
        request.into_future()
    }
}

impl Unpin for ParallelItems {}

impl Stream for ParallelItems {
    type Item = Result<Object, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        let error = loop {
            if let Some(object) = this.ready.next() {
                return Poll::Ready(Some(Ok(object)));
            }
            if let Some(error) = this.refused.take() {
                break error;
            }
            // Answers that are there are taken in first, so that new questions leave before the reader has the entries.
            while let Poll::Ready(Some(answer)) = this.running.poll_next(cx) {
                if let Err(error) = this.take_in(answer) {
                    this.refused = Some(error);
                    break;
                }
            }
            if this.refused.is_none() {
                this.refused = this.send().err();
            }
            match this.spans.ready() {
                Some(objects) => this.ready = objects.into_iter(),
                None if this.refused.is_some() => {}
                None if this.spans.is_done() => {
                    this.end();
                    return Poll::Ready(None);
                }
                // The questions just sent have not been polled yet: without this nobody would wake the reader.
                None => {
                    let answer = ready!(this.running.poll_next(cx));
                    match answer.map(|answer| this.take_in(answer)) {
                        Some(Ok(())) => {}
                        Some(Err(error)) => this.refused = Some(error),
                        None => {
                            break S3Error::new(TransferError::StreamInterrupted, "the listing came to a halt");
                        }
                    }
                }
            }
        };
        this.end();
        Poll::Ready(Some(Err(error)))
    }
}

impl ParallelItems {
    fn take_in(&mut self, answer: Result<(Ask, Result<ListObjectsV2Output, S3Error>), Gone>) -> Result<(), S3Error> {
        let (ask, page) = answer.map_err(|gone| lost("a page of the listing was not fetched", gone))?;
        let page = page?;
        let page = Page {
            objects: page.contents,
            folders: page.common_prefixes.into_iter().map(|folder| folder.prefix).collect(),
            token: page.next_continuation_token,
            truncated: page.is_truncated,
        };
        let bucket = self.bucket();
        self.spans.answer(ask, page).map_err(|error| error.with_target("ListObjectsV2", Some(&bucket), None))
    }

    fn bucket(&self) -> String {
        self.request.clone().build().bucket
    }

    fn end(&mut self) {
        self.over = true;
        self.running.abort_all();
    }
}

impl fmt::Debug for ParallelItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParallelItems").field("requests", &self.running.len()).field("over", &self.over).finish()
    }
}

/// Set in `configure`, these would turn one listing into another in silence.
fn not_ours(request: ListObjectsV2Request) -> Option<S3Error> {
    let ours = request.prefix.is_none()
        && request.delimiter.is_none()
        && request.start_after.is_none()
        && request.continuation_token.is_none()
        && request.encoding_type.is_none();
    (!ours).then(|| {
        S3Error::new(
            RequestError::Validation,
            "prefix, delimiter, start_after, token or encoding was set in configure(..) of a parallel listing",
        )
        .with_suggestion("use the methods of list_parallel() for them")
    })
}
