//! What only the whole model tells: who reaches a shape, from which side and group; which fields of an answer arrive
//! percent-encoded; and whether a struct contains itself.

use super::Sink;
use super::names::{Names, Sort};
use crate::diag::Diagnostic;
use crate::ir::{Answer, Decoded, Field, Group, Operation, Shape, ShapeKind, Topic, Type};
use crate::model::{Entries, Model, RawField, Text};
use crate::spelling;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) fn settle(
    model: &Model,
    names: &Names<'_>,
    groups: &[Group],
    operations: &mut [Operation],
    topics: &mut [Topic],
    mistakes: &mut Vec<Diagnostic>,
) {
    let known: HashMap<String, Shape> =
        topics.iter().flat_map(|topic| &topic.shapes).map(|shape| (shape.name.clone(), shape.clone())).collect();
    mark(&known, groups, operations, topics);
    // An operation that was refused would have used shapes nobody else does.
    let all_there = mistakes.is_empty();
    if all_there {
        unused(names, topics, mistakes);
        defaults_of_inputs(names, topics, mistakes);
    }
    own_content(names, &known, mistakes);
    decoded(model, names, operations, all_there, mistakes);
}

fn shapes_in(field: &Field) -> Option<&str> {
    match &field.ty {
        Type::Struct(name) | Type::Enum(name) | Type::Union(name) => Some(name),
        Type::List(item) => match item.as_ref() {
            Type::Struct(name) | Type::Enum(name) | Type::Union(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

fn members(shape: &Shape) -> &[Field] {
    match &shape.kind {
        ShapeKind::Struct(fields) | ShapeKind::Union(fields) => fields,
        ShapeKind::Enum(_) => &[],
    }
}

/// Names of all shapes these fields reach, however deep.
fn reached<'s>(fields: &'s [Field], known: &'s HashMap<String, Shape>) -> HashSet<&'s str> {
    let mut seen = HashSet::new();
    let mut open: Vec<&str> = fields.iter().filter_map(shapes_in).collect();
    while let Some(name) = open.pop() {
        if let (true, Some(shape)) = (seen.insert(name), known.get(name)) {
            open.extend(members(shape).iter().filter_map(shapes_in));
        }
    }
    seen
}

fn mark(known: &HashMap<String, Shape>, groups: &[Group], operations: &[Operation], topics: &mut [Topic]) {
    let mut senders: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    let mut readers: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for operation in operations {
        for name in reached(&operation.request.fields, known) {
            senders.entry(name).or_default().insert(&operation.group);
        }
        for name in reached(operation.answer.fields(), known) {
            readers.entry(name).or_default().insert(&operation.group);
        }
    }
    for shape in topics.iter_mut().flat_map(|topic| &mut topic.shapes) {
        let of = |users: &HashMap<&str, BTreeSet<&str>>, group: &Group| {
            users.get(shape.name.as_str()).is_some_and(|users| users.contains(group.name.as_str()))
        };
        let names = |keep: &dyn Fn(&Group) -> bool| {
            groups.iter().filter(|group| keep(group)).map(|group| group.name.clone()).collect::<Vec<_>>()
        };
        let (sent, read) = (names(&|group| of(&senders, group)), names(&|group| of(&readers, group)));
        shape.groups = names(&|group| of(&senders, group) || of(&readers, group));
        (shape.input_groups, shape.output_groups) = (sent, read);
    }
}

fn about(
    names: &Names<'_>,
    shape: &str,
    field: Option<&str>,
    message: String,
    help: &str,
    mistakes: &mut Vec<Diagnostic>,
) {
    let Some(named) = names.shapes.get(shape) else { return };
    let member = field.and_then(|field| {
        let tables = [&named.raw.fields, &named.raw.variants].into_iter().flatten();
        tables.flat_map(|table| table.iter()).find(|entry| entry.name() == field).map(|entry| entry.key.span())
    });
    mistakes.push(named.page.mistake(member.unwrap_or_else(|| named.key.clone()), message, help));
}

fn unused(names: &Names<'_>, topics: &[Topic], mistakes: &mut Vec<Diagnostic>) {
    for shape in topics.iter().flat_map(|topic| &topic.shapes) {
        if !shape.in_input() && !shape.in_output() {
            let message = format!("no operation uses `{}`", shape.name);
            about(names, &shape.name, None, message, "use it as the type of a field, or delete it", mistakes);
        }
    }
}

fn defaults_of_inputs(names: &Names<'_>, topics: &[Topic], mistakes: &mut Vec<Diagnostic>) {
    for shape in topics.iter().flat_map(|topic| &topic.shapes).filter(|shape| shape.in_input()) {
        for field in members(shape).iter().filter(|field| field.default.is_some()) {
            let message = format!("`{}` is part of requests, where `{}` would always be sent", shape.name, field.name);
            about(names, &shape.name, Some(&field.name), message, "delete `default`", mistakes);
        }
    }
}

/// Finds structs that contain themselves other than through a list: they would have no size.
fn own_content(names: &Names<'_>, known: &HashMap<String, Shape>, mistakes: &mut Vec<Diagnostic>) {
    let direct = |field: &Field| match &field.ty {
        Type::Struct(name) | Type::Union(name) => Some(name.clone()),
        _ => None,
    };
    let mut starts: Vec<&String> = known.keys().collect();
    starts.sort();
    for start in starts {
        let mut seen: HashSet<String> = HashSet::new();
        let first = known.get(start).map(members).unwrap_or_default();
        for field in first {
            let mut open: Vec<String> = direct(field).into_iter().collect();
            let mut back = false;
            while let Some(name) = open.pop() {
                back |= name == *start;
                if let (true, Some(shape)) = (seen.insert(name.clone()), known.get(&name)) {
                    open.extend(members(shape).iter().filter_map(direct));
                }
            }
            if back {
                let message = format!("`{start}` contains itself through `{}`", field.name);
                about(
                    names,
                    start,
                    Some(&field.name),
                    message,
                    "make the field a list, or give the inner one a shape of its own",
                    mistakes,
                );
            }
        }
    }
}

fn decoded(
    model: &Model,
    names: &Names<'_>,
    operations: &mut [Operation],
    all_there: bool,
    mistakes: &mut Vec<Diagnostic>,
) {
    let mut used: HashSet<(String, String)> = HashSet::new();
    for operation in operations {
        let Some(file) = model.operations.iter().find(|file| file.page.stem == operation.stem) else { continue };
        let mut sink = Sink::new(&file.page);
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for entry in file.raw.output.iter() {
            let path = vec![entry.name().to_owned()];
            if let Some(word) = &entry.value.decoded_when {
                if own_words(&mut sink, word, &entry.value, &file.raw.input, &file.raw.output) {
                    found.push((word.get_ref().clone(), path));
                }
            } else {
                walk(names, &entry.value, path, &mut Vec::new(), &mut |shape, field, when, path| {
                    if file.raw.output.value(when).is_some() && file.raw.input.value(when).is_some() {
                        used.insert((shape.to_owned(), field.to_owned()));
                        found.push((when.to_owned(), path));
                    }
                });
            }
        }
        for entry in file.raw.input.iter() {
            if let Some(word) = &entry.value.decoded_when {
                sink.on(word, "`decoded_when` is for what is read", "delete it");
            }
        }
        if let Answer::Xml { decoded, .. } = &mut operation.answer
            && let Some((when, _)) = found.first().cloned()
        {
            if let Some((other, _)) = found.iter().find(|(other, _)| *other != when) {
                let message = format!("fields of the answer are decoded by `{when}` and by `{other}`");
                sink.list.push(Diagnostic::whole(
                    &file.page.path,
                    message,
                    "one field of the answer can say how it is encoded",
                ));
            }
            let paths = found.into_iter().map(|(_, path)| path).collect();
            *decoded = Some(Decoded { input: when.clone(), output: when, value: "url".to_owned(), paths });
        }
        sink.finish(mistakes);
    }
    if all_there {
        unmet(names, &used, mistakes);
    }
}

/// Checks `decoded_when` on a field of an output itself.
fn own_words(
    sink: &mut Sink<'_>,
    word: &Text,
    raw: &RawField,
    input: &Entries<RawField>,
    output: &Entries<RawField>,
) -> bool {
    let name = word.get_ref();
    if raw.ty.as_ref().is_some_and(|ty| ty.get_ref() != "String") || raw.header.is_some() {
        sink.on(word, "`decoded_when` is for String elements", "delete it");
        return false;
    }
    for (table, entries) in [("output", output), ("input", input)] {
        if entries.value(name).is_none() {
            if !sink.page.is_broken(&[table]) {
                let help = spelling::suggestion(
                    name,
                    entries.iter().map(|entry| entry.name()),
                    "name the field that says `url`; input and output both have it",
                );
                sink.on(word, format!("there is no {table} field `{name}`"), help);
            }
            return false;
        }
    }
    true
}

/// Called with shape, field, the field that says how it is encoded, and the path from the answer.
type Encoded<'a> = dyn FnMut(&str, &str, &str, Vec<String>) + 'a;

/// Calls `each(shape, field, when, path)` for every encoded field below this one. `inside` ends recursion.
fn walk(names: &Names<'_>, field: &RawField, path: Vec<String>, inside: &mut Vec<String>, each: &mut Encoded<'_>) {
    let Some(ty) = &field.ty else { return };
    let ty = ty.get_ref().trim();
    let ty = ty.strip_prefix("List<").and_then(|ty| ty.strip_suffix('>')).unwrap_or(ty).trim();
    let Some(named) = names.shapes.get(ty) else { return };
    if named.sort == Sort::Enum || inside.iter().any(|name| name == ty) {
        return;
    }
    inside.push(ty.to_owned());
    for entry in [&named.raw.fields, &named.raw.variants].into_iter().flatten().flat_map(|table| table.iter()) {
        let mut below = path.clone();
        below.push(entry.name().to_owned());
        match &entry.value.decoded_when {
            Some(when) => each(ty, entry.name(), when.get_ref(), below),
            None => walk(names, &entry.value, below, inside, each),
        }
    }
    inside.pop();
}

/// `decoded_when` on fields of shapes that no answer ever makes true.
fn unmet(names: &Names<'_>, used: &HashSet<(String, String)>, mistakes: &mut Vec<Diagnostic>) {
    for (name, named) in &names.shapes {
        for entry in [&named.raw.fields, &named.raw.variants].into_iter().flatten().flat_map(|table| table.iter()) {
            let Some(when) = &entry.value.decoded_when else { continue };
            let page = named.page;
            let text = entry.value.ty.as_ref().is_none_or(|ty| ty.get_ref() == "String");
            if !text {
                mistakes.push(page.mistake(when.span(), "`decoded_when` is for String elements", "delete it"));
            } else if !used.contains(&((*name).to_owned(), entry.name().to_owned())) {
                let message = format!("no operation that answers `{name}` has a field `{}`", when.get_ref());
                let help =
                    "it has to stand in the input and in the output of the operation; correct the name or delete it";
                mistakes.push(page.mistake(when.span(), message, help));
            }
        }
    }
}
