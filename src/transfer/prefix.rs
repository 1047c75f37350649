//! Deleting everything below a prefix.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::report::BatchReport;
use crate::error::{ErrorKind, ObjectError, RequestError, ResponseError};
use crate::transfer::work::{Crew, lost};
use crate::types::{Delete, Error, ObjectIdentifier};
use crate::{Bucket, S3Error};

/// S3's limit for one bulk delete, and the size of a listing's page.
const AT_ONCE: usize = 1_000;

impl Bucket {
    /// Deletes all objects whose key begins with `prefix`. Mind the slash at its end: `logs` takes `logs-old/a` along.
    ///
    /// Pages of 1,000 are listed and deleted in bulk while the next one is listed; where a store has no bulk delete, one by one.
    /// An empty prefix is refused unless [`all`](DeletePrefix::all) says that the whole bucket is meant. In a bucket with versioning
    /// this puts delete markers: old versions stay, and stay billed.
    ///
    /// ```
    /// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// let report = bucket.delete_prefix("logs/2025/").await?;
    /// println!("{report}");                             // 5120 succeeded, 0 failed
    /// for (key, error) in &report.failed {
    ///     eprintln!("{key} is still there: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// An error of the listing, or of a bulk delete as a whole: its message says how many were deleted before. Keys that
    /// the store refuses to delete are no error but stand in the report.
    pub fn delete_prefix(&self, prefix: impl Into<String>) -> DeletePrefix {
        DeletePrefix { bucket: self.clone(), prefix: prefix.into(), all: false, concurrency: 4, first: false }
    }
}

/// Deletes everything below a prefix when awaited; made by [`Bucket::delete_prefix`].
#[must_use = "nothing is deleted until this is awaited"]
#[derive(Clone)]
pub struct DeletePrefix {
    bucket: Bucket,
    prefix: String,
    all: bool,
    concurrency: usize,
    first: bool,
}

impl DeletePrefix {
    /// Says that an empty prefix is no mistake: the whole bucket is emptied.
    pub fn all(mut self) -> Self {
        self.all = true;
        self
    }

    /// Bulk deletes on their way at once, or single ones where there are no bulk deletes; 1 to 64, numbers outside count as
    /// the nearest. Default 4.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.clamp(1, 64);
        self
    }

    /// No further request once a key was refused. What is on its way is waited for.
    pub fn stop_at_first_failure(mut self) -> Self {
        self.first = true;
        self
    }

    async fn run(self) -> Result<BatchReport, S3Error> {
        if self.prefix.is_empty() && !self.all {
            return Err(S3Error::new(
                RequestError::Validation,
                "the prefix is empty, which means every object of the bucket",
            )
            .with_suggestion("say delete_prefix(\"\").all() to empty the bucket, or give a prefix")
            .with_target("DeletePrefix", Some(self.bucket.name()), None));
        }
        let mut report = BatchReport::default();
        match self.delete(&mut report).await {
            Ok(()) => Ok(report),
            Err(error) if report.succeeded == 0 => Err(error),
            Err(error) => Err(so_far(error, &report)),
        }
    }

    async fn delete(&self, report: &mut BatchReport) -> Result<(), S3Error> {
        let mut pages = self.bucket.list_objects_v2().prefix(&self.prefix).max_keys(AT_ONCE as i32).pages();
        let mut deleter = Deleter::new(&self.bucket, self.concurrency, self.first);
        let mut outcome = Ok(());
        while let (Ok(()), false) = (&outcome, report.stopped) {
            outcome = match pages.next().await {
                None => break,
                Some(Err(error)) => Err(error),
                Some(Ok(page)) => {
                    let keys: Vec<String> = page.contents.into_iter().map(|object| object.key).collect();
                    match keys.iter().find(|key| !key.starts_with(&self.prefix)) {
                        // A store that does not know the parameter lists everything.
                        Some(key) => Err(self.beyond(key)),
                        None => deleter.delete(keys, report).await,
                    }
                }
            };
        }
        outcome.and(deleter.finish(report).await)
    }
}

impl DeletePrefix {
    fn beyond(&self, key: &str) -> S3Error {
        let message = format!("the listing has the key {key:?}, which does not begin as asked: none of it is deleted");
        S3Error::new(ResponseError::InvalidResponse, message).with_target(
            "DeletePrefix",
            Some(self.bucket.name()),
            None,
        )
    }
}

