//! XML that is none, is another, or never ends.

use std::sync::atomic::Ordering;

use integration_s3::CopySource;
use integration_s3::error::{ErrorKind, ResponseError, TransferError};

use super::server::*;

const LIST: &str = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";

#[tokio::test]
async fn a_document_that_cannot_be_read_is_an_error_with_operation_and_request_id() {
    let deep = format!("{LIST}{}", "<a>".repeat(10_000));
    let contents = format!("{LIST}<Contents><Key>a</Key>");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("malformed", format!("{LIST}<Contents><Key>a</Contents></ListBucketResult>").into()),
        ("truncated in a child", contents.clone().into()),
        ("truncated in a tag", format!("{LIST}<Cont").into()),
        ("truncated at the root's end", format!("{LIST}<Name>logs</Name>").into()),
        ("another root", "<ListAllMyBucketsResult/>".into()),
        ("html under 200", "<!DOCTYPE html>\n<html><head><title>Login</title></head></html>".into()),
        ("html without doctype", "<html><body>Please log in<br></body></html>".into()),
        ("json", "{\"message\": \"Not found\"}".into()),
        ("plain text", "It works!".into()),
        ("dtd", format!("<!DOCTYPE a [<!ENTITY a \"aaaa\">]>{LIST}<Name>&a;</Name></ListBucketResult>").into()),
        (
            "entity bomb",
            "<!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><ListBucketResult>&b;</ListBucketResult>"
                .into(),
        ),
        ("external entity", "<!DOCTYPE l [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><ListBucketResult>&a;</ListBucketResult>".into()),
        ("unknown entity", format!("{LIST}<Name>&nbsp;</Name></ListBucketResult>").into()),
        ("huge character reference", format!("{LIST}<Name>&#99999999999999999999;</Name></ListBucketResult>").into()),
        ("deep", deep.into()),
        ("invalid utf-8", [LIST.as_bytes(), b"<Name>\xff\xfe</Name></ListBucketResult>"].concat()),
        ("utf-16", "\u{feff}<ListBucketResult/>".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("nul bytes", vec![0; 4096]),
        ("two roots", format!("{LIST}</ListBucketResult>{LIST}</ListBucketResult>").into()),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec()),
        ("cdata without end", format!("{LIST}<Name><![CDATA[logs</Name></ListBucketResult>").into()),
        ("comment without end", format!("{LIST}<!-- ").into()),
    ];
    for (what, body) in cases {
        let server = Server::saying(answer("200 OK", "", body));
        let error = answered(what, server.bucket().list_objects_v2().send()).await;
        assert!(
            matches!(error.kind(), ErrorKind::Response(_) | ErrorKind::Transfer(TransferError::IncompleteBody)),
            "{what}: {:?}",
            error.kind()
        );
        assert_eq!(error.operation(), Some("ListObjectsV2"));
    }
}

#[tokio::test]
async fn a_document_that_never_ends_is_left_after_a_bounded_number_of_bytes() {
    let cases: Vec<(&str, String, Vec<u8>)> = vec![
        ("endless text", format!("{LIST}<Name>"), vec![b'a'; 1 << 16]),
        ("endless children nobody knows", LIST.to_owned(), b"<New>x</New>".repeat(4096)),
        ("endless keys", LIST.to_owned(), b"<Contents><Key>k</Key></Contents>".repeat(2048)),
        ("endless attributes", "<ListBucketResult".to_owned(), b" a=\"b\"".repeat(8192)),
        ("endless siblings in a child", format!("{LIST}<Contents>"), b"<Key>k</Key>".repeat(4096)),
        ("endless depth", LIST.to_owned(), b"<a>".repeat(16_384)),
        ("endless comment", format!("{LIST}<!--"), vec![b'c'; 1 << 16]),
        ("endless name", "<".to_owned(), vec![b'n'; 1 << 16]),
        ("endless blanks before", String::new(), vec![b' '; 1 << 16]),
        ("endless blanks behind", format!("{LIST}</ListBucketResult>"), vec![b'\n'; 1 << 16]),
        ("endless declaration", "<?xml".to_owned(), vec![b' '; 1 << 16]),
    ];
    for (what, first, again) in cases {
        let began = std::time::Instant::now();
        let head = [open_head("200 OK"), first.into_bytes()].concat();
        let server = Server::saying(Answer::Endless(head, again));
        let error = answered(what, server.bucket().list_objects_v2().send()).await;
        println!("  {} MiB in {:?}", server.sent.load(Ordering::Relaxed) >> 20, began.elapsed());
        assert_eq!(error.kind(), ErrorKind::Response(ResponseError::XmlParse), "{what}");
        assert!(server.sent.load(Ordering::Relaxed) < 80 << 20, "{what}");
    }
}

