//! `model/cases/*.toml`: wire examples, checked against the fields they fill.

use super::Sink;
use super::types::written;
use crate::diag::Diagnostic;
use crate::ir::{Case, CaseKind, Field, Operation, Place, ScalarType, Shape, ShapeKind, Topic, Type, Value, Verb};
use crate::model::{Entries, Model, RawRequestCase, RawResponseCase, RawValue, Text};
use crate::spelling;
use std::collections::HashSet;
use toml::Spanned;

pub(super) fn lower(model: &Model, topics: &[Topic], operations: &mut [Operation], mistakes: &mut Vec<Diagnostic>) {
    // Against fields that were refused, every example would be wrong.
    let sound = mistakes.is_empty();
    for file in &model.cases {
        let stem = &file.page.stem;
        if !model.operations.iter().any(|operation| operation.page.stem == *stem) {
            let known = model.operations.iter().map(|operation| operation.page.stem.as_str());
            let help =
                spelling::suggestion(stem, known, "the file is named like the operation's, such as put_object.toml");
            mistakes.push(Diagnostic::whole(&file.page.path, format!("there is no operation `{stem}`"), help));
            continue;
        }
        let Some(operation) = operations.iter_mut().find(|operation| operation.stem == *stem) else { continue };
        let mut judge = Judge { sink: Sink::new(&file.page), topics, claims: HashSet::new(), unsure: !sound };
        let mut cases = Vec::new();
        for case in &file.raw.request {
            cases.extend(judge.request(operation, case));
        }
        for case in &file.raw.response {
            cases.extend(judge.response(operation, case));
        }
        if file.raw.request.is_empty() && file.raw.response.is_empty() && !file.page.is_broken(&[]) {
            let help = "write `[[request]]` or `[[response]]` examples, or delete the file";
            judge.sink.at(0..0, "the file shows nothing", help);
        }
        operation.cases = cases;
        judge.sink.finish(mistakes);
    }
}

struct Judge<'m, 't> {
    sink: Sink<'m>,
    topics: &'t [Topic],
    claims: HashSet<String>,
    /// Something else is wrong with the model, so what is not known may yet exist.
    unsure: bool,
}

impl Judge<'_, '_> {
    fn request(&mut self, operation: &Operation, case: &Spanned<RawRequestCase>) -> Option<Case> {
        let raw = case.get_ref();
        let near = start(case);
        let claim = self.claim(&raw.claim, near.clone());
        let help =
            format!("write `line = \"{}\"`, path style, with the query in canonical order", example_line(operation));
        let line = self.sink.want(&raw.line, &["request", "line"], near.clone(), &help);
        if let Some(line) = line {
            let verb = verb_word(operation.verb);
            if !line.get_ref().strip_prefix(verb).is_some_and(|rest| rest.starts_with(" /")) {
                self.sink.on(line, format!("the line does not begin with `{verb} /`"), help);
            }
        }
        let input = self.values(&raw.input, &operation.request.fields, "input");
        let given = |field: &Field| raw.input.value(&field.name).is_some();
        if !self.unsure
            && let Some(field) = operation.request.fields.iter().find(|field| field.required && !given(field))
        {
            let message = format!("the required field `{}` is not given", field.name);
            self.sink.at(near, message, "add it to `input`");
        }
        let headers = self.headers(&raw.headers);
        Some(Case {
            claim: claim?,
            source: self.sink.page.path.clone(),
            input,
            kind: CaseKind::Request {
                line: line?.get_ref().clone(),
                headers,
                body: raw.body.clone().unwrap_or_default(),
            },
        })
    }

    fn response(&mut self, operation: &Operation, case: &Spanned<RawResponseCase>) -> Option<Case> {
        let raw = case.get_ref();
        let claim = self.claim(&raw.claim, start(case));
        let mut input = self.values(&raw.request, &operation.request.fields, "input");
        for field in operation.request.fields.iter().filter(|field| field.required) {
            if !input.iter().any(|(name, _)| *name == field.name) {
                input.push((field.name.clone(), self.filling(field)));
            }
        }
        let status = raw.status.as_ref().map_or(Some(200), |word| {
            let status = u16::try_from(*word.get_ref()).ok().filter(|status| (200..600).contains(status));
            if status.is_none() {
                self.sink.on(word, "this is not the status of an answer", "write 200 to 599");
            }
            status
        });
        let output = self.values(&raw.output, operation.answer.fields(), "output");
        let headers = self.headers(&raw.headers);
        Some(Case {
            claim: claim?,
            source: self.sink.page.path.clone(),
            input,
            kind: CaseKind::Response { status: status?, headers, body: raw.body.clone().unwrap_or_default(), output },
        })
    }

