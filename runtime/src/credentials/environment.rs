//! Credentials in environment variables.

use super::{CredentialsFuture, ProvideCredentials};
use crate::error::{CredentialsError, S3Error};
use crate::identity::Credentials;

/// Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if set, `AWS_SESSION_TOKEN`.
///
/// None of the first two: the source has no credentials. One without the other, or an empty value: an error, because
/// somebody meant to set them. The variables are read anew each time it is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvironmentCredentials;

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";

impl EnvironmentCredentials {
    /// Reads through the given look-up instead of the process's environment, for tests.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Credentials, S3Error> {
        let value = |name: &'static str| get(name).map(|v| v.trim().to_owned());
        match (value(ID), value(SECRET)) {
            (None, None) => Err(S3Error::new(CredentialsError::NotFound, "AWS_ACCESS_KEY_ID is not set")),
            (Some(id), Some(secret)) if !id.is_empty() && !secret.is_empty() => {
                let credentials = Credentials::new(id, secret).with_source("environment");
                Ok(match value(TOKEN).filter(|t| !t.is_empty()) {
                    Some(token) => credentials.with_session_token(token),
                    None => credentials,
                })
            }
            (id, secret) => {
                let lacking = match (&id, &secret) {
                    (Some(id), _) if !id.is_empty() => SECRET,
                    _ if secret.as_ref().is_some_and(|s| !s.is_empty()) => ID,
                    _ if id.is_some() => ID,
                    _ => SECRET,
                };
                Err(S3Error::new(
                    CredentialsError::Invalid,
                    format!("the environment holds half a key pair: {lacking} is not set or empty"),
                )
                .with_suggestion(format!("set {ID} and {SECRET} together, or neither")))
            }
        }
    }
}

impl ProvideCredentials for EnvironmentCredentials {
    fn name(&self) -> &'static str {
        "environment"
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(std::future::ready(Self::read(|name| std::env::var(name).ok())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::error::ErrorKind;

    fn read(pairs: &[(&str, &str)]) -> Result<Credentials, S3Error> {
        EnvironmentCredentials::read(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn reads_a_key_pair_with_and_without_token() {
        let plain = read(&[(ID, "AKID"), (SECRET, "s")]).unwrap();
        assert_eq!(plain.access_key_id(), "AKID");
        assert!(plain.session_token().is_none());
        let session = read(&[(ID, "AKID"), (SECRET, "s"), (TOKEN, "t")]).unwrap();
        assert_eq!(session.session_token().map(|t| t.expose()), Some("t"));
    }

    #[test]
    fn nothing_set_is_absent_not_broken() {
        assert_eq!(read(&[]).unwrap_err().kind(), ErrorKind::Credentials(CredentialsError::NotFound));
    }

    #[test]
    fn half_a_pair_names_the_variable_and_never_the_value() {
        for (pairs, lacking) in [
            (&[(ID, "AKID-VALUE")][..], SECRET),
            (&[(SECRET, "hush")][..], ID),
            (&[(ID, ""), (SECRET, "hush")][..], ID),
        ] {
            let error = read(pairs).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials(CredentialsError::Invalid));
            let text = format!("{error} {error:?}");
            assert!(text.contains(lacking), "{text}");
            assert!(!text.contains("hush") && !text.contains("AKID-VALUE"), "{text}");
        }
    }
}
