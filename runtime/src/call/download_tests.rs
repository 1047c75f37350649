//! Downloads whose connection breaks, whose object changes, whose bytes are not those that were stored.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use proptest::prelude::*;

use super::{Call, Core, Operation, RequestOptions};
use crate::body::ByteStream;
use crate::config::{ChecksumWhen, ConfigBuilder};
use crate::error::{
    ErrorKind, NetworkError, ObjectError, ResponseError, S3Error, ServerError, TransferError, no_codes,
};
use crate::identity::Credentials;
use crate::integrity::{Algorithm, Composite, Hasher, Unchecked, Verification};
use crate::plumbing::{ChecksumRule, OperationFacts, Reply, RequestWriter, Verb};
use crate::transport::scripted::{Answer, ScriptedTransport};
use crate::transport::{BoxFuture, HttpTransport, TransportError, TransportErrorKind};

#[derive(Clone, Default)]
struct Read {
    range: Option<&'static str>,
    part: Option<&'static str>,
    secret: Option<&'static str>,
}

impl Operation for Read {
    type Output = ByteStream;
    const FACTS: &'static OperationFacts = &OperationFacts {
        name: "Read",
        span: "read",
        verb: Verb::Get,
        error_in_200: false,
        checksum: ChecksumRule::None,
        idempotent: true,
        streams_in: false,
        streams_out: true,
    };

    fn bucket(&self) -> Option<&str> {
        Some("logs")
    }

    fn key(&self) -> Option<&str> {
        Some("a b.txt")
    }

    fn encode(&mut self, w: &mut RequestWriter) {
        w.bucket("logs");
        w.key("a b.txt");
        w.query("versionId", "v7");
        w.query("partNumber", &self.part);
        w.header("range", &self.range);
        w.header("x-amz-server-side-encryption-customer-key", &self.secret);
        w.checksum_mode("x-amz-checksum-mode", &None::<String>);
    }

    async fn decode(&self, reply: &mut Reply) -> Result<Box<ByteStream>, S3Error> {
        Ok(Box::new(reply.body()))
    }
}

/// What happens to one answer.
#[derive(Clone, Debug)]
enum Fate {
    Fine,
    Cut(usize),
    Stall(usize),
    /// One bit is turned over, and then the connection is cut after so many bytes.
    Spoilt(usize),
    Refused(u16),
    Broken,
    /// The range is not looked at.
    Whole,
    /// As `Whole`, and cut.
    WholeCut(usize),
    /// Another object stands there from now on; conditions are kept, or ignored.
    Replaced {
        conditions: bool,
    },
    /// Bytes from elsewhere than asked.
    Elsewhere,
}

/// A store with one object and a fate for each request.
#[derive(Clone, Debug)]
struct Store {
    content: Vec<u8>,
    headers: Vec<(&'static str, String)>,
    /// 0: the whole body is in memory.
    chunk: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    fates: VecDeque<Fate>,
    seen: Vec<(String, HeaderMap)>,
}

impl Store {
    fn new(len: usize, fates: impl IntoIterator<Item = Fate>) -> Self {
        let content: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
        let sum = Hasher::of(Algorithm::Crc64Nvme, &content).to_base64();
        let state = State { fates: fates.into_iter().collect(), ..State::default() };
        let headers = vec![("etag", "\"one\"".into()), ("x-amz-checksum-crc64nvme", sum)];
        Self { content, headers, chunk: 16, state: Arc::new(Mutex::new(state)) }
    }

