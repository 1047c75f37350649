//! The profile parser: what is written can be read, and any bytes give sections or an error with a line.

use integration_s3_runtime::credentials::profile::{FileKind, Section, SectionKind, parse};
use proptest::prelude::*;

type Pairs = Vec<(String, String, Vec<(String, String)>)>;

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_.@+-]{1,12}( [a-z]{1,4})?"
}

/// Any text a value can be: no line break, no white space at its ends, no comment inside.
fn value() -> impl Strategy<Value = String> {
    "[!-\"$-:<-~]([ -\"$-:<-~é€]{0,20}[!-\"$-:<-~])?"
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let plain = ("[a-z_]{1,10}", value(), Just(Vec::new()));
    let nested = ("[a-z_]{1,10}", Just(String::new()), prop::collection::vec(("[a-z_]{1,10}", value()), 0..3));
    prop::collection::vec(prop_oneof![plain, nested], 0..5)
}

fn sections() -> impl Strategy<Value = Vec<(SectionKind, String, Pairs)>> {
    let kind = prop_oneof![Just(SectionKind::Profile), Just(SectionKind::SsoSession), Just(SectionKind::Services)];
    prop::collection::vec((kind, name(), pairs()), 0..6)
}

/// Writes sections with noise that must not matter: `noise` picks blank lines, comments, spaces, line ends.
fn write(sections: &[(SectionKind, String, Pairs)], mut noise: u64) -> String {
    let mut toss = |n: u64| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 33) % n
    };
    let mut out = String::new();
    for (kind, name, pairs) in sections {
        let word = match kind {
            SectionKind::Profile => "profile",
            SectionKind::SsoSession => "sso-session",
            SectionKind::Services => "services",
        };
        let quote = ["", "\""][toss(2) as usize];
        out += &format!("[ {word} {quote}{name}{quote} ]{}", ["", " # x = [y]", ";"][toss(3) as usize]);
        for (key, value, nested) in pairs {
            out += ["\n", "\r\n", "\n\n", "\n# = [a]\n", "\n;\n"][toss(5) as usize];
            let key = if toss(2) == 0 { key.to_uppercase() } else { key.clone() };
            out += &format!(
                "{key}{}={}{value}{}",
                ["", " "][toss(2) as usize],
                ["", "  "][toss(2) as usize],
                ["", " # c", "\t;c"][toss(3) as usize]
            );
            for (key, value) in nested {
                out += &format!("\n{}{key} = {value}", ["  ", "\t"][toss(2) as usize]);
            }
        }
        out += "\n";
    }
    out
}

fn values(sections: &[Section]) -> Vec<(SectionKind, String, Pairs)> {
    let pairs = |s: &Section| {
        s.properties
            .iter()
            .map(|p| {
                let nested = p.nested.iter().map(|n| (n.name.clone(), n.value().to_owned())).collect();
                (p.name.clone(), p.value().to_owned(), nested)
            })
            .collect()
    };
    sections.iter().map(|s| (s.kind, s.name.clone(), pairs(s))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(sections in sections(), noise in any::<u64>()) {
        let text = write(&sections, noise);
        let read = parse(FileKind::Config, "f", &text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(values(&read), sections, "{}", text);
    }

    #[test]
    fn any_bytes_give_sections_or_an_error_with_its_line(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn any_soup_of_syntax_does_too(text in "([\\[\\]=#; \t\n\r\"]|profile |default|sso-session |a|é|hush){0,60}") {
        check(&text)?;
    }

    #[test]
    fn a_broken_line_is_found_where_it_is(sections in sections(), noise in any::<u64>(), tail in "[a-z ]{1,8}x") {
        let text = write(&sections, noise) + "[default]\n" + &tail;
        let line = text.split('\n').count();
        let error = parse(FileKind::Config, "f", &text).unwrap_err();
        // Behind white space the line would be a nested property, which it is not here.
        prop_assert_eq!(error.to_string(), format!("f:{line}: neither a section nor `name = value`"));
    }
}

fn check(text: &str) -> Result<(), TestCaseError> {
    for kind in [FileKind::Config, FileKind::Credentials] {
        match parse(kind, "f", text) {
            Ok(sections) => {
                let last = text.split('\n').count() as u32;
                prop_assert!(sections.iter().all(|s| (1..=last).contains(&s.line) && !s.name.is_empty()));
            }
            Err(error) => {
                prop_assert!(error.line >= 1 && error.line as usize <= text.split('\n').count());
                prop_assert!(!error.to_string().contains("hush"));
            }
        }
    }
    Ok(())
}

#[test]
fn the_corners_of_the_syntax_are_as_the_command_line_has_them() {
    let text = "\u{feff}; head\n[plugins]\nx = y\n  z = 1\n[default] # c\nkey = a#b ; c\nempty =\nempty2 = # c\nlong = a\n  b # kept\n\
                [foo]\nignored = 1\n[profile dev]\n  indented = 1\n";
    let sections = parse(FileKind::Config, "config", text).unwrap();
    let found = values(&sections);
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned(), Vec::new());
    assert_eq!(
        found,
        [
            (
                SectionKind::Profile,
                "default".to_owned(),
                vec![pair("key", "a#b"), pair("empty", ""), pair("empty2", ""), pair("long", "a\nb # kept")]
            ),
            (SectionKind::Profile, "dev".to_owned(), vec![pair("indented", "1")]),
        ]
    );
    for (text, says) in [
        ("x = 1", "f:1: a property before the first section"),
        ("[default]\n\n= 1", "f:3: a value without a name"),
        ("[profile]", "f:1: a section without a name"),
        ("[profile \"a]", "f:1: a quoted name without its second quote"),
        ("[default] x", "f:1: text behind the closing bracket of a section"),
        ("[default]\ns3 =\n  hush", "f:3: neither a section nor `name = value`"),
    ] {
        assert_eq!(parse(FileKind::Config, "f", text).unwrap_err().to_string(), says);
    }
    let debug = format!("{:?}", parse(FileKind::Credentials, "f", "[a]\nk = hush\n").unwrap());
    assert!(!debug.contains("hush"), "{debug}");
}
