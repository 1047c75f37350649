//! Checksums and entity tags: computing, verifying what a client claims, composing those of multipart uploads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumType};
use s3s::{S3Result, s3_error};

use crate::errors::bad;
use crate::store::hex;

/// What S3 computes when a client names no algorithm.
pub(crate) const DEFAULT: &str = "CRC64NVME";
/// The five algorithms of the API.
pub(crate) const ALGORITHMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];

fn slot<'a>(sums: &'a mut Checksum, algorithm: &str) -> Option<&'a mut Option<String>> {
    Some(match algorithm {
        "CRC32" => &mut sums.checksum_crc32,
        "CRC32C" => &mut sums.checksum_crc32c,
        "CRC64NVME" => &mut sums.checksum_crc64nvme,
        "SHA1" => &mut sums.checksum_sha1,
        "SHA256" => &mut sums.checksum_sha256,
        _ => return None,
    })
}

/// The value of one algorithm, if it is there.
pub(crate) fn value(sums: &Checksum, algorithm: &str) -> Option<String> {
    slot(&mut sums.clone(), algorithm)?.clone()
}

/// The algorithms that have a value.
pub(crate) fn present(sums: &Checksum) -> Vec<&'static str> {
    ALGORITHMS.into_iter().filter(|a| value(sums, a).is_some()).collect()
}

/// Only the value of `algorithm`, of the given type.
pub(crate) fn single(algorithm: &str, text: Option<String>, kind: &'static str) -> Checksum {
    let mut sums = Checksum::default();
    if let Some(slot) = slot(&mut sums, algorithm) {
        *slot = text;
    }
    sums.checksum_type = Some(ChecksumType::from_static(kind));
    sums
}

/// The checksum of some bytes, in base64.
pub(crate) fn compute<'a>(algorithm: &str, data: impl IntoIterator<Item = &'a [u8]>) -> Checksum {
    let mut hasher = ChecksumHasher::default();
    match algorithm {
        "CRC32" => hasher.crc32 = Some(Crc32::new()),
        "CRC32C" => hasher.crc32c = Some(Crc32c::new()),
        "SHA1" => hasher.sha1 = Some(Sha1::new()),
        "SHA256" => hasher.sha256 = Some(Sha256::new()),
        _ => hasher.crc64nvme = Some(Crc64Nvme::new()),
    }
    for chunk in data {
        hasher.update(chunk);
    }
    let mut sums = hasher.finalize();
    sums.checksum_type = Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    sums
}

