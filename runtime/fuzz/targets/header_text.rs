//! Texts that travel encoded: what is encoded reads back, and any text decodes to something.
#![no_main]

use integration_s3_runtime::plumbing::{decode_key, decode_words, encode_words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    assert_eq!(decode_words(&encode_words(text)), text);
    let _ = decode_words(text);
    let mut key = text.to_owned();
    decode_key(&mut key);
    assert!(key.len() <= text.len());
});
