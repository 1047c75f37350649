//! `model/operations/*.toml`: what is sent, what comes back, and what a caller may do with it.

use super::fields::{self, Home};
use super::names::{Names, Owner, refused_operation};
use super::{Sink, doc, owned, pages, places, route};
use crate::diag::Diagnostic;
use crate::ir::names::pascal_of_snake;
use crate::ir::{
    Answer, Checksum, Field, Operation, Place, Request, RequestBody, ScalarType, Type, Verb, Waiter, WaiterGoal,
};
use crate::model::{Entries, Entry, File, Model, RawField, RawOperation, RawWaiter, Text};
use crate::spelling;
use toml::Spanned;

pub(super) fn lower(model: &Model, names: &Names<'_>, mistakes: &mut Vec<Diagnostic>) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    for file in &model.operations {
        let stem = &file.page.stem;
        if !spelling::is_snake(stem) {
            mistakes.push(Diagnostic::whole(
                &file.page.path,
                "the file's name is not in snake_case",
                "it names the operation; write it like `put_object.toml`",
            ));
        } else if let Some((message, help)) = refused_operation(stem, &pascal_of_snake(stem)) {
            mistakes.push(Diagnostic::whole(&file.page.path, message, help));
        }
        let mut sink = Sink::new(&file.page);
        let operation = operation(&mut sink, names, file);
        if let Some(operation) = operation {
            if let Some(first) = operations.iter().find(|first| first.name == operation.name) {
                let message = format!("this is the operation `{}` again", operation.name);
                let help = format!("{}.toml has that name already", first.stem);
                sink.list.push(Diagnostic::whole(&file.page.path, message, help));
            }
            operations.push(operation);
        }
        sink.finish(mistakes);
    }
    operations
}

fn operation(sink: &mut Sink<'_>, names: &Names<'_>, file: &File<RawOperation>) -> Option<Operation> {
    let (raw, page) = (&file.raw, &file.page);
    let name = pascal_of_snake(&page.stem);
    let http = sink.want(&raw.http, &["http"], 0..0, "write `http = \"GET /{bucket}/{key}?tagging\"`");
    let route =
        http.and_then(|line| route::parse(line.get_ref()).map_err(|(message, help)| sink.on(line, message, help)).ok());
    let group =
        sink.want(&raw.group, &["group"], 0..0, "write `group = \"objects\"`, one of the groups in model/service.toml");
    if let (Some(group), Some(known)) = (group, &names.groups) {
        known_word(sink, group, known, "group", "add it to [groups] in model/service.toml");
    }
    let doc = doc(sink.want(
        &raw.doc,
        &["doc"],
        0..0,
        "say in own words what it does, with limits and consequences; the first sentence is the summary",
    ));
    if let Some(link) = &raw.link
        && !link.get_ref().starts_with("https://")
    {
        sink.on(link, "a link begins with `https://`", "give the address of the vendor's page");
    }
    for code in &raw.errors {
        if let Some(known) = &names.codes {
            known_word(sink, code, known, "error code", "add it to [codes] in model/errors.toml");
        }
    }
    let inputs = inputs(sink, names, raw, route.as_ref());
    let path = ["output"];
    let home = Home { owner: Owner::Output, path: &path, labels: &[], constants: &[] };
    let outputs = fields::lower(sink, names, &raw.output, &home);
    // The rest would only repeat what is already known to be wrong.
    let (http, route) = (http?, route?);
    let body = request_body(sink, raw, &inputs, route.verb);
    let answer = answer(sink, raw, outputs, route.verb);
    let mut ask = Refer { sink, raw, inputs: &inputs, outputs: answer.fields() };
    let idempotent = raw.idempotent.unwrap_or(route.verb != Verb::Post);
    let operation = Operation {
        stem: page.stem.clone(),
        name,
        route: http.get_ref().trim().to_owned(),
        verb: route.verb,
        constants: route.constants,
        group: group.map(|group| group.get_ref().clone()).unwrap_or_default(),
        doc,
        link: owned(&raw.link),
        errors: raw.errors.iter().map(|code| code.get_ref().clone()).collect(),
        pages: pages::lower(&mut ask),
        presign: raw.presign,
        checksum: checksum(&mut ask),
        validate: raw.validate.as_ref().and_then(|word| ask.header(word, "validate")),
        error_in_200: raw.error_in_200,
        idempotent,
        waiters: raw.waiters.iter().filter_map(|entry| waiter(ask.sink, entry)).collect(),
        deprecated: owned(&raw.deprecated),
        cases: Vec::new(),
        request: Request { body, fields: Vec::new() },
        answer: Answer::Headers(Vec::new()),
    };
    ask.md5_sources();
    Some(Operation { request: Request { fields: inputs, ..operation.request }, answer, ..operation })
}

