//! The default transport against real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{HttpTransport, HyperTransport, TransportError, TransportErrorKind as Kind};
use crate::body::ByteStream;
use crate::error::{ErrorKind, NetworkError, RequestError, S3Error, TransferError};

/// What a server does with each request: writes these texts with a pause before each, then goes on or closes.
#[derive(Clone, Copy)]
struct Plan {
    say: &'static [&'static str],
    pause: Duration,
    close: bool,
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
/// It has no length to be known by, so it keeps its connection until it is read.
const HELD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

fn say(say: &'static [&'static str]) -> Plan {
    Plan { say, pause: Duration::ZERO, close: false }
}

struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    received: Arc<AtomicUsize>,
}

impl Server {
    async fn start(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server =
            Self { address: listener.local_addr().unwrap(), connections: Arc::default(), received: Arc::default() };
        let (connections, received) = (Arc::clone(&server.connections), Arc::clone(&server.received));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket, plan, Arc::clone(&received)));
            }
        });
        server
    }

    fn get(&self) -> http::Request<ByteStream> {
        request("GET", &format!("http://{}/b/k?X-Amz-Signature=topsecret", self.address), ByteStream::empty())
    }

    fn put(&self, body: impl Into<ByteStream>) -> http::Request<ByteStream> {
        request("PUT", &format!("http://{}/b/k", self.address), body.into())
    }
}

async fn serve(mut socket: TcpStream, plan: Plan, received: Arc<AtomicUsize>) {
    let mut data = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = data.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if socket.read_buf(&mut data).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8_lossy(&data[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        data.drain(..end);
        while data.len() < length {
            if socket.read_buf(&mut data).await.unwrap_or(0) == 0 {
                return;
            }
        }
        data.drain(..length);
        received.fetch_add(length, Ordering::SeqCst);
        for text in plan.say {
            tokio::time::sleep(plan.pause).await;
            if socket.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
        if plan.close {
            return;
        }
    }
}

fn request(method: &str, url: &str, body: ByteStream) -> http::Request<ByteStream> {
    http::Request::builder().method(method).uri(url).body(body).unwrap()
}

async fn fail(transport: &HyperTransport, request: http::Request<ByteStream>) -> TransportError {
    transport.send(request).await.expect_err("no answer was expected")
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(say(&[HELLO])).await;
    let transport = HyperTransport::new();
    for _ in 0..5 {
        let answer = transport.send(server.get()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.into_body().collect().await.unwrap(), "hello");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    assert_eq!(transport.connections_in_use(), 0);
}

#[tokio::test]
async fn an_answer_without_a_body_frees_its_connection_at_once() {
    let server = Server::start(say(&["HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"])).await;
    let transport = HyperTransport::new();
    let head = request("HEAD", &format!("http://{}/b/k", server.address), ByteStream::empty());
    let answer = transport.send(head).await.unwrap();
    assert_eq!(transport.connections_in_use(), 0);
    assert_eq!(answer.headers()["content-length"], "500");
    assert!(answer.into_body().is_empty());
}

#[tokio::test]
async fn a_cut_body_says_how_much_came() {
    let plan = Plan { close: true, ..say(&["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789"]) };
    let server = Server::start(plan).await;
    let transport = HyperTransport::new();
    let body = transport.send(server.get()).await.unwrap().into_body();
    assert_eq!(body.len(), Some(100));
    let error = body.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transfer(TransferError::IncompleteBody));
    assert_eq!(error.to_string(), "the connection ended after 10 of 100 bytes of the answer");
    assert!(error.is_retryable());
    assert_eq!(transport.connections_in_use(), 0);
}

#[tokio::test]
async fn a_cut_chunked_body_is_an_error_too() {
    let plan = Plan { close: true, ..say(&["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"]) };
    let server = Server::start(plan).await;
    let error = HyperTransport::new().send(server.get()).await.unwrap().into_body().collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the connection ended after 5 bytes of the answer");
}

#[tokio::test]
async fn a_refused_connection_names_the_address_and_no_query() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{address}/b/k?X-Amz-Signature=topsecret");
    let error = fail(&HyperTransport::new(), request("GET", &url, ByteStream::empty())).await;
    assert_eq!(error.kind(), Kind::Connect);
    assert_eq!(error.message(), format!("connection refused by {address}"));
    assert!(error.is_retryable() && !error.connection_reused());
    let shown = format!("{error:?}") + &format!("{:?}", S3Error::from(error));
    assert!(!shown.contains("topsecret"), "{shown}");
}

#[tokio::test]
async fn an_unknown_host_is_a_dns_error() {
    let error = fail(&HyperTransport::new(), request("GET", "http://no-such-host.invalid/", ByteStream::empty())).await;
    assert_eq!(error.kind(), Kind::Dns, "{error:?}");
    assert_eq!(error.message(), "the host name no-such-host.invalid has no address");
    assert_eq!(S3Error::from(error).kind(), ErrorKind::Network(NetworkError::DnsResolutionFailed));
}

#[cfg(feature = "_tls")]
#[tokio::test]
async fn a_server_without_tls_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    let error = fail(&HyperTransport::new(), request("GET", &format!("https://{address}/"), ByteStream::empty())).await;
    // Where no root certificates are installed it ends earlier, and says so.
    let texts = [format!("{address} does not speak TLS"), "the system's root certificates cannot be loaded".to_owned()];
    assert!(texts.iter().any(|text| error.message().starts_with(text)), "{error:?}");
    assert!(!error.is_retryable());
}

