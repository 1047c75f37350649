//! From what was set to a configuration: code over provider over environment over profile over default.

use std::path::PathBuf;
use std::sync::Arc;

use super::explain::Report;
use super::options::Opt;
use super::provider::{ProviderFacts, StoreFacts};
use super::reading::{Value, is_app_name};
use super::settings::{Origin, Settings};
use super::{ChecksumWhen, Clock, Multipart, PayloadSigning, S3Config, Timeouts};
use crate::credentials::{CredentialsChain, ProvideCredentials, Surroundings};
use crate::endpoint::{Addressing, EndpointConfig, EndpointOptions, Scheme};
use crate::error::{ConfigurationError, S3Error};
use crate::resilience::{CircuitPolicy, RateLimits, RetryMode, RetryPolicy, StallPolicy};
use crate::transport::{HttpTransport, HyperTransport, NoProxy, Proxies};

/// A configuration on its way.
pub(super) struct Draft {
    pub(super) settings: Settings,
    /// Where to read environment and profile, if they count.
    pub(super) machine: Option<Surroundings>,
    pub(super) provider: Option<ProviderFacts>,
    pub(super) credentials: CredentialsChoice,
    pub(super) transport: Option<Arc<dyn HttpTransport>>,
    pub(super) retry: RetryPolicy,
    pub(super) circuit: CircuitPolicy,
    pub(super) rate_limits: RateLimits,
    pub(super) stalls: Option<StallPolicy>,
    pub(super) clock: Clock,
    /// Paths need not be UTF-8.
    #[cfg_attr(not(feature = "_tls"), allow(dead_code))]
    pub(super) ca_bundle: Option<PathBuf>,
    #[cfg_attr(not(feature = "_tls"), allow(dead_code))]
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) problems: Vec<S3Error>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            machine: None,
            provider: None,
            credentials: CredentialsChoice::Unset,
            transport: None,
            retry: RetryPolicy::default(),
            circuit: CircuitPolicy::default(),
            rate_limits: RateLimits::default(),
            stalls: Some(StallPolicy::default()),
            clock: Clock::SYSTEM,
            ca_bundle: None,
            identity: None,
            problems: Vec::new(),
        }
    }
}

pub(super) enum CredentialsChoice {
    Unset,
    Anonymous,
    Provider(Arc<dyn ProvideCredentials>),
}

impl Draft {
    pub(super) fn explain(mut self) -> Report {
        self.gather();
        if let Err(error) = self.endpoint() {
            self.problems.push(error);
        }
        if let Err(error) = self.check() {
            self.problems.push(error);
        }
        Report::new(&self.settings, std::mem::take(&mut self.problems))
    }

    /// Brings the origins together. What cannot be used is remembered.
    fn gather(&mut self) {
        if let Some(provider) = &self.provider {
            for (option, value) in provider_values(provider, &mut self.problems) {
                self.settings.offer(option, value, Origin::Provider(provider.name));
            }
        }
        if let Some(machine) = self.machine.take() {
            self.settings.read_environment(&machine, &mut self.problems);
            // Code, or the variable: it has just been read.
            let machine = match self.settings.get(Opt::Profile) {
                Some((Value::Text(name), Origin::Code)) => machine.with_profile(name.clone()),
                _ => machine,
            };
            self.settings.read_profile(&machine, &mut self.problems);
            self.machine = Some(machine);
        }
        let configured =
            matches!(self.settings.get(Opt::Endpoint), Some((_, Origin::Variable(_) | Origin::Profile { .. })));
        if configured && self.settings.is_on(Opt::IgnoreConfiguredEndpoints) {
            self.settings.forget(Opt::Endpoint);
        }
        self.add_defaults();
    }

    /// Defaults that depend on other options.
    fn add_defaults(&mut self) {
        let custom = self.settings.get(Opt::Endpoint).is_some();
        let when = if custom { ChecksumWhen::Required } else { ChecksumWhen::Supported };
        // What a store can do is a default; what it cannot do has been said already.
        let (request, response, origin) = match &self.provider {
            Some(facts) => (facts.request_checksums, facts.response_checksums, Origin::Provider(facts.name)),
            None => (when, when, Origin::Default),
        };
        for (option, when) in [(Opt::RequestChecksums, request), (Opt::ResponseChecksums, response)] {
            if self.settings.get(option).is_none() {
                self.settings.offer(option, Value::Word(when.as_str()), origin.clone());
            }
        }
        if custom {
            self.settings.offer(Opt::Region, Value::Text("us-east-1".to_owned()), Origin::Default);
        }
    }

