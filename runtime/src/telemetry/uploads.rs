//! What a transfer manager tells about its multipart uploads. The runtime itself knows no operation and so no upload.

use super::metrics;

/// An upload began.
pub fn started(bucket: &str) {
    metrics::upload(bucket, None);
    tracing::info!(target: "integration_s3::call", bucket, "multipart upload started");
}

/// A part of so many bytes arrived.
pub fn part(bucket: &str, bytes: u64) {
    metrics::part(bucket, bytes);
}

/// An upload was completed.
pub fn completed(bucket: &str, parts: usize) {
    metrics::upload(bucket, Some(true));
    tracing::info!(target: "integration_s3::call", bucket, parts, "multipart upload completed");
}

/// An upload failed or was called off.
pub fn aborted(bucket: &str, reason: &str) {
    metrics::upload(bucket, Some(false));
    tracing::error!(target: "integration_s3::call", bucket, reason, "multipart upload aborted");
}
