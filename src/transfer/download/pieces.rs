//! Many pieces at once, until all are there or one cannot be had.

use std::collections::VecDeque;

use super::fetch::{Fetcher, Landed};
use super::plan::Piece;
use super::sink::{HELD, Sink};
use super::source::Refusal;
use crate::transfer::Run;
use crate::transfer::work::{Crew, lost};
use crate::{ByteStream, S3Error};

/// Why the pieces are not all there.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The store does not serve pieces.
    Unranged(S3Error),
    /// `None`: no piece is to blame.
    Failed(Option<u32>, S3Error),
}

/// A piece, where it goes, and an answer that has its bytes already.
type Task = (Piece, Sink, Option<ByteStream>);

/// The number of a piece, and how it ended.
type Ended = (u32, Result<(Landed, Sink), Refusal>);

/// Fetches the pieces, as many at a time as the settings say. `landed` hears of each as soon as it is where it belongs.
///
/// # Errors
/// The first failure; the other pieces are given up then.
pub(crate) async fn fetch_all(
    run: &Run,
    fetcher: &Fetcher,
    pieces: Vec<Piece>,
    mut opened: Option<ByteStream>,
    mut sink_of: impl FnMut(&Piece) -> Sink,
    mut landed: impl FnMut(Landed, Sink),
) -> Result<(), Stopped> {
    let mut waiting: VecDeque<Piece> = pieces.into();
    let mut running: Crew<Ended> = Crew::new();
    let stop = loop {
        while running.len() < run.settings.concurrency.max(1)
            && let Some(piece) = waiting.pop_front()
        {
            // An answer that is open already is that of the first byte.
            let opened = if piece.start == 0 { opened.take() } else { None };
            let task: Task = (piece, sink_of(&piece), opened);
            running.spawn(one(run.clone(), fetcher.clone(), task));
        }
        let done = match run.control.unless_cancelled(running.next()).await {
            Ok(done) => done,
            Err(error) => break Stopped::Failed(None, error),
        };
        match done {
            None => return Ok(()),
            Some(Ok((_, Ok((piece, sink))))) => {
                run.meter.part_done();
                landed(piece, sink);
            }
            Some(Ok((_, Err(Refusal::Unranged(error))))) => break Stopped::Unranged(error),
            Some(Ok((number, Err(Refusal::Failed(error))))) => break Stopped::Failed(Some(number), error),
            Some(Err(gone)) => break Stopped::Failed(None, lost("a part of the download was ended", gone)),
        }
    };
    running.shutdown().await;
    Err(stop)
}

async fn one(run: Run, fetcher: Fetcher, task: Task) -> Ended {
    let (piece, mut sink, opened) = task;
    // What is on its way to the disk.
    let _permit = run.shared().memory.take(piece.len().min(HELD)).await;
    let landed = fetcher.fetch(piece, opened, &mut sink).await;
    (piece.number, landed.map(|landed| (landed, sink)))
}
