//! Whatever stands in the model files, the generator answers with an IR or with mistakes: it never panics and never
//! hangs. Real model text is spoilt at random; the same seed spoils it the same way, so a failure can be run again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use codegen::model::Model;
use codegen::{diag, lower};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tiny::Tiny;

/// A small generator of numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % limit.max(1)
    }
}

/// Values of every kind, to be put behind known keys.
const VALUES: [&str; 24] = [
    "5",
    "-1",
    "9223372036854775807",
    "1e400",
    "nan",
    "true",
    "\"\"",
    "\"x\"",
    "\"List<List<x>>\"",
    "\"List<\"",
    "\"@\"",
    "\"/[]\"",
    "[]",
    "[1, \"a\", []]",
    "{}",
    "{ a = { b = [{}] } }",
    "2013-05-24",
    "2013-05-24T00:00:00Z",
    "\"\\u0000\"",
    "\"ä\"",
    "\"Tag\"",
    "\"bucket\"",
    "{ tag_set = -5 }",
    "[[[[[[]]]]]]",
];

fn spoil(text: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        match dice.below(7) {
            0 if !bytes.is_empty() => {
                let end = (at + 1 + dice.below(8)).min(bytes.len());
                bytes.drain(at..end);
            }
            1 => bytes.insert(at, u8::try_from(dice.below(256)).unwrap()),
            2 if !bytes.is_empty() => {
                let other = dice.below(bytes.len());
                bytes.swap(at, other);
            }
            3 => {
                let sign = b"{}[]\"=.,\n#'\\@/<>*"[dice.below(17)];
                bytes.insert(at, sign);
            }
            4 => bytes.truncate(at),
            _ => {
                // Another value behind some key.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let keys: Vec<usize> = text.match_indices(" = ").map(|(at, _)| at + 3).collect();
                if let Some(from) = keys.get(dice.below(keys.len())) {
                    let end = text[*from..].find([',', '\n', '}']).map_or(text.len(), |end| from + end);
                    bytes =
                        format!("{}{}{}", &text[..*from], VALUES[dice.below(VALUES.len())], &text[end..]).into_bytes();
                }
            }
        }
    }
    bytes
}

/// Spoils one file of the model at a time and runs everything up to the IR.
fn survives(files: &BTreeMap<String, Vec<u8>>, rounds: usize, seed: u64) {
    let mut dice = Dice(seed);
    let paths: Vec<&String> = files.keys().collect();
    let (mut refused, mut accepted) = (0, 0);
    for round in 0..rounds {
        let path = paths[dice.below(paths.len())];
        let mut spoilt = files.clone();
        spoilt.insert(path.clone(), spoil(&files[path], &mut dice));
        let text = spoilt[path].clone();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let (model, spelling) = Model::parse(spoilt.into_iter().collect());
            lower::lower(&model, spelling).map_err(|mistakes| diag::render(&mistakes))
        }));
        match outcome {
            Ok(Ok(_)) => accepted += 1,
            Ok(Err(said)) => {
                assert!(said.ends_with("nothing was written\n"), "{said}");
                refused += 1;
            }
            Err(_) => panic!("round {round}: {path} made the generator panic:\n{}", String::from_utf8_lossy(&text)),
        }
    }
    assert!(refused > rounds / 10 && accepted > 0, "{refused} of {rounds} refused: that spoils too little or too much");
}

#[test]
fn survives_any_spoilt_tiny_model() {
    survives(&Tiny::default().files(), 6_000, 0x1234_5678_9abc_def1);
}

#[test]
fn survives_spoilt_files_of_the_real_model() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = BTreeMap::new();
    // Some operations with the shapes and codes they need; all of them would only take longer.
    for name in ["service.toml", "errors.toml"] {
        files.insert(format!("model/{name}"), fs::read(root.join("model").join(name)).unwrap());
    }
    for folder in ["operations", "types", "cases"] {
        for entry in fs::read_dir(root.join("model").join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            files.insert(format!("model/{folder}/{name}"), fs::read(entry.path()).unwrap());
        }
    }
    survives(&files, 24, 0x0dd0_5eed_0dd0_5eed);
}
