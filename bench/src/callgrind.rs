//! Instructions and allocations of one call, counted by callgrind: the same on every run, whatever else the machine does.
//!
//! The kernel's share is not in it. valgrind knows no SHA extensions and no AVX-512, so hashes and checksums run in software there
//! and would drown everything else: they are told apart by the names of their functions.

use std::collections::HashMap;
use std::path::Path;

use crate::cases::Counted;
use crate::machine;

/// What one call takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Instructions in user space, without hash functions.
    pub instructions: f64,
    /// Instructions of hash functions, in software.
    pub hashing: f64,
    /// Calls of malloc, calloc and realloc.
    pub allocations: f64,
}

/// The cost of one call: the difference of a long and a short run, by the number of calls between them.
pub fn cost(binary: &Path, variant: &str, endpoint: &str, case: &Counted<'_>) -> Result<Cost, String> {
    let [short, long] = case.runs;
    let counts = |n| profile(binary, variant, endpoint, case, n).and_then(|profile| parse(&profile));
    let (less, more) = (counts(short)?, counts(long)?);
    let per = |less: u64, more: u64| more.saturating_sub(less) as f64 / (long - short) as f64;
    Ok(Cost {
        instructions: per(less.instructions, more.instructions),
        hashing: per(less.hashing, more.hashing),
        allocations: per(less.allocations, more.allocations),
    })
}

/// What callgrind writes about `n` calls.
pub fn profile(binary: &Path, variant: &str, endpoint: &str, case: &Counted<'_>, n: u64) -> Result<String, String> {
    let file = machine::scratch("callgrind")?
        .join(format!("{}.out", case.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
    let mut command = machine::program("valgrind");
    command.args(["-q", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", file.display())).arg(binary);
    command.args(["--endpoint", endpoint, "--variant", variant, "--in-flight", "1", "--n", &n.to_string()]);
    machine::output(command.args(case.arguments))?;
    std::fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// Fails with what to do if there is no valgrind.
pub fn must_be_there() -> Result<(), String> {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux"))) {
        return Err("instructions are counted on x86-64 Linux only: elsewhere they are others".to_owned());
    }
    match machine::output(machine::program("valgrind").arg("--version")) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(format!("{error}\n  instructions are counted by valgrind; `apt-get install valgrind` installs it"))
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    instructions: u64,
    hashing: u64,
    allocations: u64,
}

fn parse(profile: &str) -> Result<Counts, String> {
    let mut counts = Counts::default();
    for line in lines(profile) {
        match line.call {
            Some((callee, times)) => counts.allocations += if is_allocator(callee) { times } else { 0 },
            None if is_hash(line.function) => counts.hashing += line.cost,
            None => counts.instructions += line.cost,
        }
    }
    if counts.allocations == 0 {
        return Err("no calls of malloc: are the symbols of libc named otherwise?".to_owned());
    }
    Ok(counts)
}

/// One line of cost.
pub struct Line<'a> {
    pub function: &'a str,
    /// The file the function begins in.
    pub home: &'a str,
    /// The file of this line: another than `home` where something is inlined. Known with debug information only.
    pub file: &'a str,
    /// Whom it calls and how often; the cost is the callee's then, and stands in the callee's own lines as well.
    pub call: Option<(&'a str, u64)>,
    pub cost: u64,
}

/// Reads the profile format of callgrind: blocks of `fn=`, below them lines of position and cost; after a line `calls=` comes
/// one with the cost of the callee.
pub fn lines(profile: &str) -> impl Iterator<Item = Line<'_>> {
    let (mut functions, mut files) = (HashMap::new(), HashMap::new());
    let (mut function, mut home, mut file, mut callee, mut call) = ("", "", "", "", None);
    profile.lines().filter_map(move |line| {
        if line.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '*')) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok()).unwrap_or_default();
            return Some(Line { function, home, file, call: call.take(), cost });
        }
        let (word, value) = line.split_once('=')?;
        match word {
            "fl" => home = full(value, &mut files),
            "fi" | "fe" => file = full(value, &mut files),
            "cfi" | "cfl" => _ = full(value, &mut files),
            "fn" => (function, file) = (full(value, &mut functions), home),
            "cfn" => callee = full(value, &mut functions),
            "calls" => call = Some((callee, value.split(' ').next()?.parse().ok()?)),
            _ => {}
        }
        None
    })
}

/// `(7) name` the first time, `(7)` from then on.
fn full<'a>(text: &'a str, names: &mut HashMap<&'a str, &'a str>) -> &'a str {
    match text.split_once(") ") {
        Some((id, name)) => {
            names.insert(id, name);
            name
        }
        None => names.get(text.trim_end_matches(')')).copied().unwrap_or_default(),
    }
}

pub fn is_hash(function: &str) -> bool {
    let function = function.to_ascii_lowercase();
    ["sha1", "sha2", "sha512", "md5", "md_5", "crc"].iter().any(|word| function.contains(word))
        || function.contains("digest_bytes")
}

fn is_allocator(function: &str) -> bool {
    let name = function.strip_prefix("__libc_").unwrap_or(function);
    matches!(name, "malloc" | "calloc" | "realloc" | "posix_memalign" | "aligned_alloc")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
# callgrind format
events: Ir

fl=(1) src/lib.rs
fn=(1) client::send
10 5
+2 7
cfn=(2) malloc
calls=3 0
* 300
cfn=(3) sha2::sha256::compress256
calls=1 0
+1 9000
fi=(4) inlined.rs
-3 8

fn=(2)
0 300

fn=(3)
0 9000
";

    #[test]
    fn a_callee_is_counted_in_its_own_block_only() {
        assert_eq!(parse(PROFILE), Ok(Counts { instructions: 5 + 7 + 8 + 300, hashing: 9000, allocations: 3 }));
    }

    #[test]
    fn what_is_inlined_belongs_to_the_file_it_was_written_in() {
        let own = lines(PROFILE).filter(|line| line.call.is_none());
        let files: Vec<_> = own.map(|line| (line.home, line.file, line.cost)).collect();
        let (lib, inlined) = ("src/lib.rs", "inlined.rs");
        assert_eq!(files, [(lib, lib, 5), (lib, lib, 7), (lib, inlined, 8), (lib, lib, 300), (lib, lib, 9000)]);
    }

    #[test]
    fn hash_functions_are_told_apart_whatever_their_language() {
        for name in [
            "sha2::sha256::compress256",
            "ring_core_0_17_sha256_block_data_order_nohw",
            "crc64fast_nvme::x",
            "MD5_Update",
        ] {
            assert!(is_hash(name), "{name}");
        }
        for name in ["hyper::proto::h1::encode", "integration_s3_runtime::sign::header::sign_request", "memcpy"] {
            assert!(!is_hash(name), "{name}");
        }
    }

    #[test]
    fn the_allocator_is_known_by_both_its_names() {
        assert!(is_allocator("malloc") && is_allocator("__libc_calloc") && !is_allocator("_int_malloc"));
    }
}
