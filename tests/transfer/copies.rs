//! Copies of any size and moves, against the embedded server; what no server does on demand, against a script.

use integration_s3::config::ChecksumWhen;
use integration_s3::error::{ErrorKind, RequestError, TransferError};
use integration_s3::transfer::{Left, Phase, TransferFailure, TransferHandle};
use integration_s3::transport::scripted::{Answer, ScriptedTransport};
use integration_s3::types::{BucketVersioningStatus, MetadataDirective, Tag, Tagging, VersioningConfiguration};
use integration_s3::{Bucket, CopySource, Credentials, S3Client};
use integration_s3_devserver::DevServer;

const MIB: usize = 1 << 20;

/// Different in every MiB.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / MIB * 31 + at % 251) as u8).collect()
}

async fn store(checksums: ChecksumWhen) -> (DevServer, Bucket) {
    let server = DevServer::builder().start().await.unwrap();
    let client = S3Client::builder()
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .request_checksums(checksums)
        .response_checksums(checksums)
        .build()
        .unwrap();
    let bucket = client.bucket("from");
    bucket.create_bucket().await.unwrap();
    client.bucket("target").create_bucket().await.unwrap();
    (server, bucket)
}

async fn put(bucket: &Bucket, key: &str, length: usize) {
    bucket
        .put_object(key, data(length))
        .content_type("text/csv")
        .cache_control("max-age=5")
        .metadata("city", "Zürich")
        .tagging("team=blue&tier=hot%20%26%20spicy")
        .await
        .unwrap();
}

async fn tags(bucket: &Bucket, key: &str) -> Vec<(String, String)> {
    let mut tags: Vec<_> =
        bucket.get_object_tagging(key).await.unwrap().tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect();
    tags.sort();
    tags
}

async fn is_the_same(bucket: &Bucket, key: &str, length: usize) {
    let got = bucket.get_object(key).await.unwrap();
    assert_eq!(got.content_type.as_deref(), Some("text/csv"));
    assert_eq!(got.cache_control.as_deref(), Some("max-age=5"));
    assert_eq!(got.metadata.get("city").map(String::as_str), Some("Zürich"));
    assert!(got.body.collect().await.unwrap() == data(length), "other bytes");
    assert_eq!(tags(bucket, key).await, [("team".into(), "blue".into()), ("tier".into(), "hot & spicy".into())]);
}

#[tokio::test]
async fn one_request_and_parts_make_the_same_copy() {
    for checksums in [ChecksumWhen::Required, ChecksumWhen::Supported] {
        let (server, from) = store(checksums).await;
        let to = from.client().bucket("target");
        put(&from, "a/ü +.csv", 12 * MIB).await;
        let source = || CopySource::new("from", "a/ü +.csv");

        let one = to.copy(source(), "one").await.unwrap();
        assert_eq!((one.parts, one.bytes), (0, 12 * MIB as u64));
        is_the_same(&to, "one", 12 * MIB).await;

        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let told = seen.clone();
        let parts = to
            .copy(source(), "parts")
            .threshold(6 << 20)
            .part_size(5 << 20)
            .concurrency(2)
            .progress(move |progress: &integration_s3::transfer::Progress| told.lock().unwrap().push(*progress))
            .await
            .unwrap();
        assert_eq!((parts.parts, parts.bytes), (3, 12 * MIB as u64));
        assert!(parts.e_tag.unwrap().ends_with("-3\""));
        is_the_same(&to, "parts", 12 * MIB).await;
        let last = *seen.lock().unwrap().last().unwrap();
        assert_eq!((last.phase, last.bytes, last.total), (Phase::Done, 12 << 20, Some(12 << 20)));
        assert_eq!((last.parts_done, last.parts), (3, Some(3)));
        if checksums == ChecksumWhen::Supported {
            assert_eq!(one.checksum, parts.checksum);
            assert!(one.checksum.unwrap().starts_with("CRC64NVME:"));
        }
        assert_eq!(server.stats().uploads, 0);
        assert_eq!(from.client().transfer().uploads_left_open(), 0);
    }
}

