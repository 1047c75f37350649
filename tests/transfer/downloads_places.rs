//! Downloads into places that cannot hold them, and downloads that are called off: what the user reads, and what is left.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use integration_s3::S3Error;
use integration_s3::error::{RequestError, TransferError};
use integration_s3::transfer::{Phase, Progress, TransferHandle};
use tokio::io::AsyncReadExt as _;

use crate::downloads::{self, Folder, bytes};
use crate::downloads_hostile::{PIECE, SIZE, asked, good, transfers};
use crate::server::{Answer, Server};

fn store() -> Server {
    let data = Arc::new(bytes(SIZE, 31));
    Server::start(move |_, head| good(&data, head))
}

async fn refused(server: &Server, path: &Path) -> String {
    let error = transfers(server).download("logs", "a").to_path(path).await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    println!("{text}");
    text
}

#[tokio::test]
async fn places_that_cannot_hold_a_file_are_refused_before_a_byte_moves() {
    let (server, folder) = (store(), Folder::new());
    let at = folder.0.display();
    fs::write(folder.path("file"), "").unwrap();
    let begins = "Download s3://logs/a failed: ";
    let nothing = "; nothing is left behind; ";
    assert_eq!(
        refused(&server, &folder.0).await,
        format!("{begins}{at} is a directory{nothing}add the file's name to it")
    );
    assert_eq!(
        refused(&server, &folder.path("no/a")).await,
        format!("{begins}{at}/no/a cannot be written: the directory {at}/no does not exist{nothing}create it first")
    );
    let text = refused(&server, &folder.path("file/a")).await;
    assert!(text.starts_with(&format!("{begins}{at}/file/a cannot be written: Not a directory")), "{text}");
    let text = refused(&server, Path::new("/dev/null")).await;
    assert!(text.contains("/dev/null is no regular file; nothing is left behind; use to_writer"), "{text}");

    let download = transfers(&server).download("logs", "a").to_path(folder.path("file")).overwrite(false);
    let error = download.await.unwrap_err();
    assert_eq!(error.kind(), RequestError::Validation.into());
    assert!(error.to_string().contains("exists already, and must not be overwritten"), "{error}");
    assert_eq!(server.requests(), 0);
    assert_eq!(folder.names(), ["file"]);
    // Nothing keeps it from a place that is free.
    transfers(&server).download("logs", "a").to_path(folder.path("new")).overwrite(false).await.unwrap();
    assert_eq!(fs::metadata(folder.path("new")).unwrap().len(), SIZE as u64);
    assert_eq!(folder.names(), ["file", "new"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_takes_no_file_is_named() {
    let server = store();
    // Nobody, not even root, makes files there.
    let text = refused(&server, Path::new("/proc/self/a")).await;
    assert!(text.starts_with("Download s3://logs/a failed: /proc/self/a cannot be written: No such file"), "{text}");
    assert!(text.contains("; nothing is left behind"), "{text}");
}

const CHILD: &str = "DOWNLOAD_INTO_LITTLE_ROOM";

/// Runs under a limit of 30 KiB for files.
#[tokio::test]
async fn child_downloads_into_little_room() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let server = store();
    for threshold in [2 * PIECE, SIZE] {
        let download = transfers(&server).threshold(threshold as u64).download("logs", "a");
        let error = download.to_path(Path::new(&folder).join("target")).await.unwrap_err();
        println!("READ: {error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_takes_no_more_is_an_error_and_leaves_nothing() {
    let folder = Folder::new();
    fs::write(folder.path("target"), "old").unwrap();
    let output = Command::new("bash")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 30; exec \"$0\" --exact --nocapture downloads_places::child_downloads_into_little_room")
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, &folder.0)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let path = folder.path("target").display().to_string();
    let read: Vec<&str> = text.lines().filter(|line| line.contains("READ: ")).collect();
    assert_eq!(read.len(), 2, "{text}");
    for line in read {
        println!("{line}");
        assert!(line.contains(&format!("failed: {path} cannot be written: File too large (os error 27)")), "{line}");
        assert!(line.contains("; nothing is left behind; "), "{line}");
    }
    assert_eq!(folder.names(), ["target"]);
    assert_eq!(fs::read(folder.path("target")).unwrap(), b"old");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_writer_that_takes_no_more_is_an_error_that_says_how_much_it_took() {
    let server = store();
    for threshold in [2 * PIECE, SIZE] {
        let full = tokio::fs::File::options().write(true).open("/dev/full").await.unwrap();
        let download = transfers(&server).threshold(threshold as u64).download("logs", "a").to_writer(full);
        let error = download.await.unwrap_err();
        println!("{error}");
        assert_eq!(error.kind(), TransferError::StreamInterrupted.into());
        let text = error.to_string();
        assert!(text.starts_with("Download s3://logs/a failed: the writer failed after "), "{text}");
        assert!(text.contains("No space left on device (os error 28)"), "{text}");
    }
}

/// Answers the first pieces and is silent about the others.
fn half_silent() -> (Server, Arc<AtomicUsize>) {
    let (data, waiting) = (Arc::new(bytes(SIZE, 32)), Arc::new(AtomicUsize::new(0)));
    let count = waiting.clone();
    let server = Server::start(move |_, head| match asked(head) {
        Some((first, _)) if first >= 5 * PIECE => {
            count.fetch_add(1, Ordering::Relaxed);
            Answer::Silence(Vec::new())
        }
        _ => good(&data, head),
    });
    (server, waiting)
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come");
}

fn called_off(error: &S3Error) {
    println!("{error}");
    assert_eq!(error.kind(), TransferError::UploadAborted.into());
    assert!(error.to_string().starts_with("Download s3://logs/a failed: the transfer was called off"), "{error}");
}

#[tokio::test]
async fn what_is_called_off_or_dropped_leaves_nothing() {
    let (server, waiting) = half_silent();
    let folder = Folder::new();
    let start = || transfers(&server).download("logs", "a").to_path(folder.path("target")).start();
    let transfer = start();
    until(|| waiting.load(Ordering::Relaxed) > 0).await;
    assert_eq!(folder.names().len(), 1);
    transfer.handle().cancel();
    called_off(&transfer.await.unwrap_err());
    assert_eq!(folder.names(), [""; 0]);

    waiting.store(0, Ordering::Relaxed);
    let transfer = start();
    let handle = transfer.handle().clone();
    until(|| waiting.load(Ordering::Relaxed) > 0).await;
    drop(transfer);
    until(|| handle.progress().phase == Phase::Cancelled).await;
    assert_eq!(folder.names(), [""; 0]);

    waiting.store(0, Ordering::Relaxed);
    let transfer = transfers(&server).download("logs", "a").to_writer(tokio::io::sink()).start();
    until(|| waiting.load(Ordering::Relaxed) > 0).await;
    transfer.handle().cancel();
    called_off(&transfer.await.unwrap_err());

    waiting.store(0, Ordering::Relaxed);
    let transfer = transfers(&server).download("logs", "a").to_bytes().start();
    until(|| waiting.load(Ordering::Relaxed) > 0).await;
    transfer.handle().cancel();
    called_off(&transfer.await.unwrap_err());
    assert_eq!(transfers(&server).memory_in_use(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_download_stands_still_and_goes_on() {
    let (server, folder) = (downloads::server().await, Folder::new());
    let client = downloads::client(&server);
    let bucket = client.bucket("pause");
    bucket.create_bucket().await.unwrap();
    let data = bytes(2_000_000, 33);
    bucket.put_object("a", data.clone()).await.unwrap();
    let handle = TransferHandle::new();
    let (pause, once) = (handle.clone(), AtomicBool::new(true));
    let download = downloads::small_pieces(&client).download("pause", "a").handle(&handle);
    let download = download.progress(move |now: &Progress| {
        if now.parts_done == 8 && once.swap(false, Ordering::Relaxed) {
            pause.pause();
        }
    });
    let transfer = download.to_path(folder.path("target")).start();
    until(|| handle.progress().phase == Phase::Paused).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, requests) = (handle.progress(), server.stats().requests);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((handle.progress().bytes, server.stats().requests), (before.bytes, requests));
    assert!(before.bytes < 2_000_000, "{before}");
    assert_eq!(folder.names().len(), 1);
    handle.resume();
    let done = transfer.await.unwrap();
    let end = handle.progress();
    assert_eq!(
        (end.phase, end.bytes, end.total, end.parts_done),
        (Phase::Done, 2_000_000, Some(2_000_000), done.parts)
    );
    assert!(fs::read(folder.path("target")).unwrap() == data);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_writers_hold_no_more_than_the_budget_and_do_not_wait_for_each_other() {
    let server = downloads::server().await;
    let client = downloads::client(&server);
    let data = bytes(8_000_000, 34);
    client.create_bucket().bucket("slow").await.unwrap();
    client.put_object().bucket("slow").key("a").body(data.clone()).await.unwrap();
    // Room for two of the pieces, wanted by eight writers with four each.
    let poor = downloads::client_with(&server, |builder| builder.transfer_memory(5 << 20));
    let mut readers = Vec::new();
    let mut running = Vec::new();
    for _ in 0..8 {
        let (near, far) = tokio::io::duplex(50_000);
        readers.push(far);
        running.push(poor.transfer().threshold(1).part_size(2 << 20).download("slow", "a").to_writer(near).start());
    }
    // The first ones hold all of the memory there is, and nobody reads what they write until the last one is through.
    for reader in readers.iter_mut().rev() {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        assert!(all == data);
        assert!(poor.transfer().memory_in_use() <= 5 << 20);
    }
    for transfer in running {
        assert_eq!(transfer.await.unwrap().bytes, 8_000_000);
    }
    assert_eq!(poor.transfer().memory_in_use(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_at_the_drop_does_not_come_to_be() {
    let (server, folder) = (downloads::server().await, Folder::new());
    let client = downloads::client(&server);
    let bucket = client.bucket("late");
    bucket.create_bucket().await.unwrap();
    let data = bytes(2_000_000, 35);
    bucket.put_object("a", data.clone()).await.unwrap();
    // In pieces, and as one answer that is too long to be written at once.
    let managers = [downloads::small_pieces(&client), client.transfer()];
    for round in 0..60 {
        let path = folder.path(&round.to_string());
        let handle = TransferHandle::new();
        let download = managers[round % 2].download("late", "a").handle(&handle).to_path(&path);
        let transfer = download.start();
        // From here on it syncs the file and gives it its name, sooner or later.
        while !matches!(handle.progress().phase, Phase::Finishing | Phase::Done) {
            tokio::task::yield_now().await;
        }
        for _ in 0..round * 10 {
            tokio::task::yield_now().await;
        }
        drop(transfer);
        let there = path.exists();
        until(|| handle.progress().phase.is_final()).await;
        assert_eq!(path.exists(), there, "round {round}");
        assert_eq!(handle.progress().phase == Phase::Done, there, "round {round}");
        assert!(!there || fs::read(&path).unwrap() == data);
        assert_eq!(folder.names().len(), usize::from(there));
        let _ = fs::remove_file(&path);
    }
}
