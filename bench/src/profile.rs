//! Where the instructions of one call go: callgrind's lines, put together by the crate, and in ours the module, they were written in.
//!
//! What is inlined belongs to whom it was written by; the standard library's part in it, to the function it is inlined into.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cases::{COUNTED, Counted};
use crate::contestants::{self, Build};
use crate::table::{Table, figure};
use crate::{Outcome, callgrind, machine, results};

const WHO: [&str; 2] = ["floor", "integration-s3"];
/// What has less thousands of instructions than this, in both, is a part of the others.
const LEAST: f64 = 0.2;
const OTHERS: &str = "others";
const SUM: &str = "sum";
const HASHING: &str = "besides: hashing, in software";
/// The calls that are timed to see the kernel's share, which is counted in hundredths of a second.
const TIMED: u64 = 100_000;

/// Thousands of instructions of one part, those of copies and of the allocator included that it calls for.
#[derive(Clone, Copy, Default)]
struct Spent {
    all: f64,
    copying: f64,
    allocating: f64,
}

impl Spent {
    fn add(&mut self, other: Self) {
        self.all += other.all;
        self.copying += other.copying;
        self.allocating += other.allocating;
    }
}

type Parts = BTreeMap<String, Spent>;

pub fn run() -> Outcome {
    callgrind::must_be_there()?;
    let chosen = machine::words("BENCHES", "get");
    let cases: Vec<_> = COUNTED.iter().filter(|case| chosen.iter().any(|name| name == case.name)).collect();
    if cases.len() != chosen.len() {
        let names: Vec<_> = COUNTED.iter().map(|case| case.name).collect();
        return Err(format!("BENCHES is {}, but there are: {}", chosen.join(" "), names.join(" ")));
    }
    let binaries = [contestants::ours(WHO[0], Build::Lines)?, contestants::ours(WHO[1], Build::Lines)?];
    let server = contestants::ours("null-server", Build::Timed)?;
    let server = machine::Server::start(machine::pinned(&machine::processors().0, &server))?;
    let (mut page, mut stored) = (String::new(), serde_json::Map::new());
    for case in cases {
        let parts = [parts(&binaries[0], &server, case)?, parts(&binaries[1], &server, case)?];
        page += &format!("\n#### {}: thousands of instructions of one call\n\n{}\n", case.name, table(&parts));
        let times: Result<Vec<_>, _> = WHO.iter().zip(&binaries).map(|who| time(who, &server, case)).collect();
        page += &format!("CPU time of one call: {}.\n", times?.join("; "));
        let figures =
            parts.map(|parts| parts.iter().map(|(part, it)| (part.clone(), json!(it.all))).collect::<Value>());
        stored.insert(case.name.to_owned(), json!({ WHO[0]: figures[0], WHO[1]: figures[1] }));
    }
    results::publish("profile", Value::Object(stored), &page)?;
    Ok(true)
}

/// What no instructions show: the kernel's part.
fn time((name, binary): (&&str, &PathBuf), server: &machine::Server, case: &Counted<'_>) -> Result<String, String> {
    let mut command = machine::pinned(&machine::processors().1, binary);
    server.name(&mut command, false);
    let n = TIMED * case.runs[1] / COUNTED[0].runs[1];
    command.args(["--in-flight", "1", "--n", &n.to_string()]).args(case.arguments);
    let before = machine::children_cpu();
    if machine::output(&mut command)?.contains("unsupported") {
        return Ok(format!("{name} none"));
    }
    let after = machine::children_cpu();
    let [user, kernel] = [0, 1].map(|at| (after[at] - before[at]) * 1e6 / n as f64);
    Ok(format!("{name} {user:.1} us, and {kernel:.1} in the kernel"))
}

/// The difference of a long and a short run, by the calls between them.
fn parts(binary: &Path, server: &machine::Server, case: &Counted<'_>) -> Result<Parts, String> {
    let mut parts = Parts::new();
    for (n, sign) in [(case.runs[1], 1.0), (case.runs[0], -1.0)] {
        let profile = callgrind::profile(binary, "", &server.endpoint, case, n)?;
        let per = sign / (case.runs[1] - case.runs[0]) as f64 / 1000.0;
        for line in callgrind::lines(&profile) {
            let callee = line.call.map(|(callee, _)| callee);
            // What these do is counted where they are called.
            if copies(line.function) || allocates(line.function) {
                continue;
            }
            let (copying, allocating) = (callee.is_some_and(copies), callee.is_some_and(allocates));
            if callee.is_none() || copying || allocating {
                let all = line.cost as f64 * per;
                let share = |counts| if counts { all } else { 0.0 };
                let spent = Spent { all, copying: share(copying), allocating: share(allocating) };
                parts.entry(part(&line)).or_default().add(spent);
            }
        }
    }
    Ok(parts)
}

