//! A server that sends exactly the bytes it is told to, and a check that holds for every error.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_s3::{Bucket, Credentials, S3Client, S3Error};

pub const SECRET: &str = "wJalrXUtnFEMI-SECRET-KEY";
/// As long as they are.
pub const TOKEN: &str = "FwoGZXIvYXdzEJr//////////wEaDM9yQkJhYXRlc3Qh8iLAAdkq1RzSESSION2tLr5pQ4vJ8xYcNzWmKdTfUgHbPoEiAsVlXnRjCkZyMqFwGtBhOuIeSaDx\
    LmKnJbVgCfXdZsAaQwErTyUiOpPoIuYtReWqAsDfGhJkLmNbVcXzTOKEN";
pub const REQUEST_ID: &str = "REQ-4442587FB7D0";

/// What one connection gets for one request.
#[derive(Clone)]
pub enum Answer {
    /// These bytes, then the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes, then silence on an open connection.
    Silence(Vec<u8>),
    /// Piece by piece, with pauses between them.
    Slowly(Vec<Vec<u8>>, Duration),
    /// The first, then the second again and again until the client hangs up.
    Endless(Vec<u8>, Vec<u8>),
}

pub struct Server {
    pub port: u16,
    /// Heads of all requests, in order.
    pub heads: Arc<Mutex<Vec<String>>>,
    /// Bytes of endless answers the client took.
    pub sent: Arc<AtomicUsize>,
}

impl Server {
    /// Answers the n-th request (from 0) with `answer(n, head)`.
    pub fn start(answer: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let sent = Arc::new(AtomicUsize::new(0));
        let server = Self { port, heads: heads.clone(), sent: sent.clone() };
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heads, sent, answer) = (heads.clone(), sent.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &heads, &sent, &*answer));
            }
        });
        server
    }

    /// Always the same.
    pub fn saying(answer: Answer) -> Self {
        Self::start(move |_, _| answer.clone())
    }

    pub fn requests(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    pub fn client(&self) -> S3Client {
        S3Client::builder()
            .endpoint(format!("http://127.0.0.1:{}", self.port))
            .region("us-east-1")
            .credentials(Credentials::new("AKIDEXAMPLE", SECRET).with_session_token(TOKEN))
            .read_timeout(Duration::from_secs(2))
            .max_attempts(1)
            .build()
            .unwrap()
    }

    pub fn bucket(&self) -> Bucket {
        self.client().bucket("logs")
    }
}

fn serve(
    mut stream: TcpStream,
    heads: &Mutex<Vec<String>>,
    sent: &AtomicUsize,
    answer: &dyn Fn(usize, &str) -> Answer,
) {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let Some(head) = request_head(&mut stream) else { return };
    let n = {
        let mut heads = heads.lock().unwrap();
        heads.push(head.clone());
        heads.len() - 1
    };
    match answer(n, &head) {
        Answer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes);
            // What is still on its way to us would turn the close into a reset, which may overtake the answer.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
            while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {}
        }
        Answer::Silence(bytes) => {
            let _ = stream.write_all(&bytes);
            while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {}
        }
        Answer::Slowly(pieces, pause) => {
            for piece in pieces {
                let _ = stream.write_all(&piece);
                std::thread::sleep(pause);
            }
        }
        Answer::Endless(first, again) => {
            let _ = stream.write_all(&first);
            while stream.write_all(&again).is_ok() {
                // A hang-up of ours, should the client never do it.
                if sent.fetch_add(again.len(), Ordering::Relaxed) > 1 << 30 {
                    return;
                }
            }
        }
    }
}

fn request_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length =
        head.lines().find_map(|l| l.strip_prefix("content-length: ")).and_then(|v| v.parse().ok()).unwrap_or(0);
    if length > 0 && length < 1 << 20 {
        let _ = stream.read_exact(&mut vec![0; length]);
    }
    Some(head)
}

/// A whole answer with a request id.
pub fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status}\r\nx-amz-request-id: {REQUEST_ID}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Answer {
    Answer::Bytes(http(status, headers, body))
}

/// The head of an answer that ends when the connection does.
pub fn open_head(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nx-amz-request-id: {REQUEST_ID}\r\nconnection: close\r\n\r\n").into_bytes()
}

/// Bounded in time, and what a user reads holds no secret and is one line of bearable length.
pub async fn outcome<T>(what: &str, call: impl Future<Output = Result<T, S3Error>>) -> Result<T, S3Error> {
    let outcome = tokio::time::timeout(Duration::from_secs(60), call).await;
    let outcome = outcome.unwrap_or_else(|_| panic!("{what}: hangs"));
    if let Err(error) = &outcome {
        println!("{what}: {}", error.to_string().chars().take(700).collect::<String>());
        let mut texts = vec![error.to_string(), format!("{error:?}")];
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(inner) = cause {
            texts.push(inner.to_string());
            cause = inner.source();
        }
        for text in texts {
            for hidden in [SECRET, TOKEN, "X-Amz-Signature", "Signature=", "StringToSign"] {
                assert!(!text.contains(hidden), "{what}: {hidden} in {text}");
            }
            assert!(!text.contains(char::is_control), "{what}: control characters in {text:?}");
            assert!(text.len() < 8_000, "{what}: {} bytes of text", text.len());
        }
    }
    outcome
}

/// The error of a call that cannot succeed, which names its operation.
pub async fn failure<T>(what: &str, call: impl Future<Output = Result<T, S3Error>>) -> S3Error {
    let Err(error) = outcome(what, call).await else { panic!("{what}: succeeded") };
    assert!(error.operation().is_some(), "{what}: no operation in {error}");
    error
}

/// As [`failure`], of an answer that had a request id.
pub async fn answered<T>(what: &str, call: impl Future<Output = Result<T, S3Error>>) -> S3Error {
    let error = failure(what, call).await;
    assert_eq!(error.request_id(), Some(REQUEST_ID), "{what}: {error}");
    error
}
