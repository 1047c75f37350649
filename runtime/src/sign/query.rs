//! The signature in the query of a URL.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::HOST;

use super::header::{missing_host, sign_hash};
use super::key::SigningKey;
use super::{ALGORITHM, Hex, KeyCache, Payload, SigningScope, Target, canonical};
use crate::error::{RequestError, S3Error};
use crate::identity::Credentials;
use crate::plumbing::percent::encode_query;

/// The shortest time a presigned URL can be valid: one second.
pub const MIN_EXPIRY: Duration = Duration::from_secs(1);
/// The longest time a presigned URL can be valid: seven days.
pub const MAX_EXPIRY: Duration = Duration::from_secs(7 * 86_400);
/// How long presigned URLs are valid where nobody says otherwise: one hour.
pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(3600);

/// The finished query of a presigned URL, without the question mark.
///
/// All of `headers` are signed but those that [belong to transports](is_presigned_header), and `x-amz-date` and
/// `x-amz-security-token`, which the query says. Whoever uses the URL must send what is signed, with the same values, so
/// a condition (`if-none-match`) or a length cannot be left out; it may send others, but none of `x-amz-*`, which stores
/// refuse unsigned. The body is not covered, unless `x-amz-content-sha256` is among them.
///
/// `expires_in` is counted in whole seconds. The URL dies with the credentials, if they end earlier.
///
/// # Errors
///
/// If `expires_in` is not between [`MIN_EXPIRY`] and [`MAX_EXPIRY`], if there is no host, and if the query
/// holds signing parameters already.
///
/// # Example
///
/// ```
/// use integration_s3_runtime::identity::Credentials;
/// use integration_s3_runtime::sign::{DEFAULT_EXPIRY, KeyCache, SigningScope, Target, presign};
/// use integration_s3_runtime::timestamp::Timestamp;
///
/// # fn main() -> Result<(), integration_s3_runtime::error::S3Error> {
/// let target = Target { method: "GET", host: Some("logs.s3.amazonaws.com"), path: "/a.txt", query: "versionId=3" };
/// let scope = SigningScope { region: "us-east-1", service: "s3", time: Timestamp::from_unix(1_369_353_600) };
/// let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
/// let query = presign(&target, &http::HeaderMap::new(), DEFAULT_EXPIRY, &credentials, &scope, &KeyCache::new())?;
/// assert!(query.contains("&X-Amz-Expires=3600&"));
/// # Ok(())
/// # }
/// ```
pub fn presign(
    target: &Target<'_>,
    headers: &HeaderMap,
    expires_in: Duration,
    credentials: &Credentials,
    scope: &SigningScope<'_>,
    keys: &KeyCache,
) -> Result<String, S3Error> {
    check(expires_in)?;
    let host = match headers.get(HOST) {
        Some(host) => host.as_bytes(),
        None => target.host.map(str::as_bytes).ok_or_else(missing_host)?,
    };
    let signer = Signer::new(credentials, scope, keys, expires_in);
    with_fields(headers, host, |fields| {
        let mut query = String::with_capacity(target.query.len() + room(credentials));
        signer.write(&mut query, target.query, fields)?;
        let request = canonical::hash(target, &query, fields, payload(headers));
        signer.finish(&mut query, &request);
        Ok(query)
    })
}

/// Whether a header of that name (in lower case) takes part in presigned URLs.
///
/// All do but those that transports and proxies set, change or drop on the way, such as `user-agent` and
/// `accept-encoding`: what somebody else sends later holds only what was signed. Requests that are sent at once
/// [sign fewer](super::is_signed_header).
///
/// ```
/// use integration_s3_runtime::sign::is_presigned_header;
///
/// assert!(is_presigned_header("if-none-match") && is_presigned_header("content-length"));
/// assert!(!is_presigned_header("user-agent"));
/// ```
pub fn is_presigned_header(name: &str) -> bool {
    let of_transports = name.starts_with("amz-sdk-")
        || name.starts_with("proxy-")
        || name.starts_with("x-forwarded-")
        || matches!(
            name,
            "accept-encoding"
                | "authorization"
                | "connection"
                | "expect"
                | "forwarded"
                | "keep-alive"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
                | "user-agent"
                | "via"
                | "x-amzn-trace-id"
        );
    !of_transports
}

