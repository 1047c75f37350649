//! Partitions of AWS: which DNS suffix a region's hosts have, and what is known about its endpoints.

use crate::error::{ConfigurationError, S3Error};

/// A group of regions with names and credentials of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// As in ARNs: `aws`, `aws-cn`.
    pub name: &'static str,
    /// What its hosts end in, without a leading dot.
    pub suffix: &'static str,
    /// Whether it has FIPS endpoints for S3.
    pub fips: bool,
}

const AWS: Partition = Partition { name: "aws", suffix: "amazonaws.com", fips: true };

/// Region prefix and partition; the first that fits counts.
const BY_PREFIX: &[(&str, Partition)] = &[
    ("cn-", Partition { name: "aws-cn", suffix: "amazonaws.com.cn", fips: false }),
    ("us-gov-", Partition { name: "aws-us-gov", suffix: "amazonaws.com", fips: true }),
    ("us-iso-", Partition { name: "aws-iso", suffix: "c2s.ic.gov", fips: true }),
    ("us-isob-", Partition { name: "aws-iso-b", suffix: "sc2s.sgov.gov", fips: true }),
    ("eu-isoe-", Partition { name: "aws-iso-e", suffix: "cloud.adc-e.uk", fips: true }),
    ("us-isof-", Partition { name: "aws-iso-f", suffix: "csp.hci.ic.gov", fips: true }),
    ("eusc-", Partition { name: "aws-eusc", suffix: "amazonaws.eu", fips: true }),
];

/// The partition a region belongs to; regions nobody knows belong to `aws`.
pub fn partition(region: &str) -> Partition {
    BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or(AWS, |(_, partition)| *partition)
}

/// Whether a host is one of AWS's own.
pub(super) fn is_aws_host(host: &str) -> bool {
    let ends_in = |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
    ends_in(AWS.suffix) || BY_PREFIX.iter().any(|(_, partition)| ends_in(partition.suffix))
}

/// Refuses what is no region: it becomes part of a host and of every signature.
pub(super) fn check_region(region: &str) -> Result<(), S3Error> {
    let wrong = |what: &'static str| {
        Err(S3Error::new(ConfigurationError::InvalidConfiguration, what)
            .with_suggestion("write a region like eu-west-1; stores without regions take us-east-1"))
    };
    if region.is_empty() {
        return Err(S3Error::new(ConfigurationError::MissingRegion, "the region is empty")
            .with_suggestion("set the region the bucket is in, as eu-west-1"));
    }
    if region.len() > 63 {
        return wrong("the region is longer than 63 characters");
    }
    if !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return wrong("the region holds a character other than letters, digits and dashes");
    }
    if region.starts_with('-') || region.ends_with('-') {
        return wrong("the region begins or ends with a dash");
    }
    Ok(())
}
