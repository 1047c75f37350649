//! `explain NAME`: what the generator understood of an operation or a shape, for people.

use crate::ir::{
    Answer, Api, Checksum, Constraint, DateFormat, Field, Limit, Operation, Place, RequestBody, ScalarType, Shape,
    ShapeKind, Type, WaiterGoal, XmlPath,
};
use crate::lower::written;
use crate::spelling;
use std::fmt::Write;

/// The explanation, or the name that was probably meant.
pub(crate) fn explain(api: &Api, name: &str) -> Result<String, Option<String>> {
    let mut out = String::new();
    if let Some(operation) = api.operations.iter().find(|operation| operation.stem == name || operation.name == name) {
        let _ = self::operation(&mut out, operation);
        return Ok(out);
    }
    if let Some(shape) = api.shape(name) {
        let _ = self::shape(&mut out, api, shape);
        return Ok(out);
    }
    let stems = api.operations.iter().flat_map(|operation| [operation.stem.as_str(), operation.name.as_str()]);
    let shapes = api.topics.iter().flat_map(|topic| &topic.shapes).map(|shape| shape.name.as_str());
    Err(spelling::nearest(name, stems.chain(shapes)).map(str::to_owned))
}

fn operation(out: &mut String, operation: &Operation) -> std::fmt::Result {
    writeln!(out, "{}  {}", operation.name, operation.route)?;
    writeln!(out, "  {}", operation.doc.split(". ").next().unwrap_or_default().trim_end_matches('.'))?;
    writeln!(out, "  file      model/operations/{}.toml", operation.stem)?;
    writeln!(out, "  group     {}", operation.group)?;
    writeln!(out, "  sent once or twice is {}", if operation.idempotent { "the same" } else { "not the same" })?;
    if operation.presign {
        writeln!(out, "  a URL can be made of it")?;
    }
    match &operation.checksum {
        Checksum::No => {}
        Checksum::Supported { algorithm } => writeln!(out, "  checksum  if `{algorithm}` asks for one")?,
        Checksum::Announced { algorithm } => writeln!(out, "  checksum  that of others, named by `{algorithm}`")?,
        Checksum::Required { algorithm: Some(field) } => writeln!(out, "  checksum  always; `{field}` selects it")?,
        Checksum::Required { algorithm: None } => writeln!(out, "  checksum  always")?,
    }
    if let Some(field) = &operation.validate {
        writeln!(out, "  checksum of the answer is asked for with `{field}`")?;
    }
    if operation.error_in_200 {
        writeln!(out, "  a 200 may hold an error")?;
    }
    if !operation.errors.is_empty() {
        writeln!(out, "  errors    {}", operation.errors.join(", "))?;
    }
    if let Some(pages) = &operation.pages {
        let turns: Vec<String> = pages.turns.iter().map(|turn| format!("{} -> {}", turn.output, turn.input)).collect();
        let more = pages.more.as_ref().map(|more| format!(" while {more}")).unwrap_or_default();
        writeln!(out, "  pages     {}{more}; items of {}", turns.join(", "), pages.items.join(", "))?;
    }
    for waiter in &operation.waiters {
        let goal = match waiter.goal {
            WaiterGoal::Success => "success",
            WaiterGoal::NotFound => "not found",
        };
        writeln!(out, "  waiter    {} until {goal}, {} times every {} s", waiter.name, waiter.attempts, waiter.delay)?;
    }
    let body = match &operation.request.body {
        RequestBody::None => "no body".to_owned(),
        RequestBody::Stream(field) => format!("the body is the stream `{field}`"),
        RequestBody::Text(field) => format!("the body is the text `{field}`"),
        RequestBody::Xml { field, root } => format!("the body is <{root}>, from `{field}`"),
    };
    writeln!(out, "\nsends, {body}")?;
    table(out, &operation.request.fields)?;
    let body = match &operation.answer {
        Answer::Headers(_) => "no body".to_owned(),
        Answer::Stream { body, .. } => format!("the body is the stream `{body}`"),
        Answer::Text { body, .. } => format!("the body is the text `{body}`"),
        Answer::Payload { field, root, .. } => format!("the body is <{root}>, into `{field}`"),
        Answer::Xml { root, .. } => format!("the body is <{root}>"),
    };
    writeln!(out, "\nanswers, {body}")?;
    table(out, operation.answer.fields())?;
    if let Answer::Xml { decoded: Some(decoded), .. } = &operation.answer {
        let paths: Vec<String> = decoded.paths.iter().map(|path| path.join(".")).collect();
        writeln!(out, "  percent-decoded if {} says {}: {}", decoded.output, decoded.value, paths.join(", "))?;
    }
    writeln!(out, "\n{} examples in model/cases/{}.toml", operation.cases.len(), operation.stem)
}

