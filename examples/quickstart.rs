//! The whole of the SDK in two minutes, against a real S3 server.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! Starts a server in this process on a free loopback port and talks to it over TCP, signed, as to any other. With
//! `S3_ENDPOINT` set (and `S3_ACCESS_KEY`, `S3_SECRET_KEY`, `S3_REGION`) it runs against that server instead; what it
//! makes there it removes again.

use std::time::Duration;

use integration_s3::error::{ErrorKind, ObjectError};
use integration_s3::types::{CompletedMultipartUpload, CompletedPart, Tag, Tagging};
use integration_s3::{Bucket, ByteRange, CopySource, Credentials, S3Client, S3Error};
use integration_s3_devserver::DevServer;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result {
    let (client, server) = connect().await?;
    // A name of its own, so that two runs against one server do not meet.
    let bucket = client.bucket(format!("quickstart-{}", std::process::id()));

    buckets(&client, &bucket).await?;
    objects(&bucket).await?;
    conditions(&bucket).await?;
    listing(&bucket).await?;
    tags(&bucket).await?;
    multipart(&bucket).await?;
    presigned(&bucket).await?;
    errors(&client, &bucket).await?;

    title("Tidying up");
    let deleted = bucket.delete_prefix("").all().await?;
    bucket.delete_bucket().await?;
    say("delete_prefix, delete_bucket", format!("{deleted}; the bucket is gone"));
    drop(server);
    Ok(())
}

async fn connect() -> Result<(S3Client, Option<DevServer>)> {
    let var = |name| std::env::var(name).ok();
    let builder = S3Client::builder().region(var("S3_REGION").unwrap_or_else(|| "us-east-1".into()));
    if let Some(endpoint) = var("S3_ENDPOINT") {
        println!("Using the server at {endpoint}.");
        let key = var("S3_ACCESS_KEY").unwrap_or_default();
        let secret = var("S3_SECRET_KEY").unwrap_or_default();
        return Ok((builder.endpoint(endpoint).credentials(Credentials::new(key, secret)).build()?, None));
    }
    let server = DevServer::builder().start().await?;
    println!("Started an S3 server at {} (in this process, in memory).", server.endpoint());
    let client = builder
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .build()?;
    Ok((client, Some(server)))
}

async fn buckets(client: &S3Client, bucket: &Bucket) -> Result {
    title("Buckets");
    bucket.create_bucket().await?;
    say("create_bucket", bucket.name());
    bucket.head_bucket().await?;
    say("head_bucket", "it is there");
    let names: Vec<String> = client.list_buckets().await?.buckets.into_iter().map(|b| b.name).collect();
    say("list_buckets", names.join(", "));
    let location = bucket.get_bucket_location().await?;
    say("get_bucket_location", location.location_constraint.map_or("unknown".into(), |l| l.to_string()));
    Ok(())
}

async fn objects(bucket: &Bucket) -> Result {
    title("Objects");
    let put = bucket
        .put_object("letters/hello.txt", "Hello from integration-s3!")
        .content_type("text/plain")
        .metadata("author", "alice")
        .metadata("city", "Zürich")
        .await?;
    say("put_object", format!("ETag {}", put.e_tag.unwrap_or_default()));

    let got = bucket.get_object("letters/hello.txt").await?;
    let author = got.metadata.get("author").cloned().unwrap_or_default();
    let city = got.metadata.get("city").cloned().unwrap_or_default();
    let kind = got.content_type.clone().unwrap_or_default();
    let text = got.body.collect().await?;
    say("get_object", format!("{:?}, {kind}, by {author} from {city}", String::from_utf8_lossy(&text)));

    let head = bucket.head_object("letters/hello.txt").await?;
    say("head_object", format!("{} bytes", head.content_length.unwrap_or_default()));

    let range = bucket.get_object("letters/hello.txt").range(0..5).await?;
    let shown = range.content_range.clone().unwrap_or_default();
    say("get_object, range 0..5", format!("{:?} ({shown})", range.body.collect_string().await?));
    let last = bucket.get_object("letters/hello.txt").range(ByteRange::last(4)).await?;
    say("get_object, last 4 bytes", format!("{:?}", last.body.collect_string().await?));

    let source = CopySource::new(bucket.name(), "letters/hello.txt");
    bucket.copy_object("copies/hello again.txt", source).await?;
    say("copy_object", bucket.get_string("copies/hello again.txt").await?);

    bucket.put_json("config.json", &serde_json::json!({ "retries": 3 })).await?;
    let config: serde_json::Value = bucket.get_json("config.json").await?;
    say("put_json, get_json", config);
    say(
        "object_exists",
        format!(
            "hello: {}, ghost: {}",
            bucket.object_exists("letters/hello.txt").await?,
            bucket.object_exists("ghost").await?
        ),
    );
    Ok(())
}

async fn conditions(bucket: &Bucket) -> Result {
    title("Conditional requests");
    let etag = bucket.head_object("letters/hello.txt").await?.e_tag.unwrap_or_default();
    let same = bucket.get_object("letters/hello.txt").if_match(&etag).await?;
    say("get_object, if_match", format!("unchanged, {} bytes", same.content_length.unwrap_or_default()));
    match bucket.get_object("letters/hello.txt").if_none_match(&etag).await {
        Err(error) if error.kind() == ErrorKind::Object(ObjectError::NotModified) => {
            say("get_object, if_none_match", "not modified: the copy in hand is current");
        }
        other => say("get_object, if_none_match", format!("this server sent it anyway ({:?})", other.map(|_| ()))),
    }
    match bucket.put_object("letters/hello.txt", "mine!").if_none_match("*").await {
        Err(error) if error.kind() == ErrorKind::Object(ObjectError::PreconditionFailed) => {
            say("put_object, if_none_match *", "refused: the key is taken");
        }
        other => say("put_object, if_none_match *", format!("this server wrote it anyway ({:?})", other.map(|_| ()))),
    }
    Ok(())
}

