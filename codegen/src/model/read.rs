//! Text to mirror, finding every misspelling and not only the first.
//!
//! Serde stops at its first mistake. So the mistake is noted, the key it is about is cut out of the parsed document,
//! and the rest is mirrored again, until it fits.

use super::Page;
use crate::diag::Diagnostic;
use crate::spelling;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

/// More than anybody wants to read at once; a bound on the work a garbled file can cause.
const AT_MOST: usize = 100;

pub(super) fn read<T: DeserializeOwned + Default>(page: &mut Page, mistakes: &mut Vec<Diagnostic>) -> T {
    let (document, torn) = DeTable::parse_recoverable(&page.text);
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut lines = HashSet::new();
    for error in torn.iter().take(AT_MOST) {
        let mistake = syntax_mistake(page, error);
        let line = mistake.place.as_ref().map_or(0, |place| place.line);
        // What follows the first mistake of a line is mostly its echo.
        if lines.insert(line) {
            found.push(mistake);
        }
    }
    let is_torn = !torn.is_empty();
    let mut broken = Vec::new();
    let raw = mirror(page, document, &mut broken, &mut found, is_torn);
    mistakes.append(&mut found);
    page.torn |= is_torn || raw.is_none();
    page.broken = broken;
    raw.unwrap_or_default()
}

fn mirror<T: DeserializeOwned>(
    page: &Page,
    mut document: Spanned<DeTable<'_>>,
    broken: &mut Vec<Vec<String>>,
    found: &mut Vec<Diagnostic>,
    is_torn: bool,
) -> Option<T> {
    for _ in 0..AT_MOST {
        let error = match T::deserialize(Deserializer::from(document.clone())) {
            Ok(raw) => return Some(raw),
            Err(error) => error,
        };
        // In a torn file, wrong keys and kinds are consequences of the tear.
        if !is_torn {
            found.push(spelling_mistake(page, &error));
        }
        let mut path = Vec::new();
        if !cut(document.get_mut(), &error.span()?, &mut path) {
            return None;
        }
        broken.push(path);
    }
    None
}

/// Removes the innermost entry the span lies in; its key path is left in `path`.
fn cut(table: &mut DeTable<'_>, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    let mut doomed = None;
    for (key, value) in table.iter_mut() {
        path.push(key.get_ref().to_string());
        if covers(&key.span(), span) {
            doomed = Some(key.clone());
            break;
        }
        let around = value.span();
        if cut_value(value.get_mut(), span, path) {
            return true;
        }
        if covers(&around, span) {
            doomed = Some(key.clone());
            break;
        }
        path.pop();
    }
    doomed.is_some_and(|key| table.remove(key.get_ref().as_ref()).is_some())
}

fn cut_value(value: &mut DeValue<'_>, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    match value {
        DeValue::Table(inner) => cut(inner, span, path),
        // Of an array, only what is inside its tables can be cut out; else the array goes as a whole.
        DeValue::Array(items) => items.iter_mut().enumerate().any(|(index, item)| {
            path.push(index.to_string());
            let done = cut_value(item.get_mut(), span, path);
            if !done {
                path.pop();
            }
            done
        }),
        _ => false,
    }
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && outer.start < outer.end
}

fn syntax_mistake(page: &Page, error: &Error) -> Diagnostic {
    let message = error.message().trim();
    let text = message.split('\n').map(str::trim).collect::<Vec<_>>().join(", ");
    let help = match text.as_str() {
        text if text.contains("duplicate key") => "a key can be set once; delete one of the two",
        text if text.contains("recursion") => "nothing in the grammar nests this deep",
        _ => {
            "see https://toml.io for the syntax; texts need quotes, `{ .. }` may span lines, keys are set once a table"
        }
    };
    page.mistake(error.span().unwrap_or(0..0), format!("this is not TOML: {text}"), help)
}

fn spelling_mistake(page: &Page, error: &Error) -> Diagnostic {
    let message = error.message().trim();
    let span = error.span().unwrap_or(0..0);
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field") {
        let wrong = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        let keys = known.join(", ");
        let help = match spelling::nearest(wrong, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "no key may stand here".to_owned(),
            None => format!("the keys here are {keys}"),
        };
        return page.mistake(span, format!("unknown key `{wrong}`"), help);
    }
    if message.contains("__toml_private") {
        return page.mistake(span, "wrong kind of value: a moment without quotes", "put it in quotes");
    }
    if let Some((_, expected)) = message.split_once(", expected ") {
        let words = [
            ("a string", "a text in quotes"),
            ("a sequence", "an array `[..]`"),
            ("a boolean", "true or false"),
            ("a map", "a table"),
            ("struct", "a table for"),
        ];
        let expected = words.iter().fold(expected.to_owned(), |text, (from, to)| text.replace(from, to));
        let message = message.replace("invalid type: ", "wrong kind of value: ");
        let message = message.split(", expected").next().unwrap_or_default().to_owned();
        return page.mistake(
            span,
            message,
            format!("write {}", expected.replace("a map", "a table").replace("struct", "a table for")),
        );
    }
    page.mistake(span, message.to_owned(), "see model/README.md for the grammar")
}
