//! What a body promises to whoever reads it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::io::AsyncReadExt;

use super::*;
use crate::error::{ErrorKind, NetworkError, ResponseError};
use std::task::{Context, Poll};

/// Chunks that are ready at once; `Err` is an error, and after the last comes the end or a standstill.
struct Chunks {
    chunks: std::collections::VecDeque<Result<Bytes, io::Error>>,
    stall: bool,
}

fn chunks<const N: usize>(chunks: [&'static str; N]) -> Chunks {
    Chunks { chunks: chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect(), stall: false }
}

impl Stream for Chunks {
    type Item = Result<Bytes, io::Error>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.chunks.pop_front() {
            None if self.stall => Poll::Pending,
            chunk => Poll::Ready(chunk),
        }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.poll_next(cx).map_ok(Frame::data)
    }
    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && !self.stall
    }
    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}

struct TempFile(PathBuf);

impl TempFile {
    fn new(content: &[u8]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("byte-stream-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 % 251) as u8).collect()
}

#[test]
fn is_small_send_and_sync() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    check::<ByteStream>();
    assert!(size_of::<ByteStream>() <= 48, "{}", size_of::<ByteStream>());
}

#[test]
fn debug_never_shows_content() {
    let text = format!(
        "{:?} {:?} {:?}",
        ByteStream::from("secret"),
        ByteStream::from_stream(chunks(["secret"]), None),
        ByteStream::from_source(Box::new(source::StreamSource::new(chunks(["secret"]), Some(6)))),
    );
    assert_eq!(text, "ByteStream(6 bytes) ByteStream(stream, unknown length) ByteStream(being read, 6 bytes)");
}

#[tokio::test]
async fn bytes_are_collected_and_read_without_a_copy() {
    let bytes = Bytes::from(pattern(1000));
    assert_eq!(ByteStream::from(bytes.clone()).collect().await.unwrap().as_ptr(), bytes.as_ptr());
    let mut body = ByteStream::from(bytes.clone());
    assert_eq!(body.next().await.unwrap().unwrap().as_ptr(), bytes.as_ptr());
    assert!(body.next().await.is_none());
    assert_eq!(body.len(), Some(0));
}

#[tokio::test]
async fn one_chunk_is_collected_without_a_copy() {
    for declared in [Some(5), None] {
        let body = ReplySource::stream(chunks(["hello"]), declared, None, ());
        assert_eq!(body.collect().await.unwrap().as_ptr(), "hello".as_ptr(), "{declared:?}");
    }
}

#[tokio::test]
async fn several_chunks_are_collected_in_order() {
    for len in [Some(11), None] {
        let body = ByteStream::from_stream(chunks(["hello", "", " ", "world"]), len);
        assert_eq!(body.len(), len);
        assert_eq!(body.collect_string().await.unwrap(), "hello world");
    }
}

#[tokio::test]
async fn text_that_is_not_utf8_is_an_error_that_says_where() {
    let error = ByteStream::from(b"ab\xff").collect_string().await.unwrap_err();
    assert_eq!(error.to_string(), "the body is not text: byte 2 is not UTF-8");
}

#[tokio::test]
async fn a_declared_length_beyond_all_memory_is_an_error() {
    let body = ReplySource::stream(chunks(["a", "b"]), Some(u64::MAX), None, ());
    assert!(body.collect().await.unwrap_err().to_string().contains("no memory"));
}

#[tokio::test]
async fn the_second_reader_of_a_shared_stream_gets_an_error() {
    let first = ByteStream::from_stream(chunks(["hello"]), Some(5));
    let second = first.clone();
    assert_eq!(first, second);
    assert!(!first.is_replayable() && first.try_replay().is_none());
    assert_eq!(second.collect().await.unwrap(), "hello");
    let error = first.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Request(RequestError::NotReplayable));
    assert!(error.to_string().contains("a clone of it has been read already"), "{error}");
}

#[tokio::test]
async fn a_clone_of_an_answer_says_that_it_cannot_be_read() {
    let body = ReplySource::stream(chunks(["hello"]), Some(5), None, ());
    let error = body.clone().collect().await.unwrap_err();
    assert!(error.to_string().contains("read the original"), "{error}");
    assert_eq!(body.collect().await.unwrap(), "hello");
}

