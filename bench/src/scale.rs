//! Scale: what an operation costs when there are many, and what memory it takes.

use std::path::Path;

use serde_json::{Value, json};

use crate::contestants::{self, Build};
use crate::table::{Table, figure, median};
use crate::{Outcome, machine, results};

/// One way of having many.
struct Range {
    name: &'static str,
    what: &'static str,
    sizes: &'static [u64],
    /// Contestants with their variants.
    who: &'static [&'static str],
    arguments: fn(u64) -> Vec<String>,
    /// Requests per piece, if a piece is not a request: opening and completing an upload are two more.
    requests: fn(u64) -> f64,
}

const RANGES: &[Range] = &[
    Range {
        name: "in flight",
        what: "GETs of 1 KiB in flight; as it comes there are at most 100 connections and the others wait, `wide` has one for each",
        sizes: &[1, 32, 1000, 10_000],
        who: &["floor", "floor:pooled-signed", "integration-s3", "integration-s3:wide"],
        arguments: |size| words(&format!("--case get --size 1024 --n 100000 --warm-up 1 --in-flight {size}")),
        requests: |_| 1.0,
    },
    Range {
        name: "pages",
        what: "pages of 1,000 keys in one listing",
        sizes: &[1, 10, 100, 1000, 10_000],
        who: &["floor", "integration-s3"],
        arguments: |size| words(&format!("--case list --pieces {size} --n {}", (200 / size).max(1))),
        requests: |_| 1.0,
    },
    Range {
        name: "parts",
        what: "parts of 1 KiB in one upload, 8 in flight: so small that what is done about them shows; per request",
        sizes: &[1, 10, 100, 1000, 10_000],
        who: &["floor", "integration-s3:checked"],
        arguments: |size| words(&format!("--case parts --size 1024 --pieces {size} --n {}", (4000 / size).max(1))),
        requests: |size| (size as f64 + 2.0) / size as f64,
    },
];

/// The files a process needs for 10,000 connections.
const FILES: u64 = 10_100;

pub fn run() -> Outcome {
    let rounds = machine::number("ROUNDS", 5)?;
    let files = machine::output(machine::program("sh").args(["-c", "ulimit -Hn"]))?;
    if files.trim().parse::<u64>().is_ok_and(|files| files < FILES) {
        return Err(format!("10,000 connections need `ulimit -Hn` to be {FILES} at least; it is {}", files.trim()));
    }
    let (server_cpu, client_cpu) = machine::processors();
    let binaries = [contestants::ours("floor", Build::Timed)?, contestants::ours("integration-s3", Build::Timed)?];
    let server = machine::pinned_wide(&server_cpu, &contestants::ours("null-server", Build::Timed)?);
    let server = machine::Server::start(server)?;
    let (mut stored, mut page) = (serde_json::Map::new(), format!("\nMedians of {rounds} rounds.\n"));
    for range in RANGES {
        let mut runs = vec![vec![Vec::new(); range.sizes.len()]; range.who.len()];
        for _ in 0..rounds {
            for (at, size) in range.sizes.iter().enumerate() {
                for (who, label) in range.who.iter().enumerate() {
                    let (name, variant) = label.split_once(':').unwrap_or((label, ""));
                    let binary: &Path = if name == "floor" { &binaries[0] } else { &binaries[1] };
                    let mut command = machine::pinned_wide(&client_cpu, binary);
                    command.args(["--endpoint", &server.endpoint, "--variant", variant]).args((range.arguments)(*size));
                    runs[who][at].push(read(&machine::output(&mut command)?, (range.requests)(*size))?);
                }
            }
            eprintln!("{}: round done", range.name);
        }
        let (table, figures) = one(range, &runs);
        page += &format!("\n#### {}: {}\n\n{table}", range.name, range.what);
        stored.insert(range.name.to_owned(), figures);
    }
    results::publish("scale", Value::Object(stored), &page)?;
    Ok(true)
}

/// CPU microseconds per request, peak KiB.
fn read(printed: &str, requests: f64) -> Result<(f64, f64), String> {
    let figures: Value = serde_json::from_str(printed).map_err(|error| format!("{error}: {printed}"))?;
    let number =
        |name: &str| figures.get(name).and_then(Value::as_f64).ok_or_else(|| format!("no {name} in {printed}"));
    Ok((number("cpu_us")? / requests, number("peak_kib")?))
}

fn one(range: &Range, runs: &[Vec<Vec<(f64, f64)>>]) -> (String, Value) {
    let heads: Vec<String> = range.sizes.iter().map(|size| format!("{size}: CPU us (peak MiB)")).collect();
    let mut head = vec!["contestant"];
    head.extend(heads.iter().map(String::as_str));
    head.extend(["worst / best", "largest / best"]);
    let mut table = Table::new(&head);
    let mut stored = serde_json::Map::new();
    for (label, runs) in range.who.iter().zip(runs) {
        let medians: Vec<(f64, f64)> = runs
            .iter()
            .map(|runs| {
                (median(runs.iter().map(|run| run.0).collect()), median(runs.iter().map(|run| run.1).collect()))
            })
            .collect();
        let best = medians.iter().map(|it| it.0).fold(f64::MAX, f64::min);
        let worst = medians.iter().map(|it| it.0).fold(0.0, f64::max);
        let cells = medians.iter().map(|(cpu, peak)| format!("{} ({:.1})", figure(*cpu), peak / 1024.0));
        let largest = medians.last().map_or(0.0, |it| it.0);
        let ratios = [worst, largest].map(|cpu| format!("{:.2}", cpu / best));
        table.row([(*label).to_owned()].into_iter().chain(cells).chain(ratios).collect());
        let figures: Vec<Value> = range
            .sizes
            .iter()
            .zip(&medians)
            .map(|(size, (cpu, peak))| json!({ "size": size, "cpu_us": cpu, "peak_kib": peak }))
            .collect();
        stored.insert((*label).to_owned(), Value::Array(figures));
    }
    (table.text(), Value::Object(stored))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
