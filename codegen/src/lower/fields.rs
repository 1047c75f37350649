//! Fields: name, place, type, and whether the three go together.

use super::names::{Names, Owner, refused_field};
use super::places::{innermost, misfit, placed, unplaced, wire_name};
use super::types::{self, Refusal, written};
use super::{Sink, doc, limits, owned};
use crate::ir::{DateFormat, Field, Place, ScalarType, Type, XmlPath};
use crate::model::{Entry, Literal, RawField, Text};
use crate::spelling;
use std::collections::HashMap;
use toml::Spanned;

/// Whose fields are lowered, and what is already taken there.
pub(super) struct Home<'a> {
    pub owner: Owner,
    /// Key path of the table the fields stand in.
    pub path: &'a [&'a str],
    /// Labels of the path, for an input.
    pub labels: &'a [&'a str],
    /// Names of the constant query, for an input.
    pub constants: &'a [(String, Option<String>)],
}

/// All fields that hold together, in model order.
pub(super) fn lower(
    sink: &mut Sink<'_>,
    names: &Names<'_>,
    entries: &[Entry<RawField>],
    home: &Home<'_>,
) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut taken: HashMap<String, String> = home
        .constants
        .iter()
        .map(|(name, _)| (format!("query parameter `{name}`"), "the http line".to_owned()))
        .collect();
    for entry in entries {
        let before = sink.list.len();
        let mut path = home.path.to_vec();
        path.push(entry.name());
        let field = field(sink, names, entry, home);
        if sink.page.is_broken(&path) {
            // Half of it could not be read: nothing more is known about it than its name.
            sink.list.truncate(before);
            continue;
        }
        let Some(field) = field else { continue };
        if let Some(wire) = wire_name(&field.place) {
            if let Some(first) = taken.get(&wire) {
                let help = format!("each travels once; it is also used by {first}");
                sink.on(&entry.key, format!("the {wire} is taken"), help);
            }
            taken.entry(wire).or_insert_with(|| format!("`{}`", field.name));
        }
        fields.push(field);
    }
    text_stands_alone(sink, entries, &fields, home);
    fields
}

fn field(sink: &mut Sink<'_>, names: &Names<'_>, entry: &Entry<RawField>, home: &Home<'_>) -> Option<Field> {
    let (name, raw) = (entry.name(), &entry.value);
    if let Some((message, help)) = refused_field(name, home.owner) {
        sink.on(&entry.key, message, help);
    }
    if raw.doc.as_ref().is_none_or(|doc| doc.get_ref().trim().is_empty()) {
        sink.on(
            &entry.key,
            format!("`{name}` has no `doc`"),
            "say in own words what it means, with units, limits and consequences",
        );
    }
    let label = home.labels.contains(&name);
    let place = place(sink, entry, home, label)?;
    let ty = match ty(raw, &place, names) {
        Ok(ty) => ty,
        Err((span, (message, help))) => {
            if !message.is_empty() {
                sink.at(span.unwrap_or(entry.key.span()), message, help);
            }
            return None;
        }
    };
    if let Some((message, help)) = misfit(&place, &ty, home.owner) {
        let at = raw.ty.as_ref().map_or(entry.key.span(), |text| text.span());
        sink.at(at, message, help);
        return None;
    }
    if let Some(format) = &raw.format
        && !matches!(innermost(&ty), Type::Scalar(ScalarType::Timestamp(_)))
    {
        sink.on(format, "`format` is for moments", "delete it, or make the type `Timestamp`");
    }
    let flag = |flag: &Option<Spanned<bool>>| flag.as_ref().is_some_and(|flag| *flag.get_ref());
    if label
        && let Some(required) = &raw.required
        && !required.get_ref()
    {
        sink.on(required, format!("`{name}` is part of the path and cannot be left out"), "delete `required`");
    }
    let required = label || flag(&raw.required);
    if home.owner == Owner::Union
        && let Some(required) = &raw.required
    {
        sink.on(required, "exactly one variant of a union is there", "delete `required`");
    }
    let secret = flag(&raw.secret);
    if secret
        && let Some(word) = &raw.secret
        && !matches!(ty, Type::Scalar(ScalarType::String | ScalarType::Bytes))
    {
        sink.on(word, format!("`{}` cannot be secret", written(&ty)), "only String and Bytes can");
    }
    Some(Field {
        name: name.to_owned(),
        doc: doc(raw.doc.as_ref()),
        default: default(sink, raw, &ty, home.owner, required),
        unless_set: unless_set(sink, names, raw, &ty, &place, home.owner, required),
        aliases: aliases(sink, raw, &ty, home.owner),
        md5_of: owned(&raw.md5_of),
        limits: limits::lower(sink, names, raw, &ty, home.owner),
        required,
        secret,
        deprecated: owned(&raw.deprecated),
        ty,
        place,
    })
}

