//! What is sent again is what was sent, but for its date, its number and its signature; what is presigned has all of it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::{Call, Core, Operation};
use crate::body::ByteStream;
use crate::config::ConfigBuilder;
use crate::endpoint::{EndpointConfig, EndpointOptions};
use crate::error::{RequestError, S3Error, TransferError};
use crate::identity::{Credentials, SecretBytes};
use crate::plumbing::{ChecksumRule, OperationFacts, Reply, RequestWriter, Verb};
use crate::sign::{KeyCache, Payload, SigningScope, Target, sign_request};
use crate::timestamp::Timestamp;
use crate::transport::scripted::{Answer, ScriptedTransport, SeenRequest};
use crate::transport::{BoxFuture, HttpTransport, TransportError, TransportErrorKind};

/// A PUT with all that a header can be.
struct Store(ByteStream);

/// The same of a GET.
struct Fetch;

fn write_headers(w: &mut RequestWriter) {
    w.bucket("logs");
    w.key("a b/ü.txt");
    w.query("versionId", "x y");
    w.header("content-type", "text/plain;  charset=utf-8");
    w.header("content-encoding", "gzip");
    w.header("if-match", "\"tag\"");
    w.header("x-amz-server-side-encryption-customer-key", &SecretBytes::from(vec![7; 32]));
    w.header_list("x-amz-object-attributes", &["ETag".to_owned(), "Parts".to_owned()]);
    let metadata: BTreeMap<_, _> =
        (0..20).map(|at| (format!("m{at}"), ["", "two  blanks", "ü"][at % 3].to_owned())).collect();
    w.metadata("x-amz-meta-", &metadata);
}

macro_rules! operation {
    ($name:ident, $verb:ident, $in:literal, $out:literal, $encode:expr) => {
        impl Operation for $name {
            type Output = Bytes;
            const FACTS: &'static OperationFacts = &OperationFacts {
                name: stringify!($name),
                span: stringify!($name),
                verb: Verb::$verb,
                error_in_200: false,
                checksum: ChecksumRule::Supported,
                idempotent: true,
                streams_in: $in,
                streams_out: $out,
            };

            fn bucket(&self) -> Option<&str> {
                Some("logs")
            }

            fn encode(&mut self, w: &mut RequestWriter) {
                write_headers(w);
                ($encode)(self, w);
            }

            async fn decode(&self, reply: &mut Reply) -> Result<Box<Bytes>, S3Error> {
                reply.body().collect().await.map(Box::new)
            }
        }
    };
}

operation!(Store, Put, true, false, |it: &mut Store, w: &mut RequestWriter| {
    w.checksum_algorithm("x-amz-sdk-checksum-algorithm", &"CRC32".to_owned());
    // Of an attempt with other credentials, as it were.
    w.header("x-amz-security-token", "of another");
    w.body(std::mem::take(&mut it.0));
});
operation!(Fetch, Get, false, true, |_: &mut Fetch, _: &mut RequestWriter| {});

fn core(transport: &ScriptedTransport, endpoint: Option<&str>, token: Option<&str>) -> Arc<Core> {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret");
    let credentials = match token {
        Some(token) => credentials.with_session_token(token),
        None => credentials,
    };
    let mut builder = ConfigBuilder::config().region("us-east-1").credentials(credentials).transport(transport.clone());
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint(endpoint);
    }
    Core::new(builder.build().unwrap(), crate::error::no_codes).unwrap()
}

/// What must not change.
fn kept(request: &SeenRequest) -> HeaderMap {
    let mut headers = request.headers.clone();
    for name in ["authorization", "x-amz-date", "amz-sdk-request"] {
        assert!(headers.remove(name).is_some(), "{name}");
    }
    headers
}

/// Signs what arrived once more, and compares.
fn assert_signed(request: &SeenRequest, region: &str, token: Option<&str>) {
    assert_eq!(request.header("host"), request.url.authority().map(|it| it.as_str()));
    assert_eq!(request.headers.get_all("host").iter().count(), 1);
    assert_eq!(request.header("x-amz-security-token"), token);
    let date = request.header("x-amz-date").unwrap();
    let (day, time) = date.split_once('T').unwrap();
    let text = format!("{}-{}-{}T{}:{}:{}Z", &day[..4], &day[4..6], &day[6..], &time[..2], &time[2..4], &time[4..6]);
    let time = Timestamp::parse_rfc3339(&text).unwrap();
    let payload = match request.header("x-amz-content-sha256").unwrap() {
        "UNSIGNED-PAYLOAD" => Payload::Unsigned,
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Payload::StreamingUnsignedTrailer,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Payload::StreamingSignedTrailer,
        hash => Payload::Sha256Hex(hash),
    };
    let credentials = Credentials::new("AKIDEXAMPLE", "secret");
    let credentials = match token {
        Some(token) => credentials.with_session_token(token),
        None => credentials,
    };
    let target = Target { method: request.method.as_str(), host: None, path: request.path(), query: request.query() };
    let mut headers = request.headers.clone();
    let scope = SigningScope { region, service: "s3", time };
    sign_request(&target, &mut headers, &payload, &credentials, &scope, &KeyCache::new()).unwrap();
    assert_eq!(headers.get("authorization"), request.headers.get("authorization"));
    let signed = request.header("authorization").unwrap();
    for name in request.headers.keys().filter(|name| name.as_str().starts_with("x-amz-")) {
        assert!(signed.contains(name.as_str()), "{name}");
    }
}

