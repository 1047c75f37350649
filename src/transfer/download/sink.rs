//! Where the bytes of a piece go: into the file, into memory, or to whoever writes them out in order.

use std::io;
use std::mem;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::sync::mpsc::Sender;

use super::file::{PartFile, failed};
use crate::error::TransferError;
use crate::integrity::{Algorithm, Hasher, Sum};
use crate::transfer::progress::Meter;
use crate::transfer::work::{Running, apart, no_thread};
use crate::{Bytes, S3Error};

/// Bytes that go to the disk in one go at least. What arrives in full flow is larger, and written as it comes: each chunk keeps
/// the read buffer it came in (up to 408 KiB), and so a piece holds two of them, the one being written and the next. Little
/// that trickles in is gathered first, so that changing threads costs nothing.
pub(crate) const HOP: usize = 128 << 10;

/// What a piece is taken to hold on its way to the disk: two chunks in their read buffers, and some room.
pub(crate) const HELD: u64 = 1 << 20;

pub(crate) enum Sink {
    File(FileSink),
    Memory(MemorySink),
    Queue(QueueSink),
}

impl Sink {
    /// The next bytes.
    pub(crate) async fn push(&mut self, chunk: Bytes) -> Result<(), S3Error> {
        match self {
            Self::File(sink) => sink.push(chunk).await,
            Self::Memory(sink) => {
                sink.push(&chunk);
                Ok(())
            }
            Self::Queue(sink) => sink.push(chunk).await,
        }
    }

    /// Forgets what came, if that is possible: the piece comes anew.
    pub(crate) async fn rewind(&mut self) -> bool {
        match self {
            Self::File(sink) => sink.rewind().await,
            Self::Memory(sink) => sink.rewind(),
            Self::Queue(sink) => return sink.rewind(),
        }
        true
    }

    /// All bytes came. Answers their checksum, where one was asked for.
    pub(crate) async fn finish(&mut self) -> Result<Option<Sum>, S3Error> {
        match self {
            Self::File(sink) => sink.finish().await,
            Self::Memory(sink) => Ok(sink.hasher.take().map(Hasher::finish)),
            Self::Queue(sink) => sink.finish().await.map(|()| None),
        }
    }
}

/// Into the file, where they belong: gathered without copying, hashed and written on a thread that may block while the next
/// ones arrive.
pub(crate) struct FileSink {
    file: Arc<PartFile>,
    /// For errors: the file people know of.
    target: Arc<std::path::Path>,
    meter: Meter,
    algorithm: Option<Algorithm>,
    hasher: Option<Hasher>,
    start: u64,
    /// Where the gathered bytes go.
    at: u64,
    gathered: Vec<Bytes>,
    held: usize,
    counted: u64,
    writing: Option<Running<Written>>,
}

struct Written {
    result: io::Result<()>,
    hasher: Option<Hasher>,
    bytes: u64,
}

impl FileSink {
    pub(crate) fn new(
        file: Arc<PartFile>,
        target: Arc<std::path::Path>,
        meter: Meter,
        start: u64,
        algorithm: Option<Algorithm>,
    ) -> Self {
        Self {
            file,
            target,
            meter,
            algorithm,
            hasher: algorithm.map(Hasher::new),
            start,
            at: start,
            gathered: Vec::new(),
            held: 0,
            counted: 0,
            writing: None,
        }
    }

    async fn push(&mut self, chunk: Bytes) -> Result<(), S3Error> {
        self.held += chunk.len();
        self.gathered.push(chunk);
        if self.held >= HOP { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), S3Error> {
        self.settle().await?;
        let chunks = mem::take(&mut self.gathered);
        let bytes = mem::take(&mut self.held) as u64;
        let at = self.at;
        self.at += bytes;
        let (file, mut hasher) = (self.file.clone(), self.hasher.take());
        self.writing = Some(apart(move || {
            // While they are in the processor's cache, for the kernel as well.
            if let Some(hasher) = &mut hasher {
                chunks.iter().for_each(|chunk| hasher.update(chunk));
            }
            Written { result: file.write(&chunks, at), hasher, bytes }
        }));
        Ok(())
    }

    /// Waits for what is being written.
    async fn settle(&mut self) -> Result<(), S3Error> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let written = writing.await.map_err(no_thread)?;
        self.hasher = written.hasher;
        written.result.map_err(|error| failed("written", &self.target, error))?;
        self.counted += written.bytes;
        self.meter.add(written.bytes);
        Ok(())
    }

    async fn rewind(&mut self) {
        // Whatever became of it: the same place is written once more.
        let _ = self.settle().await;
        self.meter.take_back(mem::take(&mut self.counted));
        self.hasher = self.algorithm.map(Hasher::new);
        self.gathered.clear();
        self.held = 0;
        self.at = self.start;
    }

