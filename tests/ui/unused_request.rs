//! A request that is built and dropped did nothing.
#![deny(unused_must_use)]

async fn example(bucket: integration_s3::Bucket) {
    bucket.delete_object("a.txt");
}

fn main() {}
