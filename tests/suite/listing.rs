//! Listings: pages, prefixes, delimiters, markers.

use integration_s3::Bucket;
use integration_s3::types::EncodingType;

use crate::{Case, case};

async fn filled(t: &crate::target::Target, count: usize) -> Bucket {
    let bucket = t.bucket().await;
    for n in 0..count {
        bucket.put_object(format!("k{n:02}"), "x").await.unwrap();
    }
    bucket
}

pub fn cases() -> Vec<Case> {
    vec![
        case!("ListObjectsV2", "pages follow one another without gap or overlap", |t| {
            let bucket = filled(t, 7).await;
            let mut pages = bucket.list_objects_v2().max_keys(3).pages();
            let mut keys = Vec::new();
            let mut sizes = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.unwrap();
                sizes.push(page.contents.len());
                keys.extend(page.contents.into_iter().map(|o| o.key));
            }
            assert_eq!(sizes, [3, 3, 1]);
            assert_eq!(keys, (0..7).map(|n| format!("k{n:02}")).collect::<Vec<_>>());
        }),
        case!("ListObjectsV2", "items are a stream", |t| {
            use futures_util::TryStreamExt as _;
            let bucket = filled(t, 5).await;
            let keys: Vec<String> =
                bucket.list_objects_v2().max_keys(2).items().map_ok(|o| o.key).try_collect().await.unwrap();
            assert_eq!(keys.len(), 5);
        }),
        case!("ListObjectsV2", "entries have size, ETag and date", |t| {
            let bucket = t.bucket().await;
            let put = bucket.put_object("one", "12345").await.unwrap();
            let listed = bucket.list_objects_v2().await.unwrap();
            let object = listed.contents.first().expect("nothing listed");
            assert_eq!(object.size, Some(5));
            assert_eq!(object.e_tag, put.e_tag);
            assert!(object.last_modified.is_some_and(|date| date.unix() > 1_700_000_000));
            assert!(!listed.is_truncated);
        }),
        case!("ListObjectsV2", "prefix and delimiter make folders", |t| {
            let bucket = t.bucket().await;
            for key in ["a/1", "a/2", "a/b/3", "c d/4", "top"] {
                bucket.put_object(key, "x").await.unwrap();
            }
            let top = bucket.list_objects_v2().delimiter("/").await.unwrap();
            assert_eq!(top.common_prefixes.iter().map(|p| p.prefix.as_str()).collect::<Vec<_>>(), ["a/", "c d/"]);
            assert_eq!(top.contents.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(), ["top"]);
            let below = bucket.list_objects_v2().prefix("a/").delimiter("/").await.unwrap();
            assert_eq!(below.common_prefixes.len(), 1);
            assert_eq!(below.contents.len(), 2);
            let folders = bucket.list_objects_v2().delimiter("/").common_prefixes_items().collect().await.unwrap();
            assert_eq!(folders.len(), 2);
        }),
        case!("ListObjectsV2", "start_after skips what comes before", |t| {
            let bucket = filled(t, 4).await;
            let listed = bucket.list_objects_v2().start_after("k01").await.unwrap();
            assert_eq!(listed.contents.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(), ["k02", "k03"]);
        }),
        case!("ListObjectsV2", "a caller who asks for the encoding gets it raw", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("ä b", "x").await.unwrap();
            let raw = bucket.list_objects_v2().encoding_type(EncodingType::Url).await.unwrap();
            let key = raw.contents[0].key.to_ascii_uppercase();
            assert!(key.starts_with("%C3%A4"), "{key}");
        }),
        case!("ListObjectsV2", "an empty bucket has one empty page", |t| {
            let bucket = t.bucket().await;
            assert!(bucket.list_all_objects("").await.unwrap().is_empty());
        }),
    ]
}
