//! Uploads of every size from every kind of source, against the embedded server: the same bytes, and nothing left behind.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use integration_s3::config::ChecksumWhen;
use integration_s3::error::{ErrorKind, ObjectError, RequestError, TransferError};
use integration_s3::integrity::{Algorithm, Hasher};
use integration_s3::transfer::{
    Left, Leftovers, Phase, Progress, TransferFailure, TransferHandle, TransferManager, Upload, UploadSource,
};
use integration_s3::types::{ChecksumAlgorithm, StorageClass};
use integration_s3::{Bucket, ByteStream, Bytes, Credentials, S3Client};
use integration_s3_devserver::DevServer;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use super::downloads::{Folder, bytes, client};

const MIB: usize = 1 << 20;
const PART: usize = 5 * MIB;

async fn server() -> DevServer {
    DevServer::builder().start().await.unwrap()
}

async fn bucket(client: &S3Client) -> Bucket {
    let bucket = client.bucket("uploads");
    bucket.create_bucket().await.unwrap();
    bucket
}

/// Parts of 5 MiB from 6 MiB on.
fn manager(client: &S3Client) -> TransferManager {
    client.transfer().part_size(PART as u64).threshold(6 << 20).concurrency(3)
}

async fn holds(bucket: &Bucket, key: &str, expected: &[u8]) {
    let got = bucket.get_object(key).await.unwrap().body.collect().await.unwrap();
    assert_eq!(got.len(), expected.len());
    assert!(got == expected, "{key} differs");
}

/// No upload is open, at the server and by the client's count; no memory is held.
fn nothing_is_left(server: &DevServer, client: &S3Client) {
    assert_eq!(server.stats().uploads, 0, "uploads at the server");
    assert_eq!(client.transfer().uploads_left_open(), 0);
    assert_eq!(client.transfer().memory_in_use(), 0);
}

/// A reader that hands bytes out in pieces, waits in between if told so, and may fail at the end.
struct Dripping {
    bytes: Bytes,
    at: usize,
    piece: usize,
    fails: bool,
    most_in_use: Option<(TransferManager, Arc<AtomicU64>)>,
}

impl Dripping {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: Bytes::copy_from_slice(bytes), at: 0, piece: 100_000, fails: false, most_in_use: None }
    }
}

