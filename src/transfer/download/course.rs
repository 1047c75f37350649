//! What downloads into a file, a writer and memory have in common: whether they go in pieces, when all is begun anew, and how
//! they end without success.

use std::path::PathBuf;

use super::facts::{Facts, Stored};
use super::fetch::{Landed, pause};
use super::plan::Plan;
use super::source::{Pin, Source};
use crate::error::{ErrorKind, TransferError};
use crate::integrity::{Unchecked, Verification};
use crate::transfer::Run;
use crate::transfer::state::TransferState;
use crate::{ByteStream, Bytes, S3Error};

/// How often everything is fetched anew when the whole is not what is stored.
const ROUNDS: u32 = 2;

/// A download that ended before its end.
pub(crate) struct Broken {
    pub(crate) error: S3Error,
    pub(crate) done: Vec<u32>,
    pub(crate) failed: Vec<u32>,
    pub(crate) of: u32,
    /// What is left on the disk.
    pub(crate) left: Option<PathBuf>,
    pub(crate) state: Option<TransferState>,
}

impl Broken {
    pub(crate) fn of_pieces(error: S3Error, landed: &[Landed], failed: Option<u32>, of: u32) -> Self {
        let done = landed.iter().map(|landed| landed.piece.number).collect();
        Self { done, failed: failed.into_iter().collect(), of, ..Self::from(error) }
    }
}

impl From<S3Error> for Broken {
    fn from(error: S3Error) -> Self {
        Self { error, done: Vec::new(), failed: Vec::new(), of: 0, left: None, state: None }
    }
}

/// How a large object is fetched in pieces; `None`: as a whole, by the answer that is open.
pub(crate) async fn in_pieces_if_large(
    run: &Run,
    source: &Source,
    facts: &Facts,
) -> Result<Option<(Pin, Plan)>, S3Error> {
    let pin = match (facts.total, facts.pin()) {
        (Some(total), Some(e_tag)) if total > run.settings.threshold && !facts.whole_only => {
            Pin { e_tag: e_tag.to_owned(), total }
        }
        _ => return Ok(None),
    };
    let parts = match facts.seems_multipart() || facts.stored == Stored::Composite {
        true => source.parts(&pin).await?,
        false => None,
    };
    let plan = plan(&pin, &facts.stored, parts, run.settings.part_size);
    Ok((plan.pieces().len() > 1).then_some((pin, plan)))
}

/// Part by part where only the parts can be verified, in ranges otherwise.
fn plan(pin: &Pin, stored: &Stored, parts: Option<(u32, u64)>, wanted: u64) -> Plan {
    match parts {
        Some((count, size)) if *stored == Stored::Composite && pin.total.div_ceil(size) == u64::from(count) => {
            Plan::by_part(pin.total, count, size)
        }
        Some((_, size)) => Plan::ranges(pin.total, wanted, size),
        None => Plan::ranges(pin.total, wanted, 0),
    }
}

/// Begins everything anew if the whole was not what is stored: which piece is wrong cannot be known, so none is kept.
///
/// # Errors
/// What broke, if another round cannot help or there have been enough.
pub(crate) async fn another_round(run: &Run, broken: Broken, rounds: &mut u32) -> Result<(), Broken> {
    let mismatch = broken.error.kind() == ErrorKind::Transfer(TransferError::ChecksumMismatch);
    if !mismatch || broken.of == 0 || *rounds == ROUNDS {
        return Err(broken);
    }
    *rounds += 1;
    run.meter.start_over();
    pause(*rounds, &broken.error).await;
    Ok(())
}

/// The next chunk, unless the transfer is paused or called off.
pub(crate) async fn next(run: &Run, body: &mut ByteStream) -> Result<Option<Bytes>, S3Error> {
    run.pass().await?;
    run.control.unless_cancelled(body.next()).await?.transpose()
}

/// What is known of a body that was read to its end.
pub(crate) fn known(body: &ByteStream) -> Verification {
    match body.verification() {
        Verification::Pending(_) => Verification::NotChecked(Unchecked::NotAsked),
        other => other,
    }
}
