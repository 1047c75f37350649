//! Downloads that are interrupted and go on: in the same process, in another one, and not at all where that would be wrong.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use integration_s3::error::{RequestError, TransferError};
use integration_s3::transfer::{Left, Progress, TransferFailure, TransferHandle, TransferManager, TransferState};
use integration_s3::{Credentials, S3Client};

use crate::downloads::{self, Folder, bytes};
use crate::downloads_hostile::{PIECE, SIZE, TAG, asked, good, transfers};
use crate::server::{Answer, Server, http};

/// Refuses the tenth range while `broken`, and knows HEAD.
struct Store {
    server: Server,
    broken: Arc<AtomicBool>,
    data: Arc<Vec<u8>>,
}

fn store() -> Store {
    let (data, broken) = (Arc::new(bytes(SIZE, 21)), Arc::new(AtomicBool::new(true)));
    let (sent, refuses) = (data.clone(), broken.clone());
    let server = Server::start(move |_, head| match asked(head) {
        _ if head.contains("if-match: \"one\"") && head.starts_with("HEAD") => {
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {SIZE}\r\n{TAG}\r\n");
            Answer::Bytes(head.into_bytes())
        }
        Some((first, _)) if first == 9 * PIECE && refuses.load(Ordering::Relaxed) => {
            Answer::Bytes(http("403 Forbidden", "", ""))
        }
        _ => good(&sent, head),
    });
    Store { server, broken, data }
}

impl Store {
    /// A download that got as far as the ninth piece of thirteen; what is asked from now on is counted from here.
    async fn interrupted(&self, folder: &Folder) -> usize {
        let download = one_by_one(&self.server).download("logs", "a").to_path(folder.path("target"));
        let error = download.state_file(folder.path("state")).await.unwrap_err();
        let failure = TransferFailure::of(&error).unwrap();
        assert_eq!(failure.done, (1..=9).collect::<Vec<u32>>());
        let Left::PartialFile { path } = &failure.left else { panic!("{:?}", failure.left) };
        assert_eq!(path, &folder.path(&part_file(folder)));
        assert!(error.to_string().contains("9 of 13 parts stand; what arrived is kept in"), "{error}");
        assert_eq!(folder.names().len(), 2, "{:?}", folder.names());
        self.broken.store(false, Ordering::Relaxed);
        self.server.requests()
    }

    fn asked_since(&self, count: usize) -> Vec<String> {
        let heads = self.server.heads.lock().unwrap();
        let text = |head: &String| match asked(head) {
            Some((first, _)) => format!("{}", first / PIECE + 1),
            None => head.split(' ').next().unwrap().to_owned(),
        };
        heads[count..].iter().map(text).collect()
    }
}

fn one_by_one(server: &Server) -> TransferManager {
    transfers(server).concurrency(1)
}

fn part_file(folder: &Folder) -> String {
    folder.names().into_iter().find(|name| name.ends_with(".s3part")).unwrap()
}

#[tokio::test]
async fn only_what_is_missing_is_fetched() {
    let (store, folder) = (store(), Folder::new());
    let before = store.interrupted(&folder).await;
    let text = fs::read_to_string(folder.path("state")).unwrap();
    for secret in ["AKIDEXAMPLE", "secret", "uthorization", "ignature"] {
        assert!(!text.contains(secret), "{text}");
    }
    let state = TransferState::load(folder.path("state")).unwrap().unwrap();
    assert_eq!(state.bytes_done(), 9 * PIECE as u64);

    let download = one_by_one(&store.server).download("logs", "a").to_path(folder.path("target"));
    let done = download.state_file(folder.path("state")).await.unwrap();
    assert_eq!((done.bytes, done.resumed), (SIZE as u64, 9 * PIECE as u64));
    assert_eq!(store.asked_since(before), ["HEAD", "10", "11", "12", "13"]);
    assert!(fs::read(folder.path("target")).unwrap() == *store.data);
    assert_eq!(folder.names(), ["target"]);
}

#[tokio::test]
async fn a_state_in_memory_is_as_good_as_one_in_a_file() {
    let (store, folder) = (store(), Folder::new());
    let handle = TransferHandle::new();
    let keep = one_by_one(&store.server).leftovers(integration_s3::transfer::Leftovers::Keep);
    let error = keep.download("logs", "a").handle(&handle).to_path(folder.path("target")).await.unwrap_err();
    let state = TransferFailure::of(&error).unwrap().state.clone().unwrap();
    assert_eq!(handle.state(), Some(state.clone()));
    store.broken.store(false, Ordering::Relaxed);
    let state = TransferState::from_json(&state.to_json()).unwrap();
    let done = keep.download("logs", "a").to_path(folder.path("target")).resume(state).await.unwrap();
    assert_eq!(done.resumed, 9 * PIECE as u64);
    assert!(fs::read(folder.path("target")).unwrap() == *store.data);
    assert_eq!(folder.names(), ["target"]);
}

