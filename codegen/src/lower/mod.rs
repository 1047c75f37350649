//! Model to IR: the only place that says no.
//!
//! Every reference is resolved, every contradiction refused, and every question an emitter could ask is answered here.
//! One run finds all mistakes: what depends on something already refused is left alone, so that one slip is one report.
//! Whatever the files hold, the outcome is an `Api` or a list of mistakes, never a panic.

mod cases;
mod errors;
mod fields;
mod limits;
mod names;
mod operations;
mod pages;
mod places;
mod providers;
mod reach;
mod route;
mod service;
mod shapes;
mod types;

use crate::diag::Diagnostic;
use crate::ir;
use crate::model::{Model, Page, Text};
use names::Names;
use std::ops::Range;
use toml::Spanned;

pub(crate) use types::written;

/// The IR of a model, or everything that is wrong with it.
///
/// `spelling` holds the mistakes the mirroring already found; with any of them there is no IR either, but the rest of
/// the model is looked at all the same.
pub fn lower(model: &Model, spelling: Vec<Diagnostic>) -> Result<ir::Api, Vec<Diagnostic>> {
    let mut mistakes = spelling;
    let names = Names::of(model, &mut mistakes);
    let (service, groups) = service::lower(model, &mut mistakes);
    let errors = errors::lower(model, &mut mistakes);
    let providers = providers::lower(model, &mut mistakes);
    let mut topics = shapes::lower(model, &names, &mut mistakes);
    let mut operations = operations::lower(model, &names, &mut mistakes);
    reach::settle(model, &names, &groups, &mut operations, &mut topics, &mut mistakes);
    cases::lower(model, &topics, &mut operations, &mut mistakes);
    if mistakes.is_empty() {
        return Ok(ir::Api { service, groups, operations, topics, errors, providers, sources: sources(model) });
    }
    mistakes.sort_by(|a, b| a.order().cmp(&b.order()));
    mistakes.dedup();
    Err(mistakes)
}

fn sources(model: &Model) -> Vec<ir::Source> {
    let pages = (model.service.iter().map(|file| &file.page))
        .chain(model.errors.iter().map(|file| &file.page))
        .chain(model.operations.iter().map(|file| &file.page))
        .chain(model.topics.iter().map(|file| &file.page))
        .chain(model.cases.iter().map(|file| &file.page))
        .chain(model.providers.iter().map(|file| &file.page));
    let mut sources: Vec<ir::Source> =
        pages.map(|page| ir::Source { path: page.path.clone(), text: page.text.clone() }).collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// Mistakes of one file, while it is being lowered.
pub(crate) struct Sink<'m> {
    page: &'m Page,
    list: Vec<Diagnostic>,
}

impl<'m> Sink<'m> {
    fn new(page: &'m Page) -> Self {
        Self { page, list: Vec::new() }
    }

    /// A mistake about this word.
    fn on<T>(&mut self, word: &Spanned<T>, message: impl Into<String>, help: impl Into<String>) {
        self.at(word.span(), message, help);
    }

    fn at(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.list.push(self.page.mistake(span, message, help));
    }

    /// A key that has to be there. It is not missed if a misspelling nearby may have been it.
    fn want<'t>(&mut self, text: &'t Option<Text>, path: &[&str], near: Range<usize>, help: &str) -> Option<&'t Text> {
        match text {
            Some(text) if !text.get_ref().trim().is_empty() => Some(text),
            Some(text) => {
                let key = path.last().copied().unwrap_or_default();
                if !self.page.torn {
                    self.on(text, format!("`{key}` is empty"), help);
                }
                None
            }
            None => {
                let (key, parents) = path.split_last().unwrap_or((&"", &[]));
                let withheld = self.page.torn
                    || self.page.broken.iter().any(|broken| {
                        broken.len() == parents.len() + 1 && broken.iter().zip(parents).all(|(a, b)| a == b)
                    });
                if !withheld {
                    self.at(near, format!("`{key}` is missing"), help);
                }
                None
            }
        }
    }

    fn finish(self, mistakes: &mut Vec<Diagnostic>) {
        mistakes.extend(self.list);
    }
}

/// The text of an optional word.
fn owned(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.get_ref().clone())
}

/// Documentation as it is shown: without the blanks around it.
fn doc(text: Option<&Text>) -> String {
    text.map(|text| text.get_ref().trim().to_owned()).unwrap_or_default()
}
