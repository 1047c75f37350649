//! From two listings to what is to be done.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::check::{Answer, Listed, blocking, file_and_object, two_objects};
use super::entry::{Requests, Side, SkipKind, SkippedName, SyncSide};
use super::filter::Filter;
use super::job::{Place, Route};
use super::list::List;
use super::merge::{Merge, Step};
use super::plan::{SyncAction, SyncItem, SyncReason};
use super::walk::Walk;
use super::{Compare, Names, Symlinks, SyncPlan, Way, failure, files, refused};
use crate::error::TransferError;
use crate::{Bucket, S3Error};

/// Steps looked at together, and how many contents are compared at a time.
const STEPS: usize = 256;
const CHECKS: usize = 8;

/// What is to be done next.
pub(super) enum Next {
    Same,
    Do(SyncItem),
    Skip(SkippedName),
}

/// Both sides being listed and compared.
pub(super) struct Planner {
    route: Arc<Route>,
    merge: Merge,
    requests: Requests,
    /// A part of some side was not seen.
    pub(super) incomplete: bool,
}

impl Planner {
    /// Begins to list. Directories become absolute and free of links in `route`.
    ///
    /// # Errors
    /// A source directory that is none; a target that is a file; an empty source, where that is not allowed.
    pub(super) async fn begin(mut route: Route, filter: Arc<Filter>, requests: Requests) -> Result<Self, S3Error> {
        if let Place::Directory(path) = &route.source {
            let path = path.clone();
            route.source = Place::Directory(blocking(move || directory(&path, SyncSide::Source)).await?);
        }
        let mut fold_case = route.way == Way::Down && route.options.names == Names::Portable;
        if let Place::Directory(path) = &route.target {
            let path = path.clone();
            let (path, folds) = blocking(move || {
                let path = directory(&path, SyncSide::Target)?;
                let folds = files::folds_case(&path);
                Ok((path, folds))
            })
            .await?;
            route.target = Place::Directory(path);
            fold_case |= folds;
        }
        if let (Place::Prefix(from, here), Place::Prefix(to, there)) = (&route.source, &route.target)
            && overlap_in_one_store(from, here, to, there, &requests).await?
        {
            return Err(refused(format!(
                "s3://{}/{here} and s3://{}/{there} lie in each other: both clients reach the same store",
                from.name(),
                to.name()
            )));
        }
        let portable = route.options.names == Names::Portable;
        let names = (route.way != Way::Across).then_some(portable && route.way == Way::Down);
        let side = |place: &Place, side: SyncSide| -> Side {
            let filter = filter.clone();
            match place {
                Place::Directory(root) => {
                    // In a target, links are never followed.
                    let symlinks = if side == SyncSide::Source { route.options.symlinks } else { Symlinks::Skip };
                    Walk { root: root.clone(), side, symlinks, filter }.start()
                }
                Place::Prefix(bucket, prefix) => {
                    let (bucket, prefix) = (bucket.clone(), prefix.clone());
                    List { bucket, prefix, side, names, filter, requests: requests.clone() }.start()
                }
            }
        };
        let (source, target) = (side(&route.source, SyncSide::Source), side(&route.target, SyncSide::Target));
        let prefix = match &route.target {
            Place::Prefix(_, prefix) => prefix.len(),
            Place::Directory(_) => 0,
        };
        let mut merge = Merge::new(source, target, route.way, route.options.compare, prefix, fold_case);
        if route.options.delete && !route.options.allow_empty && !merge.source.has_files().await? {
            let source = route.source_text();
            return Err(refused(format!(
                "{source} has no file that takes part, so everything in the target would be deleted"
            ))
            .with_suggestion("check that it is the right place, or allow an empty source"));
        }
        Ok(Self { route: Arc::new(route), merge, requests, incomplete: false })
    }