fn known_word(sink: &mut Sink<'_>, word: &Text, known: &[&str], what: &str, otherwise: &str) {
    if !known.contains(&word.get_ref().as_str()) {
        let help = spelling::suggestion(word.get_ref(), known.iter().copied(), otherwise);
        sink.on(word, format!("unknown {what} `{}`", word.get_ref()), help);
    }
}

fn inputs(sink: &mut Sink<'_>, names: &Names<'_>, raw: &RawOperation, route: Option<&route::Route>) -> Vec<Field> {
    // Without a route nobody knows which fields are labels; the usual ones are taken to be.
    let labels = route.map_or(["bucket", "key"].as_slice(), |route| route.labels);
    let constants = route.map_or([].as_slice(), |route| route.constants.as_slice());
    for label in route.iter().flat_map(|route| route.labels) {
        if raw.input.value(label).is_none() && !sink.page.is_broken(&["input"]) {
            let at = raw.http.as_ref().map_or(0..0, Spanned::span);
            let help = format!("add `{label} = {{ doc = \"..\" }}` to [input]");
            sink.at(at, format!("the path names `{label}`, but there is no such field"), help);
        }
    }
    let path = ["input"];
    let home = Home { owner: Owner::Input, path: &path, labels, constants };
    fields::lower(sink, names, &raw.input, &home)
}

fn key_span(entries: &Entries<RawField>, name: &str) -> std::ops::Range<usize> {
    entries.iter().find(|entry| entry.name() == name).map_or(0..0, |entry| entry.key.span())
}

fn request_body(sink: &mut Sink<'_>, raw: &RawOperation, inputs: &[Field], verb: Verb) -> RequestBody {
    let found = inputs.iter().find_map(|field| match &field.place {
        Place::PayloadStream => Some(RequestBody::Stream(field.name.clone())),
        Place::PayloadText => Some(RequestBody::Text(field.name.clone())),
        Place::PayloadXml(root) => Some(RequestBody::Xml { field: field.name.clone(), root: root.clone() }),
        _ => None,
    });
    if let Some(RequestBody::Stream(name) | RequestBody::Text(name) | RequestBody::Xml { field: name, .. }) = &found
        && matches!(verb, Verb::Get | Verb::Head)
    {
        sink.at(
            key_span(&raw.input, name),
            "a GET or HEAD request has no body",
            "use `header` or `query`, or another verb",
        );
    }
    found.unwrap_or(RequestBody::None)
}

