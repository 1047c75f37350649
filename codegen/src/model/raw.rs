//! The files, key by key. What a key means is written in `model/README.md`; here is only what it looks like.

#![allow(missing_docs)] // A mirror: every name is a key of the grammar.

use super::entries::{Entries, Literal, RawValue};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use toml::Spanned;

/// A text and where it stands.
pub type Text = Spanned<String>;

/// `model/service.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawService {
    pub name: Option<Text>,
    pub version: Option<Text>,
    pub xmlns: Option<Text>,
    pub signing_name: Option<Text>,
    pub groups: Entries<RawGroup>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawGroup {
    pub default: bool,
    pub doc: Option<Text>,
}

/// `model/providers/*.toml`: one make of store.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawProvider {
    pub name: Option<Text>,
    pub doc: Option<Text>,
    pub link: Option<Text>,
    pub endpoint: Option<Text>,
    pub region: Option<Text>,
    pub addressing: Option<Text>,
    pub request_checksums: Option<Text>,
    pub response_checksums: Option<Text>,
    pub aws_chunked: Option<bool>,
    pub bulk_delete: Option<bool>,
    pub content_md5: Option<bool>,
    pub parameters: Entries<Text>,
}

/// `model/errors.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawErrors {
    pub kinds: Entries<Vec<Text>>,
    pub codes: Entries<RawCode>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawCode {
    pub kind: Option<Text>,
    pub status: Option<Spanned<i64>>,
    pub retry: Option<Text>,
    pub advice: Option<Text>,
    pub fields: Vec<Text>,
}

/// `model/operations/*.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawOperation {
    pub http: Option<Text>,
    pub group: Option<Text>,
    pub doc: Option<Text>,
    pub link: Option<Text>,
    pub errors: Vec<Text>,
    pub root: Option<Text>,
    pub presign: bool,
    pub idempotent: Option<bool>,
    pub checksum: Option<Spanned<RawChecksum>>,
    pub validate: Option<Text>,
    pub error_in_200: bool,
    pub pages: Option<Spanned<RawPages>>,
    pub deprecated: Option<Text>,
    pub waiters: Entries<RawWaiter>,
    pub input: Entries<RawField>,
    pub output: Entries<RawField>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawChecksum {
    pub required: bool,
    pub announced: bool,
    pub algorithm: Option<Text>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawPages {
    pub tokens: Entries<Text>,
    pub items: Vec<Text>,
    pub more: Option<Text>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawWaiter {
    pub doc: Option<Text>,
    pub until: Option<Text>,
    pub retry_on: Option<Text>,
    pub delay: Option<Spanned<i64>>,
    pub attempts: Option<Spanned<i64>>,
}

/// A field of an input, an output, a struct or a union.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawField {
    pub header: Option<Text>,
    pub query: Option<Text>,
    pub payload: Option<Text>,
    pub xml: Option<Text>,
    pub root: Option<Text>,
    #[serde(rename = "type")]
    pub ty: Option<Text>,
    pub required: Option<Spanned<bool>>,
    pub default: Option<Spanned<Literal>>,
    pub format: Option<Text>,
    pub secret: Option<Spanned<bool>>,
    pub deprecated: Option<Text>,
    pub doc: Option<Text>,
    pub decoded_when: Option<Text>,
    pub unless_set: Option<Spanned<Literal>>,
    pub aliases: Option<Spanned<Entries<Text>>>,
    pub md5_of: Option<Text>,
    pub range: Option<Spanned<Vec<i64>>>,
    pub length: Option<Spanned<Vec<i64>>>,
    pub not_prefix: Option<Text>,
    pub items: Option<Spanned<RawItems>>,
    pub unique: Option<Text>,
}

/// `[1, 10]` or `{ tag_set = [0, 10] }`.
#[derive(Debug, Clone)]
pub enum RawItems {
    Here(Vec<i64>),
    Inside(Entries<Vec<i64>>),
}

impl<'de> Deserialize<'de> for RawItems {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = RawItems;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("two numbers such as `[1, 10]`, or a table of a field's lists and their numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<RawItems, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(RawItems::Here)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawItems, A::Error> {
                Entries::deserialize(MapAccessDeserializer::new(map)).map(RawItems::Inside)
            }
        }
        from.deserialize_any(One)
    }
}

/// `model/types/*.toml`: shapes by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct RawTopic {
    pub shapes: Entries<RawShape>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawShape {
    pub doc: Option<Text>,
    pub deprecated: Option<Text>,
    pub fields: Option<Entries<RawField>>,
    pub values: Option<Entries<RawEnumValue>>,
    pub variants: Option<Entries<RawField>>,
}

/// `"doc"` or `{ name = "AwsKms", doc = "doc" }`.
#[derive(Debug, Clone, Default)]
pub struct RawEnumValue {
    pub name: Option<Text>,
    pub doc: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FullEnumValue {
    name: Option<Text>,
    doc: Option<String>,
}

impl<'de> Deserialize<'de> for RawEnumValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = RawEnumValue;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("the value's documentation, or a table with `name` and `doc`")
            }
            fn visit_str<E: Error>(self, doc: &str) -> Result<RawEnumValue, E> {
                Ok(RawEnumValue { name: None, doc: Some(doc.to_owned()) })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawEnumValue, A::Error> {
                let FullEnumValue { name, doc } = FullEnumValue::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawEnumValue { name, doc })
            }
        }
        from.deserialize_any(One)
    }
}

/// `model/cases/*.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawCases {
    pub request: Vec<Spanned<RawRequestCase>>,
    pub response: Vec<Spanned<RawResponseCase>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawRequestCase {
    pub claim: Option<Text>,
    pub input: Entries<Spanned<RawValue>>,
    pub line: Option<Text>,
    pub headers: Entries<Text>,
    pub body: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawResponseCase {
    pub claim: Option<Text>,
    pub request: Entries<Spanned<RawValue>>,
    pub status: Option<Spanned<i64>>,
    pub headers: Entries<Text>,
    pub body: Option<String>,
    pub output: Entries<Spanned<RawValue>>,
}
