//! rust-s3: one object.

use s3::Bucket;
use s3::creds::Credentials;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credentials = Credentials::new(Some("id"), Some("secret"), None, None, None)?;
    let bucket = Bucket::new("bucket", "us-east-1".parse()?, credentials)?;
    println!("{}", bucket.get_object("key").await?.bytes().len());
    Ok(())
}
