//! Input that cannot work is refused before a connection is opened; input that only looks odd arrives as it was.

use std::time::Duration;

use integration_s3::error::{CredentialsError, ErrorKind};
use integration_s3::types::{CompletedMultipartUpload, Delete, ObjectIdentifier, Tag, Tagging};
use integration_s3::{ByteRange, ByteStream, CopySource, Credentials, S3Client, S3Error};

use super::server::*;

async fn refused<T>(what: &str, server: &Server, call: impl Future<Output = Result<T, S3Error>>) -> S3Error {
    let before = server.requests();
    let error = failure(what, call).await;
    assert_eq!(server.requests(), before, "{what}: was sent");
    assert_eq!(error.attempts(), 0, "{what}");
    error
}

#[tokio::test]
async fn keys_of_any_characters_arrive_as_one_request_line() {
    let server = Server::saying(answer("200 OK", "", ""));
    let bucket = server.bucket();
    let mut keys: Vec<String> = (0u8..=0x7f).map(|c| format!("a{}b", char::from(c))).collect();
    keys.extend(["../..", "..", ".", "/", "//a", "a//", "ä/€/𝄞", "%2e%2e/", "a?b=c", "a#b", " "].map(String::from));
    keys.push("k".repeat(1024));
    for key in keys {
        bucket.head_object(&key).send().await.unwrap_or_else(|e| panic!("{key:?}: {e}"));
        let line = server.heads.lock().unwrap().last().unwrap().lines().next().unwrap().to_owned();
        assert!(line.starts_with("HEAD /logs/") && line.ends_with(" HTTP/1.1") && !line.contains(['?', '#']), "{line}");
    }
    for key in [String::new(), "k".repeat(1025), "é".repeat(513)] {
        refused("key", &server, bucket.head_object(&key).send()).await;
    }
}

#[tokio::test]
async fn buckets_that_cannot_be_are_refused() {
    let server = Server::saying(answer("200 OK", "", ""));
    for name in [
        "",
        "ab",
        "Abc",
        "a_b",
        "a b",
        "a/b",
        "../..",
        "a..b",
        "192.168.1.1",
        "xn--abc",
        "a\r\nb",
        "evil.com#",
        "a@b.c",
        "ab:80",
        "logs?x=1",
        "bücket",
        "-abc",
        "abc-",
        &"a".repeat(64),
        "logs\0",
    ] {
        refused(name, &server, server.client().bucket(name).get_object("a").send()).await;
        refused(name, &server, server.client().create_bucket().bucket(name).send()).await;
    }
}

#[tokio::test]
async fn header_values_with_lines_of_their_own_are_refused() {
    let server = Server::saying(answer("200 OK", "", ""));
    let bucket = server.bucket();
    for value in ["a\r\nx-amz-acl: public-read", "a\nb", "a\0b", "a\x7fb", "a\x1b[31m"] {
        refused("content type", &server, bucket.put_object("a", "x").content_type(value).send()).await;
        refused("metadata", &server, bucket.put_object("a", "x").metadata("n", value).send()).await;
        refused("metadata name", &server, bucket.put_object("a", "x").metadata(value, "v").send()).await;
        refused("owner", &server, bucket.get_object("a").expected_bucket_owner(value).send()).await;
        refused("if-match", &server, bucket.get_object("a").if_match(value).send()).await;
        refused("md5", &server, bucket.put_object("a", "x").content_md5(value).send()).await;
        refused("storage class", &server, bucket.put_object("a", "x").storage_class(value).send()).await;
        refused("range", &server, bucket.get_object("a").range(value).send()).await;
    }
    refused("2 KiB", &server, bucket.put_object("a", "x").metadata("n", "v".repeat(2_048)).send()).await;
    bucket.put_object("a", "x").metadata("n", "v".repeat(2_047)).metadata("", "").send().await.unwrap_err();
    bucket.put_object("a", "x").metadata("n", "v".repeat(2_047)).send().await.unwrap();
}

#[tokio::test]
async fn numbers_and_sets_beyond_their_limits_are_refused() {
    let server = Server::saying(answer("200 OK", "", "<DeleteResult/>"));
    let bucket = server.bucket();
    for number in [0, -1, 10_001, i32::MAX, i32::MIN] {
        refused("part number", &server, bucket.upload_part("a", "id", number, "x").send()).await;
    }
    let many: Vec<_> = (0..1_001).map(|n| ObjectIdentifier::new(format!("k{n}"))).collect();
    refused("delete", &server, bucket.delete_objects(Delete::new(many)).send()).await;
    refused("delete nothing", &server, bucket.delete_objects(Delete::new([])).send()).await;
    let nothing = CompletedMultipartUpload::new();
    refused("complete nothing", &server, bucket.complete_multipart_upload("a", "id", nothing).send()).await;
    let tag = |key: &str, value: &str| Tag::new(key, value);
    for tags in [
        (0..11).map(|n| tag(&n.to_string(), "")).collect(),
        vec![tag("", "")],
        vec![tag("a", "1"), tag("b", "2"), tag("a", "3")],
        vec![tag("aws:a", "")],
        vec![tag(&"k".repeat(129), "")],
        vec![tag("a", &"v".repeat(257))],
    ] {
        let tagging = Tagging::new(tags);
        refused("tags", &server, bucket.put_object_tagging("a", tagging).send()).await;
    }
    for expires in [Duration::ZERO, Duration::from_secs(604_801), Duration::MAX, Duration::from_millis(999)] {
        refused("presign", &server, bucket.get_object("a").presign(expires)).await;
    }
    bucket.get_object("a").presign(Duration::from_secs(604_800)).await.unwrap();
}

