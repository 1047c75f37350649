//! Any text as a profile file: sections or an error with a line of it; and what was read, written out plainly, reads the same.
#![no_main]

use integration_s3_runtime::credentials::profile::{FileKind, SectionKind, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for kind in [FileKind::Config, FileKind::Credentials] {
        let lines = text.split('\n').count();
        let sections = match parse(kind, "f", text) {
            Ok(sections) => sections,
            Err(error) => {
                assert!((1..=lines).contains(&(error.line as usize)));
                continue;
            }
        };
        let mut plain = String::new();
        for section in &sections {
            assert!((1..=lines).contains(&(section.line as usize)) && !section.name.is_empty());
            let word = match (kind, section.kind) {
                (FileKind::Credentials, _) => "",
                (_, SectionKind::Profile) => "profile ",
                (_, SectionKind::SsoSession) => "sso-session ",
                (_, SectionKind::Services) => "services ",
            };
            plain += &format!("[{word}\"{}\"]\n", section.name);
            for property in &section.properties {
                plain += &format!("{} = {}\n", property.name, property.value().replace('\n', "\n  "));
                for nested in &property.nested {
                    plain += &format!("  {} = {}\n", nested.name, nested.value());
                }
            }
        }
        let again = parse(kind, "f", &plain).expect("what was read can be written");
        assert_eq!(again.len(), sections.len());
        for (a, b) in again.iter().zip(&sections) {
            assert_eq!((&a.name, a.kind, a.properties.len()), (&b.name, b.kind, b.properties.len()));
            for (a, b) in a.properties.iter().zip(&b.properties) {
                assert_eq!((&a.name, a.value(), a.nested.len()), (&b.name, b.value(), b.nested.len()));
            }
        }
    }
});
