//! Shared shapes, a file a topic: `generated/types/<topic>.rs`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, Shape, ShapeKind, Topic};
use crate::output::File;

use super::uses::Uses;
use super::{docs, enums, file, gate, structs, ty, unions};

/// The files of all topics that hold a shape.
pub(in crate::emit) fn emit(api: &Api) -> Vec<File> {
    api.topics.iter().filter(|topic| !topic.shapes.is_empty()).map(|topic| file_of(api, topic)).collect()
}

/// The groups that need a topic: those of its shapes.
pub(super) fn groups(topic: &Topic) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for group in topic.shapes.iter().flat_map(|shape| &shape.groups) {
        if !groups.contains(group) {
            groups.push(group.clone());
        }
    }
    groups
}

fn file_of(api: &Api, topic: &Topic) -> File {
    let file_groups = groups(topic);
    let mut uses = Uses::new(api, "super");
    for shape in &topic.shapes {
        uses = uses.forget(ty::shape(&shape.name));
    }
    let mut body = TokenStream::new();
    for shape in &topic.shapes {
        let covers = file_groups.iter().all(|group| shape.groups.contains(group));
        let gate = if covers { TokenStream::new() } else { gate(&shape.groups) };
        let items = match &shape.kind {
            ShapeKind::Struct(fields) => structs::structure(api, shape, fields, &gate),
            ShapeKind::Union(fields) => unions::items(api, shape, fields, &gate),
            ShapeKind::Enum(values) => enums::items(shape, values, &gate),
        };
        uses.scan_gated(&items, &shape.groups);
        body.extend(items);
    }
    let uses = uses.tokens(&file_groups);
    let doc = if topic.doc.is_empty() { format!("Shapes of the topic `{}`.", topic.name) } else { topic.doc.clone() };
    let doc = docs::module_doc(&docs::prose(&doc));
    let deprecated = topic.shapes.iter().any(is_deprecated);
    let allow = if deprecated { quote!(#![allow(deprecated)]) } else { TokenStream::new() };
    let path = format!("types/{}.rs", topic.name);
    file(path, format!("model/types/{}.toml", topic.name), &quote!(#doc #allow #uses #body))
}

fn is_deprecated(shape: &Shape) -> bool {
    let inside = match &shape.kind {
        ShapeKind::Struct(fields) | ShapeKind::Union(fields) => fields.iter().any(|field| field.deprecated.is_some()),
        ShapeKind::Enum(_) => false,
    };
    inside || shape.deprecated.is_some()
}
