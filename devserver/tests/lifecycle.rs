//! Servers start, stop, stand side by side and count what is open. The protocol itself is the business of the
//! SDK's tests, which run against this server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use integration_s3_devserver::DevServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn exchange(socket: &mut TcpStream, request: &str) -> String {
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(&answer).contains("</Error>") {
        let n = socket.read(&mut piece).await.unwrap();
        assert!(n > 0, "connection closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..n]);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn servers_stand_side_by_side_and_know_only_their_own() {
    let one = DevServer::builder().credentials("A", "a").start().await.unwrap();
    let two = DevServer::builder().credentials("B", "b").region("eu-west-1").start().await.unwrap();
    assert_ne!(one.endpoint(), two.endpoint());
    assert_eq!((one.access_key(), one.region()), ("A", "us-east-1"));
    assert_eq!((two.secret_key(), two.region()), ("b", "eu-west-1"));
    assert_eq!(one.endpoint(), format!("http://127.0.0.1:{}", one.port()));
}

#[tokio::test]
async fn strangers_are_refused_and_connections_counted() {
    let server = DevServer::builder().start().await.unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    for n in 1..=2 {
        let answer = exchange(&mut socket, "GET /bucket/key HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("<Code>AccessDenied</Code>") && answer.contains("<RequestId>"), "{answer}");
        assert_eq!((server.stats().connections, server.stats().requests), (1, n));
    }
    drop(socket);
    for _ in 0..100 {
        if server.stats().connections == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the closed connection is still counted: {:?}", server.stats());
}

#[tokio::test]
async fn a_refused_body_does_not_cost_the_connection() {
    let server = DevServer::builder().start().await.unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    let body = "x".repeat(3 << 20);
    let request = format!("PUT /bucket/key HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for _ in 0..3 {
        assert!(exchange(&mut socket, &request).await.starts_with("HTTP/1.1 403 "));
    }
    assert_eq!(server.stats().connections, 1);
}

#[tokio::test]
async fn a_stopped_server_is_gone_with_its_connections() {
    let server = DevServer::builder().start().await.unwrap();
    let port = server.port();
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    exchange(&mut socket, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.shutdown().await;
    assert!(matches!(socket.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn virtual_hosts_refuse_path_style() {
    let server = DevServer::builder().virtual_hosts("localhost").start().await.unwrap();
    assert_eq!(server.endpoint(), format!("http://localhost:{}", server.port()));
    let mut socket = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    let ask = |host: &str| format!("GET /key HTTP/1.1\r\nhost: {host}:{}\r\n\r\n", server.port());
    let path_style = exchange(&mut socket, &ask("localhost")).await;
    assert!(path_style.contains("<Code>InvalidRequest</Code>"), "{path_style}");
    let virtual_host = exchange(&mut socket, &ask("bucket.localhost")).await;
    assert!(virtual_host.contains("<Code>AccessDenied</Code>"), "{virtual_host}");
}

#[tokio::test]
async fn a_taken_port_or_a_wrong_domain_is_an_error() {
    let server = DevServer::builder().start().await.unwrap();
    let taken = DevServer::builder().port(server.port()).start().await.unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    assert!(taken.to_string().starts_with(&format!("cannot listen on 127.0.0.1:{}: ", server.port())), "{taken}");
    assert!(DevServer::builder().virtual_hosts("not a domain").start().await.is_err());
}

#[tokio::test]
async fn the_program_says_in_one_line_that_its_port_is_taken_and_what_to_do() {
    let server = DevServer::builder().start().await.unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_devserver"));
    let ended = program.arg(server.port().to_string()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&server.port().to_string()) && said.contains("another port"), "{said}");
    assert!(!said.contains("Os {"), "{said}");
}
