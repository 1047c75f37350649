//! `model/providers/*.toml`: makes of stores and how they want to be spoken to.

use super::{Sink, doc, owned};
use crate::diag::Diagnostic;
use crate::ir::{Addressing, Provider};
use crate::model::{File, Model, RawProvider, Text};
use crate::spelling;

const ADDRESSING: [(&str, Addressing); 3] =
    [("auto", Addressing::Auto), ("path", Addressing::Path), ("virtual", Addressing::Virtual)];
const WHEN: [(&str, bool); 2] = [("when_supported", true), ("when_required", false)];

pub(super) fn lower(model: &Model, mistakes: &mut Vec<Diagnostic>) -> Vec<Provider> {
    model.providers.iter().filter_map(|file| provider(file, mistakes)).collect()
}

fn provider(file: &File<RawProvider>, mistakes: &mut Vec<Diagnostic>) -> Option<Provider> {
    let (raw, stem) = (&file.raw, file.page.stem.clone());
    let mut sink = Sink::new(&file.page);
    if !is_snake(&stem) {
        sink.at(
            0..0,
            format!("`{stem}` is not a name for a provider"),
            "name the file in snake_case, `cloudflare_r2.toml`",
        );
    }
    let name = sink.want(&raw.name, &["name"], 0..0, "write `name = \"Cloudflare R2\"`, as people call it");
    let text = sink.want(&raw.doc, &["doc"], 0..0, "say what is special about it and which region it wants");
    let addressing = choose(&mut sink, &raw.addressing, "addressing", &ADDRESSING);
    let request_checksums = choose(&mut sink, &raw.request_checksums, "request_checksums", &WHEN);
    let response_checksums = choose(&mut sink, &raw.response_checksums, "response_checksums", &WHEN);
    for entry in raw.parameters.iter() {
        let name = entry.name();
        if !is_snake(name) {
            sink.on(&entry.key, format!("`{name}` is not a name for a parameter"), "write it in snake_case");
        }
        let used =
            |template: &Option<Text>| template.as_ref().is_some_and(|t| t.get_ref().contains(&format!("{{{name}}}")));
        if !used(&raw.endpoint) && !used(&raw.region) {
            let help = format!("write `{{{name}}}` into `endpoint` or `region`, or delete the parameter");
            sink.on(&entry.key, format!("the parameter `{name}` is used nowhere"), help);
        }
    }
    for template in [&raw.endpoint, &raw.region].into_iter().flatten() {
        for place in places(template.get_ref()) {
            if raw.parameters.value(place).is_none() && !file.page.is_broken(&["parameters"]) {
                let known = raw.parameters.iter().map(|entry| entry.name());
                let help = spelling::suggestion(place, known, "describe it in [parameters]");
                sink.on(template, format!("`{{{place}}}` is not a parameter"), help);
            }
        }
    }
    sink.finish(mistakes);
    Some(Provider {
        stem,
        name: name?.get_ref().clone(),
        doc: doc(text),
        link: owned(&raw.link),
        endpoint: owned(&raw.endpoint),
        region: owned(&raw.region),
        parameters: raw.parameters.iter().map(|e| (e.name().to_owned(), e.value.get_ref().trim().to_owned())).collect(),
        addressing: addressing?,
        request_checksums: request_checksums?,
        response_checksums: response_checksums?,
        aws_chunked: raw.aws_chunked.unwrap_or(true),
        bulk_delete: raw.bulk_delete.unwrap_or(true),
        content_md5: raw.content_md5.unwrap_or(true),
    })
}

fn choose<T: Copy>(sink: &mut Sink<'_>, text: &Option<Text>, key: &str, words: &[(&str, T)]) -> Option<T> {
    let all = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let word = sink.want(text, &[key], 0..0, &format!("write `{key} = \"..\"` with one of {all}"))?;
    let found = words.iter().find(|(known, _)| known == word.get_ref()).map(|(_, value)| *value);
    if found.is_none() {
        let help =
            spelling::suggestion(word.get_ref(), words.iter().map(|(word, _)| *word), &format!("write one of {all}"));
        sink.on(word, format!("unknown word `{}` for `{key}`", word.get_ref()), help);
    }
    found
}

/// What stands in braces.
fn places(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(place, _)| place))
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
