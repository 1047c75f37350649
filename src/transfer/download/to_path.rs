//! Into a file: small objects in one answer, large ones in parallel ranges, each written where it belongs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Downloaded;
use super::course::{Broken, another_round, in_pieces_if_large, known, next};
use super::facts::Facts;
use super::fetch::{AGAIN, Fetcher, Landed, pause};
use super::file::{PartFile, Target, failed};
use super::pieces::{Stopped, fetch_all};
use super::plan::Piece;
use super::resume::{Recorder, Resumed};
use super::sink::{FileSink, HELD, Sink};
use super::source::Source;
use super::verify::{self, Verdict};
use crate::error::{ErrorKind, TransferError};
use crate::integrity::{Hasher, Sum, Verification};
use crate::transfer::Run;
use crate::transfer::progress::Phase;
use crate::transfer::state::TransferState;
use crate::transfer::work::blocking;
use crate::{ByteStream, Bytes, S3Error};

/// Up to so many bytes an object is created, written and given its name in one go.
const AT_ONCE: u64 = 512 << 10;

/// What to do, apart from what all transfers have.
pub(crate) struct Job {
    pub(crate) source: Arc<Source>,
    pub(crate) path: PathBuf,
    pub(crate) overwrite: bool,
    pub(crate) durable: bool,
    pub(crate) state_file: Option<PathBuf>,
    pub(crate) state: Option<TransferState>,
    /// What is on disk stays there when the download fails.
    pub(crate) keep: bool,
}

/// The whole download.
pub(crate) async fn drive(run: &Run, mut job: Job) -> Result<Downloaded, Broken> {
    let (path, overwrite, state) = (job.path.clone(), job.overwrite, job.state_file.clone());
    let look = move || {
        let target = Target::look(&path, overwrite)?;
        target.must_not_be(state.as_deref())?;
        Ok(target)
    };
    let target = blocking(look).await.map_err(|error| job.source.named(error))?;
    let mut resumed = match job.state.take() {
        Some(state) => super::resume::resume(run, &job, &target, state).await?,
        None => None,
    };
    let mut rounds = 0;
    loop {
        match once(run, &job, &target, resumed.take()).await {
            Ok(downloaded) => return Ok(downloaded),
            Err(broken) => another_round(run, broken, &mut rounds).await?,
        }
    }
}

async fn once(run: &Run, job: &Job, target: &Target, resumed: Option<Resumed>) -> Result<Downloaded, Broken> {
    if let Some(resumed) = resumed {
        return in_pieces(run, job, target, resumed, None).await;
    }
    run.pass().await?;
    let (facts, body) = job.source.open(None).await?;
    let Some((pin, plan)) = in_pieces_if_large(run, &job.source, &facts).await? else {
        return in_one(run, job, target, facts, body).await;
    };
    let (place, total) = (target.clone(), pin.total);
    let file = Arc::new(blocking(move || PartFile::create(&place, Some(total))).await?);
    // A part that is asked for by number comes with its own checksum: the open answer does not have that.
    let body = plan.parts.is_none().then_some(body);
    in_pieces(run, job, target, Resumed { facts, pin, plan, file, landed: Vec::new() }, body).await
}

async fn in_pieces(
    run: &Run,
    job: &Job,
    target: &Target,
    begun: Resumed,
    opened: Option<ByteStream>,
) -> Result<Downloaded, Broken> {
    let mut recorder = Recorder::new(run, job, &begun);
    let Resumed { facts, pin, plan, file, mut landed } = begun;
    let all = plan.pieces();
    let of = all.len() as u32;
    let resumed: u64 = landed.iter().map(|landed| landed.piece.len()).sum();
    run.meter.set_total(pin.total);
    run.meter.set_parts(of);
    run.meter.resumed(resumed, landed.len() as u32);
    run.meter.phase(Phase::Running);
    let missing: Vec<Piece> =
        all.into_iter().filter(|piece| !landed.iter().any(|landed| landed.piece.number == piece.number)).collect();
    let fetcher = Fetcher { source: job.source.clone(), pin: Arc::new(pin), run: run.clone() };
    let algorithm = verify::algorithm(&facts.stored, recorder.is_some());
    let shown: Arc<Path> = Arc::from(target.path.as_path());
    if let Some(recorder) = &recorder {
        recorder.begin().await.map_err(|error| job.source.named(error))?;
    }
    let result = fetch_all(
        run,
        &fetcher,
        missing,
        opened,
        |piece| Sink::File(FileSink::new(file.clone(), shown.clone(), run.meter.clone(), piece.start, algorithm)),
        |piece, _| {
            if let Some(recorder) = &mut recorder {
                recorder.landed(&piece);
            }
            landed.push(piece);
        },
    )
    .await;
    let broken = |error: S3Error, number: Option<u32>, landed: &[Landed]| {
        Broken::of_pieces(job.source.named(error), landed, number, of)
    };
    match result {
        Ok(()) => {}
        Err(Stopped::Unranged(error)) => {
            tracing::debug!(target: "integration_s3::call", %error, "no ranges to be had: the object is read in one go");
            // Whatever ignores ranges sends the whole object to whoever asks for that.
            if let Some(recorder) = recorder {
                recorder.forget().await;
            }
            discard(file).await;
            run.meter.start_over();
            let (facts, body) = job.source.open(Some(&fetcher.pin.e_tag)).await?;
            return in_one(run, job, target, facts, body).await;
        }
        Err(Stopped::Failed(number, error)) => {
            let mut broken = broken(error, number, &landed);
            match recorder {
                Some(recorder) => {
                    broken.left = Some(file.path().to_owned());
                    broken.state = Some(recorder.close().await);
                }
                _ => discard(file).await,
            }
            return Err(broken);
        }
    }
    run.meter.phase(Phase::Finishing);
    let verdict = match verify::verdict(&facts.stored, &mut landed) {
        Ok(Verdict::Known(verification)) => Ok(verification),
        Ok(Verdict::InOrder(sum)) => read_back(&file, target, fetcher.pin.total, sum).await,
        Err(error) => Err(error),
    };
    let finished = match verdict {
        Ok(verification) => publish(run, &file, target, job.durable).await.map(|()| verification),
        Err(error) => Err(error),
    };
    match finished {
        Ok(verification) => {
            if let Some(recorder) = recorder {
                recorder.forget().await;
            }
            let total = fetcher.pin.total;
            Ok(Downloaded::new(facts, total, resumed, of, verification))
        }
        Err(error) => {
            let wrong = error.kind() == ErrorKind::Transfer(TransferError::ChecksumMismatch);
            let mut broken = broken(error, None, &landed);
            match recorder {
                // The bytes are right; only the place is not. Unless somebody else took the file away.
                Some(recorder) if !wrong && is_there(file.path()).await => {
                    broken.left = Some(file.path().to_owned());
                    broken.state = Some(recorder.close().await);
                    return Err(broken);
                }
                Some(recorder) => recorder.forget().await,
                None => {}
            }
            discard(file).await;
            Err(broken)
        }
    }
}

