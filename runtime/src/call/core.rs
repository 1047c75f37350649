//! What all calls of a client share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use crate::config::S3Config;
use crate::credentials::CredentialsCache;
use crate::endpoint::EndpointConfig;
use crate::error::{CodeLookup, ConfigurationError, S3Error};
use crate::resilience::{CircuitState, Jitter, Lanes, Limiter, RetryBudget};
use crate::sign::KeyCache;
use crate::timestamp::Timestamp;

/// What all calls of a client share: configuration, credentials, signing keys, and what was learnt on the way.
#[derive(Debug)]
pub struct Core {
    pub(crate) config: S3Config,
    pub(crate) credentials: Option<CredentialsCache>,
    pub(crate) keys: KeyCache,
    pub(crate) codes: CodeLookup,
    pub(crate) user_agent: HeaderValue,
    pub(crate) regions: Regions,
    /// Circuits, paces and limits by bucket.
    pub(crate) lanes: Lanes,
    /// Limits all buckets share.
    pub(crate) limits: Option<Limiter>,
    pub(crate) budget: Option<RetryBudget>,
    /// The beginning of the time all layers are told.
    pub(crate) started: Instant,
    /// Seconds the servers' clocks are ahead of ours, learnt from an answer.
    skew: AtomicI64,
    chance: AtomicU64,
}

impl Core {
    /// A client's core. `codes` is the generated table of error codes.
    ///
    /// # Errors
    /// [`ConfigurationError::InvalidConfiguration`] when a name cannot stand in a header.
    pub fn new(config: S3Config, codes: CodeLookup) -> Result<Arc<Self>, S3Error> {
        let mut user_agent = concat!("integration-s3/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(app) = &config.app_name {
            user_agent.push_str(" app/");
            user_agent.push_str(app);
        }
        let user_agent = HeaderValue::try_from(user_agent)
            .map_err(|_| S3Error::new(ConfigurationError::InvalidConfiguration, "app_name cannot stand in a header"))?;
        let lanes = Lanes::new(config.circuit, config.rate_limits);
        let limits = if config.rate_limits.per_bucket { None } else { Limiter::new(&config.rate_limits) };
        let budget = config.retry.budget.map(RetryBudget::new);
        tracing::info!(target: "integration_s3::client", region = config.region(), "S3 client ready");
        Ok(Arc::new(Self {
            credentials: config.credentials.clone().map(CredentialsCache::new),
            config,
            keys: KeyCache::new(),
            codes,
            user_agent,
            regions: Regions::default(),
            lanes,
            limits,
            budget,
            started: Instant::now(),
            skew: AtomicI64::new(0),
            chance: AtomicU64::new(Jitter::new().bits()),
        }))
    }

    /// The configuration.
    pub fn config(&self) -> &S3Config {
        &self.config
    }

    /// The state of a bucket's circuit; closed if nothing was ever sent there.
    pub fn circuit_state(&self, bucket: &str) -> CircuitState {
        let elsewhere = self.regions.of(Some(bucket));
        self.lanes.state(bucket, elsewhere.as_deref().unwrap_or(&self.config.endpoint).region())
    }

    /// Tokens left for retries; `None` without a budget.
    pub fn retry_tokens(&self) -> Option<u32> {
        self.budget.as_ref().map(RetryBudget::left)
    }

    /// The time the layers are told.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The server's time, as far as it is known.
    pub(crate) fn now(&self) -> Timestamp {
        let now = Timestamp::from(self.config.clock.now());
        match self.skew.load(Ordering::Relaxed) {
            0 => now,
            skew => Timestamp::from_unix(now.unix().saturating_add(skew)),
        }
    }

    /// Learns from the date of an answer how far the clocks are apart.
    pub(crate) fn learn_time(&self, server: Timestamp) {
        let ours = Timestamp::from(self.config.clock.now());
        self.skew.store(server.unix().saturating_sub(ours.unix()), Ordering::Relaxed);
    }

    /// A generator of its own for one call.
    pub(crate) fn jitter(&self) -> Jitter {
        Jitter::seeded(self.chance.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed) ^ 0x5851_F42D_4C95_7F2D)
    }
}

/// Regions that buckets were found in, learnt from redirects. Bounded; when full, it starts anew.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    /// Nearly no client ever learns one: then a look costs one load.
    any: AtomicBool,
    known: Mutex<HashMap<Box<str>, Arc<EndpointConfig>>>,
}

const REGIONS_KEPT: usize = 1_000;

impl Regions {
    pub(crate) fn of(&self, bucket: Option<&str>) -> Option<Arc<EndpointConfig>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(bucket?).cloned()
    }

    pub(crate) fn learn(&self, bucket: &str, endpoint: Arc<EndpointConfig>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REGIONS_KEPT {
            known.clear();
        }
        known.insert(bucket.into(), endpoint);
        self.any.store(true, Ordering::Release);
    }
}
