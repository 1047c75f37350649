//! Futures that are dropped half way: every operation, after every poll, over a network that is slow and sometimes fails.
//! Afterwards no connection is in use, no permit is missing and no upload is open but those the test knows of.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
#[path = "soak/faults.rs"]
mod faults;
#[allow(dead_code)]
#[path = "soak/proxy.rs"]
mod proxy;
#[allow(dead_code)]
#[path = "soak/wire.rs"]
mod wire;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use integration_s3::config::ChecksumWhen;
use integration_s3::transport::HyperTransport;
use integration_s3::types::{
    CompletedMultipartUpload, CompletedPart, Delete, MultipartUpload, ObjectIdentifier, Tag, Tagging,
};
use integration_s3::{Bucket, ByteStream, CopySource, Credentials, S3Client, S3Error};
use integration_s3_devserver::DevServer;
use integration_s3_runtime::resilience::{RateLimits, RetryPolicy};
use tokio::task::JoinSet;

use faults::{Asked, Dice, Fault};
use proxy::{Plan, Proxy};

/// Slow in every way there is, and failing now and then so that calls are dropped while they wait to try again.
struct Slow;

impl Plan for Slow {
    fn fault(&self, asked: &Asked, copy: bool, number: u64) -> (Option<Fault>, Dice) {
        use Fault::*;
        let round = [AnswerTrickles, Delayed, RequestTrickles, Status500, AnswerTrickles, AnswerReset, AnswerCut];
        let fault = round[number as usize % round.len()];
        (Some(fault).filter(|f| asked.allows(*f, copy)), Dice::of(7, &asked.bucket, number))
    }
}

/// Gives up after so many polls.
struct Polls<F> {
    inner: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Future for Polls<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.left -= 1;
        match self.inner.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

type Run = fn(Bucket, String) -> BoxFuture<'static, Result<(), S3Error>>;

/// A call: its name, and how it is made. It is given an upload with one part; what comes of it is its own.
macro_rules! calls {
    ($($name:literal: |$bucket:ident, $id:ident| $call:expr;)*) => {
        [$(($name, (|$bucket, $id| Box::pin(async move { let _ = &$id; $call.await.map(|_| ()) })) as Run)),*]
    };
}

fn calls() -> Vec<(&'static str, Run)> {
    calls! {
        "put_object": |b, id| b.put_object("k", vec![7; 100_000]);
        "put_object-stream": |b, id| b.put_object("k", stream());
        "get_object": |b, id| read(b);
        "get_object-range": |b, id| b.get_object("source").range(5..5_000);
        "head_object": |b, id| b.head_object("source");
        "copy_object": |b, id| b.copy_object("k", CopySource::new(b.name(), "source"));
        "delete_object": |b, id| b.delete_object("k");
        "delete_objects": |b, id| b.delete_objects(Delete::new([ObjectIdentifier::new("k")]));
        "list_objects_v2": |b, id| b.list_objects_v2();
        "list-all": |b, id| b.list_objects_v2().max_keys(1).items().collect();
        "create_multipart_upload": |b, id| b.create_multipart_upload("k");
        "upload_part": |b, id| b.upload_part("m", id, 2, vec![1; 50_000]);
        "upload_part-stream": |b, id| b.upload_part("m", id, 2, stream());
        "upload_part_copy": |b, id| b.upload_part_copy("m", id, 2, CopySource::new(b.name(), "source"));
        "complete_multipart_upload": |b, id| complete(b, id);
        "abort_multipart_upload": |b, id| b.abort_multipart_upload("m", id);
        "list_parts": |b, id| b.list_parts("m", id);
        "list_multipart_uploads": |b, id| b.list_multipart_uploads();
        "create_bucket": |b, id| b.create_bucket();
        "head_bucket": |b, id| b.head_bucket();
        "get_bucket_location": |b, id| b.get_bucket_location();
        "list_buckets": |b, id| b.client().list_buckets();
        "put_object_tagging": |b, id| b.put_object_tagging("source", Tagging::new([Tag::new("a", "b")]));
        "get_object_tagging": |b, id| b.get_object_tagging("source");
        "delete_object_tagging": |b, id| b.delete_object_tagging("source");
        "put_bucket_tagging": |b, id| b.put_bucket_tagging(Tagging::new([Tag::new("a", "b")]));
        "get_bucket_tagging": |b, id| b.get_bucket_tagging();
        "delete_bucket_tagging": |b, id| b.delete_bucket_tagging();
        "delete_bucket": |b, id| b.delete_bucket();
    }
    .to_vec()
}

fn stream() -> ByteStream {
    let pieces = futures_util::stream::iter((0..20).map(|n| Ok::<_, std::io::Error>(vec![n; 5_000].into())));
    ByteStream::from_stream(pieces, Some(100_000))
}

async fn read(bucket: Bucket) -> Result<(), S3Error> {
    let bytes = bucket.get_object("source").await?.body.collect().await?;
    assert!(bytes.len() == 60_000 && bytes.iter().all(|b| *b == 9));
    Ok(())
}

async fn complete(bucket: Bucket, id: String) -> Result<(), S3Error> {
    let parts = bucket.list_parts("m", &id).await?.parts;
    let parts = parts.into_iter().map(|p| CompletedPart::new().part_number(1).e_tag(p.e_tag.unwrap_or_default()));
    bucket.complete_multipart_upload("m", id, CompletedMultipartUpload::new().parts(parts)).await.map(|_| ())
}

#[test]
fn a_future_dropped_at_any_poll_leaves_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Arc::new(DevServer::builder().start().await.unwrap());
        let proxy = Arc::new(Proxy::start(server.port(), Slow).await);
        let mut running = JoinSet::new();
        for (name, run) in calls() {
            let (server, proxy) = (server.clone(), proxy.clone());
            running.spawn(async move { (name, drop_everywhere(name, run, &server, &proxy).await) });
        }
        let mut total = 0;
        while let Some(done) = running.join_next().await {
            let (name, (drops, left)) = done.unwrap();
            println!("| {name:<26} | dropped after 1..={drops} polls | uploads without an owner: {left} |");
            total += drops;
        }
        println!("{total} futures dropped; {:?}", server.stats());
        assert!(settles(|| proxy.connections().is_empty()).await, "open: {:?}", proxy.connections());
        assert!(settles(|| server.stats().connections == 0).await, "{:?}", server.stats());
        assert_eq!(server.stats().uploads, 0);
    });
}

