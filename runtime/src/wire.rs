//! Public value types with a wire form of their own: byte ranges and copy sources.
//!
//! Both take any input without failing; what cannot be sent is reported when the request is written.

use std::fmt::Write as _;
use std::ops::{Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive};

use crate::checks;
use crate::error::{RequestError, S3Error};
use crate::plumbing::WireValue;
use crate::plumbing::percent::{encode_path, encode_query};

/// Which bytes of an object to read.
///
/// Rust ranges say what they mean in Rust: `0..1024` is 1,024 bytes. An empty or inverted range cannot be asked for and
/// fails before anything is sent. A range that begins behind the end of the object is the server's to refuse
/// (`Request(InvalidRange)`).
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::ByteRange;
///
/// assert_eq!(ByteRange::from(0..1024).to_string(), "bytes=0-1023");
/// assert_eq!(ByteRange::from(1024..).to_string(), "bytes=1024-");
/// assert_eq!(ByteRange::last(500).to_string(), "bytes=-500");
/// assert_eq!(ByteRange::from("bytes=0-0").to_string(), "bytes=0-0");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByteRange(Span);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Span {
    /// Both ends included.
    Within(u64, u64),
    From(u64),
    Last(u64),
    /// No byte: the Rust range as it was given.
    Nothing(u64, u64),
    Raw(String),
}

impl ByteRange {
    /// The last `count` bytes, or the whole object if it has fewer.
    pub fn last(count: u64) -> Self {
        Self(Span::Last(count))
    }

    /// The first byte, if the range names one.
    pub fn first_byte(&self) -> Option<u64> {
        match self.0 {
            Span::Within(first, _) | Span::From(first) => Some(first),
            _ => None,
        }
    }

    /// The last byte, included, if the range names one.
    pub fn last_byte(&self) -> Option<u64> {
        match self.0 {
            Span::Within(_, last) => Some(last),
            _ => None,
        }
    }
}

impl From<Range<u64>> for ByteRange {
    fn from(range: Range<u64>) -> Self {
        match range.end.checked_sub(1) {
            Some(last) if range.start <= last => Self(Span::Within(range.start, last)),
            _ => Self(Span::Nothing(range.start, range.end)),
        }
    }
}

impl From<RangeInclusive<u64>> for ByteRange {
    fn from(range: RangeInclusive<u64>) -> Self {
        let (first, last) = range.into_inner();
        Self(if first <= last { Span::Within(first, last) } else { Span::Nothing(first, last) })
    }
}

impl From<RangeFrom<u64>> for ByteRange {
    fn from(range: RangeFrom<u64>) -> Self {
        Self(Span::From(range.start))
    }
}

impl From<RangeTo<u64>> for ByteRange {
    fn from(range: RangeTo<u64>) -> Self {
        Self::from(0..range.end)
    }
}

impl From<RangeToInclusive<u64>> for ByteRange {
    fn from(range: RangeToInclusive<u64>) -> Self {
        Self::from(0..=range.end)
    }
}

/// The header's text as it is, `bytes=0-99`.
impl From<String> for ByteRange {
    fn from(text: String) -> Self {
        Self(Span::Raw(text))
    }
}

/// The header's text as it is, `bytes=0-99`.
impl From<&str> for ByteRange {
    fn from(text: &str) -> Self {
        Self(Span::Raw(text.to_owned()))
    }
}

impl std::fmt::Display for ByteRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Span::Within(first, last) => write!(f, "bytes={first}-{last}"),
            Span::From(first) => write!(f, "bytes={first}-"),
            Span::Last(count) => write!(f, "bytes=-{count}"),
            Span::Nothing(start, end) => write!(f, "nothing ({start}..{end})"),
            Span::Raw(text) => f.write_str(text),
        }
    }
}

impl WireValue for ByteRange {
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str> {
        if let Span::Raw(text) = &self.0 {
            return Some(text);
        }
        scratch.clear();
        write!(scratch, "{self}").ok()?;
        Some(scratch)
    }

    fn fault(&self) -> Option<S3Error> {
        let message = match &self.0 {
            Span::Nothing(start, end) if start <= end => {
                format!("the byte range {start}..{end} is empty; a read of no bytes cannot be asked for")
            }
            Span::Nothing(start, end) => format!("the byte range ends at {end}, before it begins at {start}"),
            Span::Last(0) => "the byte range of the last 0 bytes is empty".to_owned(),
            Span::Raw(text) if !text.starts_with("bytes=") => {
                "the text of a byte range begins with `bytes=`".to_owned()
            }
            _ => return None,
        };
        Some(S3Error::new(RequestError::InvalidRange, message))
    }
}

