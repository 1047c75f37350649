//! Any bytes through our XML reader and through quick-xml: the same elements, or a refusal with a reason that is known.
#![no_main]

use integration_s3_runtime::plumbing::xml::{Document, DocumentError};
use integration_s3_runtime::plumbing::{XmlError, XmlReader};
use libfuzzer_sys::fuzz_target;

#[path = "../../src/plumbing/xml/tests/oracle.rs"]
mod oracle;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, document) = input;
    oracle::compare(document, usize::from(piece));
});
