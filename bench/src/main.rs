//! Runs the contestants against each other, prints tables, and holds the SDK to its budget.
//!
//! ```text
//! cargo run -p bench -- COMMAND
//!
//! compare        all cases, all contestants, in turn; medians           ROUNDS=5 PEERS="rusty-s3 minio" BENCHES="get-1k list"
//! micro          signing, hashes and XML next to their floors
//! scale          1 to 10,000 requests in flight, pages, parts           ROUNDS=5
//! build-cost     what a first program costs to build                    ROWS="floor integration-s3"
//! instructions   instructions and allocations of one call, by callgrind
//! profile        where the instructions of one call go, ours and the floor's   BENCHES="get put"
//! docs           the tables of bench/results.json into docs/performance.md
//! budget         instructions and allocations of the SDK alone, against bench/budget.json   --write takes the figures over
//! ```
//!
//! Everything talks to a null server on 127.0.0.1. What is built goes below `target/`, figures to `bench/results.json`.

mod budget;
mod build_cost;
mod callgrind;
mod cases;
mod compare;
mod contestants;
mod machine;
mod micro;
mod profile;
mod results;
mod scale;
mod table;

use std::process::ExitCode;

/// What a command gives back: whether all is well, or why it could not say.
type Outcome = Result<bool, String>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["compare"] => compare::run(),
        ["micro"] => micro::run(),
        ["scale"] => scale::run(),
        ["build-cost"] => build_cost::run(),
        ["instructions"] => compare::instructions(),
        ["profile"] => profile::run(),
        ["docs"] => results::document(),
        ["budget"] => budget::run(false),
        ["budget", "--write"] => budget::run(true),
        _ => Err(
            "commands: compare, micro, scale, build-cost, instructions, profile, docs, budget [--write]; see bench/README.md"
                .to_owned(),
        ),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}
