//! How an upload in parts ends: completed and compared, or aborted until nothing of it is left.

use super::super::Run;
use super::super::state::PartState;
use super::part::{TRIES, pause};
use super::request::{self, Wanted};
use super::sums::{self, bare_tag, set_value, value_of};
use crate::S3Error;
use crate::error::{ErrorKind, MultipartError, ObjectError, TransferError};
use crate::operations::PutObjectRequest;
use crate::types::{CompletedMultipartUpload, CompletedPart};

/// How many times an abortion is repeated while parts still arrive.
const ABORTS: u32 = 6;

/// The object, as the store answered.
pub(super) struct Stored {
    pub(super) e_tag: Option<String>,
    pub(super) version_id: Option<String>,
    pub(super) checksum: Option<String>,
}

/// Why there is no object, or none to trust.
pub(super) enum Unfinished {
    /// Nothing was stored; the upload may still be there.
    Refused(S3Error),
    /// The object is there, and is not what was sent.
    Doubtful(S3Error, Option<String>),
}

fn is_gone(error: &S3Error) -> bool {
    error.kind() == ErrorKind::Multipart(MultipartError::UploadNotFound)
}

/// Completes the upload. A lost answer is looked into before anything is said: the object there is compared.
pub(super) async fn complete(
    run: &Run,
    put: &PutObjectRequest,
    upload_id: &str,
    wanted: &Wanted,
    parts: &[PartState],
) -> Result<Stored, Unfinished> {
    let algorithm = wanted.algorithm.as_ref();
    let expected = algorithm.and_then(|algorithm| sums::whole(algorithm, parts));
    if let (Some(value), Some(expected)) = (&wanted.value, &expected)
        && value != expected
    {
        let message = format!("the source has the checksum {expected}, the one given with the upload is {value}");
        return Err(Unfinished::Refused(S3Error::new(TransferError::ChecksumMismatch, message)));
    }
    let total: u64 = parts.iter().map(|part| part.len).sum();
    let mut end = request::complete(put, upload_id);
    let mut list = Vec::with_capacity(parts.len());
    for part in parts {
        // At most 10,000.
        let mut listed = CompletedPart::new().part_number(part.number as i32).e_tag(part.e_tag.as_str());
        if let (Some(algorithm), Some(checksum)) = (algorithm, &part.checksum) {
            set_value!(listed, algorithm, checksum.clone());
        }
        list.push(listed);
    }
    end.multipart_upload = CompletedMultipartUpload::new().parts(list);
    if let Some(algorithm) = algorithm {
        end.checksum_type = Some(request::kind(algorithm));
        end.mpu_object_size = i64::try_from(total).ok();
        if let Some(expected) = expected.as_ref().filter(|value| !value.contains('-')) {
            set_value!(end, algorithm, expected.clone());
        }
    }
    let looked = Look { run, put, wanted, parts, total, expected: expected.as_deref() };
    let mut lost = false;
    for tried in 1.. {
        let error = match run.client.execute(end.clone()).await {
            Ok(done) => {
                let checksum = algorithm.and_then(|algorithm| value_of!(done, algorithm));
                return looked.verdict(Stored { e_tag: done.e_tag, version_id: done.version_id, checksum });
            }
            Err(error) => error,
        };
        lost |= error.attempts() > 1;
        let refused = is_gone(&error) || error.kind() == ErrorKind::Object(ObjectError::PreconditionFailed);
        let last = !error.is_retryable() || tried >= TRIES;
        // An earlier attempt may have been carried out although its answer never came.
        if (refused && lost) || (error.is_retryable() && last) {
            return match looked.there().await {
                Some(stored) => {
                    // It may be an earlier upload of the same bytes, and this one still open.
                    if !is_gone(&error)
                        && let Err(error) = abort(run, put, upload_id).await
                    {
                        return Err(Unfinished::Refused(error));
                    }
                    looked.verdict(stored)
                }
                None => Err(Unfinished::Refused(error)),
            };
        }
        if last {
            return Err(Unfinished::Refused(error));
        }
        lost = true;
        tokio::time::sleep(pause(tried, &error)).await;
    }
    Err(Unfinished::Refused(S3Error::new(MultipartError::Other, "the upload could not be completed")))
}

