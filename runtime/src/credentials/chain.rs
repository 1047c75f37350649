//! Sources asked one after the other, and the standard order of them.

use std::fmt;
use std::sync::Arc;

use super::fault::is_absent;
use super::{
    ContainerCredentials, CredentialsFuture, EnvironmentCredentials, InstanceMetadata, ProfileCredentials,
    ProvideCredentials, Surroundings, WebIdentity,
};
use crate::error::{CredentialsError, S3Error};
use crate::identity::Credentials;
use crate::timestamp::Timestamp;

/// Asks sources in order until one has credentials.
///
/// A source without any is passed over; one that is set up but broken ends the search with its error, because using
/// somebody else's credentials in its place would be a surprise.
#[derive(Clone, Debug)]
pub struct CredentialsChain {
    sources: Vec<Arc<dyn ProvideCredentials>>,
}

impl CredentialsChain {
    /// The standard order: environment variables, web identity, profile files, container endpoint, instance metadata.
    pub fn standard(surroundings: Surroundings) -> Self {
        Self {
            sources: vec![
                Arc::new(EnvironmentCredentials::new(surroundings.clone())),
                Arc::new(WebIdentity::new(surroundings.clone())),
                Arc::new(ProfileCredentials::new(surroundings.clone())),
                Arc::new(ContainerCredentials::new(surroundings.clone())),
                Arc::new(InstanceMetadata::new(surroundings)),
            ],
        }
    }

    /// These sources, in this order.
    pub fn new(sources: impl IntoIterator<Item = Arc<dyn ProvideCredentials>>) -> Self {
        Self { sources: sources.into_iter().collect() }
    }

    /// With a source that is asked before all others.
    #[must_use]
    pub fn preceded_by(mut self, source: impl ProvideCredentials) -> Self {
        self.sources.insert(0, Arc::new(source));
        self
    }

    /// Asks every source, also those behind the first that answers, and tells what each said. For people who look for a
    /// mistake; it takes as long as the slowest network allows.
    pub async fn explain(&self) -> Explanation {
        let mut sources = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            let answer = match source.credentials().await {
                Ok(found) => SourceAnswer::Found(Shown::of(&found)),
                Err(error) if is_absent(&error) => SourceAnswer::Absent(error),
                Err(error) => SourceAnswer::Broken(error),
            };
            sources.push((source.name(), answer));
        }
        Explanation { sources }
    }

    async fn fetch(&self) -> Result<Credentials, S3Error> {
        let mut tried = String::new();
        for source in &self.sources {
            match source.credentials().await {
                Ok(found) => {
                    tracing::debug!(source = found.source(), asked = source.name(), "found credentials");
                    return Ok(found);
                }
                Err(error) if is_absent(&error) => {
                    tracing::trace!(source = source.name(), reason = error.message(), "no credentials here");
                    if !tried.is_empty() {
                        tried.push_str("; ");
                    }
                    tried.push_str(error.message());
                }
                Err(error) => return Err(error),
            }
        }
        Err(S3Error::new(CredentialsError::NotFound, format!("no credentials were found ({tried})")).with_suggestion(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a profile with AWS_PROFILE, or give the client \
             credentials in code",
        ))
    }
}

impl Default for CredentialsChain {
    /// The standard order on this machine.
    fn default() -> Self {
        Self::standard(Surroundings::system())
    }
}

impl ProvideCredentials for CredentialsChain {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(self.fetch())
    }
}

/// What each source of a chain said. `Display` is one line for each, without secrets.
#[derive(Debug)]
pub struct Explanation {
    sources: Vec<(&'static str, SourceAnswer)>,
}

/// What one source said.
#[non_exhaustive]
#[derive(Debug)]
pub enum SourceAnswer {
    /// It has credentials.
    Found(Shown),
    /// It is not set up here; the error says why.
    Absent(S3Error),
    /// It is set up, and something is wrong with it.
    Broken(S3Error),
}

/// What may be shown of credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The access key id, cut to its kind and its last four characters.
    pub access_key_id: String,
    /// Whether a session token belongs to them.
    pub temporary: bool,
    /// When they end.
    pub expires_at: Option<Timestamp>,
    /// The account, where the source told it.
    pub account_id: Option<String>,
}

impl Shown {
    fn of(credentials: &Credentials) -> Self {
        let id: Vec<char> = credentials.access_key_id().chars().collect();
        let access_key_id = match (id.get(..4), id.len().checked_sub(4).and_then(|at| id.get(at..))) {
            (Some(kind), Some(end)) if id.len() >= 16 => {
                format!("{}...{}", kind.iter().collect::<String>(), end.iter().collect::<String>())
            }
            _ => "(short)".to_owned(),
        };
        Self {
            access_key_id,
            temporary: credentials.session_token().is_some(),
            expires_at: credentials.expires_at(),
            account_id: credentials.account_id().map(str::to_owned),
        }
    }
}

impl Explanation {
    /// The sources in the order in which they are asked, with their answers.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, &SourceAnswer)> {
        self.sources.iter().map(|(name, answer)| (*name, answer))
    }

    /// The source a client would use: the first that is not absent, if it is not broken.
    pub fn used(&self) -> Option<&'static str> {
        match self.sources.iter().find(|(_, answer)| !matches!(answer, SourceAnswer::Absent(_))) {
            Some((name, SourceAnswer::Found(_))) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.used();
        for (at, (name, answer)) in self.sources.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            match answer {
                SourceAnswer::Found(shown) => {
                    write!(f, "{name}: found {}", shown.access_key_id)?;
                    if let Some(end) = shown.expires_at {
                        write!(f, ", valid until {end}")?;
                    }
                    f.write_str(if used == Some(*name) { " (used)" } else { " (not reached)" })?;
                }
                SourceAnswer::Absent(error) => write!(f, "{name}: none, {}", without_name(name, error))?,
                SourceAnswer::Broken(error) => write!(f, "{name}: broken, {}", without_name(name, error))?,
            }
        }
        Ok(())
    }
}

/// The name stands before it already.
fn without_name(name: &str, error: &S3Error) -> String {
    let text = error.to_string();
    text.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&text).to_owned()
}
