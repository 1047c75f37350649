//! One CopyObject request told in the words of the other operations: opening an upload, its parts, its end, a PutObject.

use crate::S3Error;
use crate::error::RequestError;
use crate::operations::{
    CompleteMultipartUploadRequest, CopyObjectRequest, CreateMultipartUploadRequest, GetObjectRequest,
    HeadObjectOutput, HeadObjectRequest, PutObjectRequest, UploadPartCopyRequest, UploadPartRequest,
};
use crate::types::{ChecksumAlgorithm, MetadataDirective, TaggingDirective};

/// Copies fields of the same name.
macro_rules! same {
    ($from:expr => $to:expr; $($field:ident),* $(,)?) => { $($to.$field = $from.$field.clone();)* };
}

/// Whether the copy's metadata are the request's and not the source's.
pub(super) fn replaces(request: &CopyObjectRequest) -> bool {
    request.metadata_directive == Some(MetadataDirective::Replace)
}

/// Whether the copy's tags are the request's and not the source's.
pub(super) fn retags(request: &CopyObjectRequest) -> bool {
    request.tagging_directive == Some(TaggingDirective::Replace)
}

/// What S3 takes for a change, without which nothing may be copied onto itself.
pub(super) fn changes_something(request: &CopyObjectRequest) -> bool {
    replaces(request)
        || request.storage_class.is_some()
        || request.website_redirect_location.is_some()
        || request.server_side_encryption.is_some()
        || request.sse_kms_key_id.is_some()
        || request.sse_customer_key.is_some()
        || request.copy_source_sse_customer_key.is_some()
        || request.checksum_algorithm.is_some()
}

/// HEAD of the source.
pub(super) fn head(request: &CopyObjectRequest, bucket: &str, key: &str, version: Option<&str>) -> HeadObjectRequest {
    HeadObjectRequest {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        version_id: version.map(str::to_owned),
        if_match: request.copy_source_if_match.clone(),
        if_none_match: request.copy_source_if_none_match.clone(),
        if_modified_since: request.copy_source_if_modified_since,
        if_unmodified_since: request.copy_source_if_unmodified_since,
        sse_customer_algorithm: request.copy_source_sse_customer_algorithm.clone(),
        sse_customer_key: request.copy_source_sse_customer_key.clone(),
        sse_customer_key_md5: request.copy_source_sse_customer_key_md5.clone(),
        expected_bucket_owner: request.expected_source_bucket_owner.clone(),
        request_payer: request.request_payer.clone(),
        ..HeadObjectRequest::default()
    }
}

/// GET of a range of the source.
pub(super) fn get(head: HeadObjectRequest, pin: Option<String>) -> GetObjectRequest {
    GetObjectRequest {
        bucket: head.bucket,
        key: head.key,
        version_id: head.version_id,
        if_match: pin,
        sse_customer_algorithm: head.sse_customer_algorithm,
        sse_customer_key: head.sse_customer_key,
        sse_customer_key_md5: head.sse_customer_key_md5,
        expected_bucket_owner: head.expected_bucket_owner,
        request_payer: head.request_payer,
        ..GetObjectRequest::default()
    }
}

/// HEAD of the copy.
pub(super) fn head_of_copy(request: &CopyObjectRequest) -> HeadObjectRequest {
    let mut head = HeadObjectRequest::default();
    same!(request => head; bucket, key, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5, expected_bucket_owner, request_payer);
    head
}

