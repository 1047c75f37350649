//! A token that a cluster or a CI system vouches with, exchanged at STS for credentials of a role.

use super::fault::{absent, broken};
use super::{CredentialsFuture, ProvideCredentials, Surroundings};
use crate::error::S3Error;
use crate::identity::Credentials;

const SOURCE: &str = "web identity";
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";
const SESSION: &str = "AWS_ROLE_SESSION_NAME";

/// Exchanges the token in `AWS_WEB_IDENTITY_TOKEN_FILE` for the role in `AWS_ROLE_ARN`, as EKS service accounts and OIDC in CI
/// set them. `AWS_ROLE_SESSION_NAME` names the session. The file is read anew each time.
///
/// Needs the cargo feature `sts`; without it, the variables being set is an error that says so.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    surroundings: Surroundings,
    given: Option<Given>,
}

/// What a profile says in place of the variables.
#[derive(Clone, Debug)]
struct Given {
    source: &'static str,
    token_file: String,
    role: String,
    session: Option<String>,
    region: Option<String>,
}

impl WebIdentity {
    /// The token and role that the environment of these surroundings names.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings, given: None }
    }

    /// As [`new`](Self::new), for the values of a profile.
    pub(super) fn of_profile(
        surroundings: Surroundings,
        source: &'static str,
        token_file: String,
        role: String,
        session: Option<String>,
        region: Option<String>,
    ) -> Self {
        Self { surroundings, given: Some(Given { source, token_file, role, session, region }) }
    }

    fn given(&self) -> Result<Given, S3Error> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let Some(token_file) = self.surroundings.variable(TOKEN_FILE) else {
            return Err(absent(SOURCE, format!("{TOKEN_FILE} is not set")));
        };
        let Some(role) = self.surroundings.variable(ROLE) else {
            return Err(broken(SOURCE, format!("{TOKEN_FILE} is set, but {ROLE} is not")));
        };
        Ok(Given { source: SOURCE, token_file, role, session: self.surroundings.variable(SESSION), region: None })
    }

    #[cfg(feature = "sts")]
    async fn fetch(&self) -> Result<Credentials, S3Error> {
        use super::sts::{RoleRequest, Sts};
        use crate::identity::SecretString;

        let Given { source, token_file, role, session, region } = self.given()?;
        let bytes = self.surroundings.read(self.surroundings.expand(&token_file)).await;
        let bytes =
            bytes.map_err(|e| broken(source, format!("the token file {token_file} cannot be read: {}", e.kind())))?;
        let token = match std::str::from_utf8(&bytes).map(str::trim) {
            Ok(token) if !token.is_empty() => SecretString::from(token),
            Ok(_) => return Err(broken(source, format!("the token file {token_file} is empty"))),
            Err(_) => return Err(broken(source, format!("the token file {token_file} is not text"))),
        };
        let request = RoleRequest { role, session, ..RoleRequest::default() };
        Sts::new(&self.surroundings, source, region)?.assume_with_web_identity(&request, &token).await
    }

    #[cfg(not(feature = "sts"))]
    async fn fetch(&self) -> Result<Credentials, S3Error> {
        let given = self.given()?;
        let _ = (&given.token_file, &given.role, &given.session, &given.region);
        Err(broken(given.source, "web identity needs STS, which this build leaves out")
            .with_suggestion("enable the cargo feature `sts`"))
    }
}

impl ProvideCredentials for WebIdentity {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(self.fetch())
    }
}
