//! What may be shown of a request: headers on a list, URLs without their query. What is not on the list is not shown.

use std::fmt;

use http::{HeaderMap, Uri};

/// Headers whose values may be shown. None of them holds a secret, a signature or content.
const SHOWN: &[&str] = &[
    "accept-ranges",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "last-modified",
    "range",
    "retry-after",
    "server",
    "transfer-encoding",
    "user-agent",
    "x-amz-acl",
    "x-amz-bucket-region",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-mode",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-checksum-type",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-delete-marker",
    "x-amz-id-2",
    "x-amz-mp-parts-count",
    "x-amz-request-id",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-server-side-encryption",
    "x-amz-storage-class",
    "x-amz-trailer",
    "x-amz-version-id",
];

/// Headers, the values of those not on the list hidden.
pub(crate) struct Headers<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.0 {
            match SHOWN.binary_search(&name.as_str()) {
                Ok(_) => map.entry(&name.as_str(), value),
                Err(_) => map.entry(&name.as_str(), &format_args!("***")),
            };
        }
        map.finish()
    }
}

/// A URL without its query, which may hold a signature.
pub(crate) struct SafeUrl<'a>(pub(crate) &'a Uri);

impl fmt::Display for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(uri) = self;
        write!(f, "{}://{}{}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default(), Port(uri))?;
        f.write_str(uri.path())
    }
}

struct Port<'a>(&'a Uri);

impl fmt::Display for Port<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.port_u16().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_on_the_list_is_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "AWS4-HMAC-SHA256 Signature=abc".parse().unwrap());
        headers.insert("x-amz-security-token", "tok123".parse().unwrap());
        headers.insert("x-amz-meta-author", "alice".parse().unwrap());
        headers.insert("x-amz-server-side-encryption-customer-key", "ssec42".parse().unwrap());
        headers.insert("etag", "\"1\"".parse().unwrap());
        let text = format!("{:?}", Headers(&headers));
        for secret in ["AWS4", "abc", "tok123", "alice", "ssec42"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.contains("\"authorization\": ***") && text.contains(r#""etag": "\"1\"""#), "{text}");
    }

    #[test]
    fn the_list_is_sorted_because_it_is_searched() {
        assert!(SHOWN.is_sorted());
    }

    #[test]
    fn urls_are_shown_without_query_and_user() {
        let uri = "http://user:pass@h:9000/b/k?X-Amz-Signature=abc".parse().unwrap();
        assert_eq!(SafeUrl(&uri).to_string(), "http://h:9000/b/k");
        assert_eq!(SafeUrl(&"https://h/b".parse().unwrap()).to_string(), "https://h/b");
    }
}
