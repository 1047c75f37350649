//! What the client keeps of its credentials, so that a call does not ask their source.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::ProvideCredentials;
use crate::error::{CredentialsError, S3Error};
use crate::identity::Credentials;
use crate::timestamp::Timestamp;

/// How long before their end credentials are fetched anew.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// Credentials and the source that renews them.
#[derive(Debug)]
pub struct CredentialsCache {
    source: Arc<dyn ProvideCredentials>,
    current: Mutex<Option<Arc<Credentials>>>,
    /// One fetch at a time; the others wait and find what it brought.
    fetching: tokio::sync::Mutex<()>,
}

impl CredentialsCache {
    /// An empty cache in front of a source.
    pub fn new(source: Arc<dyn ProvideCredentials>) -> Self {
        Self { source, current: Mutex::new(None), fetching: tokio::sync::Mutex::new(()) }
    }

    /// Credentials valid at `now`.
    ///
    /// # Errors
    /// Whatever the source answers, unless the old ones are still valid; [`CredentialsError::Expired`] when it answers
    /// with credentials that are past their end.
    pub async fn get(&self, now: Timestamp) -> Result<Arc<Credentials>, S3Error> {
        if let Some(fresh) = self.fresh(now) {
            return Ok(fresh);
        }
        let _turn = self.fetching.lock().await;
        if let Some(fresh) = self.fresh(now) {
            return Ok(fresh);
        }
        let old = self.peek().filter(|c| !ends_within(c, now, Duration::ZERO));
        match (self.source.credentials().await, old) {
            (Ok(new), _) if ends_within(&new, now, Duration::ZERO) => Err(S3Error::new(
                CredentialsError::Expired,
                format!("the source \"{}\" gave credentials that have expired", self.source.name()),
            )),
            (Ok(new), _) => {
                let new = Arc::new(new);
                *self.lock() = Some(new.clone());
                Ok(new)
            }
            (Err(_), Some(old)) => Ok(old),
            (Err(error), None) => Err(error),
        }
    }

    /// Forgets what is kept, because the server says that it has expired.
    pub fn forget(&self, rejected: &Arc<Credentials>) {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|c| Arc::ptr_eq(c, rejected)) {
            *current = None;
        }
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<Credentials>> {
        self.peek().filter(|c| !ends_within(c, now, AHEAD))
    }

    fn peek(&self) -> Option<Arc<Credentials>> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Credentials>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ends_within(credentials: &Credentials, now: Timestamp, span: Duration) -> bool {
    credentials.expires_at().is_some_and(|end| end.unix() <= now.unix().saturating_add(span.as_secs() as i64))
}
