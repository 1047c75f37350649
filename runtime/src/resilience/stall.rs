//! Stalled streams: fewer bytes than a person would call a stream, for longer than a hiccup.
//!
//! Only time counts in which somebody asked for bytes and none were there. Time the caller spends on its bytes is its own.

use std::time::Duration;

/// When a body that trickles is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StallPolicy {
    /// Fewer bytes per second of waiting than this are no stream. Default 1.
    pub bytes_per_second: u32,
    /// So much waiting is borne before it is called stalled. Default 5 s.
    pub grace: Duration,
}

impl Default for StallPolicy {
    fn default() -> Self {
        Self { bytes_per_second: 1, grace: Duration::from_secs(5) }
    }
}

impl StallPolicy {
    /// Under `bytes_per_second` for `grace` is stalled.
    pub fn new(bytes_per_second: u32, grace: Duration) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), grace }
    }
}

/// Bytes and waiting since things last went well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StallWatch {
    waited: Duration,
    bytes: u64,
}

impl StallWatch {
    /// `bytes` came after a wait of `waited`.
    pub(crate) fn arrived(&mut self, policy: &StallPolicy, waited: Duration, bytes: u64) {
        self.waited += waited;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited <= self.earned(policy) {
            *self = Self::default();
        }
    }

    /// How much longer may be waited. Zero: it is stalled.
    pub(crate) fn patience(&self, policy: &StallPolicy) -> Duration {
        policy.grace.max(self.earned(policy)).saturating_sub(self.waited)
    }

    /// The waiting that so many bytes excuse.
    fn earned(&self, policy: &StallPolicy) -> Duration {
        let rate = f64::from(policy.bytes_per_second.max(1));
        Duration::try_from_secs_f64(self.bytes as f64 / rate).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The first moment of waiting at which the stream is stalled.
    fn stalls_at(policy: &StallPolicy, arrivals: &[(u64, u64)]) -> Option<Duration> {
        let (mut watch, mut total) = (StallWatch::default(), Duration::ZERO);
        for (millis, bytes) in arrivals {
            let waited = Duration::from_millis(*millis);
            let patience = watch.patience(policy);
            if waited >= patience {
                return Some(total + patience);
            }
            total += waited;
            watch.arrived(policy, waited, *bytes);
        }
        None
    }

    #[test]
    fn silence_is_borne_for_the_grace_time() {
        let policy = StallPolicy::default();
        assert_eq!(stalls_at(&policy, &[(4_999, 1_000)]), None);
        assert_eq!(stalls_at(&policy, &[(5_000, 1_000)]), Some(Duration::from_secs(5)));
        assert_eq!(stalls_at(&policy, &[(100, 1 << 20), (5_001, 1)]), Some(Duration::from_millis(5_100)));
    }

    #[test]
    fn a_trickle_is_a_stall_and_a_slow_stream_is_not() {
        let policy = StallPolicy::default();
        assert_eq!(stalls_at(&policy, &[(2_000, 1); 10]), Some(Duration::from_secs(5)));
        assert_eq!(stalls_at(&policy, &[(900, 1); 1_000]), None);
        assert_eq!(stalls_at(&policy, &[(4_000, 4); 100]), None);
    }

    proptest! {
        #[test]
        fn fast_enough_is_never_stalled_and_too_slow_always_is(
            waits in prop::collection::vec(1u64..4_000, 50),
            rate in 1u32..1_000,
        ) {
            let policy = StallPolicy::new(rate, Duration::from_secs(5));
            let fast: Vec<_> = waits.iter().map(|w| (*w, w * u64::from(rate) / 1_000 + 1)).collect();
            prop_assert_eq!(stalls_at(&policy, &fast), None);
            let slow: Vec<_> = waits.iter().map(|w| (*w, w * u64::from(rate) / 3_000)).collect();
            let waited = Duration::from_millis(waits.iter().sum());
            let found = stalls_at(&policy, &slow);
            prop_assert!(found.is_some_and(|at| at >= policy.grace && at <= waited) || waited < Duration::from_secs(15));
        }
    }
}
