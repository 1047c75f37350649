//! Which region STS and SSO are asked in, and the domain its hosts end with.

#[cfg(feature = "sts")]
use super::Surroundings;
use super::fault::broken;
use crate::error::S3Error;

/// The region of the environment, else the one of the profile.
#[cfg(feature = "sts")]
pub(super) fn current(
    surroundings: &Surroundings,
    source: &str,
    of_profile: Option<String>,
) -> Result<Option<String>, S3Error> {
    let found = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| surroundings.variable(name).map(|region| (format!("the variable {name}"), region)))
        .or_else(|| of_profile.map(|region| ("the profile's region".to_owned(), region)));
    found.map(|(from, region)| check(source, &from, region)).transpose()
}

/// A region becomes part of a host name: what is no region must not get there.
pub(super) fn check(source: &str, from: &str, region: String) -> Result<String, S3Error> {
    let fits = (2..=63).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !region.starts_with('-')
        && !region.ends_with('-');
    if fits { Ok(region) } else { Err(broken(source, format!("{from} is no region such as eu-west-1"))) }
}

/// The domain of the partition the region is in.
pub(super) fn suffix(region: &str) -> &'static str {
    crate::endpoint::partition(region).suffix
}
