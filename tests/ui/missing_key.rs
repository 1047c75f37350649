//! A required field is missing: `send` does not exist yet, and the type says which field.
async fn example(client: integration_s3::S3Client) {
    let _ = client.put_object().bucket("logs").body("hello").send();
}

fn main() {}
