//! The habits of this repository, held against its files: who may use whom, how files begin, how long they are.
//!
//! It reads text, not syntax. That is enough for code that is formatted by one tool, and it takes no time.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

const LONGEST: usize = 600;

struct Source {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.contains("/fuzz/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.contains("/fixtures/")
    }

    /// Lines outside comments, up to the tests at the end of the file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test"))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(at, line)| (at + 1, line))
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "generated", "runtime", "codegen", "devserver", "bench", "tests", "examples"] {
        collect(&root.join(folder), &mut files);
    }
    files.push(root.join("build.rs"));
    let mut sources: Vec<Source> = files
        .into_iter()
        .map(|file| Source {
            path: file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"),
            text: fs::read_to_string(&file).unwrap(),
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 100, "only {} files found: the walk is broken", sources.len());
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Fails with all that is wrong, not with the first.
fn must_be_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn nobody_uses_what_is_not_theirs() {
    // Files below the first may not name any of the second. The reasons stand in docs/architecture.md.
    let rules: &[(&str, &[&str])] = &[
        ("codegen/src/model/", &["crate::ir", "crate::emit", "crate::lower", "quote::"]),
        ("codegen/src/lower/", &["crate::emit", "quote::", "prettyplease"]),
        ("codegen/src/ir/", &["crate::model", "crate::lower", "crate::emit", "serde", "quote", "toml", "proc_macro2"]),
        ("codegen/src/emit/", &["crate::model", "crate::lower", "toml::"]),
        ("codegen/src/", &["integration_s3"]),
        ("runtime/src/sign/", SANS_IO),
        ("runtime/src/endpoint/", SANS_IO),
        ("runtime/src/plumbing/", SANS_IO),
        ("runtime/src/", &["integration_s3::"]),
        ("generated/", &["hyper", "tokio", "quick_xml", "http::"]),
        ("src/", &["plumbing"]),
        ("src/", &["hyper", "tokio::"]),
    ];
    // Transfers run in tasks of their own and read files: they, and nothing else of the facade, may use tokio.
    let tasks = |path: &str| path.starts_with("src/transfer/") || path.starts_with("src/sync/");
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| !s.is_test()) {
        for (below, banned) in rules.iter().filter(|(below, _)| source.path.starts_with(below)) {
            for (line, code) in source.code() {
                let allowed = |word: &str| *below == "src/" && word == "tokio::" && tasks(&source.path);
                let banned = banned.iter().filter(|word| mentions(code, word) && !allowed(word));
                found.extend(banned.map(|word| format!("{}:{line}: {below} must not use {word}", source.path)));
            }
        }
    }
    must_be_none("modules that use what is not theirs", found);
}

const SANS_IO: &[&str] = &[
    "tokio",
    "hyper",
    "std::env",
    "std::fs",
    "SystemTime",
    "Instant::now",
    "crate::credentials",
    "crate::transport",
    "crate::config",
];