#[tokio::test]
async fn streams_are_held_to_the_length_they_promise() {
    let error = ByteStream::from_stream(chunks(["abc"]), Some(5)).collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the stream given as body ended after 3 of the 5 bytes it had promised");
    let error = ByteStream::from_stream(chunks(["abc", "def"]), Some(3)).collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the stream given as body is longer than the 3 bytes it had promised");
    let error = ByteStream::from_reader(&b"abc"[..], Some(5)).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transfer(TransferError::IncompleteBody));
    let error = ByteStream::from_reader(&b"abcdef"[..], Some(3)).collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the stream given as body is longer than the 3 bytes it had promised");
    assert_eq!(ByteStream::from_reader(&b"abc"[..], Some(3)).collect().await.unwrap(), "abc");
    // The error comes in place of the last bytes: who sends the body must not have all that was promised.
    let mut body = ByteStream::from_reader(tokio::io::AsyncReadExt::chain(&b"ab"[..], &b"cd"[..]), Some(3));
    assert_eq!((body.next().await.unwrap().unwrap(), body.len()), (Bytes::from("ab"), Some(1)));
    body.next().await.unwrap().unwrap_err();
    let some = tokio::io::AsyncReadExt::take(&b"abcdef"[..], 3);
    assert_eq!(ByteStream::from_reader(some, Some(3)).collect().await.unwrap(), "abc");
    assert_eq!(ByteStream::from_reader(&b""[..], Some(0)).collect().await.unwrap(), "");
}

#[tokio::test]
async fn a_stream_that_goes_on_gives_less_than_it_promised() {
    // Whoever sends a body stops asking once it has what was promised: too late for an error.
    for pieces in [vec!["abc", "d"], vec!["ab", "c", "", "d"], vec!["", "abc", "", "", "d"]] {
        let stream = Chunks {
            chunks: pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect(),
            stall: false,
        };
        let mut body = ByteStream::from_stream(stream, Some(3));
        let mut got = 0;
        let error = loop {
            match body.next().await.unwrap() {
                Ok(piece) => got += piece.len(),
                Err(error) => break error,
            }
        };
        assert!(got < 3 && error.message().contains("longer than the 3 bytes"), "{got} {error}");
    }
    let mut body = ByteStream::from_stream(chunks(["ab", "c", ""]), Some(3));
    for left in [3, 1, 0] {
        assert_eq!((body.len(), body.is_empty()), (Some(left), left == 0));
        body.next().await;
    }
}

#[tokio::test]
async fn an_error_of_ours_inside_a_stream_comes_out_as_itself() {
    let own = || S3Error::new(RequestError::InvalidRange, "mine");
    let stream = |error| Chunks { chunks: [Err(error)].into(), stall: false };
    let error = ByteStream::from_stream(stream(io::Error::other(own())), None).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Request(RequestError::InvalidRange));
    let error = ByteStream::from_stream(stream(io::Error::other("disk on fire")), None).collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the stream given as body failed: disk on fire");
    // ... and through our own reader.
    let reader = ByteStream::from_stream(stream(io::Error::other(own())), None).into_reader();
    let error = ByteStream::from_reader(reader, None).collect().await.unwrap_err();
    assert_eq!(error.message(), "mine");
}

#[tokio::test]
async fn readers_and_writers_get_the_same_bytes() {
    let content = pattern(200_000);
    let body = ByteStream::from_reader(io::Cursor::new(content.clone()), None);
    let mut read = Vec::new();
    body.into_reader().read_to_end(&mut read).await.unwrap();
    assert_eq!(read, content);
    let mut written = Vec::new();
    let body = ByteStream::from_reader(io::Cursor::new(content.clone()), Some(content.len() as u64));
    assert_eq!(body.write_to(&mut written).await.unwrap(), content.len() as u64);
    assert_eq!(written, content);
}

#[tokio::test]
async fn a_short_answer_is_an_error_with_both_counts() {
    let body = ReplySource::stream(chunks(["abc"]), Some(10), None, ());
    let error = body.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transfer(TransferError::IncompleteBody));
    assert_eq!(error.to_string(), "the connection ended after 3 of 10 bytes of the answer");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_long_answer_is_an_error() {
    let error = ReplySource::stream(chunks(["abc", "def"]), Some(4), None, ()).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Response(ResponseError::InvalidResponse));
    let error = ReplySource::stream(chunks(["abc", "def"]), Some(3), None, ()).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Response(ResponseError::InvalidResponse));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_an_answer_but_the_callers_own_pauses_do_not() {
    let source = Chunks { stall: true, ..chunks(["abc", "def"]) };
    let mut body = ReplySource::stream(source, Some(10), Some(Duration::from_secs(30)), ());
    body.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(body.next().await.unwrap().unwrap(), "def");
    tokio::time::sleep(Duration::from_secs(300)).await;
    let began = tokio::time::Instant::now();
    let error = body.next().await.unwrap().unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 30);
    assert_eq!(error.kind(), ErrorKind::Network(NetworkError::Timeout));
    assert_eq!(error.to_string(), "the server sent nothing for 30s after 6 of 10 bytes of the answer");
    assert!(error.is_retryable());
    assert!(body.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_time_of_silence_begins_anew_with_each_chunk() {
    let (send, mut receive) = tokio::sync::mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(20)).await;
            send.send(Bytes::from_static(b"x")).await.unwrap();
        }
    });
    struct Slow<F>(F);
    impl<F: FnMut(&mut Context<'_>) -> Poll<Option<Bytes>> + Unpin> Body for Slow<F> {
        type Data = Bytes;
        type Error = io::Error;
        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            (self.0)(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        }
    }
    let slow = Slow(move |cx: &mut Context<'_>| receive.poll_recv(cx));
    let body = ReplySource::stream(slow, None, Some(Duration::from_secs(30)), ());
    assert_eq!(body.collect().await.unwrap(), "xxxxxxxxxx");
}