fn answer(sink: &mut Sink<'_>, raw: &RawOperation, fields: Vec<Field>, verb: Verb) -> Answer {
    let payload = fields
        .iter()
        .find(|field| matches!(field.place, Place::PayloadStream | Place::PayloadText | Place::PayloadXml(_)));
    let element = fields.iter().find(|field| matches!(field.place, Place::Xml(_)));
    let attribute = fields.iter().find(|field| matches!(field.place, Place::Xml(crate::ir::XmlPath::Attribute(_))));
    if let Some(field) = attribute {
        sink.at(
            key_span(&raw.output, &field.name),
            "attributes are for fields of shapes",
            "read the root as a shape with `payload = \"xml\"`",
        );
    }
    if let (Some(payload), Some(element)) = (payload, element) {
        let message = format!("`{}` is the whole body, so `{}` cannot be an element of it", payload.name, element.name);
        sink.at(
            key_span(&raw.output, &element.name),
            message,
            "give it a header, or make it a field of the payload's shape",
        );
    }
    if let (Some(field), Verb::Head) = (payload.or(element), verb) {
        sink.at(key_span(&raw.output, &field.name), "the answer to HEAD has no body", "use `header`");
    }
    if let (Some(root), None) = (&raw.root, element)
        && fields.len() == raw.output.len()
    {
        sink.on(
            root,
            "`root` is set, but no field of the output is an element of it",
            "delete it; a payload has its own `root`",
        );
    }
    let root = match element {
        Some(_) => sink.want(
            &raw.root,
            &["root"],
            0..0,
            "the output has XML elements: name the element they stand in, such as `root = \"ListBucketResult\"`",
        ),
        None => raw.root.as_ref(),
    };
    if let Some(root) = root
        && !places::is_xml_name(root.get_ref())
    {
        sink.on(
            root,
            format!("`{}` is not the name of an element", root.get_ref()),
            "write it as it stands in the answer, without a prefix",
        );
    }
    let payload = payload.map(|field| (field.name.clone(), field.place.clone()));
    match payload {
        Some((body, Place::PayloadStream)) => Answer::Stream { fields, body },
        Some((body, Place::PayloadText)) => Answer::Text { fields, body },
        Some((field, Place::PayloadXml(root))) => Answer::Payload { fields, field, root },
        _ if element.is_some() => Answer::Xml { root: owned(&raw.root).unwrap_or_default(), fields, decoded: None },
        _ => Answer::Headers(fields),
    }
}

/// Looks up fields other keys refer to.
pub(super) struct Refer<'a, 'm> {
    pub sink: &'a mut Sink<'m>,
    pub raw: &'a RawOperation,
    pub inputs: &'a [Field],
    pub outputs: &'a [Field],
}

impl<'a> Refer<'a, '_> {
    /// The input field of that name. One that is there but wrong is `None` without another word.
    pub fn input<T>(&mut self, word: &Spanned<T>, name: &str) -> Option<&'a Field> {
        Self::find(self.sink, word, name, self.inputs, &self.raw.input, "input")
    }

    /// The output field of that name.
    pub fn output<T>(&mut self, word: &Spanned<T>, name: &str) -> Option<&'a Field> {
        Self::find(self.sink, word, name, self.outputs, &self.raw.output, "output")
    }

    fn find<T>(
        sink: &mut Sink<'_>,
        word: &Spanned<T>,
        name: &str,
        fields: &'a [Field],
        raw: &Entries<RawField>,
        table: &str,
    ) -> Option<&'a Field> {
        if raw.value(name).is_none() && !sink.page.is_broken(&[table]) {
            let known = raw.iter().map(|entry| entry.name());
            let help = spelling::suggestion(name, known, &format!("add it to [{table}]"));
            sink.on(word, format!("there is no {table} field `{name}`"), help);
        }
        fields.iter().find(|field| field.name == name)
    }

    /// An input field that travels in a header and holds a word.
    fn header(&mut self, word: &Text, key: &str) -> Option<String> {
        let field = self.input(word, word.get_ref())?;
        let word_like = matches!(field.ty, Type::Enum(_) | Type::Scalar(ScalarType::String));
        if !word_like || !matches!(field.place, Place::Header(_)) {
            let message = format!("`{key}` needs a header that holds a word, and `{}` is none", field.name);
            self.sink.on(word, message, "name an enumeration or String with `header`");
        }
        Some(field.name.clone())
    }

    fn md5_sources(&mut self) {
        for entry in self.raw.input.iter() {
            let Some(word) = &entry.value.md5_of else { continue };
            let own = self.inputs.iter().find(|field| field.name == entry.name());
            let Some(own) = own else { continue };
            if own.ty != Type::Scalar(ScalarType::String) || !matches!(own.place, Place::Header(_)) {
                self.sink.on(word, "`md5_of` is for a String in a header", "delete it, or give the field a header");
            }
            let Some(of) = self.input(word, word.get_ref()) else { continue };
            if of.ty != Type::Scalar(ScalarType::Bytes) || !of.secret || of.required {
                let message = format!("`md5_of` is made from a secret key, and `{}` is none", of.name);
                self.sink.on(word, message, "name an optional field with `type = \"Bytes\", secret = true`");
            }
        }
        for entry in self.raw.output.iter() {
            if let Some(word) = &entry.value.md5_of {
                self.sink.on(word, "`md5_of` is for headers of a request", "delete it");
            }
        }
    }
}