    fn endpoint(&self) -> Result<EndpointConfig, S3Error> {
        let settings = &self.settings;
        let Some(region) = settings.text(Opt::Region) else {
            return Err(S3Error::new(ConfigurationError::MissingRegion, "no region is configured").with_suggestion(
                "call region(\"eu-west-1\") on the builder, set AWS_REGION, or region in the profile",
            ));
        };
        EndpointConfig::new(EndpointOptions {
            region: region.to_owned(),
            custom: settings.text(Opt::Endpoint).map(str::to_owned),
            addressing: match settings.text(Opt::Addressing) {
                Some("path") => Addressing::Path,
                Some("virtual") => Addressing::Virtual,
                _ => Addressing::Auto,
            },
            fips: settings.is_on(Opt::UseFips),
            dualstack: settings.is_on(Opt::UseDualstack),
            allow_http: settings.is_on(Opt::AllowHttp),
        })
    }

    /// Values of code, which nothing has looked at yet.
    fn check(&self) -> Result<(), S3Error> {
        let outside =
            |option, least: u64, most: u64| self.settings.count(option).is_some_and(|n| !(least..=most).contains(&n));
        if outside(Opt::MaxAttempts, 1, 1_000) {
            return Err(invalid("max_attempts is 0 or above 1000", "set it to 1 to switch retries off"));
        }
        if self.settings.text(Opt::AppName).is_some_and(|name| !is_app_name(name)) {
            return Err(invalid("app_name is not usable", "use 1 to 50 visible ASCII characters without spaces"));
        }
        if outside(Opt::MultipartPartSize, 5 << 20, 5 << 30) || outside(Opt::MultipartThreshold, 5 << 20, 5 << 30) {
            return Err(invalid("multipart_threshold or multipart_part_size is out of range", "use 5 MiB to 5 GiB"));
        }
        if outside(Opt::MultipartConcurrency, 1, 256) {
            return Err(invalid("multipart_concurrency is out of range", "use 1 to 256"));
        }
        if outside(Opt::TransferMemory, 5 << 20, 1 << 40) {
            return Err(invalid("transfer_memory is out of range", "use 5 MiB to 1 TiB"));
        }
        if outside(Opt::RateLimit, 1, u64::MAX) {
            return Err(invalid("rate_limits allows no request", "use at least 1 per second, or leave it out"));
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<S3Config, S3Error> {
        self.gather();
        if !self.problems.is_empty() {
            return Err(self.problems.swap_remove(0));
        }
        self.check()?;
        let endpoint = self.endpoint()?;
        let timeouts = self.timeouts();
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None if cfg!(not(feature = "_tls")) && endpoint.scheme() == Scheme::Https => {
                return Err(invalid(
                    "the endpoint is https, which is not compiled in",
                    "enable the feature `rustls-ring`",
                ));
            }
            None => Arc::new(self.hyper(&timeouts)),
        };
        let settings = &self.settings;
        let small =
            |option, default: u32| settings.count(option).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
        let when = |option| match settings.text(option) {
            Some("when_supported") => ChecksumWhen::Supported,
            _ => ChecksumWhen::Required,
        };
        let mut retry = self.retry;
        retry.max_attempts = small(Opt::MaxAttempts, retry.max_attempts);
        retry.mode = match settings.text(Opt::RetryMode) {
            Some("adaptive") => RetryMode::Adaptive,
            _ => RetryMode::Standard,
        };
        let mut rate_limits = self.rate_limits;
        if settings.count(Opt::RateLimit).is_some() {
            rate_limits.requests_per_second = Some(small(Opt::RateLimit, u32::MAX));
        }
        Ok(S3Config {
            endpoint,
            credentials: match self.credentials {
                CredentialsChoice::Unset => {
                    // STS and SSO are asked as the store is: through the same proxies, with the same certificates.
                    let machine = self.machine.unwrap_or_else(Surroundings::system);
                    let machine = machine
                        .with_service_transport(transport.clone())
                        .with_clock(self.clock.clone())
                        .with_allow_http(settings.is_on(Opt::AllowHttp));
                    Some(Arc::new(CredentialsChain::standard(machine)))
                }
                CredentialsChoice::Anonymous => None,
                CredentialsChoice::Provider(source) => Some(source),
            },
            transport,
            timeouts,
            retry,
            circuit: self
                .circuit
                .failures(small(Opt::CircuitFailures, self.circuit.failures))
                .reset_after(settings.time(Opt::CircuitReset).flatten().unwrap_or(self.circuit.reset_after)),
            rate_limits,
            stalls: self.stalls,
            payload_signing: match settings.text(Opt::PayloadSigning) {
                Some("signed") => PayloadSigning::Signed,
                Some("unsigned") => PayloadSigning::Unsigned,
                _ => PayloadSigning::Auto,
            },
            request_checksums: when(Opt::RequestChecksums),
            response_checksums: when(Opt::ResponseChecksums),
            store: self.provider.as_ref().map_or(StoreFacts::STANDARD, |provider| provider.store),
            multipart: Multipart {
                threshold: settings.count(Opt::MultipartThreshold).unwrap_or(16 << 20),
                part_size: settings.count(Opt::MultipartPartSize).unwrap_or(8 << 20),
                concurrency: small(Opt::MultipartConcurrency, 4),
                memory: settings.count(Opt::TransferMemory).unwrap_or(256 << 20),
            },
            app_name: settings.text(Opt::AppName).map(str::to_owned),
            clock: self.clock,
            settings: Arc::new(self.settings),
        })
    }

    fn timeouts(&self) -> Timeouts {
        let time = |option| self.settings.time(option);
        let default = Timeouts::default();
        Timeouts {
            connect: time(Opt::ConnectTimeout).flatten().unwrap_or(default.connect),
            read: time(Opt::ReadTimeout).unwrap_or(default.read),
            attempt: time(Opt::AttemptTimeout).unwrap_or(default.attempt),
            operation: time(Opt::OperationTimeout).unwrap_or(default.operation),
        }
    }

    fn hyper(&self, timeouts: &Timeouts) -> HyperTransport {
        let settings = &self.settings;
        let mut hyper = HyperTransport::builder()
            .connect_timeout(timeouts.connect)
            .read_idle_timeout(timeouts.read)
            .stalled_streams(self.stalls);
        if let Some(max) = settings.count(Opt::MaxConnections) {
            hyper = hyper.pool_max(usize::try_from(max).unwrap_or(usize::MAX));
        }
        if let Some(wait) = settings.time(Opt::ConnectionWait) {
            hyper = hyper.pool_wait(wait);
        }
        if let Some(Some(idle)) = settings.time(Opt::ConnectionIdleTimeout) {
            hyper = hyper.pool_idle(idle);
        }
        #[cfg(feature = "_tls")]
        {
            if let Some(bundle) = self.ca_bundle.clone().or_else(|| settings.text(Opt::CaBundle).map(PathBuf::from)) {
                hyper = hyper.ca_bundle(bundle);
            }
            if let Some((chain, key)) = &self.identity {
                hyper = hyper.client_certificate(chain, key);
            }
            hyper = hyper.danger_accept_invalid_certificates(settings.is_on(Opt::AcceptInvalidCertificates));
        }
        let by_code = |option| matches!(settings.get(option), Some((_, Origin::Code)));
        hyper
            .proxies(Proxies {
                https: settings.proxy(Opt::HttpsProxy).cloned(),
                http: settings.proxy(Opt::HttpProxy).cloned(),
                direct: settings.text(Opt::NoProxy).map(NoProxy::parse).unwrap_or_default(),
                loopback: by_code(Opt::HttpsProxy) || by_code(Opt::HttpProxy),
            })
            .build()
    }
}

fn provider_values(provider: &ProviderFacts, problems: &mut Vec<S3Error>) -> Vec<(Opt, Value)> {
    let mut values = vec![(Opt::Provider, Value::Text(provider.name.to_owned()))];
    match provider.addressing {
        Addressing::Auto => {}
        Addressing::Path => values.push((Opt::Addressing, Value::Word("path"))),
        Addressing::Virtual => values.push((Opt::Addressing, Value::Word("virtual"))),
    }
    for (option, when) in
        [(Opt::RequestChecksums, provider.request_checksums), (Opt::ResponseChecksums, provider.response_checksums)]
    {
        if when == ChecksumWhen::Required {
            values.push((option, Value::Word(when.as_str())));
        }
    }
    for (option, text) in [(Opt::Endpoint, provider.endpoint_url()), (Opt::Region, provider.region_name())] {
        match text {
            Ok(Some(text)) => values.push((option, Value::Text(text))),
            Ok(None) => {}
            Err(error) => problems.push(error),
        }
    }
    values
}

fn invalid(what: &'static str, way_out: &'static str) -> S3Error {
    S3Error::new(ConfigurationError::InvalidConfiguration, what).with_suggestion(way_out)
}
