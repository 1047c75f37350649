//! The client: one method per operation, each defined beside its operation under `generated/`.

use std::fmt;
use std::sync::Arc;

use integration_s3_runtime::call::{Call, Core, Operation, Sending};
use integration_s3_runtime::config::{ConfigBuilder, S3Config};
use integration_s3_runtime::resilience::CircuitState;

use crate::{Bucket, S3Error};

/// Sets up an [`S3Client`].
pub type ClientBuilder = ConfigBuilder<S3Client>;

/// A client of one store: credentials, connections, and a method per operation.
///
/// Cheap to clone (one reference count); clones share connections, credentials and everything learnt. Make one and
/// pass it around.
///
/// It can be used on several tokio runtimes: connections stay with the runtime that opened them, and bodies are best read on the
/// runtime that sent their request (see [`ByteStream`](crate::ByteStream)).
#[derive(Clone)]
pub struct S3Client {
    core: Arc<Core>,
    #[cfg(feature = "transfer")]
    pub(crate) transfers: Arc<crate::transfer::Shared>,
}

impl S3Client {
    /// A client set up from environment variables and the profile in use: region, endpoint and all other options; credentials
    /// come from the standard chain. What is read, and who wins, stands in [`config::OPTIONS`](crate::config::OPTIONS) and
    /// `docs/configuration.md`.
    ///
    /// # Errors
    /// No region and no custom endpoint; a variable, or a line of a profile file, whose value cannot be used, by name.
    /// Credentials are looked for at the first call.
    pub async fn from_env() -> Result<Self, S3Error> {
        Self::builder().load_environment().build()
    }

    /// Sets a client up in code; what is not set has its default. Nothing is read from the environment but
    /// credentials, unless [`load_environment`](ConfigBuilder::load_environment) is called.
    ///
    /// ```
    /// use integration_s3::{Credentials, S3Client};
    ///
    /// let client = S3Client::builder()
    ///     .region("eu-west-1")
    ///     .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
    ///     .build()?;
    /// assert_eq!(client.config().region(), "eu-west-1");
    /// # Ok::<(), integration_s3::S3Error>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ConfigBuilder::new(Self::from_config)
    }

    /// A client with this configuration.
    ///
    /// # Errors
    /// An option that cannot stand in a header.
    pub fn from_config(config: S3Config) -> Result<Self, S3Error> {
        Ok(Self {
            #[cfg(feature = "transfer")]
            transfers: crate::transfer::Shared::new(config.multipart.memory),
            core: Core::new(config, crate::generated::errors::lookup)?,
        })
    }

    /// A handle that fills the bucket in. The name is checked when a request is sent.
    pub fn bucket(&self, name: impl Into<String>) -> Bucket {
        Bucket::new(self.clone(), name.into())
    }

    /// Sends a request that was built as a value.
    ///
    /// ```
    /// use integration_s3::operations::HeadObjectRequest;
    /// # use integration_s3::{S3Client, S3Error};
    ///
    /// # async fn example(client: &S3Client) -> Result<(), S3Error> {
    /// let request = HeadObjectRequest::builder().bucket("logs").key("a.txt").build();
    /// let head = client.execute(request).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn execute<O: Operation>(&self, request: O) -> Sending<O::Output> {
        self.call().send(Box::new(request))
    }

    /// Fetches credentials and opens a connection, so that the first call need not. Any answer of the server will do.
    ///
    /// # Errors
    /// No credentials, or no connection.
    pub async fn warmup(&self) -> Result<(), S3Error> {
        self.core.warm_up(None).await
    }

    /// Whether requests to a bucket are let through, or held back because it failed too often.
    ///
    /// ```
    /// use integration_s3::resilience::CircuitState;
    /// # fn example(client: &integration_s3::S3Client) {
    /// if client.circuit_state("logs") == CircuitState::Open {
    ///     eprintln!("logs is down: not asking for half a minute");
    /// }
    /// # }
    /// ```
    pub fn circuit_state(&self, bucket: &str) -> CircuitState {
        self.core.circuit_state(bucket)
    }

    /// What the client was set up with.
    pub fn config(&self) -> &S3Config {
        self.core.config()
    }

    pub(crate) fn call(&self) -> Call {
        Call::new(self.core.clone())
    }

    pub(crate) fn shared_core(&self) -> Arc<Core> {
        self.core.clone()
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }
}

impl fmt::Debug for S3Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Client").field("endpoint", &self.config().endpoint).finish_non_exhaustive()
    }
}
