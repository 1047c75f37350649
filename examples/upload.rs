//! Uploads a file, or what comes in on stdin, with a progress bar; goes on where a run before it was interrupted.
//!
//! ```text
//! cargo run --release --features indicatif --example upload -- FILE s3://BUCKET/KEY [--resume] [--part-size 8M] [--concurrency 4]
//! ```
//!
//! Without a configured store a server in this process is used: good for a look at the bar, and gone with the program.

#[allow(dead_code)] // Each example uses a part of it.
mod store;

use std::path::PathBuf;
use std::process::ExitCode;

use integration_s3::transfer::{Bar, Left, TransferFailure, TransferHandle, UploadSource};
use store::{Result, Store};

const HELP: &str = "\
Uploads a file to an S3 store.

usage: upload FILE s3://BUCKET/KEY [options]

  FILE                 what to upload; `-` is stdin, of any length
  --resume             write a state file beside FILE (FILE.s3-upload) and go on from it if it is there
  --part-size SIZE     bytes of a part, 5M to 5G; larger files get larger parts by themselves (default: 8M)
  --concurrency N      parts in flight, 1 to 64 (default: 4)
  --quiet              no progress bar
  --help               this text

The store comes from the environment and profile (AWS_ENDPOINT_URL, AWS_PROFILE, AWS_REGION, AWS_ACCESS_KEY_ID, ...).
Ctrl-C cancels: without --resume the upload is aborted, with it the next run goes on.";

struct Arguments {
    file: String,
    bucket: String,
    key: String,
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
    let [file, to] = <[String; 2]>::try_from(places).map_err(|_| "give FILE and s3://BUCKET/KEY; see --help")?;
    if file == "-" && resume {
        return Err("stdin cannot be read again, so --resume needs a file".into());
    }
    let (bucket, key) = store::place(&to)?;
    Ok(Some(Arguments { file, bucket, key, resume, quiet, part_size, concurrency }))
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
            eprintln!("upload: {error}");
            return ExitCode::from(2);
        }
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("upload: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result {
    let store = Store::open(&arguments.bucket).await?;
    let mut transfers = store.client.transfer();
    if let Some(bytes) = arguments.part_size {
        transfers = transfers.part_size(bytes);
    }
    if let Some(parts) = arguments.concurrency {
        transfers = transfers.concurrency(parts);
    }
    let source = match arguments.file.as_str() {
        "-" => UploadSource::reader(tokio::io::stdin(), None),
        file => UploadSource::path(file),
    };
    let handle = TransferHandle::default();
    let mut upload = transfers.upload(&arguments.bucket, &arguments.key, source).handle(&handle);
    let state = PathBuf::from(format!("{}.s3-upload", arguments.file));
    if arguments.resume {
        let known = if state.exists() { "going on from" } else { "keeping the state in" };
        eprintln!("{known} {}", state.display());
        upload = upload.state_file(&state);
    }
    if !arguments.quiet {
        upload = upload.progress(Bar::new(arguments.key.clone()));
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
    match upload.await {
        Ok(done) => {
            // The bar says it to those who watch; this is for scripts.
            println!("s3://{}/{}", arguments.bucket, arguments.key);
            if !store::watched() || arguments.quiet {
                let parts = if done.parts == 0 { "one request".to_owned() } else { format!("{} parts", done.parts) };
                let resumed = if done.resumed > 0 {
                    format!(", {} bytes of them by a run before", done.resumed)
                } else {
                    String::new()
                };
                eprintln!("{} bytes in {parts}{resumed}", done.bytes);
            }
            Ok(())
        }
        Err(error) => {
            let left = TransferFailure::of(&error).map(|failure| &failure.left);
            let hint = match left {
                Some(Left::OpenUpload { .. }) if arguments.resume => "\nrun the same command again to go on".to_owned(),
                Some(Left::OpenUpload { upload_id }) => {
                    format!("\nthe upload {upload_id} is still open on the store and its parts are billed: abort it")
                }
                _ => String::new(),
            };
            Err(format!("{error}{hint}").into())
        }
    }
}
