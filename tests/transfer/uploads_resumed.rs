//! Uploads that stop half way and go on: in the same process, in another, after a crash, and with everything changed in between.

use std::fs;
use std::path::Path;

use integration_s3::error::{RequestError, TransferError};
use integration_s3::transfer::{Left, Leftovers, Phase, TransferFailure, TransferHandle, TransferState, Upload};
use integration_s3::{S3Client, S3Error};
use integration_s3_devserver::DevServer;

use super::downloads::{Folder, bytes, client};
use super::uploads::{settled, wait_for};

const MIB: usize = 1 << 20;
const PART: u64 = 5 << 20;

struct Place {
    server: DevServer,
    client: S3Client,
    folder: Folder,
    data: Vec<u8>,
}

impl Place {
    async fn new() -> Self {
        let server = DevServer::builder().start().await.unwrap();
        let (client, folder, data) = (client(&server), Folder::new(), bytes(26 * MIB, 12));
        client.create_bucket().bucket("uploads").await.unwrap();
        fs::write(folder.path("source"), &data).unwrap();
        Self { server, client, folder, data }
    }

    fn upload(&self, client: &S3Client) -> Upload {
        let manager = client.transfer().part_size(PART).threshold(PART).concurrency(2);
        manager.upload_file(self.folder.path("source"), "uploads", "big")
    }

    /// An upload that was called off when two parts of six were over, or a few more, and kept.
    async fn stopped(&self, upload: Upload) -> S3Error {
        let handle = TransferHandle::new();
        let steers = handle.clone();
        let upload = upload.leftovers(Leftovers::Keep).handle(&handle);
        let transfer = upload
            .on_state(move |state| {
                if state.bytes_done() >= 2 * PART {
                    steers.cancel()
                }
            })
            .start();
        let error = transfer.await.unwrap_err();
        assert_eq!(error.kind(), TransferError::UploadAborted.into(), "{error}");
        assert_eq!((self.server.stats().uploads, self.client.transfer().uploads_left_open()), (1, 1));
        error
    }

    async fn is_whole(&self) {
        let got = self.client.bucket("uploads").get_object("big").await.unwrap().body.collect().await.unwrap();
        assert!(got == self.data, "the object differs");
        assert_eq!(self.server.stats().uploads, 0);
    }
}

