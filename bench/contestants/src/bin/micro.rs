//! The small benches: signing, hashes and XML, each next to what cannot be avoided. One line of JSON per row.
//!
//! `micro` times all rows; `micro --only ROW --n N` does one of them N times, to be counted.

use std::cell::RefCell;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use bench_contestants::{around, contents};
use bench_harness::{ACCESS_KEY, Error, REGION, Result, SECRET_KEY, cpu};
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use integration_s3::operations::ListObjectsV2Request;
use integration_s3_runtime::identity::Credentials;
use integration_s3_runtime::plumbing::testing;
use integration_s3_runtime::sign::{KeyCache, Payload, SigningScope, Target, presign, sign_request};
use integration_s3_runtime::timestamp::Timestamp;
use quick_xml::events::Event;
use sha2::{Digest, Sha256};

type Work<'a> = Box<dyn Fn() -> Result<()> + 'a>;

/// Name, calls per round, bytes per call where the throughput is of interest.
struct Row<'a> {
    name: &'static str,
    calls: u32,
    bytes: usize,
    work: Work<'a>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("micro: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let (mut only, mut n) = (None, 0_u64);
    let mut words = std::env::args().skip(1);
    while let (Some(flag), value) = (words.next(), words.next()) {
        match flag.as_str() {
            "--only" => only = value,
            "--n" => n = value.unwrap_or_default().parse()?,
            // What other contestants need.
            _ => {}
        }
    }
    let signing = Signing::new();
    let page = page();
    let block = contents().into_bytes();
    let rows = rows(&signing, &page, &block);
    if let Some(only) = only {
        let row = rows.iter().find(|row| row.name == only).ok_or("no such row")?;
        return (0..n).try_for_each(|_| (row.work)());
    }
    for row in &rows {
        println!("{{\"name\":\"{}\",\"cpu_ns\":{:.0},\"bytes\":{}}}", row.name, best(row)?, row.bytes);
    }
    Ok(())
}

/// CPU nanoseconds of one call, in the best of nine rounds.
fn best(row: &Row<'_>) -> Result<f64> {
    let mut best = Duration::MAX;
    for _ in 0..9 {
        let began = cpu();
        (0..row.calls).try_for_each(|_| (row.work)())?;
        best = best.min(cpu() - began);
    }
    Ok(best.as_secs_f64() * 1e9 / f64::from(row.calls))
}

fn rows<'a>(signing: &'a Signing, page: &'a str, block: &'a [u8]) -> Vec<Row<'a>> {
    let row = |name, calls, bytes, work| Row { name, calls, bytes, work };
    let hash = |bytes: usize| -> Work<'a> {
        Box::new(move || {
            black_box(Sha256::digest(black_box(&block[..bytes])));
            Ok(())
        })
    };
    vec![
        row("sign", 5000, 0, Box::new(|| signing.sign())),
        row("sign: hashing alone", 5000, 0, Box::new(|| signing.hash())),
        row("presign", 5000, 0, Box::new(|| signing.presign())),
        row("page: typed", 20, page.len(), Box::new(|| typed(page))),
        row("page: quick-xml events", 20, page.len(), Box::new(|| events(page))),
        row("page: search for <Key>", 200, page.len(), Box::new(|| search(page))),
        row("sha256 of 16 KiB", 500, 16 << 10, hash(16 << 10)),
        row("sha256 of 256 KiB", 50, 256 << 10, hash(256 << 10)),
        row(
            "crc64nvme of 256 KiB",
            200,
            256 << 10,
            Box::new(|| {
                let mut digest = crc64fast_nvme::Digest::new();
                digest.write(black_box(&block[..256 << 10]));
                black_box(digest.sum64());
                Ok(())
            }),
        ),
    ]
}

/// A GET with eight signed headers, signed over and over as for another attempt; the key is derived once.
struct Signing {
    credentials: Credentials,
    keys: KeyCache,
    headers: RefCell<HeaderMap>,
    keyed: Hmac<Sha256>,
}

const HOST: &str = "bench-bucket.s3.us-east-1.amazonaws.com";
const HEADERS: [(&str, &str); 5] = [
    ("range", "bytes=0-1048575"),
    ("content-type", "application/octet-stream"),
    ("x-amz-checksum-mode", "ENABLED"),
    ("x-amz-request-payer", "requester"),
    ("x-amz-expected-bucket-owner", "123456789012"),
];

impl Signing {
    fn new() -> Self {
        let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        Self {
            credentials: Credentials::new(ACCESS_KEY, SECRET_KEY),
            keys: KeyCache::new(),
            headers: RefCell::new(HEADERS.into_iter().map(header).collect()),
            keyed: Hmac::new(&Default::default()),
        }
    }

    fn sign(&self) -> Result<()> {
        let mut headers = self.headers.borrow_mut();
        let scope = SigningScope { region: REGION, service: "s3", time: Timestamp::from_unix(1_795_000_000) };
        black_box(sign_request(&target(), &mut headers, &Payload::Empty, &self.credentials, &scope, &self.keys)?);
        Ok(())
    }

    fn presign(&self) -> Result<()> {
        let scope = SigningScope { region: REGION, service: "s3", time: Timestamp::from_unix(1_795_000_000) };
        let hour = Duration::from_secs(3600);
        black_box(presign(&target(), &HeaderMap::new(), hour, &self.credentials, &scope, &self.keys)?);
        Ok(())
    }

    /// SHA-256 of as many bytes as the canonical request of `sign` has, HMAC of as many as its string to sign has.
    fn hash(&self) -> Result<()> {
        black_box(Sha256::digest(black_box([0_u8; 556])));
        black_box(self.keyed.clone().chain_update(black_box([0_u8; 133])).finalize().into_bytes());
        Ok(())
    }
}

fn target() -> Target<'static> {
    let path = "/data/year%3D2026/month%3D11/part-00001.parquet";
    Target { method: "GET", host: Some(HOST), path, query: "" }
}

fn page() -> String {
    let (before, after) = around("bench-bucket", 0, 2);
    format!("{before}{}{after}", contents())
}

/// What `list_objects_v2` makes of a page, a copy of the page included.
fn typed(page: &str) -> Result<()> {
    let request = ListObjectsV2Request::builder().bucket("bench-bucket").build();
    let out = testing::decode(&request, 200, &[], page)?;
    check(black_box(&out).contents.len())
}

/// Every event looked at, no text resolved, nothing kept.
fn events(page: &str) -> Result<()> {
    let mut reader = quick_xml::Reader::from_str(page);
    let mut keys = 0;
    loop {
        match reader.read_event()? {
            Event::Eof => return check(keys),
            Event::Start(start) => keys += usize::from(start.name().as_ref() == b"Key"),
            _ => {}
        }
    }
}

fn search(page: &str) -> Result<()> {
    check(memchr::memmem::find_iter(page.as_bytes(), b"<Key>").count())
}

fn check(keys: usize) -> Result<()> {
    if keys == 1000 { Ok(()) } else { Err(Error::from(format!("{keys} keys instead of 1000"))) }
}
