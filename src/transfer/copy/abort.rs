//! The end of a copy that failed in parts: nothing is left on the store, or the error says what is.

use std::time::Duration;

use super::driver::Job;
use crate::S3Error;
use crate::error::{ErrorKind, MultipartError};
use crate::operations::{AbortMultipartUploadRequest, ListPartsRequest};
use crate::transfer::work::put_in_order;
use crate::transfer::{Left, Leftovers, TransferFailure};
use crate::types::CompletedPart;

/// A part that was under way can arrive after the first abort and outlive it: S3 asks to look and to repeat.
const ROUNDS: u32 = 4;

impl Job {
    /// The error of the whole copy, once its parts are cleared away as its leftovers say.
    pub(super) async fn give_up(
        &self,
        upload_id: &str,
        parts: u32,
        done: &[CompletedPart],
        failed: Option<u32>,
        error: S3Error,
    ) -> S3Error {
        let keeps = self.run.settings.leftovers == Leftovers::Keep;
        let left = match !keeps && self.abort(upload_id).await {
            true => {
                self.run.shared().closed();
                Left::Nothing
            }
            false => Left::OpenUpload { upload_id: upload_id.to_owned() },
        };
        let text = error.to_string();
        let mut failure = TransferFailure::new(error, left);
        failure.parts = Some(parts);
        failure.done = done.iter().filter_map(|part| part.part_number.and_then(|n| u32::try_from(n).ok())).collect();
        put_in_order(&mut failure.done, |number| (*number).into());
        failure.failed = failed.map(|number| (number, text)).into_iter().collect();
        failure.into_error(self.name(), &self.request.bucket, &self.request.key)
    }

    /// Whether the upload is gone for certain.
    pub(super) async fn abort(&self, upload_id: &str) -> bool {
        let (request, client) = (&self.request, &self.run.client);
        let abort = AbortMultipartUploadRequest {
            bucket: request.bucket.clone(),
            key: request.key.clone(),
            upload_id: upload_id.to_owned(),
            expected_bucket_owner: request.expected_bucket_owner.clone(),
            request_payer: request.request_payer.clone(),
            ..AbortMultipartUploadRequest::default()
        };
        let list = ListPartsRequest {
            bucket: request.bucket.clone(),
            key: request.key.clone(),
            upload_id: upload_id.to_owned(),
            expected_bucket_owner: request.expected_bucket_owner.clone(),
            request_payer: request.request_payer.clone(),
            ..ListPartsRequest::default()
        };
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(250) * 2u32.pow(round)).await;
            }
            let aborted = client.execute(abort.clone()).await;
            if aborted.as_ref().is_err_and(is_gone) {
                return true;
            }
            match client.execute(list.clone()).await {
                Err(error) if is_gone(&error) => return true,
                // A store that still lists an upload without parts has nothing to bill.
                Ok(page) if aborted.is_ok() && page.parts.is_empty() => return true,
                // Aborted, but nobody may look: the word of the store has to do.
                Err(_) if aborted.is_ok() => return true,
                _ => {}
            }
        }
        false
    }
}

fn is_gone(error: &S3Error) -> bool {
    error.kind() == ErrorKind::Multipart(MultipartError::UploadNotFound)
}
