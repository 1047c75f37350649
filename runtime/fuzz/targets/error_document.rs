//! Any body of a refusal gives a bounded, printable line.
#![no_main]

use integration_s3_runtime::plumbing::error_document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let found = error_document(body);
    assert!(found.message.len() <= 1024);
    assert!(!found.message.chars().any(char::is_control));
    assert!(found.details.len() <= 16);
});
