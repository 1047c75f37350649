//! Listings with several requests at a time, against a server that pages by itself.

use integration_s3::{Bucket, Credentials, S3Client};
use integration_s3_devserver::DevServer;

async fn stock() -> (DevServer, Bucket, Vec<String>) {
    let server = DevServer::builder().start().await.unwrap();
    let client = S3Client::builder()
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .build()
        .unwrap();
    let bucket = client.bucket("large");
    bucket.create_bucket().await.unwrap();
    let mut keys: Vec<String> = Vec::new();
    for n in 0..40 {
        keys.push(format!("logs/2026/{:02}/{n}", n % 7));
        keys.push(format!("flat-{n:03}"));
        keys.push(format!("{n:x}/ü{n}/日本"));
    }
    keys.extend(
        ["a b", "a+b", "a%2Fb", "a//b", "logs/", "logs", "logs0", "\u{10ffff}", "~", "tab\tnewline\n", "z/\u{1}"]
            .map(str::to_owned),
    );
    for key in &keys {
        bucket.put_object(key, "x").await.unwrap();
    }
    keys.sort();
    (server, bucket, keys)
}

#[tokio::test]
async fn an_ordered_listing_is_the_listing() {
    let (_server, bucket, keys) = stock().await;
    for concurrency in [1, 3, 16] {
        for size in [1, 2, 7, 1_000] {
            let listing =
                bucket.list_parallel().concurrency(concurrency).configure(|list| list.max_keys(size)).ordered();
            let seen: Vec<String> =
                listing.items().collect().await.unwrap().into_iter().map(|object| object.key).collect();
            assert_eq!(seen, keys, "{concurrency} at once, pages of {size}");
        }
    }
}

#[tokio::test]
async fn an_unordered_listing_has_every_key_once_and_its_facts() {
    let (_server, bucket, keys) = stock().await;
    let listing = bucket.list_parallel().prefix("logs/").configure(|list| list.max_keys(3)).buffered_pages(2);
    let mut objects = listing.items().collect().await.unwrap();
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    let seen: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    let wanted: Vec<&String> = keys.iter().filter(|key| key.starts_with("logs/")).collect();
    assert_eq!(seen, wanted);
    assert!(objects.iter().all(|object| object.size == Some(1) && object.e_tag.is_some()));
}

#[tokio::test]
async fn a_listing_begins_behind_a_key() {
    let (_server, bucket, keys) = stock().await;
    let listing = bucket.list_parallel().start_after("flat-020").configure(|list| list.max_keys(4)).ordered();
    let seen: Vec<String> = listing.items().collect().await.unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(seen, keys.into_iter().filter(|key| key.as_str() > "flat-020").collect::<Vec<_>>());
}

#[tokio::test]
async fn errors_end_a_listing_and_name_the_bucket() {
    let (_server, bucket, _) = stock().await;
    let mut items = bucket.client().bucket("nowhere").list_parallel().items();
    let error = items.next().await.unwrap().unwrap_err();
    assert!(error.is_not_found() && error.bucket() == Some("nowhere"), "{error}");
    assert!(items.next().await.is_none());

    let mut items = bucket.list_parallel().configure(|list| list.prefix("a")).items();
    let error = items.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("use the methods of list_parallel()"), "{error}");
}