#[tokio::test]
async fn what_is_replaced_is_replaced_in_parts_too() {
    let (_server, from) = store(ChecksumWhen::Required).await;
    put(&from, "a", 11 * MIB).await;
    for threshold in [256 << 20, 5 << 20] {
        let copy = from.copy("from/a", "b").threshold(threshold).part_size(5 << 20).configure(|copy| {
            copy.metadata_directive(MetadataDirective::Replace)
                .content_type("text/plain")
                .metadata("new", "yes")
                .tagging_directive("REPLACE")
                .tagging("a=1")
        });
        copy.await.unwrap();
        let head = from.head_object("b").await.unwrap();
        assert_eq!((head.content_type.as_deref(), head.cache_control), (Some("text/plain"), None));
        assert_eq!(head.metadata.into_iter().collect::<Vec<_>>(), [("new".to_owned(), "yes".to_owned())]);
        assert_eq!(tags(&from, "b").await, [("a".into(), "1".into())]);
    }
}

#[tokio::test]
async fn a_version_is_copied_with_its_own_tags() {
    let (_server, from) = store(ChecksumWhen::Required).await;
    from.put_bucket_versioning(VersioningConfiguration::new().status(BucketVersioningStatus::Enabled)).await.unwrap();
    put(&from, "a", 11 * MIB).await;
    let old = from.head_object("a").await.unwrap().version_id.unwrap();
    from.put_object("a", "new").await.unwrap();
    from.put_object_tagging("a", Tagging::new([Tag::new("other", "tags")])).await.unwrap();
    let to = from.client().bucket("target");
    for threshold in [256 << 20, 5 << 20] {
        let source = CopySource::new("from", "a").version_id(&old);
        let copied = to.copy(source, "old").threshold(threshold).part_size(5 << 20).await.unwrap();
        assert_eq!(copied.source_version_id.as_deref(), Some(&*old));
        is_the_same(&to, "old", 11 * MIB).await;
    }
    // An old version over the current one is no copy onto itself.
    from.copy(CopySource::new("from", "a").version_id(&old), "a").await.unwrap();
    is_the_same(&from, "a", 11 * MIB).await;
}

#[tokio::test]
async fn another_store_is_copied_from_through_this_machine() {
    let (_here, from) = store(ChecksumWhen::Required).await;
    let (there, to) = store(ChecksumWhen::Required).await;
    put(&from, "large", 21 * MIB).await;
    put(&from, "small", 3).await;
    put(&from, "empty", 0).await;
    for (key, length, parts) in [("large", 21 * MIB, 5), ("small", 3, 0), ("empty", 0, 0)] {
        let copied = to.copy(("from", key), key).from_client(from.client()).part_size(5 << 20).await.unwrap();
        assert_eq!((copied.bytes, copied.parts), (length as u64, parts));
        is_the_same(&to, key, length).await;
    }
    assert_eq!(there.stats().uploads, 0);
    assert_eq!(to.client().transfer().memory_in_use(), 0);
}

#[tokio::test]
async fn a_move_leaves_only_the_copy() {
    let (_server, from) = store(ChecksumWhen::Required).await;
    let to = from.client().bucket("target");
    for (key, length) in [("small", 3), ("large", 11 * MIB)] {
        put(&from, key, length).await;
        to.move_object(("from", key), key).threshold(5 << 20).part_size(5 << 20).await.unwrap();
        is_the_same(&to, key, length).await;
        assert!(!from.object_exists(key).await.unwrap());
    }
}