/// Deletes keys as they come, some requests at a time.
pub(super) struct Deleter {
    bucket: Bucket,
    concurrency: usize,
    first: bool,
    bulk: bool,
    running: Crew<Deleted>,
}

impl Deleter {
    pub(super) fn new(bucket: &Bucket, concurrency: usize, first: bool) -> Self {
        let bulk = bucket.client().config().store.bulk_delete;
        Self { bucket: bucket.clone(), concurrency, first, bulk, running: Crew::new() }
    }

    /// Begins to delete these, and waits until it is no more than `concurrency` requests behind.
    pub(super) async fn delete(&mut self, keys: Vec<String>, report: &mut BatchReport) -> Result<(), S3Error> {
        let bulk = self.bulk;
        let (plain, odd): (Vec<String>, Vec<String>) = keys.into_iter().partition(|key| bulk && fits_xml(key));
        let single = odd.into_iter().map(|key| vec![key]);
        for batch in plain.chunks(AT_ONCE).map(<[String]>::to_vec).chain(single) {
            while self.running.len() >= self.concurrency {
                self.reap(report).await?;
            }
            if self.first && report.failures > 0 {
                report.stopped = true;
                report.skipped += batch.len() as u64;
                continue;
            }
            self.running.spawn(delete(self.bucket.clone(), batch));
        }
        Ok(())
    }

    /// What was sent is waited for, so that the counts are true.
    pub(super) async fn finish(mut self, report: &mut BatchReport) -> Result<(), S3Error> {
        let mut outcome = Ok(());
        while !self.running.is_empty() {
            outcome = outcome.and(self.reap(report).await);
        }
        outcome
    }

    async fn reap(&mut self, report: &mut BatchReport) -> Result<(), S3Error> {
        let Some(done) = self.running.next().await else { return Ok(()) };
        let done = done.map_err(|gone| lost("a deletion was not carried out", gone))?;
        match done.answer {
            Ok(errors) => {
                let failed = errors.len().min(done.keys.len());
                report.succeeded += (done.keys.len() - failed) as u64;
                for error in errors {
                    let (key, error) = refused(self.bucket.name(), error);
                    report.fail(key, error);
                }
                Ok(())
            }
            // The store has no bulk delete after all.
            Err(error) if done.keys.len() > 1 && error.kind() == ErrorKind::Request(RequestError::NotImplemented) => {
                self.bulk = false;
                for key in done.keys {
                    match self.bucket.delete_object(&key).await {
                        Ok(_) => report.succeeded += 1,
                        Err(error) => report.fail(key, error),
                    }
                }
                Ok(())
            }
            Err(error) => match <[String; 1]>::try_from(done.keys) {
                Ok([key]) => {
                    report.fail(key, error);
                    Ok(())
                }
                Err(_) => Err(error),
            },
        }
    }
}

struct Deleted {
    keys: Vec<String>,
    answer: Result<Vec<Error>, S3Error>,
}

async fn delete(bucket: Bucket, keys: Vec<String>) -> Deleted {
    let answer = match keys.as_slice() {
        [key] => bucket.delete_object(key).await.map(|_| Vec::new()),
        _ => {
            let batch = Delete::new(keys.iter().map(ObjectIdentifier::new)).quiet(true);
            bucket.delete_objects(batch).await.map(|answer| answer.errors)
        }
    };
    Deleted { keys, answer }
}

