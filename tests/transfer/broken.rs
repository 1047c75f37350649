//! Attempts to lose data, to leave things behind, or to make transfers wait for ever.

use std::fs;
use std::io::{Error, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use integration_s3::error::{ErrorKind, RequestError, ResponseError};
use integration_s3::transfer::{DownloadToPath, Left, Phase, Progress, TransferFailure, TransferHandle, UploadSource};
use integration_s3::transport::scripted::{Answer, ScriptedTransport};
use integration_s3::{ByteStream, Bytes, Credentials, S3Client};
use integration_s3_devserver::DevServer;
use tokio::io::{AsyncRead, ReadBuf};

use super::downloads::{Folder, bytes, client, client_with, server, small_pieces};

const MIB: usize = 1 << 20;
const PART: u64 = 5 << 20;

/// A transfer that hangs must fail the test, not hold it up. Nothing is measured by it.
async fn ends<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(90), what.into_future()).await.expect("it waits for ever")
}

/// A stream of unknown length in chunks that fit no part.
fn odd_stream(data: &[u8], chunk: usize) -> UploadSource {
    let chunks: Vec<Result<Bytes, Error>> = data.chunks(chunk).map(|it| Ok(Bytes::copy_from_slice(it))).collect();
    ByteStream::from_stream(futures_util::stream::iter(chunks), None).into()
}

/// A server with `x` of 300,000 bytes in `box`, and a place for what comes down.
async fn with_an_object() -> (DevServer, S3Client, Folder) {
    let server = server().await;
    let client = client(&server);
    client.create_bucket().bucket("box").await.unwrap();
    client.bucket("box").put_object("x", bytes(300_000, 1)).await.unwrap();
    (server, client, Folder::new())
}

