//! Downloads an object into a file or to stdout, with a progress bar; goes on where a run before it was interrupted.
//!
//! ```text
//! cargo run --release --features indicatif --example download -- s3://BUCKET/KEY FILE [--resume] [--part-size 8M] [--concurrency 4]
//! ```
//!
//! Without a configured store a server in this process is used, with 64 MiB under the key that is asked for.

#[allow(dead_code)] // Each example uses a part of it.
mod store;

use std::process::ExitCode;

use integration_s3::transfer::{Bar, Left, TransferFailure, TransferHandle};
use store::{Options, Result, Store};

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

/// The options, and bucket and key of the place it comes from.
type Asked = (Options, (String, String));

fn asked() -> Result<Option<Asked>> {
    let Some(options) = Options::given("s3://BUCKET/KEY and FILE")? else { return Ok(None) };
    if options.to == "-" && options.resume {
        return Err("what went to stdout is gone, so --resume needs a file".into());
    }
    let place = store::place(&options.from)?;
    Ok(Some((options, place)))
}

#[tokio::main]
async fn main() -> ExitCode {
    match asked() {
        Ok(Some(asked)) => match run(asked).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => store::failed("download", 1, &error),
        },
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => store::failed("download", 2, &error),
    }
}

async fn run((options, (bucket, key)): Asked) -> Result {
    let store = Store::open(&bucket).await?;
    if store.server.is_some() {
        eprintln!("Putting 64 MiB there to download.");
        let body = vec![b'x'; 64 << 20];
        store.client.bucket(&bucket).put_object(&key, body).await?;
    }
    let handle = TransferHandle::default();
    let mut download = options.transfers(&store).download(&bucket, &key).handle(&handle);
    if !options.quiet {
        download = download.progress(Bar::new(key.clone()));
    }
    store::cancel_on_ctrl_c(&handle);
    let outcome = if options.to == "-" {
        download.to_writer(tokio::io::stdout()).await
    } else {
        let mut to_path = download.to_path(&options.to);
        if let Some(state) = options.state_file(&options.to, "s3-download") {
            to_path = to_path.state_file(state);
        }
        to_path.await
    };
    match outcome {
        Ok(done) => {
            if !store::watched() || options.quiet {
                let resumed = store::resumed(done.resumed);
                eprintln!("{} bytes{resumed}, {:?}", done.bytes, done.verification);
            }
            Ok(())
        }
        Err(error) => {
            let left = TransferFailure::of(&error).map(|failure| &failure.left);
            let hint = match left {
                Some(Left::PartialFile { .. }) if options.resume => "\nrun the same command again to go on".to_owned(),
                Some(Left::PartialFile { path }) => format!("\nwhat arrived is in {}", path.display()),
                _ => String::new(),
            };
            Err(format!("{error}{hint}").into())
        }
    }
}
