//! What happens when the network does not behave: the layers between a call and the wire.
//!
//! ```text
//! telemetry > operation timeout > retry > circuit > rate limit > attempt timeout > credentials > sign > send
//! ```
//!
//! Each is a small state machine that is told the time and reads no clock, in a file of its own. They are put together in
//! `call/attempts.rs`. The policies are here; they are set on the client and, where that makes sense, on one request.

mod adaptive;
mod budget;
mod circuit;
mod jitter;
mod lanes;
mod limits;
mod retry;
mod stall;
mod tokens;

pub use budget::BudgetPolicy;
pub use circuit::{CircuitPolicy, CircuitState};
pub use limits::RateLimits;
pub use retry::{RetryCase, RetryMode, RetryPolicy, RetryRule};
pub use stall::StallPolicy;

pub(crate) use budget::{Hold, RetryBudget};
pub(crate) use circuit::{Outcome, Pass};
pub(crate) use jitter::Jitter;
pub(crate) use lanes::{Lane, Lanes};
pub(crate) use limits::Limiter;
pub(crate) use stall::StallWatch;
pub(crate) use tokens::Tokens;
