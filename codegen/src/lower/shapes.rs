//! `model/types/*.toml`: structs, enumerations and unions. Who reaches them is settled in `reach`.

use super::fields::{self, Home};
use super::names::{Names, Owner, refused_file, refused_shape};
use super::{Sink, doc, owned};
use crate::diag::Diagnostic;
use crate::ir::names::pascal_of_snake;
use crate::ir::{EnumValue, Shape, ShapeKind, Topic};
use crate::model::{Entries, Entry, Model, RawEnumValue, RawShape};
use crate::spelling;
use std::collections::HashMap;

pub(super) fn lower(model: &Model, names: &Names<'_>, mistakes: &mut Vec<Diagnostic>) -> Vec<Topic> {
    let operations: Vec<String> = model.operations.iter().map(|file| pascal_of_snake(&file.page.stem)).collect();
    let operations: Vec<&str> = operations.iter().map(String::as_str).collect();
    let mut topics = Vec::new();
    for file in &model.topics {
        if !spelling::is_snake(&file.page.stem) {
            mistakes.push(Diagnostic::whole(
                &file.page.path,
                "the file's name is not in snake_case",
                "it becomes a module; rename it",
            ));
        } else if let Some((message, help)) = refused_file("a file of shapes", &file.page.stem) {
            mistakes.push(Diagnostic::whole(&file.page.path, message, help));
        }
        let mut sink = Sink::new(&file.page);
        let entries = file.raw.shapes.iter();
        let shapes = entries.filter_map(|entry| shape(&mut sink, names, &operations, entry)).collect();
        topics.push(Topic { name: file.page.stem.clone(), doc: file.page.head_comment(), shapes });
        sink.finish(mistakes);
    }
    topics
}

fn shape(sink: &mut Sink<'_>, names: &Names<'_>, operations: &[&str], entry: &Entry<RawShape>) -> Option<Shape> {
    let (name, raw) = (entry.name(), &entry.value);
    if let Some((message, help)) = refused_shape(name, operations) {
        sink.on(&entry.key, message, help);
    }
    let help = "say in own words what it stands for";
    let doc = doc(sink.want(&raw.doc, &[name, "doc"], entry.key.span(), help));
    let kind = match (&raw.fields, &raw.values, &raw.variants) {
        (Some(entries), None, None) => {
            let path = [name, "fields"];
            let home = Home { owner: Owner::Struct, path: &path, labels: &[], constants: &[] };
            ShapeKind::Struct(fields::lower(sink, names, entries, &home))
        }
        (None, Some(entries), None) => ShapeKind::Enum(values(sink, name, entries)),
        (None, None, Some(entries)) => {
            let path = [name, "variants"];
            let home = Home { owner: Owner::Union, path: &path, labels: &[], constants: &[] };
            if entries.is_empty() && !sink.page.is_broken(&path) {
                sink.on(&entry.key, format!("`{name}` has no variants"), "list them under `variants`");
            }
            ShapeKind::Union(fields::lower(sink, names, entries, &home))
        }
        (None, None, None) => {
            if !sink.page.is_broken(&[name]) {
                let help = format!(
                    "add `[{name}.fields]` for a struct, `[{name}.values]` for an enumeration, `[{name}.variants]` for a union"
                );
                sink.on(&entry.key, format!("`{name}` is nothing yet"), help);
            }
            return None;
        }
        _ => {
            sink.on(
                &entry.key,
                format!("`{name}` is several things at once"),
                "keep one of `fields`, `values` and `variants`",
            );
            return None;
        }
    };
    Some(Shape {
        name: name.to_owned(),
        doc,
        kind,
        groups: Vec::new(),
        input_groups: Vec::new(),
        output_groups: Vec::new(),
        deprecated: owned(&raw.deprecated),
    })
}

fn values(sink: &mut Sink<'_>, shape: &str, entries: &Entries<RawEnumValue>) -> Vec<EnumValue> {
    let mut taken: HashMap<String, &str> = HashMap::new();
    let mut values = Vec::new();
    for entry in entries.iter() {
        let wire = entry.name();
        if sink.page.is_broken(&[shape, "values", wire]) {
            continue;
        }
        let given = entry.value.name.as_ref();
        let name = given.map_or_else(|| spelling::value_name(wire), |name| name.get_ref().clone());
        let span = given.map_or(entry.key.span(), |name| name.span());
        let rename = format!("give it one: `{:?} = {{ name = \"..\", doc = \"..\" }}`", wire);
        if !spelling::is_pascal(&name) {
            sink.at(span, format!("`{wire}` gives `{name}`, which is not a name for a value"), rename);
        } else if matches!(name.as_str(), "Other" | "Self") {
            sink.at(span, format!("the name `{name}` is kept: `Other` holds values nobody knows yet"), rename);
        } else if let Some(first) = taken.get(&name) {
            sink.at(span, format!("`{wire}` and `{first}` would both be called `{name}`"), rename);
        }
        taken.entry(name.clone()).or_insert(wire);
        let doc = entry.value.doc.as_deref().map(str::trim).unwrap_or_default().to_owned();
        if doc.is_empty() {
            sink.on(&entry.key, format!("`{wire}` has no documentation"), "say what the value means");
        }
        values.push(EnumValue { name, wire: wire.to_owned(), doc });
    }
    values
}
