//! What the request writer promises, whatever it is given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::body::ByteStream;
use crate::endpoint::{Addressing, EndpointConfig, EndpointOptions};
use crate::error::{RequestError, S3Error};
use crate::identity::{SecretBytes, SecretString};
use crate::timestamp::Timestamp;
use crate::wire::{ByteRange, CopySource};

fn aws() -> EndpointConfig {
    EndpointConfig::new(EndpointOptions { region: "us-east-1".into(), ..Default::default() }).unwrap()
}

fn local(base: &str) -> EndpointConfig {
    let custom = Some(format!("http://127.0.0.1:9000{base}"));
    EndpointConfig::new(EndpointOptions { region: "us-east-1".into(), custom, ..Default::default() }).unwrap()
}

fn written(endpoint: &EndpointConfig, write: impl FnOnce(&mut RequestWriter)) -> Result<Box<WireRequest>, S3Error> {
    let mut w = RequestWriter::new(endpoint);
    write(&mut w);
    w.finish()
}

fn object(write: impl FnOnce(&mut RequestWriter)) -> Result<Box<WireRequest>, S3Error> {
    written(&local(""), |w| {
        w.bucket("bkt");
        w.key("k");
        write(w);
    })
}

fn header(request: &WireRequest, name: &str) -> String {
    String::from_utf8(request.headers()[name].as_bytes().to_vec()).unwrap()
}

const NAMES: &[&str] =
    &["acl", "list-type", "max", "max-keys", "max-keys-more", "prefix", "uploadId", "X-Amz-Date", "x-id", "a", "ab"];

proptest! {
    #[test]
    fn the_query_is_canonical_whatever_the_order_of_calls(
        pairs in prop::collection::vec((prop::sample::select(NAMES), ".{0,12}"), 0..12),
        key_at in 0usize..12,
    ) {
        let request = written(&local("/base"), |w| {
            w.bucket("bkt");
            for (at, (name, value)) in pairs.iter().enumerate() {
                if at == key_at {
                    w.key("k");
                }
                if value.is_empty() { w.flag(name) } else { w.query(name, value) }
            }
        }).unwrap();
        // Canonical as AWS defines it, the slow way.
        let mut expected: Vec<(String, String)> = pairs.iter().map(|(name, value)| {
            let mut encoded = (String::new(), String::new());
            percent::encode_query(name, &mut encoded.0);
            percent::encode_query(value, &mut encoded.1);
            encoded
        }).collect();
        expected.sort();
        let expected: Vec<String> = expected.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        prop_assert_eq!(request.query(), expected.join("&"));
        prop_assert_eq!(request.path(), if key_at < pairs.len() { "/base/bkt/k" } else { "/base/bkt" });
    }

    #[test]
    fn any_key_comes_back_from_the_path(key in ".{1,200}") {
        for (endpoint, before) in [(aws(), "/"), (local(""), "/bkt/"), (local("/x/y"), "/x/y/bkt/")] {
            let request = written(&endpoint, |w| { w.bucket("bkt"); w.key(&key); }).unwrap();
            let path = request.path().strip_prefix(before).unwrap();
            let back = percent_encoding::percent_decode_str(path).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(&back, &key);
            // Nothing between us and the wire rewrites it.
            let sent = request.uri().to_string();
            prop_assert!(sent.ends_with(request.path()), "{}", sent);
        }
    }

    #[test]
    fn control_characters_are_refused_wherever_they_stand(before in "[ -~é]{0,20}", bad in "[\0-\u{8}\n-\u{1f}\u{7f}]", after in ".{0,20}") {
        let value = format!("{before}{bad}{after}");
        let map = BTreeMap::from([("name".to_owned(), value.clone())]);
        let name = BTreeMap::from([(value.clone(), "x".to_owned())]);
        for result in [
            object(|w| w.header("x-amz-acl", &value)),
            object(|w| w.header("range", &ByteRange::from(format!("bytes={value}")))),
            object(|w| w.header("x-amz-copy-source", &CopySource::raw(value.clone()))),
            object(|w| w.header_list("x-amz-list", &["a", &value])),
            object(|w| w.header_md5("content-md5", &Some(value.clone()), &None)),
            object(|w| w.checksum_algorithm("x-amz-sdk-checksum-algorithm", &value)),
            object(|w| w.metadata("x-amz-meta-", &map)),
            object(|w| w.metadata("x-amz-meta-", &name)),
        ] {
            prop_assert_eq!(result.unwrap_err().kind(), RequestError::Validation.into());
        }
    }

    #[test]
    fn no_input_makes_it_panic(bucket in ".{0,70}", key in ".{0,50}", value in ".{0,50}", name in ".{0,10}") {
        let map = BTreeMap::from([(name, value.clone())]);
        let _ = written(&aws(), |w| {
            w.bucket(&bucket);
            w.key(&key);
            w.query("prefix", &value);
            w.header("x-amz-tagging", &value);
            w.metadata("x-amz-meta-", &map);
        });
    }
}

