//! Reads a document while it arrives: whoever has bytes pushes them, and each child of the root is handed over as soon as
//! it is complete. Knows nothing of HTTP.
//!
//! Only the unread tail is kept. A child that is cut by the end of the bytes is read again from its start, but
//! not before the tail has doubled (or the body has ended): each byte is so read a bounded number of times,
//! however small the pieces and however large the child.

use super::{MAX_CHILD, MAX_DOCUMENT, XmlError, XmlReader};

/// What reads a child of the root. It is called again for a child that was cut, so it changes nothing before the read succeeded.
pub type Each<'f> = dyn FnMut(&str, &mut XmlReader<'_>) -> Result<(), XmlError> + Send + 'f;

/// A document on its way.
#[derive(Debug)]
pub struct Document {
    expected: &'static str,
    operation: &'static str,
    stage: Stage,
    /// What was not read yet.
    tail: Vec<u8>,
    /// Bytes read and gone.
    consumed: u64,
    /// The tail's length at which reading is tried again.
    retry_at: usize,
}

#[derive(Debug)]
enum Stage {
    Prolog,
    /// Behind the start tag of the root, whose name with prefix this is.
    Inside(String),
    Epilog,
    /// The root is `Error`: kept whole, for the one who can read it.
    Refusal,
}

/// Why a document could not be read.
#[derive(Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// The body ended before the document.
    Truncated,
    /// The body is no such document. Offsets count from the body's start.
    Xml(XmlError),
    /// Another root: its name.
    Root(String),
    /// The root is `Error`: the body from there on, at most 64 KiB.
    Refused(Vec<u8>),
}

/// Bytes that are looked at for the end of a child that was cut: more than most of them have.
const STEP: usize = 1 << 10;
/// More than any error document has.
const MAX_REFUSAL: usize = 64 << 10;

impl Document {
    /// A document whose root should be called `expected`.
    pub fn new(expected: &'static str) -> Self {
        Self { expected, operation: "", stage: Stage::Prolog, tail: Vec::new(), consumed: 0, retry_at: 0 }
    }

