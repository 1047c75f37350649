//! Where the checksum of a body stands on the wire, and which one it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base64::Engine as _;
use bytes::Bytes;
use futures_core::Stream;

use super::payload::HASHED_AT_ONCE;
use super::{Call, Core, Operation};
use crate::body::ByteStream;
use crate::config::{ChecksumWhen, ConfigBuilder, PayloadSigning, ProviderFacts, S3Config, StoreFacts};
use crate::error::{ErrorKind, RequestError, S3Error, no_codes};
use crate::identity::Credentials;
use crate::integrity::{Algorithm, Hasher};
use crate::plumbing::{ChecksumRule, OperationFacts, Reply, RequestWriter, Verb};
use crate::transport::scripted::{Answer, ScriptedTransport, SeenRequest};

macro_rules! write_operation {
    ($name:ident, $rule:ident, $header:literal, streams: $streams:literal) => {
        #[derive(Default)]
        struct $name {
            body: ByteStream,
            algorithm: Option<&'static str>,
            md5: Option<&'static str>,
            ready: Option<&'static str>,
            kind: Option<&'static str>,
        }

        impl Operation for $name {
            type Output = ();
            const FACTS: &'static OperationFacts = &OperationFacts {
                name: "Write",
                span: "write",
                verb: Verb::Put,
                error_in_200: false,
                checksum: ChecksumRule::$rule,
                idempotent: true,
                streams_in: $streams,
                streams_out: false,
            };

            fn encode(&mut self, w: &mut RequestWriter) {
                w.bucket("logs");
                w.key("a");
                w.checksum_algorithm($header, &self.algorithm);
                w.header("content-md5", &self.md5);
                w.header("x-amz-checksum-crc32", &self.ready);
                w.header("x-amz-checksum-type", &self.kind);
                w.body(std::mem::take(&mut self.body));
            }

            async fn decode(&self, _: &mut Reply) -> Result<Box<()>, S3Error> {
                Ok(Box::new(()))
            }
        }
    };
}

write_operation!(Write, Supported, "x-amz-sdk-checksum-algorithm", streams: true);
write_operation!(Demand, Required, "x-amz-sdk-checksum-algorithm", streams: false);
write_operation!(Open, Announced, "x-amz-checksum-algorithm", streams: false);

const AWS: fn(ConfigBuilder<S3Config>) -> ConfigBuilder<S3Config> = |b| b.region("eu-west-1");
const HTTP: fn(ConfigBuilder<S3Config>) -> ConfigBuilder<S3Config> =
    |b| b.endpoint("http://127.0.0.1:1").request_checksums(ChecksumWhen::Supported);
const CUSTOM: fn(ConfigBuilder<S3Config>) -> ConfigBuilder<S3Config> = |b| b.endpoint("https://store.example.com");

async fn sent(
    set: impl FnOnce(ConfigBuilder<S3Config>) -> ConfigBuilder<S3Config>,
    operation: impl Operation<Output = ()>,
) -> Result<SeenRequest, S3Error> {
    let script = ScriptedTransport::new();
    script.on_any().always(Answer::ok());
    let builder = ConfigBuilder::config().credentials(Credentials::new("AKID", "secret")).transport(script.clone());
    let core = Core::new(set(builder).build().unwrap(), no_codes).unwrap();
    Call::new(core).send(Box::new(operation)).await?;
    Ok(script.requests().remove(0))
}

struct Pieces(Vec<Bytes>);

impl Stream for Pieces {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.pop().map(Ok))
    }
}

fn stream(text: &'static str) -> ByteStream {
    ByteStream::from_stream(Pieces(vec![Bytes::from_static(text.as_bytes())]), Some(text.len() as u64))
}

fn sum(algorithm: Algorithm, data: &[u8]) -> String {
    Hasher::of(algorithm, data).to_base64()
}

fn checksums(request: &SeenRequest) -> Vec<&str> {
    let names = request.headers.keys().map(http::HeaderName::as_str);
    names.filter(|it| *it == "content-md5" || it.starts_with("x-amz-checksum-")).collect()
}

