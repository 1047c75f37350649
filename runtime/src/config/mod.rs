//! Options of a client: what they are, what they default to, and where they can come from.
//!
//! [`OPTIONS`] is the list of them. For each, code wins over the environment, that over the profile, that over the default;
//! [`S3Config::explain`] tells who won.

mod builder;
mod explain;
mod options;
mod provider;
mod reading;
mod resolve;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::credentials::ProvideCredentials;
use crate::endpoint::EndpointConfig;
use crate::resilience::{CircuitPolicy, RateLimits, RetryPolicy, StallPolicy};
use crate::transport::HttpTransport;

pub use builder::ConfigBuilder;
pub use explain::{Entry, Report};
pub use options::{OPTIONS, OptionFacts};
pub use provider::{ProviderFacts, StoreFacts};
pub use settings::Origin;

use settings::Settings;

/// How bodies are covered by the signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadSigning {
    /// Over https bodies go unsigned: TLS guards them. Over http bodies in memory are hashed before they are sent,
    /// and streams are signed chunk by chunk.
    #[default]
    Auto,
    /// Always hashed or signed chunk by chunk.
    Signed,
    /// Never: whoever can change bytes on the way can change the body.
    Unsigned,
}

impl PayloadSigning {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Signed => "signed",
            Self::Unsigned => "unsigned",
        }
    }
}

/// When the client adds a checksum to a request, or checks the one of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumWhen {
    /// Wherever the operation can carry one. The default on AWS.
    Supported,
    /// Only where the operation demands one, or the caller asks for it. The default with a custom endpoint, because
    /// many stores refuse checksums they do not know.
    Required,
}

impl ChecksumWhen {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "when_supported",
            Self::Required => "when_required",
        }
    }
}

/// How large objects are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// From how many bytes on. Default 16 MiB.
    pub threshold: u64,
    /// Bytes of a part. Default 8 MiB.
    pub part_size: u64,
    /// Parts in flight at once. Default 4.
    pub concurrency: u32,
    /// Bytes of parts that all transfers of a client together may hold in memory. Default 256 MiB.
    pub memory: u64,
}

/// How long things may take. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Establishing a connection. Default 5 s.
    pub connect: Duration,
    /// Silence on the wire while the client waits for bytes. Default 30 s.
    pub read: Option<Duration>,
    /// One attempt, from sending to the head of the answer. Default none.
    pub attempt: Option<Duration>,
    /// A whole call with all attempts, for operations without a streaming body. Default 60 s.
    pub operation: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Some(Duration::from_secs(30)),
            attempt: None,
            operation: Some(Duration::from_secs(60)),
        }
    }
}

/// Tells the time; tests bring their own.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> SystemTime + Send + Sync>>);

impl Clock {
    /// The machine's clock.
    pub const SYSTEM: Clock = Clock(None);

    /// A clock of the caller's.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// The time it shows.
    pub fn now(&self) -> SystemTime {
        self.0.as_ref().map_or_else(SystemTime::now, |now| now())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(custom)" } else { "Clock(system)" })
    }
}

/// Everything a client was set up with. Made by [`ConfigBuilder`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct S3Config {
    /// Region, addressing and endpoint.
    pub endpoint: EndpointConfig,
    /// Where credentials come from; `None`: requests go unsigned.
    pub credentials: Option<Arc<dyn ProvideCredentials>>,
    /// How requests are sent.
    pub transport: Arc<dyn HttpTransport>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// What is tried again, how often and when.
    pub retry: RetryPolicy,
    /// When requests to a bucket that fails again and again are held back.
    pub circuit: CircuitPolicy,
    /// How much the client may send.
    pub rate_limits: RateLimits,
    /// When the body of an answer that trickles is given up.
    pub stalls: Option<StallPolicy>,
    /// How bodies are covered by the signature.
    pub payload_signing: PayloadSigning,
    /// When requests carry a checksum.
    pub request_checksums: ChecksumWhen,
    /// When checksums of answers are checked.
    pub response_checksums: ChecksumWhen,
    /// How the store wants requests to be.
    pub store: StoreFacts,
    /// How large objects are cut.
    pub multipart: Multipart,
    /// What the client calls itself, after its own name.
    pub app_name: Option<String>,
    /// Tells the time.
    pub clock: Clock,
    settings: Arc<Settings>,
}

impl S3Config {
    /// The region requests are signed for.
    pub fn region(&self) -> &str {
        self.endpoint.region()
    }

    /// Every option with its value and where that came from, without secrets. Fields that were changed after the
    /// configuration was made show as they were made.
    ///
    /// ```
    /// # use integration_s3_runtime::facade as integration_s3;
    /// # use integration_s3::config::ConfigBuilder;
    /// let config = ConfigBuilder::config().region("eu-west-1").anonymous().build()?;
    /// println!("{}", config.explain());
    /// # Ok::<(), integration_s3::error::S3Error>(())
    /// ```
    #[must_use]
    pub fn explain(&self) -> Report {
        Report::new(&self.settings, Vec::new())
    }
}
