//! Where credentials come from: the port every source implements, the sources, and what the client keeps of them.
//!
//! A source is asked rarely: [`CredentialsCache`] keeps what it gave. [`CredentialsChain::standard`] is what a client uses
//! unless told otherwise. Values live in [`crate::identity`].
//!
//! A source that is not set up answers [`CredentialsError::NotFound`](crate::error::CredentialsError::NotFound), and the next
//! one is asked. One that is set up and broken answers another error, which names the source and the variable or the
//! file and line, and never a value.

#[cfg(feature = "sts")]
mod assume_role;
mod cache;
mod chain;
mod container;
mod document;
mod environment;
mod exchange;
mod fault;
mod instance_metadata;
#[cfg(feature = "credential-process")]
mod process;
pub mod profile;
#[cfg(any(feature = "sso", feature = "sts"))]
mod region;
#[cfg(any(feature = "sso", feature = "sts"))]
mod service;
#[cfg(feature = "sso")]
mod sso;
#[cfg(feature = "sts")]
mod sts;
mod surroundings;
mod web_identity;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::error::S3Error;
use crate::identity::Credentials;

#[cfg(feature = "sts")]
pub use assume_role::AssumeRole;
pub use cache::CredentialsCache;
pub use chain::{CredentialsChain, Explanation, Shown, SourceAnswer};
pub use container::ContainerCredentials;
pub use environment::EnvironmentCredentials;
pub use instance_metadata::InstanceMetadata;
#[cfg(feature = "credential-process")]
pub use process::{ProcessOutput, RunProcess};
pub use profile::ProfileCredentials;
pub use surroundings::Surroundings;
pub use web_identity::WebIdentity;

/// What [`ProvideCredentials::credentials`] answers with.
pub type CredentialsFuture<'a> = Pin<Box<dyn Future<Output = Result<Credentials, S3Error>> + Send + 'a>>;

/// A source of credentials.
///
/// The client asks when it has none, and again shortly before they expire; it keeps them in between,
/// so an implementation need not cache.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::credentials::{CredentialsFuture, ProvideCredentials};
/// use integration_s3::Credentials;
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
    /// A short name for messages: `environment`, `profile files`, ...
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
