//! aws-sdk-s3: one object.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "hello"))
        .build();
    let object = Client::from_conf(config).get_object().bucket("bucket").key("key").send().await?;
    println!("{}", object.body.collect().await?.into_bytes().len());
    Ok(())
}
