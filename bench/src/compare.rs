//! The comparison: every case, every contestant, in turn, round after round; medians.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::cases::{CASES, COUNTED, Case, Goal, Reference, Unit};
use crate::contestants::{self, Build, Contestant};
use crate::table::{Table, figure, grouped, median};
use crate::{Outcome, callgrind, machine, micro, results};

/// What all rounds of one case gave for one contestant.
#[derive(Default)]
struct Figures {
    main: Vec<f64>,
    peak_kib: Vec<f64>,
    next: Vec<f64>,
    allocations: Option<f64>,
    allocated: Option<f64>,
    note: Option<String>,
}

type Sheet = BTreeMap<String, Figures>;

pub fn run() -> Outcome {
    let (rounds, cases) = (machine::number("ROUNDS", 5)?, chosen()?);
    let contestants = contestants::build(true)?;
    let hash_nanos = micro::hash_nanos_per_byte()?;
    let server = contestants::ours("null-server", Build::Timed)?;
    let (server_cpu, client_cpu) = machine::processors();
    let server = machine::Server::start(machine::pinned(&server_cpu, &server))?;
    let ask = |binary: &Path, contestant: &Contestant, case: &Case| {
        let mut command = machine::pinned(&client_cpu, binary);
        server.name(&mut command, case.tls);
        command.args(["--variant", &contestant.variant]).args(case.arguments);
        machine::output(&mut command)
    };
    let mut sheets: Vec<Sheet> = cases.iter().map(|_| Sheet::new()).collect();
    for round in 1..=rounds {
        for (case, sheet) in cases.iter().zip(&mut sheets) {
            for contestant in &contestants {
                let answer = ask(&contestant.binary, contestant, case);
                sheet.entry(contestant.label.clone()).or_default().take(answer, case.unit);
            }
        }
        eprintln!("round {round} of {rounds} done");
    }
    for (case, sheet) in cases.iter().zip(&mut sheets).filter(|(case, _)| case.unit == Unit::Micros) {
        for contestant in &contestants {
            let Some(counting) = &contestant.counting else { continue };
            sheet.entry(contestant.label.clone()).or_default().count(ask(counting, contestant, case));
        }
    }
    let mut page = summary(&cases, &sheets, hash_nanos);
    for (case, sheet) in cases.iter().zip(&sheets) {
        page += &one(case, sheet);
    }
    let versions = contestants::versions(&contestants)?;
    page = format!("\nMedians of {rounds} rounds; {versions}.\n{page}");
    let figures: serde_json::Map<String, Value> =
        cases.iter().zip(&sheets).map(|(case, sheet)| (case.name.to_owned(), json(sheet))).collect();
    results::publish("operations", json!({ "rounds": rounds, "versions": versions, "medians": figures }), &page)?;
    Ok(true)
}

/// Instructions and allocations of all contestants, by callgrind.
pub fn instructions() -> Outcome {
    callgrind::must_be_there()?;
    let contestants = contestants::build(false)?;
    let server = machine::Server::start(machine::program(contestants::ours("null-server", Build::Timed)?))?;
    let heads: Vec<String> = COUNTED.iter().map(|case| case.name.to_owned()).collect();
    let heads: Vec<&str> = std::iter::once("thousand instructions (hashing; allocations)")
        .chain(heads.iter().map(String::as_str))
        .collect();
    let mut table = Table::new(&heads);
    let mut stored = serde_json::Map::new();
    for contestant in &contestants {
        let mut cells = vec![contestant.label.clone()];
        for case in COUNTED {
            let Ok(cost) = callgrind::cost(&contestant.binary, &contestant.variant, &server.endpoint, case) else {
                cells.push("-".to_owned());
                continue;
            };
            if cost.instructions < 1000.0 {
                cells.push("-".to_owned());
                continue;
            }
            let thousands = |count: f64| figure(count / 1000.0);
            let hashing = grouped((cost.hashing / 1000.0) as u64);
            cells.push(format!("{} ({hashing}; {:.0})", thousands(cost.instructions), cost.allocations));
            let figures = json!({ "instructions": cost.instructions.round(), "hashing": cost.hashing.round(), "allocations": cost.allocations.round() });
            stored.insert(format!("{} {}", contestant.label, case.name), figures);
        }
        eprintln!("{} done", contestant.label);
        table.row(cells);
    }
    results::publish("instructions", Value::Object(stored), &format!("\n{}", table.text()))?;
    Ok(true)
}

fn chosen() -> Result<Vec<&'static Case>, String> {
    let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    let chosen = machine::words("BENCHES", &names.join(" "));
    let find = |name: &String| CASES.iter().find(|case| case.name == name);
    chosen
        .iter()
        .map(|name| find(name).ok_or_else(|| format!("BENCHES has {name}, but there are: {}", names.join(" "))))
        .collect()
}

impl Figures {
    fn take(&mut self, answer: Result<String, String>, unit: Unit) {
        let Some(answer) = self.read(answer) else { return };
        let number = |name: &str| answer.get(name).and_then(Value::as_f64);
        self.main.extend(number(if unit == Unit::Seconds { "cpu_s" } else { "cpu_us" }));
        self.peak_kib.extend(number("peak_kib"));
        self.next.extend(number("next_cpu_us"));
    }

    fn count(&mut self, answer: Result<String, String>) {
        let Some(answer) = self.read(answer) else { return };
        self.allocations = answer.get("allocations").and_then(Value::as_f64);
        self.allocated = answer.get("allocated_bytes").and_then(Value::as_f64);
    }