#[tokio::test]
async fn a_verdict_in_a_body_that_never_ends_is_left_after_a_bounded_number_of_bytes() {
    let server = Server::saying(Answer::Endless(open_head("200 OK"), vec![b' '; 1 << 20]));
    let source = CopySource::new("logs", "a");
    failure("endless copy answer", server.bucket().copy_object("b", source).send()).await;
    let sent = server.sent.load(Ordering::Relaxed);
    assert!(sent < 300 << 20, "{} MiB were taken", sent >> 20);
}

#[tokio::test]
async fn an_error_document_that_never_ends_is_cut() {
    for (what, body) in [("text", "<Error><Code>SlowDown</Code><Message>"), ("blanks", " "), ("html", "<html>")] {
        let head = [open_head("503 Slow"), body.as_bytes().to_vec()].concat();
        let server = Server::saying(Answer::Endless(head, vec![b'm'; 1 << 16]));
        let error = answered(what, server.bucket().get_object("a").send()).await;
        assert_eq!(error.status(), Some(503));
        assert!(server.sent.load(Ordering::Relaxed) < 64 << 20);
    }
}

#[tokio::test]
async fn an_empty_body_where_a_document_must_be_does_not_pass_for_an_empty_list() {
    let server = Server::saying(answer("200 OK", "", ""));
    let bucket = server.bucket();
    for error in [
        bucket.list_objects_v2().send().await.unwrap_err(),
        bucket.get_object_tagging("a").send().await.unwrap_err(),
        bucket.create_multipart_upload("a").send().await.unwrap_err(),
    ] {
        assert!(
            matches!(error.kind(), ErrorKind::Transfer(TransferError::IncompleteBody) | ErrorKind::Response(_)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_error_document_shows_nothing_that_was_signed_and_no_second_line() {
    let body = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature\r\nwe calculated \u{1b}[31mdoes not match</Message>\
         <AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256 {SECRET}</StringToSign>\
         <SignatureProvided>abcdef</SignatureProvided><CanonicalRequest>PUT /?X-Amz-Signature=1</CanonicalRequest>\
         <Token>{TOKEN}</Token></Error>"
    );
    let server = Server::saying(answer("403 Forbidden", "", body));
    let error = answered("signed texts", server.bucket().get_object("a").send()).await;
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
    for name in ["StringToSign", "SignatureProvided", "CanonicalRequest", "Token"] {
        assert_eq!(error.detail(name), None);
    }
}

#[tokio::test]
async fn an_error_message_of_a_megabyte_is_cut() {
    for (what, body) in [
        ("message", format!("<Error><Code>AccessDenied</Code><Message>{}</Message></Error>", "long ".repeat(200_000))),
        ("code", format!("<Error><Code>{}</Code></Error>", "Long".repeat(10_000))),
        (
            "request id",
            format!("<Error><Code>AccessDenied</Code><RequestId>{}</RequestId></Error>", "R".repeat(50_000)),
        ),
        ("one word", "w".repeat(1 << 20)),
    ] {
        let server = Server::saying(answer("403 Forbidden", "", body));
        answered(what, server.bucket().get_object("a").send()).await;
    }
}

#[tokio::test]
async fn a_page_for_people_with_502_is_one_readable_line() {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>";
    let server = Server::saying(answer("502 Bad Gateway", "content-type: text/html\r\n", page));
    let error = answered("502", server.bucket().get_object("a").send()).await;
    assert!(error.to_string().contains("502 Bad Gateway"), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_body_with_text_the_server_was_told_in_confidence_does_not_show_it() {
    for (what, body) in [
        ("echoed header", format!("<Error><Code>InvalidToken</Code><Message>bad token {TOKEN} here</Message></Error>")),
        ("echoed in html", format!("<html><pre>x-amz-security-token: {TOKEN}</pre></html>")),
        ("echoed authorization", "Authorization: AWS4-HMAC-SHA256 Credential=AKID/x, Signature=abc".to_owned()),
    ] {
        let server = Server::saying(answer("400 Bad Request", "", body));
        answered(what, server.bucket().get_object("a").send()).await;
    }
}