/// The object to copy from.
///
/// Bucket, key and version are given as they are; encoding them is not the caller's work. Text is read as
/// `bucket/key`, not encoded, an object's `?` belonging to its key.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::CopySource;
///
/// let source = CopySource::new("logs", "2026/a b.txt").version_id("v1");
/// assert_eq!(source.to_string(), "logs/2026/a%20b.txt?versionId=v1");
/// assert_eq!(CopySource::from("logs/2026/a b.txt").to_string(), "logs/2026/a%20b.txt");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CopySource(Source);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Source {
    Object { bucket: String, key: String, version_id: Option<String> },
    Raw(String),
}

impl CopySource {
    /// The current version of an object.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self(Source::Object { bucket: bucket.into(), key: key.into(), version_id: None })
    }

    /// The header's text as it is, encoded by the caller: for access point ARNs.
    pub fn raw(text: impl Into<String>) -> Self {
        Self(Source::Raw(text.into()))
    }

    /// That version instead of the current one. No effect on a [raw](Self::raw) text.
    #[must_use]
    pub fn version_id(mut self, id: impl Into<String>) -> Self {
        if let Source::Object { version_id, .. } = &mut self.0 {
            *version_id = Some(id.into());
        }
        self
    }

    /// The bucket, unless the text is [raw](Self::raw).
    pub fn bucket(&self) -> Option<&str> {
        match &self.0 {
            Source::Object { bucket, .. } => Some(bucket),
            Source::Raw(_) => None,
        }
    }

    /// The key, unless the text is [raw](Self::raw).
    pub fn key(&self) -> Option<&str> {
        match &self.0 {
            Source::Object { key, .. } => Some(key),
            Source::Raw(_) => None,
        }
    }

    /// The version, if one is named and the text is not [raw](Self::raw).
    pub fn version(&self) -> Option<&str> {
        match &self.0 {
            Source::Object { version_id, .. } => version_id.as_deref(),
            Source::Raw(_) => None,
        }
    }

    /// Whether it can name an object. Requests check this themselves, before anything is sent.
    ///
    /// # Errors
    ///
    /// If the bucket or the key cannot be one, or the version is empty. A [raw](Self::raw) text is never refused.
    ///
    /// ```
    /// # use integration_s3_runtime::facade as integration_s3;
    /// use integration_s3::CopySource;
    ///
    /// assert!(CopySource::from("logs/a.txt").check().is_ok());
    /// assert!(CopySource::from("a.txt").check().unwrap_err().to_string().contains("BUCKET/KEY"));
    /// ```
    pub fn check(&self) -> Result<(), S3Error> {
        let Source::Object { bucket, key, version_id } = &self.0 else { return Ok(()) };
        // `s3://b/k` has been taken for a bucket `s3:`.
        let scheme = bucket.ends_with(':') && key.starts_with('/');
        if key.is_empty() || scheme {
            // A URL can hold a signature: only what can be a bucket is repeated.
            let shown = if checks::bucket(bucket).is_ok() { format!(" `{bucket}`") } else { String::new() };
            let what = if scheme { "is a URL" } else { "names no key" };
            let message = format!("the copy source{shown} {what}: it has to be BUCKET/KEY");
            return Err(S3Error::new(RequestError::Validation, message)
                .with_suggestion("write the source as \"bucket/key\", or as (bucket, key)"));
        }
        let empty_version = || match version_id.as_deref() {
            Some("") => Err(S3Error::new(RequestError::Validation, "the version id is empty")),
            _ => Ok(()),
        };
        checks::bucket(bucket).and_then(|()| checks::key(key)).and_then(|()| empty_version()).map_err(|fault| {
            let error = S3Error::new(fault.kind(), format!("in the copy source, {}", fault.message()));
            match fault.suggestion() {
                // The usual suggestion is about endpoints, which a copy source does not have.
                Some(_) => {
                    error.with_suggestion("name an access point's object with CopySource::raw(..), percent-encoded")
                }
                None => error,
            }
        })
    }
}

/// Names nothing and is refused when a request is written: a placeholder in requests under construction.
impl Default for CopySource {
    fn default() -> Self {
        Self::new("", "")
    }
}

