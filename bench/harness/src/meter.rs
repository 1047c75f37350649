//! Clocks and counters of this process.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Where the clocks and counters stood.
pub(crate) struct Meter {
    cpu: Duration,
    wall: Instant,
    #[cfg(feature = "count-allocations")]
    allocations: stats_alloc::Stats,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self {
            #[cfg(feature = "count-allocations")]
            allocations: ALLOCATOR.stats(),
            wall: Instant::now(),
            cpu: cpu(),
        }
    }

    /// User and system time of all threads since the start.
    pub(crate) fn cpu(&self) -> Duration {
        cpu().saturating_sub(self.cpu)
    }

    pub(crate) fn wall(&self) -> Duration {
        self.wall.elapsed()
    }

    /// Calls of the allocator, and the bytes asked for, as members of a JSON object. Nothing in a build that does not count.
    #[cfg(feature = "count-allocations")]
    pub(crate) fn allocations(&self, operations: u64) -> String {
        let now = ALLOCATOR.stats();
        let calls = now.allocations + now.reallocations - self.allocations.allocations - self.allocations.reallocations;
        let bytes = now.bytes_allocated - self.allocations.bytes_allocated;
        let per = |count: usize| count as f64 / operations as f64;
        format!(",\"allocations\":{:.1},\"allocated_bytes\":{:.0}", per(calls), per(bytes))
    }

    #[cfg(not(feature = "count-allocations"))]
    pub(crate) fn allocations(&self, _operations: u64) -> String {
        String::new()
    }
}

/// CPU time this process has taken: what `getrusage` gives as user and system time, but in nanoseconds.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The most memory this process had, in KiB. Nought where there is no `/proc`.
pub(crate) fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}