#[cfg(feature = "_tls")]
#[test]
fn certificate_errors_are_told_apart_and_not_tried_again() {
    use rustls::CertificateError as Certificate;
    for (why, text) in [
        (Certificate::UnknownIssuer, "the certificate of h:443 is from an issuer that is not trusted here"),
        (Certificate::Expired, "the certificate of h:443 has expired"),
        (Certificate::NotValidForName, "the certificate of h:443 is for another name"),
    ] {
        let inside = std::io::Error::new(std::io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(why));
        let error = super::classify::classify(std::io::Error::other(inside).into(), true, "h:443");
        assert_eq!((error.kind(), error.message()), (Kind::Tls, text));
        assert!(!error.is_retryable());
        assert_eq!(S3Error::from(error).kind(), ErrorKind::Network(NetworkError::Tls));
    }
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_a_reset() {
    let server = Server::start(Plan { close: true, ..say(&[]) }).await;
    let error = fail(&HyperTransport::new(), server.get()).await;
    assert_eq!(error.kind(), Kind::Reset);
    assert_eq!(error.message(), format!("{} closed the connection before it answered", server.address));
    assert!(error.is_retryable() && !error.connection_reused());
}

#[tokio::test]
async fn what_is_not_http_is_said_to_be_so() {
    let server = Server::start(say(&["SSH-2.0-OpenSSH_9.6\r\n\r\n"])).await;
    let error = fail(&HyperTransport::new(), server.get()).await;
    assert_eq!(error.kind(), Kind::InvalidResponse, "{error:?}");
}

#[tokio::test]
async fn connections_nobody_uses_any_more_make_room_for_those_of_another_server() {
    let (before, now) = (Server::start(say(&[HELLO])).await, Server::start(say(&[HELLO])).await);
    let transport = HyperTransport::builder().pool_max(2).build();
    let (first, second) = tokio::join!(transport.send(before.get()), transport.send(before.get()));
    for answer in [first, second] {
        answer.unwrap().into_body().collect().await.unwrap();
    }
    for _ in 0..5 {
        transport.send(now.get()).await.unwrap().into_body().collect().await.unwrap();
    }
    assert_eq!(now.connections.load(Ordering::SeqCst), 1);
    // One of the others stays.
    let used = before.connections.load(Ordering::SeqCst);
    transport.send(before.get()).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(before.connections.load(Ordering::SeqCst), used);
}

#[tokio::test]
async fn a_full_pool_is_an_error_of_its_own_and_recovers() {
    let server = Server::start(say(&[HELD])).await;
    let transport = HyperTransport::builder().pool_max(2).pool_wait(Duration::from_millis(50)).build();
    let first = transport.send(server.get()).await.unwrap();
    let second = transport.send(server.get()).await.unwrap();
    assert_eq!(transport.connections_in_use(), 2);
    let error = fail(&transport, server.get()).await;
    assert_eq!(error.kind(), Kind::PoolExhausted { active: 2, max: 2 });
    let message = error.message();
    assert!(message.starts_with("waited ") && message.ends_with(" and got none: 2 of 2 are in use"), "{message}");
    // One dropped unread, one read to the end: both free their place.
    drop(first);
    assert_eq!(transport.connections_in_use(), 1);
    second.into_body().collect().await.unwrap();
    assert_eq!(transport.connections_in_use(), 0);
    transport.send(server.get()).await.unwrap();
}

#[tokio::test]
async fn a_waiting_request_gets_the_connection_that_becomes_free() {
    let server = Server::start(say(&[HELD])).await;
    let transport = HyperTransport::builder().pool_max(1).build();
    let first = transport.send(server.get()).await.unwrap();
    let (transport_too, request) = (transport.clone(), server.get());
    let second = tokio::spawn(async move { transport_too.send(request).await.unwrap().into_body().collect().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    first.into_body().collect().await.unwrap();
    assert_eq!(second.await.unwrap().unwrap(), "hello");
}

#[tokio::test]
async fn a_cancelled_request_frees_its_connection() {
    let server = Server::start(say(&[])).await;
    let transport = HyperTransport::new();
    let waiting = tokio::time::timeout(Duration::from_millis(50), transport.send(server.get())).await;
    assert!(waiting.is_err());
    assert_eq!(transport.connections_in_use(), 0);
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let server = Server::start(say(&[])).await;
    let limit = Duration::from_millis(50);
    let transport = HyperTransport::builder().read_idle_timeout(limit).connect_timeout(limit).build();
    let error = fail(&transport, server.get()).await;
    assert_eq!(error.kind(), Kind::IdleTimeout);
    assert_eq!(error.message(), format!("{} neither took nor sent anything for 50ms", server.address));
}

#[tokio::test]
async fn a_stalled_body_is_a_timeout_and_a_slow_one_is_not() {
    let plan = say(&["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789"]);
    let server = Server::start(plan).await;
    let transport = HyperTransport::builder().read_idle_timeout(Duration::from_millis(100)).build();
    let error = transport.send(server.get()).await.unwrap().into_body().collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the server sent nothing for 100ms after 10 of 100 bytes of the answer");

    let slow = &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nh", "e", "l", "l", "o"];
    let server = Server::start(Plan { pause: Duration::from_millis(40), ..say(slow) }).await;
    let began = Instant::now();
    assert_eq!(transport.send(server.get()).await.unwrap().into_body().collect().await.unwrap(), "hello");
    assert!(began.elapsed() > Duration::from_millis(150));
}

#[tokio::test]
async fn a_body_slow_to_come_from_the_caller_is_no_silence_of_the_server() {
    let server = Server::start(say(&[HELLO])).await;
    let transport = HyperTransport::builder()
        .read_idle_timeout(Duration::from_millis(40))
        .connect_timeout(Duration::from_millis(1000))
        .build();
    // Warm up, so that the time for connecting is not added.
    transport.send(server.get()).await.unwrap().into_body().collect().await.unwrap();
    let (reader, mut writer) = tokio::io::duplex(64);
    tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            writer.write_all(b"x").await.unwrap();
        }
    });
    let answer = transport.send(server.put(ByteStream::from_reader(reader, Some(3)))).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(server.received.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn large_bodies_arrive_whole_with_their_length() {
    let server = Server::start(say(&[HELLO])).await;
    let transport = HyperTransport::new();
    let body = Bytes::from(vec![7; 3_000_001]);
    transport.send(server.put(body)).await.unwrap().into_body().collect().await.unwrap();
    transport.send(server.put(ByteStream::empty())).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(server.received.load(Ordering::SeqCst), 3_000_001);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_error_of_a_request_body_comes_out_as_it_went_in() {
    let server = Server::start(say(&[HELLO])).await;
    let body = ByteStream::from_reader(&b"abc"[..], Some(10));
    let error = fail(&HyperTransport::new(), server.put(body)).await;
    assert_eq!(error.kind(), Kind::RequestBody);
    let error = S3Error::from(error);
    assert_eq!(error.to_string(), "the stream given as body ended after 3 of the 10 bytes it had promised");
    // A stream cloned and read before: the error reaches the caller, too.
    let shared = ByteStream::from_reader(&b"abc"[..], Some(3));
    shared.clone().collect().await.unwrap();
    let error = S3Error::from(fail(&HyperTransport::new(), server.put(shared)).await);
    assert_eq!(error.kind(), ErrorKind::Request(RequestError::NotReplayable));
}

#[tokio::test]
async fn why_a_body_was_refused_is_told_by_a_server_that_hangs_up_without_reading_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = socket.read(&mut buffer).await.unwrap();
            let refusal = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 9\r\n\r\nforbidden";
            socket.write_all(refusal.as_bytes()).await.unwrap();
            // Closed over what was not read: a reset.
        }
    });
    let transport = HyperTransport::new();
    for megabytes in [1, 4, 32] {
        let put = request("PUT", &format!("http://{address}/b/k"), vec![0; megabytes << 20].into());
        let answer = transport.send(put).await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.into_body().collect().await.unwrap(), "forbidden");
        assert_eq!(transport.connections_in_use(), 0);
    }
}