#[test]
fn buckets_stand_where_the_endpoint_wants_them() {
    for (endpoint, bucket, key, url) in [
        (aws(), None, None, "https://s3.us-east-1.amazonaws.com/"),
        (aws(), Some("bkt"), None, "https://bkt.s3.us-east-1.amazonaws.com/"),
        (aws(), Some("bkt"), Some("k"), "https://bkt.s3.us-east-1.amazonaws.com/k"),
        (aws(), Some("b.kt"), None, "https://s3.us-east-1.amazonaws.com/b.kt"),
        (local(""), None, None, "http://127.0.0.1:9000/"),
        (local("/base"), None, None, "http://127.0.0.1:9000/base/"),
        (local("/base"), Some("bkt"), None, "http://127.0.0.1:9000/base/bkt"),
        (local("/base"), Some("bkt"), Some("/k"), "http://127.0.0.1:9000/base/bkt//k"),
    ] {
        let request = written(&endpoint, |w| {
            if let Some(bucket) = bucket {
                w.bucket(bucket);
            }
            if let Some(key) = key {
                w.key(key);
            }
        })
        .unwrap();
        assert_eq!(request.uri().to_string(), url);
        assert_eq!(format!("{}://{}{}", request.scheme(), request.authority(), request.path()), url);
        assert_eq!(request.bucket_in_host(), url.contains("//bkt."));
        assert_eq!(request.host(), request.authority());
        assert!(request.headers().is_empty());
    }
}

#[test]
fn dots_and_slashes_in_keys_are_kept() {
    for key in [".", "..", "./a", "../../a", "a/../b", "a/./b", "/", "//", "/a//b/", "a/..", "...", "%2e%2e/x"] {
        let encoded = key.replace('%', "%25");
        for (endpoint, base) in
            [(aws(), "https://bkt.s3.us-east-1.amazonaws.com/"), (local(""), "http://127.0.0.1:9000/bkt/")]
        {
            let request = written(&endpoint, |w| {
                w.bucket("bkt");
                w.key(key);
            })
            .unwrap();
            assert_eq!(request.uri().to_string(), format!("{base}{encoded}"));
        }
    }
}

#[test]
fn absent_values_write_nothing_and_empty_ones_do() {
    let request = object(|w| {
        w.query("versionId", &None::<String>);
        w.header("x-amz-acl", &None::<String>);
        w.query_date("d", &None, DateFormat::DateTime);
        w.header_date("expires", &None, DateFormat::HttpDate);
        w.header_list::<String>("x-amz-list", &[]);
        w.header_md5("content-md5", &None, &None);
        w.metadata("x-amz-meta-", &BTreeMap::new());
        w.checksum_algorithm("x-amz-sdk-checksum-algorithm", &None::<String>);
    })
    .unwrap();
    assert_eq!((request.query(), request.headers().len(), request.checksum_algorithm()), ("", 0, None));
    let request = object(|w| {
        w.query("prefix", &Some(String::new()));
        w.header("x-amz-tagging", "");
    })
    .unwrap();
    assert_eq!((request.query(), header(&request, "x-amz-tagging").as_str()), ("prefix=", ""));
}

