//! Where STS and SSO are when the environment says so: for test servers, private endpoints and stores with an STS of their own.

use std::net::IpAddr;

use http::Uri;

use super::Surroundings;
use super::fault::broken;
use crate::error::S3Error;

/// The URL in this variable, else in `AWS_ENDPOINT_URL`.
pub(super) fn configured(
    surroundings: &Surroundings,
    source: &str,
    variable: &'static str,
) -> Result<Option<Uri>, S3Error> {
    if surroundings.switch(source, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        return Ok(None);
    }
    let found = [variable, "AWS_ENDPOINT_URL"].into_iter().find_map(|name| Some((name, surroundings.variable(name)?)));
    let Some((name, text)) = found else { return Ok(None) };
    let wrong = || broken(source, format!("the variable {name} is not a URL such as https://sts.example.com"));
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let host = url.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    match url.scheme_str() {
        Some("https") => Ok(Some(url)),
        Some("http") if surroundings.allows_http() || is_this_machine(host) => Ok(Some(url)),
        Some("http") => Err(broken(
            source,
            format!("the variable {name} is plain http to another machine: tokens would travel in the clear"),
        )
        .with_suggestion("use https, or allow plain http in code")),
        _ => Err(wrong()),
    }
}

/// A URL made here.
pub(super) fn url(source: &str, text: &str) -> Result<Uri, S3Error> {
    text.parse().map_err(|_| broken(source, "the endpoint's URL cannot be made from these values"))
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
