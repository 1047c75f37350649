//! A client with the bucket filled in.

use crate::{S3Client, S3Error};

/// One bucket: a client that fills the bucket's name in, with required arguments by position.
///
/// It has a method for every operation on a bucket or its objects, which answers with the same builder as the client's.
/// Nothing is sent when a handle is made; the bucket need not exist.
///
/// ```
/// # async fn example(client: &integration_s3::S3Client) -> Result<(), integration_s3::S3Error> {
/// let logs = client.bucket("logs");
/// logs.put_object("a.txt", "hello").metadata("author", "alice").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Bucket {
    client: S3Client,
    name: String,
}

impl Bucket {
    pub(crate) fn new(client: S3Client, name: String) -> Self {
        Self { client, name }
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client behind it.
    pub fn client(&self) -> &S3Client {
        &self.client
    }

    /// As [`S3Client::warmup`], to the host that serves this bucket.
    ///
    /// # Errors
    /// No credentials, no connection, or an invalid bucket name.
    pub async fn warmup(&self) -> Result<(), S3Error> {
        self.client.core().warm_up(Some(&self.name)).await
    }
}