    fn with(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    fn ranges(&self) -> Vec<String> {
        let text = |headers: &HeaderMap| headers.get("range").map(|it| it.to_str().unwrap().to_owned());
        self.state.lock().unwrap().seen.iter().map(|(_, headers)| text(headers).unwrap_or_default()).collect()
    }

    fn request(&self, at: usize) -> (String, HeaderMap) {
        self.state.lock().unwrap().seen[at].clone()
    }

    fn answer(&self, request: &Request<ByteStream>, fate: &Fate) -> Answer {
        let headers = request.headers();
        match fate {
            Fate::Refused(status) => return Answer::error(*status, "Scripted", "says the script"),
            Fate::Broken => return Answer::fail(TransportErrorKind::Reset),
            Fate::Replaced { conditions: true } if headers.contains_key("if-match") => {
                return Answer::error(412, "PreconditionFailed", "it is another one");
            }
            _ => {}
        }
        let mut content = self.content.clone();
        if let Fate::Spoilt(_) = fate {
            content[0] ^= 1;
        }
        let range = headers.get("range").map(|it| it.to_str().unwrap().strip_prefix("bytes=").unwrap().to_owned());
        let part = request.uri().query().unwrap().contains("partNumber").then(|| "10-19".to_owned());
        let range = range.or(part).filter(|_| !matches!(fate, Fate::Whole | Fate::WholeCut(_)));
        let mut answer = match range {
            Some(range) => {
                let (first, last) = range.split_once('-').unwrap();
                let first: usize = first.parse().unwrap();
                let last = last.parse::<usize>().map_or(content.len() - 1, |last| last.min(content.len() - 1));
                let shift = usize::from(matches!(fate, Fate::Elsewhere) && headers.contains_key("if-match"));
                let named = format!("bytes {}-{last}/{}", first - shift, content.len());
                Answer::status(206).header("content-range", named).body(content[first - shift..=last].to_vec())
            }
            None => Answer::ok().body(content),
        };
        for (name, value) in &self.headers {
            let other = matches!(fate, Fate::Replaced { .. }) && *name == "etag";
            answer = answer.header(name, if other { "\"two\"" } else { value });
        }
        if self.chunk > 0 {
            answer = answer.chunks_of(self.chunk);
        }
        match fate {
            Fate::Cut(bytes) | Fate::Spoilt(bytes) | Fate::WholeCut(bytes) => answer.truncate_after(*bytes),
            Fate::Stall(bytes) => answer.time_out_after(*bytes, Duration::from_secs(30)),
            _ => answer,
        }
    }
}

impl HttpTransport for Store {
    fn send(&self, request: Request<ByteStream>) -> BoxFuture<'_, Result<Response<ByteStream>, TransportError>> {
        let fate = {
            let mut state = self.state.lock().unwrap();
            state.seen.push((request.uri().to_string(), request.headers().clone()));
            state.fates.pop_front().unwrap_or(Fate::Fine)
        };
        let answer = self.answer(&request, &fate);
        let whole = self.chunk == 0;
        Box::pin(async move {
            let answer = ScriptedTransport::sequence([answer]).send(request).await?;
            let (head, body) = answer.into_parts();
            let body = if whole { body.collect().await.unwrap().into() } else { body };
            Ok(Response::from_parts(head, body))
        })
    }
}

async fn read_with(store: &Store, read: Read, options: RequestOptions) -> Result<ByteStream, S3Error> {
    let config = ConfigBuilder::config()
        .endpoint("http://127.0.0.1:1")
        .credentials(Credentials::new("AKID", "secret"))
        .response_checksums(ChecksumWhen::Supported)
        .transport(store.clone())
        .build()
        .unwrap();
    let mut call = Call::new(Core::new(config, no_codes).unwrap());
    call.options(options);
    call.send(Box::new(read)).await
}

async fn read(store: &Store) -> ByteStream {
    read_with(store, Read::default(), RequestOptions::new()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn goes_on_after_every_kind_of_break() {
    for fate in [Fate::Cut(0), Fate::Cut(1), Fate::Cut(99), Fate::Stall(0), Fate::Stall(37), Fate::Cut(64)] {
        let store = Store::new(100, [fate.clone()]);
        let mut body = read(&store).await;
        assert_eq!(body.len(), Some(100));
        let mut all = Vec::new();
        while let Some(chunk) = body.next().await {
            all.extend_from_slice(&chunk.unwrap());
            assert_eq!(body.len(), Some(100 - all.len() as u64), "the count goes on over the seam");
        }
        assert_eq!(all, store.content, "{fate:?}");
        assert_eq!(body.verification(), Verification::Verified(Algorithm::Crc64Nvme));
        let (Fate::Cut(at) | Fate::Stall(at)) = fate else { panic!() };
        assert_eq!(store.ranges(), [String::new(), format!("bytes={at}-99")]);
    }
}

#[tokio::test(start_paused = true)]
async fn asks_as_it_asked_before_and_for_the_same_object() {
    let store = Store::new(100, [Fate::Cut(40)]);
    let read = Read { secret: Some("a2V5"), ..Read::default() };
    let body = read_with(&store, read, RequestOptions::new()).await.unwrap();
    assert_eq!(body.collect().await.unwrap(), store.content);
    let (url, headers) = store.request(1);
    assert_eq!(url, store.request(0).0);
    assert!(url.contains("versionId=v7"));
    assert_eq!(headers["if-match"], "\"one\"");
    assert_eq!(headers["x-amz-server-side-encryption-customer-key"], "a2V5");
    let signed = headers["authorization"].to_str().unwrap();
    assert!(signed.contains(";range;"), "the range is signed: {signed}");
    assert_ne!(signed, store.request(0).1["authorization"].to_str().unwrap());
}

#[tokio::test(start_paused = true)]
async fn attempts_count_from_the_last_byte_that_came() {
    // Three attempts without a byte between them are the end ...
    let store = Store::new(100, [Fate::Cut(40), Fate::Broken, Fate::Refused(503), Fate::Fine]);
    let error = read(&store).await.collect().await.unwrap_err();
    assert_eq!(store.ranges().len(), 3);
    assert_eq!(error.kind(), ErrorKind::Server(ServerError::ServiceUnavailable));
    assert_eq!(error.attempts(), 3);
    assert!(error.to_string().starts_with("Read s3://logs/a b.txt failed: "), "{error}");
    // ... also if all of them begin well.
    let store = Store::new(100, [Fate::Cut(40), Fate::Cut(0), Fate::Cut(0), Fate::Fine]);
    let error = read(&store).await.collect().await.unwrap_err();
    assert_eq!((store.ranges().len(), error.kind()), (3, TransferError::IncompleteBody.into()));
    // One byte each time is enough to go on for ever.
    let store = Store::new(100, vec![Fate::Cut(1); 50]);
    assert_eq!(read(&store).await.collect().await.unwrap(), store.content);
    assert_eq!(store.ranges().len(), 51);
    // Whoever wants no retries gets none.
    let store = Store::new(100, [Fate::Cut(40)]);
    let body = read_with(&store, Read::default(), RequestOptions::new().max_attempts(1)).await.unwrap();
    assert_eq!(body.collect().await.unwrap_err().kind(), TransferError::IncompleteBody.into());
    assert_eq!(store.ranges().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_object_is_an_error() {
    for fate in [
        Fate::Replaced { conditions: true },
        Fate::Replaced { conditions: false },
        Fate::Refused(412),
        Fate::Refused(416),
    ] {
        let store = Store::new(100, [Fate::Cut(40), fate.clone()]);
        let error = read(&store).await.collect().await.unwrap_err();
        assert_eq!(error.kind(), TransferError::ObjectChanged.into(), "{fate:?}");
        assert!(!error.is_retryable() && error.suggestion().is_some());
        assert_eq!(store.ranges().len(), 2);
    }
    let store = Store::new(100, [Fate::Cut(40), Fate::Refused(404)]);
    let error = read(&store).await.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Object(ObjectError::NotFound));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_ignores_ranges_is_read_over() {
    let store = Store::new(100, [Fate::Cut(40), Fate::WholeCut(20), Fate::Whole]);
    let mut body = read(&store).await;
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(all, store.content);
    assert_eq!(body.verification(), Verification::Verified(Algorithm::Crc64Nvme));
    // One that sends other bytes than it was asked for is not.
    let store = Store::new(100, [Fate::Cut(40), Fate::Elsewhere]);
    let error = read(&store).await.collect().await.unwrap_err();
    assert!(error.message().contains("bytes from 40"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_range_goes_on_inside_its_bounds() {
    for (asked, first, last) in [("bytes=10-59", 10, 59), ("bytes=10-", 10, 99)] {
        for again in [Fate::Fine, Fate::Whole] {
            let store = Store::new(100, [Fate::Cut(20), again.clone()]);
            let read = Read { range: Some(asked), ..Read::default() };
            let mut body = read_with(&store, read, RequestOptions::new()).await.unwrap();
            assert_eq!(body.verification(), Verification::NotChecked(Unchecked::Range));
            let mut all = Vec::new();
            while let Some(chunk) = body.next().await {
                all.extend_from_slice(&chunk.unwrap());
            }
            assert_eq!(all, store.content[first..=last], "{asked}, then {again:?}");
            assert_eq!(store.ranges(), [asked.to_owned(), format!("bytes=30-{last}")]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_goes_on_as_the_range_it_is_and_is_verified() {
    let sum = |bytes: &[u8]| Hasher::of(Algorithm::Sha256, bytes).to_base64();
    let store = Store::new(100, [Fate::Cut(4)]).with("x-amz-checksum-crc64nvme", None);
    let right = sum(&store.content[10..20]);
    let store = store.with("x-amz-checksum-sha256", Some(&right)).with("x-amz-checksum-type", Some("COMPOSITE"));
    let read = Read { part: Some("2"), ..Read::default() };
    let mut body = read_with(&store, read, RequestOptions::new()).await.unwrap();
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(all, store.content[10..20]);
    assert_eq!(body.verification(), Verification::Verified(Algorithm::Sha256));
    assert_eq!(store.ranges(), ["", "bytes=14-19"]);
    assert!(!store.request(1).0.contains("partNumber"));
}

#[tokio::test(start_paused = true)]
async fn without_a_strong_tag_it_does_not_go_on() {
    for tag in [None, Some("W/\"one\"")] {
        let store = Store::new(100, [Fate::Cut(40)]).with("etag", tag);
        let error = read(&store).await.collect().await.unwrap_err();
        assert_eq!(error.kind(), TransferError::IncompleteBody.into());
        assert_eq!(store.ranges().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn corruption_is_caught_before_the_last_bytes_are_handed_on() {
    for fates in [vec![Fate::Spoilt(usize::MAX)], vec![Fate::Spoilt(50), Fate::Fine]] {
        let store = Store::new(100, fates);
        let mut body = read(&store).await;
        assert_eq!(body.verification(), Verification::Pending(Algorithm::Crc64Nvme));
        let mut seen = 0;
        let error = loop {
            match body.next().await.expect("it must not end well") {
                Ok(chunk) => seen += chunk.len(),
                Err(error) => break error,
            }
        };
        assert!(seen < 100, "the last bytes stay here");
        assert_eq!(error.kind(), TransferError::ChecksumMismatch.into());
        assert_eq!(body.verification(), Verification::Pending(Algorithm::Crc64Nvme));
        assert!(body.next().await.is_none());
    }
    // An object without bytes can have a wrong checksum as well.
    let store = Store::new(0, []).with("x-amz-checksum-crc64nvme", Some("AAAAAAAAAAE="));
    assert_eq!(read(&store).await.collect().await.unwrap_err().kind(), TransferError::ChecksumMismatch.into());
    let store = Store::new(0, []);
    assert!(read(&store).await.collect().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_came_whole_has_been_compared_when_it_is_handed_out() {
    let here = |store: Store| Store { chunk: 0, ..store };
    let verified = Verification::Verified(Algorithm::Crc64Nvme);
    let store = here(Store::new(100, []));
    let mut body = read(&store).await;
    assert_eq!((body.as_bytes().unwrap().len(), body.verification()), (100, verified));
    assert_eq!(body.clone().collect().await.unwrap(), store.content);
    assert_eq!(body.next().await.unwrap().unwrap(), store.content);
    assert!(body.next().await.is_none());
    assert_eq!(body.verification(), verified, "also when it has been read");
    let mut body = read(&here(store.clone().with("x-amz-checksum-crc64nvme", None))).await;
    for _ in 0..2 {
        assert_eq!(body.verification(), Verification::NotChecked(Unchecked::NoneStored));
        let _ = body.next().await;
    }
    // What is wrong is no error of the call, but of whoever reads it.
    let mut body = read(&here(store.with("x-amz-checksum-crc64nvme", Some("AAAAAAAAAAE=")))).await;
    assert_eq!(body.verification(), Verification::Pending(Algorithm::Crc64Nvme));
    assert_eq!(body.next().await.unwrap().unwrap_err().kind(), TransferError::ChecksumMismatch.into());
    assert!(body.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_checked_says_why() {
    let composite = Composite::new(Algorithm::Crc32).to_base64().replace("-0", "-3");
    for (name, value, why) in [
        ("x-amz-checksum-crc32", composite.as_str(), Unchecked::Composite),
        ("x-amz-checksum-xxhash64", "AAAA", Unchecked::UnknownAlgorithm),
        ("x-other", "1", Unchecked::NoneStored),
    ] {
        let store = Store::new(100, []).with("x-amz-checksum-crc64nvme", None).with(name, Some(value));
        let mut body = read(&store).await;
        assert_eq!(body.verification(), Verification::NotChecked(why));
        while let Some(chunk) = body.next().await {
            chunk.unwrap();
        }
        assert_eq!(body.verification(), Verification::NotChecked(why), "also when it has been read");
    }
}

#[tokio::test(start_paused = true)]
async fn stored_checksums_are_asked_for_where_the_client_is_to() {
    let store = Store::new(10, []);
    read(&store).await.collect().await.unwrap();
    assert_eq!(store.request(0).1["x-amz-checksum-mode"], "ENABLED");
    let config = ConfigBuilder::config()
        .endpoint("http://127.0.0.1:1")
        .credentials(Credentials::new("AKID", "secret"))
        .transport(store.clone())
        .build()
        .unwrap();
    let call = Call::new(Core::new(config, no_codes).unwrap());
    let body = call.send(Box::new(Read::default())).await.unwrap();
    assert_eq!(body.verification(), Verification::NotChecked(Unchecked::NotAsked));
    assert!(!store.request(1).1.contains_key("x-amz-checksum-mode"));
}

#[tokio::test(start_paused = true)]
async fn silence_that_lasts_is_its_own_error() {
    let store = Store::new(100, vec![Fate::Stall(0); 9]);
    let error = read(&store).await.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network(NetworkError::Timeout));
    assert_eq!(store.ranges().len(), 3);
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => (0usize..200).prop_map(Fate::Cut),
        2 => (0usize..200).prop_map(Fate::Stall),
        1 => (0usize..200).prop_map(Fate::WholeCut),
        1 => (0usize..200).prop_map(Fate::Spoilt),
        1 => Just(Fate::Whole),
        1 => Just(Fate::Broken),
        1 => Just(Fate::Refused(503)),
        1 => Just(Fate::Replaced { conditions: true }),
        1 => Just(Fate::Elsewhere),
        4 => Just(Fate::Fine),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_breaks_the_bytes_are_right_or_there_is_an_error(
        len in 1usize..200,
        chunk in 1usize..80,
        fates in prop::collection::vec(fates(), 0..6),
        ranged in any::<bool>(),
    ) {
        // A spoilt byte of a range, or before another object, cannot be noticed.
        prop_assume!(!ranged || (len > 20 && !fates.iter().any(|it| matches!(it, Fate::Spoilt(_)))));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let store = Store { chunk, ..Store::new(len, fates) };
            let asked = Read { range: ranged.then_some("bytes=3-15"), ..Read::default() };
            let Ok(mut body) = read_with(&store, asked, RequestOptions::new()).await else { return };
            let first_was_whole = body.len() == Some(len as u64);
            let expected = if ranged && !first_was_whole { &store.content[3..=15] } else { &store.content[..] };
            let mut all = Vec::new();
            loop {
                match body.next().await {
                    Some(Ok(chunk)) => all.extend_from_slice(&chunk),
                    Some(Err(_)) => break assert!(all.len() < expected.len()),
                    None => break assert_eq!(all, expected),
                }
            }
        });
    }
}

#[tokio::test]
async fn other_bytes_than_those_asked_for_are_refused() {
    for (range, whole_is_fine) in [("bytes=5-9", false), ("bytes=0-3", false), ("bytes=7-", false), ("bytes=0-", true)]
    {
        let store = Store::new(100, [Fate::Whole]);
        let read = Read { range: Some(range), ..Default::default() };
        match read_with(&store, read, RequestOptions::new()).await {
            Ok(_) => assert!(whole_is_fine, "{range}"),
            Err(error) => {
                assert!(!whole_is_fine, "{range}: {error}");
                assert_eq!(error.kind(), ErrorKind::Response(ResponseError::UnexpectedContent), "{error}");
                assert!(error.to_string().contains("the whole object"), "{error}");
            }
        }
    }
}
