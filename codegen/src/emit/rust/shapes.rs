//! Shared shapes, a file a topic: `generated/types/<topic>.rs`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, Shape, ShapeKind, Topic};
use crate::output::File;

use super::uses::Uses;
use super::{docs, enums, file, gate, structs, ty, unions};

/// One item of a shape, and the groups that need it.
pub(super) struct Piece<'a> {
    /// Goes before the gate.
    pub(super) doc: TokenStream,
    /// The item.
    pub(super) code: TokenStream,
    /// It exists with one of these.
    pub(super) groups: &'a [String],
}

impl<'a> Piece<'a> {
    /// An item without a word of its own.
    pub(super) fn new(code: TokenStream, groups: &'a [String]) -> Self {
        Self { doc: TokenStream::new(), code, groups }
    }
}

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
        let pieces = match &shape.kind {
            ShapeKind::Struct(fields) => structs::pieces(api, shape, fields),
            ShapeKind::Union(fields) => unions::pieces(api, shape, fields),
            ShapeKind::Enum(values) => enums::pieces(shape, values),
        };
        for Piece { doc, code, groups } in pieces {
            uses.scan_gated(&code, groups);
            let covers = file_groups.iter().all(|group| groups.contains(group));
            let gate = if covers { TokenStream::new() } else { gate(groups) };
            body.extend(quote!(#doc #gate #code));
        }
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
