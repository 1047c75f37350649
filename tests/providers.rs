//! Makes of stores: what naming one sets, and what then goes over the wire.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use integration_s3::config::{ChecksumWhen, PayloadSigning};
use integration_s3::transport::scripted::{Answer, ScriptedTransport};
use integration_s3::{ByteStream, ClientBuilder, Credentials, Provider, S3Client};

fn builder(provider: Provider) -> ClientBuilder {
    S3Client::builder().provider(provider).credentials(Credentials::new("AKIDEXAMPLE", "secret"))
}

#[test]
fn each_sets_endpoint_and_region() {
    let text = str::to_owned;
    for (provider, authority, region) in [
        (
            Provider::BackblazeB2 { region: text("eu-central-003") },
            "s3.eu-central-003.backblazeb2.com",
            "eu-central-003",
        ),
        (Provider::Ceph { endpoint: text("https://rgw.example.com") }, "rgw.example.com", "us-east-1"),
        (Provider::CloudflareR2 { account_id: text("abc123") }, "abc123.r2.cloudflarestorage.com", "auto"),
        (Provider::DigitalOceanSpaces { region: text("fra1") }, "fra1.digitaloceanspaces.com", "us-east-1"),
        (Provider::Garage { endpoint: text("http://127.0.0.1:3900") }, "127.0.0.1:3900", "garage"),
        (Provider::GoogleCloudStorage, "storage.googleapis.com", "auto"),
        (Provider::MinIo { endpoint: text("http://127.0.0.1:9000") }, "127.0.0.1:9000", "us-east-1"),
        (Provider::Wasabi { region: text("eu-central-1") }, "s3.eu-central-1.wasabisys.com", "eu-central-1"),
    ] {
        let client = builder(provider.clone()).build().unwrap();
        let config = client.config();
        assert_eq!((config.endpoint.authority(), config.region()), (authority, region), "{provider:?}");
        assert_eq!(config.request_checksums, ChecksumWhen::Required, "{provider:?}");
        assert!(!config.endpoint.place(Some("bucket")).bucket_in_host(), "{provider:?}");
    }
    let aws = builder(Provider::Aws).region("eu-west-1").build().unwrap();
    assert_eq!(aws.config().endpoint.authority(), "s3.eu-west-1.amazonaws.com");
    assert_eq!(aws.config().request_checksums, ChecksumWhen::Supported);
}

#[tokio::test]
async fn where_chunks_are_refused_bytes_are_hashed_and_streams_go_unsigned_or_not_at_all() {
    let script = ScriptedTransport::new();
    script.on("PutObject").always(Answer::ok());
    let r2 = || builder(Provider::CloudflareR2 { account_id: "abc".to_owned() }).transport(script.clone());
    let stream = || {
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("hello".into())]);
        ByteStream::from_stream(chunks, Some(5))
    };
    let signed = r2().payload_signing(PayloadSigning::Signed).build().unwrap();
    signed.put_object().bucket("bkt").key("k").body(vec![0; 9 << 20]).await.unwrap();
    let error = signed.put_object().bucket("bkt").key("k").body(stream()).await.unwrap_err().to_string();
    assert!(error.contains("the body is a stream, which this store takes unsigned only"), "{error}");
    r2().build().unwrap().put_object().bucket("bkt").key("k").body(stream()).await.unwrap();

    let hashes: Vec<String> =
        script.requests().iter().map(|seen| seen.header("x-amz-content-sha256").unwrap().to_owned()).collect();
    assert_eq!(hashes.len(), 2);
    assert_eq!((hashes[0].len(), hashes[1].as_str()), (64, "UNSIGNED-PAYLOAD"));
    assert!(script.requests().iter().all(|seen| seen.header("content-encoding").is_none()));
}

#[tokio::test]
async fn where_bulk_deletion_is_missing_prefixes_are_deleted_one_by_one() {
    let script = ScriptedTransport::new();
    let page = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a/1</Key></Contents>\
        <Contents><Key>a/2</Key></Contents></ListBucketResult>";
    script.on("ListObjectsV2").answer(Answer::ok().body(page));
    script.on("DeleteObject").times(2, Answer::status(204));
    let gcs = builder(Provider::GoogleCloudStorage).transport(script.clone()).build().unwrap();
    assert_eq!(gcs.bucket("bkt").delete_prefix("a/").await.unwrap().succeeded, 2);
    script.assert_done();
}
