//! A pull reader over bytes that are already there. It allocates nothing but the texts it hands out.
//!
//! Whoever reads follows the nesting: [`XmlReader::child`] opens an element, which is then read by
//! exactly one of [`text`](XmlReader::text), [`value`](XmlReader::value), [`date`](XmlReader::date),
//! [`skip`](XmlReader::skip), [`list`](XmlReader::list), or a loop over `child` until it answers `None`.
//!
//! ```
//! use integration_s3_runtime::plumbing::XmlReader;
//!
//! let mut xml = XmlReader::new(b"<Owner><ID>7</ID><DisplayName>Tom &amp; Jerry</DisplayName></Owner>");
//! assert_eq!(xml.root()?, "Owner");
//! let (mut id, mut name) = (None, String::new());
//! while let Some(element) = xml.child()? {
//!     match element {
//!         "ID" => id = xml.value::<i64>()?,
//!         "DisplayName" => name = xml.text()?,
//!         _ => xml.skip()?,
//!     }
//! }
//! assert_eq!((id, name.as_str()), (Some(7), "Tom & Jerry"));
//! # Ok::<(), integration_s3_runtime::plumbing::XmlError>(())
//! ```

use super::scan::plain_end;
use super::tags::is_space;
use super::text::unescape;
use super::{MAX_DEPTH, MAX_TEXT, XmlError};
use crate::plumbing::{DateFormat, FromWire};
use crate::timestamp::Timestamp;
use memchr::{memchr, memchr2};

/// Reads elements and their texts from a slice of bytes, in one pass and in linear time.
///
/// Any byte sequence gives a value or an error. [`XmlError::Incomplete`] means that the bytes end
/// before the element does, and nothing else. After an error the reader is of no more use.
pub struct XmlReader<'a> {
    /// The bytes as far as they are UTF-8: checked once, so that no text needs checking again.
    pub(super) text: &'a str,
    /// What lies behind `text`: bytes that will never be UTF-8, or nothing.
    pub(super) broken: bool,
    pub(super) at: usize,
    /// The names of the elements around `at`, prefixes included.
    pub(super) open: [&'a str; MAX_DEPTH],
    pub(super) depth: usize,
    /// Where the attributes of the element last opened stand.
    pub(super) attributes: (usize, usize),
    /// The element last opened was `<a/>`, and nobody has read its end yet.
    pub(super) hollow: bool,
    /// Where the start tag last read begins.
    pub(super) tag: usize,
}

