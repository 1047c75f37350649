//! Into memory: one allocation, of which each piece fills its share.

use std::sync::Arc;

use bytes::BytesMut;

use super::Downloaded;
use super::course::{Broken, another_round, in_pieces_if_large, known, next};
use super::facts::Facts;
use super::fetch::{AGAIN, Fetcher, Landed, pause};
use super::pieces::{Stopped, fetch_all};
use super::sink::{MemorySink, Sink};
use super::source::Source;
use super::verify::{self, Verdict};
use crate::error::{ObjectError, TransferError};
use crate::integrity::{Hasher, Verification};
use crate::transfer::Run;
use crate::transfer::progress::Phase;
use crate::transfer::work::{blocking, put_in_order};
use crate::{ByteStream, Bytes, S3Error};

/// The whole download. `limit`: the most bytes it may have.
pub(crate) async fn drive(run: &Run, source: Arc<Source>, limit: u64) -> Result<(Downloaded, Bytes), Broken> {
    let mut rounds = 0;
    loop {
        match once(run, &source, limit).await {
            Ok(downloaded) => return Ok(downloaded),
            Err(broken) => another_round(run, broken, &mut rounds).await?,
        }
    }
}

async fn once(run: &Run, source: &Arc<Source>, limit: u64) -> Result<(Downloaded, Bytes), Broken> {
    run.pass().await?;
    let (facts, body) = source.open(None).await?;
    if let Some(total) = facts.total.filter(|total| *total > limit) {
        return Err(source.named(too_large(total, limit)).into());
    }
    let Some((pin, plan)) = in_pieces_if_large(run, source, &facts).await? else {
        return in_one(run, source, limit, facts, body).await;
    };
    let pieces = plan.pieces();
    let of = pieces.len() as u32;
    run.meter.set_total(pin.total);
    run.meter.set_parts(of);
    run.meter.phase(Phase::Running);
    let mut whole = room(pin.total).map_err(|error| source.named(error))?;
    let mut shares: Vec<BytesMut> = pieces.iter().rev().map(|piece| whole.split_off(piece.start as usize)).collect();
    shares.reverse();
    let mut shares = shares.into_iter();
    let opened = plan.parts.is_none().then_some(body);
    let fetcher = Fetcher { source: source.clone(), pin: Arc::new(pin), run: run.clone() };
    let algorithm = verify::algorithm(&facts.stored, false);
    let mut landed: Vec<Landed> = Vec::new();
    let mut filled: Vec<(u32, BytesMut)> = Vec::new();
    let result = fetch_all(
        run,
        &fetcher,
        pieces,
        opened,
        |_| Sink::Memory(MemorySink::new(shares.next().unwrap_or_default(), run.meter.clone(), algorithm)),
        |piece, sink| {
            if let Sink::Memory(sink) = sink {
                filled.push((piece.piece.number, sink.share));
            }
            landed.push(piece);
        },
    )
    .await;
    let broken = |error: S3Error, number: Option<u32>, landed: &[Landed]| {
        Broken::of_pieces(source.named(error), landed, number, of)
    };
    match result {
        Ok(()) => {}
        Err(Stopped::Unranged(error)) => {
            tracing::debug!(target: "integration_s3::call", %error, "no ranges to be had: the object is read in one go");
            run.meter.start_over();
            let (facts, body) = source.open(Some(&fetcher.pin.e_tag)).await?;
            return in_one(run, source, limit, facts, body).await;
        }
        Err(Stopped::Failed(number, error)) => return Err(broken(error, number, &landed)),
    }
    run.meter.phase(Phase::Finishing);
    put_in_order(&mut filled, |(number, _)| (*number).into());
    // They lie one behind the other in the same allocation: nothing is copied.
    filled.into_iter().for_each(|(_, share)| whole.unsplit(share));
    let bytes = whole.freeze();
    let verification = match verify::verdict(&facts.stored, &mut landed) {
        Ok(Verdict::Known(verification)) => Ok(verification),
        Ok(Verdict::InOrder(stored)) => {
            let all = bytes.clone();
            blocking(move || verify::compare(&Hasher::of(stored.algorithm(), &all), &stored)).await
        }
        Err(error) => Err(error),
    };
    match verification {
        Ok(verification) => Ok((Downloaded::new(facts, bytes.len() as u64, 0, of, verification), bytes)),
        Err(error) => Err(broken(error, None, &landed)),
    }
}

fn too_large(total: u64, limit: u64) -> S3Error {
    let message = format!("the object has {total} bytes, more than the {limit} that may be held in memory");
    S3Error::new(ObjectError::TooLarge, message)
        .with_suggestion("download it to a path or a writer, or raise max_bytes")
}

fn room(total: u64) -> Result<BytesMut, S3Error> {
    let len = usize::try_from(total).ok().filter(|len| Vec::<u8>::new().try_reserve_exact(*len).is_ok());
    len.map(BytesMut::with_capacity).ok_or_else(|| {
        let message = format!("there is no memory for an object of {total} bytes");
        S3Error::new(TransferError::StreamInterrupted, message).with_suggestion("download it to a path or a writer")
    })
}

/// One answer with all of it.
async fn in_one(
    run: &Run,
    source: &Arc<Source>,
    limit: u64,
    mut facts: Facts,
    mut body: ByteStream,
) -> Result<(Downloaded, Bytes), Broken> {
    run.meter.set_parts(0);
    if let Some(total) = facts.total {
        run.meter.set_total(total);
    }
    run.meter.phase(Phase::Running);
    let mut tries = 0;
    loop {
        let error = match collect(run, limit, facts.total, &mut body).await {
            Ok((bytes, verification)) => {
                return Ok((Downloaded::new(facts, bytes.len() as u64, 0, 0, verification), bytes));
            }
            Err(error) => source.named(error),
        };
        if tries == AGAIN || !error.is_retryable() {
            return Err(error.into());
        }
        tries += 1;
        pause(tries, &error).await;
        run.meter.start_over();
        let tag = facts.pin().map(str::to_owned);
        (facts, body) = source.open(tag.as_deref()).await?;
    }
}

async fn collect(
    run: &Run,
    limit: u64,
    total: Option<u64>,
    body: &mut ByteStream,
) -> Result<(Bytes, Verification), S3Error> {
    let mut all = room(total.unwrap_or(0))?;
    let mut first = None;
    while let Some(chunk) = next(run, body).await? {
        run.meter.add(chunk.len() as u64);
        let len = (all.len() + chunk.len()) as u64;
        if len > limit {
            return Err(too_large(len, limit));
        }
        // What comes in one chunk is not copied.
        if all.is_empty() && total == Some(chunk.len() as u64) {
            first = Some(chunk);
        } else {
            all.extend_from_slice(&chunk);
        }
    }
    Ok((first.unwrap_or_else(|| all.freeze()), known(body)))
}
