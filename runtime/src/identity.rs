//! Credentials and secrets: values only.
//!
//! Where credentials come from and when they are renewed is the business of
//! [`credentials`](crate::credentials). What is here can be compared, cloned cheaply and dropped
//! without leaving a secret behind in memory, and cannot be printed by accident.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::timestamp::Timestamp;

/// Text that must not be printed: a secret access key, a session token.
///
/// The memory is overwritten when the last clone goes. `Debug` shows `SecretString(***)`; there is
/// no `Display` and no way to serialize one. Comparing two takes the same time wherever they differ.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::SecretString;
///
/// let secret = SecretString::from("open sesame");
/// assert_eq!(format!("{secret:?}"), "SecretString(***)");
/// assert_eq!(secret.expose(), "open sesame");
/// ```
#[derive(Clone, Default)]
pub struct SecretString(Arc<Zeroizing<String>>);

impl SecretString {
    /// Takes the text over. A `String` is not copied, so no second copy stays behind.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// The text itself. The name is long on purpose: every use of it should be seen in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(***)")
    }
}

impl PartialEq for SecretString {
    fn eq(&self, other: &Self) -> bool {
        same_bytes(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for SecretString {}

impl From<&str> for SecretString {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for SecretString {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Bytes that must not be printed: an encryption key the caller holds (SSE-C).
///
/// Behaves like [`SecretString`]: overwritten when dropped, redacted in `Debug`, compared in
/// constant time.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::SecretBytes;
///
/// let key = SecretBytes::from([7; 32]);
/// assert_eq!(format!("{key:?}"), "SecretBytes(***)");
/// assert_eq!(key.expose().len(), 32);
/// ```
#[derive(Clone, Default)]
pub struct SecretBytes(Arc<Zeroizing<Vec<u8>>>);

impl SecretBytes {
    /// Takes the bytes over. A `Vec<u8>` is not copied.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes.into())))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(***)")
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        same_bytes(&self.0, &other.0)
    }
}

impl Eq for SecretBytes {}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl From<[u8; 32]> for SecretBytes {
    fn from(mut bytes: [u8; 32]) -> Self {
        let secret = Self::new(bytes);
        bytes.zeroize();
        secret
    }
}

/// Equal or not, without telling by the time taken where the difference is. Lengths are no secret.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut difference = 0;
    for (x, y) in a.iter().zip(b) {
        difference = black_box(difference | (x ^ y));
    }
    difference == 0
}

/// An access key pair, with what a temporary one brings along.
///
/// Cloning copies no text. `Debug` shows the access key id, which is an identifier and no secret,
/// and hides everything else worth hiding.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::Credentials;
///
/// let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/EXAMPLEKEY")
///     .with_session_token("AQoDYXdz")
///     .with_source("environment");
/// assert_eq!(credentials.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
/// assert!(!format!("{credentials:?}").contains("EXAMPLEKEY"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    access_key_id: Arc<str>,
    secret: SecretString,
    session_token: Option<SecretString>,
    expires_at: Option<Timestamp>,
    account_id: Option<Arc<str>>,
    source: &'static str,
    fingerprint: Fingerprint,
}

impl Credentials {
    /// A key pair without session token and without expiry, with the source `static`.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<SecretString>) -> Self {
        let secret = secret_access_key.into();
        Self {
            access_key_id: access_key_id.into().into(),
            fingerprint: Fingerprint::of(&secret),
            secret,
            session_token: None,
            expires_at: None,
            account_id: None,
            source: "static",
        }
    }

    /// Adds the token that temporary credentials must be sent with.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<SecretString>) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// Says from when on the service will refuse these credentials.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: impl Into<Timestamp>) -> Self {
        self.expires_at = Some(expires_at.into());
        self
    }

