//! Setting up a sync.

use std::fmt;
use std::future::IntoFuture;
use std::path::PathBuf;
use std::sync::Arc;

use super::filter::Filter;
use super::{Compare, End, Names, Symlinks, SyncEnd, SyncPlan, SyncReport, Way, refused};
use crate::operations::PutObject;
use crate::transfer::{ProgressListener, Transfer, TransferHandle};
use crate::{Bucket, S3Client, S3Error};

/// Files and objects in flight, unless set.
const AT_ONCE: usize = 32;

type Upload = PutObject<(String, String)>;
/// Changes uploads, by their relative name.
pub(super) type Hook = Arc<dyn Fn(&str, Upload) -> Upload + Send + Sync>;

impl S3Client {
    /// Makes `target` equal to `source`: a directory and a prefix, a prefix and a directory, or two prefixes. Starts when it is
    /// awaited; [`SyncJob::plan`] only says what it would do.
    ///
    /// ```
    /// use integration_s3::sync::SyncEnd;
    /// # use integration_s3::{S3Client, S3Error};
    ///
    /// # async fn example(client: &S3Client) -> Result<(), S3Error> {
    /// let report = client.sync(SyncEnd::prefix("bucket", "photos/"), SyncEnd::path("photos")).await?;
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn sync(&self, source: SyncEnd, target: SyncEnd) -> SyncJob {
        SyncJob {
            client: self.clone(),
            source,
            target,
            options: Options::default(),
            rules: Ok(Filter::default()),
            handle: TransferHandle::new(),
            listener: None,
        }
    }
}

/// How a sync is done.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) compare: Compare,
    pub(super) delete: bool,
    pub(super) allow_empty: bool,
    pub(super) max_deletes: Option<u64>,
    pub(super) symlinks: Symlinks,
    pub(super) names: Names,
    pub(super) concurrency: usize,
    pub(super) durable: bool,
    pub(super) hook: Option<Hook>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            compare: Compare::default(),
            delete: false,
            allow_empty: false,
            max_deletes: None,
            symlinks: Symlinks::default(),
            names: Names::default(),
            concurrency: AT_ONCE,
            durable: false,
            hook: None,
        }
    }
}

/// A sync being set up; made by [`S3Client::sync`]. Await it, or [`run`](Self::run) it, to have it done;
/// [`plan`](Self::plan) it to see what that would be.
///
/// # Patterns
///
/// [`include`](Self::include) and [`exclude`](Self::exclude) are held against names below the ends. **The last one that matches
/// decides.** Files none of them matches take part, unless the first rule is an include: then they do not. So
/// `.include("**/*.jpg").exclude("tmp/**")` means only JPEGs, but none below `tmp`, and `.exclude("*.log")` means all but logs.
///
/// `*` and `?` match within a name, `**` any number of directories, `[a-z]` one character; case counts. A pattern with a `/` is
/// held against the whole name below the end (`/a` means `a` at the top), one without against the names at every depth. A
/// pattern that matches a directory matches all below it; with `/` at its end it matches only directories.
///
/// What is excluded is neither moved nor deleted.
#[derive(Clone)]
#[must_use = "a sync does nothing until it is awaited, run or planned"]
pub struct SyncJob {
    client: S3Client,
    source: SyncEnd,
    target: SyncEnd,
    options: Options,
    /// Or the first thing that was wrong with them, as the message.
    rules: Result<Filter, String>,
    handle: TransferHandle,
    listener: Option<Arc<dyn ProgressListener>>,
}

impl SyncJob {
    /// How to tell whether two of the same name are the same; default [`Compare::SizeAndTime`].
    pub fn compare(mut self, how: Compare) -> Self {
        self.options.compare = how;
        self
    }

    /// Whether what lies only in the target is deleted; default `false`. Deletions come last and are all withheld, with the
    /// reason in the report, if a transfer failed, a directory could not be read, or [`max_deletes`](Self::max_deletes) would
    /// be passed. In a bucket with versioning they put delete markers. Directories that this leaves empty go too.
    pub fn delete(mut self, delete: bool) -> Self {
        self.options.delete = delete;
        self
    }

