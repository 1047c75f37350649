//! The list page the null server sends and the small benches read.

use std::fmt::Write as _;

/// Pseudo-random, and the same every time.
pub fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Begins every document.
pub const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
/// The namespace of every root.
pub const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

/// The 1,000 `Contents` of a page, 366 kB, as a data lake has them.
pub fn contents() -> String {
    let mut state = 0x2545_F491_4F6C_DD1D;
    (0..1000).map(|at| entry(at, random(&mut state))).collect()
}

/// A page without them: what comes before, and what after.
pub fn around(bucket: &str, page: u64, pages: u64) -> (String, &'static str) {
    let more = page + 1 < pages;
    let next = format!("<NextContinuationToken>{}</NextContinuationToken>", page + 1);
    let before = format!(
        "{DECLARATION}<ListBucketResult {NAMESPACE}><Name>{bucket}</Name><Prefix/>\
         <ContinuationToken>{page}</ContinuationToken>{}\
         <KeyCount>1000</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>{more}</IsTruncated>",
        if more { next } else { String::new() },
    );
    (before, "</ListBucketResult>")
}

fn entry(at: u64, random: u64) -> String {
    let mut text = String::with_capacity(400);
    let (day, hour, minute, second) = (1 + at % 28, at % 24, at % 60, at * 7 % 60);
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "<Contents><Key>data/year=2026/month=11/day={:02}/part-{at:05}-{random:016x}.c000.snappy.parquet</Key>\
         <LastModified>2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z</LastModified>\
         <ETag>&quot;{random:016x}{:016x}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>\
         <ChecksumType>FULL_OBJECT</ChecksumType><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
        1 + at / 50,
        random.rotate_left(23) ^ at,
        1000 + random % 100_000_000,
    );
    text
}
