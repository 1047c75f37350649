//! What generated code may call; not for applications.

mod error_document;
mod facts;
mod limits;
mod reply;
pub(crate) mod percent;
mod rfc2047;
mod url_text;
mod wire_value;
pub mod xml;

pub use bytes::Bytes;
pub use error_document::{ErrorDocument, error_document, is_error_document};
pub use reply::Reply;
pub use facts::{ChecksumRule, CodeFacts, CodeLookup, OperationFacts, RetryClass, Verb};
pub use rfc2047::{decode_words, encode_words};
pub use url_text::decode_key;
pub use wire_value::{DateFormat, FromWire, WireValue};
pub use xml::{XmlError, XmlReader, XmlWriter};