fn place(sink: &mut Sink<'_>, entry: &Entry<RawField>, home: &Home<'_>, label: bool) -> Option<Place> {
    let (name, raw) = (entry.name(), &entry.value);
    let given: Vec<(&str, &Text)> =
        [("header", &raw.header), ("query", &raw.query), ("payload", &raw.payload), ("xml", &raw.xml)]
            .into_iter()
            .filter_map(|(key, text)| text.as_ref().map(|text| (key, text)))
            .collect();
    if label {
        for (key, text) in &given {
            sink.on(*text, format!("`{name}` is part of the path, it has no other place"), format!("delete `{key}`"));
        }
        return Some(if name == "key" { Place::Key } else { Place::Bucket });
    }
    if let [(first, _), .., (second, text)] = given.as_slice() {
        sink.on(
            *text,
            format!("`{name}` has two places, `{first}` and `{second}`"),
            "a field travels in one place; delete one of them",
        );
        return None;
    }
    let placed = match given.first() {
        Some((key, text)) => placed(key, text, raw, home.owner),
        None => unplaced(name, raw, home.owner).map_err(|refusal| (entry.key.span(), refusal)),
    };
    if let Some(root) = &raw.root
        && !matches!(&placed, Err(_) | Ok(Place::PayloadXml(_)))
    {
        sink.on(
            root,
            "`root` is the name of a document, and this field is none",
            "delete it, or add `payload = \"xml\"`",
        );
    }
    placed.map_err(|(span, (message, help))| sink.at(span, message, help)).ok()
}

fn ty(raw: &RawField, place: &Place, names: &Names<'_>) -> Result<Type, (Option<std::ops::Range<usize>>, Refusal)> {
    if *place == Place::PayloadStream {
        return match &raw.ty {
            None => Ok(Type::Stream),
            Some(text) => Err((Some(text.span()), ("a stream has no other type".into(), "delete `type`".into()))),
        };
    }
    let default = if matches!(place, Place::Header(_)) { DateFormat::HttpDate } else { DateFormat::DateTime };
    let format = match &raw.format {
        None => default,
        Some(word) => match word.get_ref().as_str() {
            "http-date" => DateFormat::HttpDate,
            "date-time" => DateFormat::DateTime,
            "epoch-seconds" => DateFormat::EpochSeconds,
            other => {
                let known = ["http-date", "date-time", "epoch-seconds"];
                let help = spelling::suggestion(other, known, "write `http-date`, `date-time` or `epoch-seconds`");
                return Err((Some(word.span()), (format!("unknown format `{other}`"), help)));
            }
        },
    };
    let text = raw.ty.as_ref();
    let written = text.map_or("String", |text| text.get_ref().as_str());
    types::parse(written, format, names).map_err(|refusal| (text.map(Spanned::span), refusal))
}

