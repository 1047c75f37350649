//! The small benches: time by the clock, and instructions where there is valgrind.

use std::path::Path;

use serde_json::{Value, json};

use crate::cases::Counted;
use crate::contestants::{self, Build};
use crate::table::{Table, figure, grouped};
use crate::{Outcome, callgrind, machine, results};

/// Rows, and the row each is measured by.
const FLOORS: &[(&str, &str)] = &[
    ("sign", "sign: hashing alone"),
    ("presign", "sign: hashing alone"),
    ("page: typed", "page: search for <Key>"),
    ("page: quick-xml events", "page: search for <Key>"),
];

pub fn run() -> Outcome {
    let binary = contestants::ours("micro", Build::Timed)?;
    let rows = time(&binary)?;
    let counted = callgrind::must_be_there();
    let mut table = Table::new(&["row", "CPU ns", "x its floor", "GB/s", "instructions", "hashing", "allocations"]);
    let mut stored = serde_json::Map::new();
    for (name, nanos, bytes) in &rows {
        let floor = FLOORS.iter().find(|(row, _)| row == name).and_then(|(_, of)| rows.iter().find(|row| row.0 == *of));
        let cost = match counted {
            Ok(()) => {
                let case = Counted { name, arguments: &["--only", name], runs: [10, 60] };
                Some(callgrind::cost(&binary, "", "", &case)?)
            }
            Err(_) => None,
        };
        let count = |count: Option<f64>| count.map_or("-".to_owned(), |count| grouped(count.round() as u64));
        table.row(vec![
            name.clone(),
            grouped(*nanos as u64),
            floor.map_or("-".to_owned(), |(_, floor, _)| figure(nanos / floor)),
            if *bytes > 0.0 { figure(bytes / nanos) } else { "-".to_owned() },
            count(cost.map(|cost| cost.instructions)),
            count(cost.map(|cost| cost.hashing)),
            count(cost.map(|cost| cost.allocations)),
        ]);
        let instructions = cost.map(|cost| cost.instructions.round());
        stored.insert(name.clone(), json!({ "cpu_ns": nanos, "instructions": instructions }));
    }
    let note = counted.err().map_or(String::new(), |error| format!("\nNot counted: {error}\n"));
    results::publish("micro", Value::Object(stored), &format!("\n{}{note}", table.text()))?;
    Ok(true)
}

/// What SHA-256 takes on this machine.
pub fn hash_nanos_per_byte() -> Result<f64, String> {
    let rows = time(&contestants::ours("micro", Build::Timed)?)?;
    let row = rows.iter().find(|(name, ..)| name == "sha256 of 256 KiB").ok_or("micro has no row for SHA-256")?;
    Ok(row.1 / row.2)
}

/// Name, nanoseconds, bytes.
fn time(binary: &Path) -> Result<Vec<(String, f64, f64)>, String> {
    let (_, processor) = machine::processors();
    let printed = machine::output(&mut machine::pinned(&processor, binary))?;
    let read = |line: &str| {
        let row: Value = serde_json::from_str(line).ok()?;
        let number = |name: &str| row.get(name).and_then(Value::as_f64);
        Some((row.get("name")?.as_str()?.to_owned(), number("cpu_ns")?, number("bytes")?))
    };
    printed.lines().map(|line| read(line).ok_or_else(|| format!("micro printed {line}"))).collect()
}
