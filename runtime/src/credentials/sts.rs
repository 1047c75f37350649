//! The two questions asked of the Security Token Service: a role for credentials, a role for a web identity token.

use std::fmt::Write;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::exchange::{Answer, Exchange, request, shown};
use super::fault::{broken, expired, failed, unreachable};
use super::{Surroundings, region, service};
use crate::body::ByteStream;
use crate::error::S3Error;
use crate::identity::{Credentials, SecretString};
use crate::plumbing::XmlError;
use crate::plumbing::XmlReader;
use crate::sign::{self, KeyCache, Payload, SigningScope, Target};
use crate::timestamp::Timestamp;

/// Everything but what RFC 3986 calls unreserved.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which role, and how the session shall look.
#[derive(Clone, Debug, Default)]
pub(super) struct RoleRequest {
    pub(super) role: String,
    pub(super) session: Option<String>,
    pub(super) external_id: Option<SecretString>,
    pub(super) duration: Option<u32>,
    pub(super) policy: Option<String>,
    pub(super) policy_arns: Vec<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) transitive_tags: Vec<String>,
    pub(super) source_identity: Option<String>,
}

/// STS at its endpoint.
pub(super) struct Sts<'a> {
    surroundings: &'a Surroundings,
    source: &'static str,
    url: Uri,
    region: String,
}

impl<'a> Sts<'a> {
    /// STS in the region of the environment, else in the given one, else the global endpoint.
    pub(super) fn new(
        surroundings: &'a Surroundings,
        source: &'static str,
        region: Option<String>,
    ) -> Result<Self, S3Error> {
        let region = region::current(surroundings, source, region)?;
        let url = match service::configured(surroundings, source, "AWS_ENDPOINT_URL_STS")? {
            Some(url) => url,
            None => {
                let fips = surroundings.switch(source, "AWS_USE_FIPS_ENDPOINT")?;
                let host = match &region {
                    Some(region) if fips => format!("sts-fips.{region}.{}", region::suffix(region)),
                    Some(region) => format!("sts.{region}.{}", region::suffix(region)),
                    None => "sts.amazonaws.com".to_owned(),
                };
                service::url(source, &format!("https://{host}/"))?
            }
        };
        Ok(Self { surroundings, source, url, region: region.unwrap_or_else(|| "us-east-1".to_owned()) })
    }

    /// Credentials of the role, for credentials that may assume it.
    pub(super) async fn assume(&self, request: &RoleRequest, by: &Credentials) -> Result<Credentials, S3Error> {
        let form = self.form("AssumeRole", request)?;
        let own = [Some(by.secret_access_key()), by.session_token(), request.external_id.as_ref()];
        self.ask(form, Some(by), &own).await
    }

    /// Credentials of the role, for a token its trust policy accepts. The request is not signed: the token is the proof.
    pub(super) async fn assume_with_web_identity(
        &self,
        request: &RoleRequest,
        token: &SecretString,
    ) -> Result<Credentials, S3Error> {
        let mut form = self.form("AssumeRoleWithWebIdentity", request)?;
        push(&mut form, "WebIdentityToken", token.expose());
        self.ask(form, None, &[Some(token)]).await
    }

    fn form(&self, action: &str, request: &RoleRequest) -> Result<Zeroizing<String>, S3Error> {
        let mut form = Zeroizing::new(String::with_capacity(4096));
        push(&mut form, "Action", action);
        push(&mut form, "Version", "2011-06-15");
        push(&mut form, "RoleArn", &request.role);
        let session = match &request.session {
            Some(name) => name.clone(),
            None => format!("integration-s3-{}", self.surroundings.now().unix()),
        };
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        if !(2..=64).contains(&session.len()) || !session.bytes().all(fits) {
            return Err(broken(self.source, "the role session name must be 2 to 64 letters, digits or _+=,.@-"));
        }
        push(&mut form, "RoleSessionName", &session);
        if let Some(id) = &request.external_id {
            push(&mut form, "ExternalId", id.expose());
        }
        if let Some(seconds) = request.duration {
            push(&mut form, "DurationSeconds", &seconds.to_string());
        }
        if let Some(policy) = &request.policy {
            push(&mut form, "Policy", policy);
        }
        for (at, arn) in (1..).zip(&request.policy_arns) {
            push(&mut form, &format!("PolicyArns.member.{at}.arn"), arn);
        }
        for (at, (key, value)) in (1..).zip(&request.tags) {
            push(&mut form, &format!("Tags.member.{at}.Key"), key);
            push(&mut form, &format!("Tags.member.{at}.Value"), value);
        }
        for (at, key) in (1..).zip(&request.transitive_tags) {
            push(&mut form, &format!("TransitiveTagKeys.member.{at}"), key);
        }
        if let Some(identity) = &request.source_identity {
            push(&mut form, "SourceIdentity", identity);
        }
        Ok(form)
    }

    async fn ask(
        &self,
        form: Zeroizing<String>,
        by: Option<&Credentials>,
        hidden: &[Option<&SecretString>],
    ) -> Result<Credentials, S3Error> {
        let whom = shown(&self.url);
        let exchange = Exchange { port: self.surroundings.services(), timeout: Duration::from_secs(10), attempts: 3 };
        let answer = exchange.send(|| self.request(&form, by), is_passing).await;
        let answer = answer.map_err(|error| unreachable(self.source, &whom, error))?;
        if !answer.is_success() {
            return Err(self.refusal(&whom, &answer, hidden));
        }
        let unreadable = |_| failed(self.source, format!("{whom} gave an answer that is not as STS writes it"));
        let given = read(&answer.body).map_err(unreadable)?.ok_or_else(|| unreadable(XmlError::Incomplete))?;
        match given.expires_at() {
            Some(end) if end <= self.surroundings.now() => {
                Err(expired(self.source, format!("{whom} gave credentials that expired at {end}"))
                    .with_suggestion("check this machine's clock"))
            }
            _ => Ok(given.with_source(self.source)),
        }
    }

