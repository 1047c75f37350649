//! Objects: writing, reading, copying, deleting.

use integration_s3::error::{ErrorKind, ObjectError, RequestError};
use integration_s3::operations::HeadObjectRequest;
use integration_s3::types::{Delete, MetadataDirective, ObjectIdentifier};
use integration_s3::{ByteRange, ByteStream, CopySource};

use crate::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case!("PutObject", "keeps bytes, headers and metadata", |t| {
            let bucket = t.bucket().await;
            let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
            let put = bucket
                .put_object("blob", body.clone())
                .content_type("application/x-suite")
                .cache_control("max-age=60")
                .content_disposition("attachment; filename=\"a b.bin\"")
                .content_language("de")
                .metadata("author", "alice")
                .metadata("Mixed-Case", "kept as a value")
                .await
                .unwrap();
            let got = bucket.get_object("blob").await.unwrap();
            assert_eq!(got.e_tag, put.e_tag);
            assert_eq!(got.content_length, Some(100_000));
            assert_eq!(got.content_type.as_deref(), Some("application/x-suite"));
            assert_eq!(got.cache_control.as_deref(), Some("max-age=60"));
            assert_eq!(got.content_disposition.as_deref(), Some("attachment; filename=\"a b.bin\""));
            assert_eq!(got.content_language.as_deref(), Some("de"));
            assert_eq!(got.metadata.get("author").map(String::as_str), Some("alice"));
            assert_eq!(got.metadata.get("mixed-case").map(String::as_str), Some("kept as a value"));
            assert!(got.last_modified.is_some());
            assert_eq!(got.body.collect().await.unwrap(), body);
        }),
        case!("PutObject", "an empty body makes an empty object", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("empty", "").await.unwrap();
            let got = bucket.get_object("empty").await.unwrap();
            assert_eq!(got.content_length, Some(0));
            assert!(got.body.collect().await.unwrap().is_empty());
        }),
        case!("PutObject", "a stream of known length arrives whole, in signed chunks", |t| {
            let bucket = t.bucket().await;
            let chunks: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; 5_000 + usize::from(n)]).collect();
            let whole = chunks.concat();
            let stream = futures_util::stream::iter(chunks.into_iter().map(|c| Ok::<_, std::io::Error>(c.into())));
            let body = ByteStream::from_stream(stream, Some(whole.len() as u64));
            bucket.put_object("stream", body).await.unwrap();
            assert_eq!(bucket.get_object("stream").await.unwrap().body.collect().await.unwrap(), whole);
        }),
        case!("PutObject", "a file is sent from disk", |t| {
            let bucket = t.bucket().await;
            let path = std::env::temp_dir().join(format!("suite-{}.bin", std::process::id()));
            let content: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
            std::fs::write(&path, &content).unwrap();
            bucket.put_object("file", ByteStream::from_path(&path).await.unwrap()).await.unwrap();
            std::fs::remove_file(&path).unwrap();
            assert_eq!(bucket.get_object("file").await.unwrap().body.collect().await.unwrap(), content);
        }),
        case!("PutObject", "a stream of unknown length is refused with a way out", |t| {
            let bucket = t.bucket().await;
            let stream = futures_util::stream::iter([Ok::<_, std::io::Error>("x".into())]);
            let error = bucket.put_object("s", ByteStream::from_stream(stream, None)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request(RequestError::MissingContentLength), "{error}");
            assert!(error.to_string().contains("multipart"), "{error}");
            assert_eq!(error.attempts(), 0);
        }),
        case!("PutObject", "metadata outside ASCII survives", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("meta", "x").metadata("city", "Zürich – 東京").await.unwrap();
            let head = bucket.head_object("meta").await.unwrap();
            assert_eq!(head.metadata.get("city").map(String::as_str), Some("Zürich – 東京"));
        }),
        case!("GetObject", "serves ranges: first, middle, open end, last", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("digits", "0123456789").await.unwrap();
            for (range, bytes, shown) in [
                (ByteRange::from(0..4), "0123", "bytes 0-3/10"),
                (ByteRange::from(3..=5), "345", "bytes 3-5/10"),
                (ByteRange::from(7..), "789", "bytes 7-9/10"),
                (ByteRange::last(2), "89", "bytes 8-9/10"),
                (ByteRange::from("bytes=1-1"), "1", "bytes 1-1/10"),
            ] {
                let got = bucket.get_object("digits").range(range.clone()).await.unwrap();
                assert_eq!(got.content_range.as_deref(), Some(shown), "{range:?}");
                assert_eq!(got.body.collect().await.unwrap(), bytes, "{range:?}");
            }
        }),
        case!("GetObject", "a range beyond the end is an error of its own", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("digits", "0123456789").await.unwrap();
            let error = bucket.get_object("digits").range(100..200).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request(RequestError::InvalidRange), "{error}");
            assert_eq!(error.status(), Some(416));
        }),
        case!("GetObject", "streams in chunks and into a writer", |t| {
            let bucket = t.bucket().await;
            let content = vec![7u8; 3_000_000];
            bucket.put_object("big", content.clone()).await.unwrap();
            let mut body = bucket.get_object("big").await.unwrap().body;
            let mut total = 0;
            while let Some(chunk) = body.next().await {
                total += chunk.unwrap().len();
            }
            assert_eq!(total, content.len());
            let mut written = Vec::new();
            bucket.get_object("big").await.unwrap().body.write_to(&mut written).await.unwrap();
            assert_eq!(written, content);
        }),
        case!("GetObject", "overrides of response headers are honoured", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("o", "x").content_type("text/plain").await.unwrap();
            let got = bucket.get_object("o").response_content_type("text/html").await.unwrap();
            assert_eq!(got.content_type.as_deref(), Some("text/html"));
        }),
        case!("HeadObject", "tells size and kind without the body", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("h", "hello").content_type("text/plain").await.unwrap();
            let head = bucket.head_object("h").await.unwrap();
            assert_eq!(head.content_length, Some(5));
            assert_eq!(head.content_type.as_deref(), Some("text/plain"));
        }),
        case!("HeadObject", "a missing key is not found, though there is no body", |t| {
            let bucket = t.bucket().await;
            let error = bucket.head_object("ghost").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Object(ObjectError::NotFound), "{error}");
            assert!(!bucket.object_exists("ghost").await.unwrap());
        }),
        case!("HeadObject", "works as a plain request value", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("v", "hello").await.unwrap();
            let request = HeadObjectRequest::builder().bucket(bucket.name()).key("v").build();
            let head = t.client.execute(request.clone()).await.unwrap();
            assert_eq!(head.content_length, Some(5));
            assert_eq!(t.client.execute(request).await.unwrap(), head);
        }),
        case!("CopyObject", "copies within the bucket, metadata too", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("from", "content").content_type("text/plain").metadata("a", "1").await.unwrap();
            let copied = bucket.copy_object("to", CopySource::new(bucket.name(), "from")).await.unwrap();
            assert!(copied.copy_object_result.is_some_and(|r| r.e_tag.is_some()));
            let got = bucket.get_object("to").await.unwrap();
            assert_eq!(got.metadata.get("a").map(String::as_str), Some("1"));
            assert_eq!(got.body.collect().await.unwrap(), "content");
        }),
        case!("CopyObject", "copies from a key that needs encoding", |t| {
            let bucket = t.bucket().await;
            let key = "ordner/ä b+c%20?&=#.txt";
            bucket.put_object(key, "odd").await.unwrap();
            bucket.copy_object("plain", CopySource::new(bucket.name(), key)).await.unwrap();
            assert_eq!(bucket.get_string("plain").await.unwrap(), "odd");
        }),
        case!("CopyObject", "replaces metadata when asked to", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("from", "content").metadata("a", "1").await.unwrap();
            bucket
                .copy_object("to", (bucket.name(), "from"))
                .metadata_directive(MetadataDirective::Replace)
                .metadata("b", "2")
                .await
                .unwrap();
            let head = bucket.head_object("to").await.unwrap();
            assert_eq!(head.metadata.get("b").map(String::as_str), Some("2"));
            assert_eq!(head.metadata.get("a"), None);
        }),
        case!("CopyObject", "a missing source is not found", |t| {
            let bucket = t.bucket().await;
            let error = bucket.copy_object("to", (bucket.name(), "ghost")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Object(ObjectError::NotFound), "{error}");
        }),
        case!("DeleteObject", "deletes, and deleting again is no error", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("d", "x").await.unwrap();
            bucket.delete_object("d").await.unwrap();
            assert!(!bucket.object_exists("d").await.unwrap());
            bucket.delete_object("d").await.unwrap();
        }),
        case!("DeleteObjects", "deletes many keys at once and names them", |t| {
            let bucket = t.bucket().await;
            let keys = ["a", "b & <c>", "dir/ü"];
            for key in keys {
                bucket.put_object(key, "x").await.unwrap();
            }
            let answer = bucket.delete_objects(Delete::new(keys.map(ObjectIdentifier::new))).await.unwrap();
            let mut deleted: Vec<String> = answer.deleted.into_iter().filter_map(|d| d.key).collect();
            deleted.sort();
            assert_eq!(deleted, keys);
            assert!(answer.errors.is_empty());
            assert!(bucket.list_all_objects("").await.unwrap().is_empty());
        }),
        case!("DeleteObjects", "delete_prefix counts what it deleted", |t| {
            let bucket = t.bucket().await;
            for n in 0..5 {
                bucket.put_object(format!("logs/{n}"), "x").await.unwrap();
            }
            bucket.put_object("other", "x").await.unwrap();
            assert_eq!(bucket.delete_prefix("logs/").await.unwrap().succeeded, 5);
            assert_eq!(bucket.delete_prefix("logs/").await.unwrap().succeeded, 0);
            assert_eq!(bucket.list_all_objects("").await.unwrap().len(), 1);
        }),
        case!("PutObject", "values go in and out as JSON", |t| {
            let bucket = t.bucket().await;
            bucket.put_json("c.json", &serde_json::json!({ "n": [1, 2, 3] })).await.unwrap();
            let value: serde_json::Value = bucket.get_json("c.json").await.unwrap();
            assert_eq!(value["n"][2], 3);
            let head = bucket.head_object("c.json").await.unwrap();
            assert_eq!(head.content_type.as_deref(), Some("application/json"));
        }),
    ]
}
