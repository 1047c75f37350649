//! object_store: one object.

use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = AmazonS3Builder::new()
        .with_region("us-east-1")
        .with_bucket_name("bucket")
        .with_access_key_id("id")
        .with_secret_access_key("secret")
        .build()?;
    println!("{}", store.get(&Path::from("key")).await?.bytes().await?.len());
    Ok(())
}
