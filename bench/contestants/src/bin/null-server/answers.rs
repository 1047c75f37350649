//! What is answered to what.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bench_contestants::{DECLARATION, NAMESPACE, around, contents, random};
use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use crate::body::Body;

const BLOCK: usize = 1 << 20;

pub(crate) struct Answers {
    /// Objects are as much of this, over and over, as they are long.
    block: Bytes,
    /// The 1,000 keys of every page.
    contents: Bytes,
    /// CRC-64 of objects that were asked for it, by size: the large ones take a while.
    checksums: RefCell<HashMap<u64, HeaderValue>>,
}

impl Answers {
    pub(crate) fn new() -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15;
        let words = std::iter::repeat_with(|| random(&mut state).to_le_bytes());
        let block: Vec<u8> = words.flatten().take(BLOCK).collect();
        Self { block: block.into(), contents: contents().into(), checksums: RefCell::default() }
    }

    pub(crate) fn to(&self, head: &Parts) -> Response<Body> {
        let query = head.uri.query().unwrap_or_default();
        let path = head.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        match head.method {
            Method::GET if key.is_empty() => self.page(bucket, query),
            Method::GET | Method::HEAD => self.object(head, key),
            Method::PUT => with(StatusCode::OK, &[("etag", ETAG), ("x-amz-server-side-encryption", "AES256")]),
            Method::POST if value(query, "uploads").is_some() => document(format!(
                "{DECLARATION}<InitiateMultipartUploadResult {NAMESPACE}><Bucket>{bucket}</Bucket><Key>{key}</Key>\
                 <UploadId>VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA</UploadId></InitiateMultipartUploadResult>"
            )),
            Method::POST => document(format!(
                "{DECLARATION}<CompleteMultipartUploadResult {NAMESPACE}><Bucket>{bucket}</Bucket><Key>{key}</Key>\
                 <ETag>&quot;3858f62230ac3c915f300c664312c11f-128&quot;</ETag></CompleteMultipartUploadResult>"
            )),
            _ => with(StatusCode::METHOD_NOT_ALLOWED, &[]),
        }
    }

    fn page(&self, bucket: &str, query: &str) -> Response<Body> {
        let page: u64 = value(query, "continuation-token").and_then(|token| token.parse().ok()).unwrap_or_default();
        let pages: u64 = bucket.strip_prefix("list-").and_then(|pages| pages.parse().ok()).unwrap_or(1);
        let (before, after) = around(bucket, page, pages);
        let mut answer = document(String::new());
        let pieces = [before.into(), self.contents.clone(), Bytes::from_static(after.as_bytes())];
        *answer.body_mut() = Body::Pieces(pieces.into());
        answer
    }

    fn object(&self, head: &Parts, key: &str) -> Response<Body> {
        let size: u64 = key.split(['/', '%']).next().and_then(|size| size.parse().ok()).unwrap_or(1024);
        let range = head.headers.get("range").and_then(|range| asked(range, size));
        let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        let mut answer = with(
            status,
            &[
                ("etag", ETAG),
                ("last-modified", "Wed, 18 Nov 2026 10:11:12 GMT"),
                ("accept-ranges", "bytes"),
                ("content-type", "application/octet-stream"),
                ("x-amz-server-side-encryption", "AES256"),
            ],
        );
        let (from, to) = range.unwrap_or((0, size));
        let headers = answer.headers_mut();
        if range.is_some() {
            let text = format!("bytes {from}-{}/{size}", to - 1);
            headers.extend(HeaderValue::from_str(&text).map(|text| (hyper::header::CONTENT_RANGE, text)));
        } else if head.headers.contains_key("x-amz-checksum-mode") {
            headers.insert("x-amz-checksum-crc64nvme", self.checksum(size));
            headers.insert("x-amz-checksum-type", HeaderValue::from_static("FULL_OBJECT"));
        }
        if head.method == Method::HEAD {
            headers.insert("content-length", HeaderValue::from(to - from));
        } else {
            *answer.body_mut() = Body::Object { block: self.block.clone(), at: from, left: to - from };
        }
        answer
    }

    fn checksum(&self, size: u64) -> HeaderValue {
        let compute = || {
            let mut digest = crc64fast_nvme::Digest::new();
            let mut left = size;
            while left > 0 {
                let len = left.min(BLOCK as u64);
                digest.write(&self.block[..len as usize]);
                left -= len;
            }
            HeaderValue::from_str(&STANDARD.encode(digest.sum64().to_be_bytes()))
                .unwrap_or(HeaderValue::from_static(""))
        };
        self.checksums.borrow_mut().entry(size).or_insert_with(compute).clone()
    }
}

const ETAG: &str = "\"9b2cf535f27731c974343645a3985328\"";

fn with(status: StatusCode, headers: &[(&'static str, &'static str)]) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    let everywhere = [
        ("x-amz-request-id", "79104EXAMPLEB723"),
        ("x-amz-id-2", "IOWQ4fDEXAMPLEQM+ey7N9WgVhSnQ6JEXAMPLEZb7hSQDASK+Jd1vEXAMPLEa3Km"),
        ("server", "AmazonS3"),
    ];
    for (name, value) in everywhere.iter().chain(headers) {
        answer.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    answer
}

fn document(text: String) -> Response<Body> {
    let mut answer = with(StatusCode::OK, &[("content-type", "application/xml")]);
    *answer.body_mut() = Body::Pieces([text.into()].into());
    answer
}

fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (found == name).then_some(value)
    })
}

/// `bytes=from-to`, and from there on without `to`; gives where it begins and where it is over.
fn asked(range: &HeaderValue, size: u64) -> Option<(u64, u64)> {
    let (from, to) = range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.parse().ok()?;
    let to: u64 = if to.is_empty() { size - 1 } else { to.parse().ok()? };
    (from <= to && from < size).then_some((from, to.min(size - 1) + 1))
}
