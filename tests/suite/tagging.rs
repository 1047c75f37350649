//! Tags of objects and buckets.

use integration_s3::error::{ErrorKind, RequestError};
use integration_s3::types::{Tag, Tagging};

use crate::{Case, case};

fn tags() -> Tagging {
    Tagging::new([Tag::new("team", "blue"), Tag::new("odd+key=.:/@ _-", "a/b + c=1 @x")])
}

fn pairs(tags: Vec<Tag>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    pairs.sort();
    pairs
}

pub fn cases() -> Vec<Case> {
    vec![
        case!("PutObjectTagging", "tags come back as they were given", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("k", "x").await.unwrap();
            bucket.put_object_tagging("k", tags()).await.unwrap();
            let got = bucket.get_object_tagging("k").await.unwrap();
            assert_eq!(pairs(got.tag_set), pairs(tags().tag_set));
        }),
        case!("GetObjectTagging", "an object without tags has an empty set", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("k", "x").await.unwrap();
            assert!(bucket.get_object_tagging("k").await.unwrap().tag_set.is_empty());
        }),
        case!("PutObject", "tags can be given with the object", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("k", "x").tagging("team=blue&tier=hot").await.unwrap();
            let got = pairs(bucket.get_object_tagging("k").await.unwrap().tag_set);
            assert_eq!(got, [("team".into(), "blue".into()), ("tier".into(), "hot".into())]);
        }),
        case!("DeleteObjectTagging", "removes all tags", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("k", "x").await.unwrap();
            bucket.put_object_tagging("k", tags()).await.unwrap();
            bucket.delete_object_tagging("k").await.unwrap();
            assert!(bucket.get_object_tagging("k").await.unwrap().tag_set.is_empty());
        }),
        case!("PutBucketTagging", "tags come back as they were given", |t| {
            let bucket = t.bucket().await;
            bucket.put_bucket_tagging(tags()).await.unwrap();
            assert_eq!(pairs(bucket.get_bucket_tagging().await.unwrap().tag_set), pairs(tags().tag_set));
        }),
        case!("GetBucketTagging", "a bucket without tags has no tag set", |t| {
            let bucket = t.bucket().await;
            let error = bucket.get_bucket_tagging().await.unwrap_err();
            assert_eq!(error.code(), Some("NoSuchTagSet"), "{error}");
        }),
        case!("DeleteBucketTagging", "removes all tags", |t| {
            let bucket = t.bucket().await;
            bucket.put_bucket_tagging(tags()).await.unwrap();
            bucket.delete_bucket_tagging().await.unwrap();
            assert!(bucket.get_bucket_tagging().await.is_err());
        }),
        case!("PutObjectTagging", "an eleventh tag does not leave", |t| {
            let bucket = t.bucket().await;
            let many = Tagging::new((0..11).map(|n| Tag::new(format!("k{n}"), "v")));
            let error = bucket.put_object_tagging("k", many).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request(RequestError::Validation), "{error}");
            assert_eq!(error.attempts(), 0);
        }),
    ]
}
