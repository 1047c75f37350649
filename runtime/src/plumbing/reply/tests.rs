//! Answers in memory and in pieces, and the errors they turn into.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::error::{CodeFacts, ObjectError};
use crate::plumbing::DateFormat;
use crate::timestamp::Timestamp;
use bytes::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll};

struct Pieces(Vec<&'static str>);

impl futures_core::Stream for Pieces {
    type Item = Result<Bytes, std::io::Error>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = (!self.0.is_empty()).then(|| self.0.remove(0));
        Poll::Ready(next.map(|piece| Ok(Bytes::from_static(piece.as_bytes()))))
    }
}

static GONE: CodeFacts = CodeFacts {
    code: "NoSuchKey",
    kind: ErrorKind::Object(ObjectError::NotFound),
    status: 404,
    retry: RetryClass::Throttle,
    advice: "look elsewhere",
    fields: &["Where"],
};

fn codes(code: &str) -> Option<&'static CodeFacts> {
    (code == GONE.code).then_some(&GONE)
}

fn reply(pieces: &[&'static str]) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-request-id", HeaderValue::from_static("R1"));
    headers.insert("x-amz-id-2", HeaderValue::from_static("H1"));
    Reply::new(StatusCode::OK, headers, ByteStream::from_stream(Pieces(pieces.to_vec()), None), codes)
}

async fn texts(mut reply: Reply) -> Result<Vec<String>, S3Error> {
    let mut found = Vec::new();
    reply
        .xml("R", &mut |name, xml| {
            let text = xml.text()?;
            found.push(format!("{name}={text}"));
            Ok(())
        })
        .await?;
    Ok(found)
}

#[test]
fn headers_become_values_leniently() {
    let reply = Reply::from_parts(
        206,
        &[
            ("ETag", "\"x\""),
            ("Content-Length", " 12 "),
            ("x-amz-mp-parts-count", "many"),
            ("Last-Modified", "Fri, 24 May 2013 00:00:00 GMT"),
            ("Allow", "GET, HEAD,"),
            ("Allow", "7"),
            ("X-Amz-Meta-Name", "=?UTF-8?B?w6Q=?="),
            ("x-amz-meta-two", "a"),
            ("x-amz-meta-two", "b"),
            ("x-amz-meta-raw", "ä"),
            ("bad name", "x"),
        ],
        Vec::new(),
    );
    assert_eq!(reply.status(), 206);
    let fields = reply.fields();
    assert_eq!(fields.text("etag").as_deref(), Some("\"x\""));
    assert_eq!(fields.text("x-absent"), None);
    assert_eq!(fields.parse::<i64>("content-length"), Some(12));
    assert_eq!(fields.parse::<i32>("x-amz-mp-parts-count"), None);
    assert_eq!(fields.date("last-modified", DateFormat::HttpDate), Some(Timestamp::from_unix(1_369_353_600)));
    assert_eq!(fields.list::<String>("allow"), ["GET", "HEAD", "7"]);
    assert_eq!(fields.list::<i32>("allow"), [7]);
    let metadata = fields.metadata("x-amz-meta-");
    let pairs: Vec<_> = metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(pairs, [("name", "ä"), ("raw", "ä"), ("two", "a,b")]);
    assert_eq!(reply.headers().len(), 10);
}

#[test]
fn fields_are_found_however_many_there_are_and_whatever_their_names_share() {
    // Many more than there are kinds of names, so that every kind is shared sooner or later.
    let name = |at: usize| -> &'static str { format!("x-amz-{:x}-{}", at * at, "z".repeat(at % 9)).leak() };
    let names: Vec<_> = (0..200).map(name).collect();
    for count in 0..names.len() {
        let headers: Vec<_> = names[..count].iter().map(|name| (*name, *name)).collect();
        let reply = Reply::from_parts(200, &headers, Vec::new());
        let fields = reply.fields();
        for name in &names[..count] {
            assert_eq!(fields.text(name).as_deref(), Some(*name), "of {count}");
        }
        for absent in ["etag", "x-amz-", "x-amz-0", "x-amz-version-id", "content-length", "x-amz-1-zz"] {
            assert_eq!(fields.text(absent), None, "of {count}");
        }
    }
}

#[test]
fn the_first_of_repeated_fields_is_taken() {
    let reply = Reply::from_parts(200, &[("etag", "a"), ("date", "x"), ("etag", "b")], Vec::new());
    assert_eq!(reply.fields().text("etag").as_deref(), Some("a"));
}

#[test]
fn metadata_is_found_under_a_prefix_of_any_length() {
    let reply = Reply::from_parts(200, &[("x-amz-meta-a", "1"), ("m-b", "2"), ("meta-c", "3")], Vec::new());
    let keys = |prefix| reply.fields().metadata(prefix).into_keys().collect::<Vec<_>>();
    assert_eq!(keys("x-amz-meta-"), ["a"]);
    assert_eq!(keys("x-amz-mint-"), [""; 0]);
    assert_eq!(keys("x-goog-meta-"), [""; 0]);
    assert_eq!(keys("m-"), ["b"]);
    assert_eq!(keys("meta-c"), [""]);
}

#[test]
fn a_header_that_is_not_utf8_is_no_text_but_metadata() {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-meta-old", HeaderValue::from_bytes(b"caf\xe9").unwrap());
    let reply = Reply::new(StatusCode::OK, headers, ByteStream::empty(), codes);
    assert_eq!(reply.fields().text("x-amz-meta-old"), None);
    assert_eq!(reply.fields().metadata("x-amz-meta-").get("old").map(String::as_str), Some("café"));
}

#[test]
fn what_is_required_and_absent_is_named_with_the_request() {
    let reply = reply(&[]);
    assert_eq!(reply.require("upload id", Some(1)).unwrap(), 1);
    let error = reply.require::<i32>("upload id", None).unwrap_err();
    assert_eq!(error.kind(), ResponseError::InvalidResponse.into());
    assert_eq!(error.to_string(), "the answer has no upload id (status 200, request id R1)");
    assert_eq!((reply.request_id(), reply.host_id()), (Some("R1"), Some("H1")));
}

#[test]
fn the_futures_can_travel() {
    fn travels<T: Send>(_: T) {}
    travels(reply(&[]).xml_value("R", |xml| xml.text()));
    travels(texts(reply(&[])));
    travels(reply(&[]).finish());
    travels(reply(&[]).text_body());
}

#[tokio::test]
async fn reads_documents_in_pieces() {
    let found =
        texts(reply(&[" ", "\n<?xml version='1.0'?><R><a>1</", "a><b>&l", "t;</b><c", "/></R", "> "])).await.unwrap();
    assert_eq!(found, ["a=1", "b=<", "c="]);
}

#[tokio::test]
async fn an_answer_cut_short_may_be_tried_again() {
    assert!(texts(reply(&[])).await.unwrap_err().is_retryable());
    for pieces in [&["<R><a>1</a>"][..], &["<R><a>1"], &["  "], &["<?xml"]] {
        let error = texts(reply(pieces)).await.unwrap_err();
        assert_eq!(error.kind(), TransferError::IncompleteBody.into());
        assert!(error.is_retryable());
        assert_eq!(error.request_id(), Some("R1"));
        let error = reply(pieces).xml_value("R", |xml| xml.skip()).await.unwrap_err();
        assert_eq!(error.kind(), TransferError::IncompleteBody.into());
    }
}

#[tokio::test]
async fn what_is_no_such_document_is_named() {
    let error = texts(reply(&["<R><a>1</b></R>"])).await.unwrap_err();
    assert_eq!(error.kind(), ResponseError::XmlParse.into());
    assert!(error.to_string().contains("an end tag that does not match its start tag at byte 7"), "{error}");
    let error = texts(reply(&["<html>"])).await.unwrap_err();
    assert_eq!(error.kind(), ResponseError::InvalidResponse.into());
    assert!(
        error.to_string().starts_with("expected a <R> document, found <html> (status 200, request id R1)"),
        "{error}"
    );
    let error = reply(&["<html>"]).xml_value("R", |xml| xml.text()).await.unwrap_err();
    assert!(error.to_string().contains("found <html>"));
    let error = reply(&["<R/>"]).xml_value("R", |xml| xml.require("Key", None::<i32>)).await.unwrap_err();
    assert_eq!(error.kind(), ResponseError::InvalidResponse.into());
    assert!(error.message().contains("no `Key` element"));
}

#[tokio::test]
async fn an_error_document_under_status_200_is_that_error() {
    let body = &[
        "\n<?xml version='1.0'?>\n",
        "<Error><Code>NoSuchKey</Code><Message>gone</Message>",
        "<Where>x</Where><Other>y</Other></Error>",
    ];
    let errors = [
        texts(reply(body)).await.unwrap_err(),
        reply(body).xml_value("R", |xml| xml.text()).await.unwrap_err(),
        reply(body).finish().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ObjectError::NotFound.into());
        assert_eq!((error.code(), error.message(), error.status()), (Some("NoSuchKey"), "gone", Some(200)));
        assert_eq!((error.detail("Where"), error.detail("Other")), (Some("x"), None));
        assert_eq!((error.suggestion(), error.request_id()), (Some("look elsewhere"), Some("R1")));
        assert!(error.is_retryable());
    }
    let unknown = texts(reply(&["<Error><Code>New</Code></Error>"])).await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.code()), (ServerError::Other.into(), Some("New")));
}

