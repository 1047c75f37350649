//! The text of a custom endpoint, taken apart and checked. Errors say what is wrong and never repeat the text:
//! people paste URLs with passwords in them.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Scheme;
use super::partition::is_aws_host;
use crate::error::{ConfigurationError, S3Error};

/// A custom endpoint: where it is and what kind of host it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseUrl {
    pub(super) scheme: Scheme,
    /// Lower case, with the port unless it is the scheme's own.
    pub(super) authority: String,
    /// Empty, or begins with a slash and does not end with one.
    pub(super) path: String,
    pub(super) host: HostKind,
    pub(super) loopback: bool,
}

/// What a host allows to be put before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostKind {
    /// An address: nothing.
    Address,
    /// `localhost` and names below it: no certificate, no DNS; a bucket only if asked for.
    Local,
    /// A host of AWS that expects the bucket before it: S3 itself, access points behind a VPC endpoint.
    Aws,
    /// The host of one access point: it stands for the bucket.
    AccessPoint,
    /// Another store.
    Other,
}

fn wrong(what: &'static str) -> S3Error {
    S3Error::new(ConfigurationError::InvalidEndpoint, what)
        .with_suggestion("write the endpoint like https://s3.example.com or http://127.0.0.1:9000/base")
}

impl BaseUrl {
    /// # Errors
    /// `InvalidEndpoint`, saying which part is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, S3Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(wrong("the endpoint is empty"));
        }
        if text.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
            return Err(wrong("the endpoint holds a blank, a control character or a backslash"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("the endpoint has no scheme (https:// or http://)"));
        };
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            return Err(wrong("the endpoint's scheme is neither https nor http"));
        };
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong("the endpoint holds a user name or password; credentials are set apart from it"));
        }
        if tail.contains('?') {
            return Err(wrong("the endpoint has a query"));
        }
        if tail.contains('#') {
            return Err(wrong("the endpoint has a fragment"));
        }
        let (host, port) = split_port(authority)?;
        let path = base_path(tail)?;
        let (mut authority, host, loopback) = self::host(host)?;
        if let Some(port) = port.filter(|port| *port != scheme.default_port()) {
            authority.push(':');
            authority.push_str(&port.to_string());
        }
        Ok(Self { scheme, authority, path, host, loopback })
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), S3Error> {
    let colon = match authority.rfind(']') {
        Some(bracket) => authority.get(bracket..).and_then(|rest| rest.find(':')).map(|at| bracket + at),
        None => authority.rfind(':'),
    };
    let Some(colon) = colon else { return Ok((authority, None)) };
    let (host, port) = authority.split_at(colon);
    let port = port.trim_start_matches(':');
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => Ok((host, Some(number))),
        _ => Err(wrong("the endpoint's port is no number from 1 to 65535")),
    }
}

fn host(text: &str) -> Result<(String, HostKind, bool), S3Error> {
    if text.is_empty() {
        return Err(wrong("the endpoint has no host"));
    }
    if text.starts_with('[') || text.ends_with(']') {
        let address = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).and_then(|t| t.parse::<Ipv6Addr>().ok());
        let Some(address) = address else {
            return Err(wrong("the endpoint's host is no IPv6 address in brackets"));
        };
        return Ok((format!("[{address}]"), HostKind::Address, address.is_loopback()));
    }
    if text.contains(':') {
        return Err(wrong("the endpoint's host holds a colon; IPv6 addresses stand in brackets"));
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok((address.to_string(), HostKind::Address, address.is_loopback()));
    }
    let host = text.to_ascii_lowercase();
    if host.len() > 253 || host.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(wrong("the endpoint's host has an empty or overlong label"));
    }
    if !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) {
        return Err(wrong("the endpoint's host holds a character no host name has"));
    }
    if host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(wrong("the endpoint's host ends in a number but is no IPv4 address"));
    }
    let local = host == "localhost" || host.ends_with(".localhost");
    let kind = if local { HostKind::Local } else { aws_kind(&host) };
    Ok((host, kind, local))
}

fn aws_kind(host: &str) -> HostKind {
    if !is_aws_host(host) {
        return HostKind::Other;
    }
    let (first, rest) = host.split_once('.').unwrap_or((host, ""));
    if rest.starts_with("s3-accesspoint") || rest.starts_with("accesspoint.vpce-") {
        HostKind::AccessPoint
    } else if first == "s3" || first.starts_with("s3-") || (first == "accesspoint" && rest.starts_with("vpce-")) {
        HostKind::Aws
    } else {
        HostKind::Other
    }
}

/// The path below which the store lives. It is signed as it stands, so it must already be in canonical form.
fn base_path(tail: &str) -> Result<String, S3Error> {
    let path = tail.trim_end_matches('/');
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                [bytes.next(), bytes.next()].iter().all(|b| b.is_some_and(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')))
            }
            b'/' | b'-' | b'.' | b'_' | b'~' => true,
            other => other.is_ascii_alphanumeric(),
        };
        if !fine {
            return Err(wrong("the endpoint's path holds a character that is not percent-encoded (in upper case)"));
        }
    }
    Ok(path.to_owned())
}
