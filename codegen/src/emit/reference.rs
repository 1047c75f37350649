//! The API reference in Markdown: a page for each operation, and an index.

use serde::Serialize;
use tera::{Context, Tera};

use crate::ir::{
    Answer, Api, Case, CaseKind, Constraint, Field, Operation, Place, ScalarType, ShapeKind, Type, Verb, XmlPath,
};
use crate::output::{Content, File};

const OPERATION: &str = include_str!("../../templates/operation.md");
const INDEX: &str = include_str!("../../templates/index.md");

/// The pages and the index.
pub(super) fn emit(api: &Api) -> Vec<File> {
    let pages = api.operations.iter().map(|op| {
        let mut context = Context::new();
        context.insert("op", &page(api, op));
        let source = format!("model/operations/{}.toml", op.stem);
        context.insert("source", &source);
        text(format!("reference/{}.md", op.stem), source, OPERATION, &context)
    });
    let mut context = Context::new();
    context.insert("service", &api.service.name);
    context.insert("groups", &groups(api));
    let index = text("reference/README.md".into(), "model/operations".into(), INDEX, &context);
    pages.chain([index]).collect()
}

/// A template is part of the program, so a mistake in one is shown in place of the page, where a test finds it.
fn text(path: String, source: String, template: &str, context: &Context) -> File {
    let text = Tera::one_off(template, context, false).unwrap_or_else(|error| format!("TEMPLATE ERROR {error:?}\n"));
    File { path, source, content: Content::Text(text) }
}

#[derive(Serialize)]
struct Group {
    name: String,
    doc: String,
    default: bool,
    operations: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    stem: String,
    summary: String,
    route: String,
}

fn groups(api: &Api) -> Vec<Group> {
    let entry = |op: &Operation| Entry {
        name: op.name.clone(),
        stem: op.stem.clone(),
        summary: cell(&sentence(&op.doc)),
        route: op.route.clone(),
    };
    let group = |group: &crate::ir::Group| Group {
        name: group.name.clone(),
        doc: group.doc.trim().to_owned(),
        default: group.default,
        operations: api.operations.iter().filter(|op| op.group == group.name).map(entry).collect(),
    };
    api.groups.iter().map(group).filter(|group| !group.operations.is_empty()).collect()
}

#[derive(Serialize)]
struct Page {
    name: String,
    stem: String,
    route: String,
    group: String,
    doc: String,
    link: Option<String>,
    deprecated: Option<String>,
    facts: Vec<String>,
    input: Vec<Row>,
    output: Vec<Row>,
    shapes: Vec<Section>,
    errors: Vec<Failure>,
    examples: Vec<Example>,
}

/// A field in a table.
#[derive(Serialize)]
struct Row {
    name: String,
    place: String,
    ty: String,
    required: bool,
    doc: String,
}