/// A URL that lacks its signature, and where its parts begin.
pub(crate) struct Unsigned {
    pub(crate) url: String,
    /// Behind `scheme://`.
    pub(crate) host_at: usize,
    pub(crate) path_at: usize,
    /// Of the question mark, or the URL's length.
    pub(crate) query_at: usize,
}

/// Bytes of a query that are kept on the stack while the signature's parameters are put between them.
const SHORT_QUERY: usize = 128;

/// Bytes that a signature adds to a URL, at most.
fn room(credentials: &Credentials) -> usize {
    400 + credentials.session_token().map_or(0, |token| token.expose().len() * 2)
}

/// As [`presign`], in place: the URL becomes the presigned one.
pub(crate) fn presign_url(
    unsigned: Unsigned,
    method: &str,
    headers: &HeaderMap,
    expires_in: Duration,
    credentials: &Credentials,
    scope: &SigningScope<'_>,
    keys: &KeyCache,
) -> Result<String, S3Error> {
    check(expires_in)?;
    let Unsigned { mut url, host_at, path_at, query_at } = unsigned;
    // The query is mostly so short that it is kept without memory of its own.
    let (mut short, long);
    let given = url.get(query_at + 1..).unwrap_or_default();
    let given = if given.len() <= SHORT_QUERY {
        short = [0; SHORT_QUERY];
        let kept = short.get_mut(..given.len()).unwrap_or_default();
        kept.copy_from_slice(given.as_bytes());
        std::str::from_utf8(kept).unwrap_or_default()
    } else {
        long = given.to_owned();
        long.as_str()
    };
    url.truncate(query_at);
    let signer = Signer::new(credentials, scope, keys, expires_in);
    url.reserve(given.len() + room(credentials));
    url.push('?');
    // Which headers are signed stands in the query, so their names come first and the host's value after it.
    with_fields(headers, b"", |fields| signer.write(&mut url, given, fields))?;
    let part = |from, to| url.get(from..to).unwrap_or_default();
    let target = Target { method, host: None, path: part(path_at, query_at), query: "" };
    let query = part(query_at + 1, url.len());
    let request = with_fields(headers, part(host_at, path_at).as_bytes(), |fields| {
        canonical::hash(&target, query, fields, payload(headers))
    });
    signer.finish(&mut url, &request);
    Ok(url)
}

fn check(expires_in: Duration) -> Result<(), S3Error> {
    if (MIN_EXPIRY..=MAX_EXPIRY).contains(&expires_in) {
        return Ok(());
    }
    let message = "a presigned URL can be valid for 1 second to 7 days (604800 seconds)";
    Err(S3Error::new(RequestError::Validation, message).with_suggestion("choose an expiry within these limits"))
}

fn payload(headers: &HeaderMap) -> &[u8] {
    match headers.get("x-amz-content-sha256") {
        Some(hash) => hash.as_bytes(),
        None => Payload::Unsigned.as_str().as_bytes(),
    }
}

