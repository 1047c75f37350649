//! One part on its way: sent, counted, compared, and sent again while that can help.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::state::PartState;
use super::super::{Run, control};
use super::feed::{Content, Piece};
use super::request::{computed, kind};
use super::sums::value_of;
use crate::error::{ResponseError, TransferError};
use crate::integrity::{Algorithm, Hasher};
use crate::operations::UploadPartRequest;
use crate::transfer::work;
use crate::types::ChecksumType;
use crate::{BodyObserver, ByteStream, Bytes, S3Error};

/// How often a part is sent as a whole; each time the client's own retries come on top.
pub(super) const TRIES: u32 = 4;

/// What all parts of an upload have in common.
pub(super) struct Sender {
    pub(super) run: Run,
    /// Without number and body.
    pub(super) request: UploadPartRequest,
    /// The upload has failed: nothing is tried again.
    pub(super) stopped: AtomicBool,
}

impl Sender {
    pub(super) async fn send(self: Arc<Self>, piece: Piece) -> (u32, Result<PartState, S3Error>) {
        let (number, mut tried) = (piece.number, 0);
        loop {
            let watch = Arc::new(Watch::new(self.run.clone(), self.hashed()));
            match self.once(&piece, &watch).await {
                Ok(part) => {
                    watch.settle(piece.len);
                    return (number, Ok(part));
                }
                Err(error) => {
                    watch.settle(0);
                    tried += 1;
                    let again = tried < TRIES && helps(&error, tried) && !self.stopped.load(Ordering::Relaxed);
                    if !again {
                        return (number, Err(error));
                    }
                    tracing::debug!(target: "integration_s3::call", number, %error, "part is sent again");
                    tokio::time::sleep(pause(tried, &error)).await;
                    if let Err(called_off) = self.run.pass().await {
                        return (number, Err(called_off));
                    }
                }
            }
        }
    }

    /// What is computed here as well. Hashes that are costly are left to the one computation that travels with the part.
    fn hashed(&self) -> Option<Algorithm> {
        let algorithm = self.request.checksum_algorithm.as_ref()?;
        computed(algorithm).filter(|_| kind(algorithm) == ChecksumType::FullObject)
    }

    async fn once(&self, piece: &Piece, watch: &Arc<Watch>) -> Result<PartState, S3Error> {
        let (body, _share) = self.body(piece).await?;
        let mut request = self.request.clone();
        // At most 10,000.
        request.part_number = piece.number as i32;
        request.body = body.observed(watch.clone());
        let answer = self.run.client.execute(request).await?;
        let e_tag = answer.e_tag.clone().ok_or_else(|| {
            S3Error::new(ResponseError::InvalidResponse, format!("the store gave no ETag for part {}", piece.number))
        })?;
        let theirs = self.request.checksum_algorithm.as_ref().and_then(|algorithm| value_of!(answer, algorithm));
        let ours = watch.sum(piece);
        if let (Some(ours), Some(theirs)) = (&ours, &theirs)
            && ours != theirs
        {
            let message = format!("part {} has the checksum {ours} here and {theirs} at the store", piece.number);
            return Err(S3Error::new(TransferError::ChecksumMismatch, message).with_retryable(true));
        }
        Ok(PartState { number: piece.number, len: piece.len, e_tag, checksum: ours.or(theirs) })
    }

    /// The bytes, read anew. Stores that take no chunks need those of a file in memory.
    async fn body(&self, piece: &Piece) -> Result<(ByteStream, Option<super::super::memory::Share>), S3Error> {
        match &piece.content {
            Content::Bytes(bytes) => Ok((bytes.clone().into(), None)),
            Content::Range { path, offset } => {
                let body = ByteStream::from_file_range(path, *offset, piece.len).await?;
                if self.run.client.config().store.aws_chunked {
                    return Ok((body, None));
                }
                let share = self.run.shared().memory.take(piece.len).await;
                Ok((body.collect().await?.into(), Some(share)))
            }
        }
    }
}

/// Whether sending a part once more can help: the way to the store failed, or changed the bytes.
fn helps(error: &S3Error, tried: u32) -> bool {
    const DAMAGED: [&str; 4] =
        ["BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"];
    // What a store says of a part cut into chunks when a byte of the cutting, or of what is signed, is another one. It says the
    // same of a request that is wrong for good, so one more try has to do.
    const PERHAPS: [&str; 4] =
        ["SignatureDoesNotMatch", "InvalidRequest", "InvalidChunkSizeError", "MalformedTrailerError"];
    let is_one_of = |codes: &[&str]| error.code().is_some_and(|code| codes.contains(&code));
    error.is_retryable() || is_one_of(&DAMAGED) || (tried == 1 && is_one_of(&PERHAPS))
}

/// How long to wait before the next try.
pub(super) fn pause(tried: u32, error: &S3Error) -> Duration {
    let usual = Duration::from_millis(100 << tried.min(6));
    error.retry_after().map_or(usual, |asked| asked.clamp(usual, Duration::from_secs(30)))
}

/// Counts the bytes of a part, takes them back when they are sent again, and hashes them on the way.
struct Watch {
    run: Run,
    state: Mutex<Watched>,
}

struct Watched {
    counted: u64,
    hasher: Option<Hasher>,
    algorithm: Option<Algorithm>,
}

impl Watch {
    fn new(run: Run, algorithm: Option<Algorithm>) -> Self {
        Self { run, state: Mutex::new(Watched { counted: 0, hasher: algorithm.map(Hasher::new), algorithm }) }
    }

    /// From now on exactly `bytes` of the part count.
    fn settle(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut state.counted, bytes);
        drop(state);
        if bytes > before {
            self.run.meter.add(bytes - before);
        } else if before > bytes {
            self.run.meter.take_back(before - bytes);
        }
    }

    /// Of the bytes as they were read last. A small body in memory may be sent without being read piece by piece.
    fn sum(&self, piece: &Piece) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = match (&state.hasher, &piece.content) {
            (Some(hasher), _) if state.counted == piece.len => hasher.clone().finish(),
            (Some(hasher), Content::Bytes(bytes)) => Hasher::of(hasher.algorithm(), bytes),
            _ => return None,
        };
        Some(sum.to_base64())
    }
}

impl BodyObserver for Watch {
    fn passed(&self, position: u64, bytes: &Bytes) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let again = if position == 0 { std::mem::take(&mut state.counted) } else { 0 };
        if position == 0 {
            state.hasher = state.algorithm.map(Hasher::new);
        }
        if let Some(hasher) = &mut state.hasher {
            hasher.update(bytes);
        }
        state.counted += bytes.len() as u64;
        drop(state);
        if again > 0 {
            self.run.meter.take_back(again);
        }
        self.run.meter.add(bytes.len() as u64);
    }
}

/// A part that was never over because the upload was called off.
pub(super) fn lost(error: work::Gone) -> S3Error {
    match error {
        error if error.is_cancelled() => control::cancelled(),
        error => work::lost("the task of a part was lost", error),
    }
}
