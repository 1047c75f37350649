//! Doing it: transfers while both sides are listed, deletions when everything else is over.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::SyncPlan;
use super::delete;
use super::entry::Requests;
use super::filter::Filter;
use super::job::Route;
use super::plan::{SyncAction, SyncItem};
use super::planner::{Next, Planner, withheld};
use super::report::SyncReport;
use super::single::Mover;
use crate::S3Error;
use crate::error::TransferError;
use crate::transfer::progress::Phase;
use crate::transfer::{Run, Start, Transfer};

/// Large files in flight; each has several parts in flight.
const LARGE: usize = 4;

/// Lists and moves at the same time.
pub(super) fn streamed(route: Route, filter: Arc<Filter>) -> Transfer<SyncReport> {
    start(&route).spawn(|run| async move {
        let requests = Requests::default();
        let began = Instant::now();
        run.meter.phase(Phase::Running);
        let planner = Planner::begin(route, filter, requests.clone());
        let mut planner = run.control.unless_cancelled(planner).await??;
        let mut work = Work::new(planner.route().clone(), run, requests, began);
        let listed = work.follow(&mut planner).await;
        // What was begun is brought to an end, also when the listing failed.
        let drained = work.drain().await;
        listed.and(drained)?;
        work.finish(planner.incomplete).await
    })
}

/// Does what a plan says.
pub(super) async fn planned(plan: SyncPlan) -> Result<SyncReport, S3Error> {
    let start = start(&plan.route);
    let transfer = start.spawn(|run| async move {
        let requests = Requests::default();
        requests.add(plan.requests);
        run.meter.set_total(plan.bytes());
        let files = plan.items.iter().filter(|item| item.action != SyncAction::Delete).count();
        run.meter.set_parts(u32::try_from(files).unwrap_or(u32::MAX));
        run.meter.phase(Phase::Running);
        let mut work = Work::new(Arc::new(plan.route), run, requests, Instant::now());
        work.report.unchanged = plan.unchanged;
        for skip in plan.skipped {
            work.report.skip(skip);
        }
        for item in plan.items {
            work.take(item).await?;
        }
        work.drain().await?;
        work.report.deletions_withheld = plan.withheld;
        work.finish(false).await
    });
    transfer.await
}

fn start(route: &Route) -> Start {
    let mut start = Start::of(&route.client.transfer());
    start.handle = route.handle.clone();
    start.listener = route.listener.clone();
    start
}

type Done = (SyncItem, Result<u64, S3Error>);

struct Work {
    mover: Mover,
    report: SyncReport,
    running: JoinSet<Done>,
    doomed: Vec<SyncItem>,
    began: Instant,
}

impl Work {
    fn new(route: Arc<Route>, run: Run, requests: Requests, began: Instant) -> Self {
        let mover = Mover { route, run, requests, large: Arc::new(Semaphore::new(LARGE)) };
        Self { mover, report: SyncReport::default(), running: JoinSet::new(), doomed: Vec::new(), began }
    }

    /// Takes what the planner finds, to the end of both sides.
    async fn follow(&mut self, planner: &mut Planner) -> Result<(), S3Error> {
        let control = self.mover.run.control.clone();
        while let Some(batch) = control.unless_cancelled(planner.next()).await?? {
            for next in batch {
                match next {
                    Next::Same => self.report.unchanged += 1,
                    Next::Skip(skip) => self.report.skip(skip),
                    Next::Do(item) => self.take(item).await?,
                }
            }
        }
        Ok(())
    }

    /// Begins a transfer, when there is room for one more; keeps a deletion for later.
    async fn take(&mut self, item: SyncItem) -> Result<(), S3Error> {
        if item.action == SyncAction::Delete {
            self.doomed.push(item);
            return Ok(());
        }
        self.mover.run.pass().await?;
        // Those that are over make room at once.
        while let Some(done) = self.running.try_join_next() {
            self.note(done)?;
        }
        while self.running.len() >= self.mover.route.options.concurrency {
            self.reap().await?;
        }
        let mover = self.mover.clone();
        self.running.spawn(async move {
            let outcome = mover.transfer(&item).await;
            (item, outcome)
        });
        Ok(())
    }

    async fn reap(&mut self) -> Result<(), S3Error> {
        let done = self.mover.run.control.unless_cancelled(self.running.join_next()).await?;
        done.map_or(Ok(()), |done| self.note(done))
    }

    async fn drain(&mut self) -> Result<(), S3Error> {
        while !self.running.is_empty() {
            self.reap().await?;
        }
        Ok(())
    }

    fn note(&mut self, done: Result<Done, JoinError>) -> Result<(), S3Error> {
        let (item, outcome) = done.map_err(|lost| {
            S3Error::new(TransferError::StreamInterrupted, "a transfer was interrupted").with_source(lost)
        })?;
        self.mover.run.meter.part_done();
        match outcome {
            Ok(bytes) => {
                self.report.transferred += 1;
                self.report.bytes += bytes;
            }
            Err(error) => self.report.fail(item, error),
        }
        Ok(())
    }

    /// Deletes, if nothing speaks against it.
    async fn finish(mut self, incomplete: bool) -> Result<SyncReport, S3Error> {
        let route = self.mover.route.clone();
        let doomed = std::mem::take(&mut self.doomed);
        let report = &mut self.report;
        if report.deletions_withheld.is_none() {
            report.deletions_withheld = withheld(&route, incomplete, doomed.len() as u64);
        }
        if report.deletions_withheld.is_none() && report.failures > 0 && !doomed.is_empty() {
            report.deletions_withheld = Some(format!("{} transfers failed", report.failures));
        }
        if report.deletions_withheld.is_none() {
            self.mover.run.meter.phase(Phase::Finishing);
            delete::delete(&route, &self.mover.run, doomed, &self.mover.requests, report).await?;
        }
        report.requests = self.mover.requests.count();
        report.elapsed = self.began.elapsed();
        Ok(self.report)
    }
}
