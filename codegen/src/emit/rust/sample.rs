//! Values as Rust expressions: for the examples in the documentation and for the tests of the wire examples.
//!
//! Expressions are made as text, since documentation is text; `tokens` turns them into code.

use proc_macro2::TokenStream;

use crate::ir::{Api, Field, Operation, Place, ScalarType, Shape, ShapeKind, Type, Value};

use super::ty::{self, Role};

/// The shape a type names, if it names one.
pub(super) fn shape_of<'a>(api: &'a Api, ty: &Type) -> Option<&'a Shape> {
    match ty {
        Type::Struct(name) | Type::Enum(name) | Type::Union(name) => api.shape(name),
        Type::List(of) => shape_of(api, of),
        _ => None,
    }
}

/// A field of the struct or union a type names.
pub(super) fn field_of<'a>(api: &'a Api, ty: &Type, name: &str) -> Option<&'a Field> {
    match &shape_of(api, ty)?.kind {
        ShapeKind::Struct(fields) | ShapeKind::Union(fields) => fields.iter().find(|field| field.name == name),
        ShapeKind::Enum(_) => None,
    }
}

/// Text as code.
pub(super) fn tokens(code: &str) -> TokenStream {
    code.parse().unwrap_or_default()
}

/// The example of the client's method: the request awaited, checked by the compiler only.
pub(super) fn awaited(api: &Api, op: &Operation) -> String {
    let calls = setters(api, op, &example_input(api, op));
    let chain = chain(&format!("client.{}()", ty::Names::of(op).method), &calls, ".await?;");
    let shapes = shapes_in(api, &calls);
    let uses =
        if shapes.is_empty() { String::new() } else { format!("use integration_s3::types::{};\n", braced(&shapes)) };
    format!(
        "```\n# use integration_s3::{{S3Client, S3Error}};\n{uses}\
         # async fn example(client: &S3Client) -> Result<(), S3Error> {{\nlet output = {chain}\n\
         # drop(output);\n# Ok(())\n# }}\n```"
    )
}

/// The example of the request value: built and looked at.
pub(super) fn built(api: &Api, op: &Operation) -> String {
    let input = example_input(api, op);
    let calls = setters(api, op, &input);
    let request = ty::Names::of(op).request;
    let chain = chain(&format!("{request}::builder()"), &calls, ".build();");
    let shapes = shapes_in(api, &calls);
    let uses =
        if shapes.is_empty() { String::new() } else { format!("use integration_s3::types::{};\n", braced(&shapes)) };
    let text = op.request.fields.iter().find_map(|field| {
        let (_, value) = input.iter().find(|(name, _)| *name == field.name)?;
        match (value, &field.ty) {
            (Value::Text(text), Type::Scalar(ScalarType::String)) if field.required => Some((&field.name, text)),
            _ => None,
        }
    });
    let claim = match text {
        Some((name, text)) => format!("assert_eq!(request.{}, {text:?});", ty::field(name)),
        None => "assert_eq!(request, request.clone());".to_owned(),
    };
    format!("```\nuse integration_s3::operations::{request};\n{uses}\nlet request = {chain}\n{claim}\n```")
}

fn braced(names: &[String]) -> String {
    if let [name] = names { name.clone() } else { format!("{{{}}}", names.join(", ")) }
}

/// Shapes whose names stand in these calls.
fn shapes_in(api: &Api, calls: &[String]) -> Vec<String> {
    let shapes = api.topics.iter().flat_map(|topic| &topic.shapes).map(|shape| ty::shape(&shape.name).to_string());
    let mut found: Vec<String> = shapes
        .filter(|name| {
            calls.iter().any(|call| call.contains(&format!("{name}::")) || call.contains(&format!("{name} {{")))
        })
        .collect();
    found.sort();
    found
}

/// One line if it is short, else one line a call.
fn chain(start: &str, calls: &[String], end: &str) -> String {
    let line = format!("{start}{}{end}", calls.concat());
    if line.len() <= 96 { line } else { format!("{start}\n    {}\n    {end}", calls.join("\n    ")) }
}

/// What is required with made-up values, and the content of an upload.
fn example_input(api: &Api, op: &Operation) -> Vec<(String, Value)> {
    let content = op.request.fields.iter().filter(|field| field.place == Place::PayloadStream);
    complete(api, op, content.map(|field| (field.name.clone(), made_up(api, field))).collect())
}

