//! The table of endpoints: partitions, variants, custom endpoints, and everything that is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::error::ErrorKind;

fn aws(region: &str) -> EndpointOptions {
    EndpointOptions { region: region.to_owned(), ..Default::default() }
}

fn custom(url: &str) -> EndpointOptions {
    EndpointOptions { custom: Some(url.to_owned()), allow_http: true, ..aws("us-east-1") }
}

fn url(options: &EndpointOptions, bucket: Option<&str>) -> String {
    let config = EndpointConfig::new(options.clone()).unwrap();
    let place = config.place(bucket);
    let mut out = format!("{}://", place.scheme().as_str());
    place.write_authority(&mut out);
    place.write_prefix(&mut out);
    out
}

#[test]
fn every_partition_has_its_suffix() {
    for (region, host) in [
        ("us-east-1", "s3.us-east-1.amazonaws.com"),
        ("eu-west-3", "s3.eu-west-3.amazonaws.com"),
        ("mx-central-1", "s3.mx-central-1.amazonaws.com"),
        ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "s3.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "s3.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", "s3.us-isof-south-1.csp.hci.ic.gov"),
        ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"),
    ] {
        assert_eq!(url(&aws(region), None), format!("https://{host}"));
        assert_eq!(url(&aws(region), Some("b-1")), format!("https://b-1.{host}"));
        assert_eq!(url(&aws(region), Some("b.dot")), format!("https://{host}/b.dot"));
        let path = EndpointOptions { addressing: Addressing::Path, ..aws(region) };
        assert_eq!(url(&path, Some("b-1")), format!("https://{host}/b-1"));
    }
}

#[test]
fn fips_and_dualstack_have_their_hosts() {
    for (fips, dualstack, host) in [
        (true, false, "s3-fips.us-gov-east-1.amazonaws.com"),
        (false, true, "s3.dualstack.us-gov-east-1.amazonaws.com"),
        (true, true, "s3-fips.dualstack.us-gov-east-1.amazonaws.com"),
    ] {
        let options = EndpointOptions { fips, dualstack, ..aws("us-gov-east-1") };
        assert_eq!(url(&options, Some("bkt")), format!("https://bkt.{host}"));
    }
}

#[test]
fn china_has_dualstack_but_no_fips() {
    let dual = EndpointOptions { dualstack: true, ..aws("cn-northwest-1") };
    assert_eq!(url(&dual, Some("bkt")), "https://bkt.s3.dualstack.cn-northwest-1.amazonaws.com.cn");
    let error = EndpointConfig::new(EndpointOptions { fips: true, ..aws("cn-north-1") }).unwrap_err();
    assert!(error.to_string().contains("no FIPS"), "{error}");
}

#[test]
fn custom_endpoints_keep_port_and_base_path() {
    for (text, want) in [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/bkt"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/bkt"),
        ("http://localhost:9000/base/s3//", "http://localhost:9000/base/s3/bkt"),
        ("http://[::1]:9000/x%2Fy", "http://[::1]:9000/x%2Fy/bkt"),
        ("https://[2001:DB8::0001]", "https://[2001:db8::1]/bkt"),
        ("HTTPS://S3.Example.COM:443", "https://s3.example.com/bkt"),
        ("http://minio:80", "http://minio/bkt"),
        ("https://minio_1:8443", "https://minio_1:8443/bkt"),
        (" https://acct.r2.cloudflarestorage.com ", "https://acct.r2.cloudflarestorage.com/bkt"),
        ("https://s3.eu-west-1.amazonaws.com", "https://bkt.s3.eu-west-1.amazonaws.com"),
        (
            "https://bucket.vpce-1a2b-5e.s3.us-east-1.vpce.amazonaws.com",
            "https://bucket.vpce-1a2b-5e.s3.us-east-1.vpce.amazonaws.com/bkt",
        ),
        (
            "https://accesspoint.vpce-1a-5e.s3.us-east-1.vpce.amazonaws.com",
            "https://bkt.accesspoint.vpce-1a-5e.s3.us-east-1.vpce.amazonaws.com",
        ),
        (
            "https://ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com",
            "https://ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com",
        ),
        ("https://amazonaws.com.evil.example", "https://amazonaws.com.evil.example/bkt"),
    ] {
        assert_eq!(url(&custom(text), Some("bkt")), want);
    }
}