fn client(server: &DevServer, endpoint: &str, transport: HyperTransport) -> S3Client {
    S3Client::builder()
        .region(server.region())
        .endpoint(endpoint)
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .transport(transport)
        .request_checksums(ChecksumWhen::Supported)
        .response_checksums(ChecksumWhen::Supported)
        .rate_limits(RateLimits::new().concurrent_requests(2))
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(10)))
        .build()
        .unwrap()
}

/// Drops the call after one poll, after two, and so on until it is through. How many that were, and uploads nobody owns.
async fn drop_everywhere(name: &str, run: Run, server: &DevServer, proxy: &Proxy) -> (usize, usize) {
    let bucket = format!("cancel-{}", name.replace('_', "-"));
    let direct = client(server, server.endpoint(), HyperTransport::new()).bucket(&bucket);
    let transport = HyperTransport::builder().pool_max(2).build();
    let shaky = client(server, &proxy.endpoint, transport.clone()).bucket(&bucket);
    let mut ownerless = 0;
    let mut dropped = 0;
    for polls in 1..500 {
        let id = prepare(&direct, name).await;
        let call = Polls { inner: Box::pin(run(shaky.clone(), id.clone())), left: polls };
        let result = tokio::time::timeout(Duration::from_secs(60), call).await;
        let through = result.unwrap_or_else(|_| panic!("{name} hangs at poll {polls}")).is_some();
        if !settles(|| transport.connections_in_use() == 0).await {
            panic!("{name}: a connection is in use after a drop at poll {polls}");
        }
        ownerless += clean_up(&direct, &id).await;
        // Several in a row, because a fast answer skips polls that a slow one has.
        if through && polls > dropped + 8 {
            break;
        }
        dropped = if through { dropped } else { polls };
    }
    // No permit of the pool or of the limits is missing: two at once go through, again and again.
    for _ in 0..3 {
        let two = futures_util::future::join(answered(&shaky), answered(&shaky));
        tokio::time::timeout(Duration::from_secs(60), two).await.unwrap_or_else(|_| panic!("{name} lost a permit"));
    }
    let _ = direct.delete_prefix("").all().await;
    let _ = direct.delete_bucket().await;
    (dropped, ownerless)
}

/// Any answer will do: what counts is that there is one.
async fn answered(bucket: &Bucket) {
    let _ = bucket.head_bucket().await;
}

/// The bucket as the call wants it, and an upload with one part.
async fn prepare(direct: &Bucket, name: &str) -> String {
    if name == "create_bucket" {
        let _ = direct.delete_bucket().await;
        return String::new();
    }
    let _ = direct.create_bucket().await;
    if name == "delete_bucket" {
        return String::new();
    }
    direct.put_object("source", vec![9; 60_000]).await.unwrap();
    let id = direct.create_multipart_upload("m").await.unwrap().upload_id;
    direct.upload_part("m", &id, 1, vec![3; 1_000]).await.unwrap();
    id
}

/// Aborts what is open. Uploads that were begun by a call nobody waited for are counted: their ids are lost with it.
async fn clean_up(direct: &Bucket, id: &str) -> usize {
    let Ok(open) = direct.list_multipart_uploads().await else { return 0 };
    let mut ownerless = 0;
    for MultipartUpload { key, upload_id, .. } in open.uploads {
        ownerless += usize::from(upload_id != id);
        direct.abort_multipart_upload(key, upload_id).await.unwrap();
    }
    ownerless
}

async fn settles(done: impl Fn() -> bool) -> bool {
    for _ in 0..1000 {
        if done() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    done()
}