fn checksum(ask: &mut Refer<'_, '_>) -> Checksum {
    let Some(word) = &ask.raw.checksum else { return Checksum::No };
    let raw = word.get_ref();
    let algorithm = raw.algorithm.as_ref().and_then(|name| ask.header(name, "algorithm"));
    if raw.announced && raw.required {
        ask.sink.on(word, "a checksum is announced or required, not both", "delete one of the two");
    }
    match (raw.required, algorithm) {
        (false, Some(algorithm)) if raw.announced => Checksum::Announced { algorithm },
        (true, algorithm) => Checksum::Required { algorithm },
        (false, Some(algorithm)) => Checksum::Supported { algorithm },
        (false, None) => {
            if raw.algorithm.is_none() && !ask.sink.page.is_broken(&["checksum"]) {
                ask.sink.on(
                    word,
                    "this says nothing about the checksum",
                    "write `required = true`, or `algorithm` and the input field that selects it",
                );
            }
            Checksum::No
        }
    }
}

fn waiter(sink: &mut Sink<'_>, entry: &Entry<RawWaiter>) -> Option<Waiter> {
    let (name, raw) = (entry.name(), &entry.value);
    if sink.page.is_broken(&["waiters", name]) {
        return None;
    }
    if !spelling::is_snake(name) {
        sink.on(
            &entry.key,
            format!("`{name}` is not a name for a waiter"),
            "write it in snake_case, such as `object_exists`",
        );
    }
    let until = sink.want(
        &raw.until,
        &["waiters", name, "until"],
        entry.key.span(),
        "write `until = \"success\"` or `until = \"NotFound\"`",
    )?;
    let goal = match until.get_ref().as_str() {
        "success" => WaiterGoal::Success,
        "NotFound" => WaiterGoal::NotFound,
        other => {
            let help = spelling::suggestion(other, ["success", "NotFound"], "write `success` or `NotFound`");
            sink.on(until, format!("nobody can wait for `{other}`"), help);
            return None;
        }
    };
    if let Some(word) = &raw.retry_on
        && (goal != WaiterGoal::Success || word.get_ref() != "NotFound")
    {
        sink.on(
            word,
            format!("a waiter cannot go on after `{}`", word.get_ref()),
            "`retry_on = \"NotFound\"` goes with `until = \"success\"`; delete it otherwise",
        );
    }
    let mut count = |word: &Option<Spanned<i64>>, default: u32| match word {
        None => default,
        Some(word) => match u32::try_from(*word.get_ref()) {
            Ok(count @ 1..=86_400) => count,
            _ => {
                sink.on(word, "this is not a sensible number", "write 1 to 86400");
                default
            }
        },
    };
    let (delay, attempts) = (count(&raw.delay, 5), count(&raw.attempts, 20));
    Some(Waiter { name: name.to_owned(), doc: doc(raw.doc.as_ref()), goal, delay, attempts })
}
