//! Attempts to make sync and copies delete, lose or invent what they must not.

use std::fs;
use std::time::Duration;

use integration_s3::sync::SyncEnd;
use integration_s3::transfer::TransferFailure;
use integration_s3::transport::scripted::{Answer, ScriptedTransport};
use integration_s3::{Bucket, Credentials, S3Client};

use super::downloads::bytes;
use super::faults::Fault;
use super::sync::{Scratch, place};
use super::uploads_faulty::{Script, completes, is_there, set_up};

/// A sync that hangs must fail the test, not hold it up. Nothing is measured by it.
async fn ends<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what.into_future()).await.expect("it waits for ever")
}

fn scripted() -> (ScriptedTransport, Bucket) {
    let script = ScriptedTransport::new();
    let builder = S3Client::builder().region("eu-west-1").credentials(Credentials::new("id", "secret"));
    let bucket = builder.transport(script.clone()).build().unwrap().bucket("logs");
    (script, bucket)
}

const CUT: &str = "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>p/a</Key><Size>1</Size>\
    <ETag>\"x\"</ETag></Contents></ListBucketResult>";
const CIRCLE: &str = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>\
    <Contents><Key>p/a</Key><Size>1</Size><ETag>\"x\"</ETag></Contents></ListBucketResult>";

#[tokio::test]
async fn a_listing_that_says_there_is_more_and_not_where_deletes_nothing() {
    for page in [CUT, CIRCLE] {
        let (script, bucket) = scripted();
        script.on("ListObjectsV2").always(Answer::ok().body(page));
        let local = Scratch::new();
        for name in ["a", "b", "c"] {
            local.write(name, "x");
        }
        let down = bucket.client().sync(SyncEnd::prefix("logs", "p"), SyncEnd::path(&local.0));
        let plan = ends(down.delete(true).plan()).await;
        assert!(plan.is_err(), "{page}: {}", plan.unwrap());
        assert_eq!(fs::read_dir(&local.0).unwrap().count(), 3);
    }
}

#[tokio::test]
async fn a_listing_in_a_circle_ends_a_deletion() {
    let (script, bucket) = scripted();
    script.on("ListObjectsV2").always(Answer::ok().body(CIRCLE));
    script.on("DeleteObject").always(Answer::status(204));
    ends(bucket.delete_prefix("p/")).await.unwrap_err();
}

#[tokio::test]
async fn a_refusal_under_another_name_is_not_counted_as_a_deletion() {
    let (script, bucket) = scripted();
    let page = "<ListBucketResult><Contents><Key>p/b</Key><Size>1</Size></Contents><Contents><Key>p/c</Key><Size>1</Size>\
        </Contents></ListBucketResult>";
    script.on("ListObjectsV2").always(Answer::ok().body(page));
    script.on("PutObject").always(Answer::ok());
    let refusal = "<DeleteResult><Error><Key>%70/c</Key><Code>AccessDenied</Code></Error></DeleteResult>";
    script.on("DeleteObjects").always(Answer::ok().body(refusal));
    let local = Scratch::new();
    local.write("a", "x");
    let up = bucket.client().sync(SyncEnd::path(&local.0), SyncEnd::prefix("logs", "p"));
    let report = up.delete(true).await.unwrap();
    assert_eq!((report.transferred, report.deleted, report.failures), (1, 1, 1), "{report}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_becomes_a_pipe_after_the_plan_is_a_failure_and_holds_nothing_up() {
    let place = place().await;
    let path = place.dir.write("a", "x");
    place.dir.write("b", "x");
    let plan = place.up().plan().await.unwrap();
    fs::remove_file(&path).unwrap();
    if !std::process::Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
        return;
    }
    let report = ends(plan.run()).await.unwrap();
    assert_eq!((report.transferred, report.failures), (1, 1), "{report}");
    assert_eq!(place.keys().await, ["p/b"]);
}