    /// Whether a source without any file may empty the target; default `false`: with [`delete`](Self::delete) on, an empty
    /// source is an error before anything is done, because it is more often a disk that is not mounted. Only files that take
    /// part count, so a pattern that matches nothing is caught as well.
    pub fn allow_empty_source(mut self, allow: bool) -> Self {
        self.options.allow_empty = allow;
        self
    }

    /// The most that may be deleted; default any number. If more would be, nothing is.
    pub fn max_deletes(mut self, most: u64) -> Self {
        self.options.max_deletes = Some(most);
        self
    }

    /// Files that take part; see [patterns](Self#patterns). A pattern that is none is an error when the sync starts.
    pub fn include(self, pattern: impl AsRef<str>) -> Self {
        self.rule(pattern.as_ref(), true)
    }

    /// Files that do not take part; see [patterns](Self#patterns). A pattern that is none is an error when the sync starts.
    pub fn exclude(self, pattern: impl AsRef<str>) -> Self {
        self.rule(pattern.as_ref(), false)
    }

    fn rule(mut self, pattern: &str, include: bool) -> Self {
        if let Ok(filter) = &mut self.rules
            && let Err(error) = filter.push(pattern, include)
        {
            self.rules = Err(error.message().to_owned());
        }
        self
    }

    /// What is done about symbolic links in a source directory; default [`Symlinks::Skip`].
    pub fn symlinks(mut self, policy: Symlinks) -> Self {
        self.options.symlinks = policy;
        self
    }

    /// Which keys can become files in a target directory; default [`Names::Native`].
    pub fn names(mut self, names: Names) -> Self {
        self.options.names = names;
        self
    }

    /// Files and objects in flight at a time, 1 to 1,024; default 32, which suits small files. Large ones, of which at most four
    /// are in flight, are limited by the client's transfer memory as well.
    pub fn concurrency(mut self, files: usize) -> Self {
        self.options.concurrency = files;
        self
    }

    /// Whether each downloaded file is forced to the disk before it gets its name; default `false`. Without it, files of the last
    /// seconds before a power failure can be empty afterwards, which the next sync notices by their size.
    pub fn durable(mut self, durable: bool) -> Self {
        self.options.durable = durable;
        self
    }

    /// Changes every upload of a file before it is sent (copies keep what the object has): content type, storage class, encryption, metadata. Gets the relative name, and the
    /// request without its body. Content types are not guessed.
    ///
    /// ```
    /// use integration_s3::sync::SyncEnd;
    ///
    /// # fn example(client: &integration_s3::S3Client) {
    /// let site = client.sync(SyncEnd::path("site"), SyncEnd::prefix("www", "")).uploads(|name, put| {
    ///     if name.ends_with(".html") { put.content_type("text/html; charset=utf-8") } else { put }
    /// });
    /// # drop(site);
    /// # }
    /// ```
    pub fn uploads(mut self, change: impl Fn(&str, Upload) -> Upload + Send + Sync + 'static) -> Self {
        self.options.hook = Some(Arc::new(change));
        self
    }

    /// Is told how far it is: bytes, and files in place of parts. Totals are known for plans only.
    pub fn progress(mut self, listener: impl ProgressListener) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// A handle to pause the sync between files, to call it off, and to look at its progress.
    pub fn handle(mut self, handle: &TransferHandle) -> Self {
        self.handle = handle.clone();
        self
    }

    /// Lists both sides and says what is to be done. Nothing is written or deleted, neither here nor there.
    ///
    /// # Errors
    /// A pattern that is none; ends that cannot be synced with each other; a side that cannot be listed; with
    /// [`delete`](Self::delete), an empty source.
    pub async fn plan(self) -> Result<SyncPlan, S3Error> {
        let (route, filter) = self.route()?;
        super::planner::plan(route, filter).await
    }

