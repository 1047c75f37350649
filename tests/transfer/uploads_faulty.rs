//! Uploads through a proxy that does harm: identical objects, or an error that says what is left, which is nothing.
//!
//! `TRANSFER_UPLOADS` (default 24) sizes the random run, `TRANSFER_SEED` (default 1) seeds it.

use std::sync::Arc;
use std::time::Duration;

use integration_s3::config::ChecksumWhen;
use integration_s3::error::{ErrorKind, ServerError};
use integration_s3::resilience::{CircuitPolicy, RetryCase, RetryPolicy, RetryRule};
use integration_s3::transfer::{Left, TransferFailure, UploadSource};
use integration_s3::transport::HyperTransport;
use integration_s3::{Credentials, S3Client};
use integration_s3_devserver::DevServer;

use super::downloads::{Folder, bytes, client};
use super::faults::{Asked, Dice, Fault};
use super::proxy::{Plan, Proxy, Random};

const MIB: usize = 1 << 20;
const PART: u64 = 5 << 20;

/// Faults by what is asked.
pub(super) struct Script(pub(super) fn(&Asked, u64) -> Option<Fault>);

impl Plan for Script {
    fn fault(&self, asked: &Asked, _: bool, number: u64) -> (Option<Fault>, Dice) {
        ((self.0)(asked, number), Dice::of(1, &asked.query, number))
    }
}

/// As users have it, with short waits.
fn shaky(server: &DevServer, proxy: &Proxy) -> S3Client {
    let soon = RetryRule::new().base_delay(Duration::from_millis(20));
    S3Client::builder()
        .region(server.region())
        .endpoint(&proxy.endpoint)
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .transport(HyperTransport::builder().read_idle_timeout(Duration::from_secs(2)).build())
        .request_checksums(ChecksumWhen::Supported)
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(10)).rule(RetryCase::Throttle, soon))
        .circuit(CircuitPolicy::default().reset_after(Duration::from_millis(200)))
        .build()
        .unwrap()
}

pub(super) async fn set_up(plan: impl Plan) -> (DevServer, Proxy, S3Client, S3Client) {
    let server = DevServer::builder().start().await.unwrap();
    let proxy = Proxy::start(server.port(), plan).await;
    let (shaky, direct) = (shaky(&server, &proxy), client(&server));
    direct.create_bucket().bucket("uploads").await.unwrap();
    (server, proxy, shaky, direct)
}

pub(super) async fn is_there(direct: &S3Client, key: &str, data: &[u8]) {
    let got = direct.bucket("uploads").get_object(key).await.unwrap().body.collect().await.unwrap();
    assert!(got == data, "{key} differs");
}

fn is_part(asked: &Asked, number: u32) -> bool {
    asked.method == "PUT" && asked.query.split('&').any(|pair| pair == format!("partNumber={number}"))
}