#[tokio::test]
async fn bytes_that_are_not_as_they_came_are_fetched_again() {
    type Harm = fn(&Path);
    let changed: Harm = |path| {
        let mut all = fs::read(path).unwrap();
        all[2 * PIECE + 5] ^= 1;
        fs::write(path, all).unwrap();
    };
    let shorter: Harm = |path| fs::File::options().write(true).open(path).unwrap().set_len(4 * PIECE as u64).unwrap();
    let gone: Harm = |path| fs::remove_file(path).unwrap();
    let all: Vec<String> = (1..=13).map(|n| if n == 1 { "GET".to_owned() } else { n.to_string() }).collect();
    let cases = [
        (changed, vec!["HEAD", "3", "10", "11", "12", "13"]),
        (shorter, vec!["HEAD", "5", "6", "7", "8", "9", "10", "11", "12", "13"]),
        (gone, all.iter().map(String::as_str).collect()),
    ];
    for (harm, fetched) in cases {
        let (store, folder) = (store(), Folder::new());
        let before = store.interrupted(&folder).await;
        harm(&folder.path(&part_file(&folder)));
        let download = one_by_one(&store.server).download("logs", "a").to_path(folder.path("target"));
        download.state_file(folder.path("state")).await.unwrap();
        assert_eq!(store.asked_since(before), fetched);
        assert!(fs::read(folder.path("target")).unwrap() == *store.data);
        assert_eq!(folder.names(), ["target"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_replaced_in_between_is_an_error_and_the_pieces_stay() {
    let (server, folder) = (downloads::server().await, Folder::new());
    let client = downloads::client(&server);
    let bucket = client.bucket("resume");
    bucket.create_bucket().await.unwrap();
    bucket.put_object("a", bytes(1_000_000, 1)).await.unwrap();
    let state = folder.path("state");
    stopped_half_way(&client, &folder).await;
    let kept = fs::read(&state).unwrap();
    bucket.put_object("a", bytes(1_000_000, 2)).await.unwrap();
    let download = || downloads::small_pieces(&client).download("resume", "a").to_path(folder.path("target"));
    let error = download().state_file(&state).await.unwrap_err();
    assert_eq!(error.kind(), TransferError::ObjectChanged.into());
    assert!(error.to_string().contains("since this download began; what arrived is kept in /"), "{error}");
    println!("{error}");
    assert_eq!(fs::read(&state).unwrap(), kept);
    assert_eq!(folder.names().len(), 2);

    // A state is good for its own object only.
    bucket.put_object("b", bytes(1_000_000, 1)).await.unwrap();
    let other = downloads::small_pieces(&client).download("resume", "b").to_path(folder.path("target"));
    let error = other.state_file(&state).await.unwrap_err();
    assert_eq!(error.kind(), RequestError::Validation.into());
    assert!(error.to_string().contains("another transfer: s3://resume/a of http://127.0.0.1"), "{error}");
    assert_eq!(fs::read(&state).unwrap(), kept);
}

/// Calls a download with a state file off after some pieces.
async fn stopped_half_way(client: &S3Client, folder: &Folder) {
    let handle = TransferHandle::new();
    let stop = handle.clone();
    let download = downloads::small_pieces(client).concurrency(2).download("resume", "a").handle(&handle);
    let download = download.progress(move |now: &Progress| {
        if now.parts_done == 5 {
            stop.cancel();
        }
    });
    let error = download.to_path(folder.path("target")).state_file(folder.path("state")).await.unwrap_err();
    assert_eq!(error.kind(), TransferError::UploadAborted.into());
    assert!(TransferState::load(folder.path("state")).unwrap().unwrap().bytes_done() >= 5 * (64 << 10));
}

const CHILD: &str = "DOWNLOAD_CHILD";

/// What the process that is killed does: it never finishes.
#[tokio::test]
async fn child_downloads_until_it_is_killed() {
    let Ok(text) = std::env::var(CHILD) else { return };
    let [endpoint, id, key, folder] = text.split('|').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let client = S3Client::builder()
        .region("us-east-1")
        .endpoint(endpoint)
        .credentials(Credentials::new(id, key))
        .response_checksums(integration_s3::config::ChecksumWhen::Supported)
        .build()
        .unwrap();
    let slowly = |_: &Progress| std::thread::sleep(Duration::from_millis(150));
    let download = downloads::small_pieces(&client).download("resume", "a").progress(slowly);
    let folder = Path::new(folder);
    let _ = download.to_path(folder.join("target")).state_file(folder.join("state")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_is_gone_on_from_by_another() {
    let (server, folder) = (downloads::server().await, Folder::new());
    let client = downloads::client(&server);
    let bucket = client.bucket("resume");
    bucket.create_bucket().await.unwrap();
    let data = bytes(8 << 20, 5);
    bucket.put_object("a", data.clone()).await.unwrap();
    let at = folder.0.to_str().unwrap();
    let told = format!("{}|{}|{}|{at}", server.endpoint(), server.access_key(), server.secret_key());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "downloads_resume::child_downloads_until_it_is_killed"])
        .env(CHILD, told)
        .spawn()
        .unwrap();
    let state = || TransferState::load(folder.path("state")).ok().flatten().map_or(0, |state| state.bytes_done());
    while state() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let stands = state();
    assert!(stands > 0 && !folder.names().contains(&"target".to_owned()), "{:?}", folder.names());
    let download = downloads::small_pieces(&client).download("resume", "a").to_path(folder.path("target"));
    let done = download.state_file(folder.path("state")).await.unwrap();
    println!("{} of {} bytes were there after the kill", done.resumed, done.bytes);
    assert_eq!(done.resumed, stands);
    assert!(fs::read(folder.path("target")).unwrap() == data);
    assert_eq!(folder.names(), ["target"]);
}
