//! Keeps the state of an upload where the caller wants it: in a file, in a callback, on the handle.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::super::TransferHandle;
use super::super::progress::contained;
use super::super::state::TransferState;
use crate::S3Error;
use crate::transfer::work::apart;

/// What is called with each state.
pub(super) type OnState = Arc<dyn Fn(&TransferState) + Send + Sync>;

/// A file is written at most this often while parts come in: the store knows the parts, the file is to find them.
const PACE: Duration = Duration::from_secs(1);

pub(super) struct Keeper {
    pub(super) file: Option<PathBuf>,
    pub(super) told: Option<OnState>,
    pub(super) handle: TransferHandle,
    written: Option<Instant>,
}

impl Keeper {
    pub(super) fn new(file: Option<PathBuf>, told: Option<OnState>, handle: TransferHandle) -> Self {
        Self { file, told, handle, written: None }
    }

    /// Tells the state; writes it if it is time, or `now`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) async fn keep(&mut self, state: &TransferState, now: bool) -> Result<(), S3Error> {
        self.handle.keep(Some(state.clone()));
        if let Some(told) = &self.told {
            contained("on_state", || told(state));
        }
        let due = now || self.written.is_none_or(|written| written.elapsed() >= PACE);
        let Some(path) = self.file.clone().filter(|_| due) else { return Ok(()) };
        let state = state.clone();
        let outcome = apart(move || state.save(path)).await;
        self.written = Some(Instant::now());
        outcome.unwrap_or(Ok(()))
    }

    /// There is nothing to go on with any more.
    pub(super) async fn forget(&self) {
        self.handle.keep(None);
        if let Some(path) = &self.file {
            let at = path.clone();
            match apart(move || std::fs::remove_file(at)).await {
                Ok(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                    let path = path.display();
                    tracing::warn!(target: "integration_s3::call", %path, %error, "the state file cannot be removed");
                }
                _ => {}
            }
        }
    }
}
