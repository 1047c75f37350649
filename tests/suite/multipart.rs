//! Multipart uploads by hand.

use integration_s3::error::{ErrorKind, MultipartError};
use integration_s3::operations::UploadPartOutput;
use integration_s3::types::{CompletedMultipartUpload, CompletedPart};
use integration_s3::{Bucket, CopySource};

use crate::{Case, case};

const MINIMUM: usize = 5 * 1024 * 1024;

fn completed(parts: impl IntoIterator<Item = (i32, Option<String>)>) -> CompletedMultipartUpload {
    let parts = parts.into_iter().map(|(n, e_tag)| CompletedPart::new().part_number(n).e_tag(e_tag.unwrap()));
    CompletedMultipartUpload::new().parts(parts)
}

async fn begun(bucket: &Bucket, key: &str) -> String {
    bucket.create_multipart_upload(key).content_type("text/plain").metadata("m", "1").await.unwrap().upload_id
}

async fn part(bucket: &Bucket, key: &str, id: &str, number: i32, body: Vec<u8>) -> (i32, Option<String>) {
    let UploadPartOutput { e_tag, .. } = bucket.upload_part(key, id, number, body).await.unwrap();
    (number, e_tag)
}

pub fn cases() -> Vec<Case> {
    vec![
        case!("CompleteMultipartUpload", "joins the parts in order", |t| {
            let bucket = t.bucket().await;
            let id = begun(&bucket, "big").await;
            // Sent in the wrong order on purpose.
            let second = part(&bucket, "big", &id, 2, b"the end".to_vec()).await;
            let first = part(&bucket, "big", &id, 1, vec![b'a'; MINIMUM]).await;
            let done = bucket.complete_multipart_upload("big", &id, completed([first, second])).await.unwrap();
            assert!(done.e_tag.is_some_and(|tag| tag.trim_matches('"').ends_with("-2")));
            let got = bucket.get_object("big").await.unwrap();
            assert_eq!(got.content_type.as_deref(), Some("text/plain"));
            assert_eq!(got.metadata.get("m").map(String::as_str), Some("1"));
            let bytes = got.body.collect().await.unwrap();
            assert_eq!(bytes.len(), MINIMUM + 7);
            assert!(bytes.ends_with(b"athe end"));
        }),
        case!("ListParts", "lists the parts, also in pages", |t| {
            let bucket = t.bucket().await;
            let id = begun(&bucket, "big").await;
            for number in 1..=3 {
                part(&bucket, "big", &id, number, vec![number as u8; 100]).await;
            }
            let all = bucket.list_parts("big", &id).await.unwrap().parts;
            assert_eq!(
                all.iter().map(|p| (p.part_number, p.size)).collect::<Vec<_>>(),
                [(1, Some(100)), (2, Some(100)), (3, Some(100))]
            );
            let paged = bucket.list_parts("big", &id).max_parts(2).items().collect().await.unwrap();
            assert_eq!(paged.len(), 3);
            bucket.abort_multipart_upload("big", &id).await.unwrap();
        }),
        case!("ListMultipartUploads", "lists uploads that are under way", |t| {
            let bucket = t.bucket().await;
            let a = begun(&bucket, "a b/1").await;
            let b = begun(&bucket, "c").await;
            let mut found: Vec<_> = bucket.list_multipart_uploads().await.unwrap().uploads;
            found.sort_by(|x, y| x.key.cmp(&y.key));
            let found: Vec<_> = found.into_iter().map(|u| (u.key, u.upload_id)).collect();
            assert_eq!(found, [("a b/1".to_owned(), a.clone()), ("c".to_owned(), b.clone())]);
            bucket.abort_multipart_upload("a b/1", a).await.unwrap();
            bucket.abort_multipart_upload("c", b).await.unwrap();
        }),
        case!("ListMultipartUploads", "pages by two tokens", |t| {
            let bucket = t.bucket().await;
            for key in ["a", "b", "c"] {
                begun(&bucket, key).await;
            }
            let uploads = bucket.list_multipart_uploads().max_uploads(2).items().collect().await.unwrap();
            assert_eq!(uploads.len(), 3);
        }),
        case!("AbortMultipartUpload", "gives the upload up", |t| {
            let bucket = t.bucket().await;
            let id = begun(&bucket, "big").await;
            part(&bucket, "big", &id, 1, vec![0; 10]).await;
            bucket.abort_multipart_upload("big", &id).await.unwrap();
            let error = bucket.list_parts("big", &id).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Multipart(MultipartError::UploadNotFound), "{error}");
            assert!(bucket.list_multipart_uploads().await.unwrap().uploads.is_empty());
        }),
        case!("UploadPartCopy", "makes parts of existing objects", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("source", "0123456789").await.unwrap();
            let id = begun(&bucket, "joined").await;
            let copied = bucket
                .upload_part_copy("joined", &id, 1, CopySource::new(bucket.name(), "source"))
                .copy_source_range(2..6)
                .await
                .unwrap();
            let e_tag = copied.copy_part_result.and_then(|r| r.e_tag);
            bucket.complete_multipart_upload("joined", &id, completed([(1, e_tag)])).await.unwrap();
            assert_eq!(bucket.get_string("joined").await.unwrap(), "2345");
        }),
        case!("CompleteMultipartUpload", "a small part that is not the last is refused", |t| {
            let bucket = t.bucket().await;
            let id = begun(&bucket, "big").await;
            let first = part(&bucket, "big", &id, 1, vec![0; 10]).await;
            let second = part(&bucket, "big", &id, 2, vec![0; 10]).await;
            let error = bucket.complete_multipart_upload("big", &id, completed([first, second])).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Multipart(MultipartError::EntityTooSmall), "{error}");
            bucket.abort_multipart_upload("big", &id).await.unwrap();
        }),
        case!("UploadPart", "an unknown upload is an error of its own", |t| {
            let bucket = t.bucket().await;
            let error = bucket.upload_part("big", "bm8tc3VjaC11cGxvYWQ", 1, "x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Multipart(MultipartError::UploadNotFound), "{error}");
        }),
    ]
}
