//! Uploads a file, or what comes in on stdin, with a progress bar; goes on where a run before it was interrupted.
//!
//! ```text
//! cargo run --release --features indicatif --example upload -- FILE s3://BUCKET/KEY [--resume] [--part-size 8M] [--concurrency 4]
//! ```
//!
//! Without a configured store a server in this process is used: good for a look at the bar, and gone with the program.

#[allow(dead_code)] // Each example uses a part of it.
mod store;

use std::process::ExitCode;

use integration_s3::transfer::{Bar, Left, TransferFailure, TransferHandle, UploadSource};
use store::{Options, Result, Store};

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

/// The options, and bucket and key of the place it goes to.
type Asked = (Options, (String, String));

fn asked() -> Result<Option<Asked>> {
    let Some(options) = Options::given("FILE and s3://BUCKET/KEY")? else { return Ok(None) };
    if options.from == "-" && options.resume {
        return Err("stdin cannot be read again, so --resume needs a file".into());
    }
    let place = store::place(&options.to)?;
    Ok(Some((options, place)))
}

#[tokio::main]
async fn main() -> ExitCode {
    match asked() {
        Ok(Some(asked)) => match run(asked).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => store::failed("upload", 1, &error),
        },
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => store::failed("upload", 2, &error),
    }
}

async fn run((options, (bucket, key)): Asked) -> Result {
    let store = Store::open(&bucket).await?;
    let source = match options.from.as_str() {
        "-" => UploadSource::reader(tokio::io::stdin(), None),
        file => UploadSource::path(file),
    };
    let handle = TransferHandle::default();
    let mut upload = options.transfers(&store).upload(&bucket, &key, source).handle(&handle);
    if let Some(state) = options.state_file(&options.from, "s3-upload") {
        upload = upload.state_file(state);
    }
    if !options.quiet {
        upload = upload.progress(Bar::new(key.clone()));
    }
    store::cancel_on_ctrl_c(&handle);
    match upload.await {
        Ok(done) => {
            // The bar says it to those who watch; this is for scripts.
            println!("s3://{}/{}", bucket, key);
            if !store::watched() || options.quiet {
                let parts = if done.parts == 0 { "one request".to_owned() } else { format!("{} parts", done.parts) };
                let resumed = store::resumed(done.resumed);
                eprintln!("{} bytes in {parts}{resumed}", done.bytes);
            }
            Ok(())
        }
        Err(error) => {
            let left = TransferFailure::of(&error).map(|failure| &failure.left);
            let hint = match left {
                Some(Left::OpenUpload { .. }) if options.resume => "\nrun the same command again to go on".to_owned(),
                Some(Left::OpenUpload { upload_id }) => {
                    format!("\nthe upload {upload_id} is still open on the store and its parts are billed: abort it")
                }
                _ => String::new(),
            };
            Err(format!("{error}{hint}").into())
        }
    }
}
