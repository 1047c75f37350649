//! Where the examples' objects are: the configured store, or a server in this process if none is configured.

use std::error::Error;
use std::io::IsTerminal;

use integration_s3::{Credentials, S3Client};
use integration_s3_devserver::DevServer;

pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A client, and the server it talks to if that is ours: dropping it ends the server.
pub struct Store {
    pub client: S3Client,
    pub server: Option<DevServer>,
}

impl Store {
    /// From environment and profile if they name an endpoint, a profile or credentials. Else a server is started in this
    /// process, with the bucket in it, and said so on stderr: it is gone when the program ends.
    pub async fn open(bucket: &str) -> Result<Self> {
        const SAID: [&str; 6] = [
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        ];
        let home = std::env::var("HOME").unwrap_or_default();
        let files =
            ["config", "credentials"].iter().any(|name| std::path::Path::new(&home).join(".aws").join(name).exists());
        if files || SAID.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
            return Ok(Self { client: S3Client::from_env().await?, server: None });
        }
        let server = DevServer::builder().start().await?;
        let client = S3Client::builder()
            .endpoint(server.endpoint())
            .credentials(Credentials::new(server.access_key(), server.secret_key()))
            .build()?;
        client.bucket(bucket).create_bucket().await?;
        eprintln!(
            "No endpoint, profile or credentials are configured (AWS_ENDPOINT_URL, AWS_PROFILE, AWS_ACCESS_KEY_ID, ...): \
             using a server in this process, in memory, with the bucket {bucket:?}. It is gone when this program ends."
        );
        Ok(Self { client, server: Some(server) })
    }
}

/// Bucket and key of `s3://BUCKET/KEY`.
pub fn place(url: &str) -> Result<(String, String)> {
    let rest = url.strip_prefix("s3://").ok_or_else(|| format!("{url:?} is no place: write s3://BUCKET/KEY"))?;
    match rest.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok((bucket.to_owned(), key.to_owned())),
        _ => Err(format!("{url:?} names no bucket and key: write s3://BUCKET/KEY").into()),
    }
}

/// `8388608`, `8M`, `8MiB`, `1G`.
pub fn bytes(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return Err(format!("{text:?} is no size: write 8M, 64M or 1G").into()),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no size: write 8M, 64M or 1G"))?;
    number.checked_mul(factor).ok_or_else(|| format!("{text:?} is too large").into())
}

/// Whether somebody looks at stderr.
pub fn watched() -> bool {
    std::io::stderr().is_terminal()
}
