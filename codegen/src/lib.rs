//! Reads `model/` and writes `generated/`.
pub mod diag;
pub mod emit;
pub mod ir;
pub mod lower;
pub mod model;
pub mod output;
pub(crate) mod spelling;
