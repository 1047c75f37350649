//! Percent-encoding as SigV4 wants it: everything but letters, digits and `-._~`, in upper-case hexadecimal.

/// Bytes that stand for themselves: 1 everywhere, 2 in paths.
const PLAIN: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'.' | b'_' | b'~') {
            table[byte] = 1;
        }
        byte += 1;
    }
    table[b'/' as usize] = 2;
    table
};

/// Appends a query value.
pub fn encode_query(text: &str, out: &mut String) {
    encode(text, 1, out);
}

/// Appends a key: slashes stay.
pub fn encode_path(text: &str, out: &mut String) {
    encode(text, 2, out);
}

fn encode(text: &str, most: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(text.len());
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let class = PLAIN[usize::from(byte)];
        if class == 0 || class > most {
            // What is plain is ASCII, so pieces begin and end between characters, or are empty.
            out.push_str(text.get(from..at).unwrap_or_default());
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
            from = at + 1;
        }
    }
    out.push_str(text.get(from..).unwrap_or_default());
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
    fn agrees_with_a_peer_on_every_character() {
        use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
        const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        const PATH: &AsciiSet = &QUERY.remove(b'/');
        for c in (0..0x3000).filter_map(char::from_u32).chain(['\u{1F600}', char::MAX]) {
            let text = format!("a{c}{c}b");
            for (encode, theirs) in [(encode_query as fn(&str, &mut String), QUERY), (encode_path, PATH)] {
                let mut ours = String::new();
                encode(&text, &mut ours);
                assert_eq!(ours, utf8_percent_encode(&text, theirs).to_string());
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