#[tokio::test]
async fn reads_a_root_of_its_own_text() {
    async fn read(pieces: &[&'static str]) -> Result<Option<String>, S3Error> {
        reply(pieces).xml_value("R", |xml| xml.text()).await
    }
    assert_eq!(
        read(&["<?xml version='1.0'?><R xmlns='x'>eu-", "west-1</R>\n"]).await.unwrap().as_deref(),
        Some("eu-west-1")
    );
    assert_eq!(read(&["<R/>"]).await.unwrap().as_deref(), Some(""));
    assert_eq!(read(&[]).await.unwrap(), None);
    assert!(read(&["<R>1</R><R/>"]).await.is_err());
    assert_eq!(reply(&["<R><a/></R>"]).xml_value("R", |_| Ok(7)).await.unwrap(), Some(7));
}

#[tokio::test]
async fn reads_texts_and_ignores_bodies() {
    assert_eq!(reply(&["{\"a\":", "1}"]).text_body().await.unwrap(), "{\"a\":1}");
    assert!(reply(&["ignored"]).finish().await.is_ok());
    assert!(reply(&[]).finish().await.is_ok());
    let error = Reply::from_parts(200, &[("x-amz-request-id", "R2")], vec![b'a', 0xff]).text_body().await.unwrap_err();
    assert_eq!((error.kind(), error.request_id()), (ResponseError::UnexpectedContent.into(), Some("R2")));
    let long = Reply::from_parts(200, &[], vec![b'a'; MAX_TEXT + 1]).text_body().await.unwrap_err();
    assert!(long.message().contains("8 MiB"));
    assert!(Reply::from_parts(200, &[], vec![b'a'; 1 << 20]).finish().await.is_ok());
    assert_eq!(Reply::from_parts(200, &[], b"abc".to_vec()).body().collect().await.unwrap(), "abc");
}
