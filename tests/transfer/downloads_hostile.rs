//! Downloads from servers that do what no store should: nothing wrong is ever taken for the object, and nothing is left behind.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use integration_s3::config::ChecksumWhen;
use integration_s3::error::{ErrorKind, ResponseError, TransferError};
use integration_s3::integrity::{Unchecked, Verification};
use integration_s3::transfer::TransferManager;
use integration_s3::{Credentials, S3Client, S3Error};
use tokio::io::AsyncReadExt as _;

use crate::downloads::{Folder, bytes};
use crate::server::{Answer, Server, http, open_head};

pub const SIZE: usize = 50_000;
pub const PIECE: usize = 4_096;

pub fn transfers(server: &Server) -> TransferManager {
    let client = S3Client::builder()
        .endpoint(format!("http://127.0.0.1:{}", server.port))
        .region("us-east-1")
        .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
        .response_checksums(ChecksumWhen::Supported)
        .read_timeout(Duration::from_secs(2))
        .max_attempts(1)
        .build()
        .unwrap();
    client.transfer().threshold(2 * PIECE as u64).part_size(PIECE as u64).concurrency(3)
}

/// First and last byte of the `range` header.
pub fn asked(head: &str) -> Option<(usize, usize)> {
    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="))?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().unwrap(), last.parse().unwrap_or(SIZE - 1)))
}

fn whole(data: &[u8], headers: &str) -> Answer {
    Answer::Bytes(http("200 OK", headers, data))
}

fn part(data: &[u8], (first, last): (usize, usize), headers: &str) -> Answer {
    let headers = format!("content-range: bytes {first}-{last}/{}\r\n{headers}", data.len());
    Answer::Bytes(http("206 Partial Content", &headers, &data[first..=last]))
}

pub const TAG: &str = "etag: \"one\"\r\n";

/// As a good store would.
pub fn good(data: &[u8], head: &str) -> Answer {
    match asked(head) {
        Some(range) => part(data, range, TAG),
        None => whole(data, TAG),
    }
}

type Outcome = Result<(Vec<u8>, Verification), S3Error>;

/// Into a file, into memory, through a writer; a failure leaves no file.
async fn three_ways(server: &Server, key: &str) -> Vec<Outcome> {
    let (transfers, folder) = (transfers(server), Folder::new());
    let path = folder.path("target");
    fs::write(&path, "old").unwrap();
    let file = transfers.download("logs", key).to_path(&path).await;
    assert_eq!(folder.names(), ["target"], "{key}");
    let now = fs::read(&path).unwrap();
    if file.is_err() {
        assert_eq!(now, b"old", "{key}");
    }
    let memory = transfers.download("logs", key).to_bytes().await;
    let (near, mut far) = tokio::io::duplex(1_000);
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        all
    });
    let piped = transfers.download("logs", key).to_writer(near).await;
    let read = reading.await.unwrap();
    let outcomes = vec![
        file.map(|done| (now, done.verification)),
        memory.map(|(done, all)| (all.to_vec(), done.verification)),
        piped.map(|done| (read, done.verification)),
    ];
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let text = error.to_string();
        assert!(!text.contains('\n') && text.len() < 600, "{text}");
        println!("{key}: {text}");
    }
    outcomes
}

async fn all_equal(server: &Server, what: &str, data: &[u8]) {
    for outcome in three_ways(server, what).await {
        let (bytes, verification) = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(bytes == data, "{what}: other bytes");
        assert!(matches!(verification, Verification::NotChecked(_)), "{what}: {verification:?}");
    }
}

async fn all_fail(server: &Server, what: &str, kind: impl Into<ErrorKind>) {
    let kind = kind.into();
    for outcome in three_ways(server, what).await {
        let error = outcome.err().unwrap_or_else(|| panic!("{what}: succeeded"));
        assert_eq!(error.kind(), kind, "{what}: {error}");
    }
}

#[tokio::test]
async fn stores_that_ignore_ranges_send_it_all_at_once() {
    let data = Arc::new(bytes(SIZE, 1));
    let sent = data.clone();
    let server = Server::start(move |_, _| whole(&sent, TAG));
    all_equal(&server, "range-ignored", &data).await;
}

