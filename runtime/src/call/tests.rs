//! The layers put together: what a call does when the store fails, and what is left when a call is dropped.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Call, Core, Operation, RequestOptions, Sending};
use crate::body::{BodySource, ByteStream};
use crate::config::ConfigBuilder;
use crate::credentials::{CredentialsFuture, ProvideCredentials};
use crate::error::{CredentialsError, ErrorKind, NetworkError, RetryClass, S3Error, ServerError, TransferError};
use crate::identity::Credentials;
use crate::plumbing::{ChecksumRule, OperationFacts, Reply, RequestWriter, Verb};
use crate::resilience::{BudgetPolicy, CircuitPolicy, CircuitState, RateLimits, RetryMode, RetryPolicy};
use crate::transport::scripted::{Answer, ScriptedTransport};
use crate::transport::{BoxFuture, HttpTransport, HyperTransport, Reservation, TransportError, TransportErrorKind};

/// One operation per kind of call there is.
macro_rules! probe {
    ($name:ident, $verb:ident, error_in_200: $late:literal, streams_in: $in:literal, streams_out: $out:literal) => {
        struct $name(ByteStream);

        impl Operation for $name {
            type Output = Bytes;
            const FACTS: &'static OperationFacts = &OperationFacts {
                name: stringify!($name),
                span: stringify!($name),
                verb: Verb::$verb,
                error_in_200: $late,
                checksum: ChecksumRule::None,
                idempotent: true,
                streams_in: $in,
                streams_out: $out,
            };

            fn bucket(&self) -> Option<&str> {
                Some("logs")
            }

            fn encode(&mut self, w: &mut RequestWriter) {
                w.bucket("logs");
                w.key("a.txt");
                if Self::FACTS.streams_in {
                    w.body(std::mem::take(&mut self.0));
                }
            }

            async fn decode(&self, reply: &mut Reply) -> Result<Box<Bytes>, S3Error> {
                reply.body().collect().await.map(Box::new)
            }
        }
    };
}

probe!(Read, Get, error_in_200: false, streams_in: false, streams_out: true);
probe!(Look, Head, error_in_200: false, streams_in: false, streams_out: false);
probe!(Write, Put, error_in_200: false, streams_in: true, streams_out: false);
probe!(Finish, Post, error_in_200: true, streams_in: false, streams_out: false);
probe!(Remove, Delete, error_in_200: false, streams_in: false, streams_out: false);

fn core(
    transport: impl HttpTransport,
    set: impl FnOnce(ConfigBuilder<crate::config::S3Config>) -> ConfigBuilder<crate::config::S3Config>,
) -> Arc<Core> {
    let builder = ConfigBuilder::config()
        .endpoint("http://127.0.0.1:9000")
        .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
        .transport(transport);
    Core::new(set(builder).build().unwrap(), crate::error::no_codes).unwrap()
}

fn send<O: Operation>(core: &Arc<Core>, request: O) -> Sending<O::Output> {
    Call::new(core.clone()).send(Box::new(request))
}

fn read(core: &Arc<Core>) -> Sending<Bytes> {
    send(core, Read(ByteStream::empty()))
}

const OPEN: ErrorKind = ErrorKind::Network(NetworkError::CircuitOpen);

