//! The server under test and a place on it that belongs to one case.

use std::sync::atomic::{AtomicUsize, Ordering};

use integration_s3::config::{ChecksumWhen, PayloadSigning};
use integration_s3::{Bucket, Credentials, S3Client};
use integration_s3_devserver::DevServer;
use tokio::sync::Mutex;

pub struct Target {
    pub client: S3Client,
    /// Signs no bodies, also over plain http.
    pub unsigned: S3Client,
    pub endpoint: String,
    pub server: String,
    pub access_key: String,
    made: Mutex<Vec<String>>,
    number: AtomicUsize,
    _embedded: Option<DevServer>,
}

impl Target {
    pub async fn connect() -> Self {
        let var = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        let (embedded, endpoint, key, secret) = match var("S3_ENDPOINT") {
            Some(endpoint) => {
                (None, endpoint, var("S3_ACCESS_KEY").unwrap_or_default(), var("S3_SECRET_KEY").unwrap_or_default())
            }
            None => {
                let server = DevServer::builder().start().await.unwrap();
                let (endpoint, key, secret) =
                    (server.endpoint().to_owned(), server.access_key().to_owned(), server.secret_key().to_owned());
                (Some(server), endpoint, key, secret)
            }
        };
        let server =
            if embedded.is_some() { "embedded".into() } else { var("S3_SERVER").unwrap_or_else(|| "other".into()) };
        // As towards AWS, where every request that can has one, and every answer is compared with one.
        let checksums = match var("S3_CHECKSUMS").as_deref() {
            Some("supported") => ChecksumWhen::Supported,
            _ => ChecksumWhen::Required,
        };
        let builder = || {
            S3Client::builder()
                .region(var("S3_REGION").unwrap_or_else(|| "us-east-1".into()))
                .endpoint(&endpoint)
                .credentials(Credentials::new(&key, &*secret))
                .request_checksums(checksums)
                .response_checksums(checksums)
        };
        Self {
            client: builder().build().unwrap(),
            unsigned: builder().payload_signing(PayloadSigning::Unsigned).build().unwrap(),
            endpoint,
            server,
            access_key: key,
            made: Mutex::default(),
            number: AtomicUsize::new(0),
            _embedded: embedded,
        }
    }

    /// A bucket name nobody else uses. What is made under it is removed at the end.
    pub async fn bucket_name(&self) -> String {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let name = format!("suite-{}-{number}", std::process::id());
        self.made.lock().await.push(name.clone());
        name
    }

    /// A new, empty bucket.
    pub async fn bucket(&self) -> Bucket {
        let bucket = self.client.bucket(self.bucket_name().await);
        bucket.create_bucket().await.unwrap();
        bucket
    }

    /// Best effort: what a failed case left behind must not fail the run.
    pub async fn clean_up(&self) {
        for name in self.made.lock().await.drain(..) {
            let bucket = self.client.bucket(name);
            let mut uploads = bucket.list_multipart_uploads().items();
            while let Some(Ok(upload)) = uploads.next().await {
                let _ = bucket.abort_multipart_upload(upload.key, upload.upload_id).await;
            }
            let _ = bucket.delete_prefix("").all().await;
            let _ = bucket.delete_bucket().await;
        }
    }
}
