//! `model/errors.toml`: codes and what to do about them.

use super::Sink;
use crate::diag::Diagnostic;
use crate::ir::{ErrorCode, Retry};
use crate::model::{Entry, Model, RawCode, RawErrors, Text};
use crate::spelling;

const RETRIES: [(&str, Retry); 7] = [
    ("no", Retry::No),
    ("transient", Retry::Transient),
    ("throttle", Retry::Throttle),
    ("timeout", Retry::Timeout),
    ("refresh", Retry::Refresh),
    ("clock", Retry::Clock),
    ("redirect", Retry::Redirect),
];

pub(super) fn lower(model: &Model, mistakes: &mut Vec<Diagnostic>) -> Vec<ErrorCode> {
    let Some(file) = &model.errors else {
        mistakes.push(Diagnostic::whole(
            "model/errors.toml",
            "the file is missing",
            "it names the error codes; see model/README.md",
        ));
        return Vec::new();
    };
    let mut sink = Sink::new(&file.page);
    let mut codes: Vec<ErrorCode> =
        file.raw.codes.iter().filter_map(|entry| code(&mut sink, &file.raw, entry)).collect();
    codes.sort_by(|a, b| a.code.cmp(&b.code));
    sink.finish(mistakes);
    codes
}

fn code(sink: &mut Sink<'_>, all: &RawErrors, entry: &Entry<RawCode>) -> Option<ErrorCode> {
    let (name, raw) = (entry.name(), &entry.value);
    let before = sink.list.len();
    let near = entry.key.span();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        sink.on(&entry.key, format!("`{name}` is not an error code"), "write it as it stands in the `Code` element");
    }
    let path = |key| ["codes", name, key];
    let kind = sink.want(
        &raw.kind,
        &path("kind"),
        near.clone(),
        "write `kind = \"Object.NotFound\"`, a category and a variant of [kinds]",
    );
    let kind = kind.and_then(|word| kind_of(sink, all, word));
    let advice =
        sink.want(&raw.advice, &path("advice"), near.clone(), "say in one clause what a person can do about it");
    if let Some(advice) = advice
        && advice.get_ref().ends_with('.')
    {
        sink.on(
            advice,
            "advice is a clause and ends without a full stop",
            "it is shown after a semicolon; delete the full stop",
        );
    }
    let retry = sink.want(
        &raw.retry,
        &path("retry"),
        near,
        "write no, transient, throttle, timeout, refresh, clock or redirect",
    );
    let retry = retry.and_then(|word| {
        let found = RETRIES.iter().find(|(name, _)| name == word.get_ref()).map(|(_, retry)| *retry);
        if found.is_none() {
            let help = spelling::suggestion(
                word.get_ref(),
                RETRIES.map(|(name, _)| name),
                "write no, transient, throttle, timeout, refresh, clock or redirect",
            );
            sink.on(word, format!("unknown retry class `{}`", word.get_ref()), help);
        }
        found
    });
    let status = raw.status.as_ref().and_then(|word| {
        let status = u16::try_from(*word.get_ref()).ok().filter(|status| (100..600).contains(status));
        if status.is_none() {
            sink.on(word, "this is not an HTTP status", "write 100 to 599, or leave it out if none is documented");
        }
        status
    });
    for field in &raw.fields {
        if !super::places::is_xml_name(field.get_ref()) {
            sink.on(
                field,
                format!("`{}` is not the name of an element", field.get_ref()),
                "write it as it stands in the error document",
            );
        }
    }
    if sink.page.is_broken(&["codes", name]) {
        sink.list.truncate(before);
    }
    Some(ErrorCode {
        code: name.to_owned(),
        kind: kind?,
        status,
        retry: retry?,
        advice: advice?.get_ref().trim().to_owned(),
        fields: raw.fields.iter().map(|field| field.get_ref().clone()).collect(),
    })
}

fn kind_of(sink: &mut Sink<'_>, all: &RawErrors, word: &Text) -> Option<(String, String)> {
    let text = word.get_ref();
    let Some((category, variant)) = text.split_once('.') else {
        sink.on(word, format!("`{text}` is not a category and a variant"), "write `Object.NotFound`");
        return None;
    };
    if sink.page.is_broken(&["kinds", category]) {
        return None;
    }
    let Some(variants) = all.kinds.value(category) else {
        let known = all.kinds.iter().map(|entry| entry.name());
        let help = spelling::suggestion(category, known, "categories stand in [kinds] at the head of the file");
        sink.on(word, format!("unknown category `{category}`"), help);
        return None;
    };
    let known = || variants.iter().map(|variant| variant.get_ref().as_str());
    if !known().any(|known| known == variant) {
        let all = known().collect::<Vec<_>>().join(", ");
        let help = spelling::suggestion(variant, known(), &format!("`{category}` has {all}"));
        sink.on(word, format!("unknown variant `{variant}` of `{category}`"), help);
        return None;
    }
    Some((category.to_owned(), variant.to_owned()))
}