    /// Does it, beginning while both sides are still being listed. The same as awaiting the job.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and when it was called off. A listing that fails in the middle ends it: what was on its way is
    /// brought to an end, nothing is deleted. Failures of single files are in the report.
    pub async fn run(self) -> Result<SyncReport, S3Error> {
        self.start().await
    }

    /// Starts it in the background.
    pub fn start(self) -> Transfer<SyncReport> {
        let handle = self.handle.clone();
        match self.route() {
            Ok((route, filter)) => super::run::streamed(route, filter),
            Err(error) => Transfer::refused(handle, error),
        }
    }

    fn route(self) -> Result<(Route, Arc<Filter>), S3Error> {
        let filter = self.rules.map_err(|message| {
            refused(message)
                .with_suggestion("`*` and `?` match within a name, `**` any directories, `[a-z]` one character")
        })?;
        if !(1..=1_024).contains(&self.options.concurrency) {
            let asked = self.options.concurrency;
            return Err(refused(format!("1 to 1,024 files can be in flight, concurrency is {asked}")));
        }
        let client = self.client.clone();
        let own = |end: &SyncEnd| matches!(&end.0, End::Prefix { client: Some(_), .. });
        let one_client = !own(&self.source) && !own(&self.target);
        let place = |end: End| match end {
            End::Path(path) => Place::Directory(path),
            End::Prefix { client: own, bucket, prefix } => {
                Place::Prefix(own.unwrap_or_else(|| client.clone()).bucket(bucket), prefix)
            }
        };
        let (source, target) = (place(self.source.0), place(self.target.0));
        let way = match (&source, &target) {
            (Place::Directory(_), Place::Prefix(..)) => Way::Up,
            (Place::Prefix(..), Place::Directory(_)) => Way::Down,
            (Place::Prefix(one, here), Place::Prefix(other, there)) => {
                if same_bucket(one, other) && (here.starts_with(there.as_str()) || there.starts_with(here.as_str())) {
                    return Err(refused(format!(
                        "s3://{}/{here} and s3://{}/{there} are the same or lie in each other",
                        one.name(),
                        other.name()
                    )));
                }
                Way::Across
            }
            (Place::Directory(_), Place::Directory(_)) => {
                return Err(refused("both ends are directories, and one must be a prefix of a bucket".into()));
            }
        };
        let (options, handle, listener) = (self.options, self.handle, self.listener);
        Ok((
            Route { client: self.client, one_client, source, target, way, options, handle, listener },
            Arc::new(filter),
        ))
    }
}

/// Whether two handles mean the same bucket, as far as can be known: names are unique at an endpoint, and on AWS everywhere.
fn same_bucket(one: &Bucket, other: &Bucket) -> bool {
    let host = |it: &Bucket| {
        let host = it.client().config().endpoint.authority().to_string();
        if host.contains(".amazonaws.com") { "amazonaws.com".to_owned() } else { host }
    };
    one.name() == other.name() && host(one) == host(other)
}

impl IntoFuture for SyncJob {
    type Output = Result<SyncReport, S3Error>;
    type IntoFuture = Transfer<SyncReport>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

impl fmt::Debug for SyncJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncJob").field("source", &self.source).field("target", &self.target).finish_non_exhaustive()
    }
}

/// One end, with the client to reach it.
#[derive(Clone)]
pub(super) enum Place {
    Directory(PathBuf),
    Prefix(Bucket, String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Prefix(bucket, prefix) => write!(f, "s3://{}/{prefix}", bucket.name()),
        }
    }
}

/// A sync that was checked: where from, where to, and how.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) client: S3Client,
    /// No end has a client of its own, so the store can copy by itself.
    pub(super) one_client: bool,
    pub(super) source: Place,
    pub(super) target: Place,
    pub(super) way: Way,
    pub(super) options: Options,
    pub(super) handle: TransferHandle,
    pub(super) listener: Option<Arc<dyn ProgressListener>>,
}

impl Route {
    pub(super) fn source_text(&self) -> String {
        self.source.to_string()
    }

    pub(super) fn target_text(&self) -> String {
        self.target.to_string()
    }
}
