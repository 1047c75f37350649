//! What is kept for each place requests go to: its circuit, its pace, its limits. A place is a bucket in a region.
//!
//! Finding one takes no lock: the table is replaced when a place is new, never changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::adaptive::Pace;
use super::circuit::{Circuit, CircuitPolicy, CircuitState};
use super::limits::{Limiter, RateLimits};

/// More places than this are not kept at once: the quiet ones are forgotten first.
const KEPT: usize = 1_000;

/// One place.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) circuit: Circuit,
    pub(crate) limits: Option<Limiter>,
    pace: Mutex<Pace>,
}

impl Lane {
    pub(crate) fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    bucket: Box<str>,
    region: Box<str>,
    lane: Arc<Lane>,
}

/// All places of a client.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// Sorted by bucket and region.
    table: ArcSwap<Vec<Entry>>,
    growing: Mutex<()>,
    circuit: CircuitPolicy,
    limits: RateLimits,
}

impl Lanes {
    pub(crate) fn new(circuit: CircuitPolicy, limits: RateLimits) -> Self {
        Self { table: ArcSwap::default(), growing: Mutex::new(()), circuit, limits }
    }

    /// The place, made if it is new. `""` stands for no bucket.
    pub(crate) fn of(&self, bucket: &str, region: &str) -> Arc<Lane> {
        if let Ok(found) = find(&self.table.load(), bucket, region) {
            return found;
        }
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = self.table.load().to_vec();
        if table.len() >= KEPT {
            table.retain(|entry| {
                Arc::strong_count(&entry.lane) > 2 || entry.lane.circuit.state() != CircuitState::Closed
            });
            // All of them busy or broken: begin anew rather than grow.
            if table.len() >= KEPT {
                table.clear();
            }
        }
        match find(&table, bucket, region) {
            Ok(lane) => lane,
            Err(at) => {
                let limits = if self.limits.per_bucket { Limiter::new(&self.limits) } else { None };
                let lane =
                    Arc::new(Lane { circuit: Circuit::new(self.circuit), limits, pace: Mutex::new(Pace::new()) });
                table.insert(at, Entry { bucket: bucket.into(), region: region.into(), lane: lane.clone() });
                self.table.store(Arc::new(table));
                lane
            }
        }
    }

    /// The circuit's state of a place; one never asked is closed.
    pub(crate) fn state(&self, bucket: &str, region: &str) -> CircuitState {
        find(&self.table.load(), bucket, region).map_or(CircuitState::Closed, |lane| lane.circuit.state())
    }
}

fn find(table: &[Entry], bucket: &str, region: &str) -> Result<Arc<Lane>, usize> {
    table
        .binary_search_by(|entry| (&*entry.bucket, &*entry.region).cmp(&(bucket, region)))
        .map(|at| table[at].lane.clone())
}

#[cfg(test)]
mod tests {
    use super::super::circuit::Outcome;
    use super::*;
    use std::time::Duration;

    fn break_it(lane: &Lane) {
        while let Ok(pass) = lane.circuit.pass(|| Duration::ZERO, |_| {}) {
            pass.done(Outcome::Failure, || Duration::ZERO);
        }
    }

    #[test]
    fn a_bucket_in_a_region_is_one_place() {
        let lanes = Lanes::new(CircuitPolicy::default(), RateLimits::default());
        break_it(&lanes.of("a", "eu-west-1"));
        assert_eq!(lanes.state("a", "eu-west-1"), CircuitState::Open);
        assert_eq!(lanes.state("a", "us-east-1"), CircuitState::Closed);
        assert_eq!(lanes.state("b", "eu-west-1"), CircuitState::Closed);
        assert!(Arc::ptr_eq(&lanes.of("a", "eu-west-1"), &lanes.of("a", "eu-west-1")));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_what_is_broken() {
        let lanes = Lanes::new(CircuitPolicy::default(), RateLimits::default());
        break_it(&lanes.of("broken", "r"));
        for n in 0..3 * KEPT {
            lanes.of(&format!("b{n}"), "r");
            assert!(lanes.table.load().len() <= KEPT);
        }
        assert_eq!(lanes.state("broken", "r"), CircuitState::Open);
    }

    #[test]
    fn limits_are_shared_unless_each_bucket_has_its_own() {
        let limits = RateLimits::new().concurrent_requests(1);
        assert!(Lanes::new(CircuitPolicy::default(), limits).of("a", "r").limits.is_none());
        assert!(Lanes::new(CircuitPolicy::default(), limits.per_bucket(true)).of("a", "r").limits.is_some());
    }
}