#[tokio::test]
async fn a_move_between_stores_needs_proof_that_the_bytes_are_the_same() {
    let (_here, from) = store(ChecksumWhen::Required).await;
    let (_there, to) = store(ChecksumWhen::Required).await;
    put(&from, "small", 3).await;
    to.move_object("from/small", "small").from_client(from.client()).await.unwrap();
    assert!(!from.object_exists("small").await.unwrap());

    // One tag is of bytes, the other of parts, and no checksum was asked for: nothing can be compared.
    put(&from, "large", 17 * MIB).await;
    let error = to.move_object("from/large", "large").from_client(from.client()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no checksums that could be compared; the copy was left as it is and the source in place"),
        "{error}"
    );
    is_the_same(&from, "large", 17 * MIB).await;
    is_the_same(&to, "large", 17 * MIB).await;

    // With checksums on both sides there is proof.
    let (_here, from) = store(ChecksumWhen::Supported).await;
    let (_there, to) = store(ChecksumWhen::Supported).await;
    put(&from, "large", 17 * MIB).await;
    to.move_object("from/large", "large").from_client(from.client()).await.unwrap();
    is_the_same(&to, "large", 17 * MIB).await;
    assert!(!from.object_exists("large").await.unwrap());
}

#[tokio::test]
async fn onto_itself_needs_a_change_and_a_move_never_goes_there() {
    let (server, from) = store(ChecksumWhen::Required).await;
    put(&from, "a", 3).await;
    let before = server.stats().requests;
    let error = from.copy("from/a", "a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Request(RequestError::Validation));
    assert!(
        error.to_string().contains("nothing would change") && error.to_string().contains("change something"),
        "{error}"
    );
    let error = from.move_object("from/a", "a").configure(|copy| copy.metadata_directive("REPLACE")).await.unwrap_err();
    assert!(error.to_string().contains("are the same object"), "{error}");
    let error = from.copy("from/a", "b").configure(|copy| copy.key("c")).await.unwrap_err();
    assert!(error.to_string().contains("configure(..) set another"), "{error}");
    assert_eq!(server.stats().requests, before, "something was sent");
    from.copy("from/a", "a").configure(|copy| copy.metadata_directive("REPLACE").metadata("n", "1")).await.unwrap();
    assert_eq!(from.head_object("a").await.unwrap().metadata.len(), 1);
}

#[tokio::test]
async fn a_source_that_is_not_bucket_and_key_says_that_it_has_to_be() {
    let (server, from) = store(ChecksumWhen::Required).await;
    let requests = server.stats().requests;
    for source in ["t40", "t40/", "s3://from/key", ""] {
        let error = from.copy(source, "t41").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Request(RequestError::Validation));
        let text = error.to_string();
        assert!(text.starts_with("CopyObject s3://from/t41 failed: ") && text.contains("BUCKET/KEY"), "{text}");
        let error = from.copy_object("t41", source).await.unwrap_err();
        assert!(error.to_string().contains("BUCKET/KEY"), "{error}");
    }
    assert_eq!(server.stats().requests, requests);
}

#[tokio::test]
async fn what_is_not_there_and_what_was_called_off_say_so() {
    let (server, from) = store(ChecksumWhen::Required).await;
    let error = from.copy("from/ghost", "a").await.unwrap_err();
    assert!(error.is_not_found() && error.key() == Some("ghost"), "{error}");

    put(&from, "a", 11 * MIB).await;
    let handle = TransferHandle::new();
    handle.cancel();
    let error = from.copy("from/a", "b").handle(&handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transfer(TransferError::UploadAborted));
    assert_eq!(handle.progress().phase, Phase::Cancelled);
    assert!(!from.object_exists("b").await.unwrap());

    // Called off while parts are under way: nothing stays behind.
    let handle = TransferHandle::new();
    let stop = handle.clone();
    let copy = from.copy("from/a", "b").handle(&handle).threshold(5 << 20).part_size(5 << 20).concurrency(1);
    let copy = copy.progress(move |progress: &integration_s3::transfer::Progress| {
        if progress.parts_done > 0 {
            stop.cancel();
        }
    });
    let error = copy.await.unwrap_err();
    let failure = TransferFailure::of(&error).unwrap();
    assert_eq!((failure.done.as_slice(), &failure.left), ([1].as_slice(), &Left::Nothing), "{error}");
    assert_eq!(server.stats().uploads, 0);
    assert!(!from.object_exists("b").await.unwrap());
}

