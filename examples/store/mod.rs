//! What the tools among the examples share: the store (the configured one, or a server in this process if none is
//! configured), their options, and Ctrl-C.

use std::error::Error;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use integration_s3::transfer::{TransferHandle, TransferManager};
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

/// What a tool for one object was told.
pub struct Options {
    /// The two places, as they were given.
    pub from: String,
    pub to: String,
    pub resume: bool,
    pub quiet: bool,
    part_size: Option<u64>,
    concurrency: Option<usize>,
}

impl Options {
    /// From the command line; `None` if help was asked for. `places` says what the two places are.
    pub fn given(places: &str) -> Result<Option<Self>> {
        let mut given = std::env::args().skip(1);
        let (mut found, mut resume, mut quiet) = (Vec::new(), false, false);
        let (mut part_size, mut concurrency) = (None, None);
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{argument} needs a value; see --help"));
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--resume" => resume = true,
                "--quiet" | "-q" => quiet = true,
                "--part-size" => part_size = Some(bytes(&value()?)?),
                "--concurrency" => {
                    let number: usize = value()?.parse().map_err(|_| "--concurrency needs a number, such as 8")?;
                    concurrency = Some(number).filter(|n| (1..=64).contains(n));
                    concurrency.ok_or("--concurrency is 1 to 64")?;
                }
                option if is_option(option) => {
                    return Err(format!("there is no option {option}; see --help").into());
                }
                _ => found.push(argument),
            }
        }
        let [from, to] = <[String; 2]>::try_from(found).map_err(|_| format!("give {places}; see --help"))?;
        Ok(Some(Self { from, to, resume, quiet, part_size, concurrency }))
    }

    /// Transfers of that store, as the options want them.
    pub fn transfers(&self, store: &Store) -> TransferManager {
        let mut transfers = store.client.transfer();
        if let Some(bytes) = self.part_size {
            transfers = transfers.part_size(bytes);
        }
        if let Some(parts) = self.concurrency {
            transfers = transfers.concurrency(parts);
        }
        transfers
    }

    /// The state file beside `file`, told on stderr.
    pub fn state_file(&self, file: &str, ending: &str) -> Option<PathBuf> {
        let state = self.resume.then(|| PathBuf::from(format!("{file}.{ending}")))?;
        let known = if state.exists() { "going on from" } else { "keeping the state in" };
        eprintln!("{known} {}", state.display());
        Some(state)
    }
}

/// Whether an argument is an option; `-` alone is a place.
pub fn is_option(argument: &str) -> bool {
    argument.starts_with('-') && argument.len() > 1
}

/// Bytes that were there before, for the last line.
pub fn resumed(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(", {bytes} bytes of them by a run before") }
}

/// The first Ctrl-C calls the transfers of the handle off, so that they can clean up; the second ends the process.
pub fn cancel_on_ctrl_c(handle: &TransferHandle) {
    let cancel = handle.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if cancel.is_cancelled() {
                std::process::exit(130);
            }
            cancel.cancel();
        }
    });
}

/// Prints an error and gives the code to end with: 2 for what was asked wrongly, 1 for what did not work.
pub fn failed(tool: &str, code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{tool}: {error}");
    ExitCode::from(code)
}
