//! One piece: asked for, checked, passed on as it arrives, and tried again alone when it fails.

use std::sync::Arc;
use std::time::Duration;

use super::plan::Piece;
use super::sink::Sink;
use super::source::{Pin, Refusal, Source};
use crate::error::{ErrorKind, ResponseError, TransferError};
use crate::integrity::{Sum, Verification};
use crate::transfer::Run;
use crate::{ByteStream, Bytes, S3Error};

/// How often a piece is asked for again, after the client itself has given a request up.
pub(crate) const AGAIN: u32 = 3;

/// What the pieces of one object have in common.
#[derive(Clone)]
pub(crate) struct Fetcher {
    pub(crate) source: Arc<Source>,
    pub(crate) pin: Arc<Pin>,
    pub(crate) run: Run,
}

/// A piece that is where it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub(crate) piece: Piece,
    /// Of its bytes, where one was asked for.
    pub(crate) sum: Option<Sum>,
    /// What the store's own checksum of it says.
    pub(crate) verification: Verification,
}

/// How far a piece is.
struct Progress {
    piece: Piece,
    at: u64,
    verification: Verification,
}

impl Fetcher {
    /// Fetches the piece. `opened`: an answer that begins where the piece begins, and may go on behind its end.
    pub(crate) async fn fetch(
        &self,
        piece: Piece,
        mut opened: Option<ByteStream>,
        sink: &mut Sink,
    ) -> Result<Landed, Refusal> {
        let nothing = Verification::NotChecked(crate::integrity::Unchecked::Range);
        let mut progress = Progress { piece, at: piece.start, verification: nothing };
        let mut tries = 0;
        loop {
            let error = match self.attempt(&mut progress, opened.take(), sink).await {
                Ok(()) if progress.at == piece.end => break,
                Ok(()) => short(&progress),
                Err(Refusal::Failed(error)) => error,
                Err(unranged) => return Err(unranged),
            };
            let error = self.source.named(error);
            if tries == AGAIN || !error.is_retryable() {
                return Err(error.into());
            }
            tries += 1;
            if piece.by_part || error.kind() == ErrorKind::Transfer(TransferError::ChecksumMismatch) {
                // What came may be wrong, or cannot be gone on with.
                if !sink.rewind().await {
                    return Err(error.into());
                }
                progress.at = piece.start;
            }
            pause(tries, &error).await;
        }
        let sum = sink.finish().await.map_err(|error| self.source.named(error))?;
        Ok(Landed { piece, sum, verification: progress.verification })
    }

    async fn attempt(
        &self,
        progress: &mut Progress,
        opened: Option<ByteStream>,
        sink: &mut Sink,
    ) -> Result<(), Refusal> {
        self.run.pass().await?;
        let piece = progress.piece;
        let goes_on = opened.is_some();
        let (mut body, end) = match opened {
            Some(body) => (body, piece.end),
            None => {
                let answered = self.source.piece(&piece, progress.at, &self.pin).await?;
                (answered.body, answered.end)
            }
        };
        while progress.at < end {
            self.run.pass().await?;
            let Some(chunk) = body.next().await.transpose()? else { return Ok(()) };
            let room = usize::try_from(end - progress.at).unwrap_or(usize::MAX);
            if chunk.len() > room && !goes_on {
                return Err(long(&piece).into());
            }
            let chunk: Bytes = if chunk.len() > room { chunk.slice(..room) } else { chunk };
            progress.at += chunk.len() as u64;
            sink.push(chunk).await?;
        }
        if goes_on {
            return Ok(());
        }
        // Nothing may follow. Most answers are known to have ended without asking.
        if !body.is_empty() && body.next().await.transpose()?.is_some() {
            return Err(long(&piece).into());
        }
        progress.verification = body.verification();
        Ok(())
    }
}

/// Waits before a piece is tried again; the client has waited between its own attempts before.
pub(crate) async fn pause(tries: u32, error: &S3Error) {
    let wait = Duration::from_millis(100) * 2_u32.saturating_pow(tries);
    tokio::time::sleep(error.retry_after().unwrap_or(wait).min(Duration::from_secs(20))).await;
}

fn short(progress: &Progress) -> S3Error {
    let (first, last, at) = (progress.piece.start, progress.piece.end - 1, progress.at);
    let message = format!("bytes {first}-{last} were asked for, and those from {at} on did not come");
    S3Error::new(TransferError::IncompleteBody, message).with_retryable(true)
}

fn long(piece: &Piece) -> S3Error {
    let message = format!("bytes {}-{} were asked for, and more came", piece.start, piece.end - 1);
    S3Error::new(ResponseError::InvalidResponse, message)
}