/// As a path, not inside another word or a text.
fn mentions(code: &str, word: &str) -> bool {
    let code = code.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn every_file_says_what_it_is() {
    let silent = |s: &&Source| {
        let first = s.text.lines().find(|l| !l.starts_with("// @generated") && !l.is_empty()).unwrap_or_default();
        !first.starts_with("//!")
    };
    let wrong = sources().iter().filter(silent).map(|s| s.path.clone()).collect();
    must_be_none("files that do not begin with //!", wrong);
}

#[test]
fn files_fit_in_the_head() {
    let long = |s: &Source| {
        (s.text.lines().count() > LONGEST).then(|| format!("{} ({} lines)", s.path, s.text.lines().count()))
    };
    let emitted = |s: &&Source| !s.path.starts_with("generated/");
    must_be_none("files over 600 lines", sources().iter().filter(emitted).filter_map(long).collect());
}

#[test]
fn production_code_does_not_panic() {
    let mut found = Vec::new();
    let production = |s: &&Source| {
        !s.is_test()
            && ["src/", "runtime/src/", "generated/"].iter().any(|p| s.path.starts_with(p))
            && !s.path.contains("/cases/")
            // Its one panic is an assertion that applications call in their tests.
            && s.path != "runtime/src/transport/scripted.rs"
    };
    for source in sources().iter().filter(production) {
        for (line, code) in source.code() {
            for word in [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!(", "unsafe "] {
                if code.contains(word) && !code.contains("unsafe_code") {
                    found.push(format!("{}:{line}: {word}", source.path));
                }
            }
        }
    }
    must_be_none("panics in production code", found);
}

#[test]
fn no_example_is_left_out() {
    let mut found = Vec::new();
    for source in sources() {
        for (at, line) in source.text.lines().enumerate() {
            let doc = line.trim_start();
            let skipped = (doc.starts_with("/// ```") || doc.starts_with("//! ```"))
                && ["ignore", "no_run", "should_panic"].iter().any(|word| doc.contains(word));
            if skipped || (doc.starts_with("#[ignore") && !doc.contains('=')) {
                found.push(format!("{}:{}: {doc}", source.path, at + 1));
            }
        }
    }
    // In a guide a reason may stand in the line before.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    for guide in guides.chain([root.join("README.md"), root.join("model/README.md")]) {
        let text = fs::read_to_string(&guide).unwrap();
        let mut before = "";
        for (at, line) in text.lines().enumerate() {
            let skipped = line.starts_with("```rust") && ["ignore", "no_run"].iter().any(|word| line.contains(word));
            if skipped && !before.starts_with("<!--") {
                found.push(format!("{}:{}: {line}", guide.display(), at + 1));
            }
            before = line;
        }
    }
    must_be_none("examples and tests that are not run", found);
}

#[test]
fn examples_say_what_applications_write() {
    // Rooms that `runtime/src/facade.rs` does not hand on: their pages are those of the runtime itself.
    let inner = ["checks.rs", "endpoint/", "facade.rs", "plumbing/", "sign/"].map(|room| format!("runtime/src/{room}"));
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| s.path.starts_with("runtime/src/") || s.path.starts_with("src/")) {
        for (at, line) in source.text.lines().enumerate() {
            let line = line.trim_start();
            let Some(shown) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else { continue };
            let hidden = shown.trim_start().starts_with("# ");
            let own = inner.iter().any(|room| source.path.starts_with(room.as_str()));
            if shown.contains("integration_s3_runtime") && !hidden && !own {
                found.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    must_be_none("examples that name a crate applications do not depend on; see runtime/src/facade.rs", found);
}

#[test]
fn every_dependency_has_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reasons = fs::read_to_string(root.join("docs/dependencies.md")).unwrap();
    let mut missing = Vec::new();
    for manifest in [
        "Cargo.toml",
        "runtime/Cargo.toml",
        "codegen/Cargo.toml",
        "devserver/Cargo.toml",
        "bench/Cargo.toml",
        "bench/harness/Cargo.toml",
        "bench/contestants/Cargo.toml",
    ] {
        let text = fs::read_to_string(root.join(manifest)).unwrap();
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line.trim_end_matches(']').ends_with("dependencies") && !line.contains("workspace");
            } else if let (true, Some(name)) = (inside, line.split(['=', '.', ' ']).next()) {
                let ours = ["integration-s3", "bench-", "#"].iter().any(|start| name.starts_with(start));
                if !name.is_empty() && !ours && !reasons.contains(&format!("`{name}`")) {
                    missing.push(format!("{name} in {manifest}"));
                }
            }
        }
    }
    must_be_none("dependencies without a line in docs/dependencies.md", missing);
}

#[test]
fn other_clients_stay_with_the_peers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let clients = ["aws-sdk-s3", "minio", "object_store", "opendal", "rust-s3", "rusty-s3"];
    let locked = clients.iter().filter(|name| lock.contains(&format!("name = \"{name}\"\n")));
    must_be_none("other S3 clients in Cargo.lock", locked.map(|name| (*name).to_owned()).collect());
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let by_default = manifest.lines().find(|line| line.starts_with("default-members")).unwrap();
    assert!(!by_default.contains("bench"), "{by_default}: the benches are not for everybody");
}

#[test]
fn same_stem_everywhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(root.join("model/operations")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        count += 1;
        for twin in [
            format!("model/cases/{stem}.toml"),
            format!("generated/operations/{stem}.rs"),
            format!("generated/reference/{stem}.md"),
        ] {
            if !root.join(&twin).is_file() {
                missing.push(twin);
            }
        }
    }
    assert!(count >= 25, "only {count} operations");
    must_be_none("files an operation must have", missing);
}
