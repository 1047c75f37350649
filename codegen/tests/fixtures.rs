//! Every feature of the model language, emitted: `codegen/fixtures` holds the model and what comes of it, as a crate that
//! is compiled and tested. Looks only; `cd codegen/fixtures && cargo run -p codegen` writes.

#![allow(clippy::unwrap_used, clippy::panic)]

use codegen::emit::EMITTERS;
use codegen::output::{Content, File};
use codegen::{Mode, api, diag, run};
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// What one emitter makes of the fixtures' model.
fn emitted(emitter: &str) -> Vec<File> {
    let api = api(&fixtures()).unwrap();
    let (_, emit) = EMITTERS.iter().find(|(name, _)| *name == emitter).unwrap();
    emit(&api)
}

fn text(files: &[File], path: &str) -> String {
    match &files.iter().find(|file| file.path == path).unwrap().content {
        Content::Text(text) | Content::Rust(text) => text.clone(),
    }
}

#[test]
fn every_feature_is_emitted_as_it_was_reviewed() {
    if let Err(stale) = run(&fixtures(), Mode::Check) {
        panic!("{}\nto accept: cd codegen/fixtures && cargo run -p codegen, then review\n", diag::render(&stale));
    }
}

#[test]
fn emitting_twice_gives_the_same() {
    let api = api(&fixtures()).unwrap();
    for (name, emit) in EMITTERS {
        assert_eq!(emit(&api), emit(&api), "{name}");
    }
}

#[test]
fn no_template_has_a_mistake() {
    let texts = emitted("reference").into_iter().chain(emitted("schema"));
    for file in texts {
        let Content::Text(text) = &file.content else { panic!("{} is not text", file.path) };
        assert!(!text.contains("TEMPLATE ERROR"), "{}: {text}", file.path);
    }
}

#[test]
fn the_reference_tells_where_every_field_travels() {
    let files = emitted("reference");
    insta::assert_snapshot!("put_rules.md", text(&files, "reference/put_rules.md"));
    insta::assert_snapshot!("README.md", text(&files, "reference/README.md"));
}

#[test]
fn the_schema_is_json_and_knows_the_shapes() {
    let files = emitted("schema");
    let schema = text(&files, "../model/schema.json");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let types = schema["definitions"]["type"]["enum"].as_array().unwrap();
    assert!(types.iter().any(|name| name.as_str() == Some("List<Rule>")));
}
