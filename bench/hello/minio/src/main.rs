//! minio: one object.

use minio::s3::MinioClientBuilder;
use minio::s3::creds::StaticProvider;
use minio::s3::http::BaseUrl;
use minio::s3::types::{BucketName, ObjectKey, S3Api};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url: BaseUrl = "https://s3.us-east-1.amazonaws.com".parse()?;
    let client = MinioClientBuilder::new(url).provider(Some(StaticProvider::new("id", "secret", None))).build()?;
    let call = client.get_object(BucketName::new("bucket")?, ObjectKey::new("key")?)?;
    println!("{}", call.build().send().await?.into_bytes().await?.len());
    Ok(())
}