/// Panics whenever it is asked, once it is told to.
struct Bursting(Option<tokio::sync::oneshot::Receiver<()>>);

impl crate::body::BodySource for Bursting {
    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, S3Error>>> {
        if let Some(told) = &mut self.0 {
            let _ = std::task::ready!(std::pin::Pin::new(told).poll(cx));
            self.0 = None;
        }
        panic!("on purpose");
    }

    fn remaining(&self) -> Option<u64> {
        Some(1)
    }
}

#[tokio::test]
async fn a_body_that_panics_while_the_answer_is_read_ends_its_task_and_not_the_program() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let early = async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let head = "HTTP/1.1 403 Forbidden\r\ncontent-length: 100\r\n\r\nforb";
        socket.write_all(head.as_bytes()).await.unwrap();
        let _ = socket.read_to_end(&mut Vec::new()).await;
    };
    tokio::spawn(early);
    let transport = HyperTransport::new();
    let (tell, told) = tokio::sync::oneshot::channel();
    let body = ByteStream::from_source(Box::new(Bursting(Some(told))));
    let answer = transport.send(request("PUT", &format!("http://{address}/b/k"), body)).await.unwrap();
    tell.send(()).unwrap();
    let reading = tokio::spawn(answer.into_body().collect());
    assert!(reading.await.unwrap_err().is_panic());
    assert_eq!(transport.connections_in_use(), 0);
}

