//! Bodies that are shorter, longer or other than they say, and pages that do not end.

use std::time::Duration;

use integration_s3::error::{ErrorKind, ResponseError, TransferError};
use integration_s3::{CopySource, Credentials, S3Client};
use integration_s3_runtime::resilience::StallPolicy;

use super::server::*;

#[tokio::test]
async fn an_object_cut_short_is_an_error_and_never_a_short_object() {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("short of its length", b"content-length: 100\r\n\r\nhello".to_vec()),
        ("huge length", b"content-length: 18446744073709551614\r\n\r\nhello".to_vec()),
        ("length beyond memory", b"content-length: 9223372036854775807\r\n\r\nhello".to_vec()),
        ("chunk cut", b"transfer-encoding: chunked\r\n\r\n10\r\nhello".to_vec()),
        ("no last chunk", b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec()),
        ("chunk size rubbish", b"transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n".to_vec()),
        ("chunk size overflow", b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello".to_vec()),
        ("chunk without line end", b"transfer-encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n".to_vec()),
    ];
    for (what, rest) in cases {
        let head = format!("HTTP/1.1 200 OK\r\nx-amz-request-id: {REQUEST_ID}\r\n");
        let server = Server::saying(Answer::Bytes([head.into_bytes(), rest].concat()));
        let bucket = server.bucket();
        match outcome(what, bucket.get_object("a").send()).await {
            Ok(got) => {
                let error = outcome(what, got.body.collect()).await.unwrap_err();
                assert!(!error.is_not_found(), "{what}");
            }
            Err(error) => assert!(error.operation().is_some()),
        }
        assert!(outcome(what, bucket.get_string("a")).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn a_length_beside_chunks_cuts_nothing_off() {
    for length in [3, 10, 100] {
        let bytes = format!(
            "HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
        );
        let server = Server::saying(Answer::Bytes(bytes.into_bytes()));
        assert_eq!(server.bucket().get_string("a").await.unwrap(), "helloworld", "{length}");
    }
}

#[tokio::test]
async fn a_body_under_204_is_not_taken_for_an_answer() {
    let bytes = format!("HTTP/1.1 204 No Content\r\nx-amz-request-id: {REQUEST_ID}\r\ncontent-length: 5\r\n\r\nhello");
    let server = Server::saying(Answer::Bytes(bytes.into_bytes()));
    let _ = outcome("204 with body", server.bucket().delete_object("a").send()).await;
    // Nor for an empty object.
    for rest in ["204 No Content\r\ncontent-length: 5\r\n", "204 No Content\r\n", "205 Reset\r\ncontent-length: 0\r\n"]
    {
        let head = format!("HTTP/1.1 {rest}x-amz-request-id: {REQUEST_ID}\r\netag: \"e\"\r\n\r\n");
        let server = Server::saying(Answer::Bytes(head.into_bytes()));
        let error = answered(rest, server.bucket().get_string("a")).await;
        assert_eq!(error.kind(), ErrorKind::Response(ResponseError::UnexpectedContent), "{rest}");
    }
}

#[tokio::test]
async fn blanks_before_a_verdict_are_no_stalled_stream() {
    let pieces: Vec<Vec<u8>> = [
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
        " ",
        " ",
        "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>",
    ]
    .map(|piece| piece.as_bytes().to_vec())
    .into();
    let server = Server::saying(Answer::Slowly(pieces, Duration::from_millis(300)));
    let client = S3Client::builder()
        .endpoint(format!("http://127.0.0.1:{}", server.port))
        .credentials(Credentials::new("AKID", SECRET))
        .stalled_streams(StallPolicy::new(1_000, Duration::from_millis(50)))
        .max_attempts(1)
        .build()
        .unwrap();
    let copied = outcome("blanks", client.bucket("logs").copy_object("a", CopySource::new("logs", "b")).send()).await;
    assert!(copied.unwrap().copy_object_result.is_some_and(|result| result.e_tag.is_some()));
    failure("an object that trickles", client.bucket("logs").get_string("a")).await;
}

#[tokio::test]
async fn an_error_document_under_200_fails_calls_without_an_output() {
    let body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let server = Server::saying(answer("200 OK", "", body));
    answered("put", server.bucket().put_object("a", "x").send()).await;
    answered("delete", server.bucket().delete_object("a").send()).await;
    answered("list", server.bucket().list_objects_v2().send()).await;
}

#[tokio::test]
async fn silence_within_a_body_is_given_up() {
    let head = format!("HTTP/1.1 200 OK\r\nx-amz-request-id: {REQUEST_ID}\r\ncontent-length: 100\r\n\r\nhello");
    let server = Server::saying(Answer::Silence(head.into_bytes()));
    let error = failure("silence in a body", server.bucket().get_string("a")).await;
    assert!(error.is_retryable(), "{error}");
    assert_eq!(error.request_id(), Some(REQUEST_ID));
    let head = format!(
        "HTTP/1.1 500 Oops\r\nx-amz-request-id: {REQUEST_ID}\r\ncontent-length: 100\r\n\r\n<Error><Code>InternalError</Code>"
    );
    let server = Server::saying(Answer::Silence(head.into_bytes()));
    let error = answered("silence in an error", server.bucket().get_object("a").send()).await;
    assert_eq!(error.code(), Some("InternalError"));
}

#[tokio::test]
async fn the_wrong_bytes_of_a_range_are_not_taken_for_the_right_ones() {
    for (what, status, headers) in [
        ("whole object", "200 OK", ""),
        ("other range", "206 Partial Content", "content-range: bytes 5-9/100\r\n"),
        ("rubbish", "206 Partial Content", "content-range: bytes x\r\n"),
        ("more than there is", "206 Partial Content", "content-range: bytes 0-3/100\r\n"),
    ] {
        let server = Server::saying(answer(status, headers, "hello"));
        let got = outcome(what, server.bucket().get_object("a").range(0..5).send()).await;
        // All five bytes there are is what was asked for; bytes from elsewhere, or from nowhere known, are not.
        assert_eq!(got.is_ok(), what == "whole object", "{what}: {got:?}");
    }
    for (what, status, headers, fine) in [
        ("the end", "206 Partial Content", "content-range: bytes 95-99/100\r\n", true),
        ("the end of who knows what", "206 Partial Content", "content-range: bytes 95-99/*\r\n", true),
        ("all, where there is no more", "200 OK", "", true),
        ("the beginning", "206 Partial Content", "content-range: bytes 0-4/100\r\n", false),
    ] {
        let server = Server::saying(answer(status, headers, "hello"));
        let got = outcome(what, server.bucket().get_object("a").range("bytes=-5").send()).await;
        assert_eq!(got.is_ok(), fine, "{what}: {got:?}");
    }
    let server = Server::saying(answer("200 OK", "", "hello, all of you"));
    failure("all instead of the end", server.bucket().get_object("a").range("bytes=-5").send()).await;
}

#[tokio::test]
async fn a_part_nobody_asked_for_is_not_taken_for_the_object() {
    for (headers, fine) in [
        ("", false),
        ("content-range: bytes 0-4/100\r\n", false),
        ("content-range: bytes 95-99/100\r\n", false),
        ("content-range: bytes 0-4/5\r\n", true),
    ] {
        let server = Server::saying(answer("206 Partial Content", headers, "hello"));
        let got = outcome(headers, server.bucket().get_string("a")).await;
        assert_eq!(got.is_ok(), fine, "{headers}: {got:?}");
    }
    let server = Server::saying(answer("206 Partial Content", "content-range: bytes 95-99/100\r\n", "hello"));
    server.bucket().get_object("a").part_number(2).send().await.unwrap();
}

#[tokio::test]
async fn the_whole_object_is_not_taken_for_a_part_of_it() {
    let server = Server::saying(answer("200 OK", "", "hello"));
    let error = failure("part 2", server.bucket().get_object("a").part_number(2).send()).await;
    assert_eq!(error.message(), "the server answered a request for a part with the whole object");
    // What was not stored in parts has one.
    server.bucket().get_object("a").part_number(1).send().await.unwrap();
}

#[tokio::test]
async fn a_checksum_that_does_not_match_fails_the_body() {
    let headers = "x-amz-checksum-crc32: AAAAAA==\r\nx-amz-checksum-type: FULL_OBJECT\r\n";
    let server = Server::saying(answer("200 OK", headers, "hello"));
    let got = server.bucket().get_object("a").checksum_mode("ENABLED").send().await.unwrap();
    let error = got.body.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transfer(TransferError::ChecksumMismatch), "{error}");
    let server =
        Server::saying(answer("200 OK", "x-amz-checksum-crc32: rubbish\r\nx-amz-checksum-sha256: =\r\n", "hello"));
    let got = server.bucket().get_object("a").checksum_mode("ENABLED").send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap(), "hello", "what is no checksum cannot be compared");
}

#[tokio::test]
async fn pages_that_name_themselves_end_with_an_error() {
    let page = |rest: &str| {
        answer("200 OK", "", format!("<ListBucketResult><Contents><Key>a</Key></Contents>{rest}</ListBucketResult>"))
    };
    let same = page("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>");
    let server = Server::saying(same);
    let error = failure("same token", server.bucket().list_all_objects("")).await;
    assert_eq!(error.kind(), ErrorKind::Response(ResponseError::InvalidResponse));
    assert_eq!(server.requests(), 2);
    // More is promised and not named: a short list must not pass for the whole.
    let server = Server::saying(page("<IsTruncated>true</IsTruncated>"));
    failure("no token", server.bucket().list_all_objects("")).await;
    assert_eq!(server.requests(), 1);
    let server = Server::start(move |n, _| match n {
        0 => answer(
            "200 OK",
            "",
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
        ),
        _ => answer("200 OK", "", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
    });
    failure("no token on page 2", server.bucket().list_all_objects("")).await;
    assert_eq!(server.requests(), 2);
    let server = Server::saying(page("<IsTruncated>true</IsTruncated><NextContinuationToken></NextContinuationToken>"));
    failure("empty token", server.bucket().list_all_objects("")).await;
}

#[tokio::test]
async fn keys_of_a_list_that_cannot_be_decoded_are_not_made_up() {
    let body = "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz%</Key><Size>many</Size></Contents>\
                <Contents><Key>%ff%fe</Key><LastModified>yesterday</LastModified></Contents></ListBucketResult>";
    let server = Server::saying(answer("200 OK", "", body));
    let listed = outcome("odd keys", server.bucket().list_objects_v2().send()).await.unwrap().contents;
    assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["%zz%", "%ff%fe"]);
    assert_eq!((listed[0].size, listed[1].last_modified), (None, None));
}
