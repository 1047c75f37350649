//! `model/schema.json`: what editors need to complete and check the model's TOML.

use tera::{Context, Tera};

use crate::ir::Api;
use crate::output::{Content, File};

const SCHEMA: &str = include_str!("../../templates/schema.json");

/// One file, beside the model instead of below `generated/`.
pub(super) fn emit(api: &Api) -> Vec<File> {
    let shapes = api.topics.iter().flat_map(|topic| &topic.shapes).map(|shape| shape.name.clone());
    let scalars =
        ["String", "bool", "i32", "i64", "Timestamp", "Bytes", "DateText", "Range", "CopySource", "Map<String>"];
    let plain: Vec<String> = scalars.into_iter().map(str::to_owned).chain(shapes).collect();
    let lists = plain.iter().filter(|name| !name.starts_with("Map")).map(|name| format!("List<{name}>"));
    let types: Vec<String> = plain.iter().cloned().chain(lists).collect();
    let mut context = Context::new();
    context.insert("types", &array(types.iter()));
    context.insert("groups", &array(api.groups.iter().map(|group| &group.name)));
    context.insert("codes", &array(api.errors.iter().map(|error| &error.code)));
    let text = Tera::one_off(SCHEMA, &context, false).unwrap_or_else(|error| format!("TEMPLATE ERROR {error:?}\n"));
    vec![File { path: "../model/schema.json".into(), source: "codegen".into(), content: Content::Text(text) }]
}

/// A JSON array of texts.
fn array<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let texts: Vec<String> = texts.map(|text| json(text)).collect();
    format!("[{}]", texts.join(", "))
}

fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if (c as u32) < 32 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
