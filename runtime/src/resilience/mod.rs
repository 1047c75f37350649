//! What happens when the network does not behave. So far: trying again.

mod retry;

pub use retry::RetryPolicy;
pub(crate) use retry::Jitter;
