//! Setting up a client.

use std::fmt;
#[cfg(feature = "_tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::explain::Report;
use super::options::Opt;
use super::provider::ProviderFacts;
use super::reading::Value;
use super::resolve::{CredentialsChoice, Draft};
use super::settings::Origin;
use super::{ChecksumWhen, Clock, PayloadSigning, S3Config};
use crate::credentials::{ProvideCredentials, Surroundings};
use crate::error::S3Error;
use crate::resilience::{CircuitPolicy, RateLimits, RetryMode, RetryPolicy, StallPolicy};
use crate::transport::HttpTransport;

/// Sets up a client, option by option; what is not set has its default.
///
/// `T` is what [`build`](Self::build) makes: a client, or a bare [`S3Config`]. What is set here wins over the environment, and
/// that over the profile, in whatever order the methods are called.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::config::{ConfigBuilder, S3Config};
/// use integration_s3::Credentials;
///
/// let config: S3Config = ConfigBuilder::config()
///     .endpoint("http://127.0.0.1:9000")
///     .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
///     .build()?;
/// assert_eq!(config.region(), "us-east-1");
/// assert_eq!(config.explain().get("endpoint").map(|e| e.origin.to_string()), Some("code".to_owned()));
/// # Ok::<(), integration_s3::error::S3Error>(())
/// ```
#[must_use = "a builder does nothing until build() is called"]
pub struct ConfigBuilder<T> {
    finish: fn(S3Config) -> Result<T, S3Error>,
    /// Large, and moved by every method.
    draft: Box<Draft>,
}

impl ConfigBuilder<S3Config> {
    /// Builds a bare configuration.
    pub fn config() -> Self {
        Self::new(Ok)
    }
}

impl<T> ConfigBuilder<T> {
    #[doc(hidden)]
    pub fn new(finish: fn(S3Config) -> Result<T, S3Error>) -> Self {
        Self { finish, draft: Box::default() }
    }

    fn set(mut self, option: Opt, value: Value) -> Self {
        self.draft.settings.offer(option, value, Origin::Code);
        self
    }

    fn text(self, option: Opt, text: impl Into<String>) -> Self {
        self.set(option, Value::Text(text.into()))
    }

    fn time(self, option: Opt, time: impl Into<Option<Duration>>) -> Self {
        self.set(option, Value::Time(time.into()))
    }

    /// Takes what the environment and the profile in use say (`AWS_REGION`, `AWS_ENDPOINT_URL_S3`, `HTTPS_PROXY`, ...; the
    /// whole list stands in [`OPTIONS`](super::OPTIONS)). They are read by [`build`](Self::build), which refuses values
    /// that cannot be used.
    pub fn load_environment(self) -> Self {
        self.load_from(Surroundings::system())
    }

    /// As [`load_environment`](Self::load_environment), with other variables, files and clients for metadata: for tests.
    /// The standard chain of credentials looks there as well.
    pub fn load_from(mut self, machine: Surroundings) -> Self {
        self.draft.machine = Some(machine);
        self
    }

