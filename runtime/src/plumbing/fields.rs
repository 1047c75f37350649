//! The header fields of an answer as values, for as long as an output is made of them.
//!
//! An answer has some ten fields and an output asks for forty: they are gone through once, and then nearly every question
//! takes one look.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::rfc2047::decode_words;
use super::wire_value::{DateFormat, FromWire};
use crate::timestamp::Timestamp;

/// Fields that are found without the map: most answers have no more.
const KNOWN: usize = 16;

/// Stands for a kind that more than one field has, or one beyond the first [`KNOWN`]: the map is asked.
const SHARED: u8 = u8::MAX;

/// The header fields of one answer, see [`Reply::fields`](super::Reply::fields).
#[derive(Debug)]
pub struct Fields<'a> {
    headers: &'a HeaderMap,
    known: [Option<(&'a HeaderName, &'a HeaderValue)>; KNOWN],
    /// Where the field of each [kind] stands in `known`, counted from one; 0: there is none.
    at: [u8; 64],
    /// What the [seventh](seventh) characters of the names are.
    sevenths: u64,
}

/// A number below 64 that the names of answers rarely share. In line, so that it is a number in the program for a name that
/// stands there.
#[inline(always)]
const fn kind(name: &str) -> usize {
    let bytes = name.as_bytes();
    match bytes {
        [] => 0,
        [.., last] => (13 * bytes.len() + 20 * bytes[bytes.len() / 2] as usize + *last as usize) % 64,
    }
}

/// A bit for the seventh character: it tells `x-amz-meta-` from what every answer has.
#[inline(always)]
const fn seventh(name: &str) -> u64 {
    match name.as_bytes() {
        // Folded: a hyphen and an m would be the same.
        [_, _, _, _, _, _, seventh, ..] => 1 << ((*seventh ^ (*seventh >> 1)) % 64),
        _ => 0,
    }
}

impl<'a> Fields<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut fields = Self { headers, known: [None; KNOWN], at: [0; 64], sevenths: 0 };
        for (place, field) in headers.iter().enumerate() {
            let name = field.0.as_str();
            fields.sevenths |= seventh(name);
            let at = &mut fields.at[kind(name)];
            match fields.known.get_mut(place) {
                Some(slot) if *at == 0 => {
                    *slot = Some(field);
                    *at = place as u8 + 1;
                }
                _ => *at = SHARED,
            }
        }
        fields
    }

    /// A field as text; `None` if it is absent or not UTF-8.
    #[inline]
    pub fn text(&self, name: &'static str) -> Option<String> {
        match self.at[kind(name)] {
            0 => None,
            at => self.owned(name, at),
        }
    }

    /// A field as a value; `None` if it is absent or no such value.
    #[inline]
    pub fn parse<T: FromWire>(&self, name: &'static str) -> Option<T> {
        match self.at[kind(name)] {
            0 => None,
            at => T::from_wire(self.find(name, at)?),
        }
    }

    /// A field as a date; `None` if it is absent or none.
    #[inline]
    pub fn date(&self, name: &'static str, format: DateFormat) -> Option<Timestamp> {
        match self.at[kind(name)] {
            0 => None,
            at => format.read(self.find(name, at)?),
        }
    }

    /// A comma separated field as values, repeated fields in their order. What is no such value is left out.
    pub fn list<T: FromWire>(&self, name: &'static str) -> Vec<T> {
        let lines = self.headers.get_all(name).into_iter().filter_map(text);
        lines
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .filter_map(T::from_wire)
            .collect()
    }

    /// The fields that begin with `prefix`, by the rest of their names in lower case, encoded words decoded.
    ///
    /// A value that is not UTF-8 is read as Latin-1, as old stores write it.
    #[inline]
    pub fn metadata(&self, prefix: &'static str) -> BTreeMap<String, String> {
        let none = prefix.len() > 6 && self.sevenths & seventh(prefix) == 0;
        if none { BTreeMap::new() } else { self.with_prefix(prefix) }
    }

    fn with_prefix(&self, prefix: &str) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in self.headers {
            let Some(name) = name.as_str().strip_prefix(prefix) else { continue };
            let value = match text(value) {
                Some(text) => decode_words(text).into_owned(),
                None => value.as_bytes().iter().map(|&b| char::from(b)).collect(),
            };
            // Set twice, S3 joins the values itself; others send two headers.
            found
                .entry(name.to_owned())
                .and_modify(|all| {
                    all.push(',');
                    all.push_str(&value);
                })
                .or_insert(value);
        }
        found
    }

    #[inline(never)]
    fn owned(&self, name: &str, at: u8) -> Option<String> {
        self.find(name, at).map(str::to_owned)
    }

    /// The text of a field whose kind is `at`.
    #[inline(never)]
    fn find(&self, name: &str, at: u8) -> Option<&'a str> {
        match self.known.get(usize::from(at) - 1) {
            Some(known) => known.filter(|(found, _)| found.as_str() == name).and_then(|(_, value)| text(value)),
            None => text(self.headers.get(name)?),
        }
    }
}

/// `None` for what is not UTF-8. What is visible ASCII, as nearly all is, is known as such sooner.
#[inline]
pub(super) fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().or_else(|| std::str::from_utf8(value.as_bytes()).ok())
}
