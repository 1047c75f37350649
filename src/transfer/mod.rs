//! Any size, any number: transfers on top of the public operations.

mod listing;
mod prefix;
mod report;

pub use listing::{ListParallel, ParallelItems};
pub use prefix::DeletePrefix;
pub use report::BatchReport;
