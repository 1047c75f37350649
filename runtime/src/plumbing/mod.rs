//! What generated code may call; not for applications.

mod error_document;
mod facts;
mod fields;
mod limits;
pub(crate) mod percent;
mod reply;
mod rfc2047;
pub mod testing;
mod url_text;
mod wire_request;
mod wire_value;
mod writer;
pub mod xml;

pub use crate::call::Operation;
pub use bytes::Bytes;
pub use error_document::{ErrorDocument, error_document, is_error_document};
pub use facts::{ChecksumRule, CodeFacts, CodeLookup, OperationFacts, RetryClass, Verb};
pub use fields::Fields;
pub use reply::Reply;
pub use rfc2047::{decode_words, encode_words};
pub use url_text::decode_key;
pub use wire_request::WireRequest;
pub use wire_value::{DateFormat, FromWire, WireValue};
pub use writer::RequestWriter;
pub(crate) use writer::static_name;
pub use xml::{XmlError, XmlReader, XmlWriter};

#[cfg(test)]
mod writer_tests;