fn shape(out: &mut String, api: &Api, shape: &Shape) -> std::fmt::Result {
    let topic = api.topic_of(&shape.name).map(|topic| topic.name.as_str()).unwrap_or_default();
    let kind = match shape.kind {
        ShapeKind::Struct(_) => "struct",
        ShapeKind::Enum(_) => "enumeration",
        ShapeKind::Union(_) => "union",
    };
    let sides = match (shape.in_input(), shape.in_output()) {
        (true, true) => "requests and answers",
        (true, false) => "requests",
        _ => "answers",
    };
    writeln!(out, "{}  {kind}", shape.name)?;
    writeln!(out, "  {}", shape.doc)?;
    writeln!(out, "  file      model/types/{topic}.toml")?;
    writeln!(out, "  groups    {}", shape.groups.join(", "))?;
    writeln!(out, "  part of   {sides}\n")?;
    match &shape.kind {
        ShapeKind::Struct(fields) | ShapeKind::Union(fields) => table(out, fields),
        ShapeKind::Enum(values) => {
            values.iter().try_for_each(|value| writeln!(out, "  {:24} {:?}  {}", value.name, value.wire, value.doc))
        }
    }
}

fn table(out: &mut String, fields: &[Field]) -> std::fmt::Result {
    let rows: Vec<[String; 4]> = fields
        .iter()
        .map(|field| [field.name.clone(), place(&field.place), type_words(&field.ty), notes(field)])
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (a, b, c) = (width(0), width(1), width(2));
    for [name, place, ty, notes] in &rows {
        writeln!(out, "{}", format!("  {name:a$}  {place:b$}  {ty:c$}  {notes}").trim_end())?;
    }
    Ok(())
}

fn place(place: &Place) -> String {
    match place {
        Place::Bucket => "path {bucket}".to_owned(),
        Place::Key => "path {key}".to_owned(),
        Place::Query(name) => format!("query {name}"),
        Place::Header(name) => format!("header {name}"),
        Place::HeaderPrefix(prefix) => format!("headers {prefix}*"),
        Place::PayloadStream | Place::PayloadText => "body".to_owned(),
        Place::PayloadXml(root) => format!("body <{root}>"),
        Place::Xml(XmlPath::Element(name)) => format!("<{name}>"),
        Place::Xml(XmlPath::Flattened(name)) => format!("<{name}>, repeated"),
        Place::Xml(XmlPath::Wrapped { outer, item }) => format!("<{outer}> of <{item}>"),
        Place::Xml(XmlPath::Attribute(name)) => format!("attribute {name}"),
        Place::Xml(XmlPath::Text) => "the text".to_owned(),
    }
}

fn type_words(ty: &Type) -> String {
    match ty {
        Type::Scalar(ScalarType::Timestamp(format)) => {
            let format = match format {
                DateFormat::HttpDate => "http-date",
                DateFormat::DateTime => "date-time",
                DateFormat::EpochSeconds => "epoch-seconds",
            };
            format!("Timestamp as {format}")
        }
        other => written(other),
    }
}

fn notes(field: &Field) -> String {
    let mut notes = Vec::new();
    if field.required {
        notes.push("required".to_owned());
    }
    if field.secret {
        notes.push("secret".to_owned());
    }
    notes.extend(field.default.iter().map(|value| format!("{value:?} when absent")));
    notes.extend(field.unless_set.iter().map(|value| format!("{value:?} unless set")));
    notes.extend(field.md5_of.iter().map(|of| format!("MD5 of {of}")));
    notes.extend(field.aliases.iter().map(|(wire, meaning)| format!("{wire:?} means {meaning:?}")));
    notes.extend(field.limits.iter().map(limit));
    notes.extend(field.deprecated.iter().map(|why| format!("deprecated: {why}")));
    notes.join(", ")
}

fn limit(limit: &Limit) -> String {
    let whose = limit.inner.as_ref().map(|inner| format!("{inner}: ")).unwrap_or_default();
    match &limit.constraint {
        Constraint::Range(low, high) => format!("{whose}{low} to {high}"),
        Constraint::Chars(low, high) => format!("{whose}{low} to {high} characters"),
        Constraint::NotPrefix(prefix) => format!("{whose}not beginning with {prefix:?}"),
        Constraint::Items(0, high) => format!("{whose}at most {high} items"),
        Constraint::Items(low, high) => format!("{whose}{low} to {high} items"),
        Constraint::Unique(field) => format!("{whose}no {field} twice"),
    }
}
