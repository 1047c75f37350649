//! The repository's own `generated/` belongs to its `model/`. Looks only; `cargo run -p codegen` writes.

#![allow(clippy::unwrap_used, clippy::panic)]

use codegen::{Mode, diag, run};
use std::path::Path;

#[test]
fn what_is_checked_in_is_what_the_model_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if let Err(stale) = run(root, Mode::Check) {
        panic!("{}\nto bring generated/ up to date: cargo run -p codegen\n", diag::render(&stale));
    }
}
