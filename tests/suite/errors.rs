//! Errors as users meet them.

use integration_s3::error::{
    AccessError, BucketError, CredentialsError, ErrorKind, NetworkError, ObjectError, RequestError,
};
use integration_s3::{Credentials, RequestOptions, S3Client};

use crate::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case!("GetObject", "a missing key says so in one line", |t| {
            let bucket = t.bucket().await;
            let error = bucket.get_object("ghost.txt").await.unwrap_err();
            println!("    {error}");
            assert_eq!(error.kind(), ErrorKind::Object(ObjectError::NotFound));
            assert_eq!(error.code(), Some("NoSuchKey"));
            assert_eq!(error.operation(), Some("GetObject"));
            assert_eq!(error.key(), Some("ghost.txt"));
            assert!(error.request_id().is_some());
            assert!(error.suggestion().is_some());
            assert!(!error.to_string().contains('\n'));
        }),
        case!("GetObject", "a missing bucket says so in one line", |t| {
            let error = t.client.get_object().bucket("suite-never-made").key("a").await.unwrap_err();
            println!("    {error}");
            assert_eq!(error.kind(), ErrorKind::Bucket(BucketError::NotFound));
            assert_eq!(error.code(), Some("NoSuchBucket"));
        }),
        case!("GetObject", "a bad bucket name does not leave the machine", |t| {
            let error = t.client.get_object().bucket("Not_A_Bucket!").key("a").await.unwrap_err();
            println!("    {error}");
            assert_eq!(error.kind(), ErrorKind::Request(RequestError::InvalidBucketName));
            assert_eq!(error.attempts(), 0);
        }),
        case!("PutObject", "line breaks in headers and metadata do not leave the machine", |t| {
            let bucket = t.client.bucket("anything");
            for error in [
                bucket.put_object("k", "x").content_type("text/plain\r\nx-evil: 1").await.unwrap_err(),
                bucket.put_object("k", "x").metadata("a", "b\r\nx-evil: 1").await.unwrap_err(),
                bucket.put_object("k", "x").metadata("a\r\nx-evil", "1").await.unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::Request(RequestError::Validation), "{error}");
                assert_eq!(error.attempts(), 0);
                assert!(!error.to_string().contains("evil: 1"), "{error}");
            }
        }),
        case!("ListObjectsV2", "a wrong secret key is an access error", |t| {
            let bucket = t.bucket().await;
            let client = S3Client::builder()
                .endpoint(&t.endpoint)
                .credentials(Credentials::new(&t.access_key, "certainly-not-the-secret"))
                .build()
                .unwrap();
            let error = client.list_objects_v2().bucket(bucket.name()).await.unwrap_err();
            println!("    {error}");
            assert_eq!(error.kind(), ErrorKind::Access(AccessError::SignatureDoesNotMatch), "{error:?}");
            assert!(!error.to_string().contains("certainly-not"));
        }),
        case!("GetObject", "credentials that were copied badly do not leave the machine", |t| {
            for (id, secret) in [("", "secret"), ("id", ""), ("id", "secret\n"), ("id/x", "secret"), ("i d", "secret")]
            {
                let credentials = Credentials::new(id, secret);
                let client = S3Client::builder().endpoint(&t.endpoint).credentials(credentials).build().unwrap();
                let error = client.get_object().bucket("logs").key("a").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Credentials(CredentialsError::Invalid), "{error}");
                assert_eq!(error.attempts(), 0);
            }
        }),
        case!("GetObject", "nobody listening is a connection error after three attempts", |_t| {
            let client = S3Client::builder()
                .endpoint("http://127.0.0.1:9")
                .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
                .build()
                .unwrap();
            let error = client.get_object().bucket("logs").key("a.txt").await.unwrap_err();
            println!("    {error}");
            assert_eq!(error.kind(), ErrorKind::Network(NetworkError::ConnectionFailed));
            assert_eq!(error.attempts(), 3);
            let once = client.get_object().bucket("logs").key("a.txt");
            let error = once.with_options(RequestOptions::new().max_attempts(1)).await.unwrap_err();
            assert_eq!(error.attempts(), 1);
        }),
    ]
}
