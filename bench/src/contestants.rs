//! Who takes part, and how they are built.
//!
//! `floor` and `integration-s3` are built in the workspace; every folder of `bench/peers` is a workspace of its own with its own
//! lock file, so that strangers' dependencies stay out of ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::machine;

/// The ways of ours that are shown, and of the peers that have more than one.
const VARIANTS: &[(&str, &[&str])] = &[
    ("floor", &["", "signed", "pooled-signed"]),
    ("integration-s3", &["", "checked", "bare", "traced", "traced-debug"]),
    ("aws-sdk-s3", &["", "when-required"]),
    ("object_store", &["", "unsigned-payload"]),
];

/// One column of the tables.
pub struct Contestant {
    /// `integration-s3:checked`.
    pub label: String,
    pub variant: String,
    /// What is timed.
    pub binary: PathBuf,
    /// What counts allocations, if that was asked for.
    pub counting: Option<PathBuf>,
}

/// Builds all that take part: ours always, of the peers those in `PEERS`, or all. Twice if allocations are to be counted.
pub fn build(counting: bool) -> Result<Vec<Contestant>, String> {
    let peers = machine::root().join("bench/peers");
    let all: Vec<String> = folders(&peers);
    let chosen = match machine::words("PEERS", &all.join(" ")) {
        none if none == ["none"] => Vec::new(),
        some => some,
    };
    if let Some(stranger) = chosen.iter().find(|name| !all.contains(name)) {
        return Err(format!("PEERS has {stranger}, but bench/peers has only: {}", all.join(", ")));
    }
    let mut contestants = Vec::new();
    for name in ["floor", "integration-s3"].iter().map(|name| (*name).to_owned()).chain(chosen) {
        let one = |build| {
            if all.contains(&name) { peer(&peers.join(&name), &name, build) } else { ours(&name, build) }
        };
        let timed = one(Build::Timed)?;
        let counting = if counting { Some(one(Build::Counting)?) } else { None };
        let variants = VARIANTS.iter().find(|(of, _)| *of == name).map_or(&[""][..], |(_, variants)| variants);
        contestants.extend(variants.iter().map(|variant| Contestant {
            label: if variant.is_empty() { name.clone() } else { format!("{name}:{variant}") },
            variant: (*variant).to_owned(),
            binary: timed.clone(),
            counting: counting.clone(),
        }));
    }
    Ok(contestants)
}

/// Who was there, by lock file: `floor: hyper 1.12.0, ...; rusty-s3 0.11.0`.
pub fn versions(contestants: &[Contestant]) -> Result<String, String> {
    let ours = machine::root();
    let mut texts = vec![
        format!("floor: {}, {}", locked(&ours, "hyper")?, locked(&ours, "hyper-util")?),
        locked(&ours, "integration-s3")?,
    ];
    for contestant in contestants.iter().filter(|contestant| contestant.variant.is_empty()) {
        let folder = ours.join("bench/peers").join(&contestant.label);
        if folder.is_dir() {
            texts.push(locked(&folder, &contestant.label)?);
        }
    }
    Ok(texts.join("; "))
}

/// A crate with its version, as the lock file of a folder has it; of several versions the last.
fn locked(folder: &Path, name: &str) -> Result<String, String> {
    let path = folder.join("Cargo.lock");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let after = text.rsplit_once(&format!("name = \"{name}\"\nversion = \"")).map(|(_, after)| after);
    let version = after.and_then(|after| after.split('"').next());
    version.map(|version| format!("{name} {version}")).ok_or_else(|| format!("no {name} in {}", path.display()))
}

/// A binary of the package `bench-contestants`, built for release.
pub fn ours(name: &str, build: Build) -> Result<PathBuf, String> {
    let mut cargo = cargo();
    cargo.args(["--package", "bench-contestants", "--bin", name]).current_dir(machine::root());
    build_one(cargo, &machine::target(), name, name, build)
}

fn peer(folder: &Path, name: &str, build: Build) -> Result<PathBuf, String> {
    // Peers share what they can: most bring the same crates.
    let target = machine::scratch("peers")?;
    let mut cargo = cargo();
    cargo.current_dir(folder).arg("--target-dir").arg(&target);
    build_one(cargo, &target, &format!("peer-{name}"), name, build)
}

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--locked"]);
    command
}

/// What a binary is for.
#[derive(Clone, Copy, PartialEq)]
pub enum Build {
    Timed,
    /// Counts allocations.
    Counting,
    /// The same instructions as what is timed, and the source lines they come from.
    Lines,
}

/// Builds and puts the binary aside: all builds have the same name. With `SKIP_BUILD` set, what a run before put
/// there is taken as it is.
fn build_one(mut cargo: Command, target: &Path, binary: &str, name: &str, build: Build) -> Result<PathBuf, String> {
    let (behind, what) = match build {
        Build::Timed => ("", ""),
        Build::Counting => ("-counting", ", counting allocations"),
        Build::Lines => ("-lines", ", with its source lines"),
    };
    let aside = machine::scratch("bin")?.join(format!("{name}{behind}"));
    if std::env::var_os("SKIP_BUILD").is_some() && aside.is_file() {
        return Ok(aside);
    }
    eprintln!("building {name}{what}");
    match build {
        Build::Timed => &mut cargo,
        Build::Counting => cargo.args(["--features", "count-allocations"]),
        Build::Lines => cargo.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only"),
    };
    machine::output(&mut cargo)?;
    let built = target.join("release").join(binary);
    std::fs::copy(&built, &aside).map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    Ok(aside)
}

fn folders(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