fn default(sink: &mut Sink<'_>, raw: &RawField, ty: &Type, owner: Owner, required: bool) -> Option<String> {
    let word = raw.default.as_ref()?;
    if !matches!(owner, Owner::Output | Owner::Struct) {
        sink.on(word, "a default is for what is read", "delete it; `unless_set` is what an input sends when left out");
    } else if required {
        sink.on(
            word,
            "a required field has no default",
            "delete `required` or `default`: what is always there needs none",
        );
    } else if !literal_fits(word.get_ref(), ty) {
        sink.on(
            word,
            format!("this is not of type `{}`", written(ty)),
            "a default is written like the value: true, 0 or \"text\"",
        );
    }
    Some(word.get_ref().wire())
}

fn literal_fits(literal: &Literal, ty: &Type) -> bool {
    match (literal, ty) {
        (Literal::Bool(_), Type::Scalar(ScalarType::Bool)) => true,
        (Literal::Integer(number), Type::Scalar(ScalarType::I32)) => i32::try_from(*number).is_ok(),
        (Literal::Integer(_), Type::Scalar(ScalarType::I64)) => true,
        (Literal::Text(_), Type::Scalar(ScalarType::String) | Type::Enum(_)) => true,
        _ => false,
    }
}

fn unless_set(
    sink: &mut Sink<'_>,
    names: &Names<'_>,
    raw: &RawField,
    ty: &Type,
    place: &Place,
    owner: Owner,
    required: bool,
) -> Option<String> {
    let word = raw.unless_set.as_ref()?;
    if owner != Owner::Input || !matches!(place, Place::Header(_) | Place::Query(_)) {
        sink.on(word, "`unless_set` is for headers and query parameters of a request", "delete it");
    } else if required {
        sink.on(word, "a required field is always set", "delete `required` or `unless_set`");
    } else if !literal_fits(word.get_ref(), ty) {
        sink.on(
            word,
            format!("this is not of type `{}`", written(ty)),
            "it is written like the value: true, 0 or \"text\"",
        );
    } else if let (Type::Enum(name), Literal::Text(text)) = (ty, word.get_ref())
        && let Some(values) = names.shapes.get(name.as_str()).and_then(|named| named.raw.values.as_ref())
        && values.value(text).is_none()
    {
        let help = spelling::suggestion(text, values.iter().map(|value| value.name()), "add it to the values");
        sink.on(word, format!("`{name}` has no value `{text}`"), help);
    }
    Some(word.get_ref().wire())
}

fn aliases(sink: &mut Sink<'_>, raw: &RawField, ty: &Type, owner: Owner) -> Vec<(String, String)> {
    let Some(table) = &raw.aliases else { return Vec::new() };
    if owner != Owner::Output || !matches!(ty, Type::Scalar(ScalarType::String) | Type::Enum(_)) {
        sink.on(table, "aliases are for texts and enumerations of an answer", "delete them");
    }
    table.get_ref().iter().map(|entry| (entry.name().to_owned(), entry.value.get_ref().clone())).collect()
}

/// A field that is the text of its element leaves no room for child elements.
fn text_stands_alone(sink: &mut Sink<'_>, entries: &[Entry<RawField>], fields: &[Field], home: &Home<'_>) {
    let is_text = |field: &&Field| field.place == Place::Xml(XmlPath::Text);
    let Some(text) = fields.iter().find(is_text) else { return };
    for field in fields {
        let child = matches!(&field.place, Place::Xml(path) if !matches!(path, XmlPath::Text | XmlPath::Attribute(_)));
        if let (true, Some(entry)) = (child, entries.iter().find(|entry| entry.name() == field.name)) {
            let message = format!("`{}` is the whole text, so `{}` cannot be an element", text.name, field.name);
            sink.on(&entry.key, message, "give it another place, or give the text one that is not `.`");
        }
    }
    if home.owner == Owner::Union
        && let Some(entry) = entries.iter().find(|entry| entry.name() == text.name)
    {
        sink.on(&entry.key, "a variant of a union is an element", "give it the name of one");
    }
}
