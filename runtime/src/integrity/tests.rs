//! Published values, combinations, and what answers can be compared with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::error::{ErrorKind, TransferError};
use crate::integrity::hasher::sha256_and;

fn hex(sum: &Sum) -> String {
    sum.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The check values of the CRC catalogue (over `123456789`), and FIPS 180's over `abc`.
#[test]
fn published_values() {
    for (algorithm, data, value) in [
        (Algorithm::Crc32, "123456789", "cbf43926"),
        (Algorithm::Crc32c, "123456789", "e3069283"),
        (Algorithm::Crc64Nvme, "123456789", "ae8b14860a799888"),
        (Algorithm::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Algorithm::Sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (Algorithm::Crc32, "", "00000000"),
        (Algorithm::Crc64Nvme, "", "0000000000000000"),
        (Algorithm::Sha1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ] {
        assert_eq!(hex(&Hasher::of(algorithm, data.as_bytes())), value, "{algorithm} of {data:?}");
    }
    // RFC 3720, B.4: 32 bytes of zeros, of ones, and counting up (in the order of bytes that S3 uses).
    assert_eq!(hex(&Hasher::of(Algorithm::Crc32c, &[0; 32])), "8a9136aa");
    assert_eq!(hex(&Hasher::of(Algorithm::Crc32c, &[0xff; 32])), "62a8ab43");
    let up: Vec<u8> = (0..32).collect();
    assert_eq!(hex(&Hasher::of(Algorithm::Crc32c, &up)), "46dd794e");
}

#[test]
fn names_values_and_headers_go_together() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_wire(algorithm.as_str()), Some(algorithm));
        assert_eq!(algorithm.header().as_str(), format!("x-amz-checksum-{}", algorithm.as_str().to_ascii_lowercase()));
        let sum = Hasher::of(algorithm, b"x");
        assert_eq!(sum.as_bytes().len(), algorithm.size());
        assert_eq!(sum.to_base64().len(), algorithm.text_len());
        assert_eq!(Sum::from_base64(algorithm, &sum.to_base64()), Some(sum));
        assert_eq!(sum.to_header(), sum.to_base64());
    }
    assert_eq!(Algorithm::from_wire("MD5"), None);
    assert_eq!(Sum::from_base64(Algorithm::Crc32, "AAAA"), None);
    assert_eq!(Sum::from_base64(Algorithm::Crc32, "not base64"), None);
}

#[test]
fn a_composite_counts_and_hashes_its_parts() {
    let parts: Vec<Sum> = [&b"one"[..], b"two"].map(|part| Hasher::of(Algorithm::Sha256, part)).into();
    let mut composite = Composite::new(Algorithm::Sha256);
    parts.iter().for_each(|part| composite.push(part));
    let both = [parts[0].as_bytes(), parts[1].as_bytes()].concat();
    let expected = Hasher::of(Algorithm::Sha256, &both).to_base64();
    assert_eq!(composite.to_base64(), format!("{expected}-2"));
    assert!(composite.agrees_with(&composite.to_base64()) && composite.agrees_with(&expected));
    assert!(!composite.agrees_with(&format!("{expected}-3")) && !composite.agrees_with("AAAA-2"));
}

#[test]
fn sha_sums_cannot_be_joined() {
    let mut whole = Whole::new(Algorithm::Sha1);
    whole.push(&Hasher::of(Algorithm::Sha1, b"x"), 1);
    assert_eq!(whole.finish(), None);
    let mut mixed = Whole::new(Algorithm::Crc32);
    mixed.push(&Hasher::of(Algorithm::Crc32c, b"x"), 1);
    assert_eq!(mixed.finish(), None);
}

/// CRCs as their definition has it, a bit at a time: the reflected polynomial, ones at the beginning and inverted at the end.
fn by_definition(algorithm: Algorithm, data: &[u8]) -> u64 {
    let (polynomial, ones) = match algorithm {
        Algorithm::Crc32 => (0xedb8_8320, u64::from(u32::MAX)),
        Algorithm::Crc32c => (0x82f6_3b78, u64::from(u32::MAX)),
        _ => (0x9a6c_9329_ac4b_c9b5, u64::MAX),
    };
    let shifted = |crc: u64, _| if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
    data.iter().fold(ones, |crc, byte| (0..8).fold(crc ^ u64::from(*byte), shifted)) ^ ones
}

#[test]
fn crcs_agree_with_their_definition_at_every_length_and_alignment() {
    let data: Vec<u8> = (0..1200_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
        for start in [0, 1, 7, 15, 16, 33] {
            for end in (start..data.len()).step_by(if start == 0 { 1 } else { 61 }) {
                let piece = &data[start..end];
                let sum = Hasher::of(algorithm, piece);
                assert_eq!(sum.number(), by_definition(algorithm, piece), "{algorithm} of {start}..{end}");
            }
        }
    }
}

