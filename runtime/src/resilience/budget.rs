//! What retries may cost all calls of a client together: an account of tokens, so that a server that is down does not get
//! three times the requests of one that is up.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The sizes of the account.
///
/// A retry takes tokens out and brings them back when it succeeds; one that fails has lost them. A call that
/// succeeds at once brings one in. An empty account means no retries until calls succeed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetPolicy {
    /// Tokens at the beginning, and at most. Default 500.
    pub capacity: u32,
    /// What a retry costs. Default 5.
    pub retry_cost: u32,
    /// What a retry after a timeout costs. Default 10.
    pub timeout_cost: u32,
}

impl Default for BudgetPolicy {
    fn default() -> Self {
        Self { capacity: 500, retry_cost: 5, timeout_cost: 10 }
    }
}

impl BudgetPolicy {
    /// The default sizes with another capacity.
    pub fn with_capacity(capacity: u32) -> Self {
        Self { capacity, ..Self::default() }
    }
}

/// The account. Without a lock; a call that succeeds at once on a full account costs one load.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tokens: AtomicU32,
    policy: BudgetPolicy,
}

impl RetryBudget {
    pub(crate) fn new(policy: BudgetPolicy) -> Self {
        Self { tokens: AtomicU32::new(policy.capacity), policy }
    }

    /// Tokens for one retry; `None`: there are not enough.
    pub(crate) fn withdraw(&self, after_timeout: bool) -> Option<Hold<'_>> {
        let cost = if after_timeout { self.policy.timeout_cost } else { self.policy.retry_cost };
        let taken = self.tokens.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(cost));
        taken.ok().map(|_| Hold { budget: self, cost })
    }

    /// A call succeeded at its first attempt.
    pub(crate) fn succeeded(&self) {
        if self.tokens.load(Relaxed) < self.policy.capacity {
            self.put(1);
        }
    }

    /// Tokens in the account.
    pub(crate) fn left(&self) -> u32 {
        self.tokens.load(Relaxed)
    }

    fn put(&self, tokens: u32) {
        let capacity = self.policy.capacity;
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, |left| Some(left.saturating_add(tokens).min(capacity)));
    }
}

/// Tokens taken out for one retry. Dropping it brings them back: the retry succeeded, or was called off.
#[derive(Debug)]
#[must_use = "dropping it brings the tokens back"]
pub(crate) struct Hold<'a> {
    budget: &'a RetryBudget,
    cost: u32,
}

impl Hold<'_> {
    /// The retry failed.
    pub(crate) fn lose(mut self) {
        self.cost = 0;
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if self.cost > 0 {
            self.budget.put(self.cost);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Withdraw(bool),
        Lose(usize),
        Drop(usize),
        Succeed,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            3 => any::<bool>().prop_map(Event::Withdraw),
            2 => any::<usize>().prop_map(Event::Lose),
            2 => any::<usize>().prop_map(Event::Drop),
            2 => Just(Event::Succeed),
        ]
    }

    proptest! {
        /// The model is plain arithmetic: what is in the account, and what each hold took.
        #[test]
        fn the_account_is_the_sum_of_what_came_and_went(capacity in 0u32..60, events in prop::collection::vec(event(), 0..200)) {
            let budget = RetryBudget::new(BudgetPolicy::with_capacity(capacity));
            let (mut model, mut holds) = (capacity, Vec::new());
            for event in events {
                match event {
                    Event::Withdraw(timeout) => {
                        let cost = if timeout { 10 } else { 5 };
                        let hold = budget.withdraw(timeout);
                        prop_assert_eq!(hold.is_some(), model >= cost);
                        if let Some(hold) = hold {
                            model -= cost;
                            holds.push((hold, cost));
                        }
                    }
                    Event::Lose(at) if !holds.is_empty() => holds.swap_remove(at % holds.len()).0.lose(),
                    Event::Drop(at) if !holds.is_empty() => {
                        let (hold, cost) = holds.swap_remove(at % holds.len());
                        drop(hold);
                        model = (model + cost).min(capacity);
                    }
                    Event::Succeed => {
                        budget.succeeded();
                        model = (model + 1).min(capacity);
                    }
                    _ => {}
                }
                prop_assert_eq!(budget.left(), model);
            }
        }
    }

    #[test]
    fn a_hundred_failed_retries_empty_the_default_account_and_successes_fill_it() {
        let budget = RetryBudget::new(BudgetPolicy::default());
        for _ in 0..100 {
            budget.withdraw(false).unwrap().lose();
        }
        assert!(budget.withdraw(false).is_none());
        (0..5).for_each(|_| budget.succeeded());
        assert!(budget.withdraw(false).is_some());
    }
}
