//! Credentials in environment variables.

use super::fault::{absent, broken};
use super::{CredentialsFuture, ProvideCredentials, Surroundings};
use crate::error::S3Error;
use crate::identity::Credentials;

const SOURCE: &str = "environment";
const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";

/// Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if set, `AWS_SESSION_TOKEN`.
///
/// An empty variable counts as not set. Neither of the first two: the source has no credentials. One
/// without the other: an error, because somebody meant to set them. The variables are read anew each time.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentCredentials {
    surroundings: Surroundings,
}

impl EnvironmentCredentials {
    /// Reads the variables of these surroundings.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings }
    }

    pub(super) fn read(&self) -> Result<Credentials, S3Error> {
        let value = |name| self.surroundings.variable(name);
        match (value(ID), value(SECRET)) {
            (Some(id), Some(secret)) => {
                let mut credentials = Credentials::new(id, secret).with_source(SOURCE);
                if let Some(token) = value(TOKEN) {
                    credentials = credentials.with_session_token(token);
                }
                match value("AWS_ACCOUNT_ID") {
                    Some(account) => Ok(credentials.with_account_id(account)),
                    None => Ok(credentials),
                }
            }
            (None, None) => Err(absent(SOURCE, format!("{ID} is not set"))),
            (None, Some(_)) => Err(half(ID)),
            (Some(_), None) => Err(half(SECRET)),
        }
    }
}

fn half(lacking: &str) -> S3Error {
    broken(SOURCE, format!("half a key pair, {lacking} is not set or empty"))
        .with_suggestion(format!("set {ID} and {SECRET} together, or neither"))
}

impl ProvideCredentials for EnvironmentCredentials {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(std::future::ready(self.read()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::error::{CredentialsError, ErrorKind};

    fn read(pairs: &'static [(&'static str, &'static str)]) -> Result<Credentials, S3Error> {
        let look_up = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        EnvironmentCredentials::new(Surroundings::system().with_variables(look_up)).read()
    }

    #[test]
    fn reads_a_key_pair_with_and_without_token() {
        let plain = read(&[(ID, "AKID"), (SECRET, "s")]).unwrap();
        assert_eq!(plain.access_key_id(), "AKID");
        assert!(plain.session_token().is_none());
        let session = read(&[(ID, "AKID"), (SECRET, " s\n"), (TOKEN, "t")]).unwrap();
        assert_eq!(session.session_token().map(|t| t.expose()), Some("t"));
        assert_eq!(session.secret_access_key().expose(), "s");
    }

    #[test]
    fn nothing_set_is_absent_not_broken() {
        for nothing in [&[][..], &[(ID, ""), (SECRET, " ")]] {
            assert_eq!(read(nothing).unwrap_err().kind(), ErrorKind::Credentials(CredentialsError::NotFound));
        }
    }

    #[test]
    fn half_a_pair_names_the_variable_and_never_the_value() {
        let halves: [(&[(&str, &str)], &str); 3] =
            [(&[(ID, "AKID-VALUE")], SECRET), (&[(SECRET, "hush")], ID), (&[(ID, ""), (SECRET, "hush")], ID)];
        for (pairs, lacking) in halves {
            let error = read(pairs).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials(CredentialsError::Invalid));
            let text = format!("{error} {error:?}");
            assert!(text.contains(lacking), "{text}");
            assert!(!text.contains("hush") && !text.contains("AKID-VALUE"), "{text}");
        }
    }
}
