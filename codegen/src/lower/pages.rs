//! `pages`: which words of an answer go into the next request, and what is worth a stream.

use super::operations::Refer;
use super::types::written;
use crate::ir::{Pages, Place, ScalarType, Turn, Type};
use std::collections::HashSet;

pub(super) fn lower(ask: &mut Refer<'_, '_>) -> Option<Pages> {
    let word = ask.raw.pages.as_ref()?;
    if ask.sink.page.is_broken(&["pages"]) {
        return None;
    }
    let raw = word.get_ref();
    if raw.tokens.is_empty() {
        ask.sink.on(
            word,
            "`pages` has no tokens",
            "write `tokens = { continuation_token = \"next_continuation_token\" }`: input field, output field",
        );
    }
    if raw.items.is_empty() {
        ask.sink.on(
            word,
            "`pages` has no items",
            "write `items = [\"contents\"]`, the lists of the output that grow from page to page",
        );
    }
    let mut turns = Vec::new();
    for token in raw.tokens.iter() {
        let input = ask.input(&token.key, token.name());
        let output = ask.output(&token.value, token.value.get_ref());
        let (Some(input), Some(output)) = (input, output) else { continue };
        if !matches!(input.place, Place::Query(_) | Place::Header(_)) || input.required {
            let message = format!("`{}` cannot carry a token", input.name);
            ask.sink.on(&token.key, message, "a token goes into an optional header or query parameter");
        }
        if input.ty != output.ty
            || !matches!(input.ty, Type::Scalar(ScalarType::String | ScalarType::I32 | ScalarType::I64))
        {
            let message = format!(
                "the token `{}` is `{}`, `{}` is `{}`",
                output.name,
                written(&output.ty),
                input.name,
                written(&input.ty)
            );
            ask.sink.on(&token.value, message, "both have to be the same kind of text or number");
        }
        if output.required || output.default.is_some() {
            let message = format!("`{}` is always there, but the last page has no token", output.name);
            ask.sink.on(&token.value, message, "delete its `required` or `default`");
        }
        turns.push(Turn { input: input.name.clone(), output: output.name.clone() });
    }
    let mut seen = HashSet::new();
    for item in &raw.items {
        let field = ask.output(item, item.get_ref());
        if field.is_some_and(|field| !matches!(field.ty, Type::List(_))) {
            ask.sink.on(
                item,
                format!("`{}` is not a list", item.get_ref()),
                "name the lists that grow from page to page",
            );
        }
        if !seen.insert(item.get_ref()) {
            ask.sink.on(item, format!("`{}` stands there twice", item.get_ref()), "delete one of the two");
        }
    }
    if let Some(more) = &raw.more {
        let field = ask.output(more, more.get_ref());
        if field.is_some_and(|field| field.ty != Type::Scalar(ScalarType::Bool)) {
            ask.sink.on(
                more,
                format!("`{}` is not a bool", more.get_ref()),
                "name the field that says whether there is more, or delete `more`",
            );
        }
    }
    Some(Pages {
        turns,
        items: raw.items.iter().map(|item| item.get_ref().clone()).collect(),
        more: super::owned(&raw.more),
    })
}