/// The given input, and made-up values for what is required besides.
pub(super) fn complete(api: &Api, op: &Operation, mut given: Vec<(String, Value)>) -> Vec<(String, Value)> {
    for field in &op.request.fields {
        if field.required && !given.iter().any(|(name, _)| *name == field.name) {
            given.push((field.name.clone(), made_up(api, field)));
        }
    }
    given
}

fn made_up(api: &Api, field: &Field) -> Value {
    match field.place {
        Place::Bucket => Value::Text("logs".into()),
        Place::Key => Value::Text("2026/app.log".into()),
        _ => made_up_of(api, field, &field.ty),
    }
}

fn made_up_of(api: &Api, field: &Field, ty: &Type) -> Value {
    match ty {
        Type::Scalar(ScalarType::Bool) => Value::Bool(true),
        Type::Scalar(ScalarType::I32 | ScalarType::I64) => Value::Integer(1),
        Type::Scalar(ScalarType::Timestamp(format)) => Value::Timestamp("2013-05-24T00:00:00Z".into(), *format),
        Type::Scalar(ScalarType::Range) => Value::Text("bytes=0-9".into()),
        Type::Scalar(ScalarType::Bytes) => Value::Text("aGVsbG8=".into()),
        Type::Scalar(ScalarType::CopySource) => Value::Text("logs/2025/app.log".into()),
        Type::Scalar(_) => Value::Text(field.name.replace('_', "-")),
        Type::Stream => Value::Text("hello".into()),
        Type::Map => Value::Map(vec![("author".into(), "alice".into())]),
        Type::List(of) => Value::List(vec![made_up_of(api, field, of)]),
        Type::Struct(_) | Type::Enum(_) | Type::Union(_) => match shape_of(api, ty) {
            Some(Shape { kind: ShapeKind::Enum(values), .. }) => {
                Value::Text(values.first().map_or_else(String::new, |value| value.wire.clone()))
            }
            Some(Shape { kind: ShapeKind::Struct(fields), name, .. }) => {
                let required = fields.iter().filter(|field| field.required);
                Value::Struct(name.clone(), required.map(|field| (field.name.clone(), made_up(api, field))).collect())
            }
            Some(Shape { kind: ShapeKind::Union(fields), name, .. }) => {
                let first = fields.first().map(|field| (field.name.clone(), made_up(api, field)));
                Value::Struct(name.clone(), first.into_iter().collect())
            }
            None => Value::Text(String::new()),
        },
    }
}

/// A call of a setter for each value, in the order of the fields.
pub(super) fn setters(api: &Api, op: &Operation, input: &[(String, Value)]) -> Vec<String> {
    let mut calls = Vec::new();
    for field in &op.request.fields {
        let Some((_, value)) = input.iter().find(|(name, _)| *name == field.name) else { continue };
        let name = ty::field(&field.name);
        match (value, &field.ty) {
            (Value::Map(pairs), _) if !field.required => {
                calls.extend(pairs.iter().map(|(key, value)| format!(".{name}({key:?}, {value:?})")));
            }
            _ => calls.push(format!(".{name}({})", argument(api, &field.ty, value))),
        }
    }
    calls
}

/// An argument of a setter, which takes `impl Into<..>`.
fn argument(api: &Api, ty: &Type, value: &Value) -> String {
    match (value, ty) {
        (Value::Text(text), Type::Scalar(ScalarType::Bytes)) => format!("{}.as_slice()", bytes(text)),
        (Value::Text(text), _) => format!("{text:?}"),
        (Value::Bool(value), _) => value.to_string(),
        (Value::Integer(value), _) => value.to_string(),
        (Value::Timestamp(text, _), _) => format!("Timestamp::parse_rfc3339({text:?}).unwrap_or_default()"),
        (Value::Map(pairs), _) => {
            let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("({key:?}, {value:?})")).collect();
            format!("[{}]", pairs.join(", "))
        }
        // Nothing says what an empty array holds.
        (Value::List(items), Type::List(of)) if items.is_empty() && !ty::is_exact(of) => {
            format!("Vec::<{}>::new()", ty::plain(of, false))
        }
        (Value::List(items), Type::List(of)) => {
            let items: Vec<_> = items.iter().map(|item| argument(api, of, item)).collect();
            format!("[{}]", items.join(", "))
        }
        (Value::List(_), _) => "[]".to_owned(),
        (Value::Struct(_, given), Type::Scalar(ScalarType::CopySource)) => copy_source(given),
        (Value::Struct(name, given), ty) => made(api, ty, name, given),
    }
}

