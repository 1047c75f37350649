//! Where credentials come from: the port every source implements, and what the client keeps of it.
//!
//! A source is asked rarely: [`CredentialsCache`] keeps what it gave. Values live in [`crate::identity`].

mod cache;
mod environment;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::error::S3Error;
use crate::identity::Credentials;

pub use cache::CredentialsCache;
pub use environment::EnvironmentCredentials;

/// What [`ProvideCredentials::credentials`] answers with.
pub type CredentialsFuture<'a> = Pin<Box<dyn Future<Output = Result<Credentials, S3Error>> + Send + 'a>>;

/// A source of credentials.
///
/// The client asks when it has none, and again shortly before they expire; it keeps them in between,
/// so an implementation need not cache.
///
/// ```
/// use integration_s3_runtime::credentials::{CredentialsFuture, ProvideCredentials};
/// use integration_s3_runtime::identity::Credentials;
///
/// #[derive(Debug)]
/// struct Vault;
///
/// impl ProvideCredentials for Vault {
///     fn name(&self) -> &'static str {
///         "vault"
///     }
///     fn credentials(&self) -> CredentialsFuture<'_> {
///         Box::pin(async { Ok(Credentials::new("AKIDEXAMPLE", "a secret from the vault")) })
///     }
/// }
/// ```
pub trait ProvideCredentials: fmt::Debug + Send + Sync + 'static {
    /// A short name for messages: `environment`, `profile`, ...
    fn name(&self) -> &'static str;

    /// Fetches credentials.
    ///
    /// # Errors
    /// [`CredentialsError::NotFound`](crate::error::CredentialsError::NotFound) when this source has none: a chain then
    /// asks the next. Any other error stops the chain: the source is there but broken. Messages name the source,
    /// never a value.
    fn credentials(&self) -> CredentialsFuture<'_>;
}

impl ProvideCredentials for Credentials {
    fn name(&self) -> &'static str {
        "static"
    }

    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}