#[tokio::test]
async fn objects_brought_to_another_store_keep_their_tags_and_headers() {
    let (here, there) = (place().await, place().await);
    let put = here.bucket.put_object("p/a", "x").tagging("team=blue&x=1").content_type("text/plain");
    put.expires("Thu, 01 Dec 2044 16:00:00 GMT").cache_control("no-store").metadata("by", "me").await.unwrap();
    let to = SyncEnd::prefix("mirror", "p").client(&there.client);
    let report = here.client.sync(SyncEnd::prefix("mirror", "p"), to).await.unwrap();
    assert_eq!((report.transferred, report.failures), (1, 0), "{report}");
    let head = there.bucket.head_object("p/a").await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("text/plain"));
    assert_eq!((head.cache_control.as_deref(), head.expires.is_some()), (Some("no-store"), true));
    let tags = there.client.get_object_tagging().bucket("mirror").key("p/a").await.unwrap().tag_set;
    assert_eq!(tags.len(), 2, "{tags:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_completion_got_lost_on_the_way_back_is_no_failure() {
    let plan = Script(|asked, _| completes(asked).then_some(Fault::AnswerReset));
    let (server, proxy, shaky, direct) = set_up(plan).await;
    let data = bytes(11 << 20, 6);
    direct.bucket("uploads").put_object("a", data.clone()).await.unwrap();
    let copy = shaky.transfer().copy("uploads/a", "uploads", "b").threshold(5 << 20).part_size(5 << 20);
    let copied = copy.await;
    assert!(!proxy.injected("uploads").is_empty());
    is_there(&direct, "b", &data).await;
    assert_eq!((server.stats().uploads, shaky.transfer().uploads_left_open()), (0, 0));
    let error = copied.as_ref().err().map(|error| (error, TransferFailure::of(error).map(|it| &it.left)));
    assert!(error.is_none(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_there_before_is_no_reason_to_leave_an_upload_open() {
    let (server, _proxy, shaky, direct) = set_up(Script(|asked, _| completes(asked).then_some(Fault::Status503))).await;
    let data = bytes(11 << 20, 6);
    let upload = |client: &S3Client| {
        client.transfer().part_size(5 << 20).threshold(5 << 20).upload("uploads", "x", data.clone())
    };
    upload(&direct).await.unwrap();
    // The same bytes in the same parts: whether this one was completed cannot be told.
    let _ = upload(&shaky).await;
    is_there(&direct, "x", &data).await;
    assert_eq!((server.stats().uploads, shaky.transfer().uploads_left_open()), (0, 0));
    let copy = shaky.transfer().copy("uploads/x", "uploads", "x2").threshold(5 << 20).part_size(5 << 20);
    copy.await.unwrap_err();
    assert_eq!((server.stats().uploads, direct.bucket("uploads").object_exists("x2").await.unwrap()), (0, false));
}

#[tokio::test]
async fn a_store_with_two_names_is_not_synced_into_itself() {
    let place = place().await;
    for key in ["a/1", "b", "c"] {
        place.bucket.put_object(key, key).await.unwrap();
    }
    let name = place.server.endpoint().replace("127.0.0.1", "localhost");
    let credentials = Credentials::new(place.server.access_key(), place.server.secret_key());
    let alias = S3Client::builder().endpoint(name).credentials(credentials).build().unwrap();
    for (from, to) in [("", "a"), ("a", "")] {
        let job = place.client.sync(SyncEnd::prefix("mirror", from), SyncEnd::prefix("mirror", to).client(&alias));
        let error = job.delete(true).await.unwrap_err();
        assert!(error.to_string().contains("the same store"), "{error}");
        assert_eq!(place.keys().await, ["a/1", "b", "c"]);
    }
    // The same prefix twice is no harm: nothing is to be done.
    let job = place.client.sync(SyncEnd::prefix("mirror", "a"), SyncEnd::prefix("mirror", "a").client(&alias));
    let report = job.delete(true).await.unwrap();
    assert_eq!((report.transferred, report.deleted, report.unchanged), (0, 0, 1), "{report}");
}
