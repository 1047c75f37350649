//! Who wins, who is named, and what is never shown.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use super::reading::Reading;
use super::*;
use crate::credentials::Surroundings;
use crate::error::{ConfigurationError, ErrorKind, S3Error};
use crate::resilience::RetryMode;

type Pairs = &'static [(&'static str, &'static str)];

/// A machine with these variables and this text in `~/.aws/config`.
fn machine(variables: Pairs, profile: &'static str) -> Surroundings {
    Surroundings::system()
        .with_variables(move |name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        .with_home("/home/alice")
        .with_files(move |path| match path.ends_with("config") && !profile.is_empty() {
            true => Ok(profile.as_bytes().to_vec()),
            false => Err(std::io::ErrorKind::NotFound.into()),
        })
}

fn builder(variables: Pairs, profile: &'static str) -> ConfigBuilder<S3Config> {
    ConfigBuilder::config().load_from(machine(variables, profile))
}

fn shown(report: &Report, option: &str) -> (String, String) {
    let entry = report.get(option).unwrap();
    (entry.value.clone(), entry.origin.to_string())
}

const FILE: &str = "[default]
region = eu-central-1
services = local
ca_bundle = /etc/ca.pem
max_attempts = 7
s3 =
  addressing_style = virtual
  multipart_chunksize = 16MB
  max_concurrent_requests = 9

[services local]
s3 =
  endpoint_url = http://localhost:9000/base
  addressing_style = path
dynamodb =
  endpoint_url = http://localhost:8000

[profile other]
region = sa-east-1
";

#[test]
fn code_wins_over_environment_over_profile_over_default() {
    const SET: Pairs = &[("AWS_REGION", "eu-west-1")];
    for (builder, region, origin) in [
        (builder(SET, FILE).region("us-west-2"), "us-west-2", "code"),
        (ConfigBuilder::config().region("us-west-2").load_from(machine(SET, FILE)), "us-west-2", "code"),
        (builder(SET, FILE), "eu-west-1", "environment variable AWS_REGION"),
        (builder(&[("AWS_DEFAULT_REGION", "eu-west-2")], FILE), "eu-west-2", "environment variable AWS_DEFAULT_REGION"),
        (builder(&[("AWS_REGION", "  ")], FILE), "eu-central-1", "profile default in /home/alice/.aws/config line 2"),
        (builder(&[], FILE).profile("other"), "sa-east-1", "profile other in /home/alice/.aws/config line 19"),
        (builder(&[("AWS_PROFILE", "other")], FILE), "sa-east-1", "profile other in /home/alice/.aws/config line 19"),
        (builder(&[], "").endpoint("http://localhost:9000"), "us-east-1", "default"),
    ] {
        let config = builder.build().unwrap();
        assert_eq!(config.region(), region);
        assert_eq!(shown(&config.explain(), "region"), (region.to_owned(), origin.to_owned()));
    }
}

#[test]
fn profiles_name_services_and_nest_options_of_s3() {
    let config = builder(&[], FILE).build().unwrap();
    let report = config.explain();
    for (option, value, line) in [
        ("endpoint", "http://localhost:9000/base", 13),
        ("path_style", "path", 14),
        ("multipart_part_size", "16 MiB", 8),
        ("multipart_concurrency", "9", 9),
        ("max_attempts", "7", 5),
        ("ca_bundle", "/etc/ca.pem", 4),
    ] {
        let origin = format!("profile default in /home/alice/.aws/config line {line}");
        assert_eq!(shown(&report, option), (value.to_owned(), origin), "{option}");
    }
    assert_eq!((config.multipart.part_size, config.multipart.concurrency, config.retry.max_attempts), (16 << 20, 9, 7));
    assert_eq!(config.endpoint.base_path(), "/base");
    assert_eq!(config.request_checksums, ChecksumWhen::Required, "the endpoint is a custom one");
}

#[test]
fn endpoints_of_the_machine_can_be_passed_over_and_code_stays() {
    const ENDPOINT: (&str, &str) = ("AWS_ENDPOINT_URL", "https://s3.example.com");
    const IGNORE: (&str, &str) = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    assert!(builder(&[ENDPOINT], FILE).build().unwrap().endpoint.is_custom());
    let config = builder(&[ENDPOINT, IGNORE], FILE).build().unwrap();
    assert!(!config.endpoint.is_custom());
    assert_eq!(config.request_checksums, ChecksumWhen::Supported);
    assert!(
        builder(&[ENDPOINT, IGNORE], FILE).endpoint("https://s3.example.com").build().unwrap().endpoint.is_custom()
    );
    let specific = builder(&[ENDPOINT, ("AWS_ENDPOINT_URL_S3", "https://mine.example.com")], FILE).build().unwrap();
    assert_eq!(specific.endpoint.authority(), "mine.example.com");
}

#[test]
fn everything_the_environment_says_arrives() {
    let config = builder(
        &[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_USE_FIPS_ENDPOINT", "TRUE"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ("AWS_RETRY_MODE", "adaptive"),
            ("AWS_MAX_ATTEMPTS", "5"),
            ("S3_INTEGRATION_MAX_RETRIES", "8"),
            ("AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_REQUIRED"),
            ("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required"),
            ("AWS_SDK_UA_APP_ID", "shop"),
            ("S3_INTEGRATION_TIMEOUT_MS", "1500"),
            ("S3_INTEGRATION_PATH_STYLE", "true"),
            ("S3_INTEGRATION_MULTIPART_THRESHOLD", "33554432"),
            ("S3_INTEGRATION_MULTIPART_PART_SIZE", "10MiB"),
            ("S3_INTEGRATION_MULTIPART_CONCURRENCY", "16"),
            ("S3_INTEGRATION_TRANSFER_MEMORY", "1 GiB"),
            ("S3_INTEGRATION_RATE_LIMIT_RPS", "250"),
            ("S3_INTEGRATION_CB_THRESHOLD", "9"),
            ("S3_INTEGRATION_CB_RESET_MS", "2500"),
        ],
        "",
    )
    .build()
    .unwrap();
    assert_eq!(config.endpoint.authority(), "s3-fips.dualstack.eu-west-1.amazonaws.com");
    assert_eq!((config.retry.mode, config.retry.max_attempts), (RetryMode::Adaptive, 9));
    assert_eq!((config.request_checksums, config.response_checksums), (ChecksumWhen::Required, ChecksumWhen::Required));
    assert_eq!(config.app_name.as_deref(), Some("shop"));
    assert_eq!(config.timeouts.operation, Some(Duration::from_millis(1500)));
    assert!(!config.endpoint.place(Some("bucket")).bucket_in_host());
    let multipart = Multipart { threshold: 32 << 20, part_size: 10 << 20, concurrency: 16, memory: 1 << 30 };
    assert_eq!(config.multipart, multipart);
    assert_eq!(config.rate_limits.requests_per_second, Some(250));
    assert_eq!((config.circuit.failures, config.circuit.reset_after), (9, Duration::from_millis(2500)));
}

#[test]
fn nonsense_in_any_variable_is_an_error_that_names_it_and_not_the_value() {
    const NONSENSE: &str = "hush \\ \u{1} nonsense";
    let mut strict = 0;
    for option in OPTIONS {
        for (name, reading) in option.variables {
            let machine = Surroundings::system()
                .with_variables(move |asked| match asked {
                    _ if asked == *name => Some(NONSENSE.to_owned()),
                    _ => None,
                })
                .with_files(|_: &Path| Err(std::io::ErrorKind::NotFound.into()));
            let outcome = ConfigBuilder::config().region("eu-west-1").load_from(machine).build();
            match reading {
                // Any text is one; whoever uses it says more. A profile has to be there.
                Reading::Text | Reading::Secret if *name != "AWS_PROFILE" => {
                    outcome.unwrap();
                }
                _ => {
                    strict += 1;
                    let error = outcome.unwrap_err();
                    assert_eq!(
                        error.kind(),
                        ErrorKind::Configuration(ConfigurationError::InvalidConfiguration),
                        "{name}"
                    );
                    let text = format!("{error} {error:?}");
                    assert!(text.contains(&format!("the environment variable {name} ")), "{text}");
                    assert!(!text.contains("hush"), "{text}");
                    assert!(error.suggestion().is_some());
                }
            }
        }
    }
    assert_eq!(strict, 33);
}

#[test]
fn an_error_says_what_would_be_right() {
    let read = |variables| builder(variables, FILE).build().unwrap_err().to_string();
    assert_eq!(
        read(&[("AWS_USE_FIPS_ENDPOINT", "yes")]),
        "the environment variable AWS_USE_FIPS_ENDPOINT has a value that cannot be used; set it to true or false, or unset it"
    );
    assert_eq!(
        read(&[("ALL_PROXY", "socks5h://alice:hush@127.0.0.1:1080")]),
        "the environment variable ALL_PROXY has a value that cannot be used; set it to a proxy such as \
         http://proxy.example.com:3128 (SOCKS proxies are not supported), or unset it"
    );
    assert_eq!(
        read(&[("AWS_PROFILE", "hush")]),
        "the environment variable AWS_PROFILE names a profile that is not in /home/alice/.aws/config; check its spelling, or \
         unset it"
    );
    let read = |file| builder(&[], file).build().unwrap_err().to_string();
    assert_eq!(
        read("[default]\nregion = eu-west-1\nmax_attempts = hush"),
        "max_attempts at /home/alice/.aws/config:3 has a value that cannot be used; set it to a whole number from 1 to 1000, or \
         unset it"
    );
    assert_eq!(
        read("[default]\nregion = eu-west-1\ns3 =\n  addressing_style = hush"),
        "s3.addressing_style at /home/alice/.aws/config:4 has a value that cannot be used; set it to auto or path or virtual, or \
         unset it"
    );
    assert_eq!(
        read("[default]\nregion = eu-west-1\nservices = hush"),
        "services at /home/alice/.aws/config:3 names a section that does not exist"
    );
    assert_eq!(read("[default\nhush"), "profile files: /home/alice/.aws/config:1: a section without a closing bracket");
    assert_eq!(
        read("[default]\noutput = json"),
        "no region is configured; call region(\"eu-west-1\") on the builder, set AWS_REGION, or region in the profile"
    );
}

#[test]
fn reports_hold_no_secret_and_list_every_problem() {
    const VARIABLES: Pairs = &[
        ("AWS_ACCESS_KEY_ID", "AKIAHUSH"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("AWS_SESSION_TOKEN", "hush"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush"),
        ("HTTPS_PROXY", "http://hush:hush@proxy.example.com:3128"),
        ("AWS_ENDPOINT_URL", "https://hush:hush@s3.example.com"),
        ("AWS_MAX_ATTEMPTS", "hush"),
    ];
    let report = builder(VARIABLES, FILE).explain();
    assert_eq!(report.problems().len(), 2);
    assert_eq!(shown(&report, "https_proxy").0, "http://***@proxy.example.com:3128");
    assert_eq!(shown(&report, "secret_access_key").0, "***");
    let text = format!("{report}{report:?}{:?}", builder(VARIABLES, FILE));
    assert!(!text.to_lowercase().contains("hush"), "{text}");
    assert_eq!(report.entries().len(), OPTIONS.len());
}

#[test]
fn a_proxy_of_the_environment_is_not_for_cgi_programs() {
    let report = builder(&[("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")], FILE).explain();
    assert_eq!(shown(&report, "http_proxy").1, "default");
    let report = builder(&[("HTTPS_PROXY", "http://p:1")], FILE).no_proxy().explain();
    assert_eq!(shown(&report, "https_proxy"), ("none".to_owned(), "code".to_owned()));
    assert!(ConfigBuilder::config().region("eu-west-1").proxy("ftp://x").build().is_err());
}

#[test]
fn values_of_code_are_checked_too() {
    let base = || ConfigBuilder::config().region("eu-west-1");
    let no_limits = RateLimits::default();
    for (builder, text) in [
        (base().max_attempts(0), "max_attempts"),
        (base().app_name("two words"), "app_name"),
        (base().multipart_part_size(1), "multipart_part_size"),
        (base().multipart_concurrency(0), "multipart_concurrency"),
        (base().transfer_memory(1), "transfer_memory"),
        (base().rate_limits(RateLimits { requests_per_second: Some(0), ..no_limits }), "rate_limits"),
        (base().endpoint("http://store.example.com"), "plain http"),
    ] {
        let error: S3Error = builder.build().unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

fn facts(endpoint: Option<&'static str>, account: &str) -> ProviderFacts {
    ProviderFacts {
        name: "Test Store",
        endpoint,
        region: Some("auto"),
        parameters: vec![("account", account.to_owned())],
        addressing: crate::endpoint::Addressing::Path,
        request_checksums: ChecksumWhen::Required,
        response_checksums: ChecksumWhen::Supported,
        store: StoreFacts::STANDARD.without_aws_chunked(),
    }
}

#[test]
fn a_provider_wins_over_the_machine_and_loses_to_code() {
    const SET: Pairs = &[
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", "https://elsewhere.example.com"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported"),
        ("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required"),
    ];
    let provider = || builder(SET, "").provider(facts(Some("https://{account}.example.com"), "abc"));
    let config = provider().build().unwrap();
    assert_eq!((config.region(), config.endpoint.authority()), ("auto", "abc.example.com"));
    assert_eq!((config.request_checksums, config.response_checksums), (ChecksumWhen::Required, ChecksumWhen::Required));
    assert_eq!(shown(&config.explain(), "endpoint").1, "provider Test Store");
    assert!(!config.store.aws_chunked);
    assert_eq!(provider().region("us-east-1").build().unwrap().region(), "us-east-1");
}

#[test]
fn parameters_of_a_provider_cannot_move_the_host() {
    for evil in ["", "a.evil.com/", "x@evil.com", "a:b", "a b"] {
        let error =
            ConfigBuilder::config().provider(facts(Some("https://{account}.example.com"), evil)).build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "account of the provider Test Store cannot be part of a host name; give 1 to 63 letters, digits and dashes"
        );
    }
    let whole =
        ConfigBuilder::config().provider(facts(Some("{account}"), "http://localhost:9000/base")).build().unwrap();
    assert_eq!(whole.endpoint.base_path(), "/base");
}

/// The table of `docs/configuration.md`, out of the list.
fn documented() -> String {
    let code = |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    OPTIONS
        .iter()
        .map(|o| {
            let (variables, keys) = (code(o.variables().collect()), code(o.profile_keys().collect()));
            format!("| `{}` | {} | {variables} | {keys} | {} |\n", o.name, o.doc, o.default)
        })
        .collect()
}

#[test]
fn the_documentation_lists_exactly_these_options() {
    let document = include_str!("../../../docs/configuration.md");
    let rows: String =
        document.lines().filter(|line| line.starts_with("| `")).map(|line| format!("{line}\n")).collect();
    assert!(rows == documented(), "docs/configuration.md should have these rows:\n{}", documented());
}
