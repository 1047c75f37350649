//! The memory that all transfers of a client may use together for parts they hold.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is given out at once: a permit counts 32 bits.
const GRAIN: u64 = 64 << 10;

/// A budget of bytes. Whoever comes first is served first.
#[derive(Debug)]
pub(crate) struct Memory {
    free: Arc<Semaphore>,
    grains: u32,
}

/// So many bytes of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Memory {
    pub(crate) fn new(bytes: u64) -> Self {
        let grains = u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).max(1);
        Self { free: Arc::new(Semaphore::new(grains as usize)), grains }
    }

    /// Waits for so many bytes. Who wants more than there is gets all of it, alone.
    pub(crate) async fn take(&self, bytes: u64) -> Share {
        let grains = u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).min(self.grains);
        // The semaphore is never closed.
        Share { _permit: self.free.clone().acquire_many_owned(grains).await.ok() }
    }

    /// Bytes given out.
    pub(crate) fn in_use(&self) -> u64 {
        (self.grains as usize).saturating_sub(self.free.available_permits()) as u64 * GRAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_no_more_than_there_is_and_everything_to_who_wants_too_much() {
        let memory = Memory::new(1 << 20);
        let half = memory.take(512 << 10).await;
        assert_eq!(memory.in_use(), 512 << 10);
        let soon = std::time::Duration::from_millis(10);
        assert!(tokio::time::timeout(soon, memory.take(10 << 20)).await.is_err());
        drop(half);
        let all = memory.take(10 << 20).await;
        assert_eq!(memory.in_use(), 1 << 20);
        drop(all);
        assert_eq!(memory.in_use(), 0);
        assert_eq!(Memory::new(0).take(1).await._permit.map(|p| p.num_permits()), Some(1));
    }
}
