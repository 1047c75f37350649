//! `generated/MANIFEST`: one line for each file that was read or written, with digests.
//!
//! `model <digest> <path>` and `file <digest> <digest before formatting> <path>`, paths relative to the repository
//! root. The package's `build.rs` reads it too and computes the same digests, so a change here is a change there.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Where it is.
pub(super) const PATH: &str = "generated/MANIFEST";

const HEAD: &str =
    "# Written by `cargo run -p codegen`. Digests are FNV-1a of 64 bits over the bytes without carriage returns.\n";

/// FNV-1a, 64 bits. Carriage returns do not count, so that a checkout with other line ends is no change.
pub fn digest(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in bytes.iter().filter(|byte| **byte != b'\r') {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

/// What a manifest says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Model files, by path.
    pub models: BTreeMap<String, u64>,
    /// Emitted files, by path.
    pub files: BTreeMap<String, Digests>,
}

/// Two digests of an emitted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digests {
    /// Of what is on disk.
    pub written: u64,
    /// Of what the emitter made.
    pub emitted: u64,
}

impl Manifest {
    /// Reads what can be read; a line that makes no sense is as good as absent.
    pub fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |text: &str| u64::from_str_radix(text, 16).ok();
            match words.as_slice() {
                ["model", hash, path] => {
                    manifest.models.extend(number(hash).map(|hash| ((*path).to_owned(), hash)));
                }
                ["file", written, emitted, path] => {
                    let digests = number(written).zip(number(emitted));
                    let digests = digests.map(|(written, emitted)| Digests { written, emitted });
                    manifest.files.extend(digests.map(|digests| ((*path).to_owned(), digests)));
                }
                _ => {}
            }
        }
        manifest
    }

    pub fn render(&self) -> String {
        let mut out = HEAD.to_owned();
        for (path, hash) in &self.models {
            let _ = writeln!(out, "model {hash:016x} {path}");
        }
        for (path, Digests { written, emitted }) in &self.files {
            let _ = writeln!(out, "file {written:016x} {emitted:016x} {path}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_published_digests() {
        assert_eq!(digest(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(digest(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(digest(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(digest(b"a\r\nb"), digest(b"a\nb"));
    }

    #[test]
    fn reads_what_it_writes() {
        let mut manifest = Manifest::default();
        manifest.models.insert("model/errors.toml".into(), 7);
        manifest.files.insert("generated/mod.rs".into(), Digests { written: u64::MAX, emitted: 0 });
        assert_eq!(Manifest::parse(&manifest.render()), manifest);
    }
}
