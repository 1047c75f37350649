//! Waiting until the service is in a state.

use std::time::Duration;

use super::{Call, Operation, Sending};
use crate::error::{NetworkError, S3Error};

/// What a waiter waits for and how.
#[derive(Debug)]
pub struct WaiterFacts {
    /// `object_exists`.
    pub name: &'static str,
    /// When it is over.
    pub goal: WaiterGoal,
    /// Between two looks.
    pub delay: Duration,
    /// How many looks at most.
    pub attempts: u32,
}

/// When a waiter is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaiterGoal {
    /// The operation succeeds; until then it answers "not found".
    Success,
    /// The operation answers "not found"; until then it succeeds.
    NotFound,
}

impl Call {
    /// Looks again and again until the goal is reached.
    pub fn wait<O: Operation + Clone>(self, request: Box<O>, facts: &'static WaiterFacts) -> Sending<()> {
        Sending::new(async move {
            for look in 1.. {
                let found = match self.clone().send(request.clone()).await {
                    Ok(_) => true,
                    Err(error) if error.is_not_found() => false,
                    Err(error) => return Err(error),
                };
                if found == (facts.goal == WaiterGoal::Success) {
                    return Ok(());
                }
                if look >= facts.attempts {
                    break;
                }
                tokio::time::sleep(facts.delay).await;
            }
            Err(S3Error::new(
                NetworkError::Timeout,
                format!("waited for {} in vain: looked {} times", facts.name, facts.attempts),
            )
            .with_target(O::FACTS.name, request.bucket(), request.key()))
        })
    }
}
