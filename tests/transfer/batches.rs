//! Many at once: bounded, reported, stopped and called off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream;
use integration_s3::transfer::{Phase, Progress, TransferHandle};
use integration_s3::{Bucket, Credentials, S3Client};
use integration_s3_devserver::DevServer;

async fn bucket() -> (DevServer, Bucket) {
    let server = DevServer::builder().start().await.unwrap();
    let client = S3Client::builder()
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .build()
        .unwrap();
    let bucket = client.bucket("many");
    bucket.create_bucket().await.unwrap();
    (server, bucket)
}

async fn keys(bucket: &Bucket) -> Vec<String> {
    bucket.list_all_objects("").await.unwrap().into_iter().map(|object| object.key).collect()
}

#[tokio::test]
async fn uploads_in_a_batch_are_bounded_and_one_failure_stops_nothing() {
    let (_server, bucket) = bucket().await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let source = bucket.clone();
    let (running, peak) = (now.clone(), most.clone());
    let uploads = (0..40).map(move |n| {
        let (running, peak) = (running.clone(), peak.clone());
        let key = if n == 7 { String::new() } else { format!("k{n}") };
        // Counted from being asked for until it is over.
        peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        source.upload(key, vec![b'x'; n]).progress(move |progress: &Progress| {
            if matches!(progress.phase, Phase::Done | Phase::Failed) {
                running.fetch_sub(1, Ordering::SeqCst);
            }
        })
    });
    let report = bucket.client().transfer().upload_all(uploads).concurrency(3).await.unwrap();
    assert_eq!((report.succeeded, report.failures, report.skipped), (39, 1, 0));
    assert_eq!(report.bytes, (0..40).sum::<u64>() - 7);
    assert_eq!(report.failed[0].0, "s3://many/");
    assert!(report.to_string().starts_with("39 succeeded, 1 failed, 773 bytes\n  s3://many/: "), "{report}");
    assert!(most.load(Ordering::SeqCst) <= 3, "{most:?} at once");
    assert_eq!(keys(&bucket).await.len(), 39);
}

#[tokio::test]
async fn downloads_of_a_stream_say_what_is_not_there() {
    let (_server, bucket) = bucket().await;
    let folder = std::env::temp_dir().join(format!("batch-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for n in 0..5 {
        bucket.put_object(format!("k{n}"), "12345").await.unwrap();
    }
    let downloads: Vec<_> = (0..7).map(|n| bucket.download_file(format!("k{n}"), folder.join(n.to_string()))).collect();
    let report = bucket.client().transfer().download_all_of(stream::iter(downloads)).await.unwrap();
    assert_eq!((report.succeeded, report.failures, report.bytes), (5, 2, 25));
    assert!(report.failed.iter().all(|(_, error)| error.is_not_found()), "{report}");
    assert!(report.into_result().unwrap_err().is_not_found());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 5);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_batch_of_copies_stops_at_its_first_failure_if_it_shall() {
    let (_server, bucket) = bucket().await;
    bucket.put_object("a", "x").await.unwrap();
    let from = bucket.clone();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let copies = (0..100).map(move |n| {
        count.fetch_add(1, Ordering::SeqCst);
        from.copy(if n == 10 { "many/ghost" } else { "many/a" }, format!("b{n}"))
    });
    let report = bucket.client().transfer().copy_all(copies).concurrency(1).stop_at_first_failure().await.unwrap();
    assert_eq!((report.succeeded, report.failures), (10, 1));
    assert!(report.stopped && !report.is_complete());
    assert!(report.failed[0].0.ends_with("/b10"), "{report}");
    assert!(asked.load(Ordering::SeqCst) <= 12, "the iterator was read on");
}

#[tokio::test]
async fn a_batch_that_is_called_off_begins_nothing_more() {
    let (_server, bucket) = bucket().await;
    bucket.put_object("a", "x").await.unwrap();
    let handle = TransferHandle::new();
    let (stop, from) = (handle.clone(), bucket.clone());
    let copies = (0..).map(move |n| {
        if n == 20 {
            stop.cancel();
        }
        from.copy("many/a", format!("b{n:03}"))
    });
    let report = bucket.client().transfer().copy_all(copies).concurrency(2).handle(&handle).await.unwrap();
    assert!(report.stopped && report.failures == 0, "{report}");
    assert!((18..=20).contains(&report.succeeded), "{report}");
    assert_eq!(report.succeeded + report.skipped, 21, "{report}");
}

#[tokio::test]
async fn keys_are_deleted_a_thousand_at_a_time_with_those_that_are_none_reported() {
    let (server, bucket) = bucket().await;
    for n in 0..50 {
        bucket.put_object(format!("k{n}"), "").await.unwrap();
    }
    bucket.put_object("stays", "").await.unwrap();
    let before = server.stats().requests;
    let wanted = (0..2_500).map(|n| if n == 3 { String::new() } else { format!("k{n}") });
    let report = bucket.delete_all(wanted).await.unwrap();
    assert_eq!((report.succeeded, report.failures), (2_499, 1), "{report}");
    assert_eq!(server.stats().requests - before, 3);
    assert_eq!(keys(&bucket).await, ["k3", "stays"]);
    let report = bucket.delete_all(Vec::<String>::new()).await.unwrap();
    assert!(report.is_complete() && report.succeeded == 0);
}
