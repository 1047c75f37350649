//! Keys of list answers under `encoding-type=url`. Encoding a key into a URL is the request writer's work.

/// Decodes a key that S3 sent percent-encoded, in place; `+` is a space.
///
/// A `%` without two hexadecimal digits stays as it is. When the result would not be UTF-8, the whole text
/// stays as it was: a key that cannot be named is better shown encoded than wrong.
pub fn decode_key(text: &mut String) {
    if memchr::memchr2(b'%', b'+', text.as_bytes()).is_none() {
        return;
    }
    let raw = text.as_bytes();
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        match byte {
            b'+' => out.push(b' '),
            b'%' => match (hex(raw.get(at)), hex(raw.get(at + 1))) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    at += 2;
                }
                _ => out.push(b'%'),
            },
            other => out.push(other),
        }
    }
    if let Ok(decoded) = String::from_utf8(out) {
        *text = decoded;
    }
}

/// The value of a hexadecimal digit.
pub(super) fn hex(byte: Option<&u8>) -> Option<u8> {
    match byte? {
        b @ b'0'..=b'9' => Some(b - b'0'),
        b @ b'a'..=b'f' => Some(b - b'a' + 10),
        b @ b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode_key;

    fn decoded(text: &str) -> String {
        let mut text = text.to_owned();
        decode_key(&mut text);
        text
    }

    #[test]
    fn decodes_what_s3_encodes() {
        assert_eq!(decoded("a%2Fb+c%2Bd%0A%01"), "a/b c+d\n\u{1}");
        assert_eq!(decoded("%E2%82%AC%f0%9f%98%80"), "€😀");
        assert_eq!(decoded("plain/key.txt"), "plain/key.txt");
        assert_eq!(decoded("€+"), "€ ");
    }

    #[test]
    fn keeps_a_percent_sign_that_encodes_nothing() {
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%4"), "%4");
        assert_eq!(decoded("%zz%41"), "%zzA");
        assert_eq!(decoded("%+"), "% ");
    }

    #[test]
    fn keeps_the_text_when_the_bytes_are_not_utf8() {
        assert_eq!(decoded("a%FF+b"), "a%FF+b");
    }
}
