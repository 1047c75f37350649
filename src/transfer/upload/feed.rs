//! Hands out the parts of a source, one after the other. A part of a file is a range; a part of a stream is held in memory.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;

use super::super::memory::{Memory, Share};
use super::plan::{self, MOST_PARTS, Plan};
use crate::{ByteStream, Bytes, S3Error};

/// One part, ready to be sent.
pub(super) struct Piece {
    pub(super) number: u32,
    pub(super) len: u64,
    pub(super) content: Content,
    /// What it holds of the client's memory.
    _share: Option<Arc<Share>>,
    /// Where its buffer goes when it is over.
    spare: Option<Arc<Spare>>,
}

/// Buffers of parts that are over, for the parts to come: to allocate and free megabytes again and again would leave more
/// with the allocator than all parts in flight hold.
#[derive(Default)]
struct Spare(Mutex<Vec<BytesMut>>);

impl Drop for Piece {
    fn drop(&mut self) {
        if let (Some(spare), Content::Bytes(bytes)) = (&self.spare, &mut self.content)
            // Whoever still has some of it keeps it.
            && let Ok(mut buffer) = std::mem::take(bytes).try_into_mut()
        {
            buffer.clear();
            spare.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}

pub(super) enum Content {
    Range { path: PathBuf, offset: u64 },
    Bytes(Bytes),
}

pub(super) enum Feed {
    /// All but the parts that stand.
    File {
        path: PathBuf,
        plan: Plan,
        next: u32,
        stands: BTreeSet<u32>,
    },
    Bytes {
        bytes: Bytes,
        plan: Plan,
        next: u32,
    },
    Stream(Box<Stream>),
}

/// A stream, cut into parts of one size as it comes.
pub(super) struct Stream {
    body: ByteStream,
    /// Read, and in no part yet.
    ahead: Bytes,
    ahead_share: Option<Arc<Share>>,
    filling: BytesMut,
    spare: Arc<Spare>,
    share: Option<Share>,
    part_size: usize,
    next: u32,
}

/// The beginning of a stream.
pub(super) struct Beginning {
    pub(super) bytes: Bytes,
    share: Share,
    body: ByteStream,
    /// There is no more.
    pub(super) over: bool,
}

impl Beginning {
    /// Reads up to `most` bytes, or to the end.
    pub(super) async fn read(mut body: ByteStream, most: u64, memory: &Memory) -> Result<Self, S3Error> {
        let share = memory.take(most).await;
        let room = usize::try_from(body.len().unwrap_or(most).min(most)).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(room);
        let mut over = false;
        while (bytes.len() as u64) < most {
            match body.next().await {
                Some(chunk) => bytes.extend_from_slice(&chunk?),
                None => {
                    over = true;
                    break;
                }
            }
        }
        Ok(Self { bytes: bytes.into(), share, body, over })
    }

    pub(super) fn into_feed(self, part_size: u64) -> Feed {
        Feed::Stream(Box::new(Stream {
            body: self.body,
            ahead: self.bytes,
            ahead_share: Some(Arc::new(self.share)),
            filling: BytesMut::new(),
            spare: Arc::default(),
            share: None,
            part_size: usize::try_from(part_size).unwrap_or(usize::MAX),
            next: 1,
        }))
    }
}

impl Feed {
    /// The next part; `None` when there is no more. Nothing is lost when it is dropped and called again.
    ///
    /// # Errors
    /// The stream failed, or is longer than 10,000 parts.
    pub(super) async fn next(&mut self, memory: &Memory) -> Result<Option<Piece>, S3Error> {
        match self {
            Self::File { path, plan, next, stands } => {
                while stands.contains(next) {
                    *next += 1;
                }
                Ok(range(plan, next).map(|(number, range)| Piece {
                    number,
                    len: range.end - range.start,
                    content: Content::Range { path: path.clone(), offset: range.start },
                    _share: None,
                    spare: None,
                }))
            }
            Self::Bytes { bytes, plan, next } => Ok(range(plan, next).map(|(number, range)| {
                // A range of what lies in memory fits its indices.
                let content = Content::Bytes(bytes.slice(range.start as usize..range.end as usize));
                Piece { number, len: range.end - range.start, content, _share: None, spare: None }
            })),
            Self::Stream(stream) => stream.next(memory).await,
        }
    }
}

fn range(plan: &Plan, next: &mut u32) -> Option<(u32, std::ops::Range<u64>)> {
    let number = *next;
    if u64::from(number) > plan.count() {
        return None;
    }
    *next += 1;
    Some((number, plan.range(number)))
}

impl Stream {
    async fn next(&mut self, memory: &Memory) -> Result<Option<Piece>, S3Error> {
        // A part that has been read already is not copied.
        if self.filling.is_empty() && self.ahead.len() >= self.part_size {
            let bytes = self.ahead.split_to(self.part_size);
            let share = self.ahead_share.clone();
            return self.piece(bytes, share, None).map(Some);
        }
        loop {
            let room = self.part_size - self.filling.len();
            if room == 0 {
                break;
            }
            if self.ahead.is_empty() {
                self.ahead_share = None;
                match self.body.next().await {
                    Some(chunk) => self.ahead = chunk?,
                    None => break,
                }
            }
            // Room is taken only once there is something to put there.
            if self.share.is_none() {
                // Whoever waits for memory holds none. What is left of the beginning is less than a part.
                if self.ahead_share.take().is_some() {
                    self.ahead = Bytes::copy_from_slice(&self.ahead);
                }
                self.share = Some(memory.take(self.part_size as u64).await);
                self.filling = self.spare.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
                self.filling.reserve(self.part_size);
            }
            let some = self.ahead.split_to(self.ahead.len().min(room));
            self.filling.extend_from_slice(&some);
        }
        if self.filling.is_empty() {
            return Ok(None);
        }
        let (bytes, share) = (std::mem::take(&mut self.filling), self.share.take().map(Arc::new));
        let spare = Some(self.spare.clone());
        self.piece(bytes.freeze(), share, spare).map(Some)
    }

    fn piece(&mut self, bytes: Bytes, share: Option<Arc<Share>>, spare: Option<Arc<Spare>>) -> Result<Piece, S3Error> {
        let number = self.next;
        if u64::from(number) > MOST_PARTS {
            return Err(plan::too_long(self.part_size as u64));
        }
        self.next += 1;
        Ok(Piece { number, len: bytes.len() as u64, content: Content::Bytes(bytes), _share: share, spare })
    }
}