    fn claim(&mut self, claim: &Option<Text>, near: std::ops::Range<usize>) -> Option<String> {
        let help = "say what the example shows, such as `claim = \"sends two tags\"`; it becomes the name of a test";
        let claim = self.sink.want(claim, &["claim"], near, help)?;
        let name: String =
            claim.get_ref().to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            self.sink.on(claim, "a claim begins with a letter", help);
        }
        if !self.claims.insert(name) {
            self.sink.on(
                claim,
                "another example of this file makes the same claim",
                "say what is different about this one",
            );
        }
        Some(claim.get_ref().trim().to_owned())
    }

    fn headers(&mut self, raw: &Entries<Text>) -> Vec<(String, String)> {
        for entry in raw.iter() {
            let fine = entry.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if !fine {
                self.sink.on(
                    &entry.key,
                    "names of headers are written in lower case",
                    format!("write `{}`", entry.name().to_ascii_lowercase()),
                );
            }
        }
        raw.iter().map(|entry| (entry.name().to_owned(), entry.value.get_ref().clone())).collect()
    }

    fn values(&mut self, raw: &Entries<Spanned<RawValue>>, fields: &[Field], whose: &str) -> Vec<(String, Value)> {
        let mut values = Vec::new();
        for entry in raw.iter() {
            let Some(field) = fields.iter().find(|field| field.name == entry.name()) else {
                if !self.unsure {
                    let known = fields.iter().map(|field| field.name.as_str());
                    let help = spelling::suggestion(entry.name(), known, "examples fill fields of the model");
                    self.sink.on(&entry.key, format!("there is no field `{}` in {whose}", entry.name()), help);
                }
                continue;
            };
            if let Some(value) = self.value(&entry.value, &field.ty) {
                values.push((field.name.clone(), value));
            }
        }
        values
    }

    fn value(&mut self, raw: &Spanned<RawValue>, ty: &Type) -> Option<Value> {
        let value = match (raw.get_ref(), ty) {
            (RawValue::Text(text), Type::Scalar(ScalarType::Timestamp(format))) if is_moment(text) => {
                Value::Timestamp(text.clone(), *format)
            }
            (RawValue::Text(text), Type::Scalar(ScalarType::Bytes)) if is_base64(text) => Value::Text(text.clone()),
            (
                RawValue::Text(text),
                Type::Scalar(ScalarType::String | ScalarType::DateText | ScalarType::Range | ScalarType::CopySource)
                | Type::Enum(_)
                | Type::Stream,
            ) => Value::Text(text.clone()),
            (RawValue::Bool(flag), Type::Scalar(ScalarType::Bool)) => Value::Bool(*flag),
            (RawValue::Integer(number), Type::Scalar(ScalarType::I32)) if i32::try_from(*number).is_ok() => {
                Value::Integer(*number)
            }
            (RawValue::Integer(number), Type::Scalar(ScalarType::I64)) => Value::Integer(*number),
            (RawValue::List(items), Type::List(item)) => {
                Value::List(items.iter().filter_map(|value| self.value(value, item)).collect())
            }
            (RawValue::Table(entries), Type::Map) => {
                let mut pairs = Vec::new();
                for entry in entries.iter() {
                    match entry.value.get_ref() {
                        RawValue::Text(text) => pairs.push((entry.name().to_owned(), text.clone())),
                        _ => self.sink.on(&entry.value, "a map holds texts", "put it in quotes"),
                    }
                }
                Value::Map(pairs)
            }
            (RawValue::Table(entries), Type::Scalar(ScalarType::CopySource)) => {
                return self.copy_source(raw, entries);
            }
            (RawValue::Table(entries), Type::Struct(name) | Type::Union(name)) => {
                return self.members(raw, entries, name);
            }
            _ => {
                if !self.unsure {
                    self.sink.on(raw, format!("this is not of type `{}`", written(ty)), wanted(ty));
                }
                return None;
            }
        };
        Some(value)
    }

    fn members(&mut self, raw: &Spanned<RawValue>, entries: &Entries<Spanned<RawValue>>, name: &str) -> Option<Value> {
        let topics = self.topics;
        let shape = shape(topics, name)?;
        let (ShapeKind::Struct(fields) | ShapeKind::Union(fields)) = &shape.kind else { return None };
        if matches!(shape.kind, ShapeKind::Union(_)) && entries.len() != 1 {
            self.sink.on(raw, format!("`{name}` is exactly one of its variants"), "give one");
        }
        let values = self.values(entries, fields, name);
        Some(Value::Struct(name.to_owned(), values))
    }

    /// A copy source in parts, for one with a version: `{ bucket = "b", key = "k", version_id = "v" }`.
    fn copy_source(&mut self, raw: &Spanned<RawValue>, entries: &Entries<Spanned<RawValue>>) -> Option<Value> {
        let mut parts = Vec::new();
        for entry in entries.iter() {
            match (entry.name(), entry.value.get_ref()) {
                (name @ ("bucket" | "key" | "version_id"), RawValue::Text(text)) => {
                    parts.push((name.to_owned(), Value::Text(text.clone())));
                }
                _ => self.sink.on(
                    &entry.key,
                    "a copy source has no such part",
                    "write texts for `bucket`, `key` and `version_id`",
                ),
            }
        }
        if let Some(missing) = ["bucket", "key"].into_iter().find(|part| entries.value(part).is_none()) {
            self.sink.on(raw, format!("the copy source has no `{missing}`"), "write `{ bucket = \"b\", key = \"k\" }`");
            return None;
        }
        Some(Value::Struct(written(&Type::Scalar(ScalarType::CopySource)), parts))
    }

    /// Something to put into a required field an example does not care about.
    fn filling(&self, field: &Field) -> Value {
        match &field.place {
            Place::Bucket => Value::Text("b".to_owned()),
            Place::Key => Value::Text("k".to_owned()),
            _ => self.filling_of(&field.ty, 0),
        }
    }

    fn filling_of(&self, ty: &Type, depth: usize) -> Value {
        match ty {
            Type::Scalar(ScalarType::Bool) => Value::Bool(true),
            Type::Scalar(ScalarType::I32 | ScalarType::I64) => Value::Integer(1),
            Type::Scalar(ScalarType::Timestamp(format)) => Value::Timestamp("2013-05-24T00:00:00Z".to_owned(), *format),
            Type::Scalar(ScalarType::Bytes) | Type::Stream => Value::Text(String::new()),
            Type::Scalar(ScalarType::Range) => Value::Text("bytes=0-0".to_owned()),
            Type::Scalar(ScalarType::CopySource) => Value::Text("b/k".to_owned()),
            Type::Scalar(ScalarType::String | ScalarType::DateText) => Value::Text("x".to_owned()),
            Type::List(_) => Value::List(Vec::new()),
            Type::Map => Value::Map(Vec::new()),
            Type::Enum(name) | Type::Struct(name) | Type::Union(name) => {
                let fields = match shape(self.topics, name).map(|shape| &shape.kind) {
                    Some(ShapeKind::Enum(values)) => {
                        return Value::Text(values.first().map(|value| value.wire.clone()).unwrap_or_default());
                    }
                    Some(ShapeKind::Struct(fields)) => fields.iter().filter(|field| field.required).collect(),
                    Some(ShapeKind::Union(fields)) => fields.iter().take(1).collect(),
                    None => Vec::new(),
                };
                let fields = if depth < 16 { fields } else { Vec::new() };
                let given = |field: &&Field| (field.name.clone(), self.filling_of(&field.ty, depth + 1));
                Value::Struct(name.clone(), fields.iter().map(given).collect())
            }
        }
    }
}

