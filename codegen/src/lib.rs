//! Reads `model/` and writes `generated/`.
pub mod emit;
pub mod ir;
pub mod output;
