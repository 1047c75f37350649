//! integration-s3: one object.

use integration_s3::{Credentials, S3Client, S3Error};

#[tokio::main]
async fn main() -> Result<(), S3Error> {
    let credentials = Credentials::new("id", "secret");
    let client = S3Client::builder().region("us-east-1").credentials(credentials).build()?;
    let object = client.get_object().bucket("bucket").key("key").await?;
    println!("{}", object.body.collect().await?.len());
    Ok(())
}
