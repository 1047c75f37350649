//! Copies: of whole objects, and of ranges into parts.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};
use time::OffsetDateTime;

use crate::body::{self, facts};
use crate::conditions::Conditions;
use crate::encryption::CustomerKey;
use crate::errors::bad;
use crate::objects::{answer_encryption, answer_sums, normalise, whole};
use crate::store::{Facts, Object as Stored, State, Store, UploadedPart, Versioning, now};
use crate::versions::check_version_id;
use crate::{multipart, ranges, sums, tagging};

type Answer<T> = S3Result<S3Response<T>>;

/// Where a copy comes from.
struct Source {
    bucket: String,
    key: String,
    version: Option<String>,
}

/// What is there.
struct Origin {
    object: Arc<Stored>,
    tags: Vec<Tag>,
    version_id: Option<String>,
    modified: OffsetDateTime,
}

impl Source {
    fn new(source: CopySource) -> S3Result<Self> {
        match source {
            CopySource::Bucket { bucket, key, version_id } => {
                check_version_id(version_id.as_deref())?;
                Ok(Self { bucket: bucket.into(), key: key.into(), version: version_id.map(Into::into) })
            }
            _ => Err(s3_error!(NotImplemented, "Access points do not exist here.")),
        }
    }

    fn find(&self, state: &State) -> S3Result<Origin> {
        let bucket = state.bucket(&self.bucket)?;
        let marker = |id: &str| {
            let versions = bucket.keys.get(&self.key);
            versions.is_some_and(|all| all.iter().any(|v| v.id == id && v.object.is_none()))
        };
        if self.version.as_deref().is_some_and(marker) {
            return Err(s3_error!(
                InvalidRequest,
                "The source of a copy request may not specifically refer to a delete marker by version id."
            ));
        }
        let (version, object) = bucket.object(&self.key, self.version.as_deref())?;
        Ok(Origin {
            object,
            tags: version.tags.clone(),
            version_id: bucket.shown(&version.id).filter(|_| bucket.versioning != Versioning::Never),
            modified: version.modified,
        })
    }
}

/// The conditions on a copy's source, and the key that opens it.
macro_rules! source_terms {
    ($input:expr) => {
        (
            Conditions {
                if_match: $input.copy_source_if_match.clone(),
                if_none_match: $input.copy_source_if_none_match.clone(),
                if_modified_since: $input.copy_source_if_modified_since.clone(),
                if_unmodified_since: $input.copy_source_if_unmodified_since.clone(),
            },
            CustomerKey {
                algorithm: $input.copy_source_sse_customer_algorithm.as_ref(),
                key: $input.copy_source_sse_customer_key.as_ref(),
                md5: $input.copy_source_sse_customer_key_md5.as_ref(),
            },
        )
    };
}

