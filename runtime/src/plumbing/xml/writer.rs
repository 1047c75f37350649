//! Writes a request document into one string. Infallible verbs: the first mistake is remembered and comes out of
//! [`XmlWriter::finish`].

use super::super::limits;
use crate::error::{RequestError, S3Error};
use crate::plumbing::{DateFormat, WireValue};
use crate::timestamp::Timestamp;

/// Writes elements in the order it is told to.
///
/// ```
/// use integration_s3_runtime::plumbing::XmlWriter;
///
/// let mut xml = XmlWriter::new("Tag", "");
/// xml.element("Key", "a<b");
/// xml.element("Value", &None::<String>);
/// assert_eq!(xml.finish().unwrap(), "<Tag><Key>a&lt;b</Key></Tag>");
/// ```
#[derive(Debug)]
pub struct XmlWriter {
    out: String,
    scratch: String,
    root: &'static str,
    error: Option<S3Error>,
}

impl XmlWriter {
    /// A document with its root opened; no `xmlns` is written when it is empty.
    pub fn new(root: &'static str, xmlns: &str) -> Self {
        let mut writer = Self { out: String::with_capacity(256), scratch: String::new(), root, error: None };
        if xmlns.is_empty() {
            writer.open(root);
        } else {
            writer.open_with(root, &[("xmlns", xmlns)]);
        }
        writer
    }

    /// Closes the root: the document, or the first mistake.
    ///
    /// # Errors
    /// What was refused, or a text with a character XML cannot carry.
    pub fn finish(mut self) -> Result<String, S3Error> {
        self.close(self.root);
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }

    /// An element with a text; nothing at all for an absent value.
    pub fn element<V: WireValue + ?Sized>(&mut self, name: &str, value: &V) {
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(text) = value.wire(&mut scratch) {
            self.open(name);
            self.escaped(name, text, false);
            self.close(name);
        }
        self.scratch = scratch;
    }

    /// An element with a date; nothing at all for an absent one.
    pub fn date(&mut self, name: &str, value: &Option<Timestamp>, format: DateFormat) {
        if let Some(value) = value {
            self.open(name);
            format.write(*value, &mut self.out);
            self.close(name);
        }
    }

    /// A start tag.
    pub fn open(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
    }

    /// A start tag with attributes.
    pub fn open_with(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            self.escaped(attribute, value, true);
            self.out.push('"');
        }
        self.out.push('>');
    }

    /// An end tag.
    pub fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element with what `write` puts inside.
    pub fn nest(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.open(name);
        write(self);
        self.close(name);
    }

    /// An element with attributes and what `write` puts inside.
    pub fn nest_with(&mut self, name: &str, attributes: &[(&str, &str)], write: impl FnOnce(&mut Self)) {
        self.open_with(name, attributes);
        write(self);
        self.close(name);
    }

    /// Text inside the element that is open; nothing for an absent value.
    pub fn text<V: WireValue + ?Sized>(&mut self, value: &V) {
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(text) = value.wire(&mut scratch) {
            self.escaped(self.root, text, false);
        }
        self.scratch = scratch;
    }

    /// Remembers a mistake; the first one counts.
    pub fn refuse(&mut self, error: S3Error) {
        self.error.get_or_insert(error);
    }

    /// Refuses a text outside of `min..=max` characters.
    pub fn limit_chars(&mut self, field: &'static str, value: &str, min: usize, max: usize) {
        self.check(limits::chars(field, value, min, max));
    }

    /// Refuses a number outside of `min..=max`.
    pub fn limit_range(&mut self, field: &'static str, value: i64, min: i64, max: i64) {
        self.check(limits::range(field, value, min, max));
    }

    /// Refuses a list with fewer than `min` or more than `max` items.
    pub fn limit_items(&mut self, field: &'static str, len: usize, min: usize, max: usize) {
        self.check(limits::items(field, len, min, max));
    }

    /// Refuses a list in which two items have the same text.
    pub fn refuse_twins<'a>(&mut self, field: &'static str, values: impl Iterator<Item = &'a str>) {
        self.check(limits::twins(field, values));
    }

    /// Refuses a text that begins with `prefix`, in any case.
    pub fn refuse_prefix(&mut self, field: &'static str, value: &str, prefix: &'static str) {
        self.check(limits::prefix(field, value, prefix));
    }

    fn check(&mut self, checked: Result<(), S3Error>) {
        if let Err(error) = checked {
            self.refuse(error);
        }
    }

    /// `\r` would be read back as `\n`, and in attributes all white space as blanks, so they travel as references.
    fn escaped(&mut self, name: &str, text: &str, attribute: bool) {
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate() {
            let replacement = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'\r' => "&#xD;",
                b'"' if attribute => "&quot;",
                b'\n' if attribute => "&#xA;",
                b'\t' if attribute => "&#x9;",
                b'\n' | b'\t' | 0x20..0xEF | 0xF0.. => continue,
                // U+FFFE and U+FFFF, the only other characters XML 1.0 leaves out.
                0xEF if !matches!(text.as_bytes().get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])) => continue,
                _ => {
                    let c = text.get(at..).and_then(|t| t.chars().next()).unwrap_or_default();
                    self.refuse(
                        S3Error::new(
                            RequestError::Validation,
                            format!("{name} holds the character U+{:04X}, which XML cannot carry", u32::from(c)),
                        )
                        .with_suggestion(
                            "leave the character out, or use an operation that takes this value in its URL",
                        ),
                    );
                    return;
                }
            };
            self.out.push_str(text.get(from..at).unwrap_or_default());
            self.out.push_str(replacement);
            from = at + 1;
        }
        self.out.push_str(text.get(from..).unwrap_or_default());
    }
}
