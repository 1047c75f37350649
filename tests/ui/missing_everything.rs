//! Awaiting works like `send`: only once everything required is set.
async fn example(client: integration_s3::S3Client) {
    let _ = client.get_object().await;
}

fn main() {}