#[tokio::test(start_paused = true)]
async fn a_circuit_opens_holds_back_tries_and_closes() {
    let script = ScriptedTransport::new();
    script.on_any().times(5, Answer::status(500)).always(Answer::ok());
    let core = core(script.clone(), |b| b);
    assert_eq!(read(&core).await.unwrap_err().attempts(), 3);
    let error = read(&core).await.unwrap_err();
    // The fifth failure opened it, so the third attempt was not made.
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server(ServerError::InternalError), 2));
    assert_eq!(core.circuit_state("logs"), CircuitState::Open);
    let error = read(&core).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), script.requests().len()), (OPEN, 0, 5));
    assert!(error.is_retryable() && error.retry_after().unwrap() <= Duration::from_secs(30));
    // A probe passes all the same, and tells the circuit nothing.
    let mut probe = Call::new(core.clone());
    probe.options(RequestOptions::new().without_circuit());
    probe.send(Box::new(Read(ByteStream::empty()))).await.unwrap();
    assert_eq!(core.circuit_state("logs"), CircuitState::Open);
    tokio::time::advance(Duration::from_secs(30)).await;
    for state in [CircuitState::HalfOpen, CircuitState::HalfOpen, CircuitState::Closed] {
        read(&core).await.unwrap();
        assert_eq!(core.circuit_state("logs"), state);
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_and_throttles_do_not_open_a_circuit() {
    let script = ScriptedTransport::new();
    script.on_any().times(20, Answer::status(404)).times(20, Answer::status(429)).always(Answer::ok());
    let core =
        core(script, |b| b.circuit(CircuitPolicy::default().failures(1)).retry(RetryPolicy::default().budget(None)));
    for _ in 0..30 {
        let _ = read(&core).await;
    }
    assert_eq!(core.circuit_state("logs"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_failed_condition_after_an_attempt_of_unknown_outcome_says_that_it_may_have_been_us() {
    use TransportErrorKind::{Connect, ConnectTimeout, Dns, IdleTimeout, Reset};
    let late = || Answer::ok().delay(Duration::from_secs(60));
    for (first, ours) in [
        (Answer::fail(Reset), true),
        (Answer::fail(IdleTimeout), true),
        (late(), true),
        (Answer::status(500), true),
        (Answer::status(504), true),
        (Answer::status(503), false),
        // Nothing was sent.
        (Answer::fail(Connect), false),
        (Answer::fail(Dns), false),
        (Answer::fail(ConnectTimeout), false),
    ] {
        let script = ScriptedTransport::new();
        script.on_any().times(1, first.clone()).always(Answer::status(412));
        let patient = |script| core(script, |b| b.attempt_timeout(Some(Duration::from_secs(30))));
        let error = send(&patient(script), Write(ByteStream::from("new"))).await.unwrap_err();
        assert_eq!((error.status(), error.attempts()), (Some(412), 2));
        let said = |error: &S3Error| error.suggestion().is_some_and(|it| it.contains("may have been carried out"));
        assert_eq!(said(&error), ours, "{first:?}: {error}");
        // Nothing is changed by reading, however often.
        let script = ScriptedTransport::new();
        script.on_any().times(1, first).always(Answer::status(412));
        let core = patient(script);
        for error in [read(&core).await.unwrap_err(), send(&core, Look(ByteStream::empty())).await.unwrap_err()] {
            assert_eq!((error.status(), said(&error)), (Some(412), false), "{error}");
        }
    }
    // The verdict broke off.
    let script = ScriptedTransport::new();
    let cut = Answer::ok().body("<Result>").chunks_of(1).truncate_after(4);
    script.on_any().times(1, cut).always(Answer::status(412));
    let error = send(&core(script, |b| b), Finish(ByteStream::empty())).await.unwrap_err();
    assert!(error.suggestion().is_some_and(|it| it.contains("may have been carried out")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_byte_by_byte_is_not_waited_for_to_its_end() {
    let (mut server, wire) = tokio::io::duplex(64);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            tokio::io::AsyncWriteExt::write_all(&mut server, b" ").await.unwrap();
        }
    });
    let body = super::answer::error_body(ByteStream::from_reader(wire, None));
    let started = Instant::now();
    assert_eq!(body.await.len(), 19);
    assert_eq!(started.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn an_empty_budget_means_no_retries_until_calls_succeed() {
    let script = ScriptedTransport::new();
    script
        .on_any()
        .times(4, Answer::status(500))
        .times(5, Answer::ok())
        .times(1, Answer::status(500))
        .always(Answer::ok());
    let policy = RetryPolicy::default().budget(BudgetPolicy::with_capacity(10));
    let core = core(script.clone(), |b| b.retry(policy).circuit(CircuitPolicy::off()));
    assert_eq!(read(&core).await.unwrap_err().attempts(), 3);
    assert_eq!(core.retry_tokens(), Some(0));
    let error = read(&core).await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    assert!(error.to_string().contains("too many retries"), "{error}");
    for _ in 0..5 {
        read(&core).await.unwrap();
    }
    assert_eq!(core.retry_tokens(), Some(5));
    read(&core).await.unwrap();
    // The retry that succeeded brought its tokens back.
    assert_eq!(core.retry_tokens(), Some(5));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_and_the_classifier_heard() {
    let script = ScriptedTransport::new();
    script
        .on_any()
        .answer(Answer::status(503).header("retry-after", "7"))
        .answer(Answer::status(403))
        .answer(Answer::ok());
    let core = core(script, |b| {
        b.retry(RetryPolicy::default().classifier(|e| (e.status() == Some(403)).then_some(RetryClass::Transient)))
    });
    let started = Instant::now();
    read(&core).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(7) && started.elapsed() < Duration::from_secs(8));
}

#[tokio::test(start_paused = true)]
async fn rate_limits_pace_requests_and_bodies() {
    let script = ScriptedTransport::new();
    script.on_any().always(Answer::ok().body(vec![7u8; 1_000]));
    let timed = async |limits: RateLimits| {
        let core = core(script.clone(), |b| b.rate_limits(limits));
        let started = Instant::now();
        for _ in 0..21 {
            assert_eq!(read(&core).await.unwrap().len(), 1_000);
        }
        started.elapsed().as_secs_f64()
    };
    assert!(timed(RateLimits::new()).await < 0.1);
    let paced = timed(RateLimits::new().requests_per_second(10).burst(1)).await;
    assert!((1.9..2.2).contains(&paced), "{paced}");
    let paced = timed(RateLimits::new().bytes_per_second(10_000).per_bucket(true)).await;
    assert!((1.0..1.3).contains(&paced), "{paced}");
}

#[tokio::test(start_paused = true)]
async fn adaptive_mode_slows_down_after_a_throttle_only() {
    let script = ScriptedTransport::new();
    script.on_any().times(50, Answer::ok()).times(1, Answer::status(429)).always(Answer::ok());
    let core = core(script, |b| b.retry(RetryPolicy::default().mode(RetryMode::Adaptive)));
    let timed = async |calls| {
        let started = Instant::now();
        for _ in 0..calls {
            read(&core).await.unwrap();
        }
        started.elapsed()
    };
    assert!(timed(50).await < Duration::from_millis(100));
    assert!(timed(20).await > Duration::from_secs(2));
}

/// Counts what is on the wire: exchanges whose future or body is still alive.
#[derive(Clone, Debug)]
struct Counting(ScriptedTransport, Arc<AtomicUsize>);

struct OnWire(Arc<AtomicUsize>);

impl Drop for OnWire {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

struct Held(ByteStream, #[expect(dead_code)] OnWire);

impl BodySource for Held {
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        self.0.poll_chunk(cx)
    }
}

impl HttpTransport for Counting {
    fn send(
        &self,
        request: http::Request<ByteStream>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        self.1.fetch_add(1, SeqCst);
        let guard = OnWire(self.1.clone());
        Box::pin(async move {
            let answer = self.0.send(request).await?;
            tokio::task::yield_now().await;
            Ok(answer.map(|body| ByteStream::from_source(Box::new(Held(body, guard)))))
        })
    }
}

/// Polls a future so many times, then drops it. Whether it was over before that.
async fn polled<T>(future: impl Future<Output = T>, times: usize) -> bool {
    let mut future = Box::pin(future);
    let mut left = times;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn drop_at_every_poll<O: Operation>(make: impl Fn() -> O) {
    for times in 0.. {
        let script = ScriptedTransport::new();
        let late = Duration::from_millis(10);
        script
            .on_any()
            .answer(Answer::status(500).delay(late))
            .answer(Answer::fail(TransportErrorKind::Reset).delay(late))
            .answer(Answer::ok().body("hello, this is a body").chunks_of(4).delay(late));
        let on_wire = Arc::new(AtomicUsize::new(0));
        let limits = RateLimits::new().concurrent_requests(2).requests_per_second(20).burst(1).bytes_per_second(100);
        let core = core(Counting(script.clone(), on_wire.clone()), |b| {
            b.rate_limits(limits).retry(RetryPolicy::default().mode(RetryMode::Adaptive))
        });
        let over = polled(send(&core, make()), times).await;
        let (name, sent) = (O::FACTS.name, script.requests().len());
        assert_eq!(on_wire.load(SeqCst), 0, "{name} dropped at poll {times}: on the wire");
        assert_eq!(core.limits.as_ref().and_then(|l| l.free_slots()), Some(2), "{name} dropped at poll {times}: slots");
        // The first retry failed and lost its 5 tokens, if it came so far; nothing else may be missing.
        let tokens = core.retry_tokens().unwrap();
        assert!(tokens == 500 || (tokens == 495 && sent >= 2), "{name} dropped at poll {times}: {tokens} tokens");
        assert_eq!(core.circuit_state("logs"), CircuitState::Closed);
        if over {
            assert!(sent == 3 && times > 6 && tokens == 495, "{name}: {sent} requests, {times} polls, {tokens} tokens");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_any_poll_leaves_nothing_behind() {
    drop_at_every_poll(|| Read(ByteStream::empty())).await;
    drop_at_every_poll(|| Look(ByteStream::empty())).await;
    drop_at_every_poll(|| Write(ByteStream::from(vec![7u8; 300]))).await;
    drop_at_every_poll(|| Finish(ByteStream::empty())).await;
    drop_at_every_poll(|| Remove(ByteStream::empty())).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_trial_lets_another_one_try() {
    let script = ScriptedTransport::new();
    script.on_any().times(1, Answer::status(500)).times(4, Answer::never()).always(Answer::ok());
    let policy = CircuitPolicy::default().failures(1).trials(1);
    let core = core(script, |b| b.circuit(policy).max_attempts(1));
    read(&core).await.unwrap_err();
    tokio::time::advance(Duration::from_secs(30)).await;
    for _ in 0..4 {
        assert!(tokio::time::timeout(Duration::from_millis(5), read(&core)).await.is_err());
        assert_eq!(core.circuit_state("logs"), CircuitState::HalfOpen);
    }
    read(&core).await.unwrap();
    assert_eq!(core.circuit_state("logs"), CircuitState::Closed);
}

/// As many requests at once as the pool of a real transport has connections; the answers are scripted.
#[derive(Clone, Debug)]
struct Narrow(ScriptedTransport, HyperTransport);

struct InUse(ByteStream, #[expect(dead_code)] Reservation);

impl BodySource for InUse {
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        self.0.poll_chunk(cx)
    }
}

impl HttpTransport for Narrow {
    fn send(&self, _: http::Request<ByteStream>) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        panic!("a call reserves its connection")
    }

    fn reserve(&self) -> Result<Reservation, BoxFuture<'_, Result<Reservation, TransportError>>> {
        self.1.reserve()
    }

    fn send_reserved(
        &self,
        place: Reservation,
        request: http::Request<ByteStream>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let answer = self.0.send(request).await?;
            Ok(answer.map(|body| ByteStream::from_source(Box::new(InUse(body, place)))))
        })
    }

    fn pool(&self) -> Option<(usize, usize)> {
        self.1.pool()
    }
}

fn narrow(script: &ScriptedTransport, max: usize) -> Narrow {
    Narrow(script.clone(), HyperTransport::builder().pool_max(max).build())
}

/// A body that can be sent once.
fn once() -> ByteStream {
    ByteStream::from_reader(&b"once"[..], Some(4))
}

fn limited<O: Operation>(core: &Arc<Core>, request: O, options: RequestOptions) -> Sending<O::Output> {
    let mut call = Call::new(core.clone());
    call.options(options);
    call.send(Box::new(request))
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_connections_wait_for_their_turn() {
    let script = ScriptedTransport::new();
    script.on_any().always(Answer::ok().delay(Duration::from_secs(20)));
    let core = core(narrow(&script, 2), |b| b);
    let started = Instant::now();
    // The last of them waits for three minutes, an attempt may take 30 s, and the bodies can be sent once.
    let options = RequestOptions::new().attempt_timeout(Duration::from_secs(30));
    let all: JoinSet<_> = (0..20).map(|_| limited(&core, Write(once()), options.clone())).collect();
    for done in all.join_all().await {
        done.unwrap();
    }
    assert_eq!(started.elapsed().as_secs(), 200);
    assert_eq!((core.retry_tokens(), script.requests().len()), (Some(500), 20));
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_pool_says_what_to_do_and_counts_for_nothing() {
    let script = ScriptedTransport::new();
    let transport = narrow(&script, 1);
    let held = transport.reserve().ok().unwrap();
    let core = core(transport, |b| b);
    let started = Instant::now();
    let options = RequestOptions::new().attempt_timeout(Duration::from_millis(30));
    let all: JoinSet<_> = (0..10).map(|_| limited(&core, Write(once()), options.clone())).collect();
    for failed in all.join_all().await {
        let error = failed.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Network(NetworkError::PoolExhausted), 0));
        let text = error.to_string();
        assert!(
            text.contains("for a connection and got none: 1 of 1 are in use; read the bodies of answers"),
            "{text}"
        );
        assert!(text.ends_with("or raise `max_connections`") && error.is_retryable(), "{text}");
    }
    assert_eq!(started.elapsed().as_secs(), 60);
    assert_eq!((core.retry_tokens(), core.circuit_state("logs")), (Some(500), CircuitState::Closed));
    // A limit that ends in the queue is told from one that ends with the server.
    let started = Instant::now();
    let options = RequestOptions::new().timeout(Duration::from_secs(2));
    let error = limited(&core, Remove(ByteStream::empty()), options.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Network(NetworkError::PoolExhausted), 0));
    assert!(error.message().contains("2s ended while it waited for a connection: 1 of 1 are in use"), "{error}");
    assert_eq!(started.elapsed().as_secs(), 2);
    drop(held);
    script.on_any().always(Answer::never());
    let error = limited(&core, Remove(ByteStream::empty()), options).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Network(NetworkError::Timeout), 1));
}

#[tokio::test(start_paused = true)]
async fn attempts_count_what_was_sent() {
    let script = ScriptedTransport::new();
    script.on_any().times(1, Answer::status(500)).always(Answer::never());
    let core_of = |script: &ScriptedTransport| core(script.clone(), |b| b);
    let late = RequestOptions::new().timeout(Duration::from_secs(2));
    let error = limited(&core_of(&script), Read(ByteStream::empty()), late.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Network(NetworkError::Timeout), 2));
    let error = limited(&core_of(&script), Remove(ByteStream::empty()), late).await.unwrap_err();
    assert_eq!((error.attempts(), script.requests().len()), (1, 3));
    // A body that breaks off after its head, and cannot be gone on with.
    let script = ScriptedTransport::new();
    script.on_any().always(Answer::ok().body("hello").chunks_of(1).truncate_after(2));
    let once = RequestOptions::new().max_attempts(1);
    let error = limited(&core_of(&script), Read(ByteStream::empty()), once).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (TransferError::IncompleteBody.into(), 1));
    // Nothing leaves without credentials.
    let script = ScriptedTransport::new();
    let nobody = core(script.clone(), |b| b.credentials_provider(Arc::new(Nobody)));
    let error = read(&nobody).await.unwrap_err();
    assert_eq!((error.attempts(), script.requests().len()), (0, 0), "{error}");
}

/// Has none.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(async { Err(S3Error::new(CredentialsError::NotFound, "there are none")) })
    }
}

#[tokio::test(start_paused = true)]
async fn the_impatience_of_one_caller_closes_the_circuit_to_nobody() {
    let slow = || {
        let script = ScriptedTransport::new();
        script.on_any().always(Answer::ok().delay(Duration::from_millis(500)));
        script
    };
    let soon = RequestOptions::new().attempt_timeout(Duration::from_millis(30));
    for usual in [None, Some(Duration::from_secs(1))] {
        let core = core(slow(), |b| b.attempt_timeout(usual));
        for _ in 0..6 {
            let error = limited(&core, Look(ByteStream::empty()), soon.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Network(NetworkError::Timeout));
        }
        assert_eq!(core.circuit_state("logs"), CircuitState::Closed);
        read(&core).await.unwrap();
    }
    // The limit of the client is what its owner thinks a healthy server keeps, and so is a longer one of a caller.
    for own in [RequestOptions::new(), RequestOptions::new().attempt_timeout(Duration::from_millis(60))] {
        let core = core(slow(), |b| b.attempt_timeout(Duration::from_millis(50)));
        for _ in 0..2 {
            limited(&core, Look(ByteStream::empty()), own.clone()).await.unwrap_err();
        }
        assert_eq!(core.circuit_state("logs"), CircuitState::Open);
    }
}