fn state_of(error: &S3Error) -> TransferState {
    let failure = TransferFailure::of(error).unwrap();
    let state = failure.state.clone().unwrap();
    let upload_id = state.upload_id().unwrap().to_owned();
    assert_eq!(failure.left, Left::OpenUpload { upload_id });
    state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_file_takes_the_upload_to_another_client_and_goes_away_at_the_end() {
    let place = Place::new().await;
    let file = place.folder.path("state");
    let error = place.stopped(place.upload(&place.client).state_file(&file)).await;
    assert!(error.to_string().contains("is left open"), "{error}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(place.server.secret_key()) && !text.contains(place.server.access_key()), "{text}");
    assert_eq!(TransferState::load(&file).unwrap(), Some(state_of(&error)));
    let other = client(&place.server);
    let before = settled(&place.server).await;
    let uploaded = place.upload(&other).state_file(&file).await.unwrap();
    assert!(uploaded.resumed >= 2 * PART && uploaded.bytes == place.data.len() as u64, "{uploaded:?}");
    // One listing, the parts that were missing, and the end.
    let missing = u64::from(uploaded.parts) - uploaded.resumed / PART;
    assert_eq!(place.server.stats().requests - before, missing + 2);
    assert!(!file.exists());
    assert_eq!(other.transfer().uploads_left_open(), 0);
    place.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_goes_on_in_the_same_client_after_a_trip_through_json() {
    let place = Place::new().await;
    let state = state_of(&place.stopped(place.upload(&place.client)).await);
    let state = TransferState::from_json(&state.to_json()).unwrap();
    let (handle, whole) = (TransferHandle::new(), place.data.len() as u64);
    let uploaded = place.upload(&place.client).part_size(9 << 20).handle(&handle).resume(state).await.unwrap();
    assert!(
        uploaded.resumed >= 2 * PART && uploaded.parts == 6,
        "the size of parts is that of the state: {uploaded:?}"
    );
    let progress = handle.progress();
    assert_eq!((progress.bytes, progress.resumed, progress.parts_done), (whole, uploaded.resumed, 6));
    assert_eq!((progress.phase, handle.state()), (Phase::Done, None));
    assert_eq!(place.client.transfer().uploads_left_open(), 0);
    place.is_whole().await;
}

#[test]
fn a_process_that_dies_half_way_leaves_what_is_needed_to_go_on() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let lives = runtime();
    let place = lives.block_on(Place::new());
    let file = place.folder.path("state");
    let dies = runtime();
    let doomed = client(&place.server);
    let handle = TransferHandle::new();
    dies.block_on(async {
        let steers = handle.clone();
        let upload = place.upload(&doomed).state_file(&file).handle(&handle);
        upload
            .on_state(move |state| {
                if state.bytes_done() >= 2 * PART {
                    steers.pause()
                }
            })
            .start()
            .detach();
        wait_for(|| handle.progress().phase == Phase::Paused).await;
    });
    // Nothing of it runs from here on, not even what cleans up.
    dies.shutdown_background();
    assert!(file.exists());
    lives.block_on(async {
        let uploaded = place.upload(&place.client).state_file(&file).await.unwrap();
        // The file may be a second older than the parts; those were compared by their checksums.
        assert!(uploaded.resumed >= 2 * PART, "{uploaded:?}");
        assert!(!file.exists());
        place.is_whole().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changed_in_between_is_named_and_nothing_is_sent() {
    let place = Place::new().await;
    let file = place.folder.path("state");
    place.stopped(place.upload(&place.client).state_file(&file)).await;
    let source = place.folder.path("source");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let touched = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
    let longer = |path: &Path| fs::write(path, [&place.data[..], b"more"].concat()).unwrap();
    let before = settled(&place.server).await;
    for change in [&touched as &dyn Fn(&Path), &longer] {
        change(&source);
        let error = place.upload(&place.client).state_file(&file).await.unwrap_err();
        assert_eq!(error.kind(), RequestError::Validation.into(), "{error}");
        assert!(error.to_string().contains("source changed since its upload began"), "{error}");
    }
    assert_eq!(place.server.stats().requests, before);
    // Whoever deletes the state begins anew.
    fs::write(&source, &place.data).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(place.upload(&place.client).state_file(&file).await.unwrap().resumed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_gone_begins_anew_and_parts_that_differ_are_sent_again() {
    let place = Place::new().await;
    let bucket = place.client.bucket("uploads");
    let state = state_of(&place.stopped(place.upload(&place.client)).await);
    bucket.abort_multipart_upload("big", state.upload_id().unwrap()).await.unwrap();
    let uploaded = place.upload(&place.client).resume(state).await.unwrap();
    assert_eq!((uploaded.resumed, uploaded.parts), (0, 6));
    place.is_whole().await;

    let file = place.folder.path("again");
    let other = client(&place.server);
    let handle = TransferHandle::new();
    let steers = handle.clone();
    let upload = place.upload(&other).state_file(&file).handle(&handle);
    upload
        .on_state(move |s| {
            if s.bytes_done() >= 2 * PART {
                steers.cancel()
            }
        })
        .await
        .unwrap_err();
    let state = TransferState::load(&file).unwrap().unwrap();
    // Somebody else wrote other bytes of the same size into a part, and a part of another size.
    let id = state.upload_id().unwrap();
    let part = || bucket.upload_part("big", id, 1, bytes(PART as usize, 99));
    part().checksum_algorithm("CRC64NVME").await.unwrap();
    bucket.upload_part("big", id, 6, "x").checksum_algorithm("CRC64NVME").await.unwrap();
    let uploaded = place.upload(&other).state_file(&file).await.unwrap();
    // A part that was on its way when the upload stopped may have arrived: it counts too.
    let least = state.bytes_done() - PART;
    assert!((least..=least + 2 * PART).contains(&uploaded.resumed), "{uploaded:?}");
    place.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_came_after_the_last_state_are_believed_only_by_their_checksum() {
    let place = Place::new().await;
    let state = state_of(&place.stopped(place.upload(&place.client)).await);
    let bucket = place.client.bucket("uploads");
    let mut value: serde_json::Value = serde_json::from_str(&state.to_json()).unwrap();
    value["upload"]["parts"] = serde_json::json!([]);
    let forgetful = TransferState::from_json(&value.to_string()).unwrap();
    let part = bucket.upload_part("big", state.upload_id().unwrap(), 1, bytes(PART as usize, 7));
    part.checksum_algorithm("CRC64NVME").await.unwrap();
    // A part that was on its way when the upload stopped may have arrived: it counts too.
    settled(&place.server).await;
    let there = bucket.list_parts("big", state.upload_id().unwrap()).await.unwrap().parts;
    let uploaded = place.upload(&place.client).resume(forgetful).await.unwrap();
    assert_eq!(uploaded.resumed, (there.len() as u64 - 1) * PART, "all but the first, which has other bytes");
    assert!(uploaded.resumed >= state.bytes_done() - PART);
    place.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_of_something_else_are_refused() {
    let place = Place::new().await;
    let state = state_of(&place.stopped(place.upload(&place.client)).await);
    let text = state.to_json();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        TransferState::from_json(&text.replacen(from, to, 1)).unwrap()
    };
    let port = format!(":{}", place.server.port());
    let size = format!("\"part_size\":{PART}");
    for (state, says) in [
        (changed("\"bucket\":\"uploads\"", "\"bucket\":\"other\""), "s3://other/big"),
        (changed("\"key\":\"big\"", "\"key\":\"small\""), "s3://uploads/small"),
        (changed(&port, ":1"), "is of an upload to http://127.0.0.1:1,"),
        (changed("/source\"", "/sauce\""), "sauce"),
        (changed(&size, "\"part_size\":1"), "cannot be right"),
        (changed(&size, "\"part_size\":18446744073709551615"), "cannot be right"),
    ] {
        let error = place.upload(&place.client).resume(state).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = place.client.transfer().upload("uploads", "big", "bytes").resume(state.clone()).await.unwrap_err();
    assert!(error.to_string().contains("only uploads of files"), "{error}");
    // Whatever a file holds, it is an error or a state, and never more.
    let mut dice = 7_u64;
    for _ in 0..3_000 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..1 + dice % 4 {
            dice = dice.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            let at = (dice >> 33) as usize % bytes.len();
            bytes[at] = (dice >> 25) as u8;
        }
        let _ = TransferState::from_json(&String::from_utf8_lossy(&bytes));
    }
    let file = place.folder.path("state");
    for hostile in [&b"\xff\xfe"[..], b"", b"{}", b"[[[[", &b"[".repeat(100_000)] {
        fs::write(&file, hostile).unwrap();
        let error = place.upload(&place.client).state_file(&file).await.unwrap_err();
        assert_eq!(error.to_string().matches("this is no state of a transfer").count(), 1, "{error}");
    }
    assert!(place.upload(&place.client).resume(state).await.unwrap().resumed > 0);
    place.is_whole().await;
}
