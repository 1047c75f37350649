//! The generator: reads `model/` and writes `generated/`.
//!
//! # Commands
//!
//! ```text
//! cargo run -p codegen                        write what changed, remove what is no longer emitted
//! cargo run -p codegen -- --check             write nothing; exit 1 and name the files that are stale
//! cargo run -p codegen -- new NAME            a commented model file to fill in
//! cargo run -p codegen -- explain NAME        what was understood of an operation or a shape
//! cargo run -p codegen -- import FILE NAME..  model files out of a Smithy JSON AST (not built yet)
//! ```
//!
//! The grammar of the model, with recipes for the common changes, is in `model/README.md`.
//!
//! # Phases
//!
//! ```text
//! model/*.toml -> model -> lower -> ir -> emit -> output -> generated/
//! ```
//!
//! 1. [`model`] mirrors the files with serde: keys, kinds of values, and where each word stands. No opinions.
//! 2. [`lower`] is the only place that says no. It resolves every name, refuses every contradiction, and answers
//!    every question an emitter could ask. One run reports all mistakes, each with file, line and the way out.
//! 3. [`ir`] is the outcome: validated, free of TOML and of Rust.
//! 4. [`emit`] turns it into files, one function for each kind of file, none of which sees another.
//! 5. [`output`] formats them, writes those that differ, removes orphans and keeps `generated/MANIFEST`.
//!
//! Nothing is written if there is one mistake. The same model gives the same bytes on every machine.
//!
//! # Rules
//!
//! - Special cases live in the model. An emitter that contains the name of an operation or a field is a bug.
//! - The generator depends on no other crate of the workspace: broken output can always be generated again.
//! - To extend the grammar: a key in `model/raw.rs`, its meaning in `lower/`, a place in `ir/`, its use in `emit/`, a
//!   paragraph in `model/README.md`, a snapshot of what happens when it is used wrongly in `codegen/tests/`.
//!
//! # Freshness
//!
//! `generated/` is checked in. A test runs [`run`] with [`Mode::Check`], and the package's `build.rs` compares digests
//! and stops a build whose `generated/` does not belong to its `model/`.

pub mod diag;
pub mod emit;
mod explain;
mod import;
pub mod ir;
pub mod lower;
pub mod model;
pub mod output;
mod skeleton;
pub(crate) mod spelling;

use diag::Diagnostic;
use std::fs;
use std::path::Path;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Write what changed.
    Generate,
    /// Name what would change, write nothing.
    Check,
    /// Write a skeleton of an operation of that name.
    New(String),
    /// Tell what was understood of an operation or a shape of that name.
    Explain(String),
    /// Write model files out of a published description. Not built yet.
    Import {
        /// A Smithy JSON AST.
        file: String,
        /// Operations to take from it.
        operations: Vec<String>,
    },
}

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Files that were written, relative to the root.
    pub written: Vec<String>,
    /// Files that were removed.
    pub removed: Vec<String>,
    /// For people: an explanation or a closing line.
    pub text: String,
}

/// Does one run on the repository at `root`.
///
/// # Errors
/// Every mistake that was found; nothing was written then. In [`Mode::Check`] also every file that is stale.
pub fn run(root: &Path, mode: Mode) -> Result<Report, Vec<Diagnostic>> {
    match mode {
        Mode::Generate => {
            let api = api(root)?;
            let outcome = output::write(&task(root, &api))?;
            let text = closing(&api, &outcome);
            Ok(Report { written: outcome.written, removed: outcome.removed, text })
        }
        Mode::Check => {
            let api = api(root)?;
            let outcome = output::check(&task(root, &api))?;
            Ok(Report { text: closing(&api, &outcome), ..Report::default() })
        }
        Mode::New(name) => {
            let path = skeleton::create(root, &name).map_err(|mistake| vec![mistake])?;
            let text = format!("{path} is there: fill it in, then `cargo run -p codegen`\n");
            Ok(Report { written: vec![path], removed: Vec::new(), text })
        }
        Mode::Explain(name) => match explain::explain(&api(root)?, &name) {
            Ok(text) => Ok(Report { text, ..Report::default() }),
            Err(near) => {
                let help = near
                    .map_or("names are those of files in model/operations and of shapes".to_owned(), |near| {
                        format!("did you mean `{near}`?")
                    });
                Err(vec![Diagnostic::whole("", format!("there is no operation or shape `{name}`"), help)])
            }
        },
        Mode::Import { file, operations } => Err(vec![import::import(&file, &operations)]),
    }
}

/// The IR of the model at `root`.
///
/// # Errors
/// Every mistake in the model files.
pub fn api(root: &Path) -> Result<ir::Api, Vec<Diagnostic>> {
    let mut files = Vec::new();
    let mut mistakes = Vec::new();
    collect(root, "model", &mut files, &mut mistakes);
    files.sort();
    let (model, spelling) = model::Model::parse(files);
    mistakes.extend(spelling);
    lower::lower(&model, mistakes)
}

/// All TOML files below a folder. Other files, such as the grammar and the schema, are not the generator's to read.
fn collect(root: &Path, folder: &str, files: &mut Vec<(String, Vec<u8>)>, mistakes: &mut Vec<Diagnostic>) {
    let unreadable = |path: &str, error: std::io::Error| {
        Diagnostic::whole(
            path,
            format!("cannot be read: {error}"),
            "run from inside the repository, whose model/ it is",
        )
    };
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) => return mistakes.push(unreadable(folder, error)),
    };
    for entry in entries.flatten() {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(root, &path, files, mistakes);
        } else if path.ends_with(".toml") {
            match fs::read(entry.path()) {
                Ok(bytes) => files.push((path, bytes)),
                Err(error) => mistakes.push(unreadable(&path, error)),
            }
        }
    }
}

fn task<'a>(root: &'a Path, api: &'a ir::Api) -> output::Task<'a> {
    let files = emit::EMITTERS.iter().flat_map(|(_, emit)| emit(api)).collect();
    output::Task { root, files, sources: &api.sources, groups: &api.groups }
}

fn closing(api: &ir::Api, outcome: &output::Outcome) -> String {
    let shapes: usize = api.topics.iter().map(|topic| topic.shapes.len()).sum();
    let (operations, codes) = (api.operations.len(), api.errors.len());
    let (written, removed, unchanged) = (outcome.written.len(), outcome.removed.len(), outcome.unchanged);
    format!(
        "{operations} operations, {shapes} shapes, {codes} error codes: \
         {written} files written, {removed} removed, {unchanged} as they were\n"
    )
}