impl<'a> XmlReader<'a> {
    /// A reader before the root element of a document.
    pub fn new(bytes: &'a [u8]) -> Self {
        let (text, broken) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(e) => {
                let valid = bytes.get(..e.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), e.error_len().is_some())
            }
        };
        Self { text, broken, at: 0, open: [""; MAX_DEPTH], depth: 0, attributes: (0, 0), hollow: false, tag: 0 }
    }

    /// A reader behind the start tag of a root element of that (prefixed) name.
    pub(super) fn inside(root: &'a str, bytes: &'a [u8]) -> Self {
        let mut reader = Self::new(bytes);
        reader.open[0] = root;
        reader.depth = 1;
        reader
    }

    /// Opens the root element: its name without prefix. Skips a byte order mark, the prolog and comments.
    ///
    /// # Errors
    /// As for [`child`](Self::child); text before the root is malformed.
    pub fn root(&mut self) -> Result<&'a str, XmlError> {
        if self.at == 0 && self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        self.outside()?;
        match self.peek(self.at + 1)? {
            b'/' => Err(self.malformed("an end tag without a start tag")),
            _ => self.start_tag(),
        }
    }

    /// The next child of the element being read: its name without prefix. `None` when its end tag was consumed instead.
    /// Text between children is skipped.
    ///
    /// # Errors
    /// [`XmlError`]; a document type declaration and tags that do not match are malformed.
    pub fn child(&mut self) -> Result<Option<&'a str>, XmlError> {
        if self.depth == 0 {
            return Ok(None);
        }
        if self.hollow {
            self.leave();
            return Ok(None);
        }
        loop {
            self.pass_text()?;
            match self.peek(self.at + 1)? {
                b'/' => return self.end_tag().map(|()| None),
                b'!' | b'?' => {
                    self.aside()?;
                }
                _ => return self.start_tag().map(Some),
            }
        }
    }

    /// The text of the element last opened, entities replaced. Consumes its end tag; elements inside it are skipped.
    ///
    /// # Errors
    /// [`XmlError`]; an entity beyond the five of XML is malformed.
    pub fn text(&mut self) -> Result<String, XmlError> {
        let mut scratch = String::new();
        Ok(match self.content(&mut scratch)? {
            Some(plain) => plain.to_owned(),
            None => scratch,
        })
    }

    /// The text of the element last opened as a value; `None` when it is no such value. Consumes its end tag.
    ///
    /// # Errors
    /// As for [`text`](Self::text), never for a text that is no such value.
    pub fn value<T: FromWire>(&mut self) -> Result<Option<T>, XmlError> {
        let mut scratch = String::new();
        let plain = self.content(&mut scratch)?;
        Ok(T::from_wire(plain.unwrap_or(&scratch)))
    }

    /// The text of the element last opened as a date; `None` when it is none. Consumes its end tag.
    ///
    /// # Errors
    /// As for [`text`](Self::text), never for a text that is no date.
    pub fn date(&mut self, format: DateFormat) -> Result<Option<Timestamp>, XmlError> {
        let mut scratch = String::new();
        let plain = self.content(&mut scratch)?;
        Ok(format.read(plain.unwrap_or(&scratch)))
    }

    /// Passes over the element last opened, with all it holds.
    ///
    /// # Errors
    /// [`XmlError`].
    pub fn skip(&mut self) -> Result<(), XmlError> {
        let around = self.depth.saturating_sub(1);
        while self.depth > around {
            self.child()?;
        }
        Ok(())
    }

    /// The children called `item` of the element last opened, each read by `read`; other children are skipped.
    ///
    /// # Errors
    /// [`XmlError`].
    pub fn list<T>(
        &mut self,
        item: &str,
        read: fn(&mut XmlReader<'a>) -> Result<T, XmlError>,
    ) -> Result<Vec<T>, XmlError> {
        let mut items = Vec::new();
        while let Some(name) = self.child()? {
            if name == item { items.push(read(self)?) } else { self.skip()? }
        }
        Ok(items)
    }

    /// The value of an element every store sends.
    ///
    /// # Errors
    /// [`XmlError::Missing`].
    pub fn require<T>(&self, element: &'static str, value: Option<T>) -> Result<T, XmlError> {
        value.ok_or(XmlError::Missing { element })
    }

    /// Checks that only white space, comments and instructions follow the root.
    pub(in crate::plumbing) fn epilog(&mut self) -> Result<(), XmlError> {
        match self.outside() {
            Ok(()) => Err(self.malformed("a second root element")),
            Err(XmlError::Incomplete) if self.at == self.text.len() => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Whether the element last opened was `<a/>`.
    pub(super) fn is_hollow(&self) -> bool {
        self.hollow
    }

    /// Where the start tag last read begins.
    pub(super) fn tag_position(&self) -> usize {
        self.tag
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(in crate::plumbing) fn depth(&self) -> usize {
        self.depth
    }

    /// The name of the innermost open element, with its prefix.
    pub(super) fn open_name(&self) -> &'a str {
        self.depth.checked_sub(1).and_then(|i| self.open.get(i)).copied().unwrap_or_default()
    }

    /// Goes to the next tag outside of the root. On an error, `at` is behind all that was complete.
    fn outside(&mut self) -> Result<(), XmlError> {
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            self.at += rest.iter().take_while(|&&b| is_space(b)).count();
            if self.peek(self.at)? != b'<' {
                return Err(self.malformed("text outside of the root element"));
            }
            match self.peek(self.at + 1)? {
                b'!' if self.peek(self.at + 2)? == b'[' => {
                    return Err(self.malformed("text outside of the root element"));
                }
                b'!' | b'?' => {
                    self.aside()?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// The content of the element last opened: borrowed if it can be taken as it stands, else put into `scratch`.
    fn content(&mut self, scratch: &mut String) -> Result<Option<&'a str>, XmlError> {
        if self.depth == 0 {
            return Ok(Some(""));
        }
        if self.hollow {
            self.leave();
            return Ok(Some(""));
        }
        // The usual case: nothing but characters up to the element's own end tag.
        let start = self.at;
        let stop = plain_end(self.text.as_bytes(), start);
        if let Some(end) = stop
            && let Some(behind) = self.closed_at(end)
            && end - start <= MAX_TEXT
        {
            self.at = behind;
            self.leave();
            return Ok(Some(self.text.get(start..end).unwrap_or_default()));
        }
        let (run, next) = self.run()?;
        if next == b'/' && stop == Some(self.at) {
            self.end_tag()?;
            return Ok(Some(run));
        }
        *scratch = String::with_capacity(run.len());
        self.push_text(run, scratch)?;
        loop {
            match self.peek(self.at + 1)? {
                b'/' => return self.end_tag().map(|()| None),
                b'!' if self.peek(self.at + 2)? == b'[' => {
                    // Character data without references; only its line ends are made one character.
                    let mut raw = self.aside()?;
                    while let Some(cr) = memchr(b'\r', raw.as_bytes()) {
                        let (line, rest) = raw.split_at(cr);
                        scratch.push_str(line);
                        scratch.push('\n');
                        raw = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\r')).unwrap_or_default();
                    }
                    scratch.push_str(raw);
                }
                b'!' | b'?' => {
                    self.aside()?;
                }
                _ => {
                    self.start_tag()?;
                    self.skip()?;
                }
            }
            let (run, _) = self.run()?;
            self.push_text(run, scratch)?;
            if scratch.len() > MAX_TEXT {
                return Err(XmlError::TooLarge);
            }
        }
    }

    /// Goes to the next tag. The text before it is nobody's, but its references have to be some all the same.
    #[inline]
    fn pass_text(&mut self) -> Result<(), XmlError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if bytes.get(start) == Some(&b'<') {
            return Ok(());
        }
        let reference = memchr2(b'<', b'&', bytes.get(start..).unwrap_or_default()).map(|at| start + at);
        if reference.and_then(|at| bytes.get(at)) != Some(&b'&') {
            self.at = reference.unwrap_or(bytes.len());
            return Ok(());
        }
        // A reference may be cut by the end of the bytes, so what is behind the `&` stays.
        self.at = reference.unwrap_or(start);
        let Some(end) = self.markup(self.at) else { return Err(self.cut()) };
        let run = self.text.get(self.at..end).unwrap_or_default();
        self.at = end;
        self.push_text(run, &mut String::new())
    }

    /// The text up to the next tag, and the byte behind that tag's `<`.
    fn run(&mut self) -> Result<(&'a str, u8), XmlError> {
        let start = self.at;
        let end = self.markup(start);
        if end.unwrap_or(self.text.len()) - start > MAX_TEXT {
            return Err(XmlError::TooLarge);
        }
        self.at = end.ok_or_else(|| self.cut())?;
        let next = self.peek(self.at + 1)?;
        Ok((self.text.get(start..self.at).unwrap_or_default(), next))
    }

    fn push_text(&self, run: &str, out: &mut String) -> Result<(), XmlError> {
        unescape(run, out).map_err(|offset| XmlError::Malformed {
            offset: self.at - run.len() + offset,
            what: "an unknown entity or a bad character reference",
        })
    }

    /// Where the next `<` is.
    #[inline]
    fn markup(&self, from: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(from..)?;
        if rest.first() == Some(&b'<') {
            return Some(from);
        }
        memchr(b'<', rest).map(|at| from + at)
    }

    #[inline]
    pub(super) fn peek(&self, at: usize) -> Result<u8, XmlError> {
        match self.text.as_bytes().get(at) {
            Some(&byte) => Ok(byte),
            None => Err(self.cut()),
        }
    }

    pub(super) fn leave(&mut self) {
        self.hollow = false;
        self.depth -= 1;
    }

    /// The error for bytes that end too early.
    #[cold]
    pub(super) fn cut(&self) -> XmlError {
        if self.broken {
            XmlError::Malformed { offset: self.text.len(), what: "a byte that is not UTF-8" }
        } else {
            XmlError::Incomplete
        }
    }

    #[cold]
    pub(super) fn malformed(&self, what: &'static str) -> XmlError {
        XmlError::Malformed { offset: self.at, what }
    }
}

impl std::fmt::Debug for XmlReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XmlReader")
            .field("at", &self.at)
            .field("inside", &self.open.get(..self.depth).unwrap_or_default())
            .finish_non_exhaustive()
    }
}
