//! Comparing with what is on disk, and writing or naming the difference.

use super::manifest::{self, Digests, Manifest, digest};
use super::{Content, File, features, rust};
use crate::diag::{Diagnostic, Place};
use crate::ir::{Group, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

/// Everything to be brought to disk.
#[derive(Debug)]
pub struct Task<'a> {
    /// The repository.
    pub root: &'a Path,
    /// What the emitters made.
    pub files: Vec<File>,
    /// What was read.
    pub sources: &'a [Source],
    /// Groups for the manifest of the package.
    pub groups: &'a [Group],
}

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Files that were new or differed.
    pub written: Vec<String>,
    /// Files nobody emits any more.
    pub removed: Vec<String>,
    /// Files that were as they should be.
    pub unchanged: usize,
}

/// Part of every digest before formatting, so that a change of the layout formats everything anew.
const LAYOUT: &str = "layout 2\n";

const COMMAND: &str = "run `cargo run -p codegen`";

/// How the disk should look: text by path, where `None` is a file that is right as it is.
struct Plan {
    texts: BTreeMap<String, Option<String>>,
    orphans: Vec<String>,
    strangers: Vec<String>,
}

/// Writes what differs, removes orphans.
///
/// # Errors
/// A file that cannot be read or written, Rust that does not parse, a missing `rustfmt`. Nothing is written unless
/// everything was made.
pub fn write(task: &Task<'_>) -> Result<Outcome, Vec<Diagnostic>> {
    let plan = plan(task)?;
    let mut outcome = Outcome { removed: plan.orphans.clone(), ..Outcome::default() };
    let failed = |path: &str, error: &io::Error| {
        vec![Diagnostic::whole(
            path,
            format!("cannot be written: {error}"),
            "see to the folder's permissions and space",
        )]
    };
    for (path, text) in
        plan.texts.iter().filter(|(path, _)| *path != manifest::PATH).chain(plan.texts.get_key_value(manifest::PATH))
    {
        match text {
            Some(text) if read(task.root, path).as_deref() != Some(text.as_str()) => {
                replace(&task.root.join(path), text).map_err(|error| failed(path, &error))?;
                outcome.written.push(path.clone());
            }
            _ => outcome.unchanged += 1,
        }
    }
    for path in &plan.orphans {
        fs::remove_file(task.root.join(path)).map_err(|error| failed(path, &error))?;
        // A folder that became empty goes too; one that did not stays, and the error with it.
        if let Some(folder) = task.root.join(path).parent() {
            let _ = fs::remove_dir(folder);
        }
    }
    Ok(outcome)
}

/// Names what `write` would change, one mistake a file.
///
/// # Errors
/// The differences, or what keeps the files from being made.
pub fn check(task: &Task<'_>) -> Result<Outcome, Vec<Diagnostic>> {
    let plan = plan(task)?;
    let mut stale = Vec::new();
    for (path, text) in &plan.texts {
        let Some(text) = text else { continue };
        match read(task.root, path) {
            None => stale.push(Diagnostic::whole(path, "this file is missing", COMMAND)),
            Some(old) if old == *text => {}
            Some(old) => stale.push(difference(path, &old, text)),
        }
    }
    stale.extend(plan.orphans.iter().map(|path| Diagnostic::whole(path, "nothing emits this file any more", COMMAND)));
    let delete = "delete it: everything below generated/ is emitted";
    stale.extend(plan.strangers.iter().map(|path| Diagnostic::whole(path, "nothing emits this file", delete)));
    if stale.is_empty() { Ok(Outcome { unchanged: plan.texts.len(), ..Outcome::default() }) } else { Err(stale) }
}

fn difference(path: &str, old: &str, new: &str) -> Diagnostic {
    let same = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(the end of the file)").to_owned();
    let source = line(old);
    let width = source.chars().count().max(1);
    let help = format!("{COMMAND}; the line should be `{}`", line(new).trim());
    let place = Some(Place { line: same + 1, column: 1, width, source });
    Diagnostic { file: path.to_owned(), place, message: "this file is stale".to_owned(), help: Some(help) }
}

