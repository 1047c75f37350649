//! Credentials of the role an EC2 instance runs under, from its metadata service, version 2.

use std::time::Duration;

use http::{Method, Uri};

use super::document::{Document, METADATA};
use super::exchange::{Answer, Exchange, request, secret_header, shown};
use super::fault::{absent, broken, failed, unreachable};
use super::{CredentialsFuture, ProvideCredentials, Surroundings};
use crate::error::{NetworkError, S3Error};
use crate::identity::Credentials;

const SOURCE: &str = "instance metadata";
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
/// The longest the service gives. The token only serves the two questions that follow.
const TOKEN_TTL: &str = "21600";

/// Asks the EC2 instance metadata service (IMDSv2).
///
/// `AWS_EC2_METADATA_DISABLED=true` switches it off; `AWS_EC2_METADATA_SERVICE_ENDPOINT` and
/// `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` (`IPv4` or `IPv6`) say where it is. Each question may take one second and
/// is asked twice. Where nothing answers, the source has no credentials: this is no EC2 instance, or the answer to the token
/// request did not reach this far, which in a container means that the instance's hop limit is 1.
#[derive(Clone, Debug)]
pub struct InstanceMetadata {
    surroundings: Surroundings,
    version_1: bool,
}

impl InstanceMetadata {
    /// The metadata service of these surroundings.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings, version_1: false }
    }

    /// Whether to go on without a token when the service gives none. Default off: version 1 answers whoever can make
    /// this machine send a GET request.
    #[must_use]
    pub fn allow_version_1(mut self, on: bool) -> Self {
        self.version_1 = on;
        self
    }

    async fn fetch(&self) -> Result<Credentials, S3Error> {
        if self.surroundings.switch(SOURCE, DISABLED)? {
            return Err(absent(SOURCE, format!("switched off by {DISABLED}")));
        }
        let service = Service { port: &self.surroundings, base: self.base()? };
        let token = self.token(&service).await?;
        let token = token.as_deref();

        let roles = service.get(ROLES, token).await?;
        let whom = &service.base.1;
        if roles.status == 404 {
            return Err(absent(SOURCE, format!("{whom} says that the instance has no role")));
        }
        let role = match roles.text().and_then(|text| text.lines().next()).map(str::trim) {
            Some(role) if roles.is_success() && is_role_name(role) => role,
            _ if roles.is_success() => return Err(broken(SOURCE, format!("{whom} gave no usable role name"))),
            _ => return Err(failed(SOURCE, format!("{whom} answered {} when asked for the role", roles.status))),
        };
        let answer = service.get(&format!("{ROLES}{role}"), token).await?;
        if !answer.is_success() {
            return Err(failed(SOURCE, format!("{whom} answered {} when asked for credentials", answer.status)));
        }
        let mut document = Document::parse(SOURCE, whom, &answer.body)?;
        match document.text("Code")? {
            Some(code) if code != "Success" => {
                let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
                Err(failed(SOURCE, format!("{whom} has no credentials for the role: {code}"))
                    .with_suggestion("check that the instance's role exists and trusts ec2.amazonaws.com"))
            }
            _ => document.credentials(&METADATA, self.surroundings.now()),
        }
    }

    /// The token of version 2; `None`: go on without.
    async fn token(&self, service: &Service<'_>) -> Result<Option<String>, S3Error> {
        let whom = &service.base.1;
        let answer = match service.token().await {
            Ok(answer) => answer,
            Err(error) => {
                let hops = match error.kind() {
                    crate::error::ErrorKind::Network(NetworkError::Timeout) => {
                        "; in a container on EC2 set the instance's metadata hop limit to 2 \
                         (aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2)"
                    }
                    _ => "",
                };
                return Err(
                    absent(SOURCE, format!("no answer from {whom}: {}{hops}", error.message())).with_source(error)
                );
            }
        };
        match answer.status {
            200..=299 => match answer.text() {
                Some(token) if !token.is_empty() => Ok(Some(token.to_owned())),
                _ => Err(broken(SOURCE, format!("{whom} gave an empty token"))),
            },
            403 => Err(absent(SOURCE, format!("{whom} is switched off for this instance"))),
            404 | 405 if self.version_1 => Ok(None),
            404 | 405 => Err(broken(SOURCE, format!("{whom} does not speak version 2 of the protocol"))
                .with_suggestion("if that is expected, build InstanceMetadata with allow_version_1(true)")),
            status => Err(failed(SOURCE, format!("{whom} answered {status} when asked for a token"))),
        }
    }

    /// Where the service is, and the same as text for messages.
    fn base(&self) -> Result<(Uri, String), S3Error> {
        let wrong = |name: &str, expected: &str| broken(SOURCE, format!("the variable {name} is not {expected}"));
        let text = match self.surroundings.variable(ENDPOINT) {
            Some(text) => text,
            None => match self.surroundings.variable(MODE) {
                None => "http://169.254.169.254".to_owned(),
                Some(mode) if mode.eq_ignore_ascii_case("ipv4") => "http://169.254.169.254".to_owned(),
                Some(mode) if mode.eq_ignore_ascii_case("ipv6") => "http://[fd00:ec2::254]".to_owned(),
                Some(_) => return Err(wrong(MODE, "IPv4 or IPv6")),
            },
        };
        let url: Uri = text.parse().map_err(|_| wrong(ENDPOINT, "a URL"))?;
        match url.scheme_str() {
            Some("http" | "https") if url.host().is_some_and(|host| !host.is_empty()) => {
                let shown = shown(&url);
                Ok((url, shown))
            }
            _ => Err(wrong(ENDPOINT, "a URL such as http://169.254.169.254")),
        }
    }
}

/// The service and how it is asked.
struct Service<'a> {
    port: &'a Surroundings,
    base: (Uri, String),
}

impl Service<'_> {
    fn exchange(&self) -> Exchange<'_> {
        Exchange { port: self.port.metadata(), timeout: Duration::from_secs(1), attempts: 2 }
    }

    fn at(&self, path: &str) -> Result<Uri, S3Error> {
        let base = self.base.0.path().trim_end_matches('/');
        let mut parts = self.base.0.clone().into_parts();
        parts.path_and_query = format!("{base}{path}").parse().ok();
        Uri::from_parts(parts).map_err(|_| broken(SOURCE, "the path cannot be written as a URL"))
    }

    async fn token(&self) -> Result<Answer, S3Error> {
        let url = self.at("/latest/api/token")?;
        let make = || {
            let mut put = request(Method::PUT, &url);
            put.headers_mut().insert("x-aws-ec2-metadata-token-ttl-seconds", http::HeaderValue::from_static(TOKEN_TTL));
            Ok(put)
        };
        self.exchange().send(make, |_| false).await
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Result<Answer, S3Error> {
        let url = self.at(path)?;
        let make = || {
            let mut get = request(Method::GET, &url);
            if let Some(token) = token {
                secret_header(&mut get, "x-aws-ec2-metadata-token", token, SOURCE, "the token")?;
            }
            Ok(get)
        };
        self.exchange().send(make, |_| false).await.map_err(|error| unreachable(SOURCE, &self.base.1, error))
    }
}

/// Role names as IAM allows them: what else comes back must not become part of a path.
fn is_role_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
}

impl ProvideCredentials for InstanceMetadata {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(self.fetch())
    }
}
