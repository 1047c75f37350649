//! The signature in the `authorization` header.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};

use super::key::SigningKey;
use super::{ALGORITHM, Hex, KeyCache, Payload, SigningScope, Target, canonical};
use crate::error::{S3Error, SigningError};
use crate::identity::Credentials;

// Not statics: a name that is lent is copied first.
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What came out of signing a request; signing the chunks of its body begins with it.
pub struct Signature {
    pub(super) hex: Hex,
    pub(super) date: [u8; 16],
    pub(super) key: Arc<SigningKey>,
}

impl Signature {
    /// The signature, 64 hexadecimal digits. Not for logs.
    pub fn hex(&self) -> &str {
        std::str::from_utf8(&self.hex.0).unwrap_or_default()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(***)")
    }
}

/// Signs a request: sets `x-amz-date`, `x-amz-content-sha256`, `authorization`, and `x-amz-security-token` if
/// the credentials have a token.
///
/// Headers that will be sent and are to be signed must stand in `headers` already. What an earlier attempt
/// signed is replaced, so the same headers can be signed again. With a warm key this allocates
/// the text of the new header values and nothing else.
///
/// # Errors
///
/// If neither `headers` nor `target` names a host, and if credentials or region hold what cannot stand in a header.
/// The headers are then as they were.
///
/// # Example
///
/// ```
/// use integration_s3_runtime::identity::Credentials;
/// use integration_s3_runtime::sign::{KeyCache, Payload, SigningScope, Target, sign_request};
/// use integration_s3_runtime::timestamp::Timestamp;
///
/// # fn main() -> Result<(), integration_s3_runtime::error::S3Error> {
/// let mut headers = http::HeaderMap::new();
/// let target = Target { method: "GET", host: Some("logs.s3.amazonaws.com"), path: "/a.txt", query: "" };
/// let scope = SigningScope { region: "us-east-1", service: "s3", time: Timestamp::from_unix(1_369_353_600) };
/// let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
/// sign_request(&target, &mut headers, &Payload::Empty, &credentials, &scope, &KeyCache::new())?;
/// assert_eq!(headers["x-amz-date"], "20130524T000000Z");
/// # Ok(())
/// # }
/// ```
pub fn sign_request(
    target: &Target<'_>,
    headers: &mut HeaderMap,
    payload: &Payload<'_>,
    credentials: &Credentials,
    scope: &SigningScope<'_>,
    keys: &KeyCache,
) -> Result<Signature, S3Error> {
    sign_these(target, headers, payload, credentials, scope, keys, canonical::is_signed_header)
}

/// Signing with a choice of headers: published examples sign some that we do not.
fn sign_these(
    target: &Target<'_>,
    headers: &mut HeaderMap,
    payload: &Payload<'_>,
    credentials: &Credentials,
    scope: &SigningScope<'_>,
    keys: &KeyCache,
    signed: fn(&str) -> bool,
) -> Result<Signature, S3Error> {
    let date = scope.time.amz_date();
    let key = keys.get(credentials, scope, &date);
    let token = credentials.session_token().map(|token| token.expose().as_bytes());
    let payload_text = payload.as_str();
    let host = match headers.get(HOST) {
        Some(host) => host.as_bytes(),
        None => target.host.map(str::as_bytes).ok_or_else(missing_host)?,
    };
    let own = [
        ("host", Some(host)),
        ("x-amz-content-sha256", Some(payload_text.as_bytes())),
        ("x-amz-date", Some(&date[..])),
        ("x-amz-security-token", token),
    ];
    let (hex, authorization) = canonical::with_fields(headers, &own, signed, |fields| {
        const SIGNATURE: &[u8] = b", Signature=";
        let names: usize = fields.iter().map(|field| field.name.len() + 1).sum();
        // Exactly as large as it gets: such a buffer becomes a header as it is.
        let mut said = Vec::with_capacity((key.said().len() + names + SIGNATURE.len() + 64).saturating_sub(1));
        said.extend_from_slice(key.said().as_bytes());
        let names_at = said.len();
        for name in canonical::names(fields) {
            said.extend_from_slice(name.as_bytes());
            said.push(b';');
        }
        said.pop();
        // They are signed as they are said.
        let names = said.get(names_at..).unwrap_or_default();
        let hex = sign_hash(&key, &date, &canonical::hash_named(target, fields, names, payload_text.as_bytes()));
        said.extend_from_slice(SIGNATURE);
        said.extend_from_slice(&hex.0);
        (hex, said)
    });
    let mut authorization = value(Bytes::from(authorization), "the access key id or the region")?;
    authorization.set_sensitive(true);
    let date_value = value(Bytes::copy_from_slice(&date), "the date")?;
    let payload_value = match payload {
        Payload::Sha256Hex(hex) => value(Bytes::copy_from_slice(hex.as_bytes()), "the hash of the body")?,
        other => HeaderValue::from_static(fixed_text(other)),
    };
    let token_value = match token {
        Some(token) => Some(value(Bytes::copy_from_slice(token), "the session token")?),
        None => None,
    };

    headers.insert(DATE, date_value);
    headers.insert(CONTENT_SHA256, payload_value);
    match token_value {
        Some(mut token) => {
            token.set_sensitive(true);
            headers.insert(SECURITY_TOKEN, token);
        }
        // Credentials may have changed since the last attempt.
        None => drop(headers.remove(SECURITY_TOKEN)),
    }
    headers.insert(AUTHORIZATION, authorization);
    Ok(Signature { hex, date, key })
}

