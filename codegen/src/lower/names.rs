//! Everything that can be referred to by name, and the names that are taken.

use crate::diag::Diagnostic;
use crate::ir::names::{BUILDER_METHODS, SHAPE_METHODS};
use crate::model::{Model, Page, RawShape};
use crate::spelling;
use std::collections::BTreeMap;
use std::ops::Range;

/// What a shape's name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Struct,
    Enum,
    Union,
}

/// A shape as written, and the file it stands in.
pub(super) struct Named<'m> {
    pub sort: Sort,
    pub key: Range<usize>,
    pub page: &'m Page,
    pub raw: &'m RawShape,
}

/// What can be referred to. A list whose file could not be read is `None`: nothing is unknown then.
pub(super) struct Names<'m> {
    pub shapes: BTreeMap<&'m str, Named<'m>>,
    /// Some file of shapes could not be read.
    pub shapes_unsure: bool,
    pub groups: Option<Vec<&'m str>>,
    pub codes: Option<Vec<&'m str>>,
}

/// Types of the grammar. A shape cannot have such a name.
pub(super) const BUILT_IN: [&str; 11] =
    ["String", "bool", "i32", "i64", "Timestamp", "Bytes", "DateText", "Range", "CopySource", "List", "Map"];

/// Names that the language of the output gives a meaning of their own, or that emitted files bring into scope.
const TAKEN_SHAPES: [&str; 26] = [
    "Self",
    "Option",
    "Some",
    "None",
    "Result",
    "Ok",
    "Err",
    "Box",
    "Vec",
    "Default",
    "Clone",
    "Copy",
    "Debug",
    "From",
    "Into",
    "Send",
    "Sync",
    "Drop",
    "Fn",
    "Iterator",
    "ByteStream",
    "S3Client",
    "S3Error",
    "XmlReader",
    "XmlWriter",
    "XmlError",
];

/// Methods that would be hidden beside those of [`BUILDER_METHODS`] and [`SHAPE_METHODS`].
const TAKEN_METHODS: [&str; 4] = ["clone", "default", "execute", "call"];

/// Words no escape makes into a name. Every other keyword is fine: an emitter escapes it (`r#type` in Rust).
const UNSPEAKABLE: [&str; 4] = ["self", "super", "crate", "_"];

impl<'m> Names<'m> {
    pub fn of(model: &'m Model, mistakes: &mut Vec<Diagnostic>) -> Self {
        let mut shapes: BTreeMap<&str, Named<'m>> = BTreeMap::new();
        for topic in &model.topics {
            for entry in topic.raw.shapes.iter() {
                let sort = match &entry.value {
                    RawShape { values: Some(_), .. } => Sort::Enum,
                    RawShape { variants: Some(_), .. } => Sort::Union,
                    _ => Sort::Struct,
                };
                if let Some(first) = shapes.get(entry.name()) {
                    let help = format!("shapes are known by name alone; it also stands in {}", first.page.path);
                    let message = format!("the shape `{}` exists twice", entry.name());
                    mistakes.push(topic.page.mistake(entry.key.span(), message, help));
                    continue;
                }
                shapes
                    .insert(entry.name(), Named { sort, key: entry.key.span(), page: &topic.page, raw: &entry.value });
            }
        }
        let shapes_unsure = model.topics.iter().any(|topic| topic.page.torn || !topic.page.broken.is_empty());
        let groups = model.service.as_ref().filter(|file| !file.page.is_broken(&["groups"]));
        let codes = model.errors.as_ref().filter(|file| !file.page.is_broken(&["codes"]));
        Self {
            shapes,
            shapes_unsure,
            groups: groups.map(|file| file.raw.groups.iter().map(|entry| entry.name()).collect()),
            codes: codes.map(|file| file.raw.codes.iter().map(|entry| entry.name()).collect()),
        }
    }

    /// The words a type can be made of.
    pub fn types(&self) -> impl Iterator<Item = &'m str> {
        BUILT_IN.into_iter().chain(self.shapes.keys().copied())
    }
}

/// Why this cannot be the name of a shape, and what to do.
pub(super) fn refused_shape(name: &str, operations: &[&str]) -> Option<(String, String)> {
    if !spelling::is_pascal(name) {
        return Some((
            format!("`{name}` is not a name for a shape"),
            "write it like `BucketInfo`: a capital, then letters and digits".into(),
        ));
    }
    if BUILT_IN.contains(&name) {
        return Some((format!("`{name}` is a type of the grammar"), "choose another name for the shape".into()));
    }
    if TAKEN_SHAPES.contains(&name) {
        return Some((
            format!("`{name}` already means something where shapes are used"),
            "choose another name; the wire name does not depend on it".into(),
        ));
    }
    let clash = operations.iter().find(|operation| {
        name.strip_prefix(**operation).is_some_and(|rest| matches!(rest, "" | "Request" | "Output"))
    })?;
    Some((format!("`{name}` is what the operation `{clash}` brings along"), "choose another name for the shape".into()))
}

