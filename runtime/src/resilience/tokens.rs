//! A bucket of tokens that fills at a rate: how long something must wait so that the rate is kept.

use std::time::Duration;

/// Tokens are taken on credit: whoever finds too few is told how long to wait, and those after it wait longer. So
/// everybody is served in the order they came, and nobody has to ask twice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tokens {
    /// Per second.
    rate: f64,
    capacity: f64,
    /// Below zero: owed to those who wait.
    level: f64,
    filled_at: Duration,
}

/// No wait is longer than this, however large the debt.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Tokens {
    /// A full bucket.
    pub(crate) fn new(rate: f64, capacity: f64) -> Self {
        Self { rate, capacity, level: capacity, filled_at: Duration::ZERO }
    }

    /// Takes `amount` and answers how long to wait before using it.
    pub(crate) fn take(&mut self, now: Duration, amount: f64) -> Duration {
        self.fill(now);
        self.level -= amount;
        if self.level >= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(-self.level / self.rate).unwrap_or(LONGEST).min(LONGEST)
    }

    /// Brings back what was taken and not used.
    pub(crate) fn give_back(&mut self, amount: f64) {
        self.level = (self.level + amount).min(self.capacity);
    }

    /// From now on at another rate.
    pub(crate) fn set(&mut self, now: Duration, rate: f64, capacity: f64) {
        self.fill(now);
        self.rate = rate;
        self.capacity = capacity;
        self.level = self.level.min(capacity);
    }

    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// Tokens to be had without waiting.
    pub(crate) fn left(&mut self, now: Duration) -> f64 {
        self.fill(now);
        self.level.max(0.0)
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.level = (self.level + passed * self.rate).min(self.capacity);
        self.filled_at = self.filled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What the rate promises: in any stretch of time no more than the burst and the rate times its length.
        #[test]
        fn no_stretch_of_time_gets_more_than_its_share(
            rate in 1u32..50,
            capacity in 1u32..20,
            gaps in prop::collection::vec(0u64..400, 1..150),
        ) {
            let mut tokens = Tokens::new(rate.into(), capacity.into());
            let (mut now, mut starts) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                starts.push((now + tokens.take(now, 1.0)).as_secs_f64());
            }
            prop_assert!(starts.is_sorted_by(|a, b| *a <= b + 1e-6), "served in order");
            for from in 0..starts.len() {
                for to in from..starts.len() {
                    let used = (to - from + 1) as f64;
                    let allowed = f64::from(capacity) + (starts[to] - starts[from]) * f64::from(rate) + 1e-3;
                    prop_assert!(used <= allowed, "{used} > {allowed}");
                }
            }
        }

        #[test]
        fn what_is_given_back_is_as_if_it_had_never_been_taken(rate in 1u32..50, takes in prop::collection::vec(1u32..5, 1..40)) {
            let mut tokens = Tokens::new(rate.into(), 10.0);
            for amount in &takes {
                tokens.take(Duration::ZERO, f64::from(*amount));
            }
            for amount in &takes {
                tokens.give_back(f64::from(*amount));
            }
            prop_assert_eq!(tokens, Tokens::new(rate.into(), 10.0));
        }
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let mut tokens = Tokens::new(1.0, 1.0);
        tokens.take(Duration::from_secs(10), 1.0);
        assert_eq!(tokens.take(Duration::from_secs(5), 1.0), Duration::from_secs(1));
    }
}
