//! What a request without a body looks like on a real socket.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use integration_s3_runtime::call::{Call, Core, Operation};
use integration_s3_runtime::config::ConfigBuilder;
use integration_s3_runtime::error::{S3Error, no_codes};
use integration_s3_runtime::plumbing::{ChecksumRule, OperationFacts, Reply, RequestWriter, Verb};

const fn facts(verb: Verb) -> OperationFacts {
    OperationFacts {
        name: "Try",
        span: "try",
        verb,
        error_in_200: false,
        checksum: ChecksumRule::None,
        idempotent: true,
        streams_in: false,
        streams_out: false,
    }
}

macro_rules! bodiless {
    ($($name:ident: $verb:expr,)*) => {$(
        struct $name;

        impl Operation for $name {
            type Output = ();
            const FACTS: &'static OperationFacts = &facts($verb);

            fn encode(&mut self, w: &mut RequestWriter) {
                w.bucket("bkt");
                w.key("../a//b");
                w.flag("uploads");
            }

            async fn decode(&self, reply: &mut Reply) -> Result<Box<()>, S3Error> {
                reply.finish().await.map(Box::new)
            }
        }
    )*};
}

bodiless! {
    Post: Verb::Post,
    Put: Verb::Put,
    Get: Verb::Get,
    Delete: Verb::Delete,
}

/// The head of the one request sent, in lower case.
async fn head_of<O: Operation>(request: O) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        socket.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
        String::from_utf8(head).unwrap().to_lowercase()
    });
    let config = ConfigBuilder::config().endpoint(endpoint).anonymous().build().unwrap();
    Call::new(Core::new(config, no_codes).unwrap()).send(Box::new(request)).await.unwrap();
    server.join().unwrap()
}

#[tokio::test]
async fn post_and_put_without_a_body_say_so() {
    for head in [head_of(Post).await, head_of(Put).await] {
        assert_eq!(head.matches("content-length: 0\r\n").count(), 1, "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn get_and_delete_have_no_length() {
    for head in [head_of(Get).await, head_of(Delete).await] {
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn the_path_arrives_as_it_was_written_and_the_host_once() {
    let head = head_of(Get).await;
    assert!(head.starts_with("get /bkt/../a//b?uploads= http/1.1\r\n"), "{head}");
    assert_eq!(head.matches("\r\nhost: 127.0.0.1:").count(), 1, "{head}");
}
