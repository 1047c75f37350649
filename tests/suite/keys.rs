//! Keys that need care: S3 takes nearly any text as a key and normalises none of it.

use crate::{Case, case};

const ODD: &[&str] = &[
    "plain.txt",
    "with space",
    "plus+and%20percent",
    "%41",
    "ümlaut/日本/😀",
    "a//b",
    "trailing/",
    "dots/./x/../y",
    "?query=&x#fragment",
    "quotes'\"<>&",
    "semi;colon,comma:=@$!*()",
    "back\\slash|pipe^~`",
];

pub fn cases() -> Vec<Case> {
    vec![
        case!("PutObject", "odd keys come back under the same name", |t| {
            let bucket = t.bucket().await;
            for key in ODD {
                bucket.put_object(*key, *key).await.unwrap_or_else(|e| panic!("{key}: {e}"));
            }
            for key in ODD {
                let text = bucket.get_string(*key).await.unwrap_or_else(|e| panic!("{key}: {e}"));
                assert_eq!(text, *key);
            }
            let mut wanted: Vec<&str> = ODD.to_vec();
            wanted.sort_unstable();
            let mut listed: Vec<String> =
                bucket.list_all_objects("").await.unwrap().into_iter().map(|o| o.key).collect();
            listed.sort();
            assert_eq!(listed, wanted);
            assert_eq!(bucket.delete_prefix("").all().await.unwrap().succeeded, ODD.len() as u64);
        }),
        case!("PutObject", "a leading slash belongs to the key", |t| {
            let bucket = t.bucket().await;
            bucket.put_object("/rooted", "x").await.unwrap();
            assert!(!bucket.object_exists("rooted").await.unwrap());
            assert_eq!(bucket.get_string("/rooted").await.unwrap(), "x");
        }),
        case!("ListObjectsV2", "keys with control characters survive XML", |t| {
            let bucket = t.bucket().await;
            let key = "bell\u{7}tab\tnewline\n.txt";
            bucket.put_object(key, "x").await.unwrap();
            let listed = bucket.list_objects_v2().await.unwrap();
            assert_eq!(listed.contents.first().map(|o| o.key.as_str()), Some(key));
        }),
        case!("PutObject", "a key of 1,024 bytes fits, one more does not leave", |t| {
            let bucket = t.bucket().await;
            // Path segments stay under 255 bytes for stores that keep files.
            let longest: String = "0123456789/".chars().cycle().take(1_024).collect();
            bucket.put_object(&longest, "x").await.unwrap();
            assert_eq!(bucket.get_string(&longest).await.unwrap(), "x");
            let error = bucket.put_object(format!("{longest}y"), "x").await.unwrap_err();
            assert_eq!(error.attempts(), 0, "{error}");
        }),
    ]
}