/// Ends the download after two pieces; what it has stays.
async fn stopped(download: DownloadToPath) {
    let handle = TransferHandle::new();
    let called_off = handle.clone();
    let stop = move |p: &Progress| {
        if p.parts_done >= 2 {
            called_off.cancel();
        }
    };
    download.concurrency(1).handle(&handle).progress(stop).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_never_waits_for_memory_that_it_holds_itself() {
    let server = server().await;
    let poor = client_with(&server, |builder| builder.transfer_memory(PART));
    poor.create_bucket().bucket("box").await.unwrap();
    let data = bytes(17 * MIB + 12_345, 7);
    // The beginning that is read ahead is no whole number of parts, by its size or by that of the chunks.
    for (part, threshold, chunk) in [(5, 16, 64 << 10), (8, 16, 100_003), (8, 1, 100_003), (5, 5, 7 * MIB)] {
        let manager = poor.transfer().part_size(part << 20).threshold(threshold << 20);
        ends(manager.upload("box", "x", odd_stream(&data, chunk))).await.unwrap();
        let got = poor.bucket("box").get_object("x").await.unwrap().body.collect().await.unwrap();
        assert!(got == data, "{part} {threshold} {chunk}");
    }
    assert_eq!(poor.transfer().memory_in_use(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_and_writers_share_one_part_of_memory_and_all_arrive() {
    let server = server().await;
    let poor = client_with(&server, |builder| builder.transfer_memory(PART));
    poor.create_bucket().bucket("box").await.unwrap();
    let data = bytes(6 * MIB + 1, 3);
    poor.bucket("box").put_object("big", data.clone()).await.unwrap();
    let manager = poor.transfer().part_size(PART).threshold(PART);
    let mut running = Vec::new();
    for n in 0..10 {
        running.push(tokio::spawn({
            let upload = manager.upload("box", format!("{n}"), odd_stream(&data, 100_003)).start();
            async move { upload.await.map(|done| done.bytes) }
        }));
        running.push(tokio::spawn({
            let download = manager.download("box", "big").part_size(1 << 20).to_writer(tokio::io::sink()).start();
            async move { download.await.map(|done| done.bytes) }
        }));
    }
    for one in running {
        assert_eq!(ends(one).await.unwrap().unwrap(), data.len() as u64);
    }
    assert_eq!((server.stats().uploads, poor.transfer().memory_in_use()), (0, 0));
}

#[tokio::test]
async fn a_state_file_is_never_the_target_itself() {
    let (_server, client, folder) = with_an_object().await;
    let target = folder.path("a.bin");
    let result = small_pieces(&client).download("box", "x").to_path(&target).state_file(&target).await;
    match result {
        Ok(_) => assert_eq!(fs::read(&target).unwrap(), bytes(300_000, 1), "it said that it is there"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Request(RequestError::Validation), "{error}"),
    }
}

#[tokio::test]
async fn a_state_file_touches_no_other_file() {
    let (_server, client, folder) = with_an_object().await;
    fs::write(folder.path("a.state.new"), "somebody's").unwrap();
    let download = small_pieces(&client).download("box", "x").to_path(folder.path("a"));
    download.state_file(folder.path("a.state")).await.unwrap();
    assert_eq!(fs::read(folder.path("a.state.new")).unwrap(), b"somebody's");
    assert_eq!(folder.names(), ["a", "a.state.new"]);
}

#[tokio::test]
async fn a_download_that_cannot_take_its_name_keeps_what_it_has() {
    let (_server, client, folder) = with_an_object().await;
    let (target, state) = (folder.path("a"), folder.path("a.state"));
    let in_the_way = target.clone();
    let download = || small_pieces(&client).download("box", "x").to_path(&target).state_file(&state);
    let error = download()
        .progress(move |p: &Progress| {
            // A directory appears where the file shall be.
            if p.phase == Phase::Finishing {
                let _ = fs::create_dir(&in_the_way);
            }
        })
        .await
        .unwrap_err();
    assert!(matches!(&TransferFailure::of(&error).unwrap().left, Left::PartialFile { .. }), "{error}");
    fs::remove_dir(&target).unwrap();
    let done = download().await.unwrap();
    assert_eq!((done.resumed, fs::read(&target).unwrap()), (300_000, bytes(300_000, 1)));
    assert_eq!(folder.names(), ["a"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_name_with_a_backslash_is_gone_on_with_as_any_other() {
    let (_server, client, folder) = with_an_object().await;
    let (target, state) = (folder.path("a\\b"), folder.path("state"));
    let download = || small_pieces(&client).download("box", "x").to_path(&target).state_file(&state);
    stopped(download()).await;
    assert!(download().await.unwrap().resumed > 0);
    assert_eq!(folder.names(), ["a\\b"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_state_cannot_make_a_download_write_into_another_file() {
    let (_server, client, folder) = with_an_object().await;
    let (target, state) = (folder.path("a"), folder.path("state"));
    let download = || small_pieces(&client).download("box", "x").to_path(&target).state_file(&state);
    stopped(download()).await;
    let part = folder.names().into_iter().find(|name| name.ends_with(".s3part")).unwrap();
    // A second name of a precious file, where the state says the temporary one is.
    fs::write(folder.path("precious"), "precious").unwrap();
    fs::remove_file(folder.path(&part)).unwrap();
    fs::hard_link(folder.path("precious"), folder.path(&part)).unwrap();
    download().await.unwrap();
    assert_eq!(fs::read(folder.path("precious")).unwrap(), b"precious");
    // The temporary file of another download.
    fs::write(folder.path(".other.1-2-3.s3part"), "another's").unwrap();
    stopped(download()).await;
    let mut text: serde_json::Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
    text["download"]["part_file"] = ".other.1-2-3.s3part".into();
    fs::write(&state, text.to_string()).unwrap();
    let _ = download().await;
    assert_eq!(fs::read(folder.path(".other.1-2-3.s3part")).unwrap(), b"another's");
}

#[tokio::test]
async fn a_listener_that_panics_leaves_no_upload_behind() {
    let server = server().await;
    let client = client(&server);
    client.create_bucket().bucket("box").await.unwrap();
    for phase in [Phase::Running, Phase::Finishing, Phase::Done] {
        let manager = client.transfer().part_size(PART).threshold(PART);
        let upload = manager.upload("box", "x", bytes(11 * MIB, 1)).progress(move |p: &Progress| {
            assert!(p.phase != phase || p.parts.is_none(), "the listener of the caller is broken");
        });
        let _ = ends(upload).await;
        assert_eq!(server.stats().uploads, 0, "{phase:?}");
        assert_eq!(client.transfer().uploads_left_open(), 0, "{phase:?}");
    }
}

#[tokio::test]
async fn an_upload_whose_state_cannot_be_written_is_not_left_open() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    client.create_bucket().bucket("box").await.unwrap();
    fs::write(folder.path("a"), bytes(11 * MIB, 1)).unwrap();
    let manager = client.transfer().part_size(PART).threshold(PART);
    let upload = manager.upload_file(folder.path("a"), "box", "x").state_file(folder.path("none/state"));
    let error = upload.await.unwrap_err();
    assert!(error.to_string().contains("none/state"), "{error}");
    assert_eq!(server.stats().uploads, 0, "{error}");
}

#[tokio::test]
async fn an_object_moved_onto_itself_by_another_client_is_not_deleted() {
    let server = server().await;
    let (client, other) = (client(&server), client(&server));
    client.create_bucket().bucket("box").await.unwrap();
    let bucket = client.bucket("box");
    // The same store by another name looks like another store.
    let name = server.endpoint().replace("127.0.0.1", "localhost");
    let alias = client_with(&server, |builder| builder.endpoint(name));
    for from in [&other, &alias] {
        bucket.put_object("x", "the only one").await.unwrap();
        bucket.move_object("box/x", "x").from_client(from).await.unwrap_err();
        assert_eq!(bucket.get_string("x").await.unwrap(), "the only one");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_claims_to_be_empty_does_not_become_an_empty_object() {
    let server = server().await;
    let client = client(&server);
    client.create_bucket().bucket("box").await.unwrap();
    // Files the kernel makes up as they are read.
    let mut text = String::new();
    fs::File::open("/proc/version").unwrap().read_to_string(&mut text).unwrap();
    assert!(!text.is_empty() && fs::metadata("/proc/version").unwrap().len() == 0);
    let error = client.transfer().upload_file("/proc/version", "box", "x").await.unwrap_err();
    assert!(error.to_string().contains("/proc/version"), "{error}");
    assert_eq!(server.stats().objects, 0);
}

#[tokio::test]
async fn a_listing_beyond_the_prefix_deletes_nothing() {
    let script = ScriptedTransport::new();
    let page =
        "<ListBucketResult><Contents><Key>x/a</Key></Contents><Contents><Key>y/b</Key></Contents></ListBucketResult>";
    script.on("ListObjectsV2").always(Answer::ok().body(page));
    script.on("DeleteObjects").always(Answer::ok().body("<DeleteResult/>"));
    script.on("DeleteObject").always(Answer::status(204));
    let builder = S3Client::builder().region("eu-west-1").credentials(Credentials::new("id", "secret"));
    let bucket = builder.transport(script.clone()).build().unwrap().bucket("logs");
    let error = bucket.delete_prefix("x/").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Response(ResponseError::InvalidResponse), "{error}");
    assert_eq!(script.requests().len(), 1, "the listing and nothing else");
}

/// Fails, or never answers, after some bytes.
struct Broken {
    left: usize,
    fails: bool,
}

impl AsyncRead for Broken {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.left == 0 {
            return if self.fails { Poll::Ready(Err(Error::other("the pipe is broken"))) } else { Poll::Pending };
        }
        let some = self.left.min(into.remaining()).min(100_003);
        into.put_slice(&vec![1; some]);
        self.left -= some;
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_fail_or_fall_silent_leave_nothing_and_hold_nothing() {
    let server = server().await;
    let client = client(&server);
    client.create_bucket().bucket("box").await.unwrap();
    for left in [0, 1, 6 * MIB, 12 * MIB] {
        let manager = client.transfer().part_size(PART).threshold(PART);
        let failing = UploadSource::reader(Broken { left, fails: true }, None);
        let error = ends(manager.upload("box", "x", failing)).await.unwrap_err();
        assert!(error.to_string().contains("the pipe is broken"), "{error}");
        let handle = TransferHandle::new();
        let silent = UploadSource::reader(Broken { left, fails: false }, None);
        let upload = manager.upload("box", "x", silent).handle(&handle).start();
        while handle.progress().parts_done < (left as u64 / PART) as u32 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        handle.cancel();
        ends(upload).await.unwrap_err();
        let stats = server.stats();
        assert_eq!((stats.uploads, stats.objects, client.transfer().memory_in_use()), (0, 0, 0), "{left}");
    }
}
