//! Stops a build whose `generated/` does not belong to its `model/`.
//!
//! Compares digests with `generated/MANIFEST`, which the generator wrote. A published package has no `model/`; there is
//! nothing to compare then. It generates nothing and needs nothing but `std`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = Path::new(&root);
    if !root.join("model").is_dir() {
        println!("cargo::rerun-if-changed=build.rs");
        return ExitCode::SUCCESS;
    }
    println!("cargo::rerun-if-changed=model");
    println!("cargo::rerun-if-changed=generated");
    match first_stale(root) {
        None => ExitCode::SUCCESS,
        Some(reason) => {
            println!("cargo::error=generated/ does not match model/: {reason}; run `cargo run -p codegen`");
            ExitCode::FAILURE
        }
    }
}

/// The first file that is not what the manifest says, in words.
fn first_stale(root: &Path) -> Option<String> {
    let Ok(manifest) = fs::read_to_string(root.join("generated/MANIFEST")) else {
        return Some("generated/MANIFEST is missing".to_owned());
    };
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for line in manifest.lines() {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["model", digest, path] | ["file", digest, _, path] => known.insert(path, digest),
            _ => None,
        };
    }
    for (path, wanted) in &known {
        match fs::read(root.join(path)) {
            Err(_) => return Some(format!("{path} is gone")),
            Ok(bytes) if format!("{:016x}", digest(&bytes)) != *wanted => return Some(format!("{path} has changed")),
            Ok(_) => {}
        }
    }
    let mut models = Vec::new();
    list_models(root, "model", &mut models);
    models.sort();
    models.into_iter().find(|path| !known.contains_key(path.as_str())).map(|path| format!("{path} is new"))
}

/// FNV-1a, 64 bits, without carriage returns: what the generator's manifest is made with.
fn digest(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in bytes.iter().filter(|byte| **byte != b'\r') {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

fn list_models(root: &Path, folder: &str, into: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            list_models(root, &path, into);
        } else if path.ends_with(".toml") {
            into.push(path);
        }
    }
}
