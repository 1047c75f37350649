//! Percent-encoding as SigV4 wants it: everything but letters, digits and `-._~`, in upper-case hexadecimal.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Appends a query value.
pub fn encode_query(text: &str, out: &mut String) {
    out.reserve(text.len());
    out.extend(utf8_percent_encode(text, QUERY));
}

/// Appends a key: slashes stay.
pub fn encode_path(text: &str, out: &mut String) {
    out.reserve(text.len());
    out.extend(utf8_percent_encode(text, PATH));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_survives_the_round_trip(text in ".*") {
            for encode in [encode_query, encode_path] {
                let mut wire = String::new();
                encode(&text, &mut wire);
                prop_assert!(wire.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%/".contains(&b)));
                let back = percent_encoding::percent_decode_str(&wire).decode_utf8_lossy().into_owned();
                prop_assert_eq!(&back, &text);
            }
        }
    }

    #[test]
    fn slashes_stay_in_keys_only() {
        let (mut query, mut path) = (String::new(), String::new());
        encode_query("a/b c+é~", &mut query);
        encode_path("a/b c+é~", &mut path);
        assert_eq!(query, "a%2Fb%20c%2B%C3%A9~");
        assert_eq!(path, "a/b%20c%2B%C3%A9~");
    }
}