/// The checksum a client sent, from headers or trailers: algorithm and value.
///
/// # Errors
/// More than one, or one announced and not sent.
pub(crate) fn claimed(headers: &HeaderMap, trailers: Option<&HeaderMap>) -> S3Result<Option<(&'static str, String)>> {
    let mut found = Vec::new();
    for algorithm in ALGORITHMS {
        let name = format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase());
        let value = headers.get(&name).or_else(|| trailers?.get(&name));
        if let Some(value) = value {
            found.push((algorithm, String::from_utf8_lossy(value.as_bytes()).trim().to_owned()));
        }
    }
    if found.len() > 1 {
        return Err(s3_error!(
            InvalidRequest,
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        ));
    }
    if let Some(announced) = headers.get("x-amz-trailer").and_then(|v| v.to_str().ok())
        && !announced.split(',').all(|name| trailers.is_some_and(|t| t.contains_key(name.trim())))
    {
        return Err(bad(
            "MalformedTrailerError",
            "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        ));
    }
    if let Some(wanted) = headers.get("x-amz-sdk-checksum-algorithm").and_then(|v| v.to_str().ok()) {
        match found.first() {
            None => {
                return Err(s3_error!(
                    InvalidRequest,
                    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
                ));
            }
            Some((algorithm, _)) if !algorithm.eq_ignore_ascii_case(wanted) => {
                return Err(s3_error!(InvalidRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid."));
            }
            Some(_) => {}
        }
    }
    Ok(found.pop())
}

/// Verifies what a client claims about `data` (checksum and `Content-MD5`) and gives back the checksum to store.
///
/// # Errors
/// `BadDigest`, `InvalidDigest`, `InvalidRequest`.
pub(crate) fn verify(data: &[u8], headers: &HeaderMap, trailers: Option<&HeaderMap>) -> S3Result<Option<Checksum>> {
    verify_md5(data, headers)?;
    let Some((algorithm, given)) = claimed(headers, trailers)? else {
        return Ok(None);
    };
    let sums = compute(algorithm, [data]);
    let right = value(&sums, algorithm).unwrap_or_default();
    if STANDARD.decode(&given).ok().map(|d| STANDARD.encode(d).len()) != Some(right.len()) {
        return Err(s3_error!(
            InvalidRequest,
            "Value for x-amz-checksum-{} header is invalid.",
            algorithm.to_ascii_lowercase()
        ));
    }
    if given != right {
        return Err(s3_error!(BadDigest, "The {algorithm} you specified did not match the calculated checksum."));
    }
    Ok(Some(sums))
}

fn verify_md5(data: &[u8], headers: &HeaderMap) -> S3Result<()> {
    let Some(given) = headers.get("content-md5") else {
        return Ok(());
    };
    let given = STANDARD
        .decode(given.as_bytes())
        .ok()
        .filter(|d| d.len() == 16)
        .ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))?;
    if given != Md5::checksum(data) {
        return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
    }
    Ok(())
}

/// MD5 in hexadecimal: the tag of an object sent in one piece.
pub(crate) fn etag(data: &[u8]) -> String {
    hex(&Md5::checksum(data))
}

/// The tag of a multipart object: MD5 over the binary MD5s of its parts, and their number.
pub(crate) fn multipart_etag<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let (mut md5, mut count) = (Md5::new(), 0usize);
    for part in parts {
        md5.update(&unhex(part));
        count += 1;
    }
    format!("{}-{count}", hex(&md5.finalize()))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The checksum of checksums: over the binary values of the parts, with their number behind it.
pub(crate) fn composite(algorithm: &str, parts: &[String]) -> Checksum {
    let binary: Vec<Vec<u8>> = parts.iter().map(|p| STANDARD.decode(p).unwrap_or_default()).collect();
    let sums = compute(algorithm, binary.iter().map(Vec::as_slice));
    let text = value(&sums, algorithm).map(|v| format!("{v}-{}", parts.len()));
    single(algorithm, text, ChecksumType::COMPOSITE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_algorithms() {
        let sum = |a| value(&compute(a, [&b"1234"[..], &b"56789"[..]]), a).unwrap();
        let encoded = |bytes: &[u8]| STANDARD.encode(bytes);
        assert_eq!(sum("CRC32"), encoded(&0xcbf4_3926u32.to_be_bytes()));
        assert_eq!(sum("CRC32C"), encoded(&0xe306_9283u32.to_be_bytes()));
        assert_eq!(sum("CRC64NVME"), encoded(&0xae8b_1486_0a79_9888u64.to_be_bytes()));
    }

    #[test]
    fn tags_of_whole_and_multipart_objects() {
        assert_eq!(etag(b""), "d41d8cd98f00b204e9800998ecf8427e");
        // MD5 of the sixteen bytes of MD5("").
        assert_eq!(multipart_etag([etag(b"").as_str()]), "59adb24ef3cdbe0297f05b395827453f-1");
    }

    #[test]
    fn a_claim_is_checked() {
        let mut headers = HeaderMap::new();
        assert!(verify(b"x", &headers, None).unwrap().is_none());
        headers.insert("x-amz-checksum-crc32", "AAAAAA==".parse().unwrap());
        assert_eq!(verify(b"x", &headers, None).unwrap_err().code().as_str(), "BadDigest");
        headers.insert("x-amz-checksum-crc32", "AAAA".parse().unwrap());
        assert_eq!(verify(b"x", &headers, None).unwrap_err().code().as_str(), "InvalidRequest");
        headers.insert("x-amz-checksum-crc32", "jNxMKw==".parse().unwrap());
        let _ = verify(b"x", &headers, None);
        headers.insert("content-md5", "zz".parse().unwrap());
        assert_eq!(verify(b"x", &headers, None).unwrap_err().code().as_str(), "InvalidDigest");
    }
}