/// XML has no way to write most control characters, not even escaped; stores refuse such documents whole.
pub(crate) fn fits_xml(key: &str) -> bool {
    !key.chars().any(|c| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// An entry of the answer as the error it would have been alone.
pub(crate) fn refused(bucket: &str, entry: Error) -> (String, S3Error) {
    let key = entry.key.unwrap_or_default();
    let code = entry.code.unwrap_or_default();
    let message = entry.message.unwrap_or_else(|| "the key could not be deleted".to_owned());
    let error = match crate::generated::errors::lookup(&code) {
        Some(facts) => S3Error::new(facts.kind, message).with_retry_class(facts.retry).with_suggestion(facts.advice),
        None => S3Error::new(ObjectError::Other, message),
    };
    let error = error.with_code(&code).with_target("DeleteObjects", Some(bucket), Some(&key));
    (key, error)
}

/// The error with what was done before it.
fn so_far(error: S3Error, report: &BatchReport) -> S3Error {
    let message =
        format!("{}; {} objects were deleted before", error.message().trim_end_matches('.'), report.succeeded);
    let mut full = S3Error::new(error.kind(), message).with_retry_class(error.retry_class());
    if let Some(status) = error.status() {
        full = full.with_status(status);
    }
    if let Some(code) = error.code() {
        full = full.with_code(code);
    }
    if let Some(suggestion) = error.suggestion() {
        full = full.with_suggestion(suggestion.to_owned());
    }
    full.with_request_id(error.request_id())
        .with_host_id(error.host_id())
        .with_attempts(error.attempts())
        .with_target("DeletePrefix", error.bucket(), None)
        .with_source(error)
}

impl IntoFuture for DeletePrefix {
    type Output = Result<BatchReport, S3Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for DeletePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeletePrefix")
            .field("bucket", &self.bucket.name())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::error::AccessError;
    use crate::transport::scripted::{Answer, ScriptedTransport};
    use crate::{Credentials, S3Client};

    fn bucket(script: &ScriptedTransport) -> Bucket {
        let builder = S3Client::builder().region("eu-west-1").credentials(Credentials::new("id", "secret"));
        builder.transport(script.clone()).build().unwrap().bucket("logs")
    }

    #[tokio::test]
    async fn a_key_that_is_refused_in_bulk_has_the_kind_of_its_code() {
        let script = ScriptedTransport::new();
        script.on("ListObjectsV2").always(Answer::ok().body(
            "<ListBucketResult><Contents><Key>x/a</Key></Contents><Contents><Key>x/b</Key></Contents></ListBucketResult>",
        ));
        script.on("DeleteObjects").always(Answer::ok().body(
            "<DeleteResult><Error><Key>x/b</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>",
        ));
        let report = bucket(&script).delete_prefix("x/").await.unwrap();
        assert_eq!((report.succeeded, report.failures), (1, 1));
        assert!(
            report.to_string().starts_with("1 succeeded, 1 failed\n  x/b: DeleteObjects s3://logs/x/b failed: "),
            "{report}"
        );
        let error = report.into_result().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access(AccessError::Denied));
        assert_eq!((error.code(), error.key()), (Some("AccessDenied"), Some("x/b")));
        assert!(error.suggestion().is_some());
    }

    #[tokio::test]
    async fn an_empty_prefix_is_refused_before_anything_is_sent() {
        let script = ScriptedTransport::new();
        let error = bucket(&script).delete_prefix("").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Request(RequestError::Validation));
        assert!(error.to_string().contains(".all()"), "{error}");
        assert!(script.requests().is_empty());
    }

    #[tokio::test]
    async fn a_listing_that_breaks_says_how_many_are_gone() {
        let script = ScriptedTransport::new();
        let page = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>\
            <Contents><Key>x/a</Key></Contents><Contents><Key>x/b</Key></Contents></ListBucketResult>";
        script.on("ListObjectsV2").answer(Answer::ok().body(page)).answer(Answer::status(403));
        script.on("DeleteObjects").always(Answer::ok().body("<DeleteResult/>"));
        // One at a time, so that the first batch is through when the second page fails.
        let deletion = bucket(&script).delete_prefix("x/").concurrency(1);
        let error = deletion.await.unwrap_err();
        assert_eq!(error.status(), Some(403));
        assert!(error.to_string().contains("; 2 objects were deleted before"), "{error}");
    }

    #[tokio::test]
    async fn what_xml_cannot_hold_is_deleted_alone() {
        let script = ScriptedTransport::new();
        script.on("ListObjectsV2").answer(Answer::ok().body(
            "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>x/%01</Key></Contents>\
             <Contents><Key>x/a</Key></Contents><Contents><Key>x/b</Key></Contents></ListBucketResult>",
        ));
        script.on("DeleteObject").answer(Answer::status(204));
        script.on("DeleteObjects").answer(Answer::ok().body("<DeleteResult/>"));
        let report = bucket(&script).delete_prefix("x/").await.unwrap();
        assert_eq!((report.succeeded, report.failures), (3, 0));
        script.assert_done();
    }
}