fn with_fields<R>(headers: &HeaderMap, host: &[u8], then: impl FnOnce(&[canonical::Field<'_>]) -> R) -> R {
    // Date and token stand in the query: as headers they would be said twice.
    let own = [("host", Some(host)), ("x-amz-date", None), ("x-amz-security-token", None)];
    canonical::with_fields(headers, &own, is_presigned_header, then)
}

/// Who signs, when and for how long.
struct Signer<'a> {
    credentials: &'a Credentials,
    key: Arc<SigningKey>,
    date: [u8; 16],
    expires_in: Duration,
}

impl<'a> Signer<'a> {
    fn new(credentials: &'a Credentials, scope: &SigningScope<'_>, keys: &KeyCache, expires_in: Duration) -> Self {
        let date = scope.time.amz_date();
        Self { credentials, key: keys.get(credentials, scope, &date), date, expires_in }
    }

    /// Appends the query but for its signature: parameters sorted by name, those of `given` among them.
    fn write(&self, out: &mut String, given: &str, fields: &[canonical::Field<'_>]) -> Result<(), S3Error> {
        let mut query = Merge::new(given, out);
        query.push("X-Amz-Algorithm", |out| out.push_str(ALGORITHM))?;
        query.push("X-Amz-Credential", |out| {
            encode_query(self.credentials.access_key_id(), out);
            out.push_str("%2F");
            encode_query(self.key.scope(), out);
        })?;
        query.push("X-Amz-Date", |out| out.push_str(std::str::from_utf8(&self.date).unwrap_or_default()))?;
        query.push("X-Amz-Expires", |out| push_number(self.expires_in.as_secs(), out))?;
        if let Some(token) = self.credentials.session_token() {
            query.push("X-Amz-Security-Token", |out| encode_query(token.expose(), out))?;
        }
        query.push("X-Amz-SignedHeaders", |out| {
            for (at, name) in canonical::names(fields).enumerate() {
                if at > 0 {
                    out.push_str("%3B");
                }
                encode_query(name, out);
            }
        })?;
        query.finish()
    }

    fn finish(&self, out: &mut String, request: &Hex) {
        out.push_str("&X-Amz-Signature=");
        sign_hash(&self.key, &self.date, request).push_to(out);
    }
}

fn push_number(number: u64, out: &mut String) {
    if number > 9 {
        push_number(number / 10, out);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

/// Puts parameters into a sorted query, in one pass from left to right.
struct Merge<'a> {
    /// What is left of the sorted query, and its first pair.
    theirs: &'a str,
    pair: &'a str,
    /// The name of that pair.
    name: &'a str,
    out: &'a mut String,
    /// Whether a pair was written.
    begun: bool,
}

impl<'a> Merge<'a> {
    fn new(theirs: &'a str, out: &'a mut String) -> Self {
        let mut merge = Self { theirs, pair: "", name: "", out, begun: false };
        merge.look();
        merge
    }

    /// Finds the first pair of what is left.
    fn look(&mut self) {
        let until = |text: &'a str, byte| text.bytes().position(|b| b == byte).and_then(|at| text.get(..at));
        self.pair = until(self.theirs, b'&').unwrap_or(self.theirs);
        self.name = until(self.pair, b'=').unwrap_or(self.pair);
    }

    /// Names must come in ascending order.
    fn push(&mut self, name: &'static str, write: impl FnOnce(&mut String)) -> Result<(), S3Error> {
        self.copy_until(Some(name))?;
        self.separate();
        self.out.push_str(name);
        self.out.push('=');
        write(self.out);
        Ok(())
    }

    fn finish(mut self) -> Result<(), S3Error> {
        self.copy_until(None)
    }

    /// Copies the pairs whose name sorts before `name`. Whole pairs would sort differently: `=` is greater than `-`.
    fn copy_until(&mut self, name: Option<&str>) -> Result<(), S3Error> {
        while !self.theirs.is_empty() && name.is_none_or(|name| self.name <= name) {
            if RESERVED.contains(&self.name) {
                return Err(S3Error::new(RequestError::Validation, "the query holds signing parameters already"));
            }
            self.separate();
            self.out.push_str(self.pair);
            self.theirs = self.theirs.get(self.pair.len() + 1..).unwrap_or_default();
            self.look();
        }
        Ok(())
    }

    fn separate(&mut self) {
        if self.begun {
            self.out.push('&');
        }
        self.begun = true;
    }
}

/// What only signing may set.
const RESERVED: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::header::tests::{SCOPE, example, headers};
    use super::*;

    const TARGET: Target<'static> =
        Target { method: "GET", host: Some("examplebucket.s3.amazonaws.com"), path: "/test.txt", query: "" };

    fn signed(target: &Target<'_>, headers: &HeaderMap, seconds: f64) -> Result<String, S3Error> {
        presign(target, headers, Duration::from_secs_f64(seconds), &example(), &SCOPE, &KeyCache::new())
    }

    #[test]
    fn published_presigned_get() {
        assert_eq!(
            signed(&TARGET, &HeaderMap::new(), 86_400.0).unwrap(),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn in_place_or_apart_the_query_is_the_same() {
        let long = format!("a={}&x-id=GetObject", "b".repeat(200));
        let token = example().with_session_token("t/".repeat(300));
        for query in ["", "x-id=GetObject", "A=1&X-Amz-E=2&x=3", "a=&a=1", &long] {
            for sent in [headers(&[]), headers(&[("x-amz-acl", "private"), ("content-type", "text/plain")])] {
                for credentials in [&example(), &token] {
                    let expires = Duration::from_secs(604_800);
                    let target = Target { query, ..TARGET };
                    let apart = presign(&target, &sent, expires, credentials, &SCOPE, &KeyCache::new()).unwrap();
                    let base = "https://examplebucket.s3.amazonaws.com/test.txt";
                    let url = if query.is_empty() { base.to_owned() } else { format!("{base}?{query}") };
                    let unsigned = Unsigned { url, host_at: 8, path_at: base.len() - 9, query_at: base.len() };
                    let keys = KeyCache::new();
                    let url = presign_url(unsigned, "GET", &sent, expires, credentials, &SCOPE, &keys).unwrap();
                    assert_eq!(url, format!("{base}?{apart}"));
                }
            }
        }
    }

    #[test]
    fn expiry_is_one_second_to_seven_days() {
        for good in [1.0, 1.9, 3600.0, 604_800.0] {
            let query = signed(&TARGET, &HeaderMap::new(), good).unwrap();
            assert!(query.contains(&format!("X-Amz-Expires={}&", good.trunc())), "{query}");
        }
        for bad in [0.0, 0.9, 604_800.5, 1e9] {
            let error = signed(&TARGET, &HeaderMap::new(), bad).unwrap_err();
            assert_eq!(error.kind(), RequestError::Validation.into());
            assert!(error.to_string().contains("1 second to 7 days"), "{error}");
        }
    }

    #[test]
    fn parameters_stay_sorted_by_name() {
        let names = |query: &str| -> Vec<String> {
            query.split('&').map(|pair| pair.split('=').next().unwrap().to_owned()).collect()
        };
        for given in [
            "A=1&X-Amz=2&X-Amz-=3&X-Amz-D=4&X-Amz-Date-2=5&X-Amz-Expires%20=6&Y=7&a=8",
            "X-A=1&X-Amz-Z=2",
            "a-b=1&versionId=",
            "%00=1",
            "X-Amz-Date-=1",
            "X-Amz-Content-Sha256=1",
        ] {
            let query = signed(&Target { query: given, ..TARGET }, &HeaderMap::new(), 60.0).unwrap();
            let canonical = query.rsplit_once("&X-Amz-Signature=").unwrap().0;
            let mut sorted = names(canonical);
            sorted.sort();
            assert_eq!(names(canonical), sorted, "{canonical}");
            assert!(given.split('&').all(|pair| canonical.split('&').any(|it| it == pair)), "{canonical}");
            assert_eq!(canonical.split('&').count(), 5 + given.split('&').count());
        }
    }

    #[test]
    fn refuses_to_sign_twice_without_telling_the_query() {
        for query in ["X-Amz-Signature=abc", "X-Amz-Date=1", "a=1&X-Amz-SignedHeaders=host&z=1"] {
            let error = signed(&Target { query, ..TARGET }, &HeaderMap::new(), 60.0).unwrap_err().to_string();
            assert!(error.contains("already") && !error.contains("abc"), "{error}");
        }
    }

    #[test]
    fn signs_all_headers_but_those_of_transports() {
        let sent = headers(&[
            ("content-type", "text/plain"),
            ("x-amz-acl", "private"),
            ("if-none-match", "*"),
            ("content-length", "5"),
            ("cache-control", "no-store"),
            ("user-agent", "any"),
            ("amz-sdk-request", "attempt=1"),
            ("expect", "100-continue"),
            ("x-amz-date", "20000101T000000Z"),
            ("x-amz-security-token", "old"),
        ]);
        let query = signed(&TARGET, &sent, 60.0).unwrap();
        let names = "cache-control%3Bcontent-length%3Bcontent-type%3Bhost%3Bif-none-match%3Bx-amz-acl";
        assert!(query.contains(&format!("&X-Amz-SignedHeaders={names}&")), "{query}");
    }

    #[test]
    fn a_token_is_signed_with_the_query() {
        let credentials = example().with_session_token("a/b+c==");
        let query = presign(&TARGET, &HeaderMap::new(), DEFAULT_EXPIRY, &credentials, &SCOPE, &KeyCache::new());
        assert!(query.unwrap().contains("&X-Amz-Security-Token=a%2Fb%2Bc%3D%3D&X-Amz-SignedHeaders="));
    }
}
