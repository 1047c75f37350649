//! The loose parts of the grammar: tables whose keys are free, values of more than one kind, and values of wire
//! examples, whose kind only their field knows.

use super::raw::Text;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use toml::Spanned;

/// A table with free keys, in the order of the file.
#[derive(Debug, Clone)]
pub struct Entries<T>(Vec<Entry<T>>);

/// One line of it.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    /// The key and where it stands.
    pub key: Text,
    /// What it is set to.
    pub value: T,
}

impl<T> Entry<T> {
    /// The key as text.
    pub fn name(&self) -> &str {
        self.key.get_ref()
    }
}

impl<T> Entries<T> {
    /// What this key is set to.
    pub fn value(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|entry| entry.name() == name).map(|entry| &entry.value)
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for Entries<T> {
    type Target = [Entry<T>];
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Rows<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Rows<T> {
            type Value = Entries<T>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a table")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut rows = Vec::new();
                while let Some(key) = map.next_key::<Text>()? {
                    rows.push(Entry { key, value: map.next_value()? });
                }
                Ok(Entries(rows))
            }
        }
        from.deserialize_map(Rows(PhantomData))
    }
}

/// `true`, `10` or `"text"`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Literal {
    Text(String),
    Bool(bool),
    Integer(i64),
}

impl Literal {
    /// As it would stand on the wire.
    pub fn wire(&self) -> String {
        match self {
            Literal::Text(text) => text.clone(),
            Literal::Bool(flag) => flag.to_string(),
            Literal::Integer(number) => number.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Literal;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text, a number or a bool")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Literal, E> {
                Ok(Literal::Text(text.to_owned()))
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Literal, E> {
                Ok(Literal::Bool(flag))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Literal, E> {
                Ok(Literal::Integer(number))
            }
        }
        from.deserialize_any(One)
    }
}

/// A value of a wire example.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum RawValue {
    Text(String),
    Bool(bool),
    Integer(i64),
    List(Vec<Spanned<RawValue>>),
    Table(Entries<Spanned<RawValue>>),
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = RawValue;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text, a number, a bool, an array or a table")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawValue, E> {
                Ok(RawValue::Text(text.to_owned()))
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<RawValue, E> {
                Ok(RawValue::Bool(flag))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<RawValue, E> {
                Ok(RawValue::Integer(number))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawValue, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(RawValue::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
                let mut rows = Vec::new();
                while let Some(key) = map.next_key::<Text>()? {
                    // The TOML crate hands moments over as a table with one private key.
                    if key.get_ref().starts_with("$__") {
                        return Err(Error::custom("a moment without quotes, expected it in quotes"));
                    }
                    rows.push(Entry { key, value: map.next_value()? });
                }
                Ok(RawValue::Table(Entries(rows)))
            }
        }
        from.deserialize_any(One)
    }
}
