//! No S3 at all: hyper and rustls with ring, the least a client can cost.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tls = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?.https_only().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(tls);
    let answer = client.get("https://bucket.s3.us-east-1.amazonaws.com/key".parse()?).await?;
    println!("{}", answer.into_body().collect().await?.to_bytes().len());
    Ok(())
}
