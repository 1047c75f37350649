//! From a variable of the environment to what a proxy hears.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use integration_s3_runtime::config::ConfigBuilder;
use integration_s3_runtime::credentials::Surroundings;

/// What a proxy hears when a client with this `NO_PROXY` opens a connection, if anything.
async fn heard(no_proxy: &'static str) -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://alice:secret@{}", listener.local_addr().unwrap());
    let machine = Surroundings::system().with_home("/nonexistent").with_variables(move |name| match name {
        "HTTP_PROXY" => Some(proxy.clone()),
        "NO_PROXY" => Some(no_proxy.to_owned()),
        "AWS_ENDPOINT_URL" => Some("http://store.invalid:9000".to_owned()),
        _ => None,
    });
    let config = ConfigBuilder::config().load_from(machine).allow_http(true).anonymous().build().unwrap();
    assert!(!format!("{config:?}{}", config.explain()).contains("secret@"));
    let request = http::Request::get("http://store.invalid:9000/bkt/k?x=1").body(Default::default()).unwrap();
    listener.set_nonblocking(!no_proxy.is_empty()).unwrap();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().ok()?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        socket.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
        String::from_utf8(head).ok()
    });
    let answer = config.transport.send(request).await;
    assert_eq!(answer.is_ok(), no_proxy.is_empty(), "the host itself does not exist");
    server.join().unwrap()
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_asked_with_its_password() {
    let head = heard("").await.unwrap();
    assert!(head.starts_with("GET http://store.invalid:9000/bkt/k?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: Basic YWxpY2U6c2VjcmV0\r\n"), "{head}");
}

#[tokio::test]
async fn a_host_of_no_proxy_does_without() {
    assert_eq!(heard("other.invalid, .store.invalid:9000").await, None);
}
