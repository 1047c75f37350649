//! Which keys can be names below a directory, and which cannot. Pure: no file system is asked.

use std::collections::HashMap;

/// Bytes a component of a path may have on the usual file systems.
const LONGEST: usize = 255;

/// Ends the names of files that are being written by a download; they begin with a dot.
pub(super) const TEMPORARY: &str = ".s3part";

/// Whether this is the name of an unfinished download of ours.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(TEMPORARY)
}

/// Why this relative key cannot be a file below a directory; `None` if it can. `portable` applies the rules of Windows
/// as well, wherever this runs.
pub(super) fn fault(relative: &str, portable: bool) -> Option<String> {
    let windows = portable || cfg!(windows);
    if relative.is_empty() {
        return Some("the key is the prefix itself and leaves no name".into());
    }
    if relative.contains('\0') {
        return Some("it contains a NUL character".into());
    }
    if relative.starts_with('/') {
        return Some("it begins with `/`, as an absolute path".into());
    }
    if relative.ends_with('/') {
        return Some("it ends with `/`, so it names a directory and no file".into());
    }
    for part in relative.split('/') {
        let wrong = match part {
            "" => Some("it contains `//`: a path has no empty component".into()),
            "." | ".." => Some(format!("it contains the component `{part}`")),
            _ if part.len() > LONGEST => {
                Some(format!("a component has {} bytes, a file system takes {LONGEST}", part.len()))
            }
            _ if windows => not_on_windows(part),
            _ => None,
        };
        if wrong.is_some() {
            return wrong;
        }
    }
    let name = relative.rsplit('/').next().unwrap_or(relative);
    is_temporary(name).then(|| format!("names like `.*{TEMPORARY}` are those of unfinished downloads"))
}

fn not_on_windows(part: &str) -> Option<String> {
    if let Some(odd) = part.chars().find(|c| r#"<>:"\|?*"#.contains(*c)) {
        return Some(format!("it contains `{odd}`, which Windows does not allow in names"));
    }
    if part.chars().any(|c| c < ' ') {
        return Some("it contains a control character, which Windows does not allow in names".into());
    }
    if part.ends_with(['.', ' ']) {
        return Some("a component ends with a dot or a space, which Windows would drop".into());
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end_matches(' ').to_ascii_uppercase();
    let device = match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        _ => ["COM", "LPT"].iter().filter_map(|it| stem.strip_prefix(it)).any(|rest| {
            let mut rest = rest.chars();
            rest.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c)) && rest.next().is_none()
        }),
    };
    device.then(|| format!("`{stem}` is the name of a device on Windows"))
}

/// The spelling of every file and directory seen so far, to find those that differ only in upper and lower case. It
/// grows with the listing, so it is used only where the target does not tell them apart.
#[derive(Debug, Default)]
pub(super) struct Spellings(HashMap<String, String>);

impl Spellings {
    /// Notes a path. If it, or a directory above it, was seen in another spelling, that spelling is the answer, and
    /// nothing is noted.
    pub(super) fn clash(&mut self, relative: &str) -> Option<String> {
        let ends = || relative.match_indices('/').map(|(at, _)| at).chain([relative.len()]);
        for end in ends() {
            if let Some(seen) = self.0.get(&fold(&relative[..end]))
                && seen != &relative[..end]
            {
                return Some(seen.clone());
            }
        }
        for end in ends() {
            self.0.entry(fold(&relative[..end])).or_insert_with(|| relative[..end].to_owned());
        }
        None
    }
}

fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Text for people: control characters and those that change the direction of writing as escapes.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden =
            c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if hidden { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_that_would_leave_the_directory_or_name_nothing_are_refused() {
        let hostile = [
            "",
            ".",
            "..",
            "../x",
            "a/../x",
            "a/..",
            "./a",
            "a/./b",
            "/abs",
            "//a",
            "a//b",
            "a/",
            "/",
            "\0",
            "a\0b",
            "a/b/../../../etc/passwd",
        ];
        for key in hostile {
            assert!(fault(key, false).is_some(), "{key:?}");
        }
        for key in ["a", "a/b", "...", "..a", "a..", ".hidden", "a b/c d", "ü/日本", "-rf", "~", "$HOME", "%2e%2e/x"]
        {
            assert_eq!(fault(key, false), None, "{key:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_only_windows_cannot_hold_is_refused_only_where_asked() {
        let odd = [
            "CON",
            "con.txt",
            "a/NUL.tar.gz",
            "aux .c",
            "COM1",
            "lpt9.x",
            "COM¹",
            "a:b",
            "a\\b",
            "..\\x",
            "end.",
            "end ",
            "a?",
            "tab\there",
            "a/b./c",
            "\u{1}",
        ];
        for key in odd {
            assert!(fault(key, true).is_some(), "{key:?}");
            assert_eq!(fault(key, false), None, "{key:?}");
        }
        for key in ["CONSOLE", "COM", "COM10", "nul-a", "a.con"] {
            assert_eq!(fault(key, true), None, "{key:?}");
        }
    }

    #[test]
    fn a_component_has_at_most_255_bytes() {
        assert_eq!(fault(&"a".repeat(255), false), None);
        assert!(fault(&"a".repeat(256), false).unwrap().contains("256 bytes"));
        assert!(fault(&format!("x/{}/y", "é".repeat(128)), false).is_some());
    }

    #[test]
    fn unfinished_downloads_are_known_by_name() {
        assert!(is_temporary(".a.1f-2-0.s3part"));
        assert!(!is_temporary("a.s3part") && !is_temporary(".a"));
        assert!(fault("dir/.a.1.s3part", false).is_some());
    }

    #[test]
    fn case_clashes_are_found_in_names_and_in_directories() {
        let mut seen = Spellings::default();
        assert_eq!(seen.clash("Docs/Read.me"), None);
        assert_eq!(seen.clash("Docs/other"), None);
        assert_eq!(seen.clash("Docs/read.ME").unwrap(), "Docs/Read.me");
        assert_eq!(seen.clash("docs/new").unwrap(), "Docs");
        assert_eq!(seen.clash("STRASSE"), None);
        assert_eq!(seen.clash("Straße").unwrap(), "STRASSE");
    }

    #[test]
    fn names_cannot_play_tricks_on_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J\n\u{202e}ü"), "a\\u{1b}[2J\\n\\u{202e}ü");
    }
}
