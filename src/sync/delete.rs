//! Deletions: the last step, of names that only the target has.

use tokio::task::JoinSet;

use super::check::blocking;
use super::entry::{Facts, Requests};
use super::files;
use super::job::{Place, Route};
use super::plan::{SyncAction, SyncItem, SyncReason};
use super::report::SyncReport;
use crate::error::{ErrorKind, ObjectError, RequestError, TransferError};
use crate::transfer::Run;
use crate::transfer::prefix::{fits_xml, refused};
use crate::types::{Delete, ObjectIdentifier};
use crate::{Bucket, S3Error};

/// S3's limit for one bulk delete.
const AT_ONCE: usize = 1_000;

/// Deletes what is doomed. Failures of single names are in the report.
pub(super) async fn delete(
    route: &Route,
    run: &Run,
    doomed: Vec<SyncItem>,
    requests: &Requests,
    report: &mut SyncReport,
) -> Result<(), S3Error> {
    match &route.target {
        Place::Directory(root) => {
            for item in doomed {
                run.pass().await?;
                let (root, key, facts) = (root.clone(), item.key.clone(), item.facts.clone());
                match blocking(move || files::remove(&root, &key, &facts)).await {
                    Ok(()) => report.deleted += 1,
                    Err(error) => report.fail(item, error),
                }
            }
            Ok(())
        }
        Place::Prefix(bucket, prefix) => {
            let bulk = bucket.client().config().store.bulk_delete;
            let (plain, mut single): (Vec<_>, Vec<_>) =
                doomed.into_iter().partition(|item| bulk && fits_xml(&item.key) && fits_xml(prefix));
            let mut rest = plain.into_iter();
            loop {
                let batch: Vec<SyncItem> = rest.by_ref().take(AT_ONCE).collect();
                if batch.is_empty() {
                    break;
                }
                run.pass().await?;
                single.extend(in_bulk(bucket, prefix, batch, requests, report).await);
            }
            one_by_one(route, run, bucket, prefix, single, requests, report).await
        }
    }
}

/// Answers what has to go one by one, because the store has no bulk delete.
async fn in_bulk(
    bucket: &Bucket,
    prefix: &str,
    batch: Vec<SyncItem>,
    requests: &Requests,
    report: &mut SyncReport,
) -> Vec<SyncItem> {
    requests.add(1);
    let keys = batch.iter().map(|item| ObjectIdentifier::new(format!("{prefix}{}", item.key)));
    match bucket.delete_objects(Delete::new(keys).quiet(true)).await {
        Ok(answer) => {
            let mut failed: Vec<(String, S3Error)> =
                answer.errors.into_iter().map(|entry| refused(bucket.name(), entry)).collect();
            for item in batch {
                let at = failed.iter().position(|(key, _)| key.strip_prefix(prefix) == Some(&item.key));
                match at.map(|at| failed.swap_remove(at)) {
                    Some((_, error)) => report.fail(item, error),
                    None => report.deleted += 1,
                }
            }
            // Refused by another spelling of its name, or by none: one of those counted is still there.
            for (key, error) in failed {
                report.deleted = report.deleted.saturating_sub(1);
                let (action, reason) = (SyncAction::Delete, SyncReason::Extraneous);
                report.fail(SyncItem { action, key, bytes: 0, reason, facts: Facts::default() }, error);
            }
            Vec::new()
        }
        Err(error) if error.kind() == ErrorKind::Request(RequestError::NotImplemented) => batch,
        Err(error) => {
            // One error for all of them: the first has it, the others say so.
            let text = error.message().to_owned();
            let kind = error.kind();
            let mut first = Some(error);
            for item in batch {
                let error = first.take().unwrap_or_else(|| {
                    S3Error::new(kind, text.clone()).with_target("DeleteObjects", Some(bucket.name()), Some(&item.key))
                });
                report.fail(item, error);
            }
            Vec::new()
        }
    }
}

async fn one_by_one(
    route: &Route,
    run: &Run,
    bucket: &Bucket,
    prefix: &str,
    items: Vec<SyncItem>,
    requests: &Requests,
    report: &mut SyncReport,
) -> Result<(), S3Error> {
    let mut running = JoinSet::new();
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() || !running.is_empty() {
        if running.len() < route.options.concurrency
            && let Some(item) = items.next()
        {
            run.pass().await?;
            requests.add(1);
            let (bucket, key) = (bucket.clone(), format!("{prefix}{}", item.key));
            running.spawn(async move { (item, bucket.delete_object(key).await) });
            continue;
        }
        match running.join_next().await {
            Some(Ok((_, Ok(_)))) => report.deleted += 1,
            Some(Ok((_, Err(error)))) if error.kind() == ErrorKind::Object(ObjectError::NotFound) => {
                report.deleted += 1
            }
            Some(Ok((item, Err(error)))) => report.fail(item, error),
            Some(Err(lost)) => {
                let message = "a deletion was interrupted";
                return Err(S3Error::new(TransferError::StreamInterrupted, message).with_source(lost));
            }
            None => {}
        }
    }
    Ok(())
}
