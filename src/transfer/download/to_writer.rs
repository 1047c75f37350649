//! Into a writer, in order: pieces are fetched ahead of it, as far as concurrency and memory go.
//!
//! ```text
//! feeder:  slot, memory -> piece 3 --+
//!                          piece 2 --+--> queue, each with its bytes --> consumer: write, hash, give slot and memory back
//!                          piece 1 --+
//! ```
//!
//! A piece that has memory is read at the network's pace, however slow the writer is, so that no connection waits for it.
//! When there is no memory and the writer has nothing to do, the next piece goes straight through, at the writer's pace: a
//! download never depends on another one giving memory back.

use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::course::{Broken, in_pieces_if_large, known};
use super::facts::{Facts, Stored};
use super::fetch::{AGAIN, Fetcher, Landed, pause};
use super::plan::Piece;
use super::sink::{QueueSink, Sink};
use super::source::{Refusal, Source};
use super::{Downloaded, verify};
use crate::error::{ErrorKind, TransferError};
use crate::integrity::{Hasher, Unchecked, Verification};
use crate::transfer::Run;
use crate::transfer::control::{Either, either};
use crate::transfer::memory::Share;
use crate::transfer::progress::Phase;
use crate::transfer::work::Crew;
use crate::{ByteStream, Bytes, S3Error};

pub(crate) type Writer = Pinned<Box<dyn AsyncWrite + Send>>;

/// The writer, and what went into it.
struct Out<'a> {
    run: &'a Run,
    writer: Writer,
    written: u64,
    /// Of all that was written.
    hasher: Option<Hasher>,
}

impl Out<'_> {
    async fn write(&mut self, chunk: &[u8]) -> Result<(), S3Error> {
        self.run.pass().await?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(chunk);
        }
        self.writer.write_all(chunk).await.map_err(|error| self.failed(error))?;
        self.written += chunk.len() as u64;
        self.run.meter.add(chunk.len() as u64);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), S3Error> {
        self.run.meter.phase(Phase::Finishing);
        self.writer.flush().await.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> S3Error {
        let message = format!("the writer failed after {} bytes: {error}", self.written);
        S3Error::new(TransferError::StreamInterrupted, message).with_source(error)
    }
}

/// The whole download.
pub(crate) async fn drive(run: &Run, source: Arc<Source>, writer: Writer) -> Result<Downloaded, Broken> {
    let mut out = Out { run, writer, written: 0, hasher: None };
    let mut done = Vec::new();
    match run.control.unless_cancelled(work(run, &source, &mut out, &mut done)).await {
        Ok(result) => result,
        Err(error) => Err(Broken { done, ..Broken::from(source.named(error)) }),
    }
}

async fn work(run: &Run, source: &Arc<Source>, out: &mut Out<'_>, done: &mut Vec<u32>) -> Result<Downloaded, Broken> {
    run.pass().await?;
    let (facts, body) = source.open(None).await?;
    let Some((pin, plan)) = in_pieces_if_large(run, source, &facts).await? else {
        return in_one(run, source, out, facts, body).await;
    };
    let pieces = plan.pieces();
    let of = pieces.len() as u32;
    run.meter.set_total(pin.total);
    run.meter.set_parts(of);
    run.meter.phase(Phase::Running);
    if let Stored::Whole(sum) = &facts.stored {
        out.hasher = Some(Hasher::new(sum.algorithm()));
    }
    let opened = plan.parts.is_none().then_some(body);
    let fetcher = Fetcher { source: source.clone(), pin: Arc::new(pin), run: run.clone() };
    let mut parts_verified = Ok(None);
    let stop = in_order(run, &fetcher, pieces, opened, out, |landed| {
        done.push(landed.piece.number);
        parts_verified = match (landed.verification, parts_verified) {
            (Verification::Verified(algorithm), Ok(_)) => Ok(Some(algorithm)),
            _ => Err(()),
        };
    })
    .await;
    match stop {
        Ok(()) => {}
        Err((_, Refusal::Unranged(error))) => {
            tracing::debug!(target: "integration_s3::call", %error, "no ranges to be had: the object is read in one go");
            // Whatever ignores ranges sends the whole object to whoever asks for that.
            let (_, mut body) = source.open(Some(&fetcher.pin.e_tag)).await?;
            copy(out, &mut body, out.written).await.map_err(|error| source.named(error))?;
            parts_verified = Err(());
        }
        Err((number, Refusal::Failed(error))) => {
            let failed = number.into_iter().collect();
            return Err(Broken { done: std::mem::take(done), failed, of, ..Broken::from(source.named(error)) });
        }
    }
    let verdict = match (&facts.stored, out.hasher.take()) {
        (Stored::Whole(stored), Some(hasher)) => verify::compare(&hasher.finish(), stored),
        (Stored::Nothing(why), _) => Ok(Verification::NotChecked(*why)),
        _ => Ok(match parts_verified {
            Ok(Some(algorithm)) => Verification::Verified(algorithm),
            _ => Verification::NotChecked(Unchecked::Composite),
        }),
    };
    let verification = verdict.map_err(|error| source.named(error))?;
    out.flush().await.map_err(|error| source.named(error))?;
    Ok(Downloaded::new(facts, out.written, 0, of, verification))
}

/// A piece that is being fetched, or waits to be written.
struct Lot {
    number: u32,
    chunks: Receiver<Bytes>,
    end: oneshot::Receiver<Result<Landed, Refusal>>,
    _memory: Option<Share>,
    _slot: Option<OwnedSemaphorePermit>,
}

