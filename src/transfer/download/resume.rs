//! Going on where an earlier process, or an earlier try, left off.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::course::Broken;
use super::facts::Facts;
use super::fetch::Landed;
use super::file::{PartFile, Target};
use super::plan::Plan;
use super::source::{Pin, Source};
use super::to_path::Job;
use crate::S3Error;
use crate::error::{ErrorKind, RequestError, TransferError};
use crate::integrity::{Algorithm, Hasher, Sum, Unchecked, Verification};
use crate::transfer::Run;
use crate::transfer::control::TransferHandle;
use crate::transfer::state::{DonePiece, DownloadState, TransferState, Work};
use crate::transfer::work::{Running, apart, blocking};

/// After so much, or so long, what has come is made to be on the disk and written down.
const STEP: u64 = 64 << 20;
const INTERVAL: Duration = Duration::from_secs(1);

/// A download with its file, and the pieces that are in it.
pub(crate) struct Resumed {
    pub(crate) facts: Facts,
    pub(crate) pin: Pin,
    pub(crate) plan: Plan,
    pub(crate) file: Arc<PartFile>,
    pub(crate) landed: Vec<Landed>,
}

/// What stands of an earlier try. `None`: nothing, it begins anew.
///
/// # Errors
/// The state is of another object; the object has been replaced since.
pub(crate) async fn resume(
    run: &Run,
    job: &Job,
    target: &Target,
    state: TransferState,
) -> Result<Option<Resumed>, Broken> {
    let source = &job.source;
    let TransferState { endpoint, bucket, key, work } = state;
    let same = bucket == source.bucket() && key == source.key() && endpoint == run.endpoint();
    let state = match work {
        Work::Download(state) if same && state.version_id.as_deref() == source.version_id() => Some(state),
        _ => None,
    };
    let Some(state) = state else {
        let message = format!("the state to go on from is that of another transfer: s3://{bucket}/{key} of {endpoint}");
        return Err(source
            .named(S3Error::new(RequestError::Validation, message))
            .with_suggestion("give each transfer a state file of its own")
            .into());
    };
    let total = state.plan.total;
    let (place, name) = (target.clone(), state.part_file.clone());
    let Some(file) = blocking(move || Ok(PartFile::reopen(&place, &name, total))).await? else { return Ok(None) };
    // Whatever goes wrong from here on, what is there stays.
    let left = |error: S3Error| Broken { left: Some(file.path().to_owned()), ..Broken::from(error) };
    let facts = match source.facts(&state.e_tag).await {
        Ok(facts) if facts.total == Some(total) => facts,
        Ok(_) => return Err(left(replaced(source, None))),
        Err(error) if error.kind() == ErrorKind::Transfer(TransferError::ObjectChanged) => {
            return Err(left(replaced(source, error.request_id())));
        }
        Err(error) => return Err(left(error)),
    };
    let file = Arc::new(file);
    let pin = Pin { e_tag: state.e_tag.clone(), total };
    let plan = state.plan;
    let (disk, control) = (file.clone(), run.control.clone());
    let landed = blocking(move || Ok(still_there(&disk, &state, || control.is_cancelled()))).await?;
    Ok(Some(Resumed { facts, pin, plan, file, landed }))
}

fn replaced(source: &Source, request_id: Option<&str>) -> S3Error {
    let message = "the object was replaced since this download began";
    source
        .named(S3Error::new(TransferError::ObjectChanged, message))
        .with_request_id(request_id)
        .with_suggestion("remove that file and the state to download the new object")
}

/// The pieces whose bytes on the disk are those that came.
fn still_there(file: &PartFile, state: &DownloadState, ended: impl Fn() -> bool) -> Vec<Landed> {
    let mut landed = Vec::new();
    for piece in state.plan.pieces() {
        let Some(done) = state.done.iter().find(|done| done.number == piece.number) else { continue };
        let Some((sum, hasher)) = parse(&done.sum).map(|sum| (sum, Hasher::new(sum.algorithm()))) else { continue };
        if ended() {
            break;
        }
        if file.hash(hasher, piece.start, piece.end).is_ok_and(|now| now == sum) {
            let verified = done.verified.as_deref().and_then(Algorithm::from_wire);
            let verification = verified.map_or(Verification::NotChecked(Unchecked::Range), Verification::Verified);
            landed.push(Landed { piece, sum: Some(sum), verification });
        }
    }
    landed
}