#[tokio::test]
async fn stores_that_serve_no_ranges_and_say_so_are_not_asked_for_any() {
    let data = Arc::new(bytes(SIZE, 1));
    let sent = data.clone();
    let server = Server::start(move |_, _| whole(&sent, &format!("{TAG}accept-ranges: none\r\n")));
    all_equal(&server, "no-ranges", &data).await;
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn stores_without_tags_are_read_in_one_answer() {
    let data = Arc::new(bytes(SIZE, 2));
    for (what, headers) in [("no-tag", ""), ("weak-tag", "etag: W/\"one\"\r\n")] {
        let sent = data.clone();
        let server = Server::start(move |_, _| whole(&sent, headers));
        all_equal(&server, what, &data).await;
        assert_eq!(server.requests(), 3, "{what}");
    }
}

#[tokio::test]
async fn answers_of_unknown_length_are_read_to_their_end() {
    let data = Arc::new(bytes(SIZE, 3));
    let sent = data.clone();
    let server = Server::start(move |_, _| Answer::Bytes([open_head("200 OK"), sent.to_vec()].concat()));
    all_equal(&server, "no-length", &data).await;
    let error = transfers(&server).download("logs", "a").to_bytes().max_bytes(SIZE as u64 - 1).await.unwrap_err();
    assert!(error.to_string().contains("more than the 49999 that may be held"), "{error}");
}

#[tokio::test]
async fn ranges_that_come_in_smaller_ones_are_asked_for_again() {
    let data = Arc::new(bytes(SIZE, 4));
    let sent = data.clone();
    let server = Server::start(move |_, head| match asked(head) {
        Some((first, last)) => part(&sent, (first, last.min(first + 2_999)), TAG),
        None => whole(&sent, TAG),
    });
    all_equal(&server, "smaller", &data).await;
}

#[tokio::test]
async fn a_store_that_sends_one_byte_at_a_time_is_given_up() {
    let data = Arc::new(bytes(SIZE, 5));
    let sent = data.clone();
    let server = Server::start(move |_, head| match asked(head) {
        Some((first, _)) => part(&sent, (first, first), TAG),
        None => whole(&sent, TAG),
    });
    all_fail(&server, "one-byte", TransferError::IncompleteBody).await;
}

#[tokio::test]
async fn other_bytes_than_asked_for_are_refused() {
    let data = Arc::new(bytes(SIZE, 6));
    let sent = data.clone();
    // Shifted by one, and honest about it.
    let server = Server::start(move |_, head| match asked(head) {
        Some((first, last)) => part(&sent, (first - 1, last - 1), TAG),
        None => whole(&sent, TAG),
    });
    all_fail(&server, "shifted", ResponseError::UnexpectedContent).await;
    // A range that makes no sense.
    let sent = data.clone();
    let server = Server::start(move |_, head| match asked(head) {
        Some((first, last)) => {
            let headers = format!("content-range: bytes {last}-{first}/x\r\n{TAG}");
            Answer::Bytes(http("206 Partial Content", &headers, &sent[first..=last]))
        }
        None => whole(&sent, TAG),
    });
    for outcome in three_ways(&server, "nonsense").await {
        assert!(matches!(outcome.unwrap_err().kind(), ErrorKind::Response(_)));
    }
}

#[tokio::test]
async fn more_bytes_than_the_range_are_refused() {
    let data = Arc::new(bytes(SIZE, 7));
    for (what, head, kind) in [
        ("longer, and says so", "content-length", ResponseError::UnexpectedContent),
        ("longer, of no declared length", "x-no-length", ResponseError::InvalidResponse),
    ] {
        let sent = data.clone();
        let server = Server::start(move |_, asking| match asked(asking) {
            Some((first, last)) => {
                let headers = format!("content-range: bytes {first}-{last}/{SIZE}\r\n{TAG}");
                let answer = http("206 Partial Content", &headers, [&sent[first..=last], b"more"].concat());
                let at = answer.windows(14).position(|window| window == b"content-length").unwrap();
                Answer::Bytes([&answer[..at], head.as_bytes(), &answer[at + 14..]].concat())
            }
            None => whole(&sent, TAG),
        });
        all_fail(&server, what, kind).await;
    }
}

#[tokio::test]
async fn fewer_bytes_than_declared_are_asked_for_again_and_then_refused() {
    let data = Arc::new(bytes(SIZE, 8));
    let sent = data.clone();
    let server = Server::start(move |_, head| match asked(head) {
        Some((first, last)) => {
            let Answer::Bytes(mut answer) = part(&sent, (first, last), TAG) else { panic!() };
            answer.truncate(answer.len() - (last + 1 - first));
            Answer::Bytes(answer)
        }
        None => whole(&sent, TAG),
    });
    all_fail(&server, "cut", TransferError::IncompleteBody).await;
}

#[tokio::test]
async fn an_object_that_changes_between_ranges_is_an_error() {
    let (old, new) = (Arc::new(bytes(SIZE, 9)), Arc::new(bytes(SIZE, 10)));
    // One store honours If-Match, the next ignores it, the third keeps the tag and changes the length.
    for what in ["412", "other-tag", "other-length"] {
        let (old, new, ranges) = (old.clone(), new.clone(), AtomicUsize::new(0));
        let server = Server::start(move |_, head| match asked(head) {
            Some(range) if ranges.fetch_add(1, Ordering::Relaxed) % 5 == 4 => match what {
                "412" => Answer::Bytes(http("412 Precondition Failed", "", "")),
                "other-tag" => part(&new, range, "etag: \"two\"\r\n"),
                _ => part(&[&new[..], b"!"].concat(), range, TAG),
            },
            _ => good(&old, head),
        });
        all_fail(&server, what, TransferError::ObjectChanged).await;
    }
}

#[tokio::test]
async fn bytes_that_are_not_those_stored_are_never_handed_on_as_complete() {
    let data = Arc::new(bytes(SIZE, 11));
    let sent = data.clone();
    let sum = integration_s3::integrity::Hasher::of(integration_s3::integrity::Algorithm::Crc32, b"something else");
    let headers = format!("{TAG}x-amz-checksum-crc32: {sum}\r\nx-amz-checksum-type: FULL_OBJECT\r\n");
    let server = Server::start(move |_, head| match asked(head) {
        Some(range) => part(&sent, range, TAG),
        None => whole(&sent, &headers),
    });
    all_fail(&server, "other-bytes", TransferError::ChecksumMismatch).await;
}

#[tokio::test]
async fn one_piece_that_fails_is_tried_again_alone() {
    let data = Arc::new(bytes(SIZE, 12));
    let (sent, wrong) = (data.clone(), Arc::new(AtomicUsize::new(0)));
    let count = wrong.clone();
    let server = Server::start(move |_, head| match asked(head) {
        Some((first, _)) if first == 3 * PIECE && count.fetch_add(1, Ordering::Relaxed) % 4 < 3 => {
            Answer::Bytes(http("503 Service Unavailable", "", ""))
        }
        _ => good(&sent, head),
    });
    all_equal(&server, "again", &data).await;
    // Twelve other pieces, one of them in the first answer.
    assert_eq!(server.requests(), 3 * (13 + 3));
}

#[tokio::test]
async fn a_terminal_failure_names_what_stands_and_what_does_not() {
    let data = Arc::new(bytes(SIZE, 13));
    let sent = data.clone();
    let server = Server::start(move |_, head| match asked(head) {
        Some((first, _)) if first == 9 * PIECE => Answer::Bytes(http("403 Forbidden", "", "")),
        _ => good(&sent, head),
    });
    let folder = Folder::new();
    let path = folder.path("target");
    let error = transfers(&server).concurrency(1).download("logs", "a").to_path(&path).await.unwrap_err();
    let failure = integration_s3::transfer::TransferFailure::of(&error).unwrap();
    assert_eq!(failure.done, (1..=9).collect::<Vec<u32>>());
    assert_eq!(failure.failed.len(), 1);
    assert_eq!(failure.failed[0].0, 10);
    assert_eq!(error.status(), Some(403));
    assert!(error.to_string().contains("9 of 13"), "{error}");
    assert_eq!(folder.names(), [""; 0]);
}

#[tokio::test]
async fn no_verification_is_claimed_where_there_was_none() {
    let data = Arc::new(bytes(1_000, 14));
    let sent = data.clone();
    let server = Server::start(move |_, _| whole(&sent, TAG));
    for outcome in three_ways(&server, "small").await {
        assert_eq!(outcome.unwrap().1, Verification::NotChecked(Unchecked::NoneStored));
    }
}
