//! Credentials that a profile in `~/.aws/config` or `~/.aws/credentials` describes.
//!
//! [`parse`] knows the syntax, [`Profiles`] the two files as one, `plan` what a profile means; the source here carries the
//! plan out.

mod files;
mod parser;
mod plan;

use super::fault::must_be_there;
use super::{
    ContainerCredentials, CredentialsFuture, EnvironmentCredentials, InstanceMetadata, ProvideCredentials,
    Surroundings, WebIdentity,
};
use crate::error::S3Error;
use crate::identity::Credentials;

pub use files::{Found, Profile, Profiles};
pub use parser::{FileKind, ParseError, Property, Section, SectionKind, parse};

use files::SOURCE;
use plan::{Base, Named, Plan, Role};

/// The profile named by `AWS_PROFILE`, else `default`.
///
/// Static keys, roles (`role_arn` with `source_profile`, `credential_source` or `web_identity_token_file`), SSO and
/// `credential_process`. The files are read anew each time.
#[derive(Clone, Debug)]
pub struct ProfileCredentials {
    surroundings: Surroundings,
}

impl ProfileCredentials {
    /// The profile of these surroundings; [`Surroundings::with_profile`] chooses another.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings }
    }

    async fn fetch(&self) -> Result<Credentials, S3Error> {
        let (name, chosen) = self.surroundings.profile();
        let profiles = Profiles::load(&self.surroundings).await?;
        let Plan { base, roles } = plan::plan(&profiles, &name, chosen)?;
        let mut credentials = self.begin(base).await?;
        for role in roles {
            credentials = self.assume(role, &credentials).await?;
        }
        Ok(credentials)
    }

    async fn begin(&self, base: Base) -> Result<Credentials, S3Error> {
        let surroundings = self.surroundings.clone();
        match base {
            Base::Keys(keys) => Ok(keys),
            Base::Process { command, place } => self.run(&place, &command).await,
            Base::Sso(sso) => self.signed_in(sso).await,
            Base::WebIdentity { token_file, role, session, region } => {
                WebIdentity::of_profile(surroundings, SOURCE, token_file, role, session, region).credentials().await
            }
            Base::Named { source, place } => {
                let found = match source {
                    Named::Environment => EnvironmentCredentials::new(surroundings).credentials().await,
                    Named::InstanceMetadata => InstanceMetadata::new(surroundings).credentials().await,
                    Named::Container => ContainerCredentials::new(surroundings).credentials().await,
                };
                found.map_err(|error| must_be_there(SOURCE, &format!("{place} wants this source"), error))
            }
        }
    }

    #[cfg(feature = "sts")]
    async fn assume(&self, role: Role, by: &Credentials) -> Result<Credentials, S3Error> {
        use super::sts::{RoleRequest, Sts};

        let request = RoleRequest {
            role: role.arn,
            session: role.session,
            external_id: role.external_id.map(Into::into),
            duration: role.duration,
            ..RoleRequest::default()
        };
        let assumed = Sts::new(&self.surroundings, SOURCE, role.region)?.assume(&request, by).await;
        assumed.map_err(|error| at(&role.place, error))
    }

    #[cfg(not(feature = "sts"))]
    async fn assume(&self, role: Role, _: &Credentials) -> Result<Credentials, S3Error> {
        let _ = (role.arn, role.session, role.external_id, role.duration, role.region);
        Err(left_out(&role.place, "role_arn", "sts"))
    }

    #[cfg(feature = "sso")]
    async fn signed_in(&self, sso: plan::Sso) -> Result<Credentials, S3Error> {
        let plan::Sso { profile, session, start_url, region, account, role } = sso;
        let profile = super::sso::SsoProfile { profile, session, start_url, region, account, role };
        super::sso::Sso { surroundings: &self.surroundings, source: SOURCE, profile: &profile }.credentials().await
    }

    #[cfg(not(feature = "sso"))]
    async fn signed_in(&self, sso: plan::Sso) -> Result<Credentials, S3Error> {
        let _ = (sso.session, sso.start_url, sso.region, sso.account, sso.role);
        Err(left_out(&format!("profile {}", sso.profile), "SSO", "sso"))
    }

    #[cfg(feature = "credential-process")]
    async fn run(&self, place: &str, command: &str) -> Result<Credentials, S3Error> {
        super::process::credentials(&self.surroundings, SOURCE, place, command).await
    }

    #[cfg(not(feature = "credential-process"))]
    async fn run(&self, place: &str, _: &str) -> Result<Credentials, S3Error> {
        Err(left_out(place, "credential_process", "credential-process"))
    }
}

#[cfg(not(all(feature = "sts", feature = "sso", feature = "credential-process")))]
fn left_out(place: &str, what: &str, feature: &str) -> S3Error {
    super::fault::broken(SOURCE, format!("{place}: this build leaves {what} out"))
        .with_suggestion(format!("enable the cargo feature `{feature}`"))
}

/// Says which line asked for what failed.
#[cfg(feature = "sts")]
fn at(place: &str, error: S3Error) -> S3Error {
    let text = error.message().trim_start_matches(SOURCE).trim_start_matches(": ");
    let mut made =
        S3Error::new(error.kind(), format!("{SOURCE}: {place}: {text}")).with_retryable(error.is_retryable());
    if let Some(suggestion) = error.suggestion() {
        made = made.with_suggestion(suggestion.to_owned());
    }
    made.with_source(error)
}

impl ProvideCredentials for ProfileCredentials {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(self.fetch())
    }
}
