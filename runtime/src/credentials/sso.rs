//! Credentials for a person who is signed in to IAM Identity Center (`aws sso login`).
//!
//! The sign-in itself needs a browser and is the AWS command line's part; what it leaves in
//! `~/.aws/sso/cache` is read here, renewed where it can be, and exchanged at the portal.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderValue, Method, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::document::{Document, text_of};
use super::exchange::{Exchange, request, secret_header, shown};
use super::fault::{broken, expired, failed, unreachable};
use super::{Surroundings, region, service};
use crate::error::S3Error;
use crate::identity::{Credentials, SecretString};
use crate::timestamp::Timestamp;

/// A token this close to its end is renewed first.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// What a profile says about signing in.
#[derive(Clone, Debug)]
pub(super) struct SsoProfile {
    pub(super) profile: String,
    /// The name of the `sso-session`; `None` for profiles of the older kind, whose tokens cannot be renewed.
    pub(super) session: Option<String>,
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) role: String,
}

pub(super) struct Sso<'a> {
    pub(super) surroundings: &'a Surroundings,
    pub(super) source: &'static str,
    pub(super) profile: &'a SsoProfile,
}

/// What the token cache holds.
struct Token {
    access: SecretString,
    ends: Timestamp,
    renewal: Option<Renewal>,
}

struct Renewal {
    refresh: SecretString,
    client: String,
    secret: SecretString,
}

