//! Makes a directory and a prefix, or two prefixes, the same, with the progress in the terminal.
//!
//! ```text
//! cargo run --release --features sync --example sync -- ./photos s3://bucket/photos/ --dry-run
//! ```
//!
//! The endpoint and the credentials come from the environment (`AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, ...). Where none
//! is configured, a server in this process takes their place; it forgets everything at the end.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use integration_s3::sync::{Compare, Symlinks, SyncEnd, SyncJob};
use integration_s3::transfer::Progress;
use integration_s3::{Credentials, S3Client};
use integration_s3_devserver::DevServer;

const HELP: &str = "\
usage: sync FROM TO [options]

FROM and TO: a directory, or s3://BUCKET/PREFIX; one of them at least is a prefix.

  --dry-run          only say what would be done
  --json             print the plan as JSON (with --dry-run)
  --delete           delete what lies only in TO
  --allow-empty      with --delete: FROM may be empty
  --max-delete N     with --delete: if more would go, nothing goes
  --include GLOB     take these; of several patterns the last that matches decides
  --exclude GLOB     leave these out, and alone
  --checksum         compare contents, not times
  --size-only        compare only sizes
  --follow           follow symbolic links in FROM
  --concurrency N    files in flight (32)
  --quiet            no progress";

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sync: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Wish {
    ends: Vec<String>,
    dry_run: bool,
    json: bool,
    quiet: bool,
}

async fn run(arguments: Vec<String>) -> Result<bool, Failure> {
    if arguments.iter().any(|it| it == "--help" || it == "-h") {
        println!("{HELP}");
        return Ok(true);
    }
    let mut wish = Wish::default();
    // Options are applied when the ends are known.
    let mut options: Vec<Box<dyn FnOnce(SyncJob) -> SyncJob + Send>> = Vec::new();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{argument} needs a value; see --help"));
        match argument.as_str() {
            "--dry-run" => wish.dry_run = true,
            "--json" => wish.json = true,
            "--quiet" => wish.quiet = true,
            "--delete" => options.push(Box::new(|job| job.delete(true))),
            "--allow-empty" => options.push(Box::new(|job| job.allow_empty_source(true))),
            "--checksum" => options.push(Box::new(|job| job.compare(Compare::Checksum))),
            "--size-only" => options.push(Box::new(|job| job.compare(Compare::SizeOnly))),
            "--follow" => options.push(Box::new(|job| job.symlinks(Symlinks::Follow))),
            "--include" => {
                let glob = value()?;
                options.push(Box::new(move |job| job.include(glob)));
            }
            "--exclude" => {
                let glob = value()?;
                options.push(Box::new(move |job| job.exclude(glob)));
            }
            "--max-delete" => {
                let most = number(&argument, &value()?)?;
                options.push(Box::new(move |job| job.max_deletes(most)));
            }
            "--concurrency" => {
                let files = number(&argument, &value()?)?;
                options.push(Box::new(move |job| job.concurrency(files as usize)));
            }
            option if option.starts_with("--") => return Err(format!("there is no option {option}; see --help").into()),
            _ => wish.ends.push(argument),
        }
    }
    let [from, to] = wish.ends.as_slice() else {
        return Err(format!("two places are needed, {} given\n\n{HELP}", wish.ends.len()).into());
    };
    let (from, to) = (end(from)?, end(to)?);
    let (client, _server) = connect(&wish.ends).await?;
    let mut job = client.sync(from, to);
    for option in options {
        job = option(job);
    }
    if wish.dry_run {
        let plan = job.plan().await?;
        if wish.json {
            println!("{}", plan.to_json())
        } else {
            print!("{plan}")
        }
        return Ok(true);
    }
    let shows = !wish.quiet && std::io::stderr().is_terminal();
    if shows {
        job = job.progress(|progress: &Progress| {
            eprint!("\r\x1b[K{} files, {progress}", progress.parts_done);
            let _ = std::io::stderr().flush();
        });
    }
    let report = job.await;
    if shows {
        eprintln!();
    }
    let report = report?;
    println!("{report}");
    Ok(report.is_complete())
}

fn number(option: &str, text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| format!("{option} needs a number, {text:?} is none").into())
}

fn end(text: &str) -> Result<SyncEnd, Failure> {
    let Some(rest) = text.strip_prefix("s3://") else { return Ok(SyncEnd::path(text)) };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(format!("{text} names no bucket; it must look like s3://BUCKET/PREFIX").into());
    }
    Ok(SyncEnd::prefix(bucket, prefix))
}

/// The configured store, or a server in this process with the buckets that were named.
async fn connect(ends: &[String]) -> Result<(S3Client, Option<DevServer>), Failure> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
    let configured = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"];
    if configured.into_iter().any(set) {
        return Ok((S3Client::from_env().await?, None));
    }
    let server = DevServer::builder().start().await?;
    eprintln!("no endpoint is configured: using a server in this process, {}", server.endpoint());
    let credentials = Credentials::new(server.access_key(), server.secret_key());
    let client = S3Client::builder().endpoint(server.endpoint()).credentials(credentials).build()?;
    for bucket in ends.iter().filter_map(|it| it.strip_prefix("s3://")?.split('/').next()) {
        client.create_bucket().bucket(bucket).await?;
    }
    Ok((client, Some(server)))
}