    fn read(&mut self, answer: Result<String, String>) -> Option<Value> {
        match answer.and_then(|text| serde_json::from_str::<Value>(&text).map_err(|error| error.to_string())) {
            Ok(value) if value.get("unsupported").is_some() => self.note = Some("unsupported".to_owned()),
            Ok(value) => return Some(value),
            Err(error) => {
                eprintln!("{error}");
                self.note = Some("failed".to_owned());
            }
        }
        None
    }

    fn median(&self) -> Option<f64> {
        (!self.main.is_empty()).then(|| median(self.main.clone()))
    }
}

/// The table of one case.
fn one(case: &Case, sheet: &Sheet) -> String {
    let unit = match case.unit {
        Unit::Micros => "CPU us",
        Unit::Seconds => "CPU s",
        Unit::First => "first CPU us",
    };
    let last = if case.unit == Unit::First { "next client CPU us" } else { "allocations" };
    let mut table = Table::new(&["contestant", unit, "min..max", "x floor", last, "bytes allocated", "peak MiB"]);
    let floor = sheet.get("floor").and_then(Figures::median);
    let mut rows: Vec<(&String, &Figures)> = sheet.iter().collect();
    rows.sort_by(|a, b| a.1.median().unwrap_or(f64::MAX).total_cmp(&b.1.median().unwrap_or(f64::MAX)));
    for (label, figures) in rows {
        let Some(main) = figures.median() else {
            let note = figures.note.clone().unwrap_or_default();
            table.row([label.clone(), note].into_iter().chain(std::iter::repeat_n(String::new(), 5)).collect());
            continue;
        };
        let spread = figures.main.iter().fold((f64::MAX, 0.0_f64), |(min, max), &it| (min.min(it), max.max(it)));
        let optional = |value: Option<f64>| value.map_or("-".to_owned(), |value| grouped(value.round() as u64));
        let next = (!figures.next.is_empty()).then(|| median(figures.next.clone()));
        table.row(vec![
            label.clone(),
            figure(main),
            format!("{}..{}", figure(spread.0), figure(spread.1)),
            floor.map_or("-".to_owned(), |floor| format!("{:.2}", main / floor)),
            optional(next.or(figures.allocations)),
            optional(figures.allocated),
            format!("{:.1}", median(figures.peak_kib.clone()) / 1024.0),
        ]);
    }
    format!("\n#### {}: {}\n\n{}", case.name, case.what, table.text())
}

/// One table: the cases, who is where, and whether the goals are reached.
fn summary(cases: &[&Case], sheets: &[Sheet], hash_nanos: f64) -> String {
    let mut table = Table::new(&[
        "case",
        "floor",
        "integration-s3",
        "checked",
        "bare",
        "traced",
        "best peer",
        "aws-sdk-s3",
        "goals: now / to reach",
    ]);
    for (case, sheet) in cases.iter().zip(sheets) {
        let of = |label: &str| sheet.get(label).and_then(Figures::median);
        let cell = |label: &str| of(label).map_or("-".to_owned(), figure);
        let best = best(sheet);
        let goals: Vec<String> =
            case.goals.iter().filter_map(|goal| judged(goal, sheet, case.unit, hash_nanos)).collect();
        table.row(vec![
            case.name.to_owned(),
            cell("floor"),
            cell("integration-s3"),
            cell("integration-s3:checked"),
            cell("integration-s3:bare"),
            cell("integration-s3:traced"),
            best.map_or("-".to_owned(), |(label, value)| format!("{} {label}", figure(value))),
            cell("aws-sdk-s3"),
            goals.join("; "),
        ]);
    }
    let units = "CPU time: microseconds of one operation, seconds of what has 1g in its name.";
    format!("\n{}\n{units}\n", table.text())
}

fn best(sheet: &Sheet) -> Option<(&str, f64)> {
    let peers = sheet.iter().filter(|(label, _)| !label.starts_with("floor") && !label.starts_with("integration-s3"));
    peers.filter_map(|(label, figures)| Some((label.as_str(), figures.median()?))).min_by(|a, b| a.1.total_cmp(&b.1))
}

fn judged(goal: &Goal, sheet: &Sheet, unit: Unit, hash_nanos: f64) -> Option<String> {
    let own = sheet.get(goal.variant)?.median()?;
    let (reference, name) = match goal.of {
        Reference::Floor => (sheet.get("floor")?.median()?, "floor"),
        Reference::BestPeer => (best(sheet)?.1, "best peer"),
    };
    let hashing = hash_nanos * goal.hashed_bytes * if unit == Unit::Seconds { 1e-9 } else { 1e-3 };
    let now = (own - hashing) / reference;
    let variant = goal.variant.split_once(':').map_or(String::new(), |(_, variant)| format!("{variant} "));
    let verdict = if now <= goal.factor { "ok" } else { "MISSED" };
    let besides = if hashing > 0.0 { " + SHA-256" } else { "" };
    Some(format!("{variant}{now:.2} / {} x {name}{besides} {verdict}", goal.factor))
}

fn json(sheet: &Sheet) -> Value {
    let one = |figures: &Figures| {
        json!({
            "cpu": figures.median(),
            "runs": figures.main,
            "next_client_cpu": (!figures.next.is_empty()).then(|| median(figures.next.clone())),
            "allocations": figures.allocations,
            "allocated_bytes": figures.allocated,
            "peak_kib": (!figures.peak_kib.is_empty()).then(|| median(figures.peak_kib.clone())),
            "note": figures.note,
        })
    };
    Value::Object(sheet.iter().map(|(label, figures)| (label.clone(), one(figures))).collect())
}
