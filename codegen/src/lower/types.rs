//! The `type` of a field: text to [`Type`].

use super::names::{Names, Sort};
use crate::ir::{DateFormat, ScalarType, Type};
use crate::spelling;

/// What is wrong, and the way out; an empty message means that it cannot be judged.
pub(super) type Refusal = (String, String);

/// Reads `String`, `List<Tag>`, `Map<String>` and the like. `format` is how a moment is written in this place.
pub(super) fn parse(text: &str, format: DateFormat, names: &Names<'_>) -> Result<Type, Refusal> {
    let text = text.trim();
    if let Some(inner) = inside(text, "List") {
        return match parse_plain(inner, format, names)? {
            Type::Map | Type::List(_) => Err(nested()),
            item => Ok(Type::List(Box::new(item))),
        };
    }
    parse_plain(text, format, names)
}

fn parse_plain(text: &str, format: DateFormat, names: &Names<'_>) -> Result<Type, Refusal> {
    let scalar = match text.trim() {
        "String" => ScalarType::String,
        "bool" => ScalarType::Bool,
        "i32" => ScalarType::I32,
        "i64" => ScalarType::I64,
        "Timestamp" => ScalarType::Timestamp(format),
        "Bytes" => ScalarType::Bytes,
        "DateText" => ScalarType::DateText,
        "Range" => ScalarType::Range,
        "CopySource" => ScalarType::CopySource,
        other => return parse_named(other, names),
    };
    Ok(Type::Scalar(scalar))
}

fn parse_named(text: &str, names: &Names<'_>) -> Result<Type, Refusal> {
    if inside(text, "List").is_some() {
        return Err(nested());
    }
    if let Some(inner) = inside(text, "Map") {
        return match inner.trim() {
            "String" => Ok(Type::Map),
            _ => Err((format!("a map holds texts, not `{inner}`"), "write `Map<String>`".into())),
        };
    }
    if matches!(text, "List" | "Map") {
        let item = if text == "List" { "Tag" } else { "String" };
        return Err((format!("`{text}` of what?"), format!("say what it holds, such as `{text}<{item}>`")));
    }
    match names.shapes.get(text) {
        Some(named) => Ok(match named.sort {
            Sort::Struct => Type::Struct(text.to_owned()),
            Sort::Enum => Type::Enum(text.to_owned()),
            Sort::Union => Type::Union(text.to_owned()),
        }),
        None if names.shapes_unsure => Err(Refusal::default()),
        None => {
            let near = spelling::nearest(text, names.types());
            let known_elsewhere = match text {
                "str" | "string" | "text" => Some("String"),
                "int" | "integer" | "u32" | "usize" => Some("i32"),
                "long" | "u64" => Some("i64"),
                "boolean" => Some("bool"),
                "DateTime" | "Date" | "datetime" => Some("Timestamp"),
                "Blob" | "blob" | "bytes" => Some("Bytes"),
                _ => None,
            };
            let help = match known_elsewhere.or(near) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "add the shape to a file of model/types, or use String, bool, i32, i64, Timestamp, Bytes, \
                         DateText, List<..> or Map<String>"
                    .to_owned(),
            };
            Err((format!("unknown type `{text}`"), help))
        }
    }
}

fn inside<'t>(text: &'t str, outer: &str) -> Option<&'t str> {
    text.strip_prefix(outer)?.trim_start().strip_prefix('<')?.strip_suffix('>')
}

fn nested() -> Refusal {
    ("lists do not nest".into(), "make the inner one a field of a struct of its own".into())
}

/// As it is written in the model.
pub(crate) fn written(ty: &Type) -> String {
    match ty {
        Type::Scalar(scalar) => match scalar {
            ScalarType::String => "String",
            ScalarType::Bool => "bool",
            ScalarType::I32 => "i32",
            ScalarType::I64 => "i64",
            ScalarType::Timestamp(_) => "Timestamp",
            ScalarType::Bytes => "Bytes",
            ScalarType::DateText => "DateText",
            ScalarType::Range => "Range",
            ScalarType::CopySource => "CopySource",
        }
        .to_owned(),
        Type::Struct(name) | Type::Enum(name) | Type::Union(name) => name.clone(),
        Type::List(item) => format!("List<{}>", written(item)),
        Type::Map => "Map<String>".to_owned(),
        Type::Stream => "stream".to_owned(),
    }
}
