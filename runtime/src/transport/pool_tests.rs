//! The pool against real servers: what is used again, what is not, and that nothing leaks, whoever hangs up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::{HttpTransport, HyperTransport, TransportErrorKind as Kind};
use crate::body::ByteStream;

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
/// It has no length to be known by, so it keeps its connection until it is read.
const HELD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

/// What a server does with its `n`th connection (from 0) and the `m`th request on it: the answer, and whether it hangs up.
type Script = fn(usize, usize) -> (&'static str, bool);

struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    received: Arc<AtomicUsize>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(16_384).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            open: Arc::default(),
            received: Arc::default(),
        };
        let (connections, open, received) = (server.connections.clone(), server.open.clone(), server.received.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let number = connections.fetch_add(1, SeqCst);
                let (open, received) = (open.clone(), received.clone());
                open.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    serve(socket, number, script, &received).await;
                    open.fetch_sub(1, SeqCst);
                });
            }
        });
        server
    }

    fn get(&self) -> http::Request<ByteStream> {
        http::Request::get(format!("http://{}/b/k", self.address)).body(ByteStream::empty()).unwrap()
    }

    fn put(&self, body: impl Into<ByteStream>) -> http::Request<ByteStream> {
        http::Request::put(format!("http://{}/b/k", self.address)).body(body.into()).unwrap()
    }

    fn count(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// Waits until so many connections are open at the server's end.
    async fn settles_at(&self, open: usize) {
        let wait = async {
            while self.open.load(SeqCst) != open {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let there = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(there.is_ok(), "{} connections are open, not {open}", self.open.load(SeqCst));
    }
}

async fn serve(mut socket: TcpStream, connection: usize, script: Script, received: &AtomicUsize) {
    let mut data = Vec::new();
    for request in 0.. {
        let end = loop {
            if let Some(at) = data.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if socket.read_buf(&mut data).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8_lossy(&data[..end]).to_lowercase();
        data.drain(..end);
        let (answer, hang_up) = script(connection, request);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let early = answer.starts_with("EARLY ");
        let answer = answer.trim_start_matches("EARLY ");
        if early {
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        let chunked = head.contains("transfer-encoding: chunked");
        let whole = |data: &[u8]| if chunked { data.ends_with(b"0\r\n\r\n") } else { data.len() >= length };
        while !(whole(&data) || early && hang_up) {
            if socket.read_buf(&mut data).await.unwrap_or(0) == 0 {
                return;
            }
        }
        received.fetch_add(data.len(), SeqCst);
        data.clear();
        if !early && socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if hang_up {
            return;
        }
    }
}

async fn read(transport: &HyperTransport, request: http::Request<ByteStream>) -> String {
    transport.send(request).await.unwrap().into_body().collect_string().await.unwrap()
}

#[tokio::test]
async fn what_the_server_closed_while_it_idled_is_replaced_unseen() {
    let server = Server::start(|_, _| (HELLO, true)).await;
    let transport = HyperTransport::new();
    for n in 1..=5 {
        assert_eq!(read(&transport, server.get()).await, "hello");
        server.settles_at(0).await;
        assert_eq!(server.count(), n);
    }
    assert_eq!(transport.connections_in_use(), 0);
}

#[tokio::test]
async fn a_one_shot_body_goes_over_the_next_connection_when_the_idle_one_breaks() {
    // Read on the first connection: nothing. The server resets it when it sees the second request.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let _ = first.read(&mut buffer).await.unwrap();
        first.write_all(HELLO.as_bytes()).await.unwrap();
        let _ = first.read(&mut buffer).await.unwrap();
        first.set_zero_linger().unwrap();
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        while !all.ends_with(b"the body") {
            assert!(second.read_buf(&mut all).await.unwrap() > 0);
        }
        second.write_all(HELLO.as_bytes()).await.unwrap();
        String::from_utf8(all).unwrap()
    });
    let transport = HyperTransport::new();
    let url = format!("http://{address}/b/k");
    let get = http::Request::get(&url).body(ByteStream::empty()).unwrap();
    read(&transport, get).await;
    let body = ByteStream::from_reader(&b"the body"[..], Some(8));
    assert!(!body.is_replayable());
    let put = http::Request::put(&url).header("x-mark", "kept").body(body).unwrap();
    assert_eq!(read(&transport, put).await, "hello");
    let seen = received.await.unwrap();
    assert!(seen.contains("x-mark: kept\r\n") && seen.contains("content-length: 8\r\n"), "{seen}");
}

#[tokio::test]
async fn what_was_sent_on_a_condition_is_not_sent_again_unseen() {
    // The second request is read whole, and then the server is gone: it may have been carried out.
    let server = Server::start(|_, request| if request == 1 { ("", true) } else { (HELLO, false) }).await;
    let transport = HyperTransport::new();
    let body = || ByteStream::from_reader(&b"the body"[..], Some(8));
    for (name, value) in [("if-none-match", "*"), ("if-match", "*"), ("x-amz-write-offset-bytes", "8")] {
        read(&transport, server.get()).await;
        let mut put = server.put(body());
        put.headers_mut().insert(name, http::HeaderValue::from_static(value));
        let error = transport.send(put).await.unwrap_err();
        assert!(error.kind() == Kind::Reset && error.connection_reused(), "{error}");
    }
    read(&transport, server.get()).await;
    read(&transport, server.put(body())).await;
    assert_eq!((server.count(), server.received.load(SeqCst)), (5, 40));
}

#[tokio::test]
async fn what_was_closed_while_the_runtime_was_busy_is_replaced_unseen() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ((close, may_close), (closed, is_closed)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let server = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut first, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        let _ = first.read(&mut buffer).unwrap();
        first.write_all(HELLO.as_bytes()).unwrap();
        let () = may_close.recv().unwrap();
        drop(first);
        closed.send(()).unwrap();
        let (mut second, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        while !all.ends_with(b"the body") {
            let came = second.read(&mut buffer).unwrap();
            all.extend_from_slice(&buffer[..came]);
        }
        second.write_all(HELLO.as_bytes()).unwrap();
    });
    let transport = HyperTransport::new();
    let url = format!("http://{address}/b/k");
    read(&transport, http::Request::get(&url).body(ByteStream::empty()).unwrap()).await;
    // Nothing is polled meanwhile: the runtime does not hear that the connection is gone.
    close.send(()).unwrap();
    is_closed.recv().unwrap();
    std::thread::sleep(Duration::from_millis(30));
    let body = ByteStream::from_reader((&b"the "[..]).chain(&b"body"[..]), Some(8));
    let put = http::Request::put(&url).header("if-none-match", "*").body(body).unwrap();
    assert_eq!(read(&transport, put).await, "hello");
    server.join().unwrap();
}

#[tokio::test]
async fn what_says_close_is_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\n\r\nhello",
    ] {
        static ANSWER: std::sync::Mutex<&str> = std::sync::Mutex::new("");
        *ANSWER.lock().unwrap() = answer;
        // The last two end with the connection.
        let server = Server::start(|_, _| {
            let answer = *ANSWER.lock().unwrap();
            (answer, !answer.contains("content-length"))
        })
        .await;
        let transport = HyperTransport::new();
        for _ in 0..3 {
            assert_eq!(read(&transport, server.get()).await, "hello");
        }
        assert_eq!(server.count(), 3, "{answer}");
        server.settles_at(0).await;
        assert_eq!(transport.connections_in_use(), 0);
    }
}

