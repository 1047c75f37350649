//! `model/service.toml`: facts of the service and its groups.

use super::{Sink, doc};
use crate::diag::Diagnostic;
use crate::ir::{Group, Service};
use crate::model::Model;

/// Features the manifest has for reasons of its own.
const TAKEN: [&str; 4] = ["default", "default-groups", "full-groups", "std"];

pub(super) fn lower(model: &Model, mistakes: &mut Vec<Diagnostic>) -> (Service, Vec<Group>) {
    let empty =
        Service { name: String::new(), version: String::new(), xmlns: String::new(), signing_name: String::new() };
    let Some(file) = &model.service else {
        mistakes.push(Diagnostic::whole(
            "model/service.toml",
            "the file is missing",
            "it names the service and its groups; see model/README.md",
        ));
        return (empty, Vec::new());
    };
    let mut sink = Sink::new(&file.page);
    let raw = &file.raw;
    let mut fact = |text, key: &str, example: &str| {
        let help = format!("write `{key} = \"{example}\"`, with what is true of the service");
        sink.want(text, &[key], 0..0, &help).map(|text| text.get_ref().clone()).unwrap_or_default()
    };
    let service = Service {
        name: fact(&raw.name, "name", "S3"),
        version: fact(&raw.version, "version", "2006-03-01"),
        xmlns: fact(&raw.xmlns, "xmlns", "http://s3.amazonaws.com/doc/2006-03-01/"),
        signing_name: fact(&raw.signing_name, "signing_name", "s3"),
    };
    let mut groups = Vec::new();
    for entry in raw.groups.iter() {
        let name = entry.name();
        let fine = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !fine || TAKEN.contains(&name) {
            let help = "a group is a cargo feature: lower-case letters, digits and `-`, and not `default`";
            sink.on(&entry.key, format!("`{name}` is not a name for a group"), help);
        }
        let help = "one sentence that says what the group is for; it becomes the feature's documentation";
        let doc = doc(sink.want(&entry.value.doc, &["groups", name, "doc"], entry.key.span(), help));
        groups.push(Group { name: name.to_owned(), doc, default: entry.value.default });
    }
    sink.finish(mistakes);
    (service, groups)
}
