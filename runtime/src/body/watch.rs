//! Somebody who is shown the bytes of a body while they are read, each time it is read.

use std::sync::Arc;

use bytes::Bytes;

use super::ByteStream;

/// Bytes in memory are shown in pieces of this size, so that progress is seen while a large body travels.
pub(super) const PIECE: usize = 256 * 1024;

/// Is shown the bytes of a body as they are read.
///
/// A body that is sent again after a failed attempt is shown again: from position 0 on.
pub trait BodyObserver: Send + Sync {
    /// These bytes are on their way; the first of them is byte `position` of the body.
    fn passed(&self, position: u64, bytes: &Bytes);
}

pub(super) struct Watch {
    observer: Arc<dyn BodyObserver>,
    position: u64,
}

impl Watch {
    pub(super) fn again(&self) -> Self {
        Self { observer: self.observer.clone(), position: 0 }
    }

    pub(super) fn passed(&mut self, bytes: &Bytes) {
        self.observer.passed(self.position, bytes);
        self.position += bytes.len() as u64;
    }
}

impl ByteStream {
    /// The same body, whose bytes are shown to an observer while they are read. Whether it can be sent again does not
    /// change; its clones have the same observer.
    ///
    /// ```
    /// # use integration_s3_runtime::facade as integration_s3;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use integration_s3::{BodyObserver, ByteStream, Bytes};
    ///
    /// struct Furthest(AtomicU64);
    ///
    /// impl BodyObserver for Furthest {
    ///     fn passed(&self, position: u64, bytes: &Bytes) {
    ///         self.0.fetch_max(position + bytes.len() as u64, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let furthest = Arc::new(Furthest(AtomicU64::new(0)));
    /// let mut body = ByteStream::from("hello").observed(furthest.clone());
    /// while body.next().await.transpose()?.is_some() {}
    /// assert_eq!(furthest.0.load(Ordering::Relaxed), 5);
    /// # Ok::<(), integration_s3::error::S3Error>(())
    /// # }).unwrap();
    /// ```
    pub fn observed(mut self, observer: Arc<dyn BodyObserver>) -> Self {
        self.watch = Some(Box::new(Watch { observer, position: 0 }));
        self
    }

    /// All of a body that lies in memory and is no larger than that, shown to its observer as if it had been read.
    pub(crate) fn in_one_piece(&mut self, limit: usize) -> Option<Bytes> {
        let bytes = self.as_bytes().filter(|bytes| bytes.len() <= limit)?.clone();
        if let Some(watch) = &mut self.watch
            && !bytes.is_empty()
        {
            watch.passed(&bytes);
        }
        Some(bytes)
    }
}