fn parse(text: &str) -> Option<Sum> {
    let (algorithm, value) = text.split_once(':')?;
    Sum::from_base64(Algorithm::from_wire(algorithm)?, value)
}

/// Writes down what is on the disk, while the download goes on.
pub(crate) struct Recorder {
    /// Always a download's.
    state: TransferState,
    path: Option<PathBuf>,
    file: Arc<PartFile>,
    handle: TransferHandle,
    /// Where they belong, but perhaps not on the disk yet.
    fresh: Vec<DonePiece>,
    bytes: u64,
    last: Instant,
    saving: Option<Running<()>>,
}

impl Recorder {
    /// `None` if nothing is to be kept.
    pub(crate) fn new(run: &Run, job: &Job, begun: &Resumed) -> Option<Self> {
        if !job.keep {
            return None;
        }
        let source = &job.source;
        let work = DownloadState {
            version_id: source.version_id().map(str::to_owned),
            e_tag: begun.pin.e_tag.clone(),
            plan: begun.plan,
            part_file: begun.file.name(),
            done: begun.landed.iter().filter_map(done).collect(),
        };
        let state = TransferState {
            endpoint: run.endpoint(),
            bucket: source.bucket().to_owned(),
            key: source.key().to_owned(),
            work: Work::Download(work),
        };
        Some(Self {
            state,
            path: job.state_file.clone(),
            file: begun.file.clone(),
            handle: run.control.handle().clone(),
            fresh: Vec::new(),
            bytes: 0,
            last: Instant::now(),
            saving: None,
        })
    }

    /// Writes the state down before the first byte: from here on the temporary file can be found again.
    ///
    /// # Errors
    /// The state file cannot be written.
    pub(crate) async fn begin(&self) -> Result<(), S3Error> {
        let state = self.state.clone();
        if let Some(path) = self.path.clone() {
            let state = state.clone();
            blocking(move || state.save(path)).await?;
        }
        self.handle.keep(Some(state));
        self.file.keep(true);
        Ok(())
    }

    /// The piece is in the file.
    pub(crate) fn landed(&mut self, piece: &Landed) {
        self.fresh.extend(done(piece));
        self.bytes += piece.piece.len();
        let busy = self.saving.as_ref().is_some_and(|saving| !saving.is_finished());
        if !busy && (self.bytes >= STEP || self.last.elapsed() >= INTERVAL) {
            self.save();
        }
    }

    fn save(&mut self) {
        if let Work::Download(state) = &mut self.state.work {
            state.done.append(&mut self.fresh);
        }
        self.bytes = 0;
        self.last = Instant::now();
        let (state, file) = (self.state.clone(), self.file.clone());
        let (path, handle) = (self.path.clone(), self.handle.clone());
        self.saving = Some(apart(move || {
            // Never before the bytes: a state that promises too much is worse than an old one, which is what stands when
            // this fails.
            if file.sync().is_ok() && path.is_none_or(|path| state.save(path).is_ok()) {
                handle.keep(Some(state));
            }
        }));
    }

    /// The download has failed and can go on later: writes down all that is there.
    pub(crate) async fn close(mut self) -> TransferState {
        self.wait().await;
        self.save();
        self.wait().await;
        self.state
    }

    /// Nothing is left to go on from.
    pub(crate) async fn forget(mut self) {
        self.wait().await;
        self.handle.keep(None);
        if let Some(path) = self.path.take() {
            let _ = blocking(move || {
                let _ = std::fs::remove_file(path);
                Ok(())
            })
            .await;
        }
    }

    async fn wait(&mut self) {
        if let Some(saving) = self.saving.take() {
            let _ = saving.await;
        }
    }
}

fn done(landed: &Landed) -> Option<DonePiece> {
    let sum = landed.sum.as_ref()?;
    let verified = match landed.verification {
        Verification::Verified(algorithm) => Some(algorithm.as_str().to_owned()),
        _ => None,
    };
    Some(DonePiece { number: landed.piece.number, sum: format!("{}:{sum}", sum.algorithm()), verified })
}
