//! Operations that make no sense as a URL cannot be presigned.
async fn example(client: integration_s3::S3Client) {
    let hour = std::time::Duration::from_secs(3600);
    let _ = client.delete_bucket().bucket("logs").presign(hour);
}

fn main() {}
