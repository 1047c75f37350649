//! Uploads in parts: gives parts out, gathers them, and sees to it that nothing is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::control::{self, Either, either};
use super::super::progress::Phase;
use super::super::state::{FileFacts, PartState, TransferState, UploadState, Work};
use super::super::{Left, Leftovers, Run, TransferFailure};
use super::Uploaded;
use super::feed::Feed;
use super::finish::{self, Unfinished};
use super::keeper::Keeper;
use super::part::{Sender, lost};
use super::request::{self, Wanted};
use super::resume::{Resumed, endpoint};
use super::source::File;
use crate::S3Error;
use crate::error::{ErrorKind, RequestError};
use crate::operations::PutObjectRequest;
use crate::telemetry::uploads;
use crate::transfer::work::{Crew, put_in_order};

/// An upload in parts, from the moment it is known to be one.
pub(super) struct Multipart {
    pub(super) run: Run,
    pub(super) put: PutObjectRequest,
    pub(super) wanted: Wanted,
    pub(super) keeper: Keeper,
    /// The source, if it is a file.
    pub(super) file: Option<File>,
    pub(super) part_size: u64,
    /// How many parts there will be, if that is known.
    pub(super) parts: Option<u32>,
    pub(super) upload_id: String,
    pub(super) done: Vec<PartState>,
    pub(super) resumed: u64,
}

/// Why an upload ended before its object was there.
struct Trouble {
    cause: S3Error,
    failed: Vec<(u32, String)>,
    /// What was sent is of no use any more.
    spoilt: bool,
    doubtful: Option<Option<String>>,
}

impl From<S3Error> for Trouble {
    fn from(cause: S3Error) -> Self {
        Self { cause, failed: Vec::new(), spoilt: false, doubtful: None }
    }
}

impl Multipart {
    /// Opens the upload, or takes up the one that is there.
    ///
    /// # Errors
    /// The store refuses. If the answer is lost an upload without parts may be open that nobody knows the id of.
    pub(super) async fn open(&mut self, resumed: Option<Resumed>) -> Result<(), S3Error> {
        let shared = self.run.shared().clone();
        if let Some(resumed) = resumed {
            self.upload_id = resumed.upload_id;
            self.part_size = resumed.plan.part_size;
            self.wanted.algorithm = resumed.algorithm;
            self.resumed = resumed.parts.iter().map(|part| part.len).sum();
            self.done = resumed.parts;
            self.run.meter.resumed(self.resumed, self.done.len() as u32);
            shared.taken_up(&self.upload_id);
        } else {
            let create = request::create(&self.put, self.wanted.algorithm.as_ref());
            // Not dropped when the transfer is called off: the upload would be open and its id unknown.
            self.upload_id = self.run.client.execute(create).await?.upload_id;
            shared.opened();
            uploads::started(&self.put.bucket);
        }
        if let Some(parts) = self.parts {
            self.run.meter.set_parts(parts);
        }
        Ok(())
    }

    /// All the rest. Whatever happens, the upload is completed, aborted, or kept on purpose.
    pub(super) async fn finish(mut self, feed: Feed) -> Result<Uploaded, S3Error> {
        match self.work(feed).await {
            Ok(uploaded) => Ok(uploaded),
            Err(trouble) => Err(self.clean_up(trouble).await),
        }
    }

    async fn work(&mut self, feed: Feed) -> Result<Uploaded, Trouble> {
        // An upload that nobody could find again is not left open for the sake of no part.
        let none = self.done.is_empty();
        self.keep(true).await.map_err(|cause| Trouble { spoilt: none, ..cause.into() })?;
        self.send(feed).await?;
        self.run.meter.phase(Phase::Finishing);
        if let Some(file) = &self.file {
            file.check().await.map_err(|cause| Trouble { spoilt: true, ..cause.into() })?;
        }
        if self.run.control.is_cancelled() {
            return Err(control::cancelled().into());
        }
        put_in_order(&mut self.done, |part| part.number.into());
        let stored = finish::complete(&self.run, &self.put, &self.upload_id, &self.wanted, &self.done);
        let stored = stored.await.map_err(|unfinished| match unfinished {
            Unfinished::Refused(cause) => Trouble { spoilt: !cause.is_retryable(), ..cause.into() },
            Unfinished::Doubtful(cause, version) => Trouble { doubtful: Some(version), ..cause.into() },
        })?;
        self.run.shared().closed();
        self.keeper.forget().await;
        uploads::completed(&self.put.bucket, self.done.len());
        let algorithm = stored.checksum.as_ref().and(self.wanted.algorithm.as_ref());
        Ok(Uploaded {
            e_tag: stored.e_tag,
            version_id: stored.version_id,
            bytes: self.done.iter().map(|part| part.len).sum(),
            // At most 10,000.
            parts: self.done.len() as u32,
            resumed: self.resumed,
            checksum_algorithm: algorithm.and_then(request::computed),
            checksum: stored.checksum,
        })
    }

