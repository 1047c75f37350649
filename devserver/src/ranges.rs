//! Byte ranges: what part of an object an answer carries. Pure.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue};
use s3s::dto::Range;
use s3s::{S3Error, S3Result, s3_error};

use crate::errors::coded;
use crate::store::Segment;

/// The bytes `start..end` that a range means in an object of `size` bytes.
///
/// # Errors
/// `InvalidRange` (416) when no byte of the object is in the range.
pub(crate) fn resolve(range: &Range, size: u64) -> S3Result<(u64, u64)> {
    match *range {
        Range::Int { first, .. } if first >= size => Err(unsatisfiable(size)),
        Range::Int { first, last } => Ok((first, last.map_or(size, |l| l.saturating_add(1).min(size)))),
        Range::Suffix { length } if length == 0 || size == 0 => Err(unsatisfiable(size)),
        Range::Suffix { length } => Ok((size.saturating_sub(length), size)),
    }
}

/// Where part `number` (from 1) lies; an object not uploaded in parts has one part.
///
/// # Errors
/// 416 when there is no such part.
pub(crate) fn of_part(segments: &[Segment], number: i32, multipart: bool) -> S3Result<(u64, u64, usize)> {
    let mut start = 0;
    for (index, segment) in segments.iter().enumerate() {
        let end = start + segment.data.len() as u64;
        if segment.number == number || (!multipart && number == 1) {
            return Ok((start, end, index));
        }
        start = end;
    }
    Err(coded(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidPartNumber", "The requested partnumber is not satisfiable"))
}

/// The bytes `start..end` of the segments, without copying them.
pub(crate) fn slice(segments: &[Segment], start: u64, end: u64) -> Vec<Bytes> {
    let mut at = 0u64;
    let mut out = Vec::new();
    for segment in segments {
        let len = segment.data.len() as u64;
        let (from, to) = (start.max(at), end.min(at + len));
        if from < to {
            out.push(segment.data.slice((from - at) as usize..(to - at) as usize));
        }
        at += len;
    }
    out
}

fn unsatisfiable(size: u64) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
        headers.insert(CONTENT_RANGE, value);
    }
    error.set_headers(headers);
    error
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn int(first: u64, last: Option<u64>) -> Range {
        Range::Int { first, last }
    }

    #[test]
    fn ranges_end_where_the_object_ends() {
        assert_eq!(resolve(&int(0, Some(0)), 10).unwrap(), (0, 1));
        assert_eq!(resolve(&int(5, Some(99)), 10).unwrap(), (5, 10));
        assert_eq!(resolve(&int(5, Some(u64::MAX)), 10).unwrap(), (5, 10));
        assert_eq!(resolve(&int(9, None), 10).unwrap(), (9, 10));
        assert_eq!(resolve(&Range::Suffix { length: 3 }, 10).unwrap(), (7, 10));
        assert_eq!(resolve(&Range::Suffix { length: 30 }, 10).unwrap(), (0, 10));
    }

    #[test]
    fn a_range_with_no_byte_is_refused() {
        for (range, size) in
            [(int(10, None), 10), (int(0, None), 0), (Range::Suffix { length: 0 }, 9), (Range::Suffix { length: 1 }, 0)]
        {
            assert!(resolve(&range, size).is_err(), "{range:?} of {size}");
        }
    }

    #[test]
    fn slices_cross_segments() {
        let segment = |number, text: &'static str| Segment {
            number,
            data: Bytes::from_static(text.as_bytes()),
            ..Segment::default()
        };
        let all = [segment(1, "abc"), segment(2, ""), segment(5, "defg")];
        let text = |s, e| slice(&all, s, e).concat();
        assert_eq!(text(0, 7), b"abcdefg");
        assert_eq!(text(2, 4), b"cd");
        assert_eq!(text(3, 3), b"");
        assert_eq!(of_part(&all, 5, true).unwrap(), (3, 7, 2));
        assert!(of_part(&all, 3, true).is_err());
    }
}