proptest! {
    #[test]
    fn pieces_make_the_same_checksum_as_the_whole(
        data in prop::collection::vec(any::<u8>(), 0..5000),
        cuts in prop::collection::vec(0usize..5000, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(data.len())).collect();
        cuts.extend([0, data.len()]);
        cuts.sort_unstable();
        for algorithm in Algorithm::ALL {
            let all = Hasher::of(algorithm, &data);
            let mut streamed = Hasher::new(algorithm);
            let mut joined = Whole::new(algorithm);
            for pair in cuts.windows(2) {
                let piece = &data[pair[0]..pair[1]];
                streamed.update(piece);
                joined.push(&Hasher::of(algorithm, piece), piece.len() as u64);
            }
            prop_assert_eq!(streamed.finish(), all);
            prop_assert!(joined.finish().is_none_or(|joined| joined == all));
            let (sha, sum) = sha256_and(Some(algorithm), &data);
            prop_assert_eq!(sum, Some(all));
            let sha256 = Hasher::of(Algorithm::Sha256, &data);
            prop_assert_eq!(&sha[..], sha256.as_bytes());
        }
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

fn check(status: u16, pairs: &[(&'static str, &str)], part: bool) -> Result<Check, Unchecked> {
    Check::of_answer(StatusCode::from_u16(status).unwrap(), &headers(pairs), &|| part)
}

#[test]
fn answers_are_compared_with_what_covers_them() {
    const CRC: (&str, &str) = ("x-amz-checksum-crc32", "y/Q5Jg==");
    const SHA: (&str, &str) = ("x-amz-checksum-sha1", "98ADwBvYLMw7gy47TYBd3yzP0gE=");
    let why = |status, pairs: &[_], part| check(status, pairs, part).unwrap_err();
    // The cheaper one of two.
    let both = check(200, &[SHA, CRC], false).unwrap();
    assert_eq!(both.verification(), Verification::Pending(Algorithm::Crc32));
    assert_eq!(why(200, &[], false), Unchecked::NoneStored);
    assert_eq!(why(200, &[("x-amz-checksum-xxhash3", "AAAAAAAAAAA=")], false), Unchecked::UnknownAlgorithm);
    assert_eq!(why(200, &[("x-amz-checksum-crc32", "?")], false), Unchecked::UnknownAlgorithm);
    assert_eq!(why(200, &[("x-amz-checksum-type", "FULL_OBJECT")], false), Unchecked::NoneStored);
    // Sums over sums.
    assert_eq!(why(200, &[("x-amz-checksum-crc32", "y/Q5Jg==-7")], false), Unchecked::Composite);
    assert_eq!(why(200, &[CRC, ("x-amz-checksum-type", "COMPOSITE")], false), Unchecked::Composite);
    // Ranges, and those that are all there is.
    assert_eq!(why(206, &[CRC, ("content-range", "bytes 0-8/10")], false), Unchecked::Range);
    assert_eq!(why(206, &[CRC], false), Unchecked::Range);
    assert!(check(206, &[CRC, ("content-range", "bytes 0-8/9")], false).is_ok());
    // Parts: their own sum, but never that of the whole object.
    let range = ("content-range", "bytes 9-17/20");
    assert!(check(206, &[CRC, range, ("x-amz-checksum-type", "COMPOSITE")], true).is_ok());
    assert_eq!(why(206, &[CRC, range, ("x-amz-checksum-type", "FULL_OBJECT")], true), Unchecked::Range);
}

#[test]
fn the_verdict_names_both_values() {
    let mut check = check(200, &[("x-amz-checksum-crc32", "y/Q5Jg==")], false).unwrap();
    check.update(b"123456788");
    let error = check.close().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transfer(TransferError::ChecksumMismatch));
    assert!(error.message().contains("y/Q5Jg==") && error.message().contains("CRC32"), "{error}");
    assert!(error.is_retryable());
    assert_eq!(check.verification(), Verification::Pending(Algorithm::Crc32));
}

#[test]
fn the_composite_of_one_part_is_checked() {
    let mut composite = Composite::new(Algorithm::Crc32c);
    composite.push(&Hasher::of(Algorithm::Crc32c, b"all of it"));
    let stored = composite.to_base64();
    for (data, right) in [("all of it", true), ("all of them", false)] {
        let mut check = check(200, &[("x-amz-checksum-crc32c", &stored)], false).unwrap();
        check.update(data.as_bytes());
        assert_eq!(check.close().is_ok(), right);
        assert_eq!(check.verification() == Verification::Verified(Algorithm::Crc32c), right);
    }
}