#[test]
fn virtual_style_is_used_on_custom_endpoints_when_asked_for() {
    let on = |text: &str| EndpointOptions { addressing: Addressing::Virtual, ..custom(text) };
    assert_eq!(url(&on("https://s3.example.com:8443/base"), Some("bkt")), "https://bkt.s3.example.com:8443/base");
    assert_eq!(url(&on("http://localhost:9000"), Some("bkt")), "http://bkt.localhost:9000");
    assert_eq!(url(&on("https://s3.example.com"), Some("a.b")), "https://a.b.s3.example.com");
    assert_eq!(url(&on("https://s3.example.com"), Some("Old_Name")), "https://s3.example.com/Old_Name");
    for address in ["http://10.0.0.1:9000", "http://[::1]"] {
        let error = EndpointConfig::new(on(address)).unwrap_err();
        assert!(error.to_string().contains("IP address"), "{error}");
    }
}

#[test]
fn bad_endpoint_texts_say_what_is_wrong_and_never_repeat_it() {
    for (text, what) in [
        ("", "empty"),
        ("hunter2.example.com", "no scheme"),
        ("hunter2:9000", "no scheme"),
        ("ftp://hunter2.example.com", "neither https nor http"),
        ("https://user:hunter2@example.com", "user name or password"),
        ("https://user:hun/ter2@example.com", "port"),
        ("https://example.com/?hunter2=1", "query"),
        ("https://example.com?hunter2", "query"),
        ("https://example.com/#hunter2", "fragment"),
        ("https://", "no host"),
        ("https:///hunter2", "no host"),
        ("https://:9000", "no host"),
        ("https://hunter2:0", "port"),
        ("https://hunter2:65536", "port"),
        ("https://hunter2:", "port"),
        ("https://hunter2:+80", "port"),
        ("https://hunter2:9000:1", "colon"),
        ("https://::1", "colon"),
        ("https://[::hunter2]", "IPv6"),
        ("https://[::1", "IPv6"),
        ("https://1.2.3.400", "IPv4"),
        ("https://hunter2..com", "label"),
        ("https://hünter2.com", "character"),
        ("https://hunter2 .com", "blank"),
        ("https://hunter2.com/a b", "blank"),
        ("https://hunter2.com/a\nb", "control"),
        ("https://example.com/hunter2/é", "path"),
        ("https://example.com/hunter2%2f", "path"),
        ("https://example.com/hunter2%", "path"),
    ] {
        let error = EndpointConfig::new(custom(text)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration(ConfigurationError::InvalidEndpoint), "{text}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(what), "{text}: {shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("ter2"), "{text}: {shown}");
    }
}

#[test]
fn plain_http_is_for_this_machine_unless_allowed() {
    for (text, fine) in [
        ("http://127.0.0.1", true),
        ("http://127.9.9.9:1", true),
        ("http://[::1]:9000", true),
        ("http://localhost", true),
        ("http://s3.localhost:4566", true),
        ("http://minio:9000", false),
        ("http://10.0.0.1", false),
        ("http://localhost.example.com", false),
        ("https://minio:9000", true),
    ] {
        let closed = EndpointConfig::new(EndpointOptions { allow_http: false, ..custom(text) });
        assert_eq!(closed.is_ok(), fine, "{text}");
        if let Err(error) = closed {
            assert!(error.to_string().contains("allow_http"), "{error}");
        }
        assert!(EndpointConfig::new(custom(text)).is_ok());
    }
}

#[test]
fn fips_and_dualstack_do_not_go_with_a_custom_endpoint() {
    for (fips, dualstack, name) in [(true, false, "FIPS"), (false, true, "dual-stack")] {
        let error =
            EndpointConfig::new(EndpointOptions { fips, dualstack, ..custom("https://e.example") }).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn regions_are_letters_digits_and_dashes() {
    for fine in ["us-east-1", "auto", "garage", "US", "default", "eu-central-003"] {
        assert!(EndpointConfig::new(aws(fine)).is_ok(), "{fine}");
    }
    for bad in ["", " ", "eu west 1", "eu/west", "eu.west", "a@b", "-a", "a-", "é", "a\r\nb"] {
        assert!(EndpointConfig::new(aws(bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn another_region_moves_aws_hosts_and_leaves_custom_ones() {
    let config = EndpointConfig::new(aws("us-east-1")).unwrap().for_region("cn-north-1").unwrap();
    assert_eq!((config.region(), config.authority()), ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"));
    let config = EndpointConfig::new(custom("https://e.example/x")).unwrap().for_region("eu-west-1").unwrap();
    assert_eq!((config.region(), config.authority(), config.base_path()), ("eu-west-1", "e.example", "/x"));
    assert!(config.for_region("evil.example/").is_err());
}