/// Payload texts that are known beforehand.
fn fixed_text(payload: &Payload<'_>) -> &'static str {
    match payload {
        Payload::Sha256Hex(_) | Payload::Unsigned => Payload::Unsigned.as_str(),
        Payload::Empty => Payload::Empty.as_str(),
        Payload::StreamingSigned => Payload::StreamingSigned.as_str(),
        Payload::StreamingSignedTrailer => Payload::StreamingSignedTrailer.as_str(),
        Payload::StreamingUnsignedTrailer => Payload::StreamingUnsignedTrailer.as_str(),
    }
}

/// The signature of a canonical request, given its hash.
pub(super) fn sign_hash(key: &SigningKey, date: &[u8; 16], request: &Hex) -> Hex {
    let mut begin = *b"AWS4-HMAC-SHA256\nYYYYMMDDThhmmssZ\n";
    begin[ALGORITHM.len() + 1..][..date.len()].copy_from_slice(date);
    key.sign(&[&begin, key.scope().as_bytes(), b"\n", &request.0])
}

pub(super) fn missing_host() -> S3Error {
    S3Error::new(SigningError::CalculationFailed, "the request names no host to sign for")
}

fn value(text: Bytes, what: &'static str) -> Result<HeaderValue, S3Error> {
    HeaderValue::from_maybe_shared(text).map_err(|_| {
        let mut message = String::from(what);
        message.push_str(" holds a character that cannot stand in a header");
        S3Error::new(SigningError::CalculationFailed, message)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
pub(super) mod tests {
    use super::*;
    use crate::sign::sha256_hex;
    use crate::timestamp::Timestamp;

    pub(crate) fn example() -> Credentials {
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    }

    pub(crate) const SCOPE: SigningScope<'static> =
        SigningScope { region: "us-east-1", service: "s3", time: Timestamp::from_unix(1_369_353_600) };

    pub(crate) fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut out = HeaderMap::new();
        for (name, value) in pairs {
            out.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        out
    }

    /// Signs as a published example does, which may sign headers that we leave alone.
    pub(crate) fn sign_all(target: Target<'_>, headers: &mut HeaderMap, payload: Payload<'_>) -> Signature {
        sign_these(&target, headers, &payload, &example(), &SCOPE, &KeyCache::new(), |_| true).unwrap()
    }

    const HOST: Option<&str> = Some("examplebucket.s3.amazonaws.com");

    #[test]
    fn published_get_object() {
        let target = Target { method: "GET", host: HOST, path: "/test.txt", query: "" };
        let mut sent = headers(&[("range", "bytes=0-9"), ("user-agent", "any"), ("accept", "*/*")]);
        let signature =
            sign_request(&target, &mut sent, &Payload::Empty, &example(), &SCOPE, &KeyCache::new()).unwrap();
        assert_eq!(signature.hex(), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
        assert_eq!(
            sent["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert!(sent["authorization"].is_sensitive());
        assert_eq!(sent["x-amz-content-sha256"], Payload::Empty.as_str());
        assert!(!sent.contains_key("host") && !sent.contains_key("x-amz-security-token"));
        sent.remove("authorization");
        sent.insert("host", HeaderValue::from_static("examplebucket.s3.amazonaws.com"));
        let hash = canonical::with_fields(&sent, &[], canonical::is_signed_header, |fields| {
            canonical::hash(&target, "", fields, Payload::Empty.as_str().as_bytes()).to_text()
        });
        assert_eq!(hash, "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
    }

    #[test]
    fn published_put_object() {
        let target = Target { method: "PUT", host: HOST, path: "/test%24file.text", query: "" };
        let mut sent =
            headers(&[("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")]);
        let hash = sha256_hex(b"Welcome to Amazon S3.");
        let signature = sign_all(target, &mut sent, Payload::Sha256Hex(&hash));
        assert_eq!(signature.hex(), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
        assert_eq!(sent["x-amz-content-sha256"], hash);
    }

    #[test]
    fn published_get_bucket_lifecycle() {
        let target = Target { method: "GET", host: HOST, path: "/", query: "lifecycle=" };
        let signature =
            sign_request(&target, &mut HeaderMap::new(), &Payload::Empty, &example(), &SCOPE, &KeyCache::new());
        assert_eq!(signature.unwrap().hex(), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    }

    #[test]
    fn published_list_objects() {
        let target = Target { method: "GET", host: HOST, path: "", query: "max-keys=2&prefix=J" };
        let signature =
            sign_request(&target, &mut HeaderMap::new(), &Payload::Empty, &example(), &SCOPE, &KeyCache::new());
        assert_eq!(signature.unwrap().hex(), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    }

    #[test]
    fn signing_again_replaces_the_first_signature() {
        let target = Target { method: "GET", host: HOST, path: "/k", query: "" };
        let keys = KeyCache::new();
        let temporary = example().with_session_token("token");
        let mut sent = headers(&[("x-amz-acl", "private")]);
        let later = SigningScope { time: Timestamp::from_unix(1_400_000_000), ..SCOPE };
        sign_request(&target, &mut sent, &Payload::Unsigned, &temporary, &later, &keys).unwrap();
        assert_eq!(sent["x-amz-security-token"], "token");
        assert!(sent["x-amz-security-token"].is_sensitive());
        assert!(sent["authorization"].to_str().unwrap().contains(";x-amz-date;x-amz-security-token,"));
        sign_request(&target, &mut sent, &Payload::Empty, &example(), &SCOPE, &keys).unwrap();
        let mut fresh = headers(&[("x-amz-acl", "private")]);
        sign_request(&target, &mut fresh, &Payload::Empty, &example(), &SCOPE, &keys).unwrap();
        assert_eq!(sent, fresh);
    }

    #[test]
    fn the_host_header_wins_and_one_of_both_is_needed() {
        let target = Target { method: "GET", host: Some("other"), path: "/test.txt", query: "" };
        let mut sent = headers(&[("host", "examplebucket.s3.amazonaws.com"), ("range", "bytes=0-9")]);
        let keys = KeyCache::new();
        let signature = sign_request(&target, &mut sent, &Payload::Empty, &example(), &SCOPE, &keys).unwrap();
        assert!(signature.hex().starts_with("f0e8bdb8"));
        let nobody = Target { host: None, ..target };
        let error =
            sign_request(&nobody, &mut HeaderMap::new(), &Payload::Empty, &example(), &SCOPE, &keys).unwrap_err();
        assert_eq!(error.kind(), SigningError::CalculationFailed.into());
    }

    #[test]
    fn refuses_what_no_header_can_hold_and_changes_nothing() {
        let target = Target { method: "GET", host: HOST, path: "/", query: "" };
        let keys = KeyCache::new();
        let mut sent = HeaderMap::new();
        for (credentials, region) in [
            (Credentials::new("A\nB", "s"), "r"),
            (Credentials::new("A", "s").with_session_token("hush\r\n"), "r"),
            (Credentials::new("A", "s"), "r\0"),
        ] {
            let scope = SigningScope { region, ..SCOPE };
            let error =
                sign_request(&target, &mut sent, &Payload::Empty, &credentials, &scope, &keys).unwrap_err().to_string();
            assert!(error.contains("cannot stand in a header") && !error.contains("hush"), "{error}");
            assert!(sent.is_empty());
        }
    }
}
