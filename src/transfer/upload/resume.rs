//! Going on with an upload: its state is held against the file and against the parts the store has.

use super::super::Run;
use super::super::state::{FileFacts, PartState, TransferState, UploadState, Work};
use super::plan::Plan;
use super::request;
use super::source::same_as_before;
use super::sums::value_of;
use crate::error::{ErrorKind, MultipartError, RequestError};
use crate::integrity::Hasher;
use crate::operations::PutObjectRequest;
use crate::transfer::work::put_in_order;
use crate::types::{ChecksumAlgorithm, Part};
use crate::{ByteStream, S3Error};

/// An upload that is open, and the parts of it that stand.
pub(super) struct Resumed {
    pub(super) upload_id: String,
    pub(super) plan: Plan,
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    pub(super) parts: Vec<PartState>,
}

/// The store, as states name it.
pub(super) fn endpoint(run: &Run) -> String {
    let endpoint = &run.client.config().endpoint;
    format!("{:?}://{}{}", endpoint.scheme(), endpoint.authority(), endpoint.base_path()).to_lowercase()
}

/// What can be gone on with; `None` if the upload does not exist any more, so that it has to begin anew.
///
/// # Errors
/// The state is of another transfer, or the file has changed since.
pub(super) async fn resume(
    run: &Run,
    put: &PutObjectRequest,
    state: TransferState,
    now: &FileFacts,
) -> Result<Option<Resumed>, S3Error> {
    let Work::Upload(upload) = state.work else {
        return Err(other("is of a download"));
    };
    let here = endpoint(run);
    if state.endpoint != here {
        return Err(other(&format!("is of an upload to {}, not to {here}", state.endpoint)));
    }
    if (state.bucket.as_str(), state.key.as_str()) != (put.bucket.as_str(), put.key.as_str()) {
        let (bucket, key) = (&state.bucket, &state.key);
        return Err(other(&format!("is of an upload to s3://{bucket}/{key}, not to s3://{}/{}", put.bucket, put.key)));
    }
    same_as_before(&upload.source, now)?;
    let plan = Plan::again(now.len, upload.part_size)?;
    let algorithm = upload.algorithm.as_deref().map(|name| ChecksumAlgorithm::from(name.to_owned()));
    let mut parts = Vec::new();
    let mut listed = run.client.list_parts().bucket(&put.bucket).key(&put.key).upload_id(&upload.upload_id);
    let ask = request::list(put, &upload.upload_id);
    if let Some(owner) = ask.expected_bucket_owner {
        listed = listed.expected_bucket_owner(owner);
    }
    if let Some(payer) = ask.request_payer {
        listed = listed.request_payer(payer);
    }
    if let (Some(algorithm), Some(key)) = (ask.sse_customer_algorithm, ask.sse_customer_key) {
        listed = listed.sse_customer_algorithm(algorithm).sse_customer_key(key);
    }
    let mut listed = listed.items();
    while let Some(part) = run.control.unless_cancelled(listed.next()).await? {
        match part {
            Ok(part) => {
                run.pass().await?;
                parts.extend(stands(&upload, &plan, algorithm.as_ref(), part, now).await?);
            }
            Err(error) if error.kind() == ErrorKind::Multipart(MultipartError::UploadNotFound) => {
                tracing::warn!(target: "integration_s3::call", bucket = put.bucket, key = put.key,
                    "the upload to go on with does not exist any more: it begins anew");
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    put_in_order(&mut parts, |part| part.number.into());
    parts.dedup_by_key(|part| part.number);
    Ok(Some(Resumed { upload_id: upload.upload_id, plan, algorithm, parts }))
}

/// The part, if the store has it as it was sent. What cannot be proven is sent again.
async fn stands(
    upload: &UploadState,
    plan: &Plan,
    algorithm: Option<&ChecksumAlgorithm>,
    part: Part,
    file: &FileFacts,
) -> Result<Option<PartState>, S3Error> {
    let number = u32::try_from(part.part_number).unwrap_or(0);
    let len = plan.size_of(number);
    let same_size = part.size.and_then(|size| u64::try_from(size).ok()) == Some(len);
    let (Some(e_tag), true) = (part.e_tag.clone(), number > 0 && len > 0 && same_size) else { return Ok(None) };
    let theirs = algorithm.and_then(|algorithm| value_of!(part, algorithm));
    if let Some(ours) = upload.parts.iter().find(|ours| ours.number == number) {
        let same_sum = match (&ours.checksum, &theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        let checksum = ours.checksum.clone().or(theirs);
        let same = ours.len == len && ours.e_tag.trim_matches('"') == e_tag.trim_matches('"') && same_sum;
        return Ok(same.then_some(PartState { number, len, e_tag, checksum }));
    }
    // It arrived after the state was written last: its bytes are compared with those of the file.
    let known = algorithm.and_then(request::computed);
    let (Some(known), Some(theirs)) = (known, theirs) else { return Ok(None) };
    let mut body = ByteStream::from_file_range(&file.path, plan.range(number).start, len).await?;
    let mut hasher = Hasher::new(known);
    while let Some(bytes) = body.next().await {
        hasher.update(&bytes?);
    }
    let same = hasher.finish().to_base64() == theirs;
    Ok(same.then_some(PartState { number, len, e_tag, checksum: Some(theirs) }))
}

fn other(what: &str) -> S3Error {
    S3Error::new(RequestError::Validation, format!("the state to go on with {what}"))
        .with_suggestion("give each upload a state file of its own, or delete it to begin anew")
}
