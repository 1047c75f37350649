//! Buckets: making, finding, listing, removing.

use integration_s3::error::{BucketError, ErrorKind};

use crate::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case!("CreateBucket", "makes a bucket that can be found", |t| {
            let bucket = t.bucket().await;
            bucket.head_bucket().await.unwrap();
        }),
        case!("HeadBucket", "a missing bucket is not found, though there is no body", |t| {
            let error = t.client.head_bucket().bucket("suite-never-made").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Bucket(BucketError::NotFound), "{error}");
            assert_eq!(error.status(), Some(404));
        }),
        case!("HeadBucket", "waits until a bucket is gone", |t| {
            let bucket = t.bucket().await;
            bucket.head_bucket().wait_until_bucket_exists().await.unwrap();
            bucket.delete_bucket().await.unwrap();
            bucket.head_bucket().wait_until_bucket_not_exists().await.unwrap();
        }),
        case!("ListBuckets", "names the bucket and when it was made", |t| {
            let bucket = t.bucket().await;
            let listed = t.client.list_buckets().await.unwrap();
            let found = listed.buckets.iter().find(|b| b.name == bucket.name()).expect("not listed");
            assert!(found.creation_date.is_some_and(|date| date.unix() > 1_700_000_000), "{found:?}");
        }),
        case!("GetBucketLocation", "spells out the region", |t| {
            let bucket = t.bucket().await;
            let location = bucket.get_bucket_location().await.unwrap().location_constraint;
            assert_eq!(location.map(|l| l.to_string()).as_deref(), Some("us-east-1"));
        }),
        case!("DeleteBucket", "refuses a bucket that is not empty", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("a", "x").await.unwrap();
            let error = bucket.delete_bucket().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Bucket(BucketError::NotEmpty), "{error}");
            bucket.delete_object("a").await.unwrap();
            bucket.delete_bucket().await.unwrap();
            let error = bucket.head_bucket().await.unwrap_err();
            assert!(error.is_not_found(), "{error}");
        }),
    ]
}