struct Look<'a> {
    run: &'a Run,
    put: &'a PutObjectRequest,
    wanted: &'a Wanted,
    parts: &'a [PartState],
    total: u64,
    expected: Option<&'a str>,
}

impl Look<'_> {
    /// Compares what the store says of the finished object with what was sent.
    fn verdict(&self, stored: Stored) -> Result<Stored, Unfinished> {
        let differs = |what: &str, theirs: &str, ours: &str| {
            let message = format!("the object was stored, but its {what} is {theirs} and not {ours}");
            let error = S3Error::new(TransferError::ChecksumMismatch, message)
                .with_suggestion("do not trust the object: delete it and upload it again");
            Err(Unfinished::Doubtful(error, stored.version_id.clone()))
        };
        if let (Some(theirs), Some(ours)) = (&stored.checksum, self.expected)
            && !sums::agree(theirs, ours)
        {
            return differs("checksum", theirs, ours);
        }
        // Tags made otherwise (encryption with keys, other stores) say nothing; one that names another number of parts does.
        if let (Some(theirs), Some(ours)) = (stored.e_tag.as_deref().map(bare_tag), sums::e_tag(self.parts))
            && sums::is_s3s(theirs)
            && let Some((_, count)) = theirs.split_once('-')
            && !ours.ends_with(&format!("-{count}"))
        {
            return differs("ETag", theirs, &ours);
        }
        Ok(stored)
    }

    /// The object under the key, if it is beyond doubt the one this upload makes.
    async fn there(&self) -> Option<Stored> {
        let algorithm = self.wanted.algorithm.as_ref();
        let head = self.run.client.execute(request::head(self.put, algorithm.is_some())).await.ok()?;
        if head.content_length.and_then(|len| u64::try_from(len).ok()) != Some(self.total) {
            return None;
        }
        let checksum = algorithm.and_then(|algorithm| value_of!(head, algorithm));
        let by_sum = checksum.as_deref().zip(self.expected).map(|(theirs, ours)| sums::agree(theirs, ours));
        let by_tag = head.e_tag.as_deref().zip(sums::e_tag(self.parts)).map(|(theirs, ours)| bare_tag(theirs) == ours);
        let ours = by_sum != Some(false) && (by_sum == Some(true) || by_tag == Some(true));
        ours.then_some(Stored { e_tag: head.e_tag, version_id: head.version_id, checksum })
    }
}

/// Aborts the upload, looks whether parts that were on their way have landed since, and aborts again until it is gone.
///
/// # Errors
/// The upload is still there: the last reason.
pub(super) async fn abort(run: &Run, put: &PutObjectRequest, upload_id: &str) -> Result<(), S3Error> {
    let client = &run.client;
    let mut last = None;
    for tried in 1..=ABORTS {
        match client.execute(request::abort(put, upload_id)).await {
            Ok(_) => {
                let mut list = request::list(put, upload_id);
                list.max_parts = Some(1);
                match client.execute(list).await {
                    Err(error) if is_gone(&error) => return Ok(()),
                    // Whoever may abort need not be allowed to list; and some stores list nothing.
                    Err(error) if !error.is_retryable() => return Ok(()),
                    Err(error) => last = Some(error),
                    Ok(_) => last = None,
                }
            }
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) if !error.is_retryable() => return Err(error),
            Err(error) => last = Some(error),
        }
        if tried < ABORTS {
            let nothing = S3Error::new(MultipartError::Other, "");
            tokio::time::sleep(pause(tried, last.as_ref().unwrap_or(&nothing))).await;
        }
    }
    Err(last
        .unwrap_or_else(|| S3Error::new(MultipartError::Other, "the store still lists the upload after its abortion")))
}