#[tokio::test]
async fn aws_gets_the_default_and_other_stores_what_they_demand() {
    let seen = sent(AWS, Write { body: "hello".into(), ..Write::default() }).await.unwrap();
    assert_eq!(seen.header("x-amz-checksum-crc64nvme"), Some(&*sum(Algorithm::Crc64Nvme, b"hello")));
    assert_eq!(seen.header("x-amz-sdk-checksum-algorithm"), Some("CRC64NVME"));
    assert_eq!(seen.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    let seen = sent(AWS, Demand { body: "hello".into(), ..Demand::default() }).await.unwrap();
    assert_eq!(checksums(&seen), ["x-amz-checksum-crc64nvme"]);
    let seen = sent(CUSTOM, Write { body: "hello".into(), ..Write::default() }).await.unwrap();
    assert!(checksums(&seen).is_empty() && seen.header("x-amz-sdk-checksum-algorithm").is_none());
    let seen = sent(CUSTOM, Demand { body: "hello".into(), ..Demand::default() }).await.unwrap();
    assert_eq!(seen.header("content-md5"), Some("XUFAKrxLKna5cZ2REBfFkg=="));
    assert_eq!(checksums(&seen).len(), 1);
    // A stream needs no chunks where nothing is asked for.
    let seen = sent(CUSTOM, Write { body: stream("hello"), ..Write::default() }).await.unwrap();
    assert_eq!((seen.body, seen.headers.contains_key("content-encoding")), ("hello".into(), false));
}

#[tokio::test]
async fn the_callers_choice_holds_everywhere() {
    for algorithm in Algorithm::ALL {
        for set in [AWS, HTTP, CUSTOM] {
            let name = Some(algorithm.as_str());
            let seen = sent(set, Write { body: "hello".into(), algorithm: name, ..Write::default() }).await.unwrap();
            assert_eq!(checksums(&seen), [algorithm.header_str()]);
            assert_eq!(seen.header(algorithm.header_str()), Some(&*sum(algorithm, b"hello")));
            let seen = sent(set, Demand { body: "hello".into(), algorithm: name, ..Demand::default() }).await.unwrap();
            assert_eq!(checksums(&seen), [algorithm.header_str()]);
        }
    }
}

#[tokio::test]
async fn the_checksum_of_a_stream_stands_behind_it() {
    for algorithm in Algorithm::ALL {
        let write = || Write { body: stream("hello"), algorithm: Some(algorithm.as_str()), ..Write::default() };
        let line = format!("{}:{}\r\n", algorithm.header_str(), sum(algorithm, b"hello"));
        let seen = sent(CUSTOM, write()).await.unwrap();
        assert_eq!(seen.header("x-amz-content-sha256"), Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER"));
        assert_eq!(seen.body, format!("5\r\nhello\r\n0\r\n{line}\r\n"));
        assert!(checksums(&seen).is_empty());
        let seen = sent(HTTP, write()).await.unwrap();
        assert_eq!(seen.header("x-amz-content-sha256"), Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"));
        assert_eq!(seen.header("x-amz-trailer"), Some(algorithm.header_str()));
        assert_eq!(seen.header("x-amz-decoded-content-length"), Some("5"));
        let body = String::from_utf8(seen.body.to_vec()).unwrap();
        assert!(body.contains(&format!("{line}x-amz-trailer-signature:")), "{body}");
        // Without credentials there is nothing to sign with, and the frame must be announced all the same.
        let seen = sent(|b| CUSTOM(b).anonymous(), write()).await.unwrap();
        assert_eq!(seen.header("x-amz-content-sha256"), Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER"));
        assert!(seen.body.ends_with(format!("{line}\r\n").as_bytes()));
    }
    let forced = |b| CUSTOM(b).payload_signing(PayloadSigning::Signed).request_checksums(ChecksumWhen::Supported);
    let seen = sent(forced, Write { body: stream("hello"), ..Write::default() }).await.unwrap();
    assert_eq!(seen.header("x-amz-content-sha256"), Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"));
}

#[tokio::test]
async fn large_bodies_in_memory_are_hashed_on_their_way() {
    let large = vec![7u8; HASHED_AT_ONCE + 1];
    for (set, payload) in
        [(HTTP, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), (AWS, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")]
    {
        let seen = sent(set, Write { body: large.clone().into(), ..Write::default() }).await.unwrap();
        assert_eq!(seen.header("x-amz-trailer"), Some("x-amz-checksum-crc64nvme"));
        assert_eq!(seen.header("x-amz-content-sha256"), Some(payload));
        assert_eq!(seen.header("x-amz-decoded-content-length"), Some(&*large.len().to_string()));
        let line = format!("x-amz-checksum-crc64nvme:{}\r\n", sum(Algorithm::Crc64Nvme, &large));
        assert!(seen.body.windows(line.len()).any(|it| it == line.as_bytes()));
    }
    let seen = sent(AWS, Write { body: large[1..].to_vec().into(), ..Write::default() }).await.unwrap();
    assert_eq!(seen.header("x-amz-checksum-crc64nvme"), Some(&*sum(Algorithm::Crc64Nvme, &large[1..])));
    let seen = sent(CUSTOM, Write { body: large.clone().into(), ..Write::default() }).await.unwrap();
    assert_eq!((seen.body.len(), seen.header("x-amz-content-sha256")), (large.len(), Some("UNSIGNED-PAYLOAD")));
}

/// What large bodies go to in one piece, and with MD5.
const PLAIN: fn(ConfigBuilder<S3Config>) -> ConfigBuilder<S3Config> = |b| {
    b.provider(ProviderFacts {
        name: "Plain Store",
        endpoint: None,
        region: Some("auto"),
        parameters: Vec::new(),
        addressing: crate::endpoint::Addressing::Path,
        request_checksums: ChecksumWhen::Required,
        response_checksums: ChecksumWhen::Required,
        store: StoreFacts::STANDARD.without_aws_chunked(),
    })
    .endpoint("http://127.0.0.1:1")
};

#[tokio::test]
async fn where_a_hash_has_to_come_first_other_tasks_run_meanwhile() {
    const MIB: usize = 1 << 20;
    let turns = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let ticker = tokio::spawn({
        let turns = turns.clone();
        async move {
            loop {
                turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let large: Vec<u8> = (0..8 * MIB + 1).map(|at| (at / 3) as u8).collect();
    let during = |turns: &std::sync::atomic::AtomicUsize| turns.swap(0, std::sync::atomic::Ordering::Relaxed);
    for algorithm in [None, Some("CRC64NVME"), Some("SHA256")] {
        during(&turns);
        let seen = sent(PLAIN, Write { body: large.clone().into(), algorithm, ..Write::default() }).await.unwrap();
        assert!(during(&turns) >= 8, "somebody else had a turn after each MiB");
        assert_eq!(seen.header("x-amz-content-sha256"), Some(&*crate::sign::sha256_hex(&large)));
        assert_eq!(seen.body, large);
        if let Some(name) = algorithm {
            let algorithm = Algorithm::from_wire(name).unwrap();
            assert_eq!(seen.header(algorithm.header_str()), Some(&*sum(algorithm, &large)));
        }
    }
    for set in [PLAIN, HTTP, CUSTOM] {
        during(&turns);
        let set = |b| set(b).request_checksums(ChecksumWhen::Required);
        let seen = sent(set, Demand { body: large.clone().into(), ..Demand::default() }).await.unwrap();
        assert!(during(&turns) >= 8);
        let md5 = <md5::Md5 as md5::Digest>::digest(&large);
        assert_eq!(seen.header("content-md5"), Some(&*base64::engine::general_purpose::STANDARD.encode(md5)));
        assert_eq!(checksums(&seen).len(), 1);
    }
    ticker.abort();
}

#[tokio::test]
async fn a_document_is_not_cut_into_chunks_however_large_it_is() {
    let large = vec![b'x'; HASHED_AT_ONCE + 1];
    let http = |b| HTTP(b).request_checksums(ChecksumWhen::Required);
    for (set, signed, checksum) in [
        (AWS, false, "x-amz-checksum-crc64nvme"),
        (HTTP, true, "x-amz-checksum-crc64nvme"),
        (http, true, "content-md5"),
        (CUSTOM, false, "content-md5"),
    ] {
        let seen = sent(set, Demand { body: large.clone().into(), ..Demand::default() }).await.unwrap();
        assert!(seen.body == large && !seen.headers.contains_key("content-encoding"), "{:?}", seen.headers);
        let hash = crate::sign::sha256_hex(&large);
        assert_eq!(seen.header("x-amz-content-sha256"), Some(if signed { &*hash } else { "UNSIGNED-PAYLOAD" }));
        assert_eq!(checksums(&seen), [checksum]);
    }
}

#[tokio::test]
async fn what_the_caller_brings_is_enough() {
    let ready = Write { body: "hello".into(), ready: Some("NhCmhg=="), algorithm: Some("CRC32"), ..Write::default() };
    assert_eq!(checksums(&sent(AWS, ready).await.unwrap()), ["x-amz-checksum-crc32"]);
    let md5 = || Some("XUFAKrxLKna5cZ2REBfFkg==");
    let given = Write { body: "hello".into(), md5: md5(), ..Write::default() };
    assert_eq!(checksums(&sent(AWS, given).await.unwrap()), ["content-md5"]);
    let given = Demand { body: "hello".into(), md5: md5(), ..Demand::default() };
    assert_eq!(checksums(&sent(CUSTOM, given).await.unwrap()), ["content-md5"]);
    // A ready value makes an algorithm possible that is not computed here.
    let given = Write { body: "x".into(), ready: Some("NhCmhg=="), algorithm: Some("XXHASH3"), ..Write::default() };
    assert!(sent(AWS, given).await.is_ok());
}

#[tokio::test]
async fn an_algorithm_that_is_not_computed_here_is_refused_before_anything_is_sent() {
    for name in ["XXHASH64", "SHA512", "MD5"] {
        let write = Write { body: "hello".into(), algorithm: Some(name), ..Write::default() };
        let error = sent(AWS, write).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Request(RequestError::Validation));
        assert!(error.message().contains(name) && error.suggestion().unwrap().contains("CRC64NVME"), "{error}");
        assert_eq!(error.attempts(), 0);
    }
}

#[tokio::test]
async fn an_upload_says_what_its_parts_will_have() {
    let seen = sent(AWS, Open::default()).await.unwrap();
    assert_eq!(checksums(&seen), ["x-amz-checksum-algorithm"]);
    assert_eq!(seen.header("x-amz-checksum-algorithm"), Some("CRC64NVME"));
    let seen = sent(AWS, Open { algorithm: Some("SHA512"), ..Open::default() }).await.unwrap();
    assert_eq!(seen.header("x-amz-checksum-algorithm"), Some("SHA512"));
    let seen = sent(AWS, Open { kind: Some("COMPOSITE"), ..Open::default() }).await.unwrap();
    assert_eq!(checksums(&seen), ["x-amz-checksum-type"]);
    assert!(checksums(&sent(CUSTOM, Open::default()).await.unwrap()).is_empty());
}

#[tokio::test]
async fn nothing_has_a_checksum_too() {
    for body in [ByteStream::empty(), stream("")] {
        let seen = sent(AWS, Write { body, ..Write::default() }).await.unwrap();
        assert_eq!(seen.header("x-amz-checksum-crc64nvme"), Some("AAAAAAAAAAA="));
    }
}

#[tokio::test]
async fn a_retry_computes_it_anew() {
    let path = std::env::temp_dir().join(format!("payload-{}", std::process::id()));
    std::fs::write(&path, "hello").unwrap();
    let script = ScriptedTransport::new();
    script.on_any().answer(Answer::status(500)).answer(Answer::ok());
    let builder = ConfigBuilder::config().credentials(Credentials::new("AKID", "secret")).transport(script.clone());
    let core = Core::new(AWS(builder).build().unwrap(), no_codes).unwrap();
    let body = ByteStream::from_path(&path).await.unwrap();
    Call::new(core).send(Box::new(Write { body, ..Write::default() })).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let seen = script.requests();
    let line = format!("x-amz-checksum-crc64nvme:{}\r\n\r\n", sum(Algorithm::Crc64Nvme, b"hello"));
    assert!(seen.len() == 2 && seen.iter().all(|it| it.body.ends_with(line.as_bytes())));
}

#[tokio::test]
async fn a_stream_that_is_said_to_be_empty_is_asked_before_anything_is_sent() {
    // A length of nothing is what the system says of pipes. No transport would look, and store an empty object.
    let said = || ByteStream::from_stream(Pieces(vec![Bytes::from_static(b"data")]), Some(0));
    let read = || ByteStream::from_reader(&b"data"[..], Some(0));
    for set in [AWS, HTTP, CUSTOM] {
        for body in [said(), read()] {
            let error = sent(set, Write { body, ..Write::default() }).await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Request(RequestError::Validation), 0));
            assert!(error.message().contains("longer than the 0 bytes"), "{error}");
        }
        let seen = sent(set, Write { body: stream(""), ..Write::default() }).await.unwrap();
        assert_eq!((seen.header("content-length"), seen.body.len()), (Some("0"), 0));
    }
}