    /// Gives parts out while none fails, `concurrency` at a time, and waits for those that are out.
    async fn send(&mut self, mut feed: Feed) -> Result<(), Trouble> {
        let run = self.run.clone();
        let part = request::part(&self.put, &self.upload_id, self.wanted.algorithm.as_ref());
        let sender = Arc::new(Sender { run: run.clone(), request: part, stopped: AtomicBool::new(false) });
        let mut tasks: Crew<(u32, Result<PartState, S3Error>)> = Crew::new();
        let mut failed: Vec<(u32, String)> = Vec::new();
        let mut cause: Option<S3Error> = None;
        let mut over = false;
        while !(tasks.is_empty() && (over || cause.is_some())) {
            let room = tasks.len() < run.settings.concurrency && !over && cause.is_none();
            let next = async {
                if !room {
                    std::future::pending::<()>().await;
                }
                run.pass().await?;
                feed.next(&run.shared().memory).await
            };
            let joined = async {
                match tasks.next().await {
                    Some(joined) => joined,
                    None => std::future::pending().await,
                }
            };
            match either(run.control.cancelled(), either(joined, next)).await {
                Either::First(()) => {
                    // What was on its way may land all the same: that is what the abortion looks for.
                    tasks.shutdown().await;
                    return Err(Trouble { failed, ..cause.unwrap_or_else(control::cancelled).into() });
                }
                Either::Second(Either::First(Ok((_, Ok(part))))) => {
                    uploads::part(&self.put.bucket, part.len);
                    run.meter.part_done();
                    self.done.push(part);
                    if let Err(error) = self.keep(false).await {
                        tracing::warn!(target: "integration_s3::call", %error, "the state of an upload is not written");
                    }
                }
                Either::Second(Either::First(Ok((number, Err(error))))) => {
                    sender.stopped.store(true, Ordering::Relaxed);
                    failed.push((number, error.to_string()));
                    cause.get_or_insert(error);
                }
                Either::Second(Either::First(Err(error))) => {
                    sender.stopped.store(true, Ordering::Relaxed);
                    cause.get_or_insert(lost(error));
                }
                Either::Second(Either::Second(Ok(Some(piece)))) => {
                    tasks.spawn(sender.clone().send(piece));
                }
                Either::Second(Either::Second(Ok(None))) => over = true,
                Either::Second(Either::Second(Err(error))) => {
                    sender.stopped.store(true, Ordering::Relaxed);
                    cause.get_or_insert(error);
                }
            }
        }
        match cause {
            Some(mut cause) => {
                // A file that shrank or went away is not the one the parts are of; other sources cannot be read again.
                let changed = match &self.file {
                    Some(file) => file.check().await.err(),
                    None => None,
                };
                let spoilt = changed.is_some() || self.file.is_none();
                if let (Some(changed), ErrorKind::Request(RequestError::Validation)) = (changed, cause.kind()) {
                    cause = changed;
                }
                put_in_order(&mut failed, |(number, _)| (*number).into());
                Err(Trouble { failed, spoilt, ..cause.into() })
            }
            None => Ok(()),
        }
    }

    fn state(&self) -> Option<TransferState> {
        let source: FileFacts = self.file.as_ref()?.facts.clone();
        let mut parts = self.done.clone();
        put_in_order(&mut parts, |part| part.number.into());
        let upload = UploadState {
            upload_id: self.upload_id.clone(),
            source,
            part_size: self.part_size,
            algorithm: self.wanted.algorithm.as_ref().map(|it| it.as_str().to_owned()),
            parts,
        };
        let (bucket, key) = (self.put.bucket.clone(), self.put.key.clone());
        Some(TransferState { endpoint: endpoint(&self.run), bucket, key, work: Work::Upload(upload) })
    }

    async fn keep(&mut self, now: bool) -> Result<(), S3Error> {
        match self.state() {
            Some(state) => self.keeper.keep(&state, now).await,
            None => Ok(()),
        }
    }

    /// Leaves nothing behind, or what is to be gone on with; the error says which.
    async fn clean_up(mut self, trouble: Trouble) -> S3Error {
        let wants = self.run.settings.leftovers == Leftovers::Keep || self.keeper.file.is_some();
        let keep = wants && self.file.is_some() && !trouble.spoilt && trouble.doubtful.is_none();
        let state = self.state().filter(|_| keep);
        let left = if let Some(version_id) = trouble.doubtful {
            self.run.shared().closed();
            self.keeper.forget().await;
            Left::DoubtfulObject { version_id }
        } else if keep {
            if let Err(error) = self.keep(true).await {
                tracing::warn!(target: "integration_s3::call", %error, "the state of an upload is not written");
            }
            self.run.shared().kept(&self.upload_id);
            Left::OpenUpload { upload_id: self.upload_id.clone() }
        } else {
            uploads::aborted(&self.put.bucket, trouble.cause.kind().variant());
            match finish::abort(&self.run, &self.put, &self.upload_id).await {
                Ok(()) => {
                    self.run.shared().closed();
                    self.keeper.forget().await;
                    Left::Nothing
                }
                Err(error) => {
                    tracing::error!(target: "integration_s3::call", bucket = self.put.bucket, key = self.put.key,
                        upload_id = self.upload_id, %error, "a multipart upload could not be aborted and stays open");
                    self.run.shared().kept(&self.upload_id);
                    Left::OpenUpload { upload_id: self.upload_id.clone() }
                }
            }
        };
        let mut failure = TransferFailure::new(trouble.cause, left);
        failure.done = self.done.iter().map(|part| part.number).collect();
        put_in_order(&mut failure.done, |number| (*number).into());
        failure.failed = trouble.failed;
        failure.parts = self.parts;
        failure.state = state;
        failure.into_error(super::OPERATION, &self.put.bucket, &self.put.key)
    }
}