    /// What is wrong with them, if no server could accept them: they are never sent then. Swift's ids have colons, others
    /// dots or dashes; a slash, a blank or a line end is always a mistake of copying.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let id = self.access_key_id.as_bytes();
        let secret = self.secret.expose().as_bytes();
        if id.is_empty() {
            Some("the access key id is empty")
        } else if !id.iter().all(|b| b.is_ascii_graphic() && *b != b'/') {
            Some("the access key id has a character that none has: only visible ASCII without slash and blank")
        } else if secret.is_empty() {
            Some("the secret access key is empty")
        } else if secret.iter().any(u8::is_ascii_control) {
            Some("the secret access key has a control character, perhaps the end of a line")
        } else if self.session_token.as_ref().is_some_and(|t| !t.expose().bytes().all(|b| b.is_ascii_graphic())) {
            Some("the session token has a character that none has: only visible ASCII without blanks")
        } else {
            None
        }
    }

    /// Says which account the credentials belong to, where their source tells.
    #[must_use]
    pub fn with_account_id(mut self, account_id: impl Into<String>) -> Self {
        self.account_id = Some(account_id.into().into());
        self
    }

    /// Names where the credentials came from, for logs and errors: `environment`, `profile`.
    #[must_use]
    pub fn with_source(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }

    /// The public half of the pair.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret half of the pair.
    pub fn secret_access_key(&self) -> &SecretString {
        &self.secret
    }

    /// The token of temporary credentials.
    pub fn session_token(&self) -> Option<&SecretString> {
        self.session_token.as_ref()
    }

    /// When the credentials end; `None` means never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// The account, where the source told it.
    pub fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    /// Where the credentials came from.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Tells two secrets apart without holding either; computed once, so that finding a signing key
    /// costs a comparison.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint.0
    }
}

/// A digest of the secret. It is no secret of the same rank, but a weak secret could be guessed
/// from it, so it is not printed either.
#[derive(Clone, PartialEq)]
struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(secret: &SecretString) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"integration-s3 credentials\0");
        hash.update(secret.expose().as_bytes());
        Self(hash.finalize().into())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials::new("AKID", "hunter2hunter2")
            .with_session_token("tokentoken")
            .with_expiry(Timestamp::from_unix(0))
            .with_account_id("123456789012")
            .with_source("profile");
        for text in [format!("{credentials:?}"), format!("{credentials:#?}")] {
            assert!(!text.contains("hunter2") && !text.contains("tokentoken"), "{text}");
            assert!(text.contains("AKID") && text.contains("profile") && text.contains("1970-01-01T00:00:00Z"));
            // The digest of the secret is as silent, as numbers or as anything else.
            assert!(text.contains("fingerprint: ***"), "{text}");
        }
        assert_eq!(format!("{:?}", SecretBytes::from(vec![1, 2, 3])), "SecretBytes(***)");
    }

    #[test]
    fn secrets_compare_by_content() {
        assert_eq!(SecretString::from("a"), SecretString::new(String::from("a")));
        assert_ne!(SecretString::from("a"), SecretString::from("b"));
        assert_ne!(SecretString::from("a"), SecretString::from("aa"));
        assert_eq!(SecretBytes::from([1; 32]), SecretBytes::from(&[1; 32][..]));
        assert_ne!(SecretBytes::from([1; 32]), SecretBytes::from(vec![1; 31]));
    }

    #[test]
    fn the_fingerprint_follows_the_secret_alone() {
        let one = Credentials::new("A", "s");
        assert_eq!(one.fingerprint(), Credentials::new("B", "s").fingerprint());
        assert_ne!(one.fingerprint(), Credentials::new("A", "t").fingerprint());
    }

    #[test]
    fn everything_set_can_be_read_back() {
        let at = Timestamp::from_unix(1_700_000_000);
        let it = Credentials::new("A", "s").with_session_token("t").with_expiry(at).with_account_id("1");
        assert_eq!(it.secret_access_key().expose(), "s");
        assert_eq!(it.session_token().unwrap().expose(), "t");
        assert_eq!((it.expires_at(), it.account_id(), it.source()), (Some(at), Some("1"), "static"));
        assert_eq!(it, it.clone());
    }
}