fn copies(function: &str) -> bool {
    let name = function.trim_start_matches('_');
    ["memcpy", "memmove", "memset", "memcmp", "mempcpy", "bcmp"].iter().any(|copy| name.starts_with(copy))
}

fn allocates(function: &str) -> bool {
    let name = function.trim_start_matches("__rustc::").trim_start_matches('_');
    let names = [
        "malloc",
        "calloc",
        "realloc",
        "free",
        "int_malloc",
        "int_free",
        "int_realloc",
        "rust_",
        "rdl_",
        "posix_memalign",
    ];
    names.iter().any(|own| name.starts_with(own))
}

/// Whose line this is.
fn part(line: &callgrind::Line<'_>) -> String {
    if callgrind::is_hash(line.function) {
        return HASHING.to_owned();
    }
    owner(line.file).or_else(|| owner(line.home)).or_else(|| dropped(line.function)).unwrap_or_else(|| {
        let of_rust = line.file.contains("/library/") || line.file.contains("/rust/deps/");
        if of_rust { "standard library" } else { "libc" }.to_owned()
    })
}

/// By the file: a crate of the registry, or a module of ours.
fn owner(file: &str) -> Option<String> {
    if let Some((_, path)) = file.split_once("/registry/src/") {
        let folder = path.split('/').nth(1)?;
        return folder.rsplit_once('-').map(|(name, _)| name.to_owned());
    }
    let path = Path::new(file).strip_prefix(machine::root()).ok()?;
    let mut words = path.iter().filter_map(|word| word.to_str());
    match words.next()? {
        "bench" => Some("the bench".to_owned()),
        "runtime" => words.nth(1).map(|module| format!("integration-s3: {}", module.trim_end_matches(".rs"))),
        _ => Some("integration-s3: operations".to_owned()),
    }
}

/// By what is dropped, in functions the compiler makes for that.
fn dropped(function: &str) -> Option<String> {
    let what = function.strip_prefix("core::ptr::drop_in_place<")?;
    let of_std = |path: &&str| ["core::", "alloc::", "std::", "["].iter().any(|start| path.starts_with(start));
    let mut path = what.split(['<', ',']).find(|path| !of_std(path))?.split("::");
    match (path.next()?, path.next()?) {
        ("integration_s3_runtime", module) => Some(format!("integration-s3: {module}")),
        ("integration_s3", _) => Some("integration-s3: operations".to_owned()),
        ("floor" | "bench_harness", _) => Some("the bench".to_owned()),
        (name, _) => Some(name.replace('_', "-")),
    }
}

/// The parts of both, the largest of ours first; the small ones in one row, and the sum.
fn table(parts: &[Parts; 2]) -> String {
    let mut rows = BTreeMap::<&str, [Spent; 2]>::new();
    let all: BTreeSet<&String> = parts.iter().flat_map(Parts::keys).collect();
    for part in all {
        let both = [0, 1].map(|who| parts[who].get(part).copied().unwrap_or_default());
        let small = both.iter().all(|spent| spent.all < LEAST);
        let names: &[&str] = if part == HASHING { &[HASHING] } else { &[if small { OTHERS } else { part }, SUM] };
        for name in names {
            let row = rows.entry(name).or_default();
            row.iter_mut().zip(both).for_each(|(row, spent)| row.add(spent));
        }
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    let place = |(part, [_, own]): &(&str, [Spent; 2])| (*part == HASHING, *part == SUM, *part == OTHERS, -own.all);
    rows.sort_by(|a, b| place(a).partial_cmp(&place(b)).unwrap_or(Ordering::Equal));
    let mut table = Table::new(&["part", WHO[0], WHO[1], "of it copying", "of it allocating"]);
    let cell = |thousands: f64| match thousands {
        ..0.05 => "-".to_owned(),
        ..100.0 => format!("{thousands:.1}"),
        _ => figure(thousands),
    };
    for (part, [floor, own]) in rows {
        let cells = [floor.all, own.all, own.copying, own.allocating].map(cell);
        table.row([part.to_owned()].into_iter().chain(cells).collect());
    }
    table.text()
}
