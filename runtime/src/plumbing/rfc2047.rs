//! RFC 2047 encoded words: how metadata outside ASCII travels in a header.
//!
//! Encoding writes `=?UTF-8?B?..?=` words of at most 75 characters. Decoding knows both encodings and the
//! charsets S3 stores meet (UTF-8, US-ASCII, ISO-8859-1), and leaves anything else as it stands.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use std::borrow::Cow;

use super::url_text::hex;

/// 75 characters of a word less its frame are 63 of base64: 45 bytes, after rounding down to whole groups.
const BYTES_PER_WORD: usize = 45;

/// Base64 with or without padding, as mail programs write it.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(&ALPHABET, forgiving(NO_PAD));

const fn forgiving(config: GeneralPurposeConfig) -> GeneralPurposeConfig {
    config.with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true)
}

/// The header form of a metadata value: ASCII as it is, other text as encoded words.
///
/// ASCII that looks like an encoded word is encoded too, so that what is read back is what was given.
pub fn encode_words(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && find(text, b"=?").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2 + 16);
    let mut rest = text;
    while !rest.is_empty() {
        let mut cut = rest.len().min(BYTES_PER_WORD);
        while !rest.is_char_boundary(cut) {
            cut -= 1;
        }
        let (word, tail) = rest.split_at(cut);
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str("=?UTF-8?B?");
        STANDARD.encode_string(word, &mut out);
        out.push_str("?=");
        rest = tail;
    }
    Cow::Owned(out)
}

/// Replaces the encoded words in a header value by their text. White space between two words vanishes.
pub fn decode_words(text: &str) -> Cow<'_, str> {
    if find(text, b"=?").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // A character may be cut between two words of one charset, so their bytes are gathered first.
    let mut pending: Vec<u8> = Vec::new();
    let mut after_word = false;
    while !rest.is_empty() {
        let Some(at) = find(rest, b"=?") else { break };
        let (before, from) = rest.split_at(at);
        match word(from, &pending) {
            Some((bytes, len)) => {
                if !(after_word && before.chars().all(|c| c == ' ' || c == '\t')) {
                    flush(&mut pending, &mut out);
                    out.push_str(before);
                }
                pending.extend_from_slice(&bytes);
                rest = from.get(len..).unwrap_or_default();
                after_word = true;
            }
            None => {
                flush(&mut pending, &mut out);
                out.push_str(before);
                out.push_str("=?");
                rest = from.get(2..).unwrap_or_default();
                after_word = false;
            }
        }
    }
    flush(&mut pending, &mut out);
    out.push_str(rest);
    Cow::Owned(out)
}

/// Where the two ASCII characters stand. The search for texts of any length would bring much code for this.
fn find(text: &str, two: &[u8; 2]) -> Option<usize> {
    text.as_bytes().windows(2).position(|pair| pair == two)
}

fn flush(pending: &mut Vec<u8>, out: &mut String) {
    out.push_str(&String::from_utf8_lossy(pending));
    pending.clear();
}

/// The word at the start of `text` as UTF-8 bytes that may follow `before`, and its length. Words are short, which keeps
/// this linear.
fn word(text: &str, before: &[u8]) -> Option<(Vec<u8>, usize)> {
    let inner = text.strip_prefix("=?")?;
    let mut window = inner.len().min(4096);
    while !inner.is_char_boundary(window) {
        window -= 1;
    }
    let (charset, rest) = inner.get(..window)?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let payload = rest.get(..find(rest, b"?=")?)?;
    if payload.contains([' ', '?']) {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => FORGIVING.decode(payload).ok()?,
        "Q" | "q" => quoted(payload)?,
        _ => return None,
    };
    // RFC 2231 allows a language behind the charset: =?UTF-8*en?..
    let charset = charset.split('*').next().unwrap_or_default();
    let bytes = if charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii") {
        let joined = [before.get(before.len().saturating_sub(3)..).unwrap_or_default(), &bytes].concat();
        could_be_utf8(&joined).then_some(bytes)?
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        bytes.iter().map(|&b| char::from(b)).collect::<String>().into_bytes()
    } else {
        return None;
    };
    Some((bytes, 2 + charset_len(inner) + 1 + encoding.len() + 1 + payload.len() + 2))
}

/// Whether a run of bytes is UTF-8, its ends perhaps inside a character.
fn could_be_utf8(bytes: &[u8]) -> bool {
    let start = bytes.iter().take(3).take_while(|&&b| b & 0xC0 == 0x80).count();
    match std::str::from_utf8(bytes.get(start..).unwrap_or_default()) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none(),
    }
}

fn charset_len(inner: &str) -> usize {
    inner.find('?').unwrap_or_default()
}

fn quoted(payload: &str) -> Option<Vec<u8>> {
    let raw = payload.as_bytes();
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        match byte {
            b'_' => out.push(b' '),
            b'=' => {
                out.push(hex(raw.get(at))? << 4 | hex(raw.get(at + 1))?);
                at += 2;
            }
            other => out.push(other),
        }
    }
    Some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn leaves_ascii_alone() {
        assert_eq!(encode_words("hello = world?"), "hello = world?");
        assert_eq!(decode_words("hello = world?"), "hello = world?");
    }

    #[test]
    fn reads_the_words_of_the_rfc() {
        assert_eq!(decode_words("=?ISO-8859-1?Q?Andr=E9?= Pirard"), "André Pirard");
        assert_eq!(decode_words("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)"), "(ab)");
        assert_eq!(decode_words("=?ISO-8859-1?Q?a_b?="), "a b");
        assert_eq!(decode_words("=?UTF-8?B?w6TDtsO8?="), "äöü");
        assert_eq!(decode_words("=?utf-8*de?b?w6Q?="), "ä");
    }

    #[test]
    fn joins_a_character_cut_between_two_words() {
        assert_eq!(decode_words("=?UTF-8?Q?=C3?= =?UTF-8?Q?=A4?="), "ä");
    }

    #[test]
    fn keeps_what_is_no_word() {
        for text in [
            "=?",
            "=?x",
            "=?UTF-8?B?!!?=",
            "=?KOI8-R?Q?a?=",
            "=?UTF-8?X?a?=",
            "=?UTF-8?Q?=zz?=",
            "a =?= b",
            "=?UTF-8?B?/w==?=",
        ] {
            assert_eq!(decode_words(text), text);
        }
    }

    #[test]
    fn words_are_at_most_75_characters() {
        for word in encode_words(&"é€😀".repeat(50)).split(' ') {
            assert!(word.len() <= 75, "{word}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back(text in any::<String>()) {
            let encoded = encode_words(&text).into_owned();
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(decode_words(&encoded), text.as_str());
        }

        #[test]
        fn any_text_decodes_to_something(text in "[=?A-Za-z_ -]{0,80}") {
            let _ = decode_words(&text);
        }
    }
}
