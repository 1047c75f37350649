//! Checks of input before a byte is sent. Pure; errors name the field, the rule and where it is broken, never a value
//! that could be secret.
//!
//! Bucket names are held to the rules for new buckets everywhere, on custom endpoints too. Suffixes that S3 itself
//! hands out (`-s3alias`, `--ol-s3`, `--table-s3`) pass, because such names are addressed like buckets; prefixes nobody's
//! bucket can have (`xn--`, `sthree-`) do not. `amzn-s3-demo-` passes: whether it is taken is the server's affair.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::error::{RequestError, S3Error};

/// Bytes of names and values that all metadata of an object may have together.
pub const MAX_METADATA: usize = 2_048;
/// Bytes of an object's key.
pub const MAX_KEY: usize = 1_024;
/// Tags of an object.
pub const MAX_OBJECT_TAGS: usize = 10;
/// Tags of a bucket.
pub const MAX_BUCKET_TAGS: usize = 50;
/// Parts of a multipart upload.
pub const MAX_PARTS: i32 = 10_000;
/// How long a presigned URL can live: seven days.
pub const MAX_PRESIGN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new(RequestError::Validation, message)
}

/// A bucket's name: 3 to 63 of lower-case letters, digits, dots and hyphens, made of labels that begin and end with a
/// letter or digit; no IPv4 address, no reserved prefix.
///
/// # Errors
/// `Request(InvalidBucketName)`, saying which rule is broken.
///
/// ```
/// use integration_s3_runtime::checks::bucket;
///
/// assert!(bucket("logs.2026").is_ok());
/// assert!(bucket("Logs").is_err());
/// ```
pub fn bucket(name: &str) -> Result<(), S3Error> {
    if is_plain_bucket(name.as_bytes()) {
        return Ok(());
    }
    let refuse = |message: String| Err(S3Error::new(RequestError::InvalidBucketName, message));
    if name.starts_with("arn:") {
        return refuse("an ARN cannot stand for a bucket".into()).map_err(|error: S3Error| {
            error.with_suggestion(
                "use the access point's alias as the bucket, or set its host (name-account.s3-accesspoint.region.amazonaws.com) as the endpoint and its name as the bucket",
            )
        });
    }
    let length = name.chars().count();
    if !(3..=63).contains(&length) {
        return refuse(format!("a bucket name has 3 to 63 characters, this one {length}"));
    }
    let stray = |c: &char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-'));
    if let Some((at, c)) = name.chars().enumerate().find(|(_, c)| stray(c)) {
        let hint = if c.is_ascii_uppercase() { " (upper case)" } else { "" };
        return refuse(format!(
            "a bucket name has only lower-case letters, digits, dots and hyphens; character {} is {c:?}{hint}",
            at + 1
        ));
    }
    let edge = |c: char| c == '.' || c == '-';
    if name.starts_with(edge) || name.ends_with(edge) {
        return refuse("a bucket name begins and ends with a letter or digit".into());
    }
    if let Some(pair) = ["..", ".-", "-."].into_iter().find(|pair| name.contains(pair)) {
        return refuse(format!("a bucket name cannot hold `{pair}`"));
    }
    if name.split('.').count() == 4 && name.bytes().all(|b| b == b'.' || b.is_ascii_digit()) {
        return refuse("a bucket name cannot look like an IP address".into());
    }
    if let Some(prefix) = ["xn--", "sthree-"].into_iter().find(|prefix| name.starts_with(prefix)) {
        return refuse(format!("a bucket name cannot begin with `{prefix}`, which is reserved"));
    }
    if name.ends_with("--x-s3") {
        return refuse("directory buckets (`--x-s3`) need session credentials, which are not supported".into());
    }
    if name.ends_with(".mrap") {
        return refuse("multi-region access points (`.mrap`) need SigV4A, which is not supported".into());
    }
    Ok(())
}

/// Whether a bucket's name is one of those that need no closer look, as most are: letters, digits and single hyphens between them.
fn is_plain_bucket(name: &[u8]) -> bool {
    let mut last = b'-';
    for &byte in name {
        if !(matches!(byte, b'a'..=b'z' | b'0'..=b'9') || (byte == b'-' && last != b'-')) {
            return false;
        }
        last = byte;
    }
    (3..=63).contains(&name.len()) && last != b'-' && !name.starts_with(b"sthree-")
}