    async fn finish(&mut self) -> Result<Option<Sum>, S3Error> {
        if self.held > 0 {
            self.write().await?;
        }
        self.settle().await?;
        Ok(self.hasher.take().map(Hasher::finish))
    }
}

/// Into a share of one allocation, which has exactly the room for it.
pub(crate) struct MemorySink {
    pub(crate) share: BytesMut,
    meter: Meter,
    algorithm: Option<Algorithm>,
    hasher: Option<Hasher>,
}

impl MemorySink {
    pub(crate) fn new(share: BytesMut, meter: Meter, algorithm: Option<Algorithm>) -> Self {
        Self { share, meter, algorithm, hasher: algorithm.map(Hasher::new) }
    }

    fn push(&mut self, chunk: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(chunk);
        }
        self.share.extend_from_slice(chunk);
        self.meter.add(chunk.len() as u64);
    }

    fn rewind(&mut self) {
        self.meter.take_back(self.share.len() as u64);
        self.share.clear();
        self.hasher = self.algorithm.map(Hasher::new);
    }
}

/// To whoever writes the pieces out in order.
pub(crate) struct QueueSink {
    queue: Sender<Bytes>,
    /// Held back until the piece is complete and known to be right.
    held: Option<Vec<Bytes>>,
    sent: bool,
}

impl QueueSink {
    /// `whole`: nothing is handed on before all of the piece is there.
    pub(crate) fn new(queue: Sender<Bytes>, whole: bool) -> Self {
        Self { queue, held: whole.then(Vec::new), sent: false }
    }

    async fn push(&mut self, chunk: Bytes) -> Result<(), S3Error> {
        match &mut self.held {
            Some(held) => {
                held.push(chunk);
                Ok(())
            }
            None => self.send(chunk).await,
        }
    }

    async fn send(&mut self, chunk: Bytes) -> Result<(), S3Error> {
        self.sent = true;
        self.queue.send(chunk).await.map_err(|_| {
            S3Error::new(TransferError::StreamInterrupted, "nobody takes the bytes any more: the download has ended")
        })
    }

    fn rewind(&mut self) -> bool {
        if let Some(held) = &mut self.held {
            held.clear();
        }
        !self.sent
    }

    async fn finish(&mut self) -> Result<(), S3Error> {
        for chunk in self.held.take().unwrap_or_default() {
            self.send(chunk).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::super::file::Target;
    use super::*;
    use crate::transfer::TransferHandle;

    /// A read buffer that counts how many of its kind there are.
    struct Buffer(Vec<u8>, Arc<AtomicUsize>);

    impl Buffer {
        fn chunk(len: usize, alive: &Arc<AtomicUsize>) -> Bytes {
            alive.fetch_add(1, SeqCst);
            Bytes::from_owner(Self(vec![7; len], alive.clone()))
        }
    }

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Drop for Buffer {
        fn drop(&mut self) {
            self.1.fetch_sub(1, SeqCst);
        }
    }

    fn sink(name: &str, len: u64) -> FileSink {
        let path = std::env::temp_dir().join(format!("download-sink-{}-{name}", std::process::id()));
        let file = Arc::new(PartFile::create(&Target::look(&path, true).unwrap(), Some(len)).unwrap());
        let meter = Meter::new(TransferHandle::default(), None);
        FileSink::new(file, path.into(), meter, 0, Some(Algorithm::Crc32))
    }

    #[tokio::test]
    async fn a_piece_on_its_way_to_the_disk_holds_two_read_buffers() {
        const LEN: usize = 400 << 10;
        let mut sink = sink("large", 50 * LEN as u64);
        let alive = Arc::new(AtomicUsize::new(0));
        for _ in 0..50 {
            let chunk = Buffer::chunk(LEN, &alive);
            assert!(alive.load(SeqCst) <= 2, "the one being written, and this");
            sink.push(chunk).await.unwrap();
        }
        let sum = sink.finish().await.unwrap();
        assert_eq!((alive.load(SeqCst), sum), (0, Some(Hasher::of(Algorithm::Crc32, &vec![7; 50 * LEN]))));
    }

    #[tokio::test]
    async fn what_trickles_in_is_gathered() {
        let mut sink = sink("small", 100_000);
        let alive = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            sink.push(Buffer::chunk(1000, &alive)).await.unwrap();
        }
        assert!(sink.writing.is_none() && alive.load(SeqCst) == 100, "no thread was troubled yet");
        sink.finish().await.unwrap();
        assert_eq!((alive.load(SeqCst), sink.counted), (0, 100_000));
    }
}
