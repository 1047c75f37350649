//! Signature Version 4, pure.
//!
//! From a request and credentials to a signature: in the `authorization` header ([`sign_request`]), in
//! the query of a URL ([`presign`]), over the chunks of a body ([`ChunkFramer`]) and over the policy of
//! a browser form ([`PolicySigner`]). There is no clock here, no input or output and no waiting: the
//! time is an argument, and the same arguments give the same bytes.
//!
//! What is signed is what is sent. Paths arrive percent-encoded once and queries arrive sorted; nothing
//! is normalised, because S3 does not normalise either. Signed headers are `host`, `content-type`,
//! `content-md5`, `range` and all of `x-amz-*`; a presigned URL signs [all that its request has](is_presigned_header).

mod canonical;
mod chunk;
mod header;
mod key;
mod policy;
mod query;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "reference_tests.rs"]
mod reference;

use std::fmt;

use sha2::{Digest, Sha256};

pub use canonical::is_signed_header;
pub use chunk::{CHUNK_SIZE, ChunkFramer, encoded_len};
pub use header::{Signature, sign_request};
pub use key::KeyCache;
pub use policy::PolicySigner;
pub use query::{DEFAULT_EXPIRY, MAX_EXPIRY, MIN_EXPIRY, is_presigned_header, presign};
pub(crate) use query::{Unsigned, presign_url};

use crate::timestamp::Timestamp;

/// The one algorithm there is, by the name it has on the wire.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Where and when a signature holds.
#[derive(Clone, Copy, Debug)]
pub struct SigningScope<'a> {
    /// The region the endpoint belongs to: `eu-west-1`, or whatever name a store gave itself.
    pub region: &'a str,
    /// The name the service signs with: `s3`.
    pub service: &'a str,
    /// The time of signing. Servers refuse what is more than 15 minutes off their own clock.
    pub time: Timestamp,
}

/// What is asked of whom.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The HTTP method, in upper case.
    pub method: &'a str,
    /// Host, and port unless it is the scheme's own, as sent. A `host` header takes precedence.
    pub host: Option<&'a str>,
    /// The path as sent: percent-encoded, beginning with a slash. An empty one means `/`.
    pub path: &'a str,
    /// The query as sent, without the question mark: `name=value` pairs (a name alone still has its `=`),
    /// percent-encoded and sorted by name, then value.
    pub query: &'a str,
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query can hold a signature.
        let Self { method, host, path, query: _ } = self;
        f.debug_struct("Target").field("method", method).field("host", host).field("path", path).finish_non_exhaustive()
    }
}

/// How the body takes part in the signature: the value of `x-amz-content-sha256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The body is not covered. Right over TLS, and for bodies that come with a checksum.
    Unsigned,
    /// There is no body.
    Empty,
    /// The SHA-256 of the whole body, 64 hexadecimal digits in lower case.
    Sha256Hex(&'a str),
    /// The body comes in chunks, each with a signature.
    StreamingSigned,
    /// The body comes in signed chunks and is followed by signed trailers.
    StreamingSignedTrailer,
    /// The body comes in chunks without signatures and is followed by trailers.
    StreamingUnsignedTrailer,
}

impl<'a> Payload<'a> {
    /// The text that is sent and signed.
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Unsigned => "UNSIGNED-PAYLOAD",
            Self::Empty => EMPTY_SHA256,
            Self::Sha256Hex(hex) => hex,
            Self::StreamingSigned => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::StreamingSignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::StreamingUnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }
}

/// The SHA-256 of nothing.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The SHA-256 of `data` as [`Payload::Sha256Hex`] wants it.
///
/// ```
/// use integration_s3_runtime::sign::sha256_hex;
///
/// assert!(sha256_hex(b"").starts_with("e3b0c442"));
/// ```
pub fn sha256_hex(data: &[u8]) -> String {
    Hex::of(&Sha256::digest(data).into()).to_text()
}

/// A SHA-256 as [`Payload::Sha256Hex`] wants it.
pub(crate) fn hex(sha256: &[u8; 32]) -> String {
    Hex::of(sha256).to_text()
}

/// Writes each byte as two hexadecimal digits in lower case. Computed rather than looked up: several at once then.
#[inline]
pub(crate) fn write_hex(bytes: &[u8], out: &mut [u8]) {
    let digit = |half: u8| half + if half > 9 { b'a' - 10 } else { b'0' };
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 15);
    }
}

/// 32 bytes in 64 hexadecimal digits, on the stack.
#[derive(Clone, Copy, PartialEq)]
struct Hex([u8; 64]);

impl Hex {
    fn of(bytes: &[u8; 32]) -> Self {
        let mut out = [0; 64];
        write_hex(bytes, &mut out);
        Self(out)
    }

    fn push_to(&self, out: &mut String) {
        out.push_str(std::str::from_utf8(&self.0).unwrap_or_default());
    }

    fn to_text(self) -> String {
        let mut out = String::with_capacity(64);
        self.push_to(&mut out);
        out
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::identity::Credentials;

    #[test]
    fn no_debug_shows_a_secret_or_a_signature() {
        let credentials = Credentials::new("AKID", "hunter2hunter2").with_session_token("tokentoken");
        let scope = SigningScope { region: "r", service: "s3", time: Timestamp::from_unix(0) };
        let target = Target { method: "PUT", host: Some("h"), path: "/k", query: "X-Amz-Signature=abcdef" };
        let keys = KeyCache::new();
        let mut headers = HeaderMap::new();
        let signature =
            sign_request(&target, &mut headers, &Payload::StreamingSigned, &credentials, &scope, &keys).unwrap();
        let hex = signature.hex().to_owned();
        let policy = PolicySigner::new(&credentials, &scope, &keys);
        let policy_hex = policy.sign("e30=");
        let mut texts = vec![
            format!("{scope:?} {target:?} {keys:?} {headers:?} {credentials:?} {signature:?} {policy:?}"),
            format!("{scope:#?} {target:#?} {keys:#?} {headers:#?} {credentials:#?} {signature:#?} {policy:#?}"),
        ];
        let mut framer = ChunkFramer::signed(signature, CHUNK_SIZE);
        framer.feed(b"data");
        let frame = String::from_utf8(framer.header().unwrap().to_vec()).unwrap();
        let chunk_hex = frame.split_once('=').unwrap().1.trim().to_owned();
        texts.push(format!("{framer:?} {framer:#?} {:?}", Payload::StreamingSigned));
        texts.push(format!("{:?}", ChunkFramer::unsigned(1)));
        texts.push(format!("{:?}", presign(&target, &headers, MAX_EXPIRY, &credentials, &scope, &keys).unwrap_err()));
        assert_eq!((hex.len(), policy_hex.len(), chunk_hex.len()), (64, 64, 64));
        for text in texts {
            for secret in ["hunter2", "tokentoken", "abcdef", &hex, &policy_hex, &chunk_hex] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }

    #[test]
    fn the_hash_of_nothing_is_what_it_is() {
        assert_eq!(sha256_hex(b""), EMPTY_SHA256);
        assert_eq!(Payload::Sha256Hex("x").as_str(), "x");
    }
}