    /// Which operation it answers: some stores call the root after it.
    pub fn answering(mut self, operation: &'static str) -> Self {
        self.operation = operation;
        self
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// What no further byte can mend.
    pub fn push(&mut self, mut chunk: &[u8], each: &mut Each<'_>) -> Result<(), DocumentError> {
        if matches!(self.stage, Stage::Refusal) {
            let room = MAX_REFUSAL.saturating_sub(self.tail.len());
            self.tail.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
            return Ok(());
        }
        if self.consumed + (self.tail.len() + chunk.len()) as u64 > MAX_DOCUMENT {
            return Err(DocumentError::Xml(XmlError::TooLarge));
        }
        // The child that was cut mostly ends a little further on: only as much is copied as it takes to get behind it.
        while !self.tail.is_empty() && !chunk.is_empty() {
            let kept = self.tail.len();
            let (more, rest) = chunk.split_at(chunk.len().min(kept.max(STEP)));
            self.tail.extend_from_slice(more);
            if self.tail.len() < self.retry_at {
                chunk = rest;
                continue;
            }
            let read = self.read_tail(each)?;
            chunk = match read.checked_sub(kept) {
                Some(read) => {
                    self.tail.clear();
                    chunk.get(read..).unwrap_or_default()
                }
                None => rest,
            };
        }
        if !chunk.is_empty() {
            // All the others are read where they lie.
            let read = self.read(chunk, each)?;
            self.tail.extend_from_slice(chunk.get(read..).unwrap_or_default());
        }
        self.retry_at = self.retry_at.max(1);
        if self.tail.len() > MAX_CHILD {
            return Err(DocumentError::Xml(XmlError::TooLarge));
        }
        Ok(())
    }

    /// The body has ended. A body without any byte is a document without children.
    ///
    /// # Errors
    /// [`DocumentError`]; nothing is left half read without one.
    pub fn end(&mut self, each: &mut Each<'_>) -> Result<(), DocumentError> {
        // Nothing at all is no document either: an answer that was lost must not pass for an empty list.
        if !matches!(self.stage, Stage::Refusal) {
            self.read_tail(each)?;
        }
        match self.stage {
            Stage::Refusal => Err(DocumentError::Refused(std::mem::take(&mut self.tail))),
            Stage::Epilog if self.tail.is_empty() => Ok(()),
            _ => Err(DocumentError::Truncated),
        }
    }

    /// Bytes kept because they are not read yet.
    pub fn unread(&self) -> usize {
        self.tail.len()
    }

    /// Reads what is complete of the tail and takes it away: how many bytes that were.
    fn read_tail(&mut self, each: &mut Each<'_>) -> Result<usize, DocumentError> {
        let mut tail = std::mem::take(&mut self.tail);
        let read = self.read(&tail, each)?;
        tail.drain(..read);
        self.tail = tail;
        Ok(read)
    }

    /// Reads what is complete: how many bytes that were. Sets when to try the rest.
    fn read(&mut self, bytes: &[u8], each: &mut Each<'_>) -> Result<usize, DocumentError> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let (read, outcome) = match &self.stage {
                Stage::Prolog => self.read_prolog(rest)?,
                Stage::Inside(root) => read_children(root, rest, each),
                Stage::Epilog => {
                    let mut reader = XmlReader::new(rest);
                    let outcome = reader.epilog();
                    (reader.position(), outcome.and(Err(XmlError::Incomplete)))
                }
                Stage::Refusal => (0, Err(XmlError::Incomplete)),
            };
            match outcome {
                Ok(next) => self.stage = next,
                Err(XmlError::Incomplete) => {
                    at += read;
                    self.consumed += read as u64;
                    self.retry_at = (bytes.len() - at).saturating_mul(2);
                    return Ok(at);
                }
                Err(XmlError::Malformed { offset, what }) => {
                    let offset = usize::try_from(self.consumed).unwrap_or(usize::MAX).saturating_add(offset);
                    return Err(DocumentError::Xml(XmlError::Malformed { offset, what }));
                }
                Err(other) => return Err(DocumentError::Xml(other)),
            }
            at += read;
            self.consumed += read as u64;
        }
    }

    fn read_prolog(&self, bytes: &[u8]) -> Result<(usize, Result<Stage, XmlError>), DocumentError> {
        let mut reader = XmlReader::new(bytes);
        match reader.root() {
            Ok(name) if is_root(name, self.expected, self.operation) => {
                let root = reader.open_name().to_owned();
                // `<Root/>` has no end tag to wait for.
                let stage = if reader.is_hollow() { Stage::Epilog } else { Stage::Inside(root) };
                Ok((reader.position(), Ok(stage)))
            }
            Ok("Error") => Ok((0, Ok(Stage::Refusal))),
            Ok(other) => Err(DocumentError::Root(other.chars().take(64).collect())),
            Err(error) => Ok((reader.position(), Err(error))),
        }
    }
}

/// Whether a root will do. Stores disagree on `...Result`, `...Response` and `...Output`, and some call every root after
/// its operation; anything else is another document, which must not pass for an empty one.
pub(in crate::plumbing) fn is_root(found: &str, expected: &str, operation: &str) -> bool {
    fn stem(name: &str) -> &str {
        let ends = ["Result", "Response", "Output"];
        ends.into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
    }
    found == expected
        || (stem(expected) != expected && stem(found) == stem(expected))
        || (!operation.is_empty() && stem(found).eq_ignore_ascii_case(operation))
}

/// Hands over the children that are complete: how far that went, and what comes next.
fn read_children(root: &str, bytes: &[u8], each: &mut Each<'_>) -> (usize, Result<Stage, XmlError>) {
    let mut reader = XmlReader::inside(root, bytes);
    loop {
        let name = match reader.child() {
            Ok(Some(name)) => name,
            Ok(None) => return (reader.position(), Ok(Stage::Epilog)),
            Err(error) => return (reader.position(), Err(error)),
        };
        let start = reader.tag_position();
        let read = each(name, &mut reader).and_then(|()| {
            // What the callback left unread is passed over.
            while reader.depth() > 1 {
                reader.skip()?;
            }
            if reader.depth() == 0 { Err(reader.malformed("a child that was read beyond its end")) } else { Ok(()) }
        });
        if let Err(error) = read {
            return (start, Err(error));
        }
    }
}
