//! A sound model of one operation, to be spoilt by tests.

#![allow(dead_code)]

use codegen::model::Model;
use codegen::{diag, lower};
use std::collections::BTreeMap;

pub const SERVICE: &str = "model/service.toml";
pub const ERRORS: &str = "model/errors.toml";
pub const OPERATION: &str = "model/operations/put_tiny.toml";
pub const TYPES: &str = "model/types/tiny.toml";
pub const CASES: &str = "model/cases/put_tiny.toml";

/// Stands for a file that does not exist.
pub const GONE: &str = "\0";

const FILES: [(&str, &str); 5] = [
    (
        SERVICE,
        "name = \"S3\"\nversion = \"2006-03-01\"\nxmlns = \"http://example.com/\"\nsigning_name = \"s3\"\n\
         [groups.objects]\ndefault = true\ndoc = \"d\"\n",
    ),
    (
        ERRORS,
        "[kinds]\nObject = [\"NotFound\"]\n[codes]\n\
         NoSuchKey = { kind = \"Object.NotFound\", status = 404, retry = \"no\", advice = \"look\" }\n",
    ),
    (
        OPERATION,
        r#"http = "PUT /{bucket}/{key}?tiny"
group = "objects"
doc = "Puts something tiny."
link = "https://example.com/"
errors = ["NoSuchKey"]
root = "TinyResult"
# more

[input]
bucket = { doc = "d" }
key = { doc = "d" }
marker = { query = "marker", doc = "d" }
color = { header = "x-color", type = "Color", doc = "d" }
number = { query = "number", type = "i32", doc = "d" }
when = { header = "x-when", type = "Timestamp", doc = "d" }
secret = { header = "x-secret", type = "Bytes", secret = true, doc = "d" }
pair = { payload = "xml", type = "Pair", doc = "d" }

[output]
items = { xml = "Item[]", type = "List<String>", doc = "d" }
next = { doc = "d" }
number = { type = "i32", doc = "d" }
"#,
    ),
    (
        TYPES,
        "# Tiny things.\n\n[Pair]\ndoc = \"d\"\n[Pair.fields]\nleft = { doc = \"d\" }\n\n\
         [Color]\ndoc = \"d\"\n[Color.values]\nred = \"d\"\n",
    ),
    (
        CASES,
        "[[request]]\nclaim = \"sends\"\nline = \"PUT /b/k?tiny=\"\ninput = { bucket = \"b\", key = \"k\" }\n\
         [[response]]\nclaim = \"reads\"\noutput = { items = [\"a\"] }\n",
    ),
];

/// Model files by path.
pub struct Tiny(BTreeMap<String, Vec<u8>>);

impl Default for Tiny {
    fn default() -> Self {
        Self(FILES.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
    }
}

impl Tiny {
    /// A sound file.
    pub fn text(path: &str) -> String {
        FILES.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned()).unwrap()
    }

    /// All files, by path.
    pub fn files(self) -> BTreeMap<String, Vec<u8>> {
        self.0
    }

    pub fn put(&mut self, path: &str, bytes: Vec<u8>) {
        self.0.insert(path.to_owned(), bytes);
    }

    /// What is said about it, rendered; nothing if it is sound.
    pub fn mistakes(self) -> String {
        let (model, spelling) = Model::parse(self.0.into_iter().collect());
        lower::lower(&model, spelling).err().map(|mistakes| diag::render(&mistakes)).unwrap_or_default()
    }
}

/// What is said about the tiny model with these files in it.
pub fn said(files: &[(&str, &str)]) -> String {
    let mut tiny = Tiny::default();
    for (path, text) in files {
        tiny.0.remove(*path);
        if *text != GONE {
            tiny.put(path, text.as_bytes().to_vec());
        }
        // Its examples are about fields that are not there any more.
        if *path == OPERATION || *path == TYPES {
            tiny.0.remove(CASES);
        }
    }
    tiny.mistakes()
}

/// The operation with these inputs in place of all but the path's and one that keeps a shape in use.
pub fn input(lines: &str) -> String {
    let text = Tiny::text(OPERATION);
    let (head, rest) = text.split_once("marker = ").unwrap();
    let (_, output) = rest.split_once("[output]").unwrap();
    let used = "color = { type = \"Color\", doc = \"d\" }\npair = { type = \"Pair\", doc = \"d\" }\n";
    format!("{head}{lines}\n[output]{output}{used}")
}

/// The operation with these outputs.
pub fn output(lines: &str) -> String {
    let text = Tiny::text(OPERATION);
    let (head, _) = text.split_once("[output]").unwrap();
    format!("{head}[output]\n{lines}\n")
}

/// A line of a table of fields.
pub fn field(name: &str, rest: &str) -> String {
    format!("{name} = {{ {rest} }}\n")
}

/// The types with other fields in a struct.
pub fn shape(name: &str, fields: &str) -> String {
    format!("[{name}]\ndoc = \"d\"\n[{name}.fields]\n{fields}\n[Color]\ndoc = \"d\"\n[Color.values]\nred = \"d\"\n")
}