    /// Uses this profile of `~/.aws/config` and `~/.aws/credentials` in place of `AWS_PROFILE`, and reads environment
    /// and profile as [`load_environment`](Self::load_environment) does. It must exist.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.draft.machine.get_or_insert_with(Surroundings::system);
        self.text(Opt::Profile, name)
    }

    /// What is known about this make of store: endpoint, region, addressing, checksums, chunking. It wins over environment and
    /// profile; what is set on the builder itself wins over it.
    ///
    /// `Provider` of the package `integration-s3` has those the model knows.
    pub fn provider(mut self, provider: impl Into<ProviderFacts>) -> Self {
        self.draft.provider = Some(provider.into());
        self
    }

    /// The region requests are signed for, such as `eu-west-1`. Default `us-east-1` with a custom endpoint, else none.
    pub fn region(self, region: impl Into<String>) -> Self {
        self.text(Opt::Region, region)
    }

    /// Where the store is, such as `https://storage.example.com:9000`, with a base path if it has one.
    /// Default: AWS in the region.
    pub fn endpoint(self, url: impl Into<String>) -> Self {
        self.text(Opt::Endpoint, url)
    }

    /// `true`: buckets stand in the path; `false`: in the host name. Default: the host name on AWS, the path with a
    /// custom endpoint and for names that no certificate covers.
    pub fn path_style(self, on: bool) -> Self {
        self.set(Opt::Addressing, Value::Word(if on { "path" } else { "virtual" }))
    }

    /// Goes to the FIPS 140 endpoints of the region. Default off.
    pub fn use_fips(self, on: bool) -> Self {
        self.set(Opt::UseFips, Value::On(on))
    }

    /// Goes to endpoints that also have IPv6. Default off.
    pub fn use_dualstack(self, on: bool) -> Self {
        self.set(Opt::UseDualstack, Value::On(on))
    }

    /// Allows plain http to hosts other than loopback. Default off: bodies and keys would travel in the clear.
    pub fn allow_http(self, on: bool) -> Self {
        self.set(Opt::AllowHttp, Value::On(on))
    }

    /// Where credentials come from: [`Credentials`](crate::identity::Credentials) themselves, or any source.
    /// Default: [`CredentialsChain::standard`](crate::credentials::CredentialsChain::standard).
    pub fn credentials(self, source: impl ProvideCredentials) -> Self {
        self.credentials_provider(Arc::new(source))
    }

    /// As [`credentials`](Self::credentials), for a source that is shared.
    pub fn credentials_provider(mut self, source: Arc<dyn ProvideCredentials>) -> Self {
        let name = source.name();
        self.draft.credentials = CredentialsChoice::Provider(source);
        self.text(Opt::Credentials, name)
    }

    /// Sends requests unsigned, for public buckets.
    pub fn anonymous(mut self) -> Self {
        self.draft.credentials = CredentialsChoice::Anonymous;
        self.text(Opt::Credentials, "anonymous")
    }

    /// Sends requests through this instead of the built-in transport; pool, connect, TLS and proxy options do not apply to
    /// it.
    pub fn transport(self, transport: impl HttpTransport) -> Self {
        self.shared_transport(Arc::new(transport))
    }

    /// As [`transport`](Self::transport), for a transport that is shared between clients.
    pub fn shared_transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.draft.transport = Some(transport);
        self
    }

    /// How many connections may be in use at once. Default 100; at least 1. Requests beyond wait for their turn, as
    /// [`connection_wait`](Self::connection_wait) says.
    ///
    /// A connection is in use until the body of its answer has been read to the end or dropped; a body that is held unread
    /// keeps it. Who holds as many bodies as there are connections, and then sends requests before reading on, waits for
    /// himself. Piping objects into others needs two connections each: with fewer at a time than there are connections
    /// it always goes on, with half as many none waits. Bodies are read on the runtime that sent their requests, see
    /// [`ByteStream`](crate::body::ByteStream).
    pub fn max_connections(self, max: usize) -> Self {
        self.set(Opt::MaxConnections, Value::Count(max as u64))
    }

    /// For how long no connection may become free before the requests that wait for one fail as `PoolExhausted`. Default
    /// 60 s; `None`: they wait for ever.
    ///
    /// It is not how long a request may wait: requests get their turns in the order in which they came, and however long
    /// the queue is, it is waited in for as long as it moves. What a call may take in all is for
    /// [`operation_timeout`](Self::operation_timeout) and the `timeout` of a call to say; if that ends while the call
    /// waits, it is `PoolExhausted` too. Waiting is no attempt: it takes nothing from the attempt timeout, the retries or
    /// the circuit.
    pub fn connection_wait(self, time: impl Into<Option<Duration>>) -> Self {
        self.time(Opt::ConnectionWait, time)
    }

    /// How long an idle connection is kept. Default 90 s.
    pub fn connection_idle_timeout(self, timeout: Duration) -> Self {
        self.time(Opt::ConnectionIdleTimeout, timeout)
    }

    /// How long establishing a connection may take. Default 5 s.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.time(Opt::ConnectTimeout, timeout)
    }

    /// How long the wire may be silent while the client waits for bytes; `None`: for ever. Default 30 s.
    ///
    /// Of an upload counts what the system takes, which is some megabytes ahead of what it has sent. Where something in between
    /// reads slowly (a proxy with a thin line behind it, below some 150 KB/s a connection), the rest of a part may look
    /// like silence: upload fewer parts at once there, or raise this.
    pub fn read_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.time(Opt::ReadTimeout, timeout)
    }

    /// How long one attempt may take until the head of its answer is there, without the wait for a connection. Default no
    /// limit. Attempts that take longer count against the bucket's [`circuit`](Self::circuit).
    pub fn attempt_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.time(Opt::AttemptTimeout, timeout)
    }

    /// How long a call may take with all its attempts, for operations without a streaming body. Default 60 s.
    pub fn operation_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.time(Opt::OperationTimeout, timeout)
    }

    /// How often a request is sent at most. Default 3; 1 switches retries off.
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.set(Opt::MaxAttempts, Value::Count(attempts.into()))
    }

    /// What is tried again, how often and when.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        let mode = if policy.mode == RetryMode::Adaptive { "adaptive" } else { "standard" };
        let attempts = policy.max_attempts;
        self.draft.retry = policy;
        self.max_attempts(attempts).set(Opt::RetryMode, Value::Word(mode))
    }

    /// When requests to a bucket that fails again and again are held back. Default: 5 failures in a row, for 30 s.
    pub fn circuit(mut self, policy: CircuitPolicy) -> Self {
        self.draft.circuit = policy;
        let failures = Value::Count(policy.failures.into());
        self.set(Opt::CircuitFailures, failures).time(Opt::CircuitReset, policy.reset_after)
    }

    /// How much the client may send. Default: no limits.
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.draft.rate_limits = limits;
        let requests = limits.requests_per_second.map_or(Value::Word("none"), |n| Value::Count(n.into()));
        self.set(Opt::RateLimit, requests)
    }

    /// When the body of an answer that trickles is given up; `None`: never. Default: under 1 byte per second over 5 s of
    /// waiting. The built-in transport heeds it. Answers that are blanks until a verdict stands (completions, copies) are not held to it.
    pub fn stalled_streams(mut self, policy: impl Into<Option<StallPolicy>>) -> Self {
        let policy = policy.into();
        let shown = policy.map_or_else(
            || "never".to_owned(),
            |p| format!("under {} bytes per second over {:?}", p.bytes_per_second, p.grace),
        );
        self.draft.stalls = policy;
        self.text(Opt::StalledStreams, shown)
    }

    /// How bodies are covered by the signature. Default [`PayloadSigning::Auto`].
    pub fn payload_signing(self, signing: PayloadSigning) -> Self {
        self.set(Opt::PayloadSigning, Value::Word(signing.as_str()))
    }

    /// When requests carry a checksum. Default [`ChecksumWhen::Supported`] on AWS, [`ChecksumWhen::Required`] with a
    /// custom endpoint.
    pub fn request_checksums(self, when: ChecksumWhen) -> Self {
        self.set(Opt::RequestChecksums, Value::Word(when.as_str()))
    }

    /// When checksums of answers are asked for and checked. Defaults as for requests.
    pub fn response_checksums(self, when: ChecksumWhen) -> Self {
        self.set(Opt::ResponseChecksums, Value::Word(when.as_str()))
    }

    /// A name for the `User-Agent` header, at most 50 visible ASCII characters.
    pub fn app_name(self, name: impl Into<String>) -> Self {
        self.text(Opt::AppName, name)
    }

    /// Trusts the certificate authorities of this PEM file beside the system's.
    #[cfg(feature = "_tls")]
    pub fn ca_bundle(mut self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let shown = path.display().to_string();
        self.draft.ca_bundle = Some(path);
        self.text(Opt::CaBundle, shown)
    }

    /// Shows this certificate to servers that ask for one: PEM files of the chain, own certificate first, and of its key,
    /// unencrypted.
    #[cfg(feature = "_tls")]
    pub fn client_certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (chain, key) = (chain.into(), key.into());
        let shown = format!("{} with key {}", chain.display(), key.display());
        self.draft.identity = Some((chain, key));
        self.text(Opt::ClientCertificate, shown)
    }

    /// Accepts any certificate, of anybody, for any name. Whoever sits between client and store can then read and change
    /// everything, keys included: for experiments only. A warning is logged when the first https connection is opened.
    #[cfg(feature = "_tls")]
    pub fn danger_accept_invalid_certificates(self, on: bool) -> Self {
        self.set(Opt::AcceptInvalidCertificates, Value::On(on))
    }

    /// Goes through this proxy, `http://user:password@host:port`: https by `CONNECT`, plain http in absolute form. It serves
    /// loopback too; hosts of `NO_PROXY` and of [`no_proxy_for`](Self::no_proxy_for) do without. A URL that cannot be used is an
    /// error of [`build`](Self::build).
    pub fn proxy(mut self, url: impl AsRef<str>) -> Self {
        match url.as_ref().parse() {
            Ok(proxy) => {
                let proxy = Value::Proxy(proxy);
                self.set(Opt::HttpsProxy, proxy.clone()).set(Opt::HttpProxy, proxy)
            }
            Err(error) => {
                self.draft.problems.push(error);
                self
            }
        }
    }

    /// Goes through no proxy, whatever the environment says.
    pub fn no_proxy(self) -> Self {
        self.set(Opt::HttpsProxy, Value::Word("none")).set(Opt::HttpProxy, Value::Word("none"))
    }

    /// Hosts that are reached directly, as `NO_PROXY` lists them, in its place.
    pub fn no_proxy_for(self, hosts: impl Into<String>) -> Self {
        self.text(Opt::NoProxy, hosts)
    }

    /// From how many bytes on transfers go in parts. Default 16 MiB.
    pub fn multipart_threshold(self, bytes: u64) -> Self {
        self.set(Opt::MultipartThreshold, Value::Bytes(bytes))
    }

    /// How many bytes a part has. Default 8 MiB; at least 5 MiB, at most 5 GiB.
    pub fn multipart_part_size(self, bytes: u64) -> Self {
        self.set(Opt::MultipartPartSize, Value::Bytes(bytes))
    }

    /// How many parts are in flight at once. Default 4.
    pub fn multipart_concurrency(self, parts: u32) -> Self {
        self.set(Opt::MultipartConcurrency, Value::Count(parts.into()))
    }

    /// How many bytes of parts all transfers of a client together may hold in memory; parts of files are read while they are
    /// sent and held by nobody. Default 256 MiB; at least 5 MiB, at most 1 TiB.
    pub fn transfer_memory(self, bytes: u64) -> Self {
        self.set(Opt::TransferMemory, Value::Bytes(bytes))
    }

    /// Tells the time in place of the machine's clock, for tests.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.draft.clock = Clock::new(now);
        self
    }

    /// What a client would be set up with, and what keeps it from being made, without making it.
    ///
    /// ```
    /// # use integration_s3_runtime::facade as integration_s3;
    /// use integration_s3::config::ConfigBuilder;
    /// use integration_s3::credentials::Surroundings;
    ///
    /// let machine = Surroundings::system()
    ///     .with_home("/nonexistent")
    ///     .with_variables(|name| (name == "AWS_REGION").then(|| "eu-west-1".to_owned()));
    /// let report = ConfigBuilder::config().load_from(machine).explain();
    /// let region = report.get("region").map(|entry| (entry.value.as_str(), entry.origin.to_string()));
    /// assert_eq!(region, Some(("eu-west-1", "environment variable AWS_REGION".to_owned())));
    /// assert!(report.problems().is_empty());
    /// ```
    #[must_use]
    pub fn explain(self) -> Report {
        self.draft.explain()
    }

    /// Checks everything and makes the client. Nothing is sent.
    ///
    /// # Errors
    /// [`MissingRegion`](crate::error::ConfigurationError::MissingRegion) without a region and without a custom endpoint;
    /// [`InvalidEndpoint`](crate::error::ConfigurationError::InvalidEndpoint) for an endpoint that is no usable URL, or plain
    /// http to another machine; [`InvalidConfiguration`](crate::error::ConfigurationError::InvalidConfiguration) for any other
    /// value that cannot work, naming the option, the variable, or file and line, never the value.
    pub fn build(self) -> Result<T, S3Error> {
        (self.finish)(self.draft.finish()?)
    }
}

impl<T> fmt::Debug for ConfigBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBuilder").field("set", &self.draft.settings).finish_non_exhaustive()
    }
}