impl Sso<'_> {
    pub(super) async fn credentials(&self) -> Result<Credentials, S3Error> {
        region::check(self.source, "sso_region", self.profile.region.clone())?;
        let path = self.cache_file()?;
        let mut token = self.cached(&path).await?;
        let now = self.surroundings.now();
        if token.ends <= now.saturating_add(AHEAD)
            && let Some(renewal) = token.renewal.take()
        {
            match self.renew(&path, &renewal, now).await {
                Ok(renewed) => token = renewed,
                Err(error) if token.ends <= now => return Err(error),
                // The old one still serves.
                Err(error) => tracing::debug!(error = %error, "the SSO token could not be renewed yet"),
            }
        }
        if token.ends <= now {
            return Err(self.sign_in(expired(self.source, format!("the SSO token expired at {}", token.ends))));
        }
        self.portal(&token.access, now).await
    }

    /// The command line names the file after what the token was issued for.
    fn cache_file(&self) -> Result<PathBuf, S3Error> {
        let home = self.surroundings.home();
        let home = home.ok_or_else(|| broken(self.source, "the home directory with the SSO token is not known"))?;
        let digest = Sha1::digest(self.profile.session.as_ref().unwrap_or(&self.profile.start_url).as_bytes());
        let mut name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        name.push_str(".json");
        Ok(home.join(".aws").join("sso").join("cache").join(name))
    }

    async fn cached(&self, path: &Path) -> Result<Token, S3Error> {
        let shown = path.display().to_string();
        let bytes = match self.surroundings.read(path.to_owned()).await {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(self.sign_in(expired(self.source, format!("not signed in to SSO: {shown} is not there"))));
            }
            Err(e) => return Err(broken(self.source, format!("{shown} cannot be read: {}", e.kind()))),
        };
        let mut document = Document::parse(self.source, &shown, &bytes)?;
        let access = document.required("accessToken")?.into();
        let ends = document.moment("expiresAt")?;
        let ends = ends.ok_or_else(|| broken(self.source, format!("{shown} gives no expiresAt")))?;
        let parts = (document.text("refreshToken")?, document.text("clientId")?, document.text("clientSecret")?);
        let registered = document.moment("registrationExpiresAt")?;
        let usable = self.profile.session.is_some() && registered.is_none_or(|end| end > self.surroundings.now());
        let renewal = match parts {
            (Some(refresh), Some(client), Some(secret)) if usable => {
                Some(Renewal { refresh: refresh.into(), client, secret: secret.into() })
            }
            _ => None,
        };
        Ok(Token { access, ends, renewal })
    }

    /// A new token for the refresh token, kept for the command line and other programs as well.
    async fn renew(&self, path: &Path, with: &Renewal, now: Timestamp) -> Result<Token, S3Error> {
        let url = self.url("AWS_ENDPOINT_URL_SSO_OIDC", "oidc", "/token")?;
        let whom = shown(&url);
        let mut question = Map::new();
        for (name, value) in [
            ("clientId", with.client.as_str()),
            ("clientSecret", with.secret.expose()),
            ("grantType", "refresh_token"),
            ("refreshToken", with.refresh.expose()),
        ] {
            question.insert(name.to_owned(), value.into());
        }
        let question = text_of(&question);
        let make = || {
            let mut post = request(Method::POST, &url);
            post.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
            *post.body_mut() = question.as_bytes().to_vec().into();
            Ok(post)
        };
        // Once only: a refresh token that was used is gone.
        let exchange = Exchange { port: self.surroundings.services(), timeout: Duration::from_secs(10), attempts: 1 };
        let answer = exchange.send(make, |_| false).await.map_err(|e| unreachable(self.source, &whom, e))?;
        if !answer.is_success() {
            let why = format!("the SSO token could not be renewed, {whom} answered {}", answer.status);
            return Err(self.sign_in(expired(self.source, why)));
        }
        let mut document = Document::parse(self.source, &whom, &answer.body)?;
        let access = document.required("accessToken")?;
        let refresh = document.text("refreshToken")?;
        let lasts = document.number("expiresIn").and_then(|secs| u64::try_from(secs).ok());
        let lasts = lasts.ok_or_else(|| broken(self.source, format!("{whom} gave no expiresIn")))?;
        let ends = now.saturating_add(Duration::from_secs(lasts));
        if let Err(e) = self.keep(path, &access, refresh.as_deref(), ends).await {
            tracing::warn!(file = %path.display(), reason = %e.kind(), "the renewed SSO token could not be saved");
        }
        Ok(Token { access: access.into(), ends, renewal: None })
    }

    /// Replaces the token in its file and leaves all other members as they are.
    async fn keep(&self, path: &Path, access: &str, refresh: Option<&str>, ends: Timestamp) -> io::Result<()> {
        let old = self.surroundings.read(path.to_owned()).await?;
        // As a value: what is said of other types would bring the writing of floating numbers with it.
        let Value::Object(mut members) = serde_json::from_slice(&old)? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        members.insert("accessToken".to_owned(), access.into());
        members.insert("expiresAt".to_owned(), Timestamp::from_unix(ends.unix()).to_string().into());
        if let Some(refresh) = refresh {
            members.insert("refreshToken".to_owned(), refresh.into());
        }
        let text = std::mem::take(&mut *text_of(&members)).into_bytes();
        self.surroundings.write(path.to_owned(), Zeroizing::new(text)).await
    }

    async fn portal(&self, token: &SecretString, now: Timestamp) -> Result<Credentials, S3Error> {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (account, role) = (encoded(&self.profile.account), encoded(&self.profile.role));
        let path = format!("/federation/credentials?account_id={account}&role_name={role}");
        let url = self.url("AWS_ENDPOINT_URL_SSO", "portal.sso", &path)?;
        let whom = shown(&url);
        let make = || {
            let mut get = request(Method::GET, &url);
            secret_header(&mut get, "x-amz-sso_bearer_token", token.expose(), self.source, "the SSO token")?;
            Ok(get)
        };
        let exchange = Exchange { port: self.surroundings.services(), timeout: Duration::from_secs(10), attempts: 3 };
        let answer = exchange.send(make, |_| false).await.map_err(|e| unreachable(self.source, &whom, e))?;
        match answer.status {
            200..=299 => {}
            401 => return Err(self.sign_in(expired(self.source, format!("{whom} no longer accepts the SSO token")))),
            403 | 404 => {
                let who = format!("role {} in account {}", self.profile.role, self.profile.account);
                return Err(failed(self.source, format!("{whom} does not give you the {who} ({})", answer.status))
                    .with_suggestion("check sso_account_id and sso_role_name of the profile"));
            }
            status => return Err(failed(self.source, format!("{whom} answered {status}"))),
        }
        let mut document = Document::parse(self.source, &whom, &answer.body)?.object("roleCredentials")?;
        let keys = (document.required("accessKeyId")?, document.required("secretAccessKey")?);
        let session = document.required("sessionToken")?;
        let ends = document.number("expiration").map(|ms| Timestamp::from_unix(ms.div_euclid(1000)));
        let ends = ends.ok_or_else(|| broken(self.source, format!("{whom} gave no expiration")))?;
        if ends <= now {
            return Err(expired(self.source, format!("{whom} gave credentials that expired at {ends}")));
        }
        Ok(Credentials::new(keys.0, keys.1)
            .with_session_token(session)
            .with_expiry(ends)
            .with_account_id(self.profile.account.as_str())
            .with_source(self.source))
    }

    fn url(&self, variable: &'static str, prefix: &str, path: &str) -> Result<Uri, S3Error> {
        let base = match service::configured(self.surroundings, self.source, variable)? {
            Some(url) => url.to_string().trim_end_matches('/').to_owned(),
            None => {
                let region = &self.profile.region;
                format!("https://{prefix}.{region}.{}", region::suffix(region))
            }
        };
        service::url(self.source, &format!("{base}{path}"))
    }

    fn sign_in(&self, error: S3Error) -> S3Error {
        error.with_suggestion(format!("run `aws sso login --profile {}`", self.profile.profile))
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&temporary)
        .and_then(|mut file| io::Write::write_all(&mut file, bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