#[tokio::test]
async fn ranges_that_hold_nothing_are_refused_and_huge_ones_are_no_overflow() {
    let server = Server::saying(answer("206 Partial Content", "", "x"));
    let bucket = server.bucket();
    #[allow(clippy::reversed_empty_ranges)]
    let ranges: Vec<(&str, ByteRange)> = vec![
        ("empty", (5..5).into()),
        ("reversed", (9..5).into()),
        ("none", (0..0).into()),
        ("last none", ByteRange::last(0)),
        ("to none", (..0).into()),
    ];
    for (what, range) in ranges {
        refused(what, &server, bucket.get_object("a").range(range).send()).await;
    }
    for range in
        [ByteRange::from(u64::MAX - 1..u64::MAX), (0..=u64::MAX).into(), (u64::MAX..).into(), ByteRange::last(u64::MAX)]
    {
        // It was sent, which is what this is about; the answer names no range and is refused.
        let error = bucket.get_object("a").range(range).send().await.err();
        assert!(error.is_none_or(|e| e.status() == Some(206)));
    }
}

#[test]
fn configurations_that_cannot_work_are_refused_without_repeating_them() {
    let build = |endpoint: &str, region: &str, app: &str| {
        let credentials = Credentials::new("AKID", SECRET);
        S3Client::builder().endpoint(endpoint).region(region).app_name(app).credentials(credentials).build()
    };
    let fine = "http://127.0.0.1:9000";
    for endpoint in [
        "",
        " ",
        "localhost:9000",
        "ftp://a",
        "http://",
        "http://user:hunter2@127.0.0.1",
        "http://127.0.0.1/?hunter2=1",
        "http://127.0.0.1#hunter2",
        "http://[::1",
        "http://::1:9000",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://1.2.3",
        "http://a b",
        "http://a\r\nb",
        "http://bücket",
        "http://example.com",
        "https://a..b",
        "https://a/%zz",
        "https:\\\\a",
        "https://256.256.256.256",
        "file:///etc/passwd",
    ] {
        let error = build(endpoint, "us-east-1", "x").map(|_| ()).expect_err(endpoint);
        println!("{endpoint:?}: {error}");
        assert!(!error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2"));
    }
    for region in ["", " ", "us east", "../", "us-east-1/", "us-east-1\r\n", "evil.com", "-a", &"r".repeat(64), "ü"] {
        println!("{region:?}: {}", build(fine, region, "x").map(|_| ()).expect_err(region));
    }
    for app in ["", "a b", "a\r\nx: y", "ü", &"a".repeat(51)] {
        println!("{app:?}: {}", build(fine, "us-east-1", app).map(|_| ()).expect_err(app));
    }
    for good in [" http://127.0.0.1:9000 ", "http://[::1]:9000/", "HTTP://LOCALHOST/base/", "https://s3.example.com"] {
        build(good, "us-east-1", "x").unwrap();
    }
}

#[tokio::test]
async fn credentials_with_lines_of_their_own_are_refused() {
    let server = Server::saying(answer("200 OK", "", ""));
    let odd = [
        Credentials::new("AK\r\nx: y", SECRET),
        Credentials::new("", SECRET),
        Credentials::new("AKID", ""),
        Credentials::new("AKID/x", SECRET),
        Credentials::new("AKID", format!("{SECRET}\n")),
        Credentials::new("AKID", SECRET).with_session_token(format!("{TOKEN}\r\n")),
        Credentials::new("ÄKID", SECRET),
    ];
    for (n, credentials) in odd.into_iter().enumerate() {
        let client = S3Client::builder()
            .endpoint(format!("http://127.0.0.1:{}", server.port))
            .credentials(credentials)
            .max_attempts(1)
            .build()
            .unwrap();
        let bucket = client.bucket("logs");
        let sent = failure(&format!("credentials {n}"), bucket.head_object("a").send()).await;
        let signed = failure(&format!("presign {n}"), bucket.get_object("a").presign(Duration::from_secs(60))).await;
        for error in [sent, signed] {
            assert_eq!(error.kind(), ErrorKind::Credentials(CredentialsError::Invalid), "{n}: {error}");
        }
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn copy_sources_that_cannot_be_are_refused() {
    let server = Server::saying(answer("200 OK", "", "<CopyObjectResult/>"));
    let bucket = server.bucket();
    for (from, key) in [("", "a"), ("logs", ""), ("a/b", "c"), ("..", "a"), ("logs\r\n", "a")] {
        refused("copy source", &server, bucket.copy_object("b", CopySource::new(from, key)).send()).await;
    }
    for (from, key, version) in [
        ("logs", "../..", "v"),
        ("logs", "a?versionId=x", "v"),
        ("logs", "a\r\nb: c", "v\r\nx: y"),
        ("logs", "€", "&a=b"),
    ] {
        let source = CopySource::new(from, key).version_id(version);
        outcome("odd copy source", bucket.copy_object("b", source).send()).await.unwrap();
        let heads = server.heads.lock().unwrap();
        let line = heads.last().unwrap().lines().find(|l| l.starts_with("x-amz-copy-source:")).unwrap().to_owned();
        println!("{line}");
        assert!(line.is_ascii() && line.matches('?').count() == 1, "{line}");
        assert!(!heads.last().unwrap().contains("\r\nx: y"));
    }
}

fn stream(pieces: &[Result<&'static str, &'static str>], declared: Option<u64>) -> ByteStream {
    let pieces = pieces.to_vec();
    let pieces = futures_util::stream::iter(pieces.into_iter().map(|piece| match piece {
        Ok(text) => Ok(text.into()),
        Err(why) => Err(std::io::Error::other(why)),
    }));
    ByteStream::from_stream(pieces, declared)
}

#[tokio::test]
async fn bodies_that_are_not_what_they_say_are_errors() {
    let server = Server::saying(answer("200 OK", "", ""));
    let bucket = server.bucket();
    for (what, pieces, declared) in [
        ("shorter", vec![Ok("hello")], Some(100)),
        ("longer", vec![Ok("hello"), Ok("world")], Some(5)),
        ("failing", vec![Ok("hello"), Err("the disk is on fire")], Some(100)),
        ("failing at once", vec![Err("the disk is on fire")], Some(5)),
        ("unknown length", vec![Ok("hello"), Err("the disk is on fire")], None),
    ] {
        let body = stream(&pieces, declared);
        let error = failure(what, bucket.put_object("a", body).send()).await;
        if what.starts_with("failing") {
            assert!(error.to_string().contains("the disk is on fire"), "{what}: {error}");
        }
    }
    let body = stream(&[Ok("hello")], Some(u64::MAX));
    failure("u64::MAX", bucket.put_object("a", body).send()).await;
}

#[tokio::test]
async fn a_file_that_vanishes_shrinks_or_never_was_is_named() {
    let server = Server::saying(answer("200 OK", "", ""));
    let folder = std::env::temp_dir().join(format!("integration-s3-hostile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("body.bin");
    std::fs::write(&file, vec![b'x'; 100_000]).unwrap();
    let body = ByteStream::from_path(&file).await.unwrap();
    std::fs::remove_file(&file).unwrap();
    failure("vanished", server.bucket().put_object("a", body).send()).await;
    std::fs::write(&file, vec![b'x'; 100_000]).unwrap();
    let body = ByteStream::from_path(&file).await.unwrap();
    std::fs::write(&file, b"x").unwrap();
    failure("shrunk", server.bucket().put_object("a", body).send()).await;
    for path in [folder.join("never"), folder.clone()] {
        let error = ByteStream::from_path(&path).await.map(drop).unwrap_err();
        assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_request_sent_twice_sends_its_body_twice_or_says_that_it_cannot() {
    let server = Server::saying(answer("200 OK", "", ""));
    let put = server.bucket().put_object("a", "hello");
    put.clone().send().await.unwrap();
    put.send().await.unwrap();
    let lengths = server.heads.lock().unwrap().iter().filter(|h| h.contains("content-length: 5\r\n")).count();
    assert_eq!(lengths, 2);
    let put = server.bucket().put_object("a", stream(&[Ok("hello")], Some(5)));
    let again = put.clone();
    let first = outcome("stream", put.send()).await;
    let second = outcome("stream again", again.send()).await;
    assert!(first.is_ok() != second.is_ok() || (first.is_err() && second.is_err()), "an empty object was stored");
}

#[test]
fn requests_shown_for_debugging_hold_no_secret() {
    let client = S3Client::builder()
        .endpoint("http://127.0.0.1:9")
        .credentials(Credentials::new("AKID", SECRET).with_session_token(TOKEN))
        .build()
        .unwrap();
    let put = client.bucket("logs").put_object("a", "x").sse_customer_key(SECRET.as_bytes());
    for text in [
        format!("{client:?}"),
        format!("{put:?}"),
        format!("{:?}", client.config()),
        format!("{:?}", client.bucket("logs")),
    ] {
        assert!(!text.contains(SECRET) && !text.contains(TOKEN) && !text.contains("119, 74, 97"), "{text}");
    }
}
