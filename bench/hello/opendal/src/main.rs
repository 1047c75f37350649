//! opendal: one object.

use opendal::Operator;
use opendal::services::S3;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = S3::default().bucket("bucket").region("us-east-1").access_key_id("id").secret_access_key("secret");
    println!("{}", Operator::new(service)?.read("key").await?.len());
    Ok(())
}
