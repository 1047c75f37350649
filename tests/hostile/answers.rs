//! Heads and framing: statuses, headers and lengths that are wrong, and places a server wants to send us.

use std::time::{Duration, Instant};

use integration_s3::error::{AccessError, ErrorKind, NetworkError, ObjectError, ServerError};
use integration_s3::{Credentials, S3Client};

use super::server::*;

#[tokio::test]
async fn an_answer_that_is_no_http_or_breaks_off_is_an_error_that_names_the_operation() {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("closed at once", Vec::new()),
        ("closed in the status line", b"HTTP/1.1 20".to_vec()),
        ("closed in the head", b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        ("ssh", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        ("tls alert", b"\x15\x03\x01\x00\x02\x02\x50".to_vec()),
        ("http/2 preface", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00".to_vec()),
        ("negative length", b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n".to_vec()),
        ("overlong length", b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n".to_vec()),
        ("two lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello".to_vec()),
        ("header without colon", b"HTTP/1.1 200 OK\r\nrubbish\r\n\r\n".to_vec()),
        ("status 99", b"HTTP/1.1 099 X\r\n\r\n".to_vec()),
        ("status 1000", b"HTTP/1.1 1000 X\r\n\r\n".to_vec()),
        ("nul in a header", b"HTTP/1.1 200 OK\r\nx-a: \0\r\n\r\n".to_vec()),
        ("many headers", [b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-a: b\r\n".repeat(5_000), b"\r\n".to_vec()].concat()),
        ("101", b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_vec()),
    ];
    for (what, bytes) in cases {
        let server = Server::saying(Answer::Bytes(bytes));
        let error = failure(what, server.bucket().get_object("a").send()).await;
        assert_eq!((error.operation(), error.bucket(), error.key()), (Some("GetObject"), Some("logs"), Some("a")));
    }
}

#[tokio::test]
async fn a_head_that_never_ends_or_never_comes_is_given_up() {
    let cases = [
        ("endless header", Answer::Endless(b"HTTP/1.1 200 OK\r\nx-a: ".to_vec(), vec![b'h'; 1 << 16])),
        ("endless headers", Answer::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-a: b\r\n".repeat(4_096))),
        ("endless 100", Answer::Endless(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".repeat(512))),
        ("silence", Answer::Silence(Vec::new())),
        ("silence in the head", Answer::Silence(b"HTTP/1.1 200 OK\r\n".to_vec())),
        ("silence after 100", Answer::Silence(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())),
    ];
    for (what, answer) in cases {
        let server = Server::saying(answer);
        let call = server.client().bucket("logs").get_object("a").send();
        let error = failure(what, call).await;
        assert!(matches!(error.kind(), ErrorKind::Network(_) | ErrorKind::Response(_)), "{what}: {:?}", error.kind());
    }
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".to_vec();
    let server = Server::saying(Answer::Bytes([interim, http("200 OK", "", "hello")].concat()));
    assert_eq!(server.bucket().get_string("a").await.unwrap(), "hello");
}

#[tokio::test]
async fn headers_nobody_can_read_do_not_fail_a_call() {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-amz-request-id: \xff\xfe\r\netag: \xc3\x28\r\n".to_vec();
    bytes.extend(
        b"last-modified: yesterday\r\nexpires: never\r\nx-amz-mp-parts-count: many\r\nx-amz-meta-raw: \xe9\r\n",
    );
    bytes.extend(b"x-amz-meta-word: =?UTF-8?B?!!!?=\r\nx-amz-meta-=?: x\r\nx-amz-tagging-count: -99999999999999\r\n");
    bytes.extend(b"x-amz-storage-class: QUANTUM\r\nx-amz-delete-marker: perhaps\r\ncontent-range: bytes 9-1/0\r\n\r\n");
    let server = Server::saying(Answer::Bytes(bytes));
    let head = outcome("head", server.bucket().head_object("a").send()).await;
    // hyper refuses header names like `x-amz-meta-=?`, which is as good.
    if let Ok(head) = head {
        assert_eq!(head.last_modified, None);
        assert_eq!(head.parts_count, None);
    }
}

#[tokio::test]
async fn a_huge_request_id_does_not_flood_a_log() {
    let header = format!("x-amz-id-2: {}\r\n", "i".repeat(50_000));
    let server = Server::saying(answer("403 Forbidden", &header, ""));
    answered("host id", server.bucket().get_object("a").send()).await;
    let id = "R".repeat(50_000);
    let head = format!("HTTP/1.1 403 No\r\nx-amz-request-id: {id}\r\ncontent-length: 0\r\n\r\n");
    let server = Server::saying(Answer::Bytes(head.into_bytes()));
    failure("request id", server.bucket().get_object("a").send()).await;
}

#[tokio::test]
async fn nobody_is_followed_to_another_host() {
    let elsewhere = Server::saying(answer("200 OK", "", "stolen"));
    for status in ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"] {
        let location = format!("location: http://127.0.0.1:{}/logs/a\r\n", elsewhere.port);
        let server = Server::saying(answer(status, &location, ""));
        let error = answered(status, server.bucket().get_object("a").send()).await;
        assert!(error.status().is_some());
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test]
async fn a_redirect_that_names_regions_is_followed_once_and_to_regions_only() {
    for region in ["evil.com#", "evil.com/", "a@evil.com", "..", "", "-", "eu west 1", "us-east-1", &"r".repeat(64)] {
        let header = format!("x-amz-bucket-region: {region}\r\n");
        let server = Server::saying(answer("301 Moved Permanently", &header, ""));
        let error = answered(region, server.bucket().get_object("a").send()).await;
        assert_eq!((error.status(), server.requests()), (Some(301), 1), "{region}");
    }
    // A loop of two regions ends.
    let server = Server::start(|n, _| {
        answer(
            "301 Moved",
            if n % 2 == 0 { "x-amz-bucket-region: eu-west-1\r\n" } else { "x-amz-bucket-region: eu-west-2\r\n" },
            "",
        )
    });
    answered("region loop", server.bucket().get_object("a").send()).await;
    assert_eq!(server.requests(), 2);
    assert!(server.heads.lock().unwrap()[1].contains("/eu-west-1/s3/"));
    // The region of a document is no better than that of a header.
    let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>x.evil.com/</Region></Error>";
    let server = Server::saying(answer("400 Bad Request", "", body));
    answered("region in a document", server.bucket().get_object("a").send()).await;
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn tokens_that_stay_expired_and_clocks_that_stay_wrong_end_the_call() {
    let body = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
    let server = Server::saying(answer("400 Bad Request", "", body));
    let error = answered("expired", server.bucket().get_object("a").send()).await;
    assert!(server.requests() <= 2 && !error.is_not_found());
    for date in [
        "rubbish",
        "",
        "Mon, 01 Jan 0000 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 24 May 2013 00:00:00 GMT",
    ] {
        let body = "<Error><Code>RequestTimeTooSkewed</Code><Message>too far</Message></Error>";
        let server = Server::saying(answer("403 Forbidden", &format!("date: {date}\r\n"), body));
        let error = answered(date, server.bucket().get_object("a").send()).await;
        assert_eq!(error.kind(), ErrorKind::Access(AccessError::ClockSkew));
        assert!(server.requests() <= 2, "{date}: {}", server.requests());
    }
}

#[tokio::test]
async fn a_wait_nobody_would_wait_is_not_waited() {
    for wait in ["99999999999", "18446744073709551616", "-1", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "1e9"] {
        let server = Server::saying(answer(
            "503 Slow Down",
            &format!("retry-after: {wait}\r\ndate: Fri, 24 May 2013 00:00:00 GMT\r\n"),
            "",
        ));
        let client = S3Client::builder()
            .endpoint(format!("http://127.0.0.1:{}", server.port))
            .credentials(Credentials::new("AKID", SECRET))
            .max_attempts(2)
            .build()
            .unwrap();
        let began = Instant::now();
        let error = answered(wait, client.bucket("logs").get_object("a").send()).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{wait}: {:?}", began.elapsed());
        assert_eq!(error.kind(), ErrorKind::Server(ServerError::ServiceUnavailable));
    }
}

#[tokio::test]
async fn refusals_without_words_say_what_they_are() {
    let cases = [
        ("404 Not Found", ErrorKind::Object(ObjectError::NotFound)),
        ("403 Forbidden", ErrorKind::Access(AccessError::Denied)),
        ("500 Oops", ErrorKind::Server(ServerError::InternalError)),
    ];
    for (status, kind) in cases {
        let server = Server::saying(answer(status, "", ""));
        assert_eq!(answered(status, server.bucket().head_object("a").send()).await.kind(), kind);
        assert_eq!(answered(status, server.bucket().get_object("a").send()).await.kind(), kind);
    }
    for status in ["418 I'm a teapot", "599 Odd", "300 Many", "999 Much"] {
        let server = Server::saying(answer(status, "", ""));
        answered(status, server.bucket().get_object("a").send()).await;
    }
}

#[tokio::test]
async fn a_refused_connection_names_host_and_operation() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = S3Client::builder()
        .endpoint(format!("http://127.0.0.1:{port}"))
        .credentials(Credentials::new("AKID", SECRET))
        .max_attempts(1)
        .build()
        .unwrap();
    let error = failure("refused", client.bucket("logs").get_object("a").send()).await;
    assert_eq!(error.kind(), ErrorKind::Network(NetworkError::ConnectionFailed));
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")));
}