/// Hashes what is on the disk, in order.
async fn read_back(file: &Arc<PartFile>, target: &Target, total: u64, stored: Sum) -> Result<Verification, S3Error> {
    let (file, path) = (file.clone(), target.path.clone());
    blocking(move || {
        let now = file.hash(Hasher::new(stored.algorithm()), 0, total).map_err(|error| failed("read", &path, error))?;
        verify::compare(&now, &stored)
    })
    .await
}

async fn publish(run: &Run, file: &Arc<PartFile>, target: &Target, durable: bool) -> Result<(), S3Error> {
    let (file, target, control) = (file.clone(), target.clone(), run.control.clone());
    blocking(move || file.publish(&target, durable, &control)).await
}

/// Removes the temporary file before anybody hears of the failure.
async fn discard(file: Arc<PartFile>) {
    let _ = blocking(move || {
        file.remove();
        Ok(())
    })
    .await;
}

/// One answer with all of it.
async fn in_one(run: &Run, job: &Job, target: &Target, facts: Facts, body: ByteStream) -> Result<Downloaded, Broken> {
    run.meter.set_parts(0);
    if let Some(total) = facts.total {
        run.meter.set_total(total);
    }
    run.meter.phase(Phase::Running);
    let (mut facts, mut body) = (facts, body);
    let mut tries = 0;
    loop {
        let error = match stream(run, job, target, &facts, &mut body).await {
            Ok((bytes, verification)) => {
                return Ok(Downloaded::new(facts, bytes, 0, 0, verification));
            }
            Err(error) => job.source.named(error),
        };
        if tries == AGAIN || !error.is_retryable() {
            return Err(error.into());
        }
        tries += 1;
        pause(tries, &error).await;
        run.meter.start_over();
        let tag = facts.pin().map(str::to_owned);
        (facts, body) = job.source.open(tag.as_deref()).await?;
    }
}

async fn stream(
    run: &Run,
    job: &Job,
    target: &Target,
    facts: &Facts,
    body: &mut ByteStream,
) -> Result<(u64, Verification), S3Error> {
    let _permit = run.shared().memory.take(facts.total.unwrap_or(u64::MAX).min(HELD)).await;
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut bytes = 0;
    let mut ended = false;
    while bytes < AT_ONCE {
        match next(run, body).await? {
            Some(chunk) => {
                bytes += chunk.len() as u64;
                chunks.push(chunk);
            }
            None => {
                ended = true;
                break;
            }
        }
    }
    if ended {
        // All of it is here: the disk hears of it once.
        let (place, durable, control) = (target.clone(), job.durable, run.control.clone());
        blocking(move || {
            let file = PartFile::create(&place, None)?;
            file.write(&chunks, 0).map_err(|error| failed("written", &place.path, error))?;
            file.publish(&place, durable, &control)
        })
        .await?;
        run.meter.add(bytes);
        return Ok((bytes, known(body)));
    }
    let (place, total) = (target.clone(), facts.total);
    let file = Arc::new(blocking(move || PartFile::create(&place, total)).await?);
    let shown: Arc<Path> = Arc::from(target.path.as_path());
    let mut sink = Sink::File(FileSink::new(file.clone(), shown, run.meter.clone(), 0, None));
    let result = async {
        for chunk in chunks {
            sink.push(chunk).await?;
        }
        while let Some(chunk) = next(run, body).await? {
            bytes += chunk.len() as u64;
            sink.push(chunk).await?;
        }
        sink.finish().await?;
        run.meter.phase(Phase::Finishing);
        publish(run, &file, target, job.durable).await
    }
    .await;
    match result {
        Ok(()) => Ok((bytes, known(body))),
        Err(error) => {
            sink.rewind().await;
            discard(file).await;
            Err(error)
        }
    }
}

/// Also for a link that leads nowhere.
async fn is_there(path: &Path) -> bool {
    let path = path.to_owned();
    blocking(move || Ok(std::fs::symlink_metadata(path).is_ok())).await.unwrap_or(false)
}