/// What CopyObject would have given the copy; `tagging` are the source's tags.
pub(super) fn create(
    request: &CopyObjectRequest,
    source: &HeadObjectOutput,
    tagging: Option<String>,
    checksum: Option<ChecksumAlgorithm>,
) -> CreateMultipartUploadRequest {
    let mut create = CreateMultipartUploadRequest::default();
    same!(request => create; bucket, key, server_side_encryption, sse_kms_key_id, sse_kms_encryption_context,
        bucket_key_enabled, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5, acl, grant_full_control,
        grant_read, grant_read_acp, grant_write_acp, storage_class, website_redirect_location, object_lock_mode,
        object_lock_retain_until_date, object_lock_legal_hold_status, object_lock_event_hold,
        object_lock_event_hold_duration_days, object_lock_event_hold_duration_years, expected_bucket_owner, request_payer);
    if replaces(request) {
        same!(request => create; content_type, content_encoding, content_language, content_disposition, cache_control,
            expires, metadata);
    } else {
        same!(source => create; content_type, content_encoding, content_language, content_disposition, cache_control,
            expires, metadata);
    }
    create.tagging = if retags(request) { request.tagging.clone() } else { tagging };
    create.checksum_algorithm = request.checksum_algorithm.clone().or(checksum);
    create
}

/// The same for an object that fits into one request.
pub(super) fn put(create: CreateMultipartUploadRequest, request: &CopyObjectRequest) -> PutObjectRequest {
    let mut put = PutObjectRequest::default();
    same!(create => put; bucket, key, server_side_encryption, sse_kms_key_id, sse_kms_encryption_context,
        bucket_key_enabled, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5, acl, grant_full_control,
        grant_read, grant_read_acp, grant_write_acp, storage_class, website_redirect_location, object_lock_mode,
        object_lock_retain_until_date, object_lock_legal_hold_status, object_lock_event_hold,
        object_lock_event_hold_duration_days, object_lock_event_hold_duration_years, expected_bucket_owner, request_payer,
        content_type, content_encoding, content_language, content_disposition, cache_control, expires, metadata, tagging,
        checksum_algorithm);
    same!(request => put; if_match, if_none_match);
    put
}

/// A part that the store copies; number and range are still to be set.
pub(super) fn part_copy(request: &CopyObjectRequest, upload_id: &str, pin: Option<String>) -> UploadPartCopyRequest {
    let mut part = UploadPartCopyRequest::default();
    same!(request => part; bucket, key, copy_source, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5,
        copy_source_sse_customer_algorithm, copy_source_sse_customer_key, copy_source_sse_customer_key_md5,
        expected_bucket_owner, expected_source_bucket_owner, request_payer);
    part.upload_id = upload_id.to_owned();
    part.copy_source_if_match = pin;
    part
}

/// A part that goes through this machine; number and body are still to be set.
pub(super) fn part(
    request: &CopyObjectRequest,
    upload_id: &str,
    checksum: Option<ChecksumAlgorithm>,
) -> UploadPartRequest {
    let mut part = UploadPartRequest::default();
    same!(request => part; bucket, key, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5,
        expected_bucket_owner, request_payer);
    part.upload_id = upload_id.to_owned();
    part.checksum_algorithm = checksum;
    part
}

/// The end of the upload; the parts are still to be set.
pub(super) fn complete(request: &CopyObjectRequest, upload_id: &str) -> CompleteMultipartUploadRequest {
    let mut complete = CompleteMultipartUploadRequest::default();
    same!(request => complete; bucket, key, if_match, if_none_match, sse_customer_algorithm, sse_customer_key,
        sse_customer_key_md5, expected_bucket_owner, request_payer);
    complete.upload_id = upload_id.to_owned();
    complete
}

/// Tags as the header wants them.
#[cfg(feature = "tagging")]
pub(super) fn tagging(tags: &[crate::types::Tag]) -> String {
    let mut out = String::new();
    for tag in tags {
        if !out.is_empty() {
            out.push('&');
        }
        escape(&tag.key, &mut out);
        out.push('=');
        escape(&tag.value, &mut out);
    }
    out
}

#[cfg(feature = "tagging")]
fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// A copy onto itself that would change nothing, or a move that would delete what it just wrote.
pub(super) fn onto_itself(moves: bool) -> S3Error {
    if moves {
        return S3Error::new(RequestError::Validation, "source and target of the move are the same object")
            .with_suggestion("nothing was sent; name another key or bucket");
    }
    S3Error::new(RequestError::Validation, "source and target of the copy are the same object and nothing would change")
        .with_suggestion(
            "change something: metadata_directive(Replace) with new metadata, storage_class, encryption or checksum_algorithm",
        )
}
