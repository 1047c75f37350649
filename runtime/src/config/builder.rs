//! Setting up a client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::environment::{Environment, unusable};
use super::{ChecksumWhen, Clock, PayloadSigning, S3Config, Timeouts};
use crate::credentials::{CredentialsChain, ProvideCredentials, Surroundings};
use crate::endpoint::{Addressing, EndpointConfig, EndpointOptions};
use crate::error::{ConfigurationError, S3Error};
use crate::resilience::{CircuitPolicy, RateLimits, RetryMode, RetryPolicy, StallPolicy};
use crate::transport::{HttpTransport, HyperTransport};

/// Sets up a client, option by option; what is not set has its default.
///
/// `T` is what [`build`](Self::build) makes: a client, or a bare [`S3Config`].
///
/// ```
/// use integration_s3_runtime::config::{ConfigBuilder, S3Config};
/// use integration_s3_runtime::identity::Credentials;
///
/// let config: S3Config = ConfigBuilder::config()
///     .endpoint("http://127.0.0.1:9000")
///     .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
///     .build()?;
/// assert_eq!(config.region(), "us-east-1");
/// # Ok::<(), integration_s3_runtime::error::S3Error>(())
/// ```
#[must_use = "a builder does nothing until build() is called"]
pub struct ConfigBuilder<T> {
    finish: fn(S3Config) -> Result<T, S3Error>,
    region: Option<String>,
    endpoint: Option<String>,
    addressing: Option<Addressing>,
    fips: bool,
    dualstack: bool,
    allow_http: bool,
    credentials: CredentialsChoice,
    transport: Option<Arc<dyn HttpTransport>>,
    pool_max: Option<usize>,
    pool_idle: Option<Duration>,
    timeouts: Timeouts,
    retry: RetryPolicy,
    circuit: CircuitPolicy,
    rate_limits: RateLimits,
    stalls: Option<StallPolicy>,
    payload_signing: PayloadSigning,
    request_checksums: Option<ChecksumWhen>,
    response_checksums: Option<ChecksumWhen>,
    app_name: Option<String>,
    clock: Clock,
}

