//! Makes a directory and a prefix, or two prefixes, the same, with the progress in the terminal.
//!
//! ```text
//! cargo run --release --features sync --example sync -- ./photos s3://bucket/photos/ --dry-run
//! ```
//!
//! The store is the one that environment and profile name. Where nothing is configured, a server in this process takes its place;
//! it forgets everything at the end.

#[allow(dead_code)] // The other examples use all of it.
#[path = "store/mod.rs"]
mod store;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use integration_s3::S3Client;
use integration_s3::sync::{Compare, Symlinks, SyncEnd, SyncJob};
use integration_s3::transfer::{Progress, TransferHandle};
use store::Result;

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
  --quiet            no progress

The store is the one that environment and profile name (AWS_ENDPOINT_URL, AWS_PROFILE, AWS_ACCESS_KEY_ID, ~/.aws/...), else a
server in this process. A pattern without a slash matches at any depth; docs/sync.md has the rules. Ctrl-C stops in order:
files that are through stay, a large one in the middle of its parts leaves nothing open. A second Ctrl-C stops at once.";

#[tokio::main]
async fn main() -> ExitCode {
    match asked(std::env::args().skip(1).collect()) {
        Ok(Some(wish)) => match run(wish).await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => store::failed("sync", 1, &error),
        },
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => store::failed("sync", 2, &error),
    }
}

#[derive(Default)]
struct Wish {
    ends: Vec<String>,
    /// Applied when the job is there.
    options: Vec<Box<dyn FnOnce(SyncJob) -> SyncJob + Send>>,
    dry_run: bool,
    json: bool,
    quiet: bool,
}

/// What was asked for; `None`: help.
fn asked(arguments: Vec<String>) -> Result<Option<Wish>> {
    if arguments.iter().any(|it| it == "--help" || it == "-h") {
        return Ok(None);
    }
    let mut wish = Wish::default();
    let options = &mut wish.options;
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
            option if store::is_option(option) => {
                return Err(format!("there is no option {option}; see --help").into());
            }
            _ => wish.ends.push(argument),
        }
    }
    if wish.ends.len() != 2 {
        return Err(format!("two places are needed, {} given\n\n{HELP}", wish.ends.len()).into());
    }
    if wish.json && !wish.dry_run {
        return Err("--json prints a plan: it goes with --dry-run".into());
    }
    for place in &wish.ends {
        end(place)?;
    }
    if wish.buckets().next().is_none() {
        return Err("both ends are directories; one of them must be s3://BUCKET/PREFIX".into());
    }
    Ok(Some(wish))
}

impl Wish {
    fn buckets(&self) -> impl Iterator<Item = &str> {
        self.ends.iter().filter_map(|it| it.strip_prefix("s3://")?.split('/').next())
    }
}

async fn run(wish: Wish) -> Result<bool> {
    let bucket = wish.buckets().next().unwrap_or_default();
    let store = store::Store::open(bucket).await?;
    let client = store.client.clone();
    if let (Some(_), Some(other)) = (&store.server, wish.buckets().find(|other| *other != bucket)) {
        client.create_bucket().bucket(other).await?;
    }
    let handle = TransferHandle::new();
    let [from, to] = wish.ends.as_slice() else { return Err("two places are needed".into()) };
    let mut job = client.sync(end(from)?, end(to)?).handle(&handle);
    for option in wish.options {
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
    store::cancel_on_ctrl_c(&handle);
    let report = job.await;
    if shows {
        eprintln!();
    }
    if handle.is_cancelled() {
        clean_up(&client).await;
    }
    let report = report?;
    println!("{report}");
    Ok(report.is_complete())
}

/// What was called off cleans up in the background; the runtime must live that long.
async fn clean_up(client: &S3Client) {
    for _ in 0..200 {
        if client.transfer().uploads_left_open() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eprintln!(
        "{} uploads could not be aborted: they are stored, and billed, until somebody does",
        client.transfer().uploads_left_open()
    );
}

fn number(option: &str, text: &str) -> Result<u64> {
    text.parse().map_err(|_| format!("{option} needs a number, {text:?} is none").into())
}

fn end(text: &str) -> Result<SyncEnd> {
    let Some(rest) = text.strip_prefix("s3://") else {
        return match text.split_once("://") {
            Some(_) => Err(format!("{text} is no place: write a directory, or s3://BUCKET/PREFIX").into()),
            None => Ok(SyncEnd::path(text)),
        };
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(format!("{text} names no bucket; it must look like s3://BUCKET/PREFIX").into());
    }
    Ok(SyncEnd::prefix(bucket, prefix))
}
