//! Conditional requests.

use integration_s3::Timestamp;
use integration_s3::error::{ErrorKind, ObjectError};

use crate::{Case, case};

const NOT_MODIFIED: ErrorKind = ErrorKind::Object(ObjectError::NotModified);
const FAILED: ErrorKind = ErrorKind::Object(ObjectError::PreconditionFailed);

pub fn cases() -> Vec<Case> {
    vec![
        case!("GetObject", "If-Match and If-None-Match decide by ETag", |t| {
            let bucket = t.bucket().await;
            let etag = bucket.put_object("k", "x").await.unwrap().e_tag.unwrap();
            bucket.get_object("k").if_match(&etag).await.unwrap();
            assert_eq!(bucket.get_object("k").if_match("\"other\"").await.unwrap_err().kind(), FAILED);
            bucket.get_object("k").if_none_match("\"other\"").await.unwrap();
            let error = bucket.get_object("k").if_none_match(&etag).await.unwrap_err();
            assert_eq!(error.kind(), NOT_MODIFIED, "{error}");
            assert_eq!(error.status(), Some(304));
        }),
        case!("HeadObject", "If-Match and If-None-Match decide by ETag", |t| {
            let bucket = t.bucket().await;
            let etag = bucket.put_object("k", "x").await.unwrap().e_tag.unwrap();
            bucket.head_object("k").if_match(&etag).await.unwrap();
            assert_eq!(bucket.head_object("k").if_match("\"other\"").await.unwrap_err().kind(), FAILED);
            assert_eq!(bucket.head_object("k").if_none_match(&etag).await.unwrap_err().kind(), NOT_MODIFIED);
        }),
        case!("GetObject", "If-Modified-Since and If-Unmodified-Since decide by date", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("k", "x").await.unwrap();
            let (past, future) = (Timestamp::from_unix(1_000_000_000), Timestamp::from(std::time::SystemTime::now()));
            bucket.get_object("k").if_modified_since(past).await.unwrap();
            let later = Timestamp::from_unix(future.unix() + 2);
            bucket.get_object("k").if_unmodified_since(later).await.unwrap();
            assert_eq!(bucket.get_object("k").if_unmodified_since(past).await.unwrap_err().kind(), FAILED);
        }),
        case!("PutObject", "If-None-Match * writes only where nothing is", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("once", "first").if_none_match("*").await.unwrap();
            let error = bucket.put_object("once", "second").if_none_match("*").await.unwrap_err();
            assert_eq!(error.kind(), FAILED, "{error}");
            assert_eq!(bucket.get_string("once").await.unwrap(), "first");
        }),
        case!("PutObject", "If-Match writes only over the version one knows", |t| {
            let bucket = t.bucket().await;
            let etag = bucket.put_object("k", "first").await.unwrap().e_tag.unwrap();
            bucket.put_object("k", "second").if_match(&etag).await.unwrap();
            let error = bucket.put_object("k", "third").if_match(&etag).await.unwrap_err();
            assert_eq!(error.kind(), FAILED, "{error}");
            assert_eq!(bucket.get_string("k").await.unwrap(), "second");
        }),
        case!("CopyObject", "copies only if the source is the one known", |t| {
            let bucket = t.bucket().await;
            let etag = bucket.put_object("from", "x").await.unwrap().e_tag.unwrap();
            bucket.copy_object("to", (bucket.name(), "from")).copy_source_if_match(&etag).await.unwrap();
            let refused = bucket.copy_object("to", (bucket.name(), "from")).copy_source_if_match("\"other\"").await;
            assert_eq!(refused.unwrap_err().kind(), FAILED);
        }),
    ]
}
