//! Reads `model/` and writes `generated/`.
pub mod ir;
pub mod output;
