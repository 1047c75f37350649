//! A machine made of values: variables, files and a clock that stands still.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use integration_s3_runtime::body::ByteStream;
use integration_s3_runtime::config::Clock;
use integration_s3_runtime::credentials::{ProvideCredentials, Surroundings};
use integration_s3_runtime::error::S3Error;
use integration_s3_runtime::identity::Credentials;
use integration_s3_runtime::transport::{BoxFuture, HttpTransport, TransportError, TransportErrorKind};

/// 2026-01-01T00:00:00Z.
pub const NOW: u64 = 1_767_225_600;
/// An hour later.
pub const LATER: &str = "2026-01-01T01:00:00Z";
pub const EARLIER: &str = "2025-12-31T23:59:59Z";

pub type Files = Arc<Mutex<HashMap<PathBuf, Vec<u8>>>>;

/// Files below `/home/u`, by their path from there.
pub fn files(entries: &[(&str, &str)]) -> Files {
    let path = |name: &str| PathBuf::from("/home/u").join(name);
    Arc::new(Mutex::new(entries.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect()))
}

pub fn machine(variables: &[(&str, &str)], entries: &[(&str, &str)]) -> Surroundings {
    machine_with(variables, files(entries))
}

pub fn machine_with(variables: &[(&str, &str)], files: Files) -> Surroundings {
    let mut variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    if !variables.keys().any(|name| name.starts_with("AWS_EC2_METADATA")) {
        variables.insert("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
    }
    let written = files.clone();
    Surroundings::system()
        .with_variables(move |name| variables.get(name).cloned())
        .with_files(move |path| {
            files.lock().unwrap().get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        })
        .with_file_writer(move |path, bytes| {
            written.lock().unwrap().insert(path.to_owned(), bytes.to_vec());
            Ok(())
        })
        .with_home("/home/u")
        .with_clock(Clock::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)))
}

/// A network on which nobody is there; it remembers who was looked for.
#[derive(Clone, Debug, Default)]
pub struct Nobody(pub Arc<Mutex<Vec<String>>>);

impl HttpTransport for Nobody {
    fn send(
        &self,
        request: http::Request<ByteStream>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        self.0.lock().unwrap().push(request.uri().to_string());
        Box::pin(async { Err(TransportError::new(TransportErrorKind::Connect, "nobody is there")) })
    }
}

pub async fn ask(source: impl ProvideCredentials) -> Result<Credentials, S3Error> {
    source.credentials().await
}

/// The text of an error that must not be absence, with all its causes.
pub async fn complaint(source: impl ProvideCredentials) -> String {
    let error = source.credentials().await.unwrap_err();
    assert!(!is_absent(&error), "{error}");
    text_of(&error)
}

/// The text of an error that must be absence.
pub async fn absence(source: impl ProvideCredentials) -> String {
    let error = source.credentials().await.unwrap_err();
    assert!(is_absent(&error), "{error}");
    text_of(&error)
}

pub fn is_absent(error: &S3Error) -> bool {
    use integration_s3_runtime::error::{CredentialsError, ErrorKind};
    error.kind() == ErrorKind::Credentials(CredentialsError::NotFound)
}

/// Display and Debug of the error and of all behind it: secrets in the tests contain `hush`.
pub fn text_of(error: &S3Error) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "more than one line: {text}");
    let mut all = format!("{text} {error:?} {error:#?}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        all.push_str(&format!(" {next} {next:?}"));
        cause = next.source();
    }
    assert!(!all.contains("hush"), "a secret in {all}");
    text
}

pub fn metadata_json(id: &str, end: &str) -> String {
    format!(
        r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"hush-key","Token":"hush-token","Expiration":"{end}","AccountId":"123456789012"}}"#
    )
}

pub fn assert_session(found: &Credentials, id: &str) {
    assert_eq!(found.access_key_id(), id);
    assert_eq!(found.secret_access_key().expose(), "hush-key");
    assert_eq!(found.session_token().unwrap().expose(), "hush-token");
    assert_eq!(found.expires_at().unwrap().to_string(), LATER);
}