#[tokio::test]
async fn http_1_0_with_keep_alive_is_used_again() {
    let server =
        Server::start(|_, _| ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello", false))
            .await;
    let transport = HyperTransport::new();
    for _ in 0..3 {
        assert_eq!(read(&transport, server.get()).await, "hello");
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn chunked_answers_and_interim_ones_leave_the_connection_usable() {
    let server = Server::start(|_, request| match request % 3 {
        0 => ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", false),
        1 => ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", false),
        _ => (HELLO, false),
    })
    .await;
    let transport = HyperTransport::new();
    for _ in 0..9 {
        assert_eq!(read(&transport, server.get()).await, "hello");
        assert_eq!(transport.connections_in_use(), 0);
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn an_answer_before_the_body_was_read_is_heard_and_ends_the_connection() {
    let server = Server::start(|_, _| ("EARLY HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", true)).await;
    let transport = HyperTransport::new();
    for n in 1..=3 {
        // More than both sockets' buffers hold: it cannot have been sent.
        let answer = transport.send(server.put(vec![0; 64 << 20])).await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.into_body().collect().await.unwrap(), "no");
        assert_eq!(transport.connections_in_use(), 0);
        assert_eq!(server.count(), n);
    }
    server.settles_at(0).await;
}

#[tokio::test]
async fn an_early_answer_does_not_keep_the_rest_of_the_body_from_being_sent_while_it_is_read() {
    // The server goes on reading after its head, and sends the body of its answer when all is there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    const SIZE: usize = 8 << 20;
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut data = vec![0; 65536];
        let _ = socket.read(&mut data).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").await.unwrap();
        let mut seen = 0;
        while seen < SIZE - 65536 {
            let n = socket.read(&mut data).await.unwrap();
            assert!(n > 0);
            seen += n;
        }
        socket.write_all(b"hello").await.unwrap();
    });
    let transport = HyperTransport::new();
    let put = http::Request::put(format!("http://{address}/")).body(vec![7; SIZE].into()).unwrap();
    assert_eq!(read(&transport, put).await, "hello");
    server.await.unwrap();
}

#[tokio::test]
async fn bodies_of_unknown_length_leave_the_connection_usable() {
    let server = Server::start(|_, _| (HELLO, false)).await;
    let transport = HyperTransport::new();
    for _ in 0..3 {
        let body = ByteStream::from_reader(std::io::Cursor::new(vec![7; 700_000]), None);
        assert_eq!(read(&transport, server.put(body)).await, "hello");
    }
    assert_eq!(server.count(), 1);
    assert!(server.received.load(SeqCst) > 2_100_000);
}

#[tokio::test]
async fn what_speaks_unasked_is_not_used_again() {
    let server =
        Server::start(|_, _| ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n", false)).await;
    let transport = HyperTransport::new();
    for _ in 0..3 {
        assert_eq!(read(&transport, server.get()).await, "hello");
    }
    assert_eq!(server.count(), 3);
    server.settles_at(0).await;
}

#[tokio::test]
async fn a_body_dropped_unread_gives_the_connection_up_and_one_that_was_all_here_does_not() {
    let long = |_, request| match request {
        0 => ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello", false),
        _ => (HELLO, false),
    };
    let server = Server::start(long).await;
    let transport = HyperTransport::new();
    drop(transport.send(server.get()).await.unwrap());
    server.settles_at(0).await;
    let server = Server::start(|_, _| (HELLO, false)).await;
    for _ in 0..3 {
        drop(transport.send(server.get()).await.unwrap());
        assert_eq!(transport.connections_in_use(), 0);
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_short_body_that_came_with_its_head_is_here_and_its_connection_free() {
    let server = Server::start(|_, _| (HELLO, false)).await;
    let transport = HyperTransport::builder().pool_max(1).build();
    let mut held = Vec::new();
    for _ in 0..3 {
        let answer = transport.send(server.get()).await.unwrap();
        assert_eq!(transport.connections_in_use(), 0);
        held.push(answer.into_body());
    }
    for body in held {
        assert_eq!(body.as_bytes().unwrap(), "hello");
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_short_body_that_comes_in_pieces_is_read_as_it_comes_and_its_end_is_no_less_an_error() {
    for (pieces, whole) in [(vec!["", "hello"], true), (vec!["he", "llo"], true), (vec!["hel"], false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let transport = HyperTransport::new();
        let (go, mut told) = tokio::sync::mpsc::channel::<()>(1);
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = socket.read(&mut request).await.unwrap();
            for (at, piece) in pieces.iter().enumerate() {
                let head = if at == 0 { "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" } else { "" };
                socket.write_all(format!("{head}{piece}").as_bytes()).await.unwrap();
                told.recv().await;
            }
        });
        let answer = transport.send(http::Request::get(&url).body(ByteStream::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.body().len(), Some(5));
        assert_eq!(transport.connections_in_use(), 1);
        drop(go);
        let read = answer.into_body().collect().await;
        match whole {
            true => assert_eq!(read.unwrap(), "hello"),
            false => assert!(read.unwrap_err().message().contains("3 of 5 bytes")),
        }
        server.await.unwrap();
        assert_eq!(transport.connections_in_use(), 0);
    }
}

#[tokio::test]
async fn idle_connections_are_closed_in_time() {
    let server = Server::start(|_, _| (HELLO, false)).await;
    let transport = HyperTransport::builder().pool_idle(Duration::from_millis(40)).build();
    for n in 1..=2 {
        read(&transport, server.get()).await;
        server.settles_at(0).await;
        assert_eq!(server.count(), n);
    }
    // And all of them with the transport.
    let transport = HyperTransport::new();
    read(&transport, server.get()).await;
    server.settles_at(1).await;
    drop(transport);
    server.settles_at(0).await;
}

#[tokio::test]
async fn no_connection_is_used_beyond_its_lifetime() {
    let server = Server::start(|_, _| (HELLO, false)).await;
    let transport = HyperTransport::builder().pool_lifetime(Duration::from_millis(30)).build();
    read(&transport, server.get()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    read(&transport, server.get()).await;
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn no_more_connections_are_open_than_may_be() {
    let server = Server::start(|_, _| (HELLO, false)).await;
    let transport = HyperTransport::builder().pool_max(4).build();
    let mut all = JoinSet::new();
    for _ in 0..200 {
        let (transport, request) = (transport.clone(), server.get());
        all.spawn(async move { read(&transport, request).await });
    }
    while let Some(answer) = all.join_next().await {
        assert_eq!(answer.unwrap(), "hello");
    }
    assert!(server.count() <= 4, "{}", server.count());
    assert_eq!(transport.connections_in_use(), 0);
}

#[tokio::test]
async fn waiters_that_give_up_take_no_place() {
    let server = Server::start(|_, _| (HELD, false)).await;
    let transport = HyperTransport::builder().pool_max(1).build();
    let held = transport.send(server.get()).await.unwrap();
    for _ in 0..50 {
        let waiting = tokio::time::timeout(Duration::from_millis(1), transport.send(server.get())).await;
        assert!(waiting.is_err());
    }
    drop(held);
    assert_eq!(transport.connections_in_use(), 0);
    assert_eq!(read(&transport, server.get()).await, "hello");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn requests_dropped_after_any_poll_leave_nothing_behind() {
    struct Polls<F>(F, usize);
    impl<F: Future + Unpin> Future for Polls<F> {
        type Output = Option<F::Output>;
        fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
            if self.1 == 0 {
                return std::task::Poll::Ready(None);
            }
            self.1 -= 1;
            std::pin::Pin::new(&mut self.0).poll(cx).map(Some)
        }
    }
    let server = Server::start(|_, _| (HELLO, false)).await;
    let transport = HyperTransport::builder().pool_max(2).build();
    for polls in (0..8).chain(0..8) {
        let body = vec![7; 1 << 20];
        let _ = Polls(transport.send(server.put(body)), polls).await;
        assert_eq!(transport.connections_in_use(), 0, "after {polls} polls");
    }
    assert_eq!(read(&transport, server.get()).await, "hello");
    server.settles_at(1).await;
}

#[test]
fn a_connection_does_not_outlive_its_runtime_and_the_next_one_does_well() {
    let transport = HyperTransport::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outer = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = outer.block_on(Server::start(|_, _| (HELLO, false)));
    for n in 1..=3 {
        let runtime = runtime();
        for _ in 0..3 {
            assert_eq!(runtime.block_on(read(&transport, server.get())), "hello");
        }
        assert_eq!(server.count(), n);
    }
    assert_eq!(transport.connections_in_use(), 0);
    // Two that live at the same time do not take each other's.
    let (one, two) = (runtime(), runtime());
    for _ in 0..3 {
        assert_eq!(one.block_on(read(&transport, server.get())), "hello");
        assert_eq!(two.block_on(read(&transport, server.get())), "hello");
    }
    assert_eq!(server.count(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_one_to_ten_thousand_requests_at_once_all_are_answered() {
    // Both ends are in this process: two descriptors a connection.
    let server = Server::start(|_, _| (HELLO, false)).await;
    for (at_once, max) in [(1, 1), (32, 32), (1_000, 1_000), (10_000, 100), (10_000, 4_000)] {
        let limit = Duration::from_secs(60);
        let transport = HyperTransport::builder().pool_max(max).connect_timeout(limit).pool_wait(limit).build();
        let before = server.count();
        let mut all = JoinSet::new();
        for _ in 0..at_once {
            let (transport, request) = (transport.clone(), server.get());
            all.spawn(async move { read(&transport, request).await });
        }
        while let Some(answer) = all.join_next().await {
            assert_eq!(answer.unwrap(), "hello");
        }
        assert!(server.count() - before <= max, "{at_once} {max}");
        assert_eq!(transport.connections_in_use(), 0);
    }
}

#[tokio::test]
async fn a_place_waited_for_too_long_is_an_exhausted_pool_and_nothing_else() {
    let server = Server::start(|_, _| (HELD, false)).await;
    let transport = HyperTransport::builder().pool_max(3).pool_wait(Duration::from_millis(30)).build();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(transport.send(server.get()).await.unwrap());
    }
    let error = transport.send(server.get()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::PoolExhausted { active: 3, max: 3 });
    held.pop();
    assert_eq!(read(&transport, server.get()).await, "hello");
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_waited_in_for_as_long_as_it_moves() {
    let transport = HyperTransport::builder().pool_max(1).pool_wait(Duration::from_secs(60)).build();
    let began = tokio::time::Instant::now();
    let first = transport.reserve().ok().unwrap();
    let mut queue = JoinSet::new();
    for _ in 0..10 {
        let transport = transport.clone();
        queue.spawn(async move {
            let place = transport.reserve().err().unwrap().await?;
            tokio::time::sleep(Duration::from_secs(50)).await;
            drop(place);
            Ok::<_, crate::transport::TransportError>(())
        });
    }
    tokio::time::sleep(Duration::from_secs(50)).await;
    drop(first);
    while let Some(turn) = queue.join_next().await {
        turn.unwrap().unwrap();
    }
    assert_eq!(began.elapsed().as_secs(), 550);
    // A new one has its own time: what moved before it came is nothing to it.
    tokio::time::sleep(Duration::from_secs(600)).await;
    let held = transport.reserve().ok().unwrap();
    let began = tokio::time::Instant::now();
    let error = transport.reserve().err().unwrap().await.unwrap_err();
    assert_eq!(error.kind(), Kind::PoolExhausted { active: 1, max: 1 });
    assert_eq!(began.elapsed().as_secs(), 60);
    assert!(error.message().contains("waited 60"), "{error}");
    // Whoever gives up waiting leaves the place to the next.
    let gone = tokio::time::timeout(Duration::from_secs(1), transport.reserve().err().unwrap()).await;
    assert!(gone.is_err());
    drop(held);
    assert!(transport.reserve().is_ok());
}

/// Too long to be here with its head.
static LONG: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", 4 << 20, "x".repeat(4 << 20))
});

#[test]
fn a_body_is_read_on_another_runtime_while_its_own_one_runs() {
    let elsewhere = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = elsewhere.block_on(Server::start(|_, _| (&LONG, false)));
    // None of the rules that would end a body that stands still.
    let transport = HyperTransport::builder().stalled_streams(None).read_idle_timeout(None).build();
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let reader = Builder::new_current_thread().enable_all().build().unwrap();
    for _ in 0..3 {
        let body = home.block_on(transport.send(server.get())).unwrap().into_body();
        assert_eq!(reader.block_on(body.collect()).unwrap().len(), 4 << 20);
    }
    assert_eq!(transport.connections_in_use(), 0);
}