/// Whether the writer has nothing to write.
#[derive(Default)]
struct Hunger {
    is: AtomicBool,
    bell: Notify,
}

impl Hunger {
    async fn wait(&self) {
        while !self.is.load(Relaxed) {
            self.bell.notified().await;
        }
    }
}

type Stop = (Option<u32>, Refusal);

async fn in_order(
    run: &Run,
    fetcher: &Fetcher,
    pieces: Vec<Piece>,
    opened: Option<ByteStream>,
    out: &mut Out<'_>,
    mut landed: impl FnMut(Landed),
) -> Result<(), Stop> {
    let hunger = Hunger::default();
    let (lots, mut queue) = mpsc::channel(run.settings.concurrency.max(1));
    let write = async {
        loop {
            hunger.is.store(true, Relaxed);
            hunger.bell.notify_one();
            let Some(lot) = queue.recv().await else { return Ok(()) };
            hunger.is.store(false, Relaxed);
            let Lot { number, mut chunks, end, _memory, _slot } = lot;
            while let Some(chunk) = chunks.recv().await {
                out.write(&chunk).await.map_err(|error| (None, error.into()))?;
            }
            match end.await {
                Ok(Ok(piece)) => {
                    run.meter.part_done();
                    landed(piece);
                }
                Ok(Err(refusal)) => return Err((Some(number), refusal)),
                Err(_) => {
                    let message = "a part of the download was ended: the runtime is shutting down";
                    return Err((None, S3Error::new(TransferError::StreamInterrupted, message).into()));
                }
            }
        }
    };
    match either(write, feed(run, fetcher, pieces, opened, lots, &hunger)).await {
        Either::First(result) => result,
        Either::Second(()) => Ok(()),
    }
}

/// Begins pieces in their order, each when there is room for it. Does not end by itself.
async fn feed(
    run: &Run,
    fetcher: &Fetcher,
    pieces: Vec<Piece>,
    mut opened: Option<ByteStream>,
    lots: Sender<Lot>,
    hunger: &Hunger,
) {
    // With it go all pieces under way.
    let mut running = Crew::new();
    let slots = Arc::new(Semaphore::new(run.settings.concurrency.max(1)));
    for piece in pieces {
        let slot = slots.clone().acquire_owned().await.ok();
        let memory = match either(run.shared().memory.take(piece.len()), hunger.wait()).await {
            Either::First(share) => Some(share),
            Either::Second(()) => None,
        };
        // Parts with a checksum of their own are handed on when they are known to be right.
        let whole = piece.by_part && memory.is_some();
        let (queue, chunks) = mpsc::channel(if memory.is_some() { 1 << 20 } else { 1 });
        let (tell, end) = oneshot::channel();
        let (fetcher, opened) = (fetcher.clone(), opened.take());
        running.spawn(async move {
            let mut sink = Sink::Queue(QueueSink::new(queue, whole));
            let result = fetcher.fetch(piece, opened, &mut sink).await;
            drop(sink);
            let _ = tell.send(result);
        });
        let lot = Lot { number: piece.number, chunks, end, _memory: memory, _slot: slot };
        if lots.send(lot).await.is_err() {
            break;
        }
        while running.reap() {}
    }
    drop(lots);
    std::future::pending().await
}

/// One answer with all of it.
async fn in_one(
    run: &Run,
    source: &Arc<Source>,
    out: &mut Out<'_>,
    mut facts: Facts,
    mut body: ByteStream,
) -> Result<Downloaded, Broken> {
    run.meter.set_parts(0);
    if let Some(total) = facts.total {
        run.meter.set_total(total);
    }
    run.meter.phase(Phase::Running);
    let (mut tries, mut skip) = (0, 0);
    loop {
        let error = match copy(out, &mut body, skip).await {
            Ok(()) => {
                out.flush().await.map_err(|error| source.named(error))?;
                // The first bytes are then those of an answer that did not live to be compared.
                let verification = match skip {
                    0 => known(&body),
                    _ => Verification::NotChecked(Unchecked::Range),
                };
                return Ok(Downloaded::new(facts, out.written, 0, 0, verification));
            }
            Err(error) => source.named(error),
        };
        let tag = facts.pin().map(str::to_owned);
        let wrong = error.kind() == ErrorKind::Transfer(TransferError::ChecksumMismatch);
        let lost = out.written > 0 && (wrong || tag.is_none());
        if tries == AGAIN || lost || !error.is_retryable() {
            return Err(error.into());
        }
        tries += 1;
        pause(tries, &error).await;
        skip = out.written;
        (facts, body) = source.open(tag.as_deref()).await?;
    }
}

/// Copies an answer with the whole object, but for the first bytes, which were written before.
async fn copy(out: &mut Out<'_>, body: &mut ByteStream, mut skip: u64) -> Result<(), S3Error> {
    while let Some(chunk) = body.next().await.transpose()? {
        let old = usize::try_from(skip).map_or(chunk.len(), |skip| skip.min(chunk.len()));
        skip -= old as u64;
        if old < chunk.len() {
            out.write(&chunk[old..]).await?;
        }
    }
    if skip > 0 {
        let message = format!("the object ended {skip} bytes before the place from which it was to go on");
        return Err(S3Error::new(TransferError::ObjectChanged, message));
    }
    Ok(())
}