/// A shape below the tables.
#[derive(Serialize)]
struct Section {
    name: String,
    doc: String,
    rows: Vec<Row>,
    values: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Failure {
    code: String,
    status: Option<u16>,
    kind: String,
    advice: String,
}

#[derive(Serialize)]
struct Example {
    claim: String,
    wire: String,
}

fn page(api: &Api, op: &Operation) -> Page {
    let errors = op.errors.iter().filter_map(|code| api.errors.iter().find(|error| error.code == *code));
    let failure = |error: &crate::ir::ErrorCode| Failure {
        code: error.code.clone(),
        status: error.status,
        kind: format!("{}.{}", error.kind.0, error.kind.1),
        advice: cell(&error.advice),
    };
    Page {
        name: op.name.clone(),
        stem: op.stem.clone(),
        route: op.route.clone(),
        group: op.group.clone(),
        doc: op.doc.trim().to_owned(),
        link: op.link.clone(),
        deprecated: op.deprecated.clone(),
        facts: facts(op),
        input: op.request.fields.iter().map(|field| row(field, field.required)).collect(),
        output: op.answer.fields().iter().map(|field| row(field, field.required || field.default.is_some())).collect(),
        shapes: sections(api, op),
        errors: errors.map(failure).collect(),
        examples: op.cases.iter().map(|case| example(op, case)).collect(),
    }
}

/// What a caller can rely on, a sentence each.
fn facts(op: &Operation) -> Vec<String> {
    let mut facts = Vec::new();
    let mut fact = |holds: bool, text: &str| {
        if holds {
            facts.push(text.to_owned());
        }
    };
    fact(op.idempotent, "Sending it twice is the same as sending it once.");
    fact(!op.idempotent, "Sending it twice is not the same as sending it once.");
    fact(op.presign, "Can be presigned.");
    fact(op.pages.is_some(), "Answers page by page: `pages()` and `items()` go through all of them.");
    fact(matches!(op.checksum, crate::ir::Checksum::Required { .. }), "Always carries a checksum of its body.");
    fact(
        op.error_in_200,
        "May answer status 200 and still have failed; the client returns such an answer as an error.",
    );
    fact(matches!(op.answer, Answer::Stream { .. }), "The answer's body is a stream.");
    for waiter in &op.waiters {
        facts.push(format!("`wait_until_{}()`: {}", waiter.name, waiter.doc.trim()));
    }
    facts
}

fn row(field: &Field, required: bool) -> Row {
    let mut doc = field.doc.trim().to_owned();
    for limit in &field.limits {
        let whose = limit.inner.as_ref().map_or_else(String::new, |inner| format!(" (`{inner}`)"));
        doc.push_str(&match &limit.constraint {
            Constraint::Range(min, max) => format!(" From {min} to {max}{whose}."),
            Constraint::Chars(min, max) => format!(" {min} to {max} characters{whose}."),
            Constraint::NotPrefix(prefix) => format!(" Must not begin with `{prefix}`{whose}."),
            Constraint::Items(0, max) => format!(" At most {max} items{whose}."),
            Constraint::Items(min, max) => format!(" {min} to {max} items{whose}."),
            Constraint::Unique(field) => format!(" No `{field}` twice{whose}."),
        });
    }
    if let Some(why) = &field.deprecated {
        doc = format!("**Deprecated:** {why} {doc}");
    }
    if let Some(default) = &field.default {
        doc.push_str(&format!(" `{default}` if absent."));
    }
    Row {
        name: field.name.clone(),
        place: place(&field.place),
        ty: type_name(&field.ty, field.secret),
        required,
        doc: cell(&doc),
    }
}

fn place(place: &Place) -> String {
    match place {
        Place::Bucket | Place::Key => "path".to_owned(),
        Place::Query(name) => format!("query `{name}`"),
        Place::Header(name) => format!("header `{name}`"),
        Place::HeaderPrefix(prefix) => format!("headers `{prefix}*`"),
        Place::PayloadStream => "body".to_owned(),
        Place::PayloadText => "body, text".to_owned(),
        Place::PayloadXml(root) => format!("body, XML `{root}`"),
        Place::Xml(XmlPath::Element(name)) => format!("XML `{name}`"),
        Place::Xml(XmlPath::Flattened(name)) => format!("XML `{name}`, repeated"),
        Place::Xml(XmlPath::Wrapped { outer, item }) => format!("XML `{outer}/{item}`, repeated"),
        Place::Xml(XmlPath::Attribute(name)) => format!("XML attribute `{name}`"),
        Place::Xml(XmlPath::Text) => "XML text".to_owned(),
    }
}

fn type_name(ty: &Type, secret: bool) -> String {
    let name = match ty {
        Type::Scalar(ScalarType::String) => "text".to_owned(),
        Type::Scalar(ScalarType::Bool) => "flag".to_owned(),
        Type::Scalar(ScalarType::I32 | ScalarType::I64) => "integer".to_owned(),
        Type::Scalar(ScalarType::Timestamp(_)) => "time".to_owned(),
        Type::Scalar(ScalarType::Bytes) => "bytes".to_owned(),
        Type::Scalar(ScalarType::DateText) => "date or any text".to_owned(),
        Type::Scalar(ScalarType::Range) => "byte range".to_owned(),
        Type::Scalar(ScalarType::CopySource) => "copy source".to_owned(),
        Type::Struct(name) | Type::Enum(name) | Type::Union(name) => {
            format!("[{name}](#{})", name.to_lowercase())
        }
        Type::List(of) => format!("list of {}", type_name(of, false)),
        Type::Map => "pairs of text".to_owned(),
        Type::Stream => "stream".to_owned(),
    };
    if secret { format!("{name}, secret") } else { name }
}

/// Every shape the operation reaches, in the order it is met.
fn sections(api: &Api, op: &Operation) -> Vec<Section> {
    let mut names: Vec<String> = Vec::new();
    for field in op.request.fields.iter().chain(op.answer.fields()) {
        reach(api, &field.ty, &mut names);
    }
    names.iter().filter_map(|name| api.shape(name)).map(section).collect()
}

fn reach(api: &Api, ty: &Type, names: &mut Vec<String>) {
    match ty {
        Type::List(of) => reach(api, of, names),
        Type::Struct(name) | Type::Enum(name) | Type::Union(name) if !names.contains(name) => {
            names.push(name.clone());
            if let Some(ShapeKind::Struct(fields) | ShapeKind::Union(fields)) = api.shape(name).map(|shape| &shape.kind)
            {
                for field in fields {
                    reach(api, &field.ty, names);
                }
            }
        }
        _ => {}
    }
}

fn section(shape: &crate::ir::Shape) -> Section {
    let (rows, values) = match &shape.kind {
        ShapeKind::Struct(fields) => (fields.iter().map(|field| row(field, field.required)).collect(), Vec::new()),
        ShapeKind::Union(fields) => (fields.iter().map(|field| row(field, false)).collect(), Vec::new()),
        ShapeKind::Enum(values) => {
            (Vec::new(), values.iter().map(|value| (value.wire.clone(), cell(&value.doc))).collect())
        }
    };
    let doc = match &shape.kind {
        ShapeKind::Union(_) => format!("{} Exactly one of these.", shape.doc.trim()),
        _ => shape.doc.trim().to_owned(),
    };
    Section { name: shape.name.clone(), doc, rows, values }
}

fn example(op: &Operation, case: &Case) -> Example {
    let (first, headers, body) = match &case.kind {
        CaseKind::Request { line, headers, body } => (line.clone(), headers, body),
        CaseKind::Response { status, headers, body, .. } => (format!("HTTP/1.1 {status}"), headers, body),
    };
    let mut wire = first;
    for (name, value) in headers {
        wire.push_str(&format!("\n{name}: {value}"));
    }
    if !body.is_empty() && op.verb != Verb::Head {
        wire.push_str(&format!("\n\n{}", body.trim_end()));
    }
    Example { claim: case.claim.clone(), wire }
}

/// The first sentence.
fn sentence(text: &str) -> String {
    text.trim().split_inclusive(". ").next().unwrap_or_default().trim().to_owned()
}

/// Text that may stand in a table.
fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', " ")
}