/// A copy source out of its parts.
fn copy_source(given: &[(String, Value)]) -> String {
    let part = |wanted: &str| {
        given.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == wanted => Some(text.as_str()),
            _ => None,
        })
    };
    let (bucket, key) = (part("bucket").unwrap_or_default(), part("key").unwrap_or_default());
    let version = part("version_id").map(|id| format!(".version_id({id:?})")).unwrap_or_default();
    format!("CopySource::new({bucket:?}, {key:?}){version}")
}

/// Base64 as a byte string; `lower` let nothing else through.
fn bytes(base64: &str) -> String {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let (mut out, mut pending, mut bits) = (Vec::new(), 0u32, 0);
    for c in base64.bytes().filter(|c| *c != b'=') {
        pending = (pending << 6 | digit(c)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((pending >> bits & 0xff) as u8);
        }
    }
    format!("b\"{}\"", out.escape_ascii())
}

/// A shape out of its `new` and setters, or a variant of a union.
fn made(api: &Api, ty: &Type, name: &str, given: &[(String, Value)]) -> String {
    let ident = ty::shape(name);
    match shape_of(api, ty).map(|shape| &shape.kind) {
        Some(ShapeKind::Struct(fields)) => {
            let (mut required, mut calls) = (Vec::new(), String::new());
            for field in fields {
                let value = given.iter().find(|(name, _)| *name == field.name).map(|(_, value)| value);
                match value {
                    Some(value) if field.required => required.push(argument(api, &field.ty, value)),
                    Some(value) => {
                        calls.push_str(&format!(".{}({})", ty::field(&field.name), argument(api, &field.ty, value)))
                    }
                    None if field.required => required.push(argument(api, &field.ty, &made_up(api, field))),
                    None => {}
                }
            }
            format!("{ident}::new({}){calls}", required.join(", "))
        }
        _ => variant(api, ty, name, given),
    }
}

fn variant(api: &Api, ty: &Type, name: &str, given: &[(String, Value)]) -> String {
    let ident = ty::shape(name);
    let chosen = given.first().and_then(|(name, value)| Some((field_of(api, ty, name)?, value)));
    match chosen {
        Some((field, value)) => format!("{ident}::{}({})", ty::variant(&field.name), literal(api, &field.ty, value)),
        None => format!("{ident}::Unknown"),
    }
}

/// A struct literal with these fields and the defaults of the others. Only inside the crate: shapes are non-exhaustive.
pub(super) fn struct_literal(api: &Api, name: &str, fields: &[Field], given: &[(String, Value)]) -> String {
    let mut parts = Vec::new();
    for field in fields {
        let Some((_, value)) = given.iter().find(|(name, _)| *name == field.name) else { continue };
        let value = literal(api, &field.ty, value);
        let value = if ty::is_option(field, Role::Output) { format!("Some({value})") } else { value };
        parts.push(format!("{}: {value}", ty::field(&field.name)));
    }
    if parts.is_empty() {
        return format!("{name}::default()");
    }
    if parts.len() < fields.len() {
        parts.push("..Default::default()".to_owned());
    }
    format!("{name} {{ {} }}", parts.join(", "))
}

/// A value of exactly this type.
fn literal(api: &Api, ty: &Type, value: &Value) -> String {
    match (value, ty) {
        (Value::Text(text), Type::Scalar(ScalarType::Bytes)) => format!("{}.as_slice().into()", bytes(text)),
        (Value::Text(text), _) => format!("{text:?}.into()"),
        (Value::Map(pairs), _) => {
            let pairs: Vec<_> =
                pairs.iter().map(|(key, value)| format!("({key:?}.into(), {value:?}.into())")).collect();
            format!("[{}].into()", pairs.join(", "))
        }
        (Value::List(items), Type::List(of)) => {
            let items: Vec<_> = items.iter().map(|item| literal(api, of, item)).collect();
            if ty::is_few(ty) {
                format!("[{}].into()", items.join(", "))
            } else {
                format!("vec![{}]", items.join(", "))
            }
        }
        (Value::Struct(name, given), _) => match shape_of(api, ty).map(|shape| &shape.kind) {
            Some(ShapeKind::Struct(fields)) => struct_literal(api, &ty::shape(name).to_string(), fields, given),
            _ => variant(api, ty, name, given),
        },
        (value, ty) => argument(api, ty, value),
    }
}
