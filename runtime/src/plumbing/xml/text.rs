//! Character data: references, line ends. Nothing here knows about tags.

use super::scan::plain_end;
use memchr::memchr2;

/// Appends `raw` with its references replaced and its line ends made `\n`.
///
/// Any character may be referred to except NUL: S3 answers keys with control characters as `&#x1;`, which
/// XML 1.0 forbids and every S3 client has to live with.
///
/// # Errors
/// The offset in `raw` of a reference that is none.
pub(super) fn unescape(raw: &str, out: &mut String) -> Result<(), usize> {
    let bytes = raw.as_bytes();
    let mut from = 0;
    while let Some(at) = plain_end(bytes, from) {
        out.push_str(raw.get(from..at).unwrap_or_default());
        from = at + 1;
        match bytes.get(at) {
            Some(b'\r') => {
                out.push('\n');
                from += usize::from(bytes.get(from) == Some(&b'\n'));
            }
            Some(b'&') => {
                let (c, len) = bytes.get(at..).and_then(reference).ok_or(at)?;
                out.push(c);
                from = at + len;
            }
            // A `<` means nothing here; whoever looks for tags has looked before.
            _ => out.push('<'),
        }
    }
    out.push_str(raw.get(from..).unwrap_or_default());
    Ok(())
}

/// Whether `raw` can be taken as it is.
pub(super) fn is_plain(raw: &str) -> bool {
    memchr2(b'&', b'\r', raw.as_bytes()).is_none()
}

/// The character a reference at the start of `bytes` stands for, and the reference's length.
fn reference(bytes: &[u8]) -> Option<(char, usize)> {
    match bytes {
        [b'&', b'q', b'u', b'o', b't', b';', ..] => return Some(('"', 6)),
        [b'&', b'a', b'm', b'p', b';', ..] => return Some(('&', 5)),
        [b'&', b'l', b't', b';', ..] => return Some(('<', 4)),
        [b'&', b'g', b't', b';', ..] => return Some(('>', 4)),
        [b'&', b'a', b'p', b'o', b's', b';', ..] => return Some(('\'', 6)),
        _ => {}
    }
    let (radix, start) = match bytes {
        [b'&', b'#', b'x', ..] => (16, 3),
        [b'&', b'#', ..] => (10, 2),
        _ => return None,
    };
    let mut code = 0u32;
    let mut at = start;
    // Leading zeros are allowed, an endless row of them is not.
    while let Some(digit) = bytes.get(at).and_then(|&b| char::from(b).to_digit(radix)) {
        code = code.checked_mul(radix)?.checked_add(digit)?;
        at += 1;
        if at > start + 16 {
            return None;
        }
    }
    if at == start || bytes.get(at) != Some(&b';') || code == 0 {
        return None;
    }
    Some((char::from_u32(code)?, at + 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn plain(raw: &str) -> Result<String, usize> {
        let mut out = String::new();
        unescape(raw, &mut out).map(|()| out)
    }

    #[test]
    fn replaces_the_five_entities_and_character_references() {
        assert_eq!(plain("&lt;&gt;&amp;&apos;&quot;").unwrap(), "<>&'\"");
        assert_eq!(plain("a&#65;&#x42;&#x1F600;&#xa;&#13;z").unwrap(), "aAB\u{1F600}\n\rz");
        assert_eq!(plain("&#x1;&#0000000000065;").unwrap(), "\u{1}A");
        assert_eq!(plain("&amp;lt;").unwrap(), "&lt;");
    }

    #[test]
    fn makes_line_ends_one_character() {
        assert_eq!(plain("a\r\nb\rc\nd\r").unwrap(), "a\nb\nc\nd\n");
    }

    #[test]
    fn refuses_every_other_reference_and_says_where() {
        for bad in
            ["&nbsp;", "&", "&;", "&#;", "&#x;", "&#0;", "&#xD800;", "&#x110000;", "&#99999999999;", "&lt", "&#X41;"]
        {
            assert_eq!(plain(&format!("ab{bad}")), Err(2), "{bad}");
        }
        assert_eq!(plain(&format!("&#{};", "0".repeat(100))), Err(0));
    }
}
