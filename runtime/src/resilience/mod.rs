//! What happens when the network does not behave. So far: trying again.

mod retry;

pub(crate) use retry::Jitter;
pub use retry::RetryPolicy;
