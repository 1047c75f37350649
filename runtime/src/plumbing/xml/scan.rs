//! Where runs of bytes end, eight bytes at a time: texts and names are so short that a vector search would spend
//! more on its start than on its work. Long texts are left to `memchr`.

use memchr::memchr3;

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
/// Bytes of a text that are looked at here, before `memchr` takes over.
const SHORT: usize = 40;

/// A word with this byte in all places.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each byte that is zero. Bits above the lowest one that is set may be wrong.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The high bit of each byte that is no ASCII letter.
#[inline]
const fn others(word: u64) -> u64 {
    let lower = (word | all(0x20)) & LOW;
    let from_a = lower + all(0x80 - b'a');
    let behind_z = lower + all(0x7f - b'z');
    !(from_a & !behind_z & !word) & HIGH
}

#[inline]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

/// Where the place of a mark's lowest bit is, in bytes.
#[inline]
const fn place(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Where the text at `from` has its first `<`, `&` or carriage return: what cannot be taken as it stands.
#[inline]
pub(super) fn plain_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at < from + SHORT {
        let Some(word) = word(bytes, at) else {
            let rest = bytes.get(at..)?;
            return rest.iter().position(|b| matches!(b, b'<' | b'&' | b'\r')).map(|found| at + found);
        };
        let marks = zeros(word ^ all(b'<')) | zeros(word ^ all(b'&')) | zeros(word ^ all(b'\r'));
        if marks != 0 {
            return Some(at + place(marks));
        }
        at += 8;
    }
    memchr3(b'<', b'&', b'\r', bytes.get(at..)?).map(|found| at + found)
}

/// Where the row of ASCII letters at `from` ends; the end of `bytes` at the latest, up to seven letters earlier there.
#[inline]
pub(super) fn letters_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(word) = word(bytes, at) {
        let marks = others(word);
        if marks != 0 {
            return at + place(marks);
        }
        at += 8;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{letters_end, plain_end};

    #[test]
    fn finds_what_a_plain_loop_finds_for_every_byte_at_every_place() {
        for byte in 0..=255u8 {
            for at in 0..60 {
                for fill in [b'a', b'Z', b';', 0x7f, 0x80, 0xff, 0x3b, 0x3d, 0x25, 0x0c] {
                    let mut bytes = [fill; 60];
                    bytes[at] = byte;
                    let plain = bytes.iter().position(|b| b"<&\r".contains(b));
                    assert_eq!(plain_end(&bytes, 0), plain, "{byte} at {at} among {fill}");
                    let letters = bytes.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(60);
                    let found = letters_end(&bytes, 0);
                    assert!(found == letters || (found == 56 && letters > 56), "{byte} at {at} among {fill}: {found}");
                }
            }
        }
    }

    #[test]
    fn begins_where_it_is_told_and_ends_with_the_bytes() {
        assert_eq!(plain_end(b"<a<", 1), Some(2));
        assert_eq!(plain_end(b"<", 1), None);
        assert_eq!(plain_end(b"", 3), None);
        assert_eq!(letters_end(b">abcdefgh>", 1), 9);
        assert_eq!(letters_end(b"", 0), 0);
    }
}