pub(super) fn completes(asked: &Asked) -> bool {
    asked.method == "POST" && asked.query.contains("uploadId")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_fails_is_sent_again_and_the_others_go_on() {
    // More often than the client repeats a request by itself.
    let plan = Script(|asked, number| (is_part(asked, 2) && number < 7).then_some(Fault::Status500));
    let (server, proxy, shaky, direct) = set_up(plan).await;
    let data = bytes(21 * MIB, 3);
    let upload = shaky.transfer().part_size(PART).upload("uploads", "x", data.clone()).concurrency(2);
    assert_eq!(upload.await.unwrap().parts, 5);
    assert!(!proxy.injected("uploads").is_empty());
    is_there(&direct, "x", &data).await;
    assert_eq!(server.stats().uploads, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_damaged_on_the_way_are_sent_again() {
    for fault in [
        Script(|asked, number| (is_part(asked, 1) && number < 3).then_some(Fault::RequestCorrupt)),
        Script(|asked, number| (is_part(asked, 2) && number < 4).then_some(Fault::RequestDuplicate)),
    ] {
        let (server, proxy, shaky, direct) = set_up(fault).await;
        let (folder, data) = (Folder::new(), bytes(17 * MIB, 4));
        std::fs::write(folder.path("f"), &data).unwrap();
        shaky.transfer().part_size(PART).upload_file(folder.path("f"), "uploads", "x").concurrency(1).await.unwrap();
        assert!(!proxy.injected("uploads").is_empty());
        is_there(&direct, "x", &data).await;
        assert_eq!(server.stats().uploads, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_never_arrives_ends_the_upload_and_leaves_nothing() {
    let (server, _proxy, shaky, direct) =
        set_up(Script(|asked, _| is_part(asked, 3).then_some(Fault::Status500))).await;
    let upload = shaky.transfer().part_size(PART).upload("uploads", "x", bytes(26 * MIB, 5)).concurrency(1);
    let error = upload.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server(ServerError::InternalError), "{error}");
    assert_eq!((error.bucket(), error.key()), (Some("uploads"), Some("x")));
    let failure = TransferFailure::of(&error).unwrap();
    assert_eq!((failure.done.as_slice(), failure.parts, &failure.left), (&[1, 2][..], Some(6), &Left::Nothing));
    assert_eq!(failure.failed.len(), 1);
    assert_eq!(failure.failed[0].0, 3);
    let line = error.to_string();
    assert!(line.contains("2 of 6 parts stand; nothing is left behind") && !line.contains('\n'), "{line}");
    assert_eq!((server.stats().uploads, shaky.transfer().uploads_left_open()), (0, 0));
    assert!(!direct.bucket("uploads").object_exists("x").await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_completion_got_lost_on_the_way_back_is_found_to_be_complete() {
    // The first answer; and all of them. With a condition that the object itself breaks from then on.
    let first = Script(|asked, number| (completes(asked) && number < 8).then_some(Fault::AnswerReset));
    let all = Script(|asked, _| completes(asked).then_some(Fault::AnswerReset));
    for plan in [first, all] {
        let (server, proxy, shaky, direct) = set_up(plan).await;
        let data = bytes(21 * MIB, 6);
        let upload = shaky.transfer().part_size(PART).upload("uploads", "x", data.clone());
        let uploaded = upload.configure(|put| put.if_none_match("*")).await.unwrap();
        assert!(!proxy.injected("uploads").is_empty());
        assert_eq!((uploaded.parts, uploaded.bytes), (5, data.len() as u64));
        assert!(uploaded.checksum.is_some());
        is_there(&direct, "x", &data).await;
        assert_eq!((server.stats().uploads, shaky.transfer().uploads_left_open()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_that_never_happened_is_not_taken_for_one() {
    let (server, _proxy, shaky, direct) = set_up(Script(|asked, _| completes(asked).then_some(Fault::Status503))).await;
    // An object of the same size was there before.
    direct.bucket("uploads").put_object("x", bytes(16 * MIB, 1)).await.unwrap();
    let error = shaky.transfer().part_size(PART).upload("uploads", "x", bytes(16 * MIB, 2)).await.unwrap_err();
    assert!(error.to_string().contains("4 of 4 parts stand; nothing is left behind"), "{error}");
    is_there(&direct, "x", &bytes(16 * MIB, 1)).await;
    assert_eq!(server.stats().uploads, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abortion_that_fails_is_counted_and_said() {
    let plan = |asked: &Asked, _: u64| (is_part(asked, 2) || asked.method == "DELETE").then_some(Fault::Status500);
    let (server, _proxy, shaky, _direct) = set_up(Script(plan)).await;
    let error = shaky.transfer().part_size(PART).upload("uploads", "x", bytes(16 * MIB, 2)).await.unwrap_err();
    let failure = TransferFailure::of(&error).unwrap();
    assert!(
        matches!(&failure.left, Left::OpenUpload { upload_id } if error.to_string().contains(upload_id)),
        "{error}"
    );
    assert_eq!((server.stats().uploads, shaky.transfer().uploads_left_open()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_objects_are_identical_and_no_upload_is_left() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (uploads, seed) = (number("TRANSFER_UPLOADS", 24), number("TRANSFER_SEED", 1));
    let (server, proxy, shaky, direct) = set_up(Random { seed, one_in: 10 }).await;
    let folder = Arc::new(Folder::new());
    let mut failed = 0;
    for round in 0..uploads.div_ceil(4) {
        let several = (0..4.min(uploads - round * 4)).map(|n| {
            let (key, data) = (
                format!("{round}-{n}"),
                bytes(6 * MIB + (round * 4 + n) as usize * 700_001 % (12 * MIB), round * 4 + n),
            );
            let source: UploadSource = match n {
                0 => data.clone().into(),
                1 => UploadSource::reader(std::io::Cursor::new(data.clone()), None),
                _ => {
                    std::fs::write(folder.path(&key), &data).unwrap();
                    UploadSource::path(folder.path(&key))
                }
            };
            let manager = shaky.transfer().part_size(PART).threshold(PART).concurrency(3);
            (manager.upload("uploads", key.as_str(), source).start(), key, data)
        });
        for (transfer, key, data) in several.collect::<Vec<_>>() {
            match transfer.await {
                Ok(_) => is_there(&direct, &key, &data).await,
                Err(error) => {
                    failed += 1;
                    println!("{error}");
                }
            }
        }
    }
    let (injected, lost) = (proxy.injected("uploads").len(), proxy.lost_creates());
    println!(
        "{uploads} uploads, {} requests, {injected} faults, {failed} failed, {lost} lost their ids",
        proxy.requests()
    );
    assert!(injected > 0 && failed * 10 <= uploads, "{failed} of {uploads} failed");
    let open = server.stats().uploads as u64;
    // The id of an upload whose opening was answered in vain is known to nobody.
    assert!(open <= lost as u64 + shaky.transfer().uploads_left_open(), "{open} are open, {lost} lost their ids");
    assert_eq!(shaky.transfer().uploads_left_open(), 0);
}