enum CredentialsChoice {
    Unset,
    Anonymous,
    Provider(Arc<dyn ProvideCredentials>),
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
        Self {
            finish,
            region: None,
            endpoint: None,
            addressing: None,
            fips: false,
            dualstack: false,
            allow_http: false,
            credentials: CredentialsChoice::Unset,
            transport: None,
            pool_max: None,
            pool_idle: None,
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            circuit: CircuitPolicy::default(),
            rate_limits: RateLimits::default(),
            stalls: Some(StallPolicy::default()),
            payload_signing: PayloadSigning::default(),
            request_checksums: None,
            response_checksums: None,
            app_name: None,
            clock: Clock::SYSTEM,
        }
    }

    /// Takes what the environment says (`AWS_REGION`, `AWS_ENDPOINT_URL_S3`, ...; the whole list stands in
    /// `docs/configuration.md`). Options set after this call win over it.
    ///
    /// # Errors
    /// A variable whose value cannot be used, by name.
    pub fn load_environment(self) -> Result<Self, S3Error> {
        self.load_from(|name| std::env::var(name).ok())
    }

    /// As [`load_environment`](Self::load_environment), but reads through `get`, for tests.
    ///
    /// # Errors
    /// A variable whose value cannot be used, by name.
    pub fn load_from(mut self, get: impl Fn(&str) -> Option<String>) -> Result<Self, S3Error> {
        let env = Environment(get);
        if let Some((_, region)) = env.text(&["AWS_REGION", "AWS_DEFAULT_REGION"]) {
            self.region = Some(region);
        }
        if let Some((name, endpoint)) = env.text(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
            let trial =
                EndpointOptions { region: "us-east-1".into(), custom: Some(endpoint.clone()), ..Default::default() };
            // Whether plain http is allowed is the caller's word, which may come later.
            if EndpointConfig::new(EndpointOptions { allow_http: true, ..trial }).is_err() {
                return Err(unusable(name, "a URL such as https://storage.example.com:9000"));
            }
            self.endpoint = Some(endpoint);
        }
        if let Some(on) = env.flag("AWS_USE_FIPS_ENDPOINT")? {
            self.fips = on;
        }
        if let Some(on) = env.flag("AWS_USE_DUALSTACK_ENDPOINT")? {
            self.dualstack = on;
        }
        if let Some(path_style) = env.flag("S3_INTEGRATION_PATH_STYLE")? {
            self = self.path_style(path_style);
        }
        if let Some(ms) = env.parse::<u64>("S3_INTEGRATION_TIMEOUT_MS", "milliseconds as a whole number")? {
            self.timeouts.operation = Some(Duration::from_millis(ms));
        }
        if let Some(attempts) = env.parse::<std::num::NonZeroU32>("AWS_MAX_ATTEMPTS", "a whole number from 1")? {
            self.retry.max_attempts = attempts.get();
        }
        if let Some(retries) = env.parse::<u32>("S3_INTEGRATION_MAX_RETRIES", "a whole number")? {
            self.retry.max_attempts = retries.saturating_add(1);
        }
        if let Some(mode) =
            env.choose("AWS_RETRY_MODE", &[("standard", RetryMode::Standard), ("adaptive", RetryMode::Adaptive)])?
        {
            self.retry.mode = mode;
        }
        if let Some(failures) = env.parse::<u32>("S3_INTEGRATION_CB_THRESHOLD", "a whole number; 0 is off")? {
            self.circuit.failures = failures;
        }
        if let Some(ms) = env.parse::<u64>("S3_INTEGRATION_CB_RESET_MS", "milliseconds as a whole number")? {
            self.circuit.reset_after = Duration::from_millis(ms);
        }
        let requests = env.parse::<std::num::NonZeroU32>("S3_INTEGRATION_RATE_LIMIT_RPS", "a whole number from 1")?;
        if let Some(requests) = requests {
            self.rate_limits.requests_per_second = Some(requests.get());
        }
        let when = [("when_supported", ChecksumWhen::Supported), ("when_required", ChecksumWhen::Required)];
        if let Some(when) = env.choose("AWS_REQUEST_CHECKSUM_CALCULATION", &when)? {
            self.request_checksums = Some(when);
        }
        if let Some(when) = env.choose("AWS_RESPONSE_CHECKSUM_VALIDATION", &when)? {
            self.response_checksums = Some(when);
        }
        Ok(self)
    }

    /// The region requests are signed for, such as `eu-west-1`. Default `us-east-1` with a custom endpoint, else none.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Where the store is, such as `https://storage.example.com:9000`, with a base path if it has one.
    /// Default: AWS in the region.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// `true`: buckets stand in the path; `false`: in the host name. Default: the host name on AWS, the path with a
    /// custom endpoint and for names that no certificate covers.
    pub fn path_style(mut self, on: bool) -> Self {
        self.addressing = Some(if on { Addressing::Path } else { Addressing::Virtual });
        self
    }

    /// Goes to the FIPS 140 endpoints of the region. Default off.
    pub fn use_fips(mut self, on: bool) -> Self {
        self.fips = on;
        self
    }

    /// Goes to endpoints that also have IPv6. Default off.
    pub fn use_dualstack(mut self, on: bool) -> Self {
        self.dualstack = on;
        self
    }

    /// Allows plain http to hosts other than loopback. Default off: bodies and keys would travel in the clear.
    pub fn allow_http(mut self, on: bool) -> Self {
        self.allow_http = on;
        self
    }

    /// Where credentials come from: [`Credentials`](crate::identity::Credentials) themselves, or any source.
    /// Default: [`CredentialsChain::standard`].
    pub fn credentials(mut self, source: impl ProvideCredentials) -> Self {
        self.credentials = CredentialsChoice::Provider(Arc::new(source));
        self
    }

    /// As [`credentials`](Self::credentials), for a source that is shared.
    pub fn credentials_provider(mut self, source: Arc<dyn ProvideCredentials>) -> Self {
        self.credentials = CredentialsChoice::Provider(source);
        self
    }

    /// Sends requests unsigned, for public buckets.
    pub fn anonymous(mut self) -> Self {
        self.credentials = CredentialsChoice::Anonymous;
        self
    }

    /// Sends requests through this instead of the built-in transport; pool and connect options do not apply to it.
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// As [`transport`](Self::transport), for a transport that is shared between clients.
    pub fn shared_transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How many connections may be open at once. Default 100. A request that finds none free within the connect
    /// timeout fails with `PoolExhausted`.
    pub fn max_connections(mut self, max: usize) -> Self {
        self.pool_max = Some(max);
        self
    }

    /// How long an idle connection is kept. Default 90 s.
    pub fn connection_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle = Some(timeout);
        self
    }

    /// How long establishing a connection may take. Default 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connect = timeout;
        self
    }

    /// How long the wire may be silent while the client waits for bytes; `None`: for ever. Default 30 s.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeouts.read = timeout.into();
        self
    }

    /// How long one attempt may take until the head of its answer is there. Default no limit.
    pub fn attempt_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeouts.attempt = timeout.into();
        self
    }

    /// How long a call may take with all its attempts, for operations without a streaming body. Default 60 s.
    pub fn operation_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeouts.operation = timeout.into();
        self
    }

    /// How often a request is sent at most. Default 3; 1 switches retries off.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.retry.max_attempts = attempts;
        self
    }

    /// What is tried again, how often and when.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// When requests to a bucket that fails again and again are held back. Default: 5 failures in a row, for 30 s.
    pub fn circuit(mut self, policy: CircuitPolicy) -> Self {
        self.circuit = policy;
        self
    }

    /// How much the client may send. Default: no limits.
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.rate_limits = limits;
        self
    }

    /// When the body of an answer that trickles is given up; `None`: never. Default: under 1 byte per second over 5 s of
    /// waiting. The built-in transport heeds it.
    pub fn stalled_streams(mut self, policy: impl Into<Option<StallPolicy>>) -> Self {
        self.stalls = policy.into();
        self
    }

    /// How bodies are covered by the signature. Default [`PayloadSigning::Auto`].
    pub fn payload_signing(mut self, signing: PayloadSigning) -> Self {
        self.payload_signing = signing;
        self
    }

    /// When requests carry a checksum. Default [`ChecksumWhen::Supported`] on AWS, [`ChecksumWhen::Required`] with a
    /// custom endpoint.
    pub fn request_checksums(mut self, when: ChecksumWhen) -> Self {
        self.request_checksums = Some(when);
        self
    }

    /// When checksums of answers are asked for and checked. Defaults as for requests.
    pub fn response_checksums(mut self, when: ChecksumWhen) -> Self {
        self.response_checksums = Some(when);
        self
    }

    /// A name for the `User-Agent` header, at most 50 visible ASCII characters.
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.app_name = Some(name.into());
        self
    }

    /// Tells the time in place of the machine's clock, for tests.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    /// Checks everything and makes the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ConfigurationError::MissingRegion`] without a region and without a custom endpoint;
    /// [`ConfigurationError::InvalidEndpoint`] for an endpoint that is no usable URL, or plain http to another machine;
    /// [`ConfigurationError::InvalidConfiguration`] for any other value that cannot work.
    pub fn build(self) -> Result<T, S3Error> {
        let on_aws = self.endpoint.is_none();
        let region = match self.region {
            Some(region) => region,
            None if !on_aws => "us-east-1".to_owned(),
            None => {
                return Err(S3Error::new(ConfigurationError::MissingRegion, "no region is configured")
                    .with_suggestion("call region(\"eu-west-1\") on the builder, or set AWS_REGION"));
            }
        };
        if self.retry.max_attempts == 0 {
            return Err(invalid("max_attempts is 0", "set it to 1 to switch retries off"));
        }
        if let Some(name) = &self.app_name
            && (name.is_empty() || name.len() > 50 || !name.bytes().all(|b| b.is_ascii_graphic()))
        {
            return Err(invalid("app_name is not usable", "use 1 to 50 visible ASCII characters without spaces"));
        }
        let endpoint = EndpointConfig::new(EndpointOptions {
            region,
            custom: self.endpoint,
            addressing: self.addressing.unwrap_or_default(),
            fips: self.fips,
            dualstack: self.dualstack,
            allow_http: self.allow_http,
        })?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => {
                let mut hyper = HyperTransport::builder()
                    .connect_timeout(self.timeouts.connect)
                    .read_idle_timeout(self.timeouts.read);
                if let Some(max) = self.pool_max {
                    hyper = hyper.pool_max(max);
                }
                if let Some(idle) = self.pool_idle {
                    hyper = hyper.pool_idle(idle);
                }
                Arc::new(hyper.build())
            }
        };
        let checksums = if on_aws { ChecksumWhen::Supported } else { ChecksumWhen::Required };
        (self.finish)(S3Config {
            endpoint,
            credentials: match self.credentials {
                CredentialsChoice::Unset => {
                    // STS and SSO are asked as the store is: through the same proxies, with the same certificates.
                    let machine = Surroundings::system()
                        .with_service_transport(transport.clone())
                        .with_clock(self.clock.clone())
                        .with_allow_http(self.allow_http);
                    Some(Arc::new(CredentialsChain::standard(machine)))
                }
                CredentialsChoice::Anonymous => None,
                CredentialsChoice::Provider(source) => Some(source),
            },
            transport,
            timeouts: self.timeouts,
            retry: self.retry,
            circuit: self.circuit,
            rate_limits: self.rate_limits,
            stalls: self.stalls,
            payload_signing: self.payload_signing,
            request_checksums: self.request_checksums.unwrap_or(checksums),
            response_checksums: self.response_checksums.unwrap_or(checksums),
            app_name: self.app_name,
            clock: self.clock,
        })
    }
}

fn invalid(what: &'static str, way_out: &'static str) -> S3Error {
    S3Error::new(ConfigurationError::InvalidConfiguration, what).with_suggestion(way_out)
}
