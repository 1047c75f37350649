//! rusty-s3 with reqwest: one object.

use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = "https://s3.us-east-1.amazonaws.com".parse()?;
    let bucket = Bucket::new(endpoint, UrlStyle::VirtualHost, "bucket", "us-east-1")?;
    let credentials = Credentials::new("id", "secret");
    let url = bucket.get_object(Some(&credentials), "key").sign(Duration::from_secs(60));
    println!("{}", reqwest::get(url).await?.error_for_status()?.bytes().await?.len());
    Ok(())
}
