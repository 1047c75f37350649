//! Uploads with one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{Left, Run, TransferFailure};
use super::source::File;
use super::sums::value_of;
use super::{OPERATION, Put, Uploaded};
use crate::error::TransferError;
use crate::integrity::Algorithm;
use crate::types::ChecksumAlgorithm;
use crate::{BodyObserver, ByteStream, Bytes, S3Error};

/// Files up to this size are read before they are sent: one that changes meanwhile never becomes an object.
const READ_FIRST: u64 = 16 << 20;

pub(super) async fn of_file(run: Run, put: Put, file: File) -> Result<Uploaded, S3Error> {
    let len = file.facts.len;
    let body = ByteStream::from_file_range(&file.facts.path, 0, len).await?;
    if len <= READ_FIRST || !run.client.config().store.aws_chunked {
        let _share = run.shared().memory.take(len).await;
        let bytes = run.control.unless_cancelled(body.collect()).await??;
        file.check().await?;
        return of_bytes(run.clone(), put, bytes).await;
    }
    let (bucket, key) = {
        let request = put.clone().build();
        (request.bucket, request.key)
    };
    let uploaded = send(&run, put, body, len).await?;
    match file.check().await {
        Ok(()) => Ok(uploaded),
        Err(changed) => {
            let left = Left::DoubtfulObject { version_id: uploaded.version_id };
            Err(TransferFailure::new(changed, left).into_error(OPERATION, &bucket, &key))
        }
    }
}

pub(super) async fn of_bytes(run: Run, put: Put, bytes: Bytes) -> Result<Uploaded, S3Error> {
    let len = bytes.len() as u64;
    send(&run, put, bytes.into(), len).await
}

async fn send(run: &Run, put: Put, body: ByteStream, len: u64) -> Result<Uploaded, S3Error> {
    run.meter.set_parts(0);
    run.pass().await?;
    let count = Arc::new(Count { run: run.clone(), counted: AtomicU64::new(0) });
    let sent = put.body(body.observed(count.clone())).send();
    let done = run.control.unless_cancelled(sent).await?.inspect_err(|_| count.settle(0))?;
    count.settle(len);
    if let Some(size) = done.size.and_then(|size| u64::try_from(size).ok()).filter(|size| *size != len) {
        let message = format!("the store has {size} bytes of the {len} that were sent");
        return Err(S3Error::new(TransferError::ChecksumMismatch, message));
    }
    let checksum = Algorithm::ALL.into_iter().find_map(|algorithm| {
        let value = value_of!(done, ChecksumAlgorithm::from(algorithm.as_str().to_owned()));
        Some((algorithm, value?))
    });
    let (checksum_algorithm, checksum) = checksum.unzip();
    let (e_tag, version_id) = (done.e_tag, done.version_id);
    Ok(Uploaded { e_tag, version_id, bytes: len, parts: 0, resumed: 0, checksum, checksum_algorithm })
}

/// Counts the bytes of the body, and takes them back when it is sent again.
struct Count {
    run: Run,
    counted: AtomicU64,
}

impl Count {
    fn settle(&self, bytes: u64) {
        let before = self.counted.swap(bytes, Ordering::Relaxed);
        if bytes > before {
            self.run.meter.add(bytes - before);
        } else if before > bytes {
            self.run.meter.take_back(before - bytes);
        }
    }
}

impl BodyObserver for Count {
    fn passed(&self, position: u64, bytes: &Bytes) {
        self.settle(position + bytes.len() as u64);
    }
}
