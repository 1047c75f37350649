//! Credentials of the role a container runs under: Amazon ECS tasks and EKS Pod Identity.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, Uri};

use super::document::{Document, METADATA};
use super::exchange::{Exchange, request, secret_header, shown};
use super::fault::{absent, broken, failed, unreachable};
use super::{CredentialsFuture, ProvideCredentials, Surroundings};
use crate::error::S3Error;
use crate::identity::{Credentials, SecretString};

const SOURCE: &str = "container endpoint";
const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Asks the endpoint that ECS and EKS offer inside a container.
///
/// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is a path on `http://169.254.170.2`;
/// `AWS_CONTAINER_CREDENTIALS_FULL_URI` a whole URL: https, or http to this machine or to the addresses ECS and EKS use.
/// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, else `AWS_CONTAINER_AUTHORIZATION_TOKEN`, is sent along; it is
/// read anew each time, because EKS renews the file.
#[derive(Clone, Debug)]
pub struct ContainerCredentials {
    surroundings: Surroundings,
}

impl ContainerCredentials {
    /// The container endpoint of these surroundings.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings }
    }

    async fn fetch(&self) -> Result<Credentials, S3Error> {
        let url = self.url()?;
        let whom = shown(&url);
        let token = self.token().await?;
        let exchange = Exchange { port: self.surroundings.metadata(), timeout: Duration::from_secs(5), attempts: 3 };
        let make = || {
            let mut get = request(Method::GET, &url);
            if let Some((token, from)) = &token {
                secret_header(&mut get, "authorization", token.expose(), SOURCE, from)?;
            }
            Ok(get)
        };
        let answer = exchange.send(make, |_| false).await.map_err(|error| unreachable(SOURCE, &whom, error))?;
        if !answer.is_success() {
            let error = failed(SOURCE, format!("{whom} answered {}", answer.status));
            return Err(match answer.status {
                401 | 403 if token.is_none() => error.with_suggestion(format!("set {TOKEN_FILE} or {TOKEN}")),
                401 | 403 => error.with_suggestion("check the role of the task or pod, and the authorization token"),
                _ => error,
            });
        }
        Document::parse(SOURCE, &whom, &answer.body)?.credentials(&METADATA, self.surroundings.now())
    }

    fn url(&self) -> Result<Uri, S3Error> {
        if let Some(path) = self.surroundings.variable(RELATIVE) {
            let wrong = || broken(SOURCE, format!("the variable {RELATIVE} is not a path that begins with /"));
            return match path.starts_with('/') {
                true => format!("http://169.254.170.2{path}").parse().map_err(|_| wrong()),
                false => Err(wrong()),
            };
        }
        let Some(text) = self.surroundings.variable(FULL) else {
            return Err(absent(SOURCE, format!("neither {RELATIVE} nor {FULL} is set")));
        };
        let wrong = || broken(SOURCE, format!("the variable {FULL} is not a URL"));
        let url: Uri = text.parse().map_err(|_| wrong())?;
        let host = url.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        match url.scheme_str() {
            Some("https") => Ok(url),
            Some("http") if may_be_plain(host) => Ok(url),
            Some("http") => {
                Err(broken(SOURCE, format!("the variable {FULL} names a host that plain http may not go to"))
                    .with_suggestion(
                        "use https, or http to this machine, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]",
                    ))
            }
            _ => Err(wrong()),
        }
    }

    /// The token and what to call it in messages.
    async fn token(&self) -> Result<Option<(SecretString, String)>, S3Error> {
        let (token, from) = match self.surroundings.variable(TOKEN_FILE) {
            Some(path) => {
                let from = format!("the file {path} ({TOKEN_FILE})");
                let bytes = self.surroundings.read(self.surroundings.expand(&path)).await;
                let bytes = bytes.map_err(|e| broken(SOURCE, format!("{from} cannot be read: {}", e.kind())))?;
                let text = std::str::from_utf8(&bytes).map_err(|_| broken(SOURCE, format!("{from} is not text")))?;
                // Editors end files with a line break, which is no part of the token.
                let text = text.strip_suffix('\n').map_or(text, |t| t.strip_suffix('\r').unwrap_or(t));
                (SecretString::from(text), from)
            }
            None => match self.surroundings.raw_variable(TOKEN) {
                Some(token) => (SecretString::from(token), format!("the variable {TOKEN}")),
                None => return Ok(None),
            },
        };
        match token.expose() {
            "" => Err(broken(SOURCE, format!("{from} is empty"))),
            text if text.contains(['\r', '\n']) => Err(broken(SOURCE, format!("{from} holds a line break"))),
            _ => Ok(Some((token, from))),
        }
    }
}

/// Hosts on this machine, and the addresses at which ECS and EKS listen.
fn may_be_plain(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.octets() == [169, 254, 170, 2] || ip.octets() == [169, 254, 170, 23]
        }
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

impl ProvideCredentials for ContainerCredentials {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(self.fetch())
    }
}
