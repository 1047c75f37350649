//! How a copy goes: look at the source, copy in one request or in parts, compare, and for a move delete the source.

use super::origin::Origin;
use super::parts;
use super::request;
use super::sums::{Sums, same_md5, sums};
use super::{Copied, Plan};
use crate::error::{ErrorKind, ObjectError, RequestError, TransferError};
use crate::operations::{CopyObject, CopyObjectRequest, DeleteObjectRequest};
use crate::transfer::{Phase, Run};
use crate::{CopySource, S3Client, S3Error};

/// What CopyObject takes at most.
pub(super) const MOST_AT_ONCE: u64 = 5 << 30;

/// A copy under way.
pub(super) struct Job {
    pub(super) run: Run,
    pub(super) plan: Plan,
    pub(super) builder: CopyObject<(String, String, CopySource)>,
    pub(super) request: CopyObjectRequest,
}

impl Job {
    pub(super) async fn drive(self) -> Result<Copied, S3Error> {
        self.run.pass().await?;
        let (bucket, key, source) = self.plan.named.clone();
        if self.request.bucket != bucket || self.request.key != key || self.request.copy_source != source {
            return Err(self.named(
                S3Error::new(
                    RequestError::Validation,
                    "configure(..) set another bucket, key or source than the copy was begun with",
                )
                .with_suggestion("name them in copy(..) or move_object(..)"),
            ));
        }
        let place = |client: &S3Client| client.config().endpoint.authority().to_string();
        let same_store = self.plan.from.as_ref().is_none_or(|from| place(from) == place(&self.run.client));
        let itself = same_store
            && source.bucket() == Some(&self.request.bucket)
            && source.key() == Some(&self.request.key)
            && source.version().is_none();
        let by_store = self.plan.from.is_none();
        if itself && (self.plan.moves || by_store && !request::changes_something(&self.request)) {
            return Err(self.named(request::onto_itself(self.plan.moves)));
        }
        let client = self.plan.from.as_ref().unwrap_or(&self.run.client);
        let found = Origin::find(client, &source, &self.request);
        let Some(origin) = self.run.control.unless_cancelled(found).await?? else {
            return self.blind().await;
        };
        if self.plan.moves && self.is_where(&origin).await {
            return Err(self.named(request::onto_itself(true)));
        }
        self.run.meter.set_total(origin.size);
        self.run.meter.phase(Phase::Running);
        let copied = match self.in_one(&origin).await? {
            Some(copied) => copied,
            None => parts::copy(&self, &origin).await?,
        };
        self.compare(&origin, &copied)?;
        if self.plan.moves { self.finish_move(&origin, copied).await } else { Ok(copied) }
    }

    /// Whether the source is in the target's place already. One store can have two names, and then deleting the source would
    /// delete the only one there is.
    async fn is_where(&self, origin: &Origin) -> bool {
        let namesakes = (&origin.bucket, &origin.key) == (&self.request.bucket, &self.request.key);
        if self.plan.from.is_none() || !namesakes {
            return false;
        }
        let Ok(there) = self.run.client.execute(request::head_of_copy(&self.request)).await else { return false };
        (&there.e_tag, there.last_modified, there.content_length, &there.version_id)
            == (&origin.head.e_tag, origin.head.last_modified, origin.head.content_length, &origin.head.version_id)
    }

    /// One CopyObject for a source that only the store can name.
    async fn blind(&self) -> Result<Copied, S3Error> {
        if self.plan.moves || self.plan.from.is_some() {
            return Err(self.named(
                S3Error::new(
                    RequestError::Validation,
                    "the source is given as raw text, so it can be neither read nor deleted",
                )
                .with_suggestion("name bucket and key with CopySource::new(..)"),
            ));
        }
        let output = self.run.control.unless_cancelled(self.builder.clone()).await??;
        Ok(self.copied_at_once(output, 0))
    }

    /// With one request, if the object is small enough and the store agrees.
    async fn in_one(&self, origin: &Origin) -> Result<Option<Copied>, S3Error> {
        if self.plan.from.is_some() || origin.size > self.plan.threshold.min(MOST_AT_ONCE) {
            return Ok(None);
        }
        let mut builder = self.builder.clone();
        let pinned = self.request.copy_source_if_match.is_none();
        if let (true, Some(tag)) = (pinned, &origin.head.e_tag) {
            builder = builder.copy_source_if_match(tag);
        }
        match self.run.control.unless_cancelled(builder).await? {
            Ok(output) => {
                self.run.meter.add(origin.size);
                Ok(Some(self.copied_at_once(output, origin.size)))
            }
            Err(error) if is_too_large(&error) && origin.size > parts::SMALLEST => Ok(None),
            Err(error) => {
                let ours = pinned && self.request.if_match.is_none() && self.request.if_none_match.is_none();
                let failed = error.kind() == ErrorKind::Object(ObjectError::PreconditionFailed);
                Err(if ours && failed { origin.changed(error) } else { error })
            }
        }
    }