#[tokio::test]
async fn the_guard_goes_with_the_last_byte_with_an_error_and_with_the_body() {
    let guard = Arc::new(());
    let held = || Arc::strong_count(&guard) > 1;
    let mut body = ReplySource::stream(chunks(["abc"]), Some(3), None, Arc::clone(&guard));
    assert!(held());
    body.next().await.unwrap().unwrap();
    assert!(!held(), "the last byte is there");
    let mut body = ReplySource::stream(chunks([]), Some(3), None, Arc::clone(&guard));
    body.next().await.unwrap().unwrap_err();
    assert!(!held(), "it failed");
    drop(ReplySource::stream(chunks(["abc"]), Some(3), None, Arc::clone(&guard)));
    assert!(!held(), "it was dropped");
}

#[tokio::test]
async fn files_are_sent_again_and_in_pieces() {
    let content = pattern(700_000);
    let file = TempFile::new(&content);
    let body = ByteStream::from_path(&file.0).await.unwrap();
    assert_eq!((body.len(), body.is_replayable()), (Some(700_000), true));
    let mut first = body.try_replay().unwrap();
    assert_eq!(first, body);
    assert_eq!(first.next().await.unwrap().unwrap().len(), 256 * 1024);
    assert_eq!(first.len(), Some(700_000 - 256 * 1024));
    assert!(!first.is_replayable());
    drop(first);
    assert_eq!(body.try_replay().unwrap().collect().await.unwrap(), content);
    assert_eq!(body.collect().await.unwrap(), content);
}

#[tokio::test]
async fn a_range_of_a_file_is_that_range() {
    let content = pattern(1000);
    let file = TempFile::new(&content);
    let body = ByteStream::from_file_range(&file.0, 100, 50).await.unwrap();
    assert_eq!(body.as_file(), Some((file.0.as_path(), 100..150)));
    assert_eq!(body.collect().await.unwrap(), content[100..150]);
    let error = ByteStream::from_file_range(&file.0, 990, 50).await.unwrap_err();
    assert!(error.to_string().contains("which has 1000 bytes"), "{error}");
    assert!(ByteStream::from_file_range(&file.0, u64::MAX, 2).await.is_err());
    let none = ByteStream::from_file_range(&file.0, 1000, 0).await.unwrap();
    assert!(none.collect().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_shrank_is_an_error_that_names_it() {
    let file = TempFile::new(&pattern(600_000));
    let body = ByteStream::from_path(&file.0).await.unwrap();
    std::fs::write(&file.0, b"short").unwrap();
    let error = body.collect().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(file.0.to_str().unwrap()) && text.contains("ends at byte 5, expected were 600000"), "{text}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn files_that_are_none_are_refused_early_or_late() {
    let error = ByteStream::from_path("/does/not/exist").await.unwrap_err();
    assert!(error.to_string().contains("\"/does/not/exist\" cannot be read"), "{error}");
    let error = ByteStream::from_path(std::env::temp_dir()).await.unwrap_err();
    assert!(error.to_string().contains("is not a file"), "{error}");
    let file = TempFile::new(b"abc");
    let body = ByteStream::from_path(&file.0).await.unwrap();
    drop(file);
    assert!(body.collect().await.is_err());
}

#[tokio::test]
async fn size_hints_are_exact_where_the_length_is_known() {
    let body = ByteStream::from_stream(chunks(["abc"]), Some(3));
    assert_eq!(Body::size_hint(&body).exact(), Some(3));
    assert!(!body.is_end_stream());
    assert_eq!(Body::size_hint(&ByteStream::from_stream(chunks([]), None)).exact(), None);
    assert!(ByteStream::empty().is_end_stream());
    assert_eq!(ByteStream::default(), ByteStream::from(""));
    assert_ne!(ByteStream::from("a"), ByteStream::from("b"));
}
