//! Downloads an object into a file or to stdout, with a progress bar; goes on where a run before it was interrupted.
//!
//! ```text
//! cargo run --release --features indicatif --example download -- s3://BUCKET/KEY FILE [--resume] [--part-size 8M] [--concurrency 4]
//! ```
//!
//! Without a configured store a server in this process is used, with 64 MiB under the key that is asked for.

#[allow(dead_code)] // Each example uses a part of it.
mod store;

use std::path::PathBuf;
use std::process::ExitCode;

use integration_s3::transfer::{Bar, Left, TransferFailure, TransferHandle};
use store::{Result, Store};

const HELP: &str = "\
Downloads an object from an S3 store.

usage: download s3://BUCKET/KEY FILE [options]

  FILE                 where it goes, replaced only when the object is there whole and verified; `-` is stdout
  --resume             write a state file beside FILE (FILE.s3-download) and go on from it if it is there
  --part-size SIZE     bytes of a part, 5M to 5G (default: 8M, or as the object was uploaded)
  --concurrency N      parts in flight, 1 to 64 (default: 4)
  --quiet              no progress bar
  --help               this text

The store comes from the environment and profile (AWS_ENDPOINT_URL, AWS_PROFILE, AWS_REGION, AWS_ACCESS_KEY_ID, ...).
Ctrl-C cancels: without --resume nothing is left behind, with it the next run goes on.";

struct Arguments {
    bucket: String,
    key: String,
    file: String,
    resume: bool,
    quiet: bool,
    part_size: Option<u64>,
    concurrency: Option<usize>,
}

fn arguments() -> Result<Option<Arguments>> {
    let mut given = std::env::args().skip(1);
    let (mut places, mut resume, mut quiet) = (Vec::new(), false, false);
    let (mut part_size, mut concurrency) = (None, None);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{argument} needs a value; see --help"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--resume" => resume = true,
            "--quiet" | "-q" => quiet = true,
            "--part-size" => part_size = Some(store::bytes(&value()?)?),
            "--concurrency" => {
                let number: usize = value()?.parse().map_err(|_| "--concurrency needs a number, such as 8")?;
                concurrency = Some(number).filter(|n| (1..=64).contains(n));
                concurrency.ok_or("--concurrency is 1 to 64")?;
            }
            option if option.starts_with("--") => return Err(format!("there is no option {option}; see --help").into()),
            _ => places.push(argument),
        }
    }
    let [from, file] = <[String; 2]>::try_from(places).map_err(|_| "give s3://BUCKET/KEY and FILE; see --help")?;
    if file == "-" && resume {
        return Err("what went to stdout is gone, so --resume needs a file".into());
    }
    let (bucket, key) = store::place(&from)?;
    Ok(Some(Arguments { bucket, key, file, resume, quiet, part_size, concurrency }))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("download: {error}");
            return ExitCode::from(2);
        }
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("download: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result {
    let store = Store::open(&arguments.bucket).await?;
    if store.server.is_some() {
        eprintln!("Putting 64 MiB there to download.");
        let body = vec![b'x'; 64 << 20];
        store.client.bucket(&arguments.bucket).put_object(&arguments.key, body).await?;
    }
    let mut transfers = store.client.transfer();
    if let Some(bytes) = arguments.part_size {
        transfers = transfers.part_size(bytes);
    }
    if let Some(parts) = arguments.concurrency {
        transfers = transfers.concurrency(parts);
    }
    let handle = TransferHandle::default();
    let mut download = transfers.download(&arguments.bucket, &arguments.key).handle(&handle);
    if !arguments.quiet {
        download = download.progress(Bar::new(arguments.key.clone()));
    }
    let cancel = handle.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if cancel.is_cancelled() {
                std::process::exit(130);
            }
            cancel.cancel();
        }
    });
    let outcome = if arguments.file == "-" {
        download.to_writer(tokio::io::stdout()).await
    } else {
        let mut to_path = download.to_path(&arguments.file);
        if arguments.resume {
            let state = PathBuf::from(format!("{}.s3-download", arguments.file));
            let known = if state.exists() { "going on from" } else { "keeping the state in" };
            eprintln!("{known} {}", state.display());
            to_path = to_path.state_file(state);
        }
        to_path.await
    };
    match outcome {
        Ok(done) => {
            if !store::watched() || arguments.quiet {
                let resumed = if done.resumed > 0 {
                    format!(", {} bytes of them by a run before", done.resumed)
                } else {
                    String::new()
                };
                eprintln!("{} bytes{resumed}, {:?}", done.bytes, done.verification);
            }
            Ok(())
        }
        Err(error) => {
            let left = TransferFailure::of(&error).map(|failure| &failure.left);
            let hint = match left {
                Some(Left::PartialFile { .. }) if arguments.resume => {
                    "\nrun the same command again to go on".to_owned()
                }
                Some(Left::PartialFile { path }) => format!("\nwhat arrived is in {}", path.display()),
                _ => String::new(),
            };
            Err(format!("{error}{hint}").into())
        }
    }
}
