//! Checks a request makes before a byte is sent: ranges, lengths, prefixes, numbers of items.

use super::Sink;
use super::names::{Names, Owner};
use super::types::written;
use crate::ir::{Constraint, Limit, ScalarType, Type};
use crate::model::{RawField, RawItems};
use crate::spelling;
use std::ops::Range;
use toml::Spanned;

pub(super) fn lower(sink: &mut Sink<'_>, names: &Names<'_>, raw: &RawField, ty: &Type, owner: Owner) -> Vec<Limit> {
    let mut limits = Vec::new();
    let text = *ty == Type::Scalar(ScalarType::String);
    let number = matches!(ty, Type::Scalar(ScalarType::I32 | ScalarType::I64));
    let here = |constraint| Limit { inner: None, constraint };
    if let Some(word) = &raw.range {
        fits(sink, word.span(), "range", number, "i32 or i64", ty);
        if let Some((low, high)) = bounds(sink, word, "range") {
            limits.push(here(Constraint::Range(low, high)));
        }
    }
    if let Some(word) = &raw.length {
        fits(sink, word.span(), "length", text, "String", ty);
        if let Some((low, high)) = bounds(sink, word, "length") {
            match (usize::try_from(low), usize::try_from(high)) {
                (Ok(low), Ok(high)) => limits.push(here(Constraint::Chars(low, high))),
                _ => sink.on(word, "a length is not negative", "write `[1, 128]`"),
            }
        }
    }
    if let Some(word) = &raw.not_prefix {
        fits(sink, word.span(), "not_prefix", text, "String", ty);
        limits.push(here(Constraint::NotPrefix(word.get_ref().clone())));
    }
    if let Some(word) = &raw.items {
        items(sink, names, word, ty, &mut limits);
    }
    if let Some(word) = &raw.unique {
        unique(sink, names, word, ty, &mut limits);
    }
    if owner == Owner::Output && !limits.is_empty() {
        let spans = [&raw.range, &raw.length].map(|word| word.as_ref().map(Spanned::span));
        let texts = [&raw.not_prefix, &raw.unique].map(|word| word.as_ref().map(Spanned::span));
        let other = raw.items.as_ref().map(|word| word.span());
        let at = spans.into_iter().chain(texts).flatten().next().or(other).unwrap_or_default();
        sink.at(at, "an answer is not checked against limits", "delete it; say it in `doc` if it is worth knowing");
    }
    limits
}

fn fits(sink: &mut Sink<'_>, at: Range<usize>, key: &str, fine: bool, wanted: &str, ty: &Type) {
    if !fine {
        sink.at(at, format!("`{key}` is for {wanted}, not `{}`", written(ty)), "delete it, or change the type");
    }
}

fn bounds(sink: &mut Sink<'_>, word: &Spanned<Vec<i64>>, key: &str) -> Option<(i64, i64)> {
    pair(sink, word.span(), word.get_ref(), key)
}

fn pair(sink: &mut Sink<'_>, at: Range<usize>, numbers: &[i64], key: &str) -> Option<(i64, i64)> {
    match numbers {
        [low, high] if low <= high => Some((*low, *high)),
        [_, _] => {
            sink.at(at, format!("`{key}` allows nothing"), "write the lower bound first");
            None
        }
        _ => {
            sink.at(at, format!("`{key}` is a lower and an upper bound"), "write `[1, 128]`; both are included");
            None
        }
    }
}

fn items(sink: &mut Sink<'_>, names: &Names<'_>, word: &Spanned<RawItems>, ty: &Type, limits: &mut Vec<Limit>) {
    let mut limit = |sink: &mut Sink<'_>, inner: Option<String>, numbers: &[i64]| {
        let Some((low, high)) = pair(sink, word.span(), numbers, "items") else { return };
        match (usize::try_from(low), usize::try_from(high)) {
            (Ok(low), Ok(high)) if high > 0 => limits.push(Limit { inner, constraint: Constraint::Items(low, high) }),
            (Ok(_), Ok(_)) => sink.on(word, "`items` allows nothing", "write an upper bound above 0"),
            _ => sink.on(word, "a number of items is not negative", "write `[1, 128]`"),
        }
    };
    match (word.get_ref(), ty) {
        (RawItems::Here(numbers), Type::List(_)) => limit(sink, None, numbers),
        (RawItems::Here(_), Type::Struct(_)) => {
            sink.on(word, "which list of the struct?", "write `{ field = [0, 10] }` with the name of its list");
        }
        (RawItems::Inside(entries), Type::Struct(name)) => {
            let fields = names.shapes.get(name.as_str()).and_then(|named| named.raw.fields.as_ref());
            for entry in entries.iter() {
                let field = fields.and_then(|fields| fields.value(entry.name()));
                let list = field.is_some_and(|field| {
                    field.ty.as_ref().is_some_and(|ty| ty.get_ref().trim_start().starts_with("List"))
                });
                if !list {
                    let known = fields.into_iter().flat_map(|fields| fields.iter()).map(|field| field.name());
                    let help = spelling::suggestion(entry.name(), known, "name a field whose type is a list");
                    sink.on(&entry.key, format!("`{name}` has no list `{}`", entry.name()), help);
                }
                limit(sink, Some(entry.name().to_owned()), &entry.value);
            }
        }
        _ => sink.on(word, format!("`items` is for lists, not `{}`", written(ty)), "delete it, or change the type"),
    }
}

fn unique(sink: &mut Sink<'_>, names: &Names<'_>, word: &Spanned<String>, ty: &Type, limits: &mut Vec<Limit>) {
    let item = match ty {
        Type::List(item) => match &**item {
            Type::Struct(name) => name,
            _ => return sink.on(word, "`unique` is for lists of structs", "delete it"),
        },
        _ => return sink.on(word, "`unique` is for lists of structs", "delete it"),
    };
    let fields = names.shapes.get(item.as_str()).and_then(|named| named.raw.fields.as_ref());
    let field = fields.and_then(|fields| fields.value(word.get_ref()));
    let fine = field.is_some_and(|field| {
        let text = field.ty.as_ref().is_none_or(|ty| ty.get_ref().trim() == "String");
        text && field.required.as_ref().is_some_and(|it| *it.get_ref()) && field.secret.is_none()
    });
    if !fine {
        let known = fields.into_iter().flat_map(|fields| fields.iter()).map(|field| field.name());
        let help = spelling::suggestion(word.get_ref(), known, "name a field that every item has, of type String");
        return sink.on(word, format!("`{item}` has no required text `{}`", word.get_ref()), help);
    }
    limits.push(Limit { inner: None, constraint: Constraint::Unique(word.get_ref().clone()) });
}