fn bodies() -> Vec<ByteStream> {
    vec![ByteStream::empty(), ByteStream::from("short"), ByteStream::from(vec![b'x'; 3 << 20])]
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_is_the_first_but_for_date_number_and_signature() {
    for endpoint in [None, Some("http://127.0.0.1:9000"), Some("https://store.example:8443/base")] {
        for token in [None, Some("token")] {
            for body in bodies() {
                let script = ScriptedTransport::new();
                script
                    .on_any()
                    .times(1, Answer::status(503))
                    .times(1, Answer::fail(TransportErrorKind::Reset))
                    .always(Answer::ok());
                let core = core(&script, endpoint, token);
                Call::new(core).send(Box::new(Store(body))).await.unwrap();
                let seen = script.requests();
                assert_eq!(seen.len(), 3);
                for (at, request) in seen.iter().enumerate() {
                    assert_signed(request, "us-east-1", token);
                    assert_eq!((&request.url, &request.method), (&seen[0].url, &seen[0].method));
                    assert_eq!(kept(request), kept(&seen[0]));
                    assert_eq!(request.header("amz-sdk-request").unwrap(), format!("attempt={}; max=3", at + 1));
                    assert!(request.body.len() >= seen[0].body.len().min(5));
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirected_request_changes_its_host_and_its_signature_and_so_do_those_that_go_on() {
    let script = ScriptedTransport::new();
    let moved = Answer::error(301, "PermanentRedirect", "elsewhere").header("x-amz-bucket-region", "eu-west-1");
    let whole = Answer::ok().header("etag", "\"one\"").header("content-length", "10");
    let rest = Answer::status(206).header("etag", "\"one\"").header("content-range", "bytes 4-9/10").body("456789");
    script.on_any().times(1, moved.clone()).times(1, Answer::status(503));
    script.on_any().times(1, whole.body("0123456789").chunks_of(2).truncate_after(4)).always(rest);
    let core = core(&script, None, Some("token"));
    let got = Call::new(core).send(Box::new(Fetch)).await.unwrap();
    assert_eq!(got, "0123456789");
    let seen = script.requests();
    let hosts: Vec<_> = seen.iter().map(|it| it.header("host").unwrap().to_owned()).collect();
    let (first, then) = ("logs.s3.us-east-1.amazonaws.com", "logs.s3.eu-west-1.amazonaws.com");
    assert_eq!(hosts, [first, then, then, then]);
    for (at, request) in seen.iter().enumerate() {
        assert_signed(request, if at == 0 { "us-east-1" } else { "eu-west-1" }, Some("token"));
        assert_eq!((request.path(), request.query()), (seen[0].path(), seen[0].query()));
        let (mut now, mut then) = (kept(request), kept(&seen[0]));
        for name in ["host", "range", "if-match"] {
            now.remove(name);
            then.remove(name);
        }
        if at == 3 {
            now.remove("amz-sdk-invocation-id");
            then.remove("amz-sdk-invocation-id");
        }
        assert_eq!(now, then);
    }
    assert_eq!((seen[3].header("range"), seen[3].header("if-match")), (Some("bytes=4-9"), Some("\"one\"")));
}

/// A transport that reads bodies itself, and does not look how long they should be.
#[derive(Debug)]
struct Short(usize);

impl HttpTransport for Short {
    fn send(&self, _: http::Request<ByteStream>) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let answer = http::Response::builder().header("content-length", "10").body(vec![b'x'; self.0].into());
        Box::pin(std::future::ready(Ok(answer.unwrap())))
    }
}

#[tokio::test]
async fn a_body_in_memory_that_is_shorter_than_its_head_says_is_an_error() {
    for (length, whole) in [(10, true), (9, false), (0, false)] {
        let config = ConfigBuilder::config().region("us-east-1").anonymous().transport(Short(length)).build().unwrap();
        let core = Core::new(config, crate::error::no_codes).unwrap();
        match Call::new(core).send(Box::new(Fetch)).await {
            Ok(body) => assert!(whole && body.len() == 10, "{length}"),
            Err(error) => assert_eq!((error.kind(), whole), (TransferError::IncompleteBody.into(), false), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_presigned_request_names_and_signs_all_its_headers() {
    let core = core(&ScriptedTransport::new(), None, Some("token"));
    let made = Call::new(core).presign(Box::new(Fetch), Duration::from_secs(60)).await.unwrap();
    let (url, query) = made.url().split_once('?').unwrap();
    let mut sent = HeaderMap::new();
    for (name, value) in made.headers() {
        sent.append(http::HeaderName::try_from(name).unwrap(), http::HeaderValue::try_from(value).unwrap());
    }
    let mut writer = RequestWriter::new(
        &EndpointConfig::new(EndpointOptions { region: "us-east-1".into(), ..Default::default() }).unwrap(),
    );
    write_headers(&mut writer);
    assert_eq!(sent, *writer.finish().unwrap().headers());
    assert_eq!((sent.len(), sent.contains_key("x-amz-security-token")), (25, false));
    let said = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders=")).unwrap();
    let said: Vec<_> = said.split("%3B").collect();
    let mut names: Vec<_> = sent.keys().map(|it| it.as_str()).chain(["host"]).collect();
    names.sort_unstable();
    assert_eq!(said, names);
    assert_eq!(url, "https://logs.s3.us-east-1.amazonaws.com/a%20b/%C3%BC.txt");
}

#[tokio::test]
async fn a_checksum_nobody_can_compute_is_not_presigned() {
    let core = core(&ScriptedTransport::new(), None, None);
    let presigned = Call::new(core).presign(Box::new(Store(ByteStream::from("x"))), Duration::from_secs(60)).await;
    let error = presigned.unwrap_err();
    assert_eq!(error.kind(), RequestError::Validation.into());
    assert!(error.suggestion().unwrap().contains("checksum"), "{error}");
}
