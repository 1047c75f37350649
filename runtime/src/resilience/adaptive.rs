//! Adaptive retries: the rate of requests a client sends to a place gives way when the place throttles.
//!
//! The rate is what was measured, not what was configured. A throttle cuts it to 70 %. After that it grows along the
//! cubic curve TCP uses: fast at first, slowly around the rate that was too much, fast again beyond it. As long as a place has
//! never throttled, nothing is held back.

use std::time::Duration;

use super::tokens::Tokens;

/// What a throttle leaves of the rate.
const CUT: f64 = 0.7;
/// How steep the curve is.
const STEEPNESS: f64 = 0.4;
/// How much of the measured rate is news; the rest is memory.
const NEWS: f64 = 0.8;
/// Requests per second it never goes below.
const SLOWEST: f64 = 0.5;
/// The rate is measured over stretches of so many seconds.
const STRETCH: f64 = 0.5;

/// The pace of one place.
#[derive(Debug)]
pub(crate) struct Pace {
    /// None before the first throttle.
    tokens: Option<Tokens>,
    /// The rate that was too much.
    ceiling: f64,
    throttled_at: Duration,
    /// Requests per second, smoothed.
    measured: f64,
    /// The stretch being counted and what was counted in it.
    stretch: f64,
    sent: u32,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { tokens: None, ceiling: 0.0, throttled_at: Duration::ZERO, measured: 0.0, stretch: 0.0, sent: 0 }
    }

    /// How long a request must wait before it may be sent.
    pub(crate) fn take(&mut self, now: Duration) -> Duration {
        self.tokens.as_mut().map_or(Duration::ZERO, |tokens| tokens.take(now, 1.0))
    }

    /// A request that waited was not sent.
    pub(crate) fn give_back(&mut self) {
        if let Some(tokens) = &mut self.tokens {
            tokens.give_back(1.0);
        }
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, now: Duration, throttled: bool) {
        self.measure(now);
        let wanted = if throttled {
            let present = self.tokens.as_ref().map_or(self.measured, |tokens| tokens.rate().min(self.measured));
            self.ceiling = present;
            self.throttled_at = now;
            self.tokens.get_or_insert_with(|| Tokens::new(SLOWEST, 0.0));
            present * CUT
        } else {
            let since = now.saturating_sub(self.throttled_at).as_secs_f64();
            // So long after a throttle the curve is back at the ceiling.
            let back_after = (self.ceiling * (1.0 - CUT) / STEEPNESS).cbrt();
            STEEPNESS * (since - back_after).powi(3) + self.ceiling
        };
        if let Some(tokens) = &mut self.tokens {
            // No faster than twice what is really sent: idle time earns nothing.
            let rate = wanted.min(2.0 * self.measured).max(SLOWEST);
            tokens.set(now, rate, rate.max(1.0));
        }
    }

    /// The rate it is held to; `None`: to none.
    #[cfg(test)]
    pub(crate) fn rate(&self) -> Option<f64> {
        self.tokens.as_ref().map(Tokens::rate)
    }

    fn measure(&mut self, now: Duration) {
        let stretch = (now.as_secs_f64() / STRETCH).floor() * STRETCH;
        self.sent += 1;
        if stretch > self.stretch {
            let rate = f64::from(self.sent) / (stretch - self.stretch);
            self.measured = rate * NEWS + self.measured * (1.0 - NEWS);
            self.sent = 0;
            self.stretch = stretch;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Sends as fast as it may to a server that throttles beyond `capacity` per second; answers the goodput of the last half.
    fn run(capacity: f64, seconds: u64) -> (f64, u32) {
        let mut pace = Pace::new();
        let mut server = Tokens::new(capacity, 1.0);
        let (mut now, mut good, mut bad) = (Duration::ZERO, 0u32, 0u32);
        let end = Duration::from_secs(seconds);
        while now < end {
            now += pace.take(now).max(Duration::from_millis(5));
            let throttled = server.left(now) < 1.0;
            if !throttled {
                server.take(now, 1.0);
            }
            pace.answered(now, throttled);
            if now > end / 2 {
                if throttled { bad += 1 } else { good += 1 }
            }
        }
        (f64::from(good) / (seconds as f64 / 2.0), bad)
    }

    #[test]
    fn finds_what_the_server_gives() {
        for capacity in [2.0, 10.0, 60.0] {
            let (goodput, throttles) = run(capacity, 120);
            assert!(goodput > capacity * 0.6, "{goodput} of {capacity}");
            assert!(f64::from(throttles) < goodput * 60.0 * 0.4, "{throttles} throttles at {goodput}/s");
        }
    }

    #[test]
    fn holds_nobody_back_before_the_first_throttle() {
        let mut pace = Pace::new();
        for at in 0..1_000 {
            assert_eq!(pace.take(Duration::from_millis(at)), Duration::ZERO);
            pace.answered(Duration::from_millis(at), false);
        }
        assert_eq!(pace.rate(), None);
    }

    proptest! {
        #[test]
        fn the_rate_stays_between_its_bounds_and_falls_at_a_throttle(
            events in prop::collection::vec((0u64..2_000, any::<bool>()), 1..200),
        ) {
            let (mut pace, mut now) = (Pace::new(), Duration::ZERO);
            for (gap, throttled) in events {
                now += Duration::from_millis(gap);
                let before = pace.rate();
                let wait = pace.take(now);
                pace.answered(now, throttled);
                prop_assert!(wait < Duration::from_secs(3_600));
                match (before, pace.rate()) {
                    (Some(before), Some(after)) if throttled => prop_assert!(after <= before.max(SLOWEST)),
                    (None, None) => prop_assert!(!throttled),
                    _ => {}
                }
                if let Some(rate) = pace.rate() {
                    prop_assert!(rate >= SLOWEST && rate <= (2.0 * pace.measured).max(SLOWEST) && rate.is_finite());
                }
            }
        }
    }
}
