//! Presigned URLs, used by an HTTP client that knows nothing of S3.

use std::time::Duration;

use integration_s3::{PresignPost, PresignedPost, PresignedRequest, Timestamp};

use crate::{Case, case};

const HOUR: Duration = Duration::from_secs(3600);

fn send(method: &str, url: &str, headers: &[(String, String)], body: Vec<u8>) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut answer = agent.run(request.body(body).unwrap()).unwrap();
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    (answer.status().as_u16(), text)
}

/// Sends a form as a browser would: the fields in order, the file last.
async fn submitted(form: &PresignedPost, more: &[(&str, &str)], file: &str) -> u16 {
    let mut body = String::new();
    let mut part = |name: &str, extra: &str, value: &str| {
        body.push_str(&format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{extra}\r\n\r\n{value}\r\n"));
    };
    for (name, value) in form.fields() {
        part(name, "", value);
    }
    for (name, value) in more {
        part(name, "", value);
    }
    part("file", "; filename=\"cat.txt\"\r\nContent-Type: text/plain", file);
    body.push_str("--edge--\r\n");
    let headers = [("content-type".to_owned(), "multipart/form-data; boundary=edge".to_owned())];
    let url = form.url().to_owned();
    let send = move || send("POST", &url, &headers, body.into_bytes()).0;
    tokio::task::spawn_blocking(send).await.unwrap()
}

async fn used(made: PresignedRequest, body: &str) -> (u16, String) {
    let body = body.as_bytes().to_vec();
    let send = move || send(made.method(), made.url(), made.headers(), body);
    tokio::task::spawn_blocking(send).await.unwrap()
}

fn header<'a>(made: &'a PresignedRequest, name: &str) -> Option<&'a str> {
    made.headers().iter().find(|(is, _)| is == name).map(|(_, value)| value.as_str())
}

