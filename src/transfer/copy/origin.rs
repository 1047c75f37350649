//! What is copied: the source as HEAD shows it, pinned to that state.

use super::request;
use super::sums::{Sums, sums};
use crate::config::ChecksumWhen;
use crate::error::{ErrorKind, ObjectError, RequestError, ResponseError, TransferError};
use crate::operations::{CopyObjectRequest, GetObjectRequest, HeadObjectOutput, HeadObjectRequest};
use crate::types::ChecksumMode;
use crate::{CopySource, S3Client, S3Error};

/// The source, as it was when the copy began.
pub(super) struct Origin {
    pub(super) client: S3Client,
    pub(super) bucket: String,
    pub(super) key: String,
    /// The version that was asked for, if one was.
    pub(super) version: Option<String>,
    pub(super) head: HeadObjectOutput,
    pub(super) size: u64,
    pub(super) sums: Sums,
    asked: HeadObjectRequest,
}

impl Origin {
    /// `None` for a source given as raw text: nobody but the store can tell what it names.
    pub(super) async fn find(
        client: &S3Client,
        source: &CopySource,
        request: &CopyObjectRequest,
    ) -> Result<Option<Self>, S3Error> {
        let (Some(bucket), Some(key)) = (source.bucket(), source.key()) else { return Ok(None) };
        source.check().map_err(|error| error.with_target("CopyObject", Some(&request.bucket), Some(&request.key)))?;
        let version = source.version();
        let mut asked = request::head(request, bucket, key, version);
        if client.config().response_checksums == ChecksumWhen::Supported {
            asked.checksum_mode = Some(ChecksumMode::Enabled);
        }
        let head = client.execute(asked.clone()).await.map_err(|error| match error.kind() {
            // What a HEAD calls unchanged is for a copy a condition that does not hold.
            ErrorKind::Object(ObjectError::NotModified) => {
                S3Error::new(ObjectError::PreconditionFailed, "a condition on the source of the copy does not hold")
                    .with_target("CopyObject", Some(bucket), Some(key))
                    .with_source(error)
            }
            _ => error,
        })?;
        let size = head.content_length.and_then(|size| u64::try_from(size).ok()).ok_or_else(|| {
            S3Error::new(ResponseError::InvalidResponse, "the store does not say how large the source of the copy is")
                .with_target("HeadObject", Some(bucket), Some(key))
        })?;
        let sums = Sums { kind: head.checksum_type.clone(), values: sums!(head) };
        Ok(Some(Self {
            client: client.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version: version.map(str::to_owned),
            head,
            size,
            sums,
            asked,
        }))
    }

    /// The tag that everything read later must have, unless the caller demands one.
    pub(super) fn pin(&self, request: &CopyObjectRequest) -> Option<String> {
        request.copy_source_if_match.clone().or_else(|| self.head.e_tag.clone())
    }

    /// A read of the source as it was.
    pub(super) fn get(&self, pin: Option<String>) -> GetObjectRequest {
        request::get(self.asked.clone(), pin)
    }

    pub(super) fn checksum_mode(&self) -> Option<ChecksumMode> {
        self.asked.checksum_mode.clone()
    }

    /// Whether the source is still what was copied.
    pub(super) async fn is_unchanged(&self) -> Result<bool, S3Error> {
        let now = self.client.execute(self.asked.clone()).await?;
        Ok(now.e_tag == self.head.e_tag
            && now.content_length == self.head.content_length
            && now.version_id == self.head.version_id
            && now.last_modified == self.head.last_modified)
    }

    /// The source's tags as a header. CopyObject takes them along by itself, other requests do not.
    #[cfg(feature = "tagging")]
    pub(super) async fn tagging(&self, request: &CopyObjectRequest) -> Result<Option<String>, S3Error> {
        if request::retags(request) || self.head.tag_count == Some(0) {
            return Ok(None);
        }
        let mut get = self.client.get_object_tagging().bucket(&self.bucket).key(&self.key);
        if let Some(version) = self.version.as_ref().or(self.head.version_id.as_ref()) {
            get = get.version_id(version);
        }
        if let Some(owner) = &request.expected_source_bucket_owner {
            get = get.expected_bucket_owner(owner);
        }
        if let Some(payer) = &request.request_payer {
            get = get.request_payer(payer.clone());
        }
        match get.await {
            Ok(output) if output.tag_set.is_empty() => Ok(None),
            Ok(output) => Ok(Some(request::tagging(&output.tag_set))),
            // A store without tags has none to lose.
            Err(error) if self.head.tag_count.is_none() && is_missing(&error) => Ok(None),
            Err(error) => Err(error.with_suggestion(
                "to copy in parts the source's tags must be readable; or give tags with tagging_directive(Replace)",
            )),
        }
    }

    /// Whether there are tags that would be lost; a GET tells even where a HEAD does not.
    #[cfg(not(feature = "tagging"))]
    pub(super) async fn tagging(&self, request: &CopyObjectRequest) -> Result<Option<String>, S3Error> {
        if request::retags(request) || self.head.tag_count == Some(0) {
            return Ok(None);
        }
        let mut get = self.get(self.pin(request));
        get.range = (self.size > 0).then(|| (0..1).into());
        let count = match self.head.tag_count {
            Some(count) => count,
            None => self.client.execute(get).await?.tag_count.unwrap_or_default(),
        };
        match count {
            0 => Ok(None),
            _ => {
                Err(self.lost("tags", "switch the feature `tagging` on, or give tags with tagging_directive(Replace)"))
            }
        }
    }

    /// Metadata that HEAD cannot show would be lost by copying field by field.
    pub(super) fn whole_metadata(&self, request: &CopyObjectRequest) -> Result<(), S3Error> {
        if request::replaces(request) || self.head.missing_meta.unwrap_or_default() == 0 {
            return Ok(());
        }
        Err(self.lost("metadata that headers cannot carry", "give metadata with metadata_directive(Replace)"))
    }

    fn lost(&self, what: &str, advice: &'static str) -> S3Error {
        S3Error::new(RequestError::Validation, format!("the source has {what}, which a copy in parts would lose"))
            .with_suggestion(advice)
            .with_target("CopyObject", Some(&self.bucket), Some(&self.key))
    }

    pub(super) fn changed(&self, error: S3Error) -> S3Error {
        S3Error::new(TransferError::ObjectChanged, "the source changed while it was copied")
            .with_suggestion("copy it again")
            .with_target("CopyObject", Some(&self.bucket), Some(&self.key))
            .with_source(error)
    }
}

/// No tags here, or none at this store.
#[cfg(feature = "tagging")]
fn is_missing(error: &S3Error) -> bool {
    matches!(error.kind(), ErrorKind::Request(RequestError::NotImplemented | RequestError::MethodNotAllowed))
        || error.code() == Some("NoSuchTagSet")
}
