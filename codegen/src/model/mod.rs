//! The model as it is written: an exact mirror of the TOML files, with the place of every word kept.
//!
//! It knows spelling (keys, kinds of values), not meaning: whether a type exists or two places contradict each other
//! is asked in `lower`. A file with mistakes is mirrored as far as it can be read, so that one run finds them all.

mod entries;
mod raw;
mod read;

pub use entries::{Entries, Entry, Literal, RawValue};
pub use raw::{
    RawCases, RawChecksum, RawCode, RawEnumValue, RawErrors, RawField, RawGroup, RawItems, RawOperation, RawPages,
    RawProvider, RawRequestCase, RawResponseCase, RawService, RawShape, RawTopic, RawWaiter, Text,
};

use crate::diag::Diagnostic;
use serde::de::DeserializeOwned;
use std::ops::Range;

/// All model files.
#[derive(Debug, Default)]
pub struct Model {
    /// `model/service.toml`.
    pub service: Option<File<RawService>>,
    /// `model/errors.toml`.
    pub errors: Option<File<RawErrors>>,
    /// `model/operations/*.toml`, sorted.
    pub operations: Vec<File<RawOperation>>,
    /// `model/types/*.toml`, sorted.
    pub topics: Vec<File<RawTopic>>,
    /// `model/cases/*.toml`, sorted.
    pub cases: Vec<File<RawCases>>,
    /// `model/providers/*.toml`, sorted.
    pub providers: Vec<File<RawProvider>>,
}

/// One file and what it says.
#[derive(Debug)]
pub struct File<T> {
    /// Path, text and what could not be read.
    pub page: Page,
    /// What it says.
    pub raw: T,
}

/// The file itself.
#[derive(Debug)]
pub struct Page {
    /// Relative to the repository root, with `/`.
    pub path: String,
    /// File name without `.toml`.
    pub stem: String,
    /// Content.
    pub text: String,
    /// Key paths that were misspelt or held the wrong kind of value, and are left out of the mirror.
    pub broken: Vec<Vec<String>>,
    /// The syntax itself was wrong: anything may be missing.
    pub torn: bool,
}

impl Page {
    /// Whether something at or below this key path could not be read; then its meaning is not worth judging.
    pub fn is_broken(&self, path: &[&str]) -> bool {
        self.torn
            || self.broken.iter().any(|broken| {
                let shorter = broken.len().min(path.len());
                broken.iter().take(shorter).zip(path).all(|(a, b)| a == b)
            })
    }

    /// A mistake at a byte range of this file.
    pub fn mistake(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.path, &self.text, span, message, help)
    }

    /// The comment at the head of the file, joined to one text.
    pub fn head_comment(&self) -> String {
        let lines = self.text.lines().take_while(|line| line.starts_with('#'));
        let words: Vec<&str> = lines.map(|line| line.trim_start_matches('#').trim()).collect();
        words.join(" ").trim().to_owned()
    }
}

/// What the generator reads, by folder.
const LAYOUT: &str =
    "model files are service.toml, errors.toml, operations/*.toml, types/*.toml, cases/*.toml and providers/*.toml";

impl Model {
    /// Mirrors files given as `(path relative to the repository root, content)`.
    ///
    /// Mistakes of spelling come back beside the model; the model then lacks what they are about.
    pub fn parse(files: Vec<(String, Vec<u8>)>) -> (Self, Vec<Diagnostic>) {
        let mut model = Self::default();
        let mut mistakes = Vec::new();
        for (path, bytes) in files {
            let (text, torn) = match String::from_utf8(bytes) {
                Ok(text) => (text, false),
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                    let help = "save the file as UTF-8";
                    mistakes.push(Diagnostic::at(&path, &text, at..at + 1, "this byte is not UTF-8", help));
                    (text, true)
                }
            };
            let page = Page { stem: stem(&path), path, text, broken: Vec::new(), torn };
            model.add(page, &mut mistakes);
        }
        (model, mistakes)
    }

    fn add(&mut self, page: Page, mistakes: &mut Vec<Diagnostic>) {
        let path = page.path.clone();
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["model", "service.toml"] => self.service = Some(mirror(page, mistakes)),
            ["model", "errors.toml"] => self.errors = Some(mirror(page, mistakes)),
            ["model", "operations", _] => self.operations.push(mirror(page, mistakes)),
            ["model", "types", _] => self.topics.push(mirror(page, mistakes)),
            ["model", "cases", _] => self.cases.push(mirror(page, mistakes)),
            ["model", "providers", _] => self.providers.push(mirror(page, mistakes)),
            _ => mistakes.push(Diagnostic::whole(&path, "the generator does not read this file", LAYOUT)),
        }
    }
}

fn stem(path: &str) -> String {
    path.rsplit('/').next().and_then(|name| name.strip_suffix(".toml")).unwrap_or_default().to_owned()
}

fn mirror<T: DeserializeOwned + Default>(mut page: Page, mistakes: &mut Vec<Diagnostic>) -> File<T> {
    let raw = read::read(&mut page, mistakes);
    File { page, raw }
}