impl<B: Into<String>, K: Into<String>> From<(B, K)> for CopySource {
    fn from((bucket, key): (B, K)) -> Self {
        Self::new(bucket, key)
    }
}

impl From<&str> for CopySource {
    fn from(text: &str) -> Self {
        let text = text.strip_prefix('/').unwrap_or(text);
        let (bucket, key) = text.split_once('/').unwrap_or((text, ""));
        Self::new(bucket, key)
    }
}

impl From<String> for CopySource {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl std::fmt::Display for CopySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.wire(&mut String::new()).unwrap_or_default())
    }
}

impl WireValue for CopySource {
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str> {
        match &self.0 {
            Source::Raw(text) => Some(text),
            Source::Object { bucket, key, version_id } => {
                scratch.clear();
                scratch.push_str(bucket);
                scratch.push('/');
                encode_path(key, scratch);
                if let Some(id) = version_id {
                    scratch.push_str("?versionId=");
                    encode_query(id, scratch);
                }
                Some(scratch)
            }
        }
    }

    fn fault(&self) -> Option<S3Error> {
        self.check().err()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn rust_ranges_become_inclusive_ones() {
        for (range, text) in [
            (ByteRange::from(0..1), "bytes=0-0"),
            (ByteRange::from(5..=9), "bytes=5-9"),
            (ByteRange::from(..10), "bytes=0-9"),
            (ByteRange::from(..=10), "bytes=0-10"),
            (ByteRange::from(7..), "bytes=7-"),
            (ByteRange::from(0..u64::MAX), "bytes=0-18446744073709551614"),
            (ByteRange::from(0..=u64::MAX), "bytes=0-18446744073709551615"),
            (ByteRange::last(1), "bytes=-1"),
            (ByteRange::from("bytes=0-4,6-"), "bytes=0-4,6-"),
        ] {
            assert_eq!(range.wire(&mut "left over".to_owned()), Some(text));
            assert!(range.fault().is_none());
        }
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges)]
    fn ranges_without_a_byte_are_refused() {
        for (range, text) in [
            (ByteRange::from(5..5), "5..5 is empty"),
            (ByteRange::from(..0), "0..0 is empty"),
            (ByteRange::from(9..3), "before it begins at 9"),
            (ByteRange::from(9..=3), "before it begins at 9"),
            (ByteRange::last(0), "last 0 bytes"),
            (ByteRange::from("0-9"), "begins with `bytes=`"),
        ] {
            let error = Some(range).fault().unwrap();
            assert_eq!(error.kind(), RequestError::InvalidRange.into());
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn copy_sources_are_encoded_once() {
        let mut scratch = String::new();
        for (source, text) in [
            (CopySource::new("bkt", "a b/ü+?#%20"), "bkt/a%20b/%C3%BC%2B%3F%23%2520"),
            (CopySource::from(("bkt", String::from("/k"))), "bkt//k"),
            (CopySource::from("/bkt/k/l"), "bkt/k/l"),
            (CopySource::new("bkt", "k").version_id("a+/=&"), "bkt/k?versionId=a%2B%2F%3D%26"),
            (CopySource::raw("arn%3Aaws/x").version_id("v"), "arn%3Aaws/x"),
            (CopySource::new("bkt", "a\r\nx-evil: 1"), "bkt/a%0D%0Ax-evil%3A%201"),
        ] {
            assert!(source.fault().is_none());
            assert_eq!(source.wire(&mut scratch), Some(text));
        }
    }

    #[test]
    fn copy_sources_that_name_nothing_are_refused() {
        for source in [
            CopySource::from("bkt"),
            CopySource::from(""),
            CopySource::default(),
            CopySource::from("BKT/k"),
            CopySource::new("bkt", "k").version_id(""),
        ] {
            assert!(source.fault().unwrap().to_string().contains("copy source"), "{source}");
        }
        for source in ["bkt", "bkt/", "", "s3://bkt/k", "https://host/bkt/k"].map(CopySource::from) {
            assert!(source.fault().unwrap().to_string().contains("BUCKET/KEY"), "{source}");
        }
        let signed = CopySource::from("https://host/bkt/k?X-Amz-Signature=0123").fault().unwrap();
        assert!(!signed.to_string().contains("0123"), "{signed}");
        let arn = CopySource::from("arn:aws:s3:us-west-2:123456789012:accesspoint/x/object/k").fault().unwrap();
        assert!(arn.to_string().contains("CopySource::raw"), "{arn}");
    }
}
