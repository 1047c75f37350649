//! Model files out of the vendor's published API description: not built yet.
//!
//! The place of `cargo run -p codegen -- import FILE OPERATION...`, which is to read a Smithy JSON AST and write one
//! TOML file for each operation, with documentation left to be written by hand.

use crate::diag::Diagnostic;

/// Says that it is not built yet.
pub(crate) fn import(file: &str, operations: &[String]) -> Diagnostic {
    let names = if operations.is_empty() { "operations".to_owned() } else { operations.join(", ") };
    let help = "write the file by hand: `cargo run -p codegen -- new NAME` gives a commented skeleton";
    Diagnostic::whole(file, format!("importing {names} is not built yet"), help)
}
