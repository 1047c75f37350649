//! Deleting below a prefix.

use integration_s3::{Bucket, Credentials, S3Client};
use integration_s3_devserver::DevServer;

async fn bucket() -> (DevServer, Bucket) {
    let server = DevServer::builder().start().await.unwrap();
    let client = S3Client::builder()
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .build()
        .unwrap();
    let bucket = client.bucket("full");
    bucket.create_bucket().await.unwrap();
    (server, bucket)
}

#[tokio::test]
async fn more_than_a_page_goes_and_neighbours_stay() {
    let (server, bucket) = bucket().await;
    for n in 0..1_100 {
        bucket.put_object(format!("logs/{n}"), "").await.unwrap();
    }
    let odd = ["logs/ü <&>\"'", "logs/a\r\nb", "logs/\u{1}", "logs/a//../b", "logs/ ", "logs/\u{fffd}", "logs/%2F+"];
    for key in odd.into_iter().chain(["logs", "logs-old/a", "log"]) {
        bucket.put_object(key, "").await.unwrap();
    }
    let before = server.stats().requests;
    let report = bucket.delete_prefix("logs/").await.unwrap();
    assert_eq!((report.succeeded, report.failures), (1_107, 0), "{report}");
    assert!(report.is_complete());
    // Two pages, two bulk deletes, and the key that XML cannot hold.
    assert_eq!(server.stats().requests - before, 5);
    let left: Vec<String> = bucket.list_all_objects("").await.unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(left, ["log", "logs", "logs-old/a"]);
}

#[tokio::test]
async fn nothing_to_delete_is_no_failure() {
    let (_server, bucket) = bucket().await;
    let report = bucket.delete_prefix("").all().await.unwrap();
    assert_eq!((report.succeeded, report.failures), (0, 0));
}

#[tokio::test]
async fn only_old_uploads_below_the_prefix_are_aborted() {
    let (server, bucket) = bucket().await;
    for key in ["in/a", "in/a", "in/ü&", "out/b"] {
        bucket.create_multipart_upload(key).await.unwrap();
    }
    let day = std::time::Duration::from_secs(24 * 3600);
    let report = bucket.abort_stale_uploads("", day).await.unwrap();
    assert_eq!((report.succeeded, report.skipped, server.stats().uploads), (0, 4, 4));
    // Stores tell whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let report = bucket.abort_stale_uploads("in/", std::time::Duration::ZERO).await.unwrap();
    assert_eq!((report.succeeded, report.failures), (3, 0), "{report}");
    let left = bucket.list_multipart_uploads().items().collect().await.unwrap();
    assert_eq!(left.iter().map(|upload| &*upload.key).collect::<Vec<_>>(), ["out/b"]);
}