/// An object's key: 1 to 1,024 bytes. Every character is allowed.
///
/// # Errors
/// `Request(InvalidObjectKey)` with the length.
pub fn key(key: &str) -> Result<(), S3Error> {
    if (1..=MAX_KEY).contains(&key.len()) {
        return Ok(());
    }
    let message = if key.is_empty() {
        "the key is empty".to_owned()
    } else {
        format!("a key has at most 1024 bytes of UTF-8, this one {}", key.len())
    };
    Err(S3Error::new(RequestError::InvalidObjectKey, message))
}

/// A header's value: no control characters but the tab. CR and LF would let a value write headers of its own.
///
/// # Errors
/// `Request(Validation)` naming the header and the position, never the value.
pub fn header_value(name: &str, value: &str) -> Result<(), S3Error> {
    match value.bytes().position(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        None => Ok(()),
        Some(at) => Err(invalid(format!("the value of {name} has a control character at byte {at}"))),
    }
}

/// The name of a metadata entry, without the `x-amz-meta-` before it: characters a header name may have.
///
/// # Errors
/// `Request(Validation)` saying where a character is not allowed.
pub fn metadata_name(name: &str) -> Result<(), S3Error> {
    if name.is_empty() {
        return Err(invalid("a metadata name is empty"));
    }
    match name.bytes().position(|b| !(b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))) {
        None => Ok(()),
        Some(at) => Err(invalid(format!(
            "the metadata name {:?} has a character at byte {at} that no header name has",
            name.chars().take(64).collect::<String>()
        ))),
    }
}

/// All names and values of an object's metadata together: at most 2,048 bytes.
///
/// # Errors
/// `Request(Validation)` with the size.
pub fn metadata_size(bytes: usize) -> Result<(), S3Error> {
    if bytes <= MAX_METADATA {
        return Ok(());
    }
    Err(invalid(format!("the metadata has {bytes} bytes in names and values, at most {MAX_METADATA} are allowed")))
}

/// The number of a part: 1 to 10,000.
///
/// # Errors
/// `Request(Validation)` with the number.
pub fn part_number(number: i32) -> Result<(), S3Error> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(());
    }
    Err(invalid(format!("a part number is 1 to {MAX_PARTS}, not {number}")))
}

/// How long a presigned URL lives: 1 second to 7 days.
///
/// # Errors
/// `Request(Validation)` with the duration.
pub fn presign_expiry(expires_in: Duration) -> Result<(), S3Error> {
    if (Duration::from_secs(1)..=MAX_PRESIGN).contains(&expires_in) {
        return Ok(());
    }
    Err(invalid(format!(
        "a presigned URL lives 1 second to 7 days (604800 seconds), not {} seconds",
        expires_in.as_secs_f64()
    )))
}