#[test]
fn values_have_their_wire_form() {
    let date = Some(Timestamp::from_unix(1_369_353_600));
    let request = object(|w| {
        w.query("partNumber", &Some(7));
        w.query_date("response-expires", &date, DateFormat::HttpDate);
        w.header("range", &Some(ByteRange::from(0..10)));
        w.header("x-amz-bypass", &Some(true));
        w.header("x-amz-copy-source", &CopySource::new("src-b", "a b").version_id("v"));
        w.header("content-disposition", "attachment; filename=\"ü.txt\"\t");
        w.header_date("if-modified-since", &date, DateFormat::HttpDate);
        w.header_date("x-amz-until", &date, DateFormat::DateTime);
        w.header_list("x-amz-object-attributes", &["ETag", "ObjectSize"]);
        w.checksum_algorithm("x-amz-sdk-checksum-algorithm", &Some("CRC32"));
    })
    .unwrap();
    assert_eq!(request.query(), "partNumber=7&response-expires=Fri%2C%2024%20May%202013%2000%3A00%3A00%20GMT");
    for (name, value) in [
        ("range", "bytes=0-9"),
        ("x-amz-bypass", "true"),
        ("x-amz-copy-source", "src-b/a%20b?versionId=v"),
        ("content-disposition", "attachment; filename=\"ü.txt\"\t"),
        ("if-modified-since", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-until", "2013-05-24T00:00:00Z"),
        ("x-amz-object-attributes", "ETag,ObjectSize"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ] {
        assert_eq!(header(&request, name), value);
    }
    assert_eq!(request.checksum_algorithm(), Some("CRC32"));
}

#[test]
fn the_md5_of_a_key_is_derived_unless_given_and_secrets_are_not_shown() {
    let key = Some(SecretBytes::from([7u8; 32]));
    let request = object(|w| {
        w.header("x-amz-key", &key);
        w.header("x-amz-token", &Some(SecretString::from("hunter2")));
        w.query("token", &Some(SecretString::from("hunter2")));
        w.header_md5("x-amz-key-md5", &None, &key);
        w.header_md5("x-amz-given", &Some("given".into()), &key);
    })
    .unwrap();
    assert_eq!(header(&request, "x-amz-key"), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    assert_eq!(header(&request, "x-amz-given"), "given");
    assert_eq!(header(&request, "x-amz-key-md5").len(), 24);
    assert!(request.headers()["x-amz-key"].is_sensitive() && request.headers()["x-amz-token"].is_sensitive());
    let shown = format!("{request:?} {:?}", request.headers());
    assert!(!shown.contains("hunter2") && !shown.contains("BwcH"), "{shown}");
    let mut w = RequestWriter::new(&aws());
    w.query("token", "hunter2");
    w.header("x-amz-key", &key);
    assert!(!format!("{w:?}").contains("hunter2") && !format!("{w:?}").contains("BwcH"));
}

#[test]
fn metadata_is_lower_cased_encoded_and_limited() {
    let map = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let write = |pairs: &[(&str, &str)]| object(|w| w.metadata("x-amz-meta-", &map(pairs)));
    let request = write(&[("Author", "alice"), ("city", "Zürich")]).unwrap();
    assert_eq!(header(&request, "x-amz-meta-author"), "alice");
    assert_eq!(header(&request, "x-amz-meta-city"), "=?UTF-8?B?WsO8cmljaA==?=");
    assert!(write(&[("k", &"v".repeat(2047))]).is_ok());
    let error = write(&[("k", &"v".repeat(2048))]).unwrap_err();
    assert!(error.message().contains("2049") && !error.to_string().contains("vvv"), "{error}");
    let error = write(&[("Key", "1"), ("key", "2")]).unwrap_err();
    assert!(error.message().contains("x-amz-meta-key is given twice"), "{error}");
    assert!(write(&[("", "1")]).is_err() && write(&[("a b", "1")]).is_err() && write(&[("ü", "1")]).is_err());
}

#[test]
fn the_first_mistake_is_the_one_reported() {
    let error = written(&aws(), |w| {
        w.limit_range("part_number", 0, 1, 10_000);
        w.bucket("BAD");
        w.key("");
    })
    .unwrap_err();
    assert_eq!(error.message(), "part_number must be 1 to 10000, it is 0");
    for (write, kind) in [
        (
            Box::new(|w: &mut RequestWriter| w.key("")) as Box<dyn FnOnce(&mut RequestWriter)>,
            RequestError::InvalidObjectKey,
        ),
        (Box::new(|w| w.header("range", &Some(ByteRange::from(5..5)))), RequestError::InvalidRange),
        (Box::new(|w| w.header("x-amz-copy-source", &CopySource::from("no-key"))), RequestError::Validation),
        (Box::new(|w| w.limit_chars("owner", "", 1, 10)), RequestError::Validation),
        (Box::new(|w| w.limit_items("tags", 11, 0, 10)), RequestError::Validation),
        (Box::new(|w| w.limit_items("objects", 0, 1, 10)), RequestError::Validation),
        (Box::new(|w| w.refuse_twins("tags.key", ["b", "a", "b"].into_iter())), RequestError::Validation),
        (Box::new(|w| w.refuse_prefix("key", "AWS:x", "aws:")), RequestError::Validation),
        (Box::new(|w| w.bucket("again")), RequestError::Validation),
        (Box::new(|w| w.header("Upper", "x")), RequestError::Validation),
        (Box::new(|w| w.query("prefix", &"x".repeat(70_000))), RequestError::Validation),
        (Box::new(|w| w.xml_body("Tag", "", |xml| xml.limit_items("tags", 11, 0, 10))), RequestError::Validation),
    ] {
        assert_eq!(object(write).unwrap_err().kind(), kind.into());
    }
}

#[test]
fn bodies_bring_their_content_type_unless_one_was_given() {
    let request = object(|w| w.xml_body("Tag", "", |xml| xml.element("Key", "a"))).unwrap();
    assert_eq!(header(&request, "content-type"), "application/xml");
    assert!(request.body().as_bytes().is_some_and(|b| b.ends_with(b"<Tag><Key>a</Key></Tag>")));
    let mut request = object(|w| {
        w.header("content-type", "text/plain");
        w.text_body("application/json", "{}");
    })
    .unwrap();
    assert_eq!(header(&request, "content-type"), "text/plain");
    assert_eq!(request.take_body(), ByteStream::from("{}"));
    assert_eq!(request.body(), &ByteStream::empty());
}

#[test]
fn a_redirect_changes_the_host_and_nothing_else() {
    let make = |endpoint: &EndpointConfig, bucket: &'static str, key: Option<&'static str>| {
        written(endpoint, |w| {
            w.bucket(bucket);
            if let Some(key) = key {
                w.key(key);
            }
            w.query("versionId", "a/b");
            w.header("x-amz-acl", "private");
        })
        .unwrap()
    };
    let path_style = |region: &str| {
        EndpointConfig::new(EndpointOptions {
            region: region.into(),
            addressing: Addressing::Path,
            ..Default::default()
        })
        .unwrap()
    };
    for bucket in ["bkt", "b.kt"] {
        for key in [None, Some("/"), Some("../k"), Some("a b/c")] {
            for from in [aws(), path_style("us-east-1"), local(""), local("/base")] {
                for to in [aws().for_region("eu-west-1").unwrap(), path_style("cn-north-1"), local("/x")] {
                    let mut moved = make(&from, bucket, key);
                    moved.reresolve(&to).unwrap();
                    let fresh = make(&to, bucket, key);
                    assert_eq!(moved.uri(), fresh.uri());
                    assert_eq!(moved.headers(), fresh.headers());
                    assert_eq!(moved.bucket_in_host(), fresh.bucket_in_host());
                    moved.reresolve(&from).unwrap();
                    assert_eq!(moved.uri(), make(&from, bucket, key).uri());
                }
            }
        }
    }
    let mut service = written(&aws(), |w| w.query("max-buckets", &Some(1))).unwrap();
    service.reresolve(&local("/base")).unwrap();
    assert_eq!(service.uri().to_string(), "http://127.0.0.1:9000/base/?max-buckets=1");
}