async fn listing(bucket: &Bucket) -> Result {
    title("Listing with pages");
    for n in 0..7 {
        bucket.put_object(format!("many/file {n} 100%+ü.txt"), format!("number {n}")).await?;
    }
    let mut pages = bucket.list_objects_v2().prefix("many/").max_keys(3).pages();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page?.contents.len().to_string());
    }
    say("list_objects_v2, pages of 3", format!("{} keys", sizes.join(" + ")));
    let mut items = bucket.list_objects_v2().prefix("many/").max_keys(3).items();
    let mut first = None;
    while let Some(object) = items.next().await {
        first.get_or_insert(object?);
    }
    if let Some(object) = first {
        say("the first one", format!("{:?}, {} bytes", object.key, object.size.unwrap_or_default()));
    }
    let folders = bucket.list_objects_v2().delimiter("/").await?;
    let folders: Vec<String> = folders.common_prefixes.into_iter().map(|p| p.prefix).collect();
    say("with a delimiter", folders.join(", "));
    Ok(())
}

async fn tags(bucket: &Bucket) -> Result {
    title("Tags");
    let tagging = Tagging::new([Tag::new("team", "blue"), Tag::new("tier", "hot & spicy")]);
    if let Err(error) = bucket.put_object_tagging("letters/hello.txt", tagging).await {
        say("put_object_tagging", format!("this server has no tags: {error}"));
        return Ok(());
    }
    let tags = bucket.get_object_tagging("letters/hello.txt").await?.tag_set;
    let tags: Vec<String> = tags.into_iter().map(|tag| format!("{} = {}", tag.key, tag.value)).collect();
    say("put_, get_object_tagging", tags.join(", "));
    bucket.delete_object_tagging("letters/hello.txt").await?;
    say("delete_object_tagging", "no tags any more");
    Ok(())
}

async fn multipart(bucket: &Bucket) -> Result {
    title("Multipart upload");
    const PART: usize = 5 * 1024 * 1024;
    let upload = bucket.create_multipart_upload("big.bin").await?;
    say("create_multipart_upload", format!("upload {}", shorten(&upload.upload_id)));
    let mut parts = Vec::new();
    for (number, length) in [(1, PART), (2, 1_000_000)] {
        let body = vec![number as u8; length];
        let part = bucket.upload_part("big.bin", &upload.upload_id, number, body).await?;
        parts.push(CompletedPart::new().part_number(number).e_tag(part.e_tag.unwrap_or_default()));
    }
    let listed = bucket.list_parts("big.bin", &upload.upload_id).await?.parts.len();
    say("upload_part, list_parts", format!("{listed} parts are there"));
    let parts = CompletedMultipartUpload::new().parts(parts);
    let done = bucket.complete_multipart_upload("big.bin", &upload.upload_id, parts).await?;
    say("complete_multipart_upload", format!("ETag {}", done.e_tag.unwrap_or_default()));
    let size = bucket.head_object("big.bin").await?.content_length.unwrap_or_default();
    say("head_object", format!("{size} bytes"));

    let forgotten = bucket.create_multipart_upload("forgotten.bin").await?;
    bucket.abort_multipart_upload("forgotten.bin", forgotten.upload_id).await?;
    say("abort_multipart_upload", "another upload was given up, its parts are freed");
    Ok(())
}

async fn presigned(bucket: &Bucket) -> Result {
    title("Presigned URLs, used by a plain HTTP client");
    let hour = Duration::from_secs(3600);
    let put = bucket.put_object("from-a-browser.txt", "").presign(hour).await?;
    let url = put.url().to_owned();
    let status = plain_http(move || Ok(ureq::put(&url).send("sent without credentials")?.status().as_u16())).await;
    match status {
        Ok(status) => say("presign put_object", format!("PUT answered {status}")),
        Err(error) => {
            say("presign put_object", format!("this server refuses presigned URLs: {error}"));
            return Ok(());
        }
    }
    let get = bucket.get_object("from-a-browser.txt").presign(hour).await?;
    say("the URL", get.url().split("?").next().unwrap_or_default().to_owned() + "?...");
    let url = get.url().to_owned();
    let text = plain_http(move || Ok(ureq::get(&url).call()?.body_mut().read_to_string()?)).await?;
    say("presign get_object", format!("GET answered {text:?}"));
    Ok(())
}

async fn errors(client: &S3Client, bucket: &Bucket) -> Result {
    title("Three errors you will meet, as they print");
    if let Err(error) = bucket.get_object("ghost.txt").await {
        error_line("a missing key", &error);
    }
    if let Err(error) = client.get_object().bucket("no-such-bucket-here").key("a").await {
        error_line("a missing bucket", &error);
    }
    if let Err(error) = client.get_object().bucket("Not_A_Bucket").key("a").await {
        error_line("a bad bucket name, refused before sending", &error);
    }
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}");
}

fn say(what: &str, result: impl std::fmt::Display) {
    println!("  {what:<32} {result}");
}

fn error_line(what: &str, error: &S3Error) {
    println!("  {what}\n    {error}\n    kind: {:?}", error.kind());
}

fn shorten(text: &str) -> String {
    text.chars().take(12).chain("...".chars()).collect()
}

async fn plain_http<T: Send + 'static>(request: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(request).await?
}