fn plan(task: &Task<'_>) -> Result<Plan, Vec<Diagnostic>> {
    let old = Manifest::parse(&read(task.root, manifest::PATH).unwrap_or_default());
    let mut new = Manifest {
        models: task.sources.iter().map(|source| (source.path.clone(), digest(source.text.as_bytes()))).collect(),
        files: BTreeMap::new(),
    };
    let mut texts: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut unformatted: Vec<(String, String)> = Vec::new();
    let mut emitted: BTreeMap<String, u64> = BTreeMap::new();
    for file in &task.files {
        let path = file.place();
        if emitted.contains_key(&path) {
            return Err(vec![Diagnostic::whole(
                &path,
                "two emitters made this file",
                "this is a mistake of an emitter",
            )]);
        }
        let (Content::Text(text) | Content::Rust(text)) = &file.content;
        let before = digest(format!("{LAYOUT}{}\n{text}", file.source).as_bytes());
        emitted.insert(path.clone(), before);
        let on_disk = || fs::read(task.root.join(&path)).ok().map(|bytes| digest(&bytes));
        match (&file.content, old.files.get(&path)) {
            (_, Some(known)) if known.emitted == before && on_disk() == Some(known.written) => {
                new.files.insert(path.clone(), *known);
                texts.insert(path, None);
            }
            (Content::Text(text), _) => {
                texts.insert(path, Some(ended(text)));
            }
            (Content::Rust(text), _) => unformatted.push((path, text.clone())),
        }
    }
    let headers: BTreeMap<String, String> =
        task.files.iter().map(|file| (file.place(), header(&file.source))).collect();
    let formatted = rust::format(task.root, &unformatted)?;
    for ((path, _), text) in unformatted.into_iter().zip(formatted) {
        let header = headers.get(&path).map(String::as_str).unwrap_or_default();
        texts.insert(path, Some(format!("{header}{text}")));
    }
    for (path, text) in &texts {
        if let (Some(text), Some(emitted)) = (text, emitted.get(path)) {
            new.files.insert(path.clone(), Digests { written: digest(text.as_bytes()), emitted: *emitted });
        }
    }
    let (orphans, strangers) = left_over(task.root, &old, &new);
    texts.insert(manifest::PATH.to_owned(), Some(new.render()));
    let package = read(task.root, "Cargo.toml").unwrap_or_default();
    let package = features::with_groups(&package, task.groups).map_err(|mistake| vec![mistake])?;
    texts.insert("Cargo.toml".to_owned(), Some(package));
    Ok(Plan { texts, orphans, strangers })
}

fn header(source: &str) -> String {
    format!("// @generated by `cargo run -p codegen` from {source}. Edit the model, not this file.\n")
}

fn ended(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

/// Files below `generated/` nobody emits: those an earlier run wrote, and those it did not.
fn left_over(root: &Path, old: &Manifest, new: &Manifest) -> (Vec<String>, Vec<String>) {
    let mut present = BTreeSet::new();
    list(&root.join("generated"), "generated", &mut present);
    // A manifest is a text file anybody can edit: only what is below `generated/` is ever removed.
    let below = |path: &str| {
        let parts: Vec<Component<'_>> = Path::new(path).components().collect();
        parts.iter().all(|part| matches!(part, Component::Normal(_))) && path.starts_with("generated/")
    };
    let left = present.into_iter().filter(|path| !new.files.contains_key(path) && path != manifest::PATH);
    left.partition(|path| old.files.contains_key(path) && below(path))
}

fn list(folder: &Path, name: &str, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => list(&entry.path(), &path, into),
            Ok(_) => {
                into.insert(path);
            }
            Err(_) => {}
        }
    }
}

fn read(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path)).ok().map(|text| text.replace("\r\n", "\n"))
}

/// Writes beside the file and moves it into place, so that an interrupted run leaves no half file.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = PathBuf::from(path).into_os_string();
    beside.push(".new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