pub fn cases() -> Vec<Case> {
    vec![
        case!("PresignGetObject", "anybody with the URL can read, odd key included", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("a b/ü+%.txt", "shared").await.unwrap();
            let made = bucket.get_object("a b/ü+%.txt").presign(HOUR).await.unwrap();
            assert_eq!(made.method(), "GET");
            assert!(made.headers().is_empty());
            assert!(!format!("{made:?}").contains("X-Amz-Signature"));
            assert_eq!(used(made, "").await, (200, "shared".to_owned()));
        }),
        case!("PresignPutObject", "anybody with the URL can write, with the headers that were signed", |t| {
            let bucket = t.bucket().await;
            let made = bucket.put_object("from-outside", "").content_type("text/plain").presign(HOUR).await.unwrap();
            assert_eq!(made.headers(), [("content-type".to_owned(), "text/plain".to_owned())]);
            assert_eq!(used(made, "written by a stranger").await.0, 200);
            let got = bucket.get_object("from-outside").await.unwrap();
            assert_eq!(got.content_type.as_deref(), Some("text/plain"));
            assert_eq!(got.body.collect().await.unwrap(), "written by a stranger");
        }),
        case!("PresignPutObject", "a condition goes along with the URL and holds", |t| {
            let bucket = t.bucket().await;
            let made = bucket.put_object("taken", "").if_none_match("*").content_length(5).presign(HOUR).await.unwrap();
            assert_eq!(header(&made, "if-none-match"), Some("*"));
            assert_eq!(header(&made, "content-length"), Some("5"));
            assert_eq!(used(made.clone(), "first").await.0, 200);
            assert_eq!(used(made, "later").await.0, 412);
            assert_eq!(bucket.get_string("taken").await.unwrap(), "first");
        }),
        case!("PresignGetObject", "conditions go along with the URL and hold", |t| {
            let bucket = t.bucket().await;
            let etag = bucket.put_object("k", "x").await.unwrap().e_tag.unwrap();
            let same = bucket.get_object("k").if_none_match(&etag).presign(HOUR).await.unwrap();
            assert_eq!(header(&same, "if-none-match"), Some(&*etag));
            assert_eq!(used(same, "").await.0, 304);
            let other = bucket.get_object("k").if_match("\"other\"").presign(HOUR).await.unwrap();
            assert_eq!(used(other, "").await.0, 412);
            let since = bucket.get_object("k").if_modified_since(Timestamp::from_unix(1_000_000_000));
            let since = since.presign(HOUR).await.unwrap();
            assert_eq!(header(&since, "if-modified-since"), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
            assert_eq!(used(since, "").await, (200, "x".to_owned()));
        }),
        case!("PresignPutObject", "what describes the object goes along with the URL and is stored", |t| {
            let bucket = t.bucket().await;
            let made = bucket
                .put_object("described", "")
                .cache_control("no-store")
                .content_disposition("attachment")
                .content_encoding("br")
                .content_language("de")
                .expires("Sun, 09 Sep 2001 01:46:40 GMT")
                .metadata("author", "alice")
                .presign(HOUR)
                .await
                .unwrap();
            assert_eq!(made.headers().len(), 6, "{:?}", made.headers());
            assert_eq!(used(made, "x").await.0, 200);
            let head = bucket.head_object("described").await.unwrap();
            assert_eq!(head.cache_control.as_deref(), Some("no-store"));
            assert_eq!(head.content_disposition.as_deref(), Some("attachment"));
            assert_eq!(head.content_encoding.as_deref(), Some("br"));
            assert_eq!(head.metadata.get("author").map(String::as_str), Some("alice"));
        }),
        case!("PresignPutObject", "a URL is of no use without the headers that were signed", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("taken", "first").await.unwrap();
            let put = || bucket.put_object("taken", "");
            for made in [
                put().if_none_match("*").presign(HOUR).await.unwrap(),
                put().if_match("\"other\"").presign(HOUR).await.unwrap(),
                put().content_length(4).presign(HOUR).await.unwrap(),
                put().cache_control("no-store").presign(HOUR).await.unwrap(),
                bucket.delete_object("taken").if_match("\"other\"").presign(HOUR).await.unwrap(),
            ] {
                let send = move || send(made.method(), made.url(), &[], b"later".to_vec());
                let (status, text) = tokio::task::spawn_blocking(send).await.unwrap();
                assert_eq!(status, 403, "{text}");
            }
            assert_eq!(bucket.get_string("taken").await.unwrap(), "first");
        }),
        case!("PresignHeadObject", "tells about an object", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("k", "x").await.unwrap();
            let made = bucket.head_object("k").presign(HOUR).await.unwrap();
            assert_eq!(used(made, "").await.0, 200);
        }),
        case!("PresignDeleteObject", "deletes", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("k", "x").await.unwrap();
            let made = bucket.delete_object("k").presign(HOUR).await.unwrap();
            assert_eq!(used(made, "").await.0, 204);
            assert!(!bucket.object_exists("k").await.unwrap());
        }),
        case!("PresignUploadPart", "sends a part", |t| {
            let bucket = t.bucket().await;
            let id = bucket.create_multipart_upload("big").await.unwrap().upload_id;
            let made = bucket.upload_part("big", &id, 1, "").presign(HOUR).await.unwrap();
            assert_eq!(used(made, "part").await.0, 200);
            let parts = bucket.list_parts("big", &id).await.unwrap().parts;
            assert_eq!(parts.len(), 1);
            bucket.abort_multipart_upload("big", &id).await.unwrap();
        }),
        case!("PresignGetObject", "a changed URL is refused", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("secret", "x").await.unwrap();
            bucket.put_object("public", "x").await.unwrap();
            let made = bucket.get_object("public").presign(HOUR).await.unwrap();
            let changed = made.into_url().replace("/public?", "/secret?");
            let status = tokio::task::spawn_blocking(move || send("GET", &changed, &[], Vec::new()).0).await.unwrap();
            assert_eq!(status, 403);
        }),
        case!("PresignGetObject", "no longer than seven days, no shorter than a second", |t| {
            let bucket = t.client.bucket("anything");
            for expiry in [Duration::ZERO, Duration::from_secs(7 * 24 * 3600 + 1)] {
                let error = bucket.get_object("k").presign(expiry).await.unwrap_err();
                assert!(error.to_string().contains("7 days"), "{error}");
            }
        }),
        case!("PostObject", "a browser's form stores the file", |t| {
            let bucket = t.bucket().await;
            let form = bucket
                .presign_post("in/ü.txt")
                .content_length(1..=100)
                .content_type("text/plain")
                .field("x-amz-meta-author", "alice")
                .field("success_action_status", "201")
                .field_starts_with("x-amz-meta-note", "free")
                .await
                .unwrap();
            assert!(!format!("{form:?}").contains(&form.fields().last().unwrap().1));
            assert_eq!(submitted(&form, &[("x-amz-meta-note", "free text")], "meow").await, 201);
            let got = bucket.get_object("in/ü.txt").await.unwrap();
            assert_eq!(got.content_type.as_deref(), Some("text/plain"));
            assert_eq!(got.metadata.get("author").map(String::as_str), Some("alice"));
            assert_eq!(got.body.collect().await.unwrap(), "meow");
        }),
        case!("PostObject", "a key can end in the name of the file", |t| {
            let bucket = t.bucket().await;
            let form = bucket.presign_post("in/${filename}").await.unwrap();
            assert!(submitted(&form, &[], "meow").await < 300);
            assert_eq!(bucket.get_string("in/cat.txt").await.unwrap(), "meow");
        }),
        case!("PostObject", "a form takes nothing but what it was signed for", |t| {
            let bucket = t.bucket().await;
            let form = bucket
                .presign_post("just-this")
                .content_length(2..=4)
                .field_starts_with("acl", "public")
                .await
                .unwrap();
            let refused = |status: u16| (400..500).contains(&status);
            assert!(refused(submitted(&form, &[("acl", "public-read")], "x").await), "too short");
            assert!(refused(submitted(&form, &[("acl", "public-read")], "12345").await), "too long");
            assert!(refused(submitted(&form, &[("acl", "private")], "123").await), "another prefix");
            assert!(
                refused(submitted(&form, &[("acl", "public-read"), ("x-amz-meta-a", "b")], "123").await),
                "unnamed"
            );
            let error = bucket.get_object("just-this").await.unwrap_err();
            assert!(error.is_not_found(), "{error}");
            assert!(submitted(&form, &[("acl", "public-read")], "123").await < 300);
        }),
        case!("PostObject", "mistakes in a form are told before it is signed", |t| {
            let bucket = t.client.bucket("anything");
            let told = async |form: PresignPost| form.await.unwrap_err().to_string();
            assert!(told(bucket.presign_post("")).await.contains("key"));
            assert!(told(bucket.presign_post("a/${filename}/b")).await.contains("${filename}"));
            #[allow(clippy::reversed_empty_ranges)]
            let backwards = bucket.presign_post("k").content_length(5..=4);
            assert!(told(backwards).await.contains("5 to 4"));
            assert!(told(bucket.presign_post("k").field("Policy", "x")).await.contains("Policy"));
            assert!(told(bucket.presign_post("k").field("acl", "a").field("ACL", "b")).await.contains("twice"));
            assert!(told(bucket.presign_post("k").field("a b", "c")).await.contains("a b"));
            assert!(told(bucket.presign_post("k").field("acl", "a\r\nb")).await.contains("acl"));
            assert!(told(bucket.presign_post("k").expires_in(Duration::ZERO)).await.contains("7 days"));
        }),
    ]
}