/// A set of tags: at most `max`, keys of 1 to 128 characters that differ and do not begin with `aws:`, values of at
/// most 256 characters.
///
/// # Errors
/// `Request(Validation)` naming the rule and the tag by its place.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>, max: usize) -> Result<(), S3Error> {
    let mut seen = BTreeSet::new();
    for (at, (key, value)) in tags.into_iter().enumerate() {
        let place = at + 1;
        let (in_key, in_value) = (key.chars().count(), value.chars().count());
        if place > max {
            return Err(invalid(format!("there are more than {max} tags")));
        }
        if !(1..=128).contains(&in_key) {
            return Err(invalid(format!("the key of tag {place} must have 1 to 128 characters, it has {in_key}")));
        }
        if in_value > 256 {
            return Err(invalid(format!("the value of tag {place} may have 256 characters, it has {in_value}")));
        }
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(invalid(format!("the key of tag {place} must not begin with `aws:`, which is reserved")));
        }
        if !seen.insert(key) {
            return Err(invalid(format!("the key of tag {place} was there before")));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_rules() {
        let longest = "a".repeat(63);
        for fine in [
            "abc",
            "a-b",
            "a.b.c",
            "1bucket",
            "my--bucket",
            "1.2.3",
            "1.2.3.x",
            "logs.2026",
            "amzn-s3-demo-bucket",
            "ap-xyz-s3alias",
            "ap--ol-s3",
            &longest,
        ] {
            assert!(bucket(fine).is_ok(), "{fine}");
        }
        let long = "a".repeat(64);
        for (bad, what) in [
            ("", "3 to 63"),
            ("ab", "3 to 63 characters, this one 2"),
            (&long, "this one 64"),
            ("Abc", "character 1 is 'A' (upper case)"),
            ("a_b", "character 2 is '_'"),
            ("a b", "' '"),
            ("a/b", "'/'"),
            ("bücket", "'ü'"),
            ("a\r\nb", "'\\r'"),
            ("a?x", "'?'"),
            ("user@host", "'@'"),
            (".abc", "begins and ends"),
            ("abc-", "begins and ends"),
            ("-abc", "begins and ends"),
            ("...", "begins and ends"),
            ("a..b", "`..`"),
            ("a.-b", "`.-`"),
            ("a-.b", "`-.`"),
            ("192.168.5.4", "IP address"),
            ("999.999.999.999", "IP address"),
            ("xn--abc", "`xn--`"),
            ("sthree-abc", "`sthree-`"),
            ("sthree-configurator", "`sthree-`"),
            ("b--use1-az4--x-s3", "directory buckets"),
            ("abc.mrap", "SigV4A"),
            ("arn:aws:s3:us-east-1:123456789012:accesspoint/x", "as the endpoint"),
        ] {
            let error = bucket(bad).unwrap_err();
            assert_eq!(error.kind(), RequestError::InvalidBucketName.into());
            assert!(error.to_string().contains(what), "{bad}: {error}");
        }
    }

    #[test]
    fn keys_are_counted_in_bytes() {
        for fine in ["a", "/", ".", "..", "\n", "é", &"k".repeat(1024), &"é".repeat(512)] {
            assert!(key(fine).is_ok());
        }
        assert!(key("").unwrap_err().to_string().contains("empty"));
        assert!(key(&"é".repeat(513)).unwrap_err().to_string().contains("this one 1026"));
    }

    #[test]
    fn control_characters_in_header_values_are_refused_without_showing_the_value() {
        for c in (0u8..=0x7f).map(char::from) {
            let value = format!("hunter2{c}x");
            match header_value("x-amz-acl", &value) {
                Ok(()) => assert!(c == '\t' || !c.is_ascii_control(), "{c:?}"),
                Err(error) => {
                    let text = format!("{error:?}");
                    assert!(
                        c.is_ascii_control()
                            && text.contains("x-amz-acl")
                            && text.contains("byte 7")
                            && !text.contains("hunter2"),
                        "{text}"
                    );
                }
            }
        }
    }

    #[test]
    fn limits_hold_at_their_edges() {
        assert!(part_number(1).is_ok() && part_number(10_000).is_ok());
        assert!(part_number(0).is_err() && part_number(10_001).is_err() && part_number(-1).is_err());
        assert!(presign_expiry(Duration::from_secs(1)).is_ok() && presign_expiry(MAX_PRESIGN).is_ok());
        assert!(presign_expiry(Duration::ZERO).is_err() && presign_expiry(Duration::from_millis(999)).is_err());
        assert!(presign_expiry(MAX_PRESIGN + Duration::from_nanos(1)).is_err());
        assert!(metadata_size(2048).is_ok() && metadata_size(2049).is_err());
    }

    #[test]
    fn metadata_names_are_header_names() {
        for fine in ["author", "X_Y", "a.b", "1", "a'b"] {
            assert!(metadata_name(fine).is_ok(), "{fine}");
        }
        for bad in ["", "a b", "a:b", "é", "a\r\nb", "a(b)", "a/b"] {
            assert!(metadata_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_follow_the_rules() {
        let many: Vec<String> = (0..11).map(|n| format!("k{n}")).collect();
        assert!(tags(many.iter().take(10).map(|k| (k.as_str(), "")), MAX_OBJECT_TAGS).is_ok());
        assert!(
            tags(many.iter().map(|k| (k.as_str(), "")), MAX_OBJECT_TAGS)
                .unwrap_err()
                .to_string()
                .contains("more than 10")
        );
        assert!(tags([(&*"é".repeat(128), &*"v".repeat(256))], 1).is_ok());
        for (key, value) in [("", ""), (&*"k".repeat(129), ""), ("k", &*"v".repeat(257)), ("aws:x", ""), ("AWS:x", "")]
        {
            assert!(tags([(key, value)], 50).is_err(), "{key}");
        }
        assert!(tags([("a", "1"), ("a", "2")], 50).is_err());
    }
}
