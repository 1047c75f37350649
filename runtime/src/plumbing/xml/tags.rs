//! Tags and what else stands between `<` and `>`: names, attributes, comments, instructions.

use super::reader::XmlReader;
use super::scan::letters_end;
use super::text::{is_plain, unescape};
use super::{MAX_NAME, MAX_TEXT, XmlError};
use memchr::{memchr, memmem};
use std::borrow::Cow;

pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Bytes a name may hold: all but what ends it or has a meaning in a tag.
const NAME: [bool; 256] = {
    let mut table = [true; 256];
    let mut control = 0;
    while control <= b' ' as usize {
        table[control] = false;
        control += 1;
    }
    let special = b"<>/=&\"'!?;#()[]{},*+|~^`$%@\\\x7f";
    let mut i = 0;
    while i < special.len() {
        table[special[i] as usize] = false;
        i += 1;
    }
    table
};

/// The name without its prefix.
fn local(name: &str) -> &str {
    // Names are short: a plain loop is cheaper than a search that prepares itself.
    match name.bytes().position(|b| b == b':') {
        Some(at) => name.get(at + 1..).unwrap_or(name),
        None => name,
    }
}

impl<'a> XmlReader<'a> {
    /// An attribute of the element last opened, by its name without prefix. Namespace declarations are no attributes.
    pub fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.text.get(self.attributes.0..self.attributes.1)?;
        // The start tag was checked when it was read, so this may be simple.
        while let Some((found, tail)) = rest.split_once('=') {
            let tail = tail.trim_ascii_start();
            let (value, next) = match tail.strip_prefix('"') {
                Some(tail) => tail.split_once('"')?,
                None => tail.strip_prefix('\'')?.split_once('\'')?,
            };
            let found = found.trim_ascii();
            if local(found) == local(name) && !found.starts_with("xmlns:") {
                if is_plain(value) {
                    return Some(Cow::Borrowed(value));
                }
                let mut plain = String::with_capacity(value.len());
                return unescape(value, &mut plain).ok().map(|()| Cow::Owned(plain));
            }
            rest = next;
        }
        None
    }

    /// Behind the end tag of the innermost element, if it stands at `at`, complete and without blanks.
    #[inline]
    pub(super) fn closed_at(&self, at: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(at..)?.strip_prefix(b"</")?;
        let name = self.open_name().as_bytes();
        (rest.get(..name.len())? == name && rest.get(name.len()) == Some(&b'>')).then_some(at + name.len() + 3)
    }

    /// Consumes the end tag at `at`, which must be that of the innermost element.
    pub(super) fn end_tag(&mut self) -> Result<(), XmlError> {
        if let Some(behind) = self.closed_at(self.at) {
            self.at = behind;
            self.leave();
            return Ok(());
        }
        let name = self.open_name();
        let bytes = self.text.as_bytes();
        let start = self.at + 2;
        let rest = bytes.get(start..).unwrap_or_default();
        if !rest.starts_with(name.as_bytes()) {
            return Err(if name.as_bytes().starts_with(rest) {
                self.cut()
            } else {
                self.malformed("an end tag that does not match its start tag")
            });
        }
        let mut at = start + name.len();
        while is_space(self.peek(at)?) {
            at += 1;
        }
        if self.peek(at)? != b'>' {
            return Err(self.malformed("an end tag that does not match its start tag"));
        }
        self.at = at + 1;
        self.leave();
        Ok(())
    }

    /// Consumes the start tag at `at`; its name without prefix.
    #[inline]
    pub(super) fn start_tag(&mut self) -> Result<&'a str, XmlError> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        // The usual case: a row of letters and nothing else.
        let end = letters_end(bytes, start);
        if bytes.get(end) != Some(&b'>') || end == start || end - start > MAX_NAME {
            return self.rare_start_tag();
        }
        let name = self.text.get(start..end).unwrap_or_default();
        self.enter(name, (end, end), false)?;
        Ok(name)
    }

    /// A start tag with a prefix, with attributes, without an end tag, or none.
    #[inline(never)]
    fn rare_start_tag(&mut self) -> Result<&'a str, XmlError> {
        let start = self.at + 1;
        let end = self.name_end(start)?;
        let name = self.text.get(start..end).unwrap_or_default();
        let (at, hollow) = if self.peek(end)? == b'>' { (end, false) } else { self.tag_end(end)? };
        let local = local(name);
        if local.is_empty() || matches!(name.as_bytes().first(), Some(b'0'..=b'9' | b'-' | b'.' | b':')) {
            return Err(self.malformed("a tag without a name"));
        }
        self.enter(name, (end, at), hollow)?;
        Ok(local)
    }

    /// Goes into the element at `at`, whose attributes stand there and end before its `>`.
    #[inline]
    fn enter(&mut self, name: &'a str, attributes: (usize, usize), hollow: bool) -> Result<(), XmlError> {
        *self.open.get_mut(self.depth).ok_or(XmlError::TooDeep)? = name;
        self.depth += 1;
        self.tag = self.at;
        self.attributes = attributes;
        self.hollow = hollow;
        self.at = attributes.1 + 1;
        Ok(())
    }

    /// The `>` of the start tag whose name ends at `from`, and whether a slash stands before it.
    fn tag_end(&self, from: usize) -> Result<(usize, bool), XmlError> {
        let mut at = from;
        loop {
            let before = at;
            while is_space(self.peek(at)?) {
                at += 1;
            }
            match self.peek(at)? {
                b'>' => return Ok((at, false)),
                b'/' => {
                    at += 1;
                    if self.peek(at)? != b'>' {
                        return Err(self.malformed("a slash inside a tag"));
                    }
                    return Ok((at, true));
                }
                _ if at == before => return Err(self.malformed("a tag that is not well formed")),
                _ => at = self.attribute_end(at)?,
            }
        }
    }

    /// The end of the name that begins at `start`.
    fn name_end(&self, start: usize) -> Result<usize, XmlError> {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let len = rest.iter().take_while(|&&b| NAME[usize::from(b)]).count();
        if len > MAX_NAME {
            return Err(XmlError::TooLarge);
        }
        if len == rest.len() {
            return Err(self.cut());
        }
        if len == 0 {
            return Err(self.malformed("a tag that is not well formed"));
        }
        Ok(start + len)
    }

    /// The end of the attribute that begins at `start`.
    fn attribute_end(&self, start: usize) -> Result<usize, XmlError> {
        let mut at = self.name_end(start)?;
        while is_space(self.peek(at)?) {
            at += 1;
        }
        if self.peek(at)? != b'=' {
            return Err(self.malformed("an attribute without a value"));
        }
        at += 1;
        while is_space(self.peek(at)?) {
            at += 1;
        }
        let quote = self.peek(at)?;
        if quote != b'"' && quote != b'\'' {
            return Err(self.malformed("an attribute without quotes"));
        }
        at += 1;
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        let len = memchr(quote, rest).ok_or_else(|| self.cut())?;
        let value = self.text.get(at..at + len).unwrap_or_default();
        if len > MAX_TEXT {
            return Err(XmlError::TooLarge);
        }
        if memchr(b'<', value.as_bytes()).is_some() {
            return Err(self.malformed("a `<` inside an attribute"));
        }
        if !is_plain(value) && unescape(value, &mut String::new()).is_err() {
            return Err(self.malformed("an unknown entity or a bad character reference"));
        }
        Ok(at + len + 1)
    }

    /// Consumes a comment, a processing instruction or a CDATA section at `at`; what it holds.
    pub(super) fn aside(&mut self) -> Result<&'a str, XmlError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (start, end) in [("<?", "?>"), ("<!--", "-->"), ("<![CDATA[", "]]>")] {
            if let Some(held) = rest.strip_prefix(start) {
                if start == "<?" && held.bytes().next().is_some_and(|b| !NAME[usize::from(b)]) {
                    return Err(self.malformed("an instruction without a name"));
                }
                let len = memmem::find(held.as_bytes(), end.as_bytes()).ok_or_else(|| self.cut())?;
                self.at += start.len() + len + end.len();
                return Ok(held.get(..len).unwrap_or_default());
            }
            if start.starts_with(rest) {
                return Err(self.cut());
            }
        }
        Err(self.malformed(if rest.starts_with("<!D") {
            "a document type declaration, which is never read,"
        } else {
            "a declaration that is not well formed"
        }))
    }
}
