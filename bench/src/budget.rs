//! The budget: what one call of the SDK may take, held against `bench/budget.json`. Nothing here reads a clock.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cases::COUNTED;
use crate::contestants::{self, Build};
use crate::table::{Table, distinct, grouped};
use crate::{Outcome, callgrind, machine};

/// How much more than committed is let pass, and how much less is worth committing, in percent.
const MARGIN: f64 = 3.0;
/// As it comes, and as it comes for AWS.
const VARIANTS: &[&str] = &["", "checked"];

/// One line of the budget.
struct Line {
    what: String,
    now: f64,
    /// Instructions vary by a hair from run to run; crates do not.
    margin: f64,
}

pub fn run(write: bool) -> Outcome {
    callgrind::must_be_there()?;
    let lines = measure()?;
    if write {
        return store(&lines).map(|()| true);
    }
    let committed = load()?;
    let was = |line: &Line| committed.get("figures")?.get(&line.what)?.as_f64();
    let mut table = Table::new(&["one call", "committed", "now", "change", ""]);
    let (mut over, mut better) = (0, 0);
    for line in &lines {
        let was = was(line);
        let verdict = judge(was, line.now, line.margin);
        over += usize::from(verdict == Verdict::Over);
        better += usize::from(verdict == Verdict::Better);
        let change = was.map_or("new".to_owned(), |was| format!("{:+.1} %", (line.now / was - 1.0) * 100.0));
        let word = match verdict {
            Verdict::Over => "OVER",
            Verdict::Within => "",
            Verdict::Better => "better",
        };
        table.row(vec![
            line.what.clone(),
            was.map_or("-".to_owned(), number),
            number(line.now),
            change,
            word.to_owned(),
        ]);
    }
    print!("{}", table.text());
    let (then, now) = (committed.get("rustc").and_then(Value::as_str).unwrap_or("unknown"), machine::rustc()?);
    if then != now {
        println!("\nThe committed figures are those of rustc {then}; this is {now}, which may explain some of it.");
    }
    println!("\n{} figures, {over} over budget, {better} better; margin {MARGIN} %, for crates none.", lines.len());
    let accept =
        "`cargo run -p bench -- budget --write` takes these figures over; commit bench/budget.json and say why";
    if over > 0 {
        println!("Find what made a call dearer (docs/performance.md says how), or {accept}.");
    } else if better > 0 {
        println!("So that it is not lost again: {accept}.");
    }
    Ok(over == 0)
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Over,
    Within,
    Better,
}

/// What was never committed is over: a figure without a budget is none.
fn judge(was: Option<f64>, now: f64, margin: f64) -> Verdict {
    let Some(was) = was else { return Verdict::Over };
    let allowed = was * margin / 100.0;
    if now > was + allowed {
        Verdict::Over
    } else if now < was - allowed {
        Verdict::Better
    } else {
        Verdict::Within
    }
}

fn measure() -> Result<Vec<Line>, String> {
    let binary = contestants::ours("integration-s3", Build::Timed)?;
    let server = machine::Server::start(machine::program(contestants::ours("null-server", Build::Timed)?))?;
    let mut lines = Vec::new();
    for case in COUNTED {
        // Checksums concern bodies.
        for variant in VARIANTS.iter().filter(|variant| variant.is_empty() || matches!(case.name, "get" | "put")) {
            let cost = callgrind::cost(&binary, variant, &server.endpoint, case)?;
            let name = if variant.is_empty() { case.name.to_owned() } else { format!("{} {variant}", case.name) };
            lines.push(Line { what: format!("{name}: instructions"), now: cost.instructions.round(), margin: MARGIN });
            lines.push(Line { what: format!("{name}: allocations"), now: cost.allocations.round(), margin: MARGIN });
        }
    }
    lines.push(Line { what: "crates of the default tree".into(), now: crates()?, margin: 0.0 });
    Ok(lines)
}

/// How many crates an application compiles with the SDK, the SDK's own two included.
fn crates() -> Result<f64, String> {
    let mut cargo = std::process::Command::new("cargo");
    cargo.args(["tree", "--locked", "-e", "normal", "-p", "integration-s3", "--prefix", "none", "--format", "{p}"]);
    let tree = machine::output(cargo.current_dir(machine::root()))?;
    Ok(distinct(&tree) as f64)
}

fn file() -> PathBuf {
    machine::root().join("bench/budget.json")
}

fn load() -> Result<Value, String> {
    let text = std::fs::read_to_string(file()).map_err(|error| format!("cannot read bench/budget.json: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("bench/budget.json: {error}"))
}

fn store(lines: &[Line]) -> Result<(), String> {
    let figures: serde_json::Map<String, Value> =
        lines.iter().map(|line| (line.what.clone(), json!(line.now as u64))).collect();
    let text = json!({ "rustc": machine::rustc()?, "figures": figures });
    let text = serde_json::to_string_pretty(&text).map_err(|error| error.to_string())? + "\n";
    std::fs::write(file(), &text).map_err(|error| format!("cannot write bench/budget.json: {error}"))?;
    println!("{text}\nwritten to bench/budget.json");
    Ok(())
}

fn number(value: f64) -> String {
    grouped(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_margin_is_over_and_less_is_told() {
        let cases = [
            (Some(100.0), 103.0, 3.0, Verdict::Within),
            (Some(100.0), 103.1, 3.0, Verdict::Over),
            (Some(100.0), 96.9, 3.0, Verdict::Better),
            (Some(62.0), 63.0, 0.0, Verdict::Over),
            (Some(62.0), 62.0, 0.0, Verdict::Within),
            (None, 1.0, 3.0, Verdict::Over),
        ];
        for (was, now, margin, verdict) in cases {
            assert_eq!(judge(was, now, margin), verdict, "{was:?} {now}");
        }
    }
}
