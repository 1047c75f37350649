//! One required field needs no tuple.
async fn example(client: integration_s3::S3Client) {
    let _ = client.list_objects_v2().prefix("2026/").pages();
}

fn main() {}