fn shape<'t>(topics: &'t [Topic], name: &str) -> Option<&'t Shape> {
    topics.iter().flat_map(|topic| &topic.shapes).find(|shape| shape.name == name)
}

fn start<T>(case: &Spanned<T>) -> std::ops::Range<usize> {
    case.span().start..case.span().start + 1
}

fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::Put => "PUT",
        Verb::Post => "POST",
        Verb::Delete => "DELETE",
        Verb::Head => "HEAD",
    }
}

fn example_line(operation: &Operation) -> String {
    operation.route.replace("{bucket}", "b").replace("{key}", "k")
}

fn wanted(ty: &Type) -> String {
    match ty {
        Type::Scalar(ScalarType::Timestamp(_)) => "write a moment like \"2013-05-24T00:00:00Z\", in quotes".to_owned(),
        Type::Scalar(ScalarType::Bytes) => "write the bytes in base64, in quotes".to_owned(),
        Type::Scalar(ScalarType::Bool) => "write true or false".to_owned(),
        Type::Scalar(ScalarType::I32 | ScalarType::I64) => "write a number without quotes".to_owned(),
        Type::List(_) => "write an array, `[..]`".to_owned(),
        Type::Map | Type::Struct(_) | Type::Union(_) => "write a table, `{ name = .. }`".to_owned(),
        _ => "write a text in quotes".to_owned(),
    }
}

/// `2013-05-24T00:00:00Z`, with or without a fraction.
fn is_moment(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd";
    let Some((head, tail)) = text.split_at_checked(shape.len()) else { return false };
    let fits = |(c, wanted): (char, char)| if wanted == 'd' { c.is_ascii_digit() } else { c == wanted };
    let fraction = tail.strip_suffix('Z');
    head.chars().zip(shape.chars()).all(fits)
        && fraction.is_some_and(|text| {
            text.is_empty()
                || text
                    .strip_prefix('.')
                    .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
        })
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'))
}