    pub(super) fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// Some more of what is to be done, in the order of keys; `None` when both sides were seen to their end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Next>>, S3Error> {
        let mut found = Vec::new();
        while found.len() < STEPS {
            let Some(step) = self.merge.next().await? else { break };
            found.push(Some(step));
        }
        if found.is_empty() {
            return Ok(None);
        }
        self.ask(&mut found).await?;
        Ok(Some(found.into_iter().flatten().filter_map(|step| self.next_of(step)).collect()))
    }

    /// Compares contents where nothing else could decide.
    async fn ask(&self, steps: &mut [Option<Step>]) -> Result<(), S3Error> {
        let mut running = JoinSet::new();
        let mut failed = None;
        for at in 0..steps.len() {
            let Some(slot) = steps.get_mut(at) else { break };
            if !matches!(slot, Some(Step::Ask { .. })) {
                continue;
            }
            let Some(step) = slot.take() else { continue };
            while running.len() >= CHECKS {
                settle(running.join_next().await, steps, &mut failed);
            }
            let (route, requests) = (self.route.clone(), self.requests.clone());
            running.spawn(async move { (at, answered(&route, step, &requests).await) });
        }
        while !running.is_empty() {
            settle(running.join_next().await, steps, &mut failed);
        }
        failed.map_or(Ok(()), Err)
    }

    fn next_of(&mut self, step: Step) -> Option<Next> {
        let action = match self.route.way {
            Way::Up => SyncAction::Upload,
            Way::Down => SyncAction::Download,
            Way::Across => SyncAction::Copy,
        };
        Some(match step {
            Step::Same => Next::Same,
            Step::Transfer { key, source, reason } | Step::Ask { key, source, reason, .. } => {
                Next::Do(SyncItem { action, key, bytes: source.size, reason, facts: source })
            }
            Step::Extra { .. } if !self.route.options.delete => return None,
            Step::Extra { key, target } => Next::Do(SyncItem {
                action: SyncAction::Delete,
                key,
                bytes: target.size,
                reason: SyncReason::Extraneous,
                facts: target,
            }),
            Step::Skip(skip) => {
                self.incomplete |= skip.kind == SkipKind::Unreadable;
                Next::Skip(skip)
            }
        })
    }
}

/// Whether two clients with endpoints of different names reach the same objects, where one prefix lies in the other. With the same
/// prefix nothing is to be done, so that does no harm.
async fn overlap_in_one_store(
    from: &Bucket,
    here: &str,
    to: &Bucket,
    there: &str,
    requests: &Requests,
) -> Result<bool, S3Error> {
    let inner = if here.starts_with(there) { here } else { there };
    if from.name() != to.name() || here == there || !(inner.starts_with(here) && inner.starts_with(there)) {
        return Ok(false);
    }
    requests.add(2);
    let one = from.list_objects_v2().prefix(inner).max_keys(1).await?.contents;
    let other = to.list_objects_v2().prefix(inner).max_keys(1).await?.contents;
    Ok(match (one.first(), other.first()) {
        (Some(one), Some(other)) => {
            (&one.key, &one.e_tag, one.last_modified, one.size)
                == (&other.key, &other.e_tag, other.last_modified, other.size)
        }
        _ => false,
    })
}

type Settled = Option<Result<(usize, Result<Step, S3Error>), tokio::task::JoinError>>;

fn settle(done: Settled, steps: &mut [Option<Step>], failed: &mut Option<S3Error>) {
    match done {
        Some(Ok((at, Ok(step)))) => {
            if let Some(slot) = steps.get_mut(at) {
                *slot = Some(step);
            }
        }
        Some(Ok((_, Err(error)))) => *failed = Some(error),
        Some(Err(lost)) => {
            let message = "a comparison of contents was interrupted";
            *failed = Some(S3Error::new(TransferError::StreamInterrupted, message).with_source(lost));
        }
        None => {}
    }
}