pub(crate) fn object(store: &Store, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
    let expires = body::expires(&req);
    let input = req.input;
    let source = Source::new(input.copy_source.clone())?;
    let replaces = directive(input.metadata_directive.as_ref().map(MetadataDirective::as_str), "metadata")?;
    let retags = directive(input.tagging_directive.as_ref().map(TaggingDirective::as_str), "tagging")?;
    let given: Facts = facts!(input, expires);
    let new_tags = tagging::from_header(input.tagging.as_deref())?;
    let (conditions, key) = source_terms!(input);

    let mut state = store.lock();
    state.bucket(&input.bucket)?;
    let origin = source.find(&state)?;
    key.opens(&origin.object.facts.encryption)?;
    conditions.require(&origin.object.etag, origin.modified)?;
    let onto_itself = source.bucket == input.bucket && source.key == input.key && source.version.is_none();
    if onto_itself && !replaces && !changes(&given, &origin.object.facts) {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let mut facts = if replaces {
        given
    } else {
        // Class, redirect and encryption are the request's in any case.
        Facts {
            storage_class: given.storage_class,
            website_redirect: given.website_redirect,
            encryption: given.encryption,
            ..origin.object.facts.clone()
        }
    };
    normalise(&mut facts);
    let data = joined(&origin.object, 0, origin.object.size);
    let algorithm = match &input.checksum_algorithm {
        Some(asked) => known_algorithm(asked.as_str())?,
        None => sums::present(&origin.object.sums).first().copied().unwrap_or(sums::DEFAULT),
    };
    let checked = sums::compute(algorithm, [&data[..]]);
    let object = whole(data, Some(checked), facts);
    let mut result = CopyObjectResult {
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(now().into()),
        checksum_type: object.sums.checksum_type.clone(),
        ..CopyObjectResult::default()
    };
    answer_sums!(result, object.sums);
    let mut output = CopyObjectOutput { copy_source_version_id: origin.version_id, ..CopyObjectOutput::default() };
    answer_encryption!(output, object.facts.encryption);
    let fresh = state.fresh_id();
    let tags = if retags { new_tags } else { origin.tags };
    output.version_id = state.bucket_mut(&input.bucket)?.put(&input.key, object, tags, fresh).version_id;
    output.copy_object_result = Some(result);
    Ok(S3Response::new(output))
}

/// Whether the directive says REPLACE.
fn directive(text: Option<&str>, what: &str) -> S3Result<bool> {
    match text {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(s3_error!(InvalidArgument, "Unknown {what} directive.")),
    }
}

fn changes(given: &Facts, old: &Facts) -> bool {
    given.storage_class.is_some() && given.storage_class != old.storage_class
        || given.website_redirect.is_some()
        || given.encryption != old.encryption
}

pub(crate) fn known_algorithm(name: &str) -> S3Result<&'static str> {
    sums::ALGORITHMS.into_iter().find(|a| *a == name).ok_or_else(|| {
        bad("InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
    })
}

/// Bytes of an object in one piece; without copying where one segment holds them.
fn joined(object: &Stored, start: u64, end: u64) -> Bytes {
    let mut slices = ranges::slice(&object.segments, start, end);
    if slices.len() < 2 {
        return slices.pop().unwrap_or_default();
    }
    let mut all = BytesMut::with_capacity(slices.iter().map(Bytes::len).sum());
    slices.iter().for_each(|s| all.extend_from_slice(s));
    all.freeze()
}

pub(crate) fn part(store: &Store, req: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
    let input = req.input;
    multipart::check_number(input.part_number)?;
    let source = Source::new(input.copy_source.clone())?;
    let (conditions, key) = source_terms!(input);
    let mut state = store.lock();
    let upload = multipart::find(state.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
    crate::encryption::customer_key!(input).opens(&upload.facts.encryption)?;
    let algorithm = upload.algorithm.clone().unwrap_or_else(|| sums::DEFAULT.to_owned());
    let encryption = upload.facts.encryption.clone();
    let origin = source.find(&state)?;
    key.opens(&origin.object.facts.encryption)?;
    conditions.require(&origin.object.etag, origin.modified)?;
    let size = origin.object.size;
    let (start, end) = match &input.copy_source_range {
        None => (0, size),
        Some(text) => exact_range(text, size)?,
    };
    let data = joined(&origin.object, start, end);
    let part =
        UploadedPart { etag: sums::etag(&data), modified: now(), sums: sums::compute(&algorithm, [&data[..]]), data };
    let mut result = CopyPartResult {
        e_tag: Some(ETag::Strong(part.etag.clone())),
        last_modified: Some(part.modified.into()),
        ..CopyPartResult::default()
    };
    answer_sums!(result, part.sums);
    let mut output = UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: origin.version_id,
        ..UploadPartCopyOutput::default()
    };
    answer_encryption!(output, encryption);
    let bucket = state.bucket_mut(&input.bucket)?;
    multipart::find_mut(bucket, &input.key, &input.upload_id)?.parts.insert(input.part_number, part);
    Ok(S3Response::new(output))
}

/// A copy's range names both ends, and both must be within the source.
fn exact_range(text: &str, size: u64) -> S3Result<(u64, u64)> {
    let parsed = text
        .strip_prefix("bytes=")
        .and_then(|r| r.split_once('-'))
        .and_then(|(a, b)| Some((a.parse::<u64>().ok()?, b.parse::<u64>().ok()?)))
        .filter(|(a, b)| a <= b);
    let Some((first, last)) = parsed else {
        return Err(s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"
        ));
    };
    if last >= size {
        return Err(s3_error!(InvalidArgument, "Range specified is not valid for source object of size: {size}"));
    }
    Ok((first, last + 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_range_must_fit() {
        assert_eq!(exact_range("bytes=0-9", 10).unwrap(), (0, 10));
        for wrong in ["bytes=0-10", "bytes=5-", "bytes=-5", "bytes=3-2", "0-1"] {
            assert!(exact_range(wrong, 10).is_err(), "{wrong}");
        }
    }
}
