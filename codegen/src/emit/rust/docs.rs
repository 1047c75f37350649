//! Documentation comments: the words of the model, wrapped, with what the wire adds to them.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Constraint, Field, Place, XmlPath};

/// Columns of a documentation line, without indentation and slashes.
const WIDTH: usize = 112;

/// `///` lines.
pub(super) fn doc(text: &str) -> TokenStream {
    let lines = lines(text);
    quote!(#(#[doc = #lines])*)
}

/// `//!` lines.
pub(super) fn module_doc(text: &str) -> TokenStream {
    let lines = lines(text);
    quote!(#(#![doc = #lines])*)
}

fn lines(text: &str) -> Vec<String> {
    wrap(text).into_iter().map(|line| if line.is_empty() { line } else { format!(" {line}") }).collect()
}

/// Breaks every paragraph at [`WIDTH`]; code blocks stay as they are.
fn wrap(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut code = false;
    for line in text.trim().lines() {
        if line.starts_with("```") {
            code = !code;
            out.push(line.to_owned());
        } else if code || line.is_empty() {
            out.push(line.to_owned());
        } else {
            let mut current = String::new();
            for word in words(line) {
                if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > WIDTH {
                    out.push(std::mem::take(&mut current));
                }
                if !current.is_empty() {
                    current.push(' ');
                }
                current.push_str(word);
            }
            out.push(current);
        }
    }
    out
}

/// Words of a line; a code span is one word.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut start, mut code) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        match c {
            '`' => code = !code,
            ' ' if !code => {
                words.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&line[start..]);
    words.retain(|word| !word.is_empty());
    words
}

/// Prose of the model as Markdown: brackets and angles outside code spans are no links and no tags.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut code = false;
    for c in text.trim().chars() {
        if c == '`' {
            code = !code;
        } else if !code && matches!(c, '[' | ']' | '<' | '>') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The first sentence.
pub(super) fn summary(text: &str) -> String {
    let text = text.trim();
    let mut code = false;
    for (at, c) in text.char_indices() {
        match c {
            '`' => code = !code,
            '.' if !code && text[at + 1..].starts_with([' ', '\n']) => return prose(&text[..=at]),
            _ => {}
        }
    }
    prose(text)
}

/// The model's words on a field, its place on the wire and its limits.
pub(super) fn field(field: &Field) -> String {
    let mut text = prose(&field.doc);
    for part in [place(field), limits(field)] {
        if !part.is_empty() {
            text.push(' ');
            text.push_str(&part);
        }
    }
    text
}

fn place(field: &Field) -> String {
    match &field.place {
        Place::Bucket | Place::Key => "Part of the path.".to_owned(),
        Place::Query(name) => format!("Query `{name}`."),
        Place::Header(name) => format!("Header `{name}`."),
        Place::HeaderPrefix(prefix) => format!("Headers `{prefix}*`."),
        Place::PayloadStream | Place::PayloadText | Place::PayloadXml(_) => "The body.".to_owned(),
        Place::Xml(path) => match path {
            XmlPath::Element(name) | XmlPath::Flattened(name) => format!("Element `{name}`."),
            XmlPath::Wrapped { outer, item } => format!("Element `{outer}/{item}`."),
            XmlPath::Attribute(name) => format!("Attribute `{name}`."),
            XmlPath::Text => "The text of the element.".to_owned(),
        },
    }
}

fn limits(field: &Field) -> String {
    let phrases: Vec<String> = field
        .limits
        .iter()
        .map(|limit| {
            let phrase = match &limit.constraint {
                Constraint::Range(min, max) => format!("{} to {}", number(*min), number(*max)),
                Constraint::Chars(min, max) => {
                    format!("{} to {} characters", number(*min as i64), number(*max as i64))
                }
                Constraint::NotPrefix(prefix) => format!("not beginning with `{prefix}`"),
                Constraint::Items(0, max) => format!("at most {} items", number(*max as i64)),
                Constraint::Items(min, max) => {
                    format!("{} to {} items", number(*min as i64), number(*max as i64))
                }
                Constraint::Unique(field) => format!("no `{field}` twice"),
            };
            limit.inner.as_ref().map_or(phrase.clone(), |inner| format!("{phrase} in `{inner}`"))
        })
        .collect();
    if phrases.is_empty() { String::new() } else { format!("Checked before sending: {}.", phrases.join(", ")) }
}

/// With thousands separated: `10,000`.
pub(super) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_code_spans_whole_and_breaks_the_rest() {
        let text = format!("{} `a b c d e f`", "word ".repeat(22).trim());
        let lines = wrap(&text);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], "`a b c d e f`");
    }

    #[test]
    fn takes_the_first_sentence() {
        assert_eq!(summary("At most 1.5 GiB. More."), "At most 1.5 GiB.");
        assert_eq!(summary("Says `a. b` only"), "Says `a. b` only");
    }

    #[test]
    fn takes_links_and_tags_out_of_prose() {
        assert_eq!(prose("a [b] <c> `<d>`"), "a \\[b\\] \\<c\\> `<d>`");
    }

    #[test]
    fn separates_thousands() {
        assert_eq!([number(1), number(-1000), number(1_234_567)], ["1", "-1,000", "1,234,567"]);
    }
}