/// The step with the question answered. Contents that cannot be read count as different: the transfer will say why.
async fn answered(route: &Route, step: Step, requests: &Requests) -> Result<Step, S3Error> {
    let Step::Ask { key, source, target, reason } = step else { return Ok(step) };
    let thorough = route.options.compare == Compare::Checksum;
    let answer = match (&route.source, &route.target) {
        (Place::Directory(root), Place::Prefix(bucket, prefix)) => {
            let object = Listed { bucket, key: format!("{prefix}{key}"), facts: &target };
            file_and_object(path_of(root, &key), object, thorough, requests).await
        }
        (Place::Prefix(bucket, prefix), Place::Directory(root)) => {
            let object = Listed { bucket, key: format!("{prefix}{key}"), facts: &source };
            file_and_object(path_of(root, &key), object, thorough, requests).await
        }
        (Place::Prefix(from, here), Place::Prefix(to, there)) => {
            let one = Listed { bucket: from, key: format!("{here}{key}"), facts: &source };
            let other = Listed { bucket: to, key: format!("{there}{key}"), facts: &target };
            two_objects(one, other, thorough, requests).await
        }
        _ => Ok(Answer::Unknown),
    };
    Ok(match answer {
        Ok(Answer::Same) => Step::Same,
        Ok(Answer::Different) => {
            let reason = if thorough { SyncReason::Checksum } else { reason };
            Step::Transfer { key, source, reason }
        }
        Ok(Answer::Unknown) | Err(_) => Step::Transfer { key, source, reason },
    })
}

/// The path of a name found below the root.
pub(super) fn path_of(root: &Path, key: &str) -> PathBuf {
    let mut path = root.to_owned();
    path.extend(key.split('/'));
    path
}

/// The directory without links on the way to it. A target need not exist.
fn directory(path: &Path, side: SyncSide) -> Result<PathBuf, S3Error> {
    let verb = if side == SyncSide::Source { "read" } else { "written to" };
    match std::fs::canonicalize(path) {
        Ok(real) if real.is_dir() => Ok(real),
        Ok(_) => Err(refused(format!("{} cannot be {verb}: it is no directory", path.display()))
            .with_suggestion("name the directory it is in, with an include pattern for the file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && side == SyncSide::Target => {
            // A link that leads nowhere is there after all.
            if std::fs::symlink_metadata(path).is_ok() {
                return Err(failure(verb, path, error));
            }
            std::path::absolute(path).map_err(|error| failure(verb, path, error))
        }
        Err(error) => Err(failure(verb, path, error)),
    }
}

/// The whole plan.
pub(super) async fn plan(route: Route, filter: Arc<Filter>) -> Result<SyncPlan, S3Error> {
    let requests = Requests::default();
    let mut planner = Planner::begin(route, filter, requests.clone()).await?;
    let (mut items, mut skipped, mut unchanged) = (Vec::new(), Vec::new(), 0);
    while let Some(batch) = planner.next().await? {
        for next in batch {
            match next {
                Next::Same => unchanged += 1,
                Next::Do(item) => items.push(item),
                Next::Skip(skip) => skipped.push(skip),
            }
        }
    }
    let deletions = items.iter().filter(|item| item.action == SyncAction::Delete).count() as u64;
    let withheld = withheld(planner.route(), planner.incomplete, deletions);
    if withheld.is_some() {
        items.retain(|item| item.action != SyncAction::Delete);
    }
    let route = Route::clone(planner.route());
    Ok(SyncPlan { route, items, skipped, unchanged, withheld, requests: requests.count() })
}

/// Why nothing may be deleted, as far as the listings can tell.
pub(super) fn withheld(route: &Route, incomplete: bool, deletions: u64) -> Option<String> {
    if !route.options.delete {
        return None;
    }
    if incomplete {
        return Some("part of a side could not be read, so it is not known what is missing there".into());
    }
    let most = route.options.max_deletes.filter(|most| deletions > *most)?;
    Some(format!("{deletions} would be deleted, and at most {most} may be"))
}
