//! Why a piece of XML could not be read. Which request it belongs to is added by the reply.

use std::fmt;

/// Why XML could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum XmlError {
    /// The bytes end before the document does. More bytes may mend it.
    Incomplete,
    /// No further bytes can make this a document S3 would send.
    Malformed {
        /// Bytes of the slice that were read without a complaint.
        offset: usize,
        /// What is wrong, as a noun phrase.
        what: &'static str,
    },
    /// More elements inside each other than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// A name, a text, a child or the document is longer than this reader accepts.
    TooLarge,
    /// An element every store sends is not there.
    Missing {
        /// Its name.
        element: &'static str,
    },
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            XmlError::Incomplete => f.write_str("the document ends too early"),
            XmlError::Malformed { offset, what } => write!(f, "{what} at byte {offset}"),
            XmlError::TooDeep => write!(f, "more than {} elements inside each other", super::MAX_DEPTH),
            XmlError::Missing { element } => write!(f, "no `{element}` element"),
            XmlError::TooLarge => f.write_str("a part of the document is larger than any S3 answer"),
        }
    }
}

impl std::error::Error for XmlError {}