    fn request(&self, form: &Zeroizing<String>, by: Option<&Credentials>) -> Result<Request<ByteStream>, S3Error> {
        let mut post = request(Method::POST, &self.url);
        let headers = post.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        if let Ok(host) = HeaderValue::from_str(authority) {
            headers.insert("host", host);
        }
        if let Some(by) = by {
            let hash = sign::sha256_hex(form.as_bytes());
            let target = Target { method: "POST", host: Some(authority), path: self.url.path(), query: "" };
            let scope = SigningScope { region: &self.region, service: "sts", time: self.surroundings.now() };
            sign::sign_request(&target, headers, &Payload::Sha256Hex(&hash), by, &scope, &KeyCache::new())?;
        }
        *post.body_mut() = form.as_bytes().to_vec().into();
        Ok(post)
    }

    /// What STS says against it: its code and message, unless that repeats a secret of ours.
    fn refusal(&self, whom: &str, answer: &Answer, hidden: &[Option<&SecretString>]) -> S3Error {
        let (code, message) = refused(&answer.body).unwrap_or_default();
        let secret = hidden.iter().flatten().any(|s| message.contains(s.expose()) || code.contains(s.expose()));
        let (code, message) = if secret { (String::new(), String::new()) } else { (code, message) };
        let mut text = format!("{whom} refused the role with status {}", answer.status);
        if !code.is_empty() {
            let _ = write!(text, " {code}");
        }
        if !message.is_empty() {
            let _ = write!(text, ": {message}");
        }
        let error = failed(self.source, text).with_retryable(answer.status >= 500 || is_passing(answer));
        match code.as_str() {
            "AccessDenied" => error.with_suggestion("check the trust policy of the role and who may assume it"),
            "ExpiredTokenException" => error.with_suggestion("have the token file renewed"),
            "RegionDisabledException" => error.with_suggestion("activate STS for the region, or use another region"),
            _ => error,
        }
    }
}

/// Refusals that pass by themselves.
fn is_passing(answer: &Answer) -> bool {
    refused(&answer.body).is_some_and(|(code, _)| {
        matches!(code.as_str(), "IDPCommunicationError" | "Throttling" | "ThrottlingException")
    })
}

fn push(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    form.push_str(name);
    form.push('=');
    form.extend(utf8_percent_encode(value, FORM));
}

/// The credentials somewhere in an answer.
fn read(body: &[u8]) -> Result<Option<Credentials>, XmlError> {
    let mut xml = XmlReader::new(body);
    xml.root()?;
    let (mut found, mut account) = (None, None);
    while let Some(name) = xml.child()? {
        if !name.ends_with("Result") {
            xml.skip()?;
            continue;
        }
        while let Some(name) = xml.child()? {
            match name {
                "Credentials" => found = keys(&mut xml)?,
                "AssumedRoleUser" => account = account_of(&mut xml)?,
                _ => xml.skip()?,
            }
        }
    }
    Ok(match (found, account) {
        (Some(found), Some(account)) => Some(found.with_account_id(account)),
        (found, _) => found,
    })
}

fn keys(xml: &mut XmlReader<'_>) -> Result<Option<Credentials>, XmlError> {
    let (mut id, mut secret, mut token, mut end) = (None, None, None, None);
    while let Some(name) = xml.child()? {
        match name {
            "AccessKeyId" => id = Some(xml.text()?),
            "SecretAccessKey" => secret = Some(SecretString::from(xml.text()?)),
            "SessionToken" => token = Some(SecretString::from(xml.text()?)),
            "Expiration" => end = Timestamp::parse_rfc3339(xml.text()?.trim()),
            _ => xml.skip()?,
        }
    }
    // A session without an end would never be renewed: all four or nothing.
    Ok(match (id, secret, token, end) {
        (Some(id), Some(secret), Some(token), Some(end)) => {
            Some(Credentials::new(id, secret).with_session_token(token).with_expiry(end))
        }
        _ => None,
    })
}

/// `arn:aws:sts::123456789012:assumed-role/name/session` holds the account.
fn account_of(xml: &mut XmlReader<'_>) -> Result<Option<String>, XmlError> {
    let mut account = None;
    while let Some(name) = xml.child()? {
        match name {
            "Arn" => account = xml.text()?.split(':').nth(4).filter(|a| !a.is_empty()).map(str::to_owned),
            _ => xml.skip()?,
        }
    }
    Ok(account)
}

/// Code and message of a refusal.
fn refused(body: &[u8]) -> Option<(String, String)> {
    let mut xml = XmlReader::new(body);
    xml.root().ok()?;
    let (mut code, mut message) = (String::new(), String::new());
    while let Some(name) = xml.child().ok()? {
        if name != "Error" {
            xml.skip().ok()?;
            continue;
        }
        while let Some(name) = xml.child().ok()? {
            match name {
                "Code" => code = xml.text().ok()?.trim().to_owned(),
                "Message" => message = xml.text().ok()?.trim().to_owned(),
                _ => xml.skip().ok()?,
            }
        }
    }
    (!code.is_empty()).then_some((code, message))
}
