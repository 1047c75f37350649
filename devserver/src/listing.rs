//! Listings: prefix, delimiter, markers and pages over sorted keys, and the `encoding-type=url` text of AWS.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{CommonPrefix, EncodingType};
use s3s::{S3Result, s3_error};

/// What a page may hold at most, whatever the client asks for.
pub(crate) const PAGE: i32 = 1000;

/// One page of a listing.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<(String, T)>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) truncated: bool,
    /// Whether the last entry of the page is a common prefix.
    pub(crate) ends_in_prefix: bool,
}

impl<T> Page<T> {
    /// The key or common prefix the page ends with.
    pub(crate) fn last(&self) -> Option<&str> {
        if self.ends_in_prefix {
            return self.prefixes.last().map(String::as_str);
        }
        self.items.last().map(|(key, _)| key.as_str())
    }
}

/// Cuts a page out of sorted entries that stand behind the marker already. A common prefix equal to the
/// marker was given out before and is left out whole.
pub(crate) fn page<'a, T>(
    entries: impl IntoIterator<Item = (&'a str, T)>,
    prefix: &str,
    delimiter: &str,
    marker: &str,
    limit: usize,
) -> Page<T> {
    let mut out = Page { items: Vec::new(), prefixes: Vec::new(), truncated: false, ends_in_prefix: false };
    for (key, item) in entries {
        let Some(rest) = key.strip_prefix(prefix) else {
            if key > prefix {
                break;
            }
            continue;
        };
        let group = match rest.find(delimiter) {
            Some(at) if !delimiter.is_empty() => Some(&key[..prefix.len() + at + delimiter.len()]),
            _ => None,
        };
        if let Some(group) = group
            && (group == marker || out.prefixes.last().is_some_and(|last| last == group))
        {
            continue;
        }
        if out.items.len() + out.prefixes.len() >= limit {
            out.truncated = limit > 0;
            break;
        }
        out.ends_in_prefix = group.is_some();
        match group {
            Some(group) => out.prefixes.push(group.to_owned()),
            None => out.items.push((key.to_owned(), item)),
        }
    }
    out
}

/// The page size asked for, checked; more than the server gives is cut silently.
pub(crate) fn limit(asked: Option<i32>, name: &str) -> S3Result<i32> {
    match asked {
        Some(n) if n < 0 => {
            Err(s3_error!(InvalidArgument, "Argument {name} must be an integer between 0 and 2147483647"))
        }
        n => Ok(n.unwrap_or(PAGE).min(PAGE)),
    }
}

/// An opaque continuation token that says where to go on.
pub(crate) fn token(last: &str) -> String {
    format!("1{}", URL_SAFE_NO_PAD.encode(last))
}

/// Reads a token back.
///
/// # Errors
/// `InvalidArgument` when this server did not make it.
pub(crate) fn read_token(token: &str) -> S3Result<String> {
    token
        .strip_prefix('1')
        .and_then(|t| URL_SAFE_NO_PAD.decode(t).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

/// Writes names as the caller wants them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoder(bool);

impl Encoder {
    /// # Errors
    /// `InvalidArgument` for an encoding other than `url`.
    pub(crate) fn new(kind: Option<&EncodingType>) -> S3Result<Self> {
        match kind.map(EncodingType::as_str) {
            None => Ok(Self(false)),
            Some("url") => Ok(Self(true)),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    pub(crate) fn text(self, text: String) -> String {
        if self.0 { encode(&text) } else { text }
    }

    pub(crate) fn some(self, text: Option<String>) -> Option<String> {
        text.map(|t| self.text(t))
    }

    pub(crate) fn prefixes(self, prefixes: Vec<String>) -> Option<Vec<CommonPrefix>> {
        (!prefixes.is_empty())
            .then(|| prefixes.into_iter().map(|p| CommonPrefix { prefix: Some(self.text(p)) }).collect())
    }
}

/// As AWS does it: a form encoding (space is `+`) that keeps `/`.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => out.push(byte as char),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    const KEYS: [&str; 7] = ["a", "b/1", "b/2", "b0", "c//x", "c/y", "d"];

    fn walk(prefix: &str, delimiter: &str, limit: usize) -> Vec<String> {
        let (mut seen, mut marker) = (Vec::new(), String::new());
        for _ in 0..20 {
            let behind = KEYS.iter().filter(|k| **k > marker.as_str()).map(|k| (*k, ()));
            let page = page(behind, prefix, delimiter, &marker, limit);
            let last = page.last().map(str::to_owned);
            seen.extend(page.items.into_iter().map(|(k, ())| k));
            seen.extend(page.prefixes);
            if !page.truncated {
                seen.sort();
                return seen;
            }
            marker = last.unwrap();
        }
        panic!("listing does not end");
    }

    #[test]
    fn pages_of_any_size_see_everything_once() {
        for limit in 1..9 {
            assert_eq!(walk("", "", limit), KEYS);
            assert_eq!(walk("", "/", limit), ["a", "b/", "b0", "c/", "d"]);
            assert_eq!(walk("c/", "/", limit), ["c//", "c/y"]);
            assert_eq!(walk("b", "", limit), ["b/1", "b/2", "b0"]);
            assert_eq!(walk("zz", "/", limit), [""; 0]);
        }
    }

    #[test]
    fn a_full_last_page_is_not_truncated() {
        let all = || KEYS.iter().map(|k| (*k, ()));
        assert!(!page(all(), "", "", "", 7).truncated);
        assert!(page(all(), "", "", "", 6).truncated);
        assert!(!page(all(), "", "", "", 0).truncated);
    }

    #[test]
    fn encoding_is_a_form_encoding_that_keeps_slashes() {
        assert_eq!(encode("a b+c/%41~é\u{1}*"), "a+b%2Bc/%2541%7E%C3%A9%01*");
    }

    #[test]
    fn tokens_come_back_and_strangers_are_refused() {
        assert_eq!(read_token(&token("a b/é")).unwrap(), "a b/é");
        assert!(read_token("nonsense!").is_err());
    }
}
