//! The signature over the policy of a browser form (POST upload).
//!
//! The policy is made elsewhere; it has to name the algorithm, credential and date given here, and
//! is signed as the base64 text that the form will hold.

use std::fmt;
use std::sync::Arc;

use super::key::SigningKey;
use super::{ALGORITHM, KeyCache, SigningScope};
use crate::identity::Credentials;

/// Signs policies, and knows the form fields that belong to the signature.
///
/// ```
/// use integration_s3_runtime::identity::Credentials;
/// use integration_s3_runtime::sign::{KeyCache, PolicySigner, SigningScope};
/// use integration_s3_runtime::timestamp::Timestamp;
///
/// let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
/// let scope = SigningScope { region: "us-east-1", service: "s3", time: Timestamp::from_unix(1_451_347_200) };
/// let signer = PolicySigner::new(&credentials, &scope, &KeyCache::new());
/// assert_eq!(signer.credential(), "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request");
/// assert_eq!(signer.date(), "20151229T000000Z");
/// assert_eq!(signer.sign("e30=").len(), 64);
/// ```
pub struct PolicySigner {
    key: Arc<SigningKey>,
    credential: String,
    date: String,
}

impl PolicySigner {
    /// For these credentials, at that place and time. A session token is a form field and a condition of its own,
    /// `x-amz-security-token`.
    pub fn new(credentials: &Credentials, scope: &SigningScope<'_>, keys: &KeyCache) -> Self {
        let date = scope.time.amz_date();
        let key = keys.get(credentials, scope, &date);
        let mut credential = String::with_capacity(credentials.access_key_id().len() + 1 + key.scope().len());
        for part in [credentials.access_key_id(), "/", key.scope()] {
            credential.push_str(part);
        }
        Self { key, credential, date: date.iter().map(|byte| char::from(*byte)).collect() }
    }

    /// The field `x-amz-algorithm`.
    pub fn algorithm(&self) -> &'static str {
        ALGORITHM
    }

    /// The field `x-amz-credential`.
    pub fn credential(&self) -> &str {
        &self.credential
    }

    /// The field `x-amz-date`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The field `x-amz-signature`, for the base64 text of the field `policy`.
    pub fn sign(&self, policy_base64: &str) -> String {
        self.key.sign(&[policy_base64.as_bytes()]).to_text()
    }
}

impl fmt::Debug for PolicySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySigner")
            .field("credential", &self.credential)
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::header::tests::example;
    use super::*;
    use crate::timestamp::Timestamp;

    #[test]
    fn published_browser_upload() {
        let lines = [
            r#"{ "expiration": "2015-12-30T12:00:00.000Z","#,
            r#"  "conditions": ["#,
            r#"    {"bucket": "sigv4examplebucket"},"#,
            r#"    ["starts-with", "$key", "user/user1/"],"#,
            r#"    {"acl": "public-read"},"#,
            r#"    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},"#,
            r#"    ["starts-with", "$Content-Type", "image/"],"#,
            r#"    {"x-amz-meta-uuid": "14365123651274"},"#,
            r#"    {"x-amz-server-side-encryption": "AES256"},"#,
            r#"    ["starts-with", "$x-amz-meta-tag", ""],"#,
            "",
            r#"    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},"#,
            r#"    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},"#,
            r#"    {"x-amz-date": "20151229T000000Z" }"#,
            "  ]",
            "}",
        ];
        let scope = SigningScope { region: "us-east-1", service: "s3", time: Timestamp::from_unix(1_451_347_200) };
        let signer = PolicySigner::new(&example(), &scope, &KeyCache::new());
        assert!(lines[11].contains(signer.credential()) && lines[13].contains(signer.date()));
        assert!(lines[12].contains(signer.algorithm()));
        assert_eq!(
            signer.sign(&STANDARD.encode(lines.join("\r\n"))),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }
}
