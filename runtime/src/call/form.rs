//! Forms that let a browser upload without credentials: the policy, its signature and the fields of the form.

use std::fmt;
use std::future::IntoFuture;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Core, Sending};
use crate::checks;
use crate::error::{ConfigurationError, RequestError, S3Error};
use crate::plumbing::RequestWriter;
use crate::sign::{PolicySigner, SigningScope};
use crate::timestamp::Timestamp;

/// What the key ends in when the browser names the file.
const FILENAME: &str = "${filename}";
/// The most S3 takes in one request: 5 GiB.
const MOST_BYTES: u64 = 5 << 30;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Sets up a form with which a browser uploads one object, without credentials of its own; await it to sign it.
///
/// What the form may carry is fixed here and signed: the store refuses another key, another size, and any field that is
/// not named. It follows S3's rules for [browser-based uploads].
///
/// [browser-based uploads]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html
#[derive(Clone)]
#[must_use = "a form is not signed until it is awaited"]
pub struct PresignPost {
    core: Arc<Core>,
    bucket: String,
    key: String,
    expires_in: Duration,
    length: Option<(u64, u64)>,
    fields: Vec<(String, String)>,
    prefixes: Vec<(String, String)>,
}

/// A signed form: where it is sent to, and the fields it must have.
///
/// Whoever has it can upload with it until it expires: `Debug` shows no values.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedPost {
    url: String,
    fields: Vec<(String, String)>,
    expires_at: Timestamp,
}

impl PresignPost {
    /// For an object in that bucket. A key that ends in `${filename}` leaves its end to the name of the file.
    pub fn new(core: Arc<Core>, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            core,
            bucket: bucket.into(),
            key: key.into(),
            expires_in: HOUR,
            length: None,
            fields: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    /// How long the form can be used: 1 second to 7 days. Default: 1 hour.
    pub fn expires_in(mut self, expires_in: Duration) -> Self {
        self.expires_in = expires_in;
        self
    }

    /// How many bytes the file may have, both ends included. Without it S3 takes up to 5 GiB: set it.
    pub fn content_length(mut self, bytes: RangeInclusive<u64>) -> Self {
        self.length = Some((*bytes.start(), *bytes.end()));
        self
    }

    /// The content type the file must be sent with.
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        self.field("Content-Type", content_type)
    }

    /// A field with just this value: `acl`, `success_action_status`, `success_action_redirect`, `Cache-Control`,
    /// `x-amz-meta-author`, `x-amz-storage-class` and so on. It is in the form and signed.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// A field whose value the page chooses, as long as it begins with `prefix` (which may be empty). The page has to
    /// add the field: it is not among [`PresignedPost::fields`].
    pub fn field_starts_with(mut self, name: impl Into<String>, prefix: impl Into<String>) -> Self {
        self.prefixes.push((name.into(), prefix.into()));
        self
    }

    async fn sign(self) -> Result<PresignedPost, S3Error> {
        let at_home = self.core.regions.of(Some(&self.bucket));
        let endpoint = at_home.as_deref().unwrap_or(&self.core.config.endpoint);
        let mut writer = RequestWriter::new(endpoint);
        writer.bucket(&self.bucket);
        let wire = writer.finish()?;
        self.check()?;
        let Some(cache) = &self.core.credentials else {
            return Err(S3Error::new(ConfigurationError::MissingCredentials, "an anonymous client cannot presign")
                .with_suggestion("give the client credentials"));
        };
        let now = self.core.now();
        let credentials = cache.get(now).await?;
        let scope = SigningScope { region: endpoint.region(), service: "s3", time: now };
        let signer = PolicySigner::new(&credentials, &scope, &self.core.keys);
        let expires_at = Timestamp::from_unix(now.unix().saturating_add(self.expires_in.as_secs() as i64));

        let mut fields = self.fields.clone();
        fields.push(("x-amz-algorithm".into(), signer.algorithm().into()));
        fields.push(("x-amz-credential".into(), signer.credential().into()));
        fields.push(("x-amz-date".into(), signer.date().into()));
        if let Some(token) = credentials.session_token() {
            fields.push(("x-amz-security-token".into(), token.expose().into()));
        }
        let policy = STANDARD.encode(self.policy(&fields, expires_at).to_string());
        let signature = signer.sign(&policy);
        fields.insert(0, ("key".into(), self.key.clone()));
        fields.push(("policy".into(), policy));
        fields.push(("x-amz-signature".into(), signature));
        let url = format!("{}://{}{}", wire.scheme(), wire.authority(), wire.path());
        Ok(PresignedPost { url, fields, expires_at })
    }

    fn policy(&self, fields: &[(String, String)], expires_at: Timestamp) -> Value {
        let mut conditions = vec![json!({ "bucket": self.bucket })];
        conditions.push(match self.key.strip_suffix(FILENAME) {
            Some(prefix) => json!(["starts-with", "$key", prefix]),
            None => json!(["eq", "$key", self.key]),
        });
        conditions.extend(self.length.map(|(least, most)| json!(["content-length-range", least, most])));
        conditions
            .extend(self.prefixes.iter().map(|(name, prefix)| json!(["starts-with", format!("${name}"), prefix])));
        conditions.extend(fields.iter().map(|(name, value)| json!(["eq", format!("${name}"), value])));
        json!({ "expiration": expires_at.to_string(), "conditions": conditions })
    }

    fn check(&self) -> Result<(), S3Error> {
        checks::key(&self.key)?;
        checks::presign_expiry(self.expires_in)?;
        if self.key.strip_suffix(FILENAME).unwrap_or(&self.key).contains(FILENAME) {
            return Err(invalid("the key has ${filename} in the middle; it can only stand at the end"));
        }
        if let Some((least, most)) = self.length
            && (least > most || most > MOST_BYTES)
        {
            return Err(invalid(format!(
                "a form takes 0 to {MOST_BYTES} bytes (5 GiB), the range is {least} to {most}"
            )));
        }
        let names = self.fields.iter().chain(&self.prefixes);
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in names {
            checks::header_value(name, value)?;
            let lower = name.to_ascii_lowercase();
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
            if name.is_empty() || !plain {
                return Err(invalid(format!(
                    "{name:?} is no name of a form field; use letters, digits, '-', '_' and '.'"
                )));
            }
            if RESERVED.contains(&&*lower) {
                return Err(invalid(format!("the field {name} is set by the SDK; leave it out")));
            }
            if seen.contains(&lower) {
                return Err(invalid(format!("the field {name} is given twice; leave one out")));
            }
            seen.push(lower);
        }
        Ok(())
    }
}

/// Fields that are made here, or that are the upload itself.
const RESERVED: &[&str] = &[
    "awsaccesskeyid",
    "bucket",
    "file",
    "key",
    "policy",
    "signature",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
];

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new(RequestError::Validation, message)
}

impl IntoFuture for PresignPost {
    type Output = Result<PresignedPost, S3Error>;
    type IntoFuture = Sending<PresignedPost>;

    fn into_future(self) -> Self::IntoFuture {
        Sending::new(async move {
            let (bucket, key) = (self.bucket.clone(), self.key.clone());
            self.sign().await.map_err(|error| error.with_target("PostObject", Some(&bucket), Some(&key)))
        })
    }
}

impl fmt::Debug for PresignPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresignPost")
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl PresignedPost {
    /// The form's `action`. It is sent with POST as `multipart/form-data`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The fields, in order. The page adds those it chooses itself and, last of all, the field `file`.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// From when on it is refused. With temporary credentials it ends earlier if they do.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for PresignedPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresignedPost")
            .field("url", &self.url)
            .field("fields", &self.fields.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