/// Types that every emitted operation brings into scope, beside [`TAKEN_SHAPES`].
const TAKEN_OPERATIONS: [&str; 10] = [
    "Call",
    "ChecksumRule",
    "Operation",
    "OperationFacts",
    "Paged",
    "Pages",
    "Reply",
    "RequestOptions",
    "RequestWriter",
    "Sending",
];

/// Methods that clients and bucket handles have already.
const TAKEN_CALLS: [&str; 16] = [
    "builder",
    "call",
    "client",
    "clone",
    "config",
    "delete_prefix",
    "execute",
    "from_config",
    "from_env",
    "get_json",
    "get_string",
    "list_all_objects",
    "name",
    "object_exists",
    "put_json",
    "warmup",
];

/// Why a file cannot be called so, and what to do. `what` is what the file stands for.
pub(super) fn refused_file(what: &str, stem: &str) -> Option<(String, String)> {
    (stem == "mod" || UNSPEAKABLE.contains(&stem)).then(|| {
        (
            format!("{what} cannot be called `{stem}`"),
            "the emitted language needs this word for itself; choose another".into(),
        )
    })
}

/// Why an operation cannot be called so, and what to do.
pub(super) fn refused_operation(stem: &str, name: &str) -> Option<(String, String)> {
    refused_file("an operation", stem).or_else(|| {
        let taken = BUILT_IN.contains(&name) || TAKEN_SHAPES.contains(&name) || TAKEN_OPERATIONS.contains(&name);
        let help = || "choose another name for the file, such as `get_object`".to_owned();
        if taken {
            return Some((format!("`{name}` already means something where operations are used"), help()));
        }
        TAKEN_CALLS
            .contains(&stem)
            .then(|| (format!("clients and bucket handles have a method `{stem}` already"), help()))
    })
}

/// Whose field it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Input,
    Output,
    Struct,
    Union,
}

/// Why this cannot be the name of a field, and what to do.
pub(super) fn refused_field(name: &str, owner: Owner) -> Option<(String, String)> {
    if UNSPEAKABLE.contains(&name) {
        return Some((
            format!("`{name}` cannot be a name in the output"),
            "choose another name and give the wire name with a place".into(),
        ));
    }
    if !spelling::is_snake(name) {
        let help = format!("write it in snake_case: `{}`", snake_guess(name));
        return Some((format!("`{name}` is not a name for a field"), help));
    }
    let rename = "choose another name; the place gives the wire name, so nothing changes on the wire";
    let reserved = match owner {
        Owner::Input => {
            BUILDER_METHODS.contains(&name)
                || TAKEN_METHODS.contains(&name)
                || name.starts_with("with_")
                || name.starts_with("wait_until_")
                || name.ends_with("_items")
        }
        Owner::Struct => SHAPE_METHODS.contains(&name) || TAKEN_METHODS.contains(&name),
        Owner::Union if name == "unknown" => true,
        _ => false,
    };
    reserved.then(|| {
        let message = match owner {
            Owner::Input => format!("the field `{name}` would hide a method of the request builder"),
            Owner::Union => format!("the variant `{name}` is kept for elements nobody knows yet"),
            _ => format!("the field `{name}` would hide a method of the struct"),
        };
        (message, rename.into())
    })
}

fn snake_guess(name: &str) -> String {
    let words: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let parts: Vec<String> = words.split('_').filter(|part| !part.is_empty()).map(spelling::snake).collect();
    let guess = parts.join("_");
    if spelling::is_snake(&guess) { guess } else { "a_name".to_owned() }
}

#[cfg(test)]
mod operation_names {
    use super::refused_operation;
    use crate::ir::names::pascal_of_snake;

    #[test]
    fn names_that_would_not_compile_are_refused() {
        for stem in ["mod", "self", "super", "crate", "string", "result", "call", "sending", "s3_error", "get_json"] {
            assert!(refused_operation(stem, &pascal_of_snake(stem)).is_some(), "{stem}");
        }
        for stem in ["get_object", "type", "async", "con", "tests"] {
            assert!(refused_operation(stem, &pascal_of_snake(stem)).is_none(), "{stem}");
        }
    }
}
