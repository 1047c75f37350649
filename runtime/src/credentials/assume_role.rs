//! Credentials of a role, assumed with other credentials.

use std::sync::Arc;
use std::time::Duration;

use super::fault::{broken, must_be_there};
use super::sts::{RoleRequest, Sts};
use super::{CredentialsChain, CredentialsFuture, ProvideCredentials, Surroundings};
use crate::error::S3Error;
use crate::identity::{Credentials, SecretString};

const SOURCE: &str = "assume role";

/// Assumes a role at STS.
///
/// The request goes to the regional endpoint of [`region`](Self::region), or of `AWS_REGION`, which wins;
/// `AWS_ENDPOINT_URL_STS` overrides where.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use std::time::Duration;
/// use integration_s3::credentials::AssumeRole;
///
/// let partner = AssumeRole::new("arn:aws:iam::123456789012:role/reader")
///     .external_id("agreed with the partner")
///     .session_name("nightly-export")
///     .duration(Duration::from_secs(3600));
/// ```
#[derive(Clone, Debug)]
#[must_use = "hand it to the client's builder as its credentials"]
pub struct AssumeRole {
    surroundings: Surroundings,
    by: Option<Arc<dyn ProvideCredentials>>,
    region: Option<String>,
    request: RoleRequest,
}

impl AssumeRole {
    /// The role with this ARN, assumed with what the standard chain finds, for one hour.
    pub fn new(role_arn: impl Into<String>) -> Self {
        Self {
            surroundings: Surroundings::system(),
            by: None,
            region: None,
            request: RoleRequest { role: role_arn.into(), ..RoleRequest::default() },
        }
    }

    /// Whose credentials assume the role. Default: the standard chain.
    pub fn assumed_by(mut self, source: impl ProvideCredentials) -> Self {
        self.by = Some(Arc::new(source));
        self
    }

    /// The external id that the role's trust policy demands. It is treated as a secret.
    pub fn external_id(mut self, id: impl Into<SecretString>) -> Self {
        self.request.external_id = Some(id.into());
        self
    }

    /// What audit logs call the session: 2 to 64 letters, digits or `_+=,.@-`. Default: `integration-s3-` and the time.
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.request.session = Some(name.into());
        self
    }

    /// How long the credentials shall last: 15 minutes to 12 hours, at most what the role allows. Default: one hour.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.request.duration = Some(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
        self
    }

    /// A policy in JSON that narrows what the session may do.
    pub fn policy(mut self, json: impl Into<String>) -> Self {
        self.request.policy = Some(json.into());
        self
    }

    /// A managed policy that narrows what the session may do. Up to ten.
    pub fn policy_arn(mut self, arn: impl Into<String>) -> Self {
        self.request.policy_arns.push(arn.into());
        self
    }

    /// A session tag. Up to fifty.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.tags.push((key.into(), value.into()));
        self
    }

    /// A session tag that roles assumed with this session inherit.
    pub fn transitive_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let key = key.into();
        self.request.transitive_tags.push(key.clone());
        self.tag(key, value)
    }

    /// Who stands behind the session, for audit logs.
    pub fn source_identity(mut self, identity: impl Into<String>) -> Self {
        self.request.source_identity = Some(identity.into());
        self
    }

    /// The region whose STS is asked, unless the environment names one.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The machine it runs on, for tests and for the client's transport.
    pub fn surroundings(mut self, surroundings: Surroundings) -> Self {
        self.surroundings = surroundings;
        self
    }

    async fn fetch(&self) -> Result<Credentials, S3Error> {
        if self.request.duration.is_some_and(|seconds| !(900..=43_200).contains(&seconds)) {
            return Err(broken(SOURCE, "the duration must be 15 minutes to 12 hours"));
        }
        if self.request.policy_arns.len() > 10 || self.request.tags.len() > 50 {
            return Err(broken(SOURCE, "a session takes at most 10 policies and 50 tags"));
        }
        let by = match &self.by {
            Some(source) => source.credentials().await,
            None => CredentialsChain::standard(self.surroundings.clone()).credentials().await,
        };
        let by = by.map_err(|error| must_be_there(SOURCE, "the role needs credentials to assume it", error))?;
        Sts::new(&self.surroundings, SOURCE, self.region.clone())?.assume(&self.request, &by).await
    }
}

impl ProvideCredentials for AssumeRole {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(self.fetch())
    }
}
