//! What a first program costs to build: the program of `bench/hello/NAME`, one `get_object`, from nothing, with two jobs.
//!
//! CPU seconds are those of cargo and all it ran. Other work on the machine makes them larger, if not as much as the time by
//! the clock.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::table::{Table, figure};
use crate::{Outcome, machine, results};

/// A row: what it is called, the program, the features of the program.
struct Row {
    label: String,
    program: String,
    features: Option<&'static str>,
}

/// Ways to build integration-s3, by the feature of its program.
const OURS: &[(&str, &str)] = &[
    ("integration-s3, operations of objects only", "one-group"),
    ("integration-s3, no json, sso, sts, credential-process", "lean"),
    ("integration-s3, all groups", "all-groups"),
];

struct Cost {
    crates: usize,
    check: f64,
    debug: f64,
    release: f64,
    again: f64,
    release_again: f64,
    stripped: f64,
}

pub fn run() -> Outcome {
    let mut table = Table::new(&[
        "hello world",
        "crates",
        "check CPU s",
        "debug CPU s",
        "release CPU s",
        "main.rs touched: debug",
        "release",
        "stripped MB",
    ]);
    let mut stored = serde_json::Map::new();
    for row in rows()? {
        eprintln!("{}", row.label);
        let cost = cost(&row)?;
        let seconds = [cost.check, cost.debug, cost.release, cost.again, cost.release_again, cost.stripped];
        table.row([row.label.clone(), cost.crates.to_string()].into_iter().chain(seconds.map(figure)).collect());
        let names = [
            "check_cpu_s",
            "debug_cpu_s",
            "release_cpu_s",
            "touched_debug_cpu_s",
            "touched_release_cpu_s",
            "stripped_mb",
        ];
        let mut figures: serde_json::Map<String, Value> =
            names.iter().zip(seconds).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        figures.insert("crates".to_owned(), json!(cost.crates));
        stored.insert(row.label, Value::Object(figures));
    }
    results::publish("build", Value::Object(stored), &format!("\n{}", table.text()))?;
    Ok(true)
}

/// All, or those of `ROWS`: names of programs, or features of ours.
fn rows() -> Result<Vec<Row>, String> {
    let own = |label: &str, features| Row { label: label.to_owned(), program: "integration-s3".to_owned(), features };
    let mut rows =
        vec![Row { label: "floor".into(), program: "floor".into(), features: None }, own("integration-s3", None)];
    rows.extend(OURS.iter().map(|(label, feature)| own(label, Some(*feature))));
    let folder = machine::root().join("bench/hello");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut peers: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    peers.retain(|name| name != "floor" && name != "integration-s3");
    peers.sort();
    rows.extend(peers.into_iter().map(|name| Row { label: name.clone(), program: name, features: None }));
    let wanted = machine::words("ROWS", "");
    rows.retain(|row| {
        let name = row.features.unwrap_or(&row.program);
        wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)
    });
    Ok(rows)
}

fn cost(row: &Row) -> Result<Cost, String> {
    let folder = machine::root().join("bench/hello").join(&row.program);
    let target = machine::scratch("cost")?;
    let clear =
        || std::fs::remove_dir_all(&target).map_err(|error| format!("cannot clear {}: {error}", target.display()));
    clear()?;
    if row.program == "integration-s3" {
        // The versions of the workspace.
        let lock = std::fs::copy(machine::root().join("Cargo.lock"), folder.join("Cargo.lock"));
        lock.map_err(|error| format!("cannot copy Cargo.lock: {error}"))?;
    }
    let cargo = |words: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(&folder)
            .args(words)
            .arg("--quiet")
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("CARGO_INCREMENTAL");
        if let Some(features) = row.features {
            cargo.args(["--no-default-features", "--features", features]);
        }
        cargo
    };
    machine::output(Command::new("cargo").current_dir(&folder).args(["fetch", "--quiet"]))?;
    let tree = machine::output(&mut cargo(&["tree", "-e", "normal", "--prefix", "none", "--format", "{p}"]))?;
    let timed = |words: &[&str]| {
        let before: f64 = machine::children_cpu().iter().sum();
        machine::output(&mut cargo(words))?;
        Ok::<f64, String>(machine::children_cpu().iter().sum::<f64>() - before)
    };
    let touch = || touch(&folder.join("src/main.rs"));
    let check = timed(&["check", "-j2"])?;
    clear()?;
    let debug = timed(&["build", "-j2"])?;
    touch()?;
    let again = timed(&["build", "-j2"])?;
    let release = timed(&["build", "--release", "-j2"])?;
    touch()?;
    let release_again = timed(&["build", "--release", "-j2"])?;
    let (binary, bare) = (target.join("release/hello"), target.join("hello-stripped"));
    machine::output(machine::program("strip").arg("-o").arg(&bare).arg(binary))?;
    let stripped =
        std::fs::metadata(&bare).map_err(|error| format!("cannot measure {}: {error}", bare.display()))?.len();
    clear()?;
    Ok(Cost {
        crates: crate::table::distinct(&tree),
        check,
        debug,
        release,
        again,
        release_again,
        stripped: stripped as f64 / 1e6,
    })
}

fn touch(file: &Path) -> Result<(), String> {
    let touched = std::fs::File::open(file).and_then(|open| open.set_modified(std::time::SystemTime::now()));
    touched.map_err(|error| format!("cannot touch {}: {error}", file.display()))
}
