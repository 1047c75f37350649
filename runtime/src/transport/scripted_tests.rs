//! The scripted transport keeps to its script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use super::scripted::{Answer, ScriptedTransport};
use super::{HttpTransport, OperationName, TransportErrorKind as Kind};
use crate::body::ByteStream;
use crate::error::{ErrorKind, S3Error, TransferError};

fn request(operation: Option<&'static str>, method: &str, path: &str) -> http::Request<ByteStream> {
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("http://127.0.0.1{path}"))
        .header("x-amz-date", "20130524T000000Z")
        .body(ByteStream::from("content"))
        .unwrap();
    if let Some(name) = operation {
        request.extensions_mut().insert(OperationName(name));
    }
    request
}

async fn status(script: &ScriptedTransport, request: http::Request<ByteStream>) -> Option<u16> {
    script.send(request).await.ok().map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn matches_by_operation_method_and_path_in_order() {
    let script = ScriptedTransport::new();
    script.on("GetObject").path("/b/special").answer(201);
    script.on("GetObject").answer(202).answer(203);
    script.on_method("DELETE").path_where(|path| path.ends_with("?uploadId=1")).always(204);
    script.on_any().times(1, 205);
    let get = |path| request(Some("GetObject"), "GET", path);
    assert_eq!(status(&script, get("/b/k")).await, Some(202));
    assert_eq!(status(&script, get("/b/special")).await, Some(201));
    assert_eq!(status(&script, get("/b/special")).await, Some(203));
    assert_eq!(script.remaining(), 1);
    for _ in 0..3 {
        assert_eq!(status(&script, request(None, "DELETE", "/b/k?uploadId=1")).await, Some(204));
    }
    assert_eq!(status(&script, get("/b/k")).await, Some(205));
    script.assert_done();
    let error = script.send(get("/b/k?X-Amz-Signature=topsecret")).await.unwrap_err();
    assert!(error.message().starts_with("no rule of the script has an answer for GetObject GET /b/k: [1]"), "{error}");
    assert!(!error.message().contains("topsecret") && !error.is_retryable());
    assert_eq!(script.requests().len(), 8);
}

#[tokio::test]
async fn records_what_was_sent() {
    let script = ScriptedTransport::sequence([Answer::ok()]);
    script.send(request(Some("PutObject"), "PUT", "/b/k?x-id=PutObject")).await.unwrap();
    let seen = &script.requests()[0];
    assert_eq!((seen.operation, seen.path(), seen.query()), (Some("PutObject"), "/b/k", "x-id=PutObject"));
    assert_eq!(seen.header("X-Amz-Date"), Some("20130524T000000Z"));
    assert_eq!(seen.body, "content");
    assert_eq!(format!("{seen:?}"), "PutObject PUT /b/k (7 bytes)");
}

#[tokio::test(start_paused = true)]
async fn fails_delays_cuts_and_stalls() {
    let idle = Duration::from_secs(30);
    let script = ScriptedTransport::sequence([
        Answer::fail(Kind::PoolExhausted { active: 3, max: 3 }),
        Answer::ok().body("hello").delay(Duration::from_secs(7)),
        Answer::ok().body("hello").chunks_of(1).truncate_after(2),
        Answer::ok().body("hello").stall_after(5),
        Answer::ok().body("hello").time_out_after(3, idle),
        Answer::never(),
        Answer::ok().header("bad name", "x"),
    ]);
    let get = || request(None, "GET", "/b/k");
    let error = script.send(get()).await.unwrap_err();
    assert_eq!(error.message(), "waited 60s for a connection and got none: 3 of 3 are in use");

    let began = tokio::time::Instant::now();
    assert_eq!(script.send(get()).await.unwrap().into_body().collect().await.unwrap(), "hello");
    assert_eq!(began.elapsed().as_secs(), 7);

    let mut body = script.send(get()).await.unwrap().into_body();
    assert_eq!(body.len(), Some(5));
    assert_eq!(body.next().await.unwrap().unwrap(), "h");
    let error = body.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transfer(TransferError::IncompleteBody));
    assert_eq!(error.message(), "the connection ended after 2 of 5 bytes of the answer");

    let body = script.send(get()).await.unwrap().into_body();
    assert!(tokio::time::timeout(Duration::from_secs(1000), body.collect()).await.is_err());
    let error = script.send(get()).await.unwrap().into_body().collect().await.unwrap_err();
    assert_eq!(error.message(), "the server sent nothing for 30s after 3 of 5 bytes of the answer");

    assert!(tokio::time::timeout(Duration::from_secs(1000), script.send(get())).await.is_err());
    assert!(script.send(get()).await.unwrap_err().message().contains("bad name"));
    script.assert_done();
}

#[tokio::test]
async fn every_kind_of_failure_can_be_played() {
    for kind in [Kind::Connect, Kind::Dns, Kind::Tls, Kind::Reset, Kind::ConnectTimeout, Kind::IdleTimeout, Kind::Other]
    {
        let script = ScriptedTransport::sequence([Answer::fail(kind)]);
        let error = script.send(request(None, "GET", "/")).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        let retryable = error.is_retryable();
        assert_eq!(S3Error::from(error).is_retryable(), retryable);
    }
}

#[tokio::test]
async fn an_error_document_is_one() {
    let script = ScriptedTransport::sequence([Answer::error(404, "NoSuchKey", "no <key>")]);
    let answer = script.send(request(None, "GET", "/b/k")).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (404, &"application/xml".parse().unwrap())
    );
    let text = answer.into_body().collect_string().await.unwrap();
    assert!(text.contains("<Code>NoSuchKey</Code><Message>no &lt;key&gt;</Message>"), "{text}");
}

#[tokio::test]
async fn head_has_a_length_and_no_body() {
    let script = ScriptedTransport::sequence([Answer::ok().body("hello")]);
    let answer = script.send(request(None, "HEAD", "/b/k")).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "5");
    assert!(answer.into_body().is_empty());
}

#[test]
#[should_panic(expected = "1 scripted answers were not used: [1] any operation, any method, any path: 1 left")]
fn leftovers_are_an_assertion() {
    ScriptedTransport::sequence([Answer::ok()]).assert_done();
}