#[tokio::test]
async fn a_body_that_panics_while_its_connection_is_given_back_takes_no_place_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 100\r\n\r\nforb").await.unwrap();
        let _ = socket.read_to_end(&mut Vec::new()).await;
    });
    let transport = HyperTransport::builder().pool_max(1).build();
    let (tell, told) = tokio::sync::oneshot::channel();
    let body = ByteStream::from_source(Box::new(Bursting(Some(told))));
    let answer = transport.send(request("PUT", &format!("http://{address}/b/k"), body)).await.unwrap();
    tell.send(()).unwrap();
    // Nobody reads the answer: giving the connection back is what asks the body.
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(answer))).is_err());
    assert_eq!(transport.connections_in_use(), 0);
}

#[tokio::test]
async fn a_reset_over_a_used_connection_is_marked() {
    // Answers the first request and hangs up on reading the second.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let _ = socket.read(&mut buffer).await.unwrap();
        socket.write_all(HELLO.as_bytes()).await.unwrap();
        let _ = socket.read(&mut buffer).await.unwrap();
    });
    let transport = HyperTransport::new();
    let get = || request("GET", &format!("http://{address}/"), ByteStream::empty());
    transport.send(get()).await.unwrap().into_body().collect().await.unwrap();
    let error = fail(&transport, get()).await;
    assert_eq!(error.kind(), Kind::Reset);
    assert!(error.connection_reused());
}

#[test]
fn outside_a_runtime_there_is_an_error_and_no_panic() {
    let transport: Box<dyn HttpTransport> = Box::new(HyperTransport::new());
    let mut sending = transport.send(request("GET", "http://127.0.0.1:1/", ByteStream::empty()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match sending.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => assert_eq!(error.kind(), Kind::Unsupported),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_relative_target_is_an_error_and_no_panic() {
    let error = fail(&HyperTransport::new(), request("GET", "/b/k", ByteStream::empty())).await;
    assert!(!error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_connection_whose_peer_takes_nothing_ends_with_the_request_that_was_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let transport = HyperTransport::builder().read_idle_timeout(Duration::from_millis(50)).build();
    // More than the buffers of two sockets hold.
    let put = request("PUT", &format!("http://{address}/b/k"), vec![0; 32 << 20].into());
    let sending = tokio::time::timeout(Duration::from_millis(20), transport.send(put));
    let (given_up, accepted) = tokio::join!(sending, listener.accept());
    assert!(given_up.is_err());
    assert_eq!(transport.connections_in_use(), 0);
    // Never read, so the client cannot write.
    let (socket, _) = accepted.unwrap();
    let closed = async {
        while !socket.ready(tokio::io::Interest::READABLE).await.unwrap().is_read_closed() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("the connection is still open");
}
