//! Removing uploads that somebody began and nobody will finish.

use std::time::{Duration, SystemTime};

use super::report::BatchReport;
use crate::error::{ErrorKind, MultipartError, RequestError};
use crate::{Bucket, S3Error, Timestamp};

impl Bucket {
    /// Aborts the multipart uploads below `prefix` that were opened longer than `age` ago, and so frees what their parts occupy
    /// and cost. An empty prefix means the whole bucket.
    ///
    /// Uploads of other programs count as well: choose an age that nobody who is still at work can reach, a day at least. The
    /// clocks compared are this machine's and the store's. A lifecycle rule of the bucket (AbortIncompleteMultipartUpload) does
    /// the same without anybody having to call.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
    /// let report = bucket.abort_stale_uploads("incoming/", Duration::from_secs(7 * 24 * 3600)).await?;
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As ListMultipartUploads. Uploads that cannot be aborted stand in the report, by key; one that is gone by then counts as
    /// done, one whose age the store does not tell is skipped.
    pub async fn abort_stale_uploads(&self, prefix: impl Into<String>, age: Duration) -> Result<BatchReport, S3Error> {
        let before = SystemTime::now()
            .checked_sub(age)
            .map(Timestamp::from)
            .ok_or_else(|| S3Error::new(RequestError::Validation, "the age is longer than the clock reaches back"))?;
        let mut report = BatchReport::default();
        let mut uploads = self.list_multipart_uploads().prefix(prefix).items();
        while let Some(upload) = uploads.next().await {
            let upload = upload?;
            match upload.initiated {
                Some(opened) if opened <= before => {}
                _ => {
                    report.skipped += 1;
                    continue;
                }
            }
            match self.abort_multipart_upload(&upload.key, &upload.upload_id).await {
                Ok(_) => report.succeeded += 1,
                Err(error) if error.kind() == ErrorKind::Multipart(MultipartError::UploadNotFound) => {
                    report.succeeded += 1;
                }
                Err(error) => report.fail(upload.key, error),
            }
        }
        Ok(report)
    }
}
