//! One PutObject request told in the words of a multipart upload: opening it, its parts, its end, its abortion.

use crate::S3Error;
use crate::error::RequestError;
use crate::integrity::Algorithm;
use crate::operations::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CreateMultipartUploadRequest, HeadObjectRequest,
    ListPartsRequest, PutObjectRequest, UploadPartRequest,
};
use crate::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType};

/// Copies fields of the same name.
macro_rules! same {
    ($from:expr => $to:expr; $($field:ident),* $(,)?) => { $($to.$field = $from.$field.clone();)* };
}

/// What is known about the object's checksum before a byte is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// Computed for each part; `None`: none, or one that this client leaves to the store.
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    /// The value over the whole that the caller knows.
    pub(super) value: Option<String>,
}

impl Wanted {
    /// # Errors
    /// The caller gave what cannot be held against an object in parts.
    pub(super) fn of(put: &PutObjectRequest, default: bool) -> Result<Self, S3Error> {
        let refused = |what: &str| {
            S3Error::new(RequestError::Validation, format!("{what} cannot be used for an upload in parts"))
                .with_suggestion("give a CRC of the whole instead, name a checksum_algorithm, or raise the threshold")
        };
        for (name, given) in [
            ("checksum_sha1", &put.checksum_sha1),
            ("checksum_sha256", &put.checksum_sha256),
            ("checksum_sha512", &put.checksum_sha512),
            ("checksum_md5", &put.checksum_md5),
            ("checksum_xxhash64", &put.checksum_xxhash64),
            ("checksum_xxhash3", &put.checksum_xxhash3),
            ("checksum_xxhash128", &put.checksum_xxhash128),
            ("content_md5", &put.content_md5),
        ] {
            if given.is_some() {
                return Err(refused(name));
            }
        }
        if put.write_offset_bytes.is_some() {
            return Err(refused("write_offset_bytes"));
        }
        let given = [
            (ChecksumAlgorithm::Crc64Nvme, &put.checksum_crc64nvme),
            (ChecksumAlgorithm::Crc32C, &put.checksum_crc32c),
            (ChecksumAlgorithm::Crc32, &put.checksum_crc32),
        ];
        let given = given.into_iter().find_map(|(algorithm, value)| Some((algorithm, value.clone()?)));
        Ok(match given {
            Some((algorithm, value)) => Self { algorithm: Some(algorithm), value: Some(value) },
            None => {
                let default = default.then_some(ChecksumAlgorithm::Crc64Nvme);
                Self { algorithm: put.checksum_algorithm.clone().or(default), value: None }
            }
        })
    }
}

/// As this client computes it.
pub(super) fn computed(algorithm: &ChecksumAlgorithm) -> Option<Algorithm> {
    Algorithm::from_wire(algorithm.as_str())
}

/// CRCs are of the whole object, however it was cut; other sums are sums over those of the parts.
pub(super) fn kind(algorithm: &ChecksumAlgorithm) -> ChecksumType {
    match algorithm {
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32C | ChecksumAlgorithm::Crc64Nvme => ChecksumType::FullObject,
        _ => ChecksumType::Composite,
    }
}

pub(super) fn create(put: &PutObjectRequest, algorithm: Option<&ChecksumAlgorithm>) -> CreateMultipartUploadRequest {
    let mut to = CreateMultipartUploadRequest::default();
    same!(put => to; bucket, key, content_type, content_encoding, content_language, content_disposition, cache_control,
        expires, server_side_encryption, sse_kms_key_id, sse_kms_encryption_context, bucket_key_enabled,
        sse_customer_algorithm, sse_customer_key, sse_customer_key_md5, acl, grant_full_control, grant_read,
        grant_read_acp, grant_write_acp, storage_class, metadata, tagging, website_redirect_location, object_lock_mode,
        object_lock_retain_until_date, object_lock_legal_hold_status, object_lock_event_hold,
        object_lock_event_hold_duration_days, object_lock_event_hold_duration_years, expected_bucket_owner,
        request_payer);
    to.checksum_algorithm = algorithm.cloned();
    to.checksum_type = algorithm.map(kind);
    to
}

/// A part without number and body.
pub(super) fn part(
    put: &PutObjectRequest,
    upload_id: &str,
    algorithm: Option<&ChecksumAlgorithm>,
) -> UploadPartRequest {
    let mut to = UploadPartRequest::default();
    same!(put => to; bucket, key, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5, expected_bucket_owner,
        request_payer);
    to.upload_id = upload_id.to_owned();
    to.checksum_algorithm = algorithm.cloned();
    to
}

/// The end, without the list of parts and the checksum.
pub(super) fn complete(put: &PutObjectRequest, upload_id: &str) -> CompleteMultipartUploadRequest {
    let mut to = CompleteMultipartUploadRequest::default();
    same!(put => to; bucket, key, if_match, if_none_match, sse_customer_algorithm, sse_customer_key,
        sse_customer_key_md5, expected_bucket_owner, request_payer);
    to.upload_id = upload_id.to_owned();
    to
}

pub(super) fn abort(put: &PutObjectRequest, upload_id: &str) -> AbortMultipartUploadRequest {
    let mut to = AbortMultipartUploadRequest::default();
    same!(put => to; bucket, key, expected_bucket_owner, request_payer);
    to.upload_id = upload_id.to_owned();
    to
}

pub(super) fn list(put: &PutObjectRequest, upload_id: &str) -> ListPartsRequest {
    let mut to = ListPartsRequest::default();
    same!(put => to; bucket, key, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5, expected_bucket_owner,
        request_payer);
    to.upload_id = upload_id.to_owned();
    to
}

/// The object as it stands, with its checksum where one was used.
pub(super) fn head(put: &PutObjectRequest, with_checksum: bool) -> HeadObjectRequest {
    let mut to = HeadObjectRequest::default();
    same!(put => to; bucket, key, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5, expected_bucket_owner,
        request_payer);
    to.checksum_mode = with_checksum.then_some(ChecksumMode::Enabled);
    to
}