impl AsyncRead for Dripping {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if let Some((manager, most)) = &self.most_in_use {
            most.fetch_max(manager.memory_in_use(), Ordering::Relaxed);
        }
        let some = self.piece.min(out.remaining()).min(self.bytes.len() - self.at);
        if some == 0 && self.fails {
            return Poll::Ready(Err(std::io::Error::other("the tape tore")));
        }
        out.put_slice(&self.bytes[self.at..self.at + some]);
        self.at += some;
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_length_arrives_from_every_source() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let bucket = bucket(&client).await;
    for (len, parts) in
        [(0, 0), (1, 0), (6 * MIB - 1, 0), (6 * MIB, 2), (10 * MIB, 2), (10 * MIB + 1, 3), (23 * MIB + 7, 5)]
    {
        let data = bytes(len, len as u64);
        let path = folder.path("source");
        fs::write(&path, &data).unwrap();
        let stream = |len| ByteStream::from_reader(Dripping::of(&data), len);
        let sources: [(&str, UploadSource); 5] = [
            ("file", path.as_path().into()),
            ("bytes", data.clone().into()),
            ("reader", UploadSource::reader(Dripping::of(&data), None)),
            ("known", stream(Some(len as u64)).into()),
            ("unknown", stream(None).into()),
        ];
        for (name, source) in sources {
            let uploaded = manager(&client).upload("uploads", name, source).await.unwrap();
            assert_eq!((uploaded.bytes, uploaded.parts, uploaded.resumed), (len as u64, parts, 0), "{name} {len}");
            let crc = Hasher::of(Algorithm::Crc64Nvme, &data).to_base64();
            assert_eq!(uploaded.checksum, Some(crc), "{name} {len}");
            assert_eq!(uploaded.checksum_algorithm, Some(Algorithm::Crc64Nvme));
            let head = bucket.head_object(name).await.unwrap();
            assert_eq!(head.e_tag, uploaded.e_tag);
            holds(&bucket, name, &data).await;
        }
    }
    nothing_is_left(&server, &client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_longer_than_it_promised_is_an_error_and_stores_nothing() {
    let server = server().await;
    let client = client(&server);
    let bucket = bucket(&client).await;
    let text = &b"twelve bytes"[..];
    let longer = "is longer than the 10 bytes it had promised";
    let error = bucket.put_object("a", ByteStream::from_reader(text, Some(10))).await.unwrap_err();
    assert!(error.to_string().contains(longer), "{error}");
    let error = manager(&client).upload("uploads", "a", UploadSource::reader(text, Some(10))).await.unwrap_err();
    assert!(error.to_string().contains(longer), "{error}");
    // In parts as well: the promise is of all of them.
    let (data, promised) = (bytes(13 * MIB + 1, 7), 13 * MIB as u64);
    let source = UploadSource::reader(Dripping::of(&data), Some(promised));
    let error = manager(&client).upload("uploads", "a", source).await.unwrap_err();
    assert!(error.to_string().contains("is longer than the 13631488 bytes"), "{error}");
    assert!(bucket.head_object("a").await.unwrap_err().is_not_found());
    bucket.put_object("a", ByteStream::from_reader(text.take(6), Some(6))).await.unwrap();
    holds(&bucket, "a", b"twelve").await;
    nothing_is_left(&server, &client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_parts_but_the_last_have_one_size_and_the_object_has_what_was_configured() {
    let server = server().await;
    let client = client(&server);
    let bucket = bucket(&client).await;
    let data = bytes(13 * MIB, 1);
    for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32C, ChecksumAlgorithm::Sha256] {
        let uploaded = manager(&client)
            .upload("uploads", "configured", UploadSource::reader(Dripping::of(&data), None))
            .configure(|put| {
                put.content_type("image/png")
                    .metadata("author", "alice")
                    .tagging("a=b")
                    .cache_control("no-store")
                    .storage_class(StorageClass::StandardIa)
                    .checksum_algorithm(algorithm.clone())
            })
            .await
            .unwrap();
        assert_eq!(uploaded.checksum_algorithm, Algorithm::from_wire(algorithm.as_str()));
        assert_eq!(uploaded.checksum.unwrap().ends_with("-3"), algorithm == ChecksumAlgorithm::Sha256);
        let head = bucket.head_object("configured").await.unwrap();
        assert_eq!(head.content_type.as_deref(), Some("image/png"));
        assert_eq!(head.cache_control.as_deref(), Some("no-store"));
        assert_eq!(head.metadata["author"], "alice");
        assert_eq!(head.storage_class, Some(StorageClass::StandardIa));
        let tags = bucket.get_object_tagging("configured").await.unwrap().tag_set;
        assert_eq!((tags[0].key.as_str(), tags[0].value.as_str()), ("a", "b"));
        for (part, size) in [(1, PART), (2, PART), (3, 3 * MIB)] {
            let head = bucket.head_object("configured").part_number(part).await.unwrap();
            assert_eq!(head.content_length, Some(size as i64));
        }
        holds(&bucket, "configured", &data).await;
    }
    // A checksum of the whole that the caller knows is held against the source.
    let crc = Hasher::of(Algorithm::Crc32, &data).to_base64();
    let known = |value: &str| {
        manager(&client).upload("uploads", "known", data.clone()).configure(|put| put.checksum_crc32(value))
    };
    assert_eq!(known(&crc).await.unwrap().checksum, Some(crc));
    let error = known("AAAAAA==").await.unwrap_err();
    assert_eq!(error.kind(), TransferError::ChecksumMismatch.into(), "{error}");
    let error = manager(&client)
        .upload("uploads", "sha", data.clone())
        .configure(|put| put.checksum_sha256("A".repeat(44)))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("checksum_sha256"), "{error}");
    nothing_is_left(&server, &client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_wants_no_checksums_gets_none() {
    let server = server().await;
    let client = S3Client::builder()
        .region(server.region())
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .request_checksums(ChecksumWhen::Required)
        .build()
        .unwrap();
    let (bucket, data) = (bucket(&client).await, bytes(11 * MIB, 3));
    let uploaded = manager(&client).upload("uploads", "plain", data.clone()).await.unwrap();
    assert_eq!((uploaded.parts, uploaded.checksum), (3, None));
    holds(&bucket, "plain", &data).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_hold_for_one_request_and_for_parts() {
    let server = server().await;
    let client = client(&server);
    let bucket = bucket(&client).await;
    for len in [10, 11 * MIB] {
        let data = bytes(len, 9);
        let new = || {
            manager(&client).upload("uploads", format!("{len}"), data.clone()).configure(|put| put.if_none_match("*"))
        };
        new().await.unwrap();
        let error = new().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Object(ObjectError::PreconditionFailed), "{error}");
        assert_eq!((error.bucket(), error.key()), (Some("uploads"), Some(&*format!("{len}"))));
        holds(&bucket, &format!("{len}"), &data).await;
    }
    nothing_is_left(&server, &client);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_a_byte_is_sent() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let before = server.stats().requests;
    let upload = |path: &Path| manager(&client).upload_file(path, "uploads", "x");
    for (error, text) in [
        (upload(&folder.path("none")).await.unwrap_err(), "none cannot be read"),
        (upload(&folder.0).await.unwrap_err(), "is not a file"),
        (manager(&client).upload("uploads", "x", "x").part_size(1).await.unwrap_err(), "5 MiB to 5 GiB"),
        (manager(&client).upload("uploads", "x", "x").concurrency(0).await.unwrap_err(), "concurrency"),
        (
            manager(&client)
                .upload("uploads", "x", UploadSource::reader(tokio::io::empty(), Some(1 << 43)))
                .await
                .unwrap_err(),
            "5 TiB",
        ),
    ] {
        assert!(error.to_string().contains(text) && !error.to_string().contains('\n'), "{error}");
    }
    // Sparse, so that it costs no disk.
    let large = folder.path("large");
    fs::File::create(&large).unwrap().set_len((5 << 40) + 1).unwrap();
    let error = upload(&large).await.unwrap_err();
    assert_eq!(error.kind(), ObjectError::TooLarge.into(), "{error}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let secret = folder.path("secret");
        fs::write(&secret, "x").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
        // Who may read everything is not refused.
        if fs::read(&secret).is_err() {
            let error = upload(&secret).await.unwrap_err();
            assert!(error.to_string().to_lowercase().contains("permission denied"), "{error}");
        }
    }
    assert_eq!(server.stats().requests, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_fails_or_changes_leaves_no_object() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let bucket = bucket(&client).await;
    for (len, parts) in [(MIB, 0), (17 * MIB, 3)] {
        let torn = Dripping { fails: true, ..Dripping::of(&bytes(len, 5)) };
        let error = manager(&client).upload("uploads", "torn", UploadSource::reader(torn, None)).await.unwrap_err();
        assert!(error.to_string().contains("the tape tore"), "{error}");
        let short = UploadSource::reader(Dripping::of(&bytes(len, 5)), Some(len as u64 + 1));
        let error = manager(&client).upload("uploads", "torn", short).await.unwrap_err();
        assert_eq!(error.kind(), TransferError::IncompleteBody.into(), "{error}");
        assert_eq!(TransferFailure::of(&error).map(|failure| failure.done.len()), (parts > 0).then_some(parts));
    }
    let path = folder.path("source");
    let data = bytes(26 * MIB, 6);
    type Change = fn(&Path);
    let changes: [(Change, &str); 4] = [
        (|path| fs::File::options().write(true).open(path).unwrap().set_len(7 * MIB as u64).unwrap(), "has 7340032"),
        (|path| fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap(), "bytes"),
        (|path| fs::File::options().write(true).open(path).unwrap().write_all(b"other").unwrap(), "written to"),
        (|path| fs::remove_file(path).unwrap(), "cannot be read"),
    ];
    for (change, text) in changes {
        fs::write(&path, &data).unwrap();
        let (source, once) = (path.clone(), Mutex::new(Some(change)));
        let upload = manager(&client).upload_file(&path, "uploads", "torn").concurrency(1).leftovers(Leftovers::Keep);
        let error = upload
            .on_state(move |state| {
                if state.bytes_done() > 0
                    && let Some(change) = once.lock().unwrap().take()
                {
                    change(&source);
                }
            })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), RequestError::Validation.into(), "{error}");
        assert!(error.to_string().contains(text) && error.to_string().contains("source"), "{text}: {error}");
        assert_eq!(TransferFailure::of(&error).unwrap().left, Left::Nothing, "it is of no use to go on: {error}");
    }
    assert!(!bucket.object_exists("torn").await.unwrap());
    nothing_is_left(&server, &client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_told_to_the_last_byte_and_never_beyond() {
    let server = server().await;
    let client = client(&server);
    bucket(&client).await;
    let data = bytes(17 * MIB, 4);
    for (source, total) in [
        (UploadSource::from(data.clone()), Some(data.len() as u64)),
        (UploadSource::reader(Dripping::of(&data), None), None),
    ] {
        let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let listener = told.clone();
        let upload = manager(&client)
            .upload("uploads", "p", source)
            .progress(move |p: &Progress| listener.lock().unwrap().push(*p));
        let transfer = upload.start();
        let handle = transfer.handle().clone();
        transfer.await.unwrap();
        let told = told.lock().unwrap();
        let last = told.last().unwrap();
        assert_eq!((last.phase, last.bytes, last.parts_done), (Phase::Done, data.len() as u64, 4));
        assert_eq!(last.total, total);
        assert_eq!(handle.progress().bytes, last.bytes);
        assert!(told.iter().all(|p| p.bytes <= data.len() as u64), "{told:?}");
        assert!(told.iter().any(|p| p.bytes > 0 && p.bytes < data.len() as u64), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_hold_no_more_than_parts_in_flight_and_never_more_than_the_budget() {
    let server = server().await;
    let data = bytes(60 * MIB, 8);
    for (memory, at_once, most) in [(256 << 20, 3, 3 * PART as u64), (11 << 20, 8, 11 << 20)] {
        let client = S3Client::builder()
            .region(server.region())
            .endpoint(server.endpoint())
            .credentials(Credentials::new(server.access_key(), server.secret_key()))
            .transfer_memory(memory)
            .build()
            .unwrap();
        let _ = client.create_bucket().bucket("uploads").await;
        let manager = client.transfer().part_size(PART as u64).threshold(PART as u64).concurrency(at_once);
        let seen = Arc::new(AtomicU64::new(0));
        let uploads: Vec<_> = (0..if at_once == 8 { 3 } else { 1 })
            .map(|n| {
                let reader = Dripping { most_in_use: Some((manager.clone(), seen.clone())), ..Dripping::of(&data) };
                manager.upload("uploads", format!("m{n}"), UploadSource::reader(reader, None)).start()
            })
            .collect();
        for upload in uploads {
            assert_eq!(upload.await.unwrap().bytes, data.len() as u64);
        }
        let seen = seen.load(Ordering::Relaxed);
        // What is given out is counted in grains of 64 KiB.
        assert!(seen > 0 && seen <= most + (64 << 10), "{seen} of {most}");
        assert_eq!(manager.memory_in_use(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_uploads_stand_still_and_cancelled_ones_leave_nothing() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let bucket = bucket(&client).await;
    let data = bytes(31 * MIB, 2);
    let path = folder.path("source");
    fs::write(&path, &data).unwrap();
    let upload = || -> (Upload, TransferHandle) {
        let handle = TransferHandle::new();
        let steers = handle.clone();
        // Paused by the first part that is over: no clock decides.
        let upload = manager(&client).upload_file(&path, "uploads", "steered").concurrency(1).handle(&handle);
        (
            upload.on_state(move |state| {
                if state.bytes_done() == PART as u64 {
                    steers.pause()
                }
            }),
            handle,
        )
    };
    let (paused, handle) = upload();
    let paused = paused.start();
    wait_for(|| handle.progress().phase == Phase::Paused).await;
    let requests = settled(&server).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((server.stats().requests, handle.progress().parts_done), (requests, 1));
    handle.resume();
    assert_eq!(paused.await.unwrap().parts, 7);
    holds(&bucket, "steered", &data).await;
    bucket.delete_object("steered").await.unwrap();

    let (cancelled, handle) = upload();
    let cancelled = cancelled.start();
    wait_for(|| handle.progress().phase == Phase::Paused).await;
    assert_eq!((client.transfer().uploads_left_open(), server.stats().uploads), (1, 1));
    handle.cancel();
    let error = cancelled.await.unwrap_err();
    assert_eq!(error.kind(), TransferError::UploadAborted.into(), "{error}");
    let failure = TransferFailure::of(&error).unwrap();
    assert_eq!((failure.done.as_slice(), &failure.left, failure.parts), (&[1][..], &Left::Nothing, Some(7)));
    nothing_is_left(&server, &client);

    let (dropped, handle) = upload();
    let dropped = dropped.start();
    wait_for(|| handle.progress().phase == Phase::Paused).await;
    drop(dropped);
    wait_for(|| handle.progress().phase == Phase::Cancelled).await;
    nothing_is_left(&server, &client);
    assert!(!bucket.object_exists("steered").await.unwrap());

    let (detached, handle) = upload();
    detached.start().detach();
    wait_for(|| handle.progress().phase == Phase::Paused).await;
    handle.resume();
    wait_for(|| handle.progress().phase == Phase::Done).await;
    holds(&bucket, "steered", &data).await;
    nothing_is_left(&server, &client);
}

/// Turns up to 30 seconds; nothing depends on how long it takes.
pub async fn wait_for(done: impl Fn() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain");
}

/// How many requests the server has had, once those that were on their way have reached it.
pub(crate) async fn settled(server: &DevServer) -> u64 {
    let mut requests = None;
    while requests != Some(server.stats().requests) {
        requests = Some(server.stats().requests);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    requests.unwrap_or_default()
}
