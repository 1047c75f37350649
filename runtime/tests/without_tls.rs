//! A build without a TLS feature. Nothing of this is compiled in one that has TLS.
#![cfg(not(feature = "rustls-ring"))]
#![cfg(not(feature = "rustls-aws-lc"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use integration_s3_runtime::config::ConfigBuilder;
use integration_s3_runtime::error::{ConfigurationError, ErrorKind};

#[test]
fn https_without_tls_is_refused_when_the_client_is_built() {
    let on_aws = ConfigBuilder::config().region("eu-west-1").build();
    let elsewhere = ConfigBuilder::config().endpoint("https://storage.example.com").build();
    for error in [on_aws.unwrap_err(), elsewhere.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Configuration(ConfigurationError::InvalidConfiguration));
        assert!(error.to_string().contains("rustls-ring"), "{error}");
    }
    ConfigBuilder::config().endpoint("http://127.0.0.1:9000").build().unwrap();
}
