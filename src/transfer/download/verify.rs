//! Whether the pieces together are the object that is stored. Pure.

use super::facts::Stored;
use super::fetch::Landed;
use crate::S3Error;
use crate::error::TransferError;
use crate::integrity::{Algorithm, Sum, Unchecked, Verification, Whole};
use crate::transfer::work::put_in_order;

/// What the checksums of the pieces tell.
#[derive(Debug)]
pub(crate) enum Verdict {
    Known(Verification),
    /// Sums of pieces cannot be put together to this one: all bytes have to be hashed in order.
    InOrder(Sum),
}

/// Whether sums of consecutive pieces can be put together.
pub(crate) fn adds_up(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Crc64Nvme)
}

/// What to hash each piece with, if at all. `remember`: sums are wanted whatever the store has.
pub(crate) fn algorithm(stored: &Stored, remember: bool) -> Option<Algorithm> {
    match stored {
        Stored::Whole(sum) if adds_up(sum.algorithm()) => Some(sum.algorithm()),
        _ => remember.then_some(Algorithm::Crc64Nvme),
    }
}

/// Compares all pieces, in any order, with what is stored.
///
/// # Errors
/// `ChecksumMismatch`: they are not that object.
pub(crate) fn verdict(stored: &Stored, landed: &mut [Landed]) -> Result<Verdict, S3Error> {
    put_in_order(landed, |landed| landed.piece.start);
    let sum = match stored {
        Stored::Whole(sum) if adds_up(sum.algorithm()) => sum,
        Stored::Whole(sum) => return Ok(Verdict::InOrder(*sum)),
        Stored::Nothing(why) => return Ok(Verdict::Known(Verification::NotChecked(*why))),
        Stored::Composite => {
            let checked = |landed: &Landed| matches!(landed.verification, Verification::Verified(_));
            return Ok(Verdict::Known(match landed.iter().find(|landed| !checked(landed)) {
                Some(_) => Verification::NotChecked(Unchecked::Composite),
                None => landed.first().map_or(Verification::NotChecked(Unchecked::Composite), |one| one.verification),
            }));
        }
    };
    let mut whole = Whole::new(sum.algorithm());
    for piece in landed.iter() {
        match piece.sum {
            Some(sum) => whole.push(&sum, piece.piece.len()),
            None => return Ok(Verdict::Known(Verification::NotChecked(Unchecked::Range))),
        }
    }
    match whole.finish() {
        Some(now) => compare(&now, sum).map(Verdict::Known),
        None => Ok(Verdict::Known(Verification::NotChecked(Unchecked::Range))),
    }
}

/// # Errors
/// `ChecksumMismatch`.
pub(crate) fn compare(now: &Sum, stored: &Sum) -> Result<Verification, S3Error> {
    if now == stored {
        return Ok(Verification::Verified(stored.algorithm()));
    }
    let algorithm = stored.algorithm();
    let message = format!("the bytes that came have the {algorithm} checksum {now}, those stored had {stored}");
    Err(S3Error::new(TransferError::ChecksumMismatch, message)
        .with_suggestion("download it again; if it stays, the object is damaged")
        .with_retryable(true))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::plan::Plan;
    use super::*;
    use crate::integrity::Hasher;

    const DATA: &[u8] = b"the bytes of an object in several pieces";

    fn landed(algorithm: Algorithm) -> Vec<Landed> {
        let pieces = Plan::ranges(DATA.len() as u64, 7, 0).pieces();
        let sum = |start: u64, end: u64| Some(Hasher::of(algorithm, &DATA[start as usize..end as usize]));
        let verification = Verification::NotChecked(Unchecked::Range);
        // As they come: not in order.
        pieces.into_iter().rev().map(|piece| Landed { piece, sum: sum(piece.start, piece.end), verification }).collect()
    }

    #[test]
    fn sums_of_pieces_make_the_sum_of_the_object() {
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let stored = Stored::Whole(Hasher::of(algorithm, DATA));
            let verdict = verdict(&stored, &mut landed(algorithm)).unwrap();
            assert!(matches!(verdict, Verdict::Known(Verification::Verified(by)) if by == algorithm), "{verdict:?}");
        }
    }

    #[test]
    fn one_changed_piece_is_found() {
        let stored = Stored::Whole(Hasher::of(Algorithm::Crc32c, DATA));
        let mut wrong = landed(Algorithm::Crc32c);
        wrong[2].sum = Some(Hasher::of(Algorithm::Crc32c, b"7 bytes"));
        let error = verdict(&stored, &mut wrong).unwrap_err();
        assert_eq!(error.kind(), TransferError::ChecksumMismatch.into());
        // A missing sum is no agreement.
        wrong[2].sum = None;
        let verdict = verdict(&stored, &mut wrong).unwrap();
        assert!(matches!(verdict, Verdict::Known(Verification::NotChecked(_))), "{verdict:?}");
    }

    #[test]
    fn other_sums_need_the_bytes_in_order() {
        let stored = Stored::Whole(Hasher::of(Algorithm::Sha256, DATA));
        let verdict = verdict(&stored, &mut landed(Algorithm::Sha256)).unwrap();
        assert!(matches!(verdict, Verdict::InOrder(_)), "{verdict:?}");
    }

    #[test]
    fn parts_are_verified_only_all_together() {
        let mut parts = landed(Algorithm::Crc32);
        for part in &mut parts {
            part.verification = Verification::Verified(Algorithm::Sha256);
        }
        let all = verdict(&Stored::Composite, &mut parts).unwrap();
        assert!(matches!(all, Verdict::Known(Verification::Verified(Algorithm::Sha256))), "{all:?}");
        parts[1].verification = Verification::NotChecked(Unchecked::NoneStored);
        let some = verdict(&Stored::Composite, &mut parts).unwrap();
        assert!(matches!(some, Verdict::Known(Verification::NotChecked(Unchecked::Composite))), "{some:?}");
    }
}