    fn copied_at_once(&self, output: crate::operations::CopyObjectOutput, bytes: u64) -> Copied {
        let result = output.copy_object_result.unwrap_or_default();
        let found = Sums { kind: result.checksum_type.clone(), values: sums!(result) };
        Copied {
            e_tag: result.e_tag,
            version_id: output.version_id,
            source_version_id: output.copy_source_version_id,
            bytes,
            parts: 0,
            checksum: found.text(),
            sums: found,
        }
    }

    /// Checksums of both sides, if there are any to compare.
    fn compare(&self, origin: &Origin, copied: &Copied) -> Result<(), S3Error> {
        match origin.sums.same(&copied.sums) {
            Some(false) => Err(self.named(
                S3Error::new(TransferError::ChecksumMismatch, "the copy has another checksum than its source")
                    .with_suggestion("the source is untouched; delete the copy or copy again"),
            )),
            _ => Ok(()),
        }
    }

    /// Deletes the source, if the copy is beyond doubt.
    async fn finish_move(&self, origin: &Origin, copied: Copied) -> Result<Copied, S3Error> {
        self.run.pass().await?;
        let mut head = request::head_of_copy(&self.request);
        head.version_id.clone_from(&copied.version_id);
        if !origin.sums.values.is_empty() {
            head.checksum_mode = Some(crate::types::ChecksumMode::Enabled);
        }
        let there = self
            .run
            .client
            .execute(head)
            .await
            .map_err(|error| self.stays("the copy could not be looked at", Some(error)))?;
        if there.content_length.and_then(|size| u64::try_from(size).ok()) != Some(origin.size) {
            return Err(self.stays("the copy has another size than the source", None));
        }
        if there.e_tag.is_some() && copied.e_tag.is_some() && trimmed(&there.e_tag) != trimmed(&copied.e_tag) {
            return Err(self.stays("somebody else wrote to the target meanwhile", None));
        }
        let sums = Sums { kind: there.checksum_type.clone(), values: sums!(there) };
        let by_sum = origin.sums.same(&sums);
        let keyed = there.sse_customer_algorithm.is_some()
            || origin.head.sse_customer_algorithm.is_some()
            || [&there.server_side_encryption, &origin.head.server_side_encryption]
                .into_iter()
                .flatten()
                .any(|it| it.as_str().starts_with("aws:kms"));
        let by_tag = if keyed { None } else { same_md5(origin.head.e_tag.as_deref(), there.e_tag.as_deref()) };
        match (by_sum, by_tag) {
            (Some(false), _) | (None, Some(false)) => {
                return Err(self.stays("the copy has other bytes than the source", None));
            }
            // What the store copied by itself from a pinned source it vouches for; what went through here it does not.
            (None, None) if self.plan.from.is_some() && origin.size > 0 => {
                return Err(self.stays("the two stores give no checksums that could be compared", None));
            }
            _ => {}
        }
        let unchanged = origin
            .is_unchanged()
            .await
            .map_err(|error| self.stays("the source could not be looked at again", Some(error)))?;
        if !unchanged {
            return Err(self.stays("the source changed meanwhile", None));
        }
        self.run.pass().await?;
        let delete = DeleteObjectRequest {
            bucket: origin.bucket.clone(),
            key: origin.key.clone(),
            version_id: origin.version.clone(),
            expected_bucket_owner: self.request.expected_source_bucket_owner.clone(),
            request_payer: self.request.request_payer.clone(),
            ..DeleteObjectRequest::default()
        };
        match origin.client.execute(delete).await {
            Ok(_) => Ok(copied),
            Err(error) => Err(self.stays("the source could not be deleted", Some(error))),
        }
    }

    /// The move ended as a copy.
    fn stays(&self, why: &'static str, cause: Option<S3Error>) -> S3Error {
        let (kind, text) = match &cause {
            Some(cause) => (cause.kind(), format!("{why}: {cause}; the copy stands and the source was left in place")),
            None => (
                TransferError::ObjectChanged.into(),
                format!("{why}; the copy was left as it is and the source in place"),
            ),
        };
        let error =
            S3Error::new(kind, text).with_target("MoveObject", Some(&self.request.bucket), Some(&self.request.key));
        match cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        if self.plan.moves { "MoveObject" } else { "CopyObject" }
    }

    pub(super) fn named(&self, error: S3Error) -> S3Error {
        error.with_target(self.name(), Some(&self.request.bucket), Some(&self.request.key))
    }
}

/// AWS says it with InvalidRequest, others with the code made for it.
fn is_too_large(error: &S3Error) -> bool {
    match error.kind() {
        ErrorKind::Request(RequestError::EntityTooLarge) | ErrorKind::Object(ObjectError::TooLarge) => true,
        _ => {
            error.code() == Some("InvalidRequest") && error.message().contains("larger than the maximum allowable size")
        }
    }
}

fn trimmed(tag: &Option<String>) -> Option<&str> {
    tag.as_deref().map(|tag| tag.trim_matches('"'))
}