fn scripted() -> (ScriptedTransport, Bucket) {
    let script = ScriptedTransport::new();
    let builder = S3Client::builder().region("eu-west-1").credentials(Credentials::new("id", "secret"));
    let bucket = builder.transport(script.clone()).build().unwrap().bucket("bkt");
    script.on("HeadObject").always(Answer::ok().header("content-length", "12582912").header("etag", "\"one\""));
    script.on("GetObjectTagging").always(Answer::ok().body("<Tagging><TagSet></TagSet></Tagging>"));
    script.on("CreateMultipartUpload").always(
        Answer::ok().body("<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>"),
    );
    (script, bucket)
}

const PART: &str = "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>";

#[tokio::test]
async fn an_object_too_large_for_one_request_goes_in_parts() {
    let (script, bucket) = scripted();
    script.on("CopyObject").answer(Answer::status(400).body(
        "<Error><Code>InvalidRequest</Code><Message>The specified copy source is larger than the maximum allowable \
         size for a copy source: 5368709120</Message></Error>",
    ));
    script.on("UploadPartCopy").times(3, Answer::ok().body(PART));
    script.on("CompleteMultipartUpload").answer(
        Answer::ok().body("<CompleteMultipartUploadResult><ETag>\"x-3\"</ETag></CompleteMultipartUploadResult>"),
    );
    let copied = bucket.copy("bkt/a", "b").part_size(5 << 20).await.unwrap();
    assert_eq!(copied.parts, 3);
    let parts: Vec<_> = script
        .requests()
        .iter()
        .filter_map(|seen| {
            Some((
                seen.header("x-amz-copy-source-range")?.to_owned(),
                seen.header("x-amz-copy-source-if-match")?.to_owned(),
            ))
        })
        .collect();
    assert_eq!(parts.len(), 3);
    assert!(parts.contains(&("bytes=10485760-12582911".to_owned(), "\"one\"".to_owned())), "{parts:?}");
}

#[tokio::test]
async fn a_source_that_changes_ends_the_copy_and_the_upload() {
    let (script, bucket) = scripted();
    script
        .on("UploadPartCopy")
        .answer(Answer::ok().body(PART))
        .always(Answer::status(412).body("<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>"));
    script.on("AbortMultipartUpload").answer(Answer::status(204));
    script.on("ListParts").answer(Answer::status(404).body("<Error><Code>NoSuchUpload</Code></Error>"));
    let error = bucket.move_object("bkt/a", "b").threshold(0).part_size(5 << 20).concurrency(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transfer(TransferError::ObjectChanged));
    assert!(
        error
            .to_string()
            .contains("the source changed while it was copied; 1 of 3 parts stand; nothing is left behind"),
        "{error}"
    );
    let failure = TransferFailure::of(&error).unwrap();
    assert_eq!((failure.done.as_slice(), failure.failed[0].0), ([1].as_slice(), 2));
    assert_eq!(bucket.client().transfer().uploads_left_open(), 0);
    assert!(script.requests().iter().all(|seen| !format!("{:?}", seen.operation).contains("DeleteObject")));
}

#[tokio::test]
async fn an_abort_that_fails_is_said_and_counted() {
    let (script, bucket) = scripted();
    script.on("UploadPartCopy").always(Answer::status(403).body("<Error><Code>AccessDenied</Code></Error>"));
    script.on("AbortMultipartUpload").always(Answer::status(403).body("<Error><Code>AccessDenied</Code></Error>"));
    script.on("ListParts").always(Answer::status(403).body("<Error><Code>AccessDenied</Code></Error>"));
    let error = bucket.copy("bkt/a", "b").threshold(0).part_size(5 << 20).await.unwrap_err();
    assert!(error.to_string().contains("the upload up is left open"), "{error}");
    assert_eq!(TransferFailure::of(&error).unwrap().left, Left::OpenUpload { upload_id: "up".into() });
    assert_eq!(bucket.client().transfer().uploads_left_open(), 1);
}
