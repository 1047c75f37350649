//! One look at whether the store can be used: for readiness probes and status pages.

use std::fmt;
use std::time::{Duration, Instant};

use integration_s3_runtime::call::RequestOptions;
use integration_s3_runtime::error::{ConfigurationError, ErrorKind};
use integration_s3_runtime::resilience::CircuitState;

use crate::{Bucket, S3Error};

/// How long a probe waits for the answer, with all attempts.
const PATIENCE: Duration = Duration::from_secs(5);

/// What [`Bucket::health_check`] found. `Display` is one line.
#[derive(Debug)]
#[non_exhaustive]
pub struct HealthStatus {
    /// The answer of the store to one HeadBucket request, sent once and past an open circuit.
    pub store: Result<(), S3Error>,
    /// The state of the bucket's circuit; the probe does not change it.
    pub circuit: CircuitState,
    /// From asking to the answer, or to the error; connecting included.
    pub latency: Duration,
}

impl HealthStatus {
    /// Whether calls to the bucket can be expected to work: an answer without an error, and no open circuit.
    pub fn is_healthy(&self) -> bool {
        self.store.is_ok() && self.circuit != CircuitState::Open
    }

    /// Whether credentials were there and the store took them. An anonymous client needs none.
    pub fn has_credentials(&self) -> bool {
        let missing = ErrorKind::Configuration(ConfigurationError::MissingCredentials);
        match &self.store {
            Ok(()) => true,
            Err(error) => {
                !matches!(error.kind(), ErrorKind::Credentials(_) | ErrorKind::Access(_)) && error.kind() != missing
            }
        }
    }

    /// Whether the store answered at all, if only with a refusal: it says whether the network is to blame.
    pub fn is_reachable(&self) -> bool {
        match &self.store {
            Ok(()) => true,
            Err(error) => error.status().is_some(),
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_healthy() { "healthy" } else { "not healthy" })?;
        write!(f, ", circuit {:?}, {} ms", self.circuit, self.latency.as_millis())?;
        match &self.store {
            Ok(()) => Ok(()),
            Err(error) => write!(f, "; {error}"),
        }
    }
}

impl Bucket {
    /// Asks for the bucket (HeadBucket, one attempt, 5 seconds at most) and looks at the circuit.
    ///
    /// Never fails: what is wrong stands in the answer. A bucket that exists but may not be looked at (403) is no
    /// failure of the store, yet not healthy either: the error says what is missing.
    ///
    /// ```
    /// # async fn example(client: &integration_s3::S3Client) {
    /// let health = client.bucket("logs").health_check().await;
    /// if !health.is_healthy() {
    ///     eprintln!("logs: {health}");
    /// }
    /// # }
    /// ```
    pub async fn health_check(&self) -> HealthStatus {
        let began = Instant::now();
        let once = RequestOptions::new().max_attempts(1).timeout(PATIENCE).without_circuit().without_rate_limits();
        let store = self.head_bucket().with_options(once).await.map(drop);
        HealthStatus { store, circuit: self.client().circuit_state(self.name()), latency: began.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::transport::TransportErrorKind;
    use crate::transport::scripted::{Answer, ScriptedTransport};
    use crate::{Credentials, S3Client};

    async fn looked_at(answer: Answer) -> HealthStatus {
        let script = ScriptedTransport::new();
        script.on("HeadBucket").always(answer);
        let client = S3Client::builder()
            .region("eu-west-1")
            .credentials(Credentials::new("id", "secret"))
            .transport(script)
            .build()
            .unwrap();
        client.bucket("logs").health_check().await
    }

    #[tokio::test]
    async fn says_what_is_wrong() {
        let well = looked_at(Answer::ok()).await;
        assert!(well.is_healthy() && well.is_reachable() && well.has_credentials());
        assert!(well.to_string().starts_with("healthy, circuit Closed"), "{well}");

        let refused = looked_at(Answer::status(403)).await;
        assert!(!refused.is_healthy() && refused.is_reachable() && !refused.has_credentials());

        let down = looked_at(Answer::status(503)).await;
        assert!(!down.is_healthy() && down.is_reachable() && down.has_credentials());
        assert_eq!(down.store.as_ref().unwrap_err().attempts(), 1);

        let gone = looked_at(Answer::fail(TransportErrorKind::Connect)).await;
        assert!(!gone.is_healthy() && !gone.is_reachable() && gone.has_credentials());
        assert!(gone.to_string().starts_with("not healthy"), "{gone}");
    }
}
