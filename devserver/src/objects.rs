//! Writing and deleting objects.

use bytes::Bytes;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::body::{self, facts, receive};
use crate::conditions;
use crate::store::{Bucket, Facts, Object, Segment, State, Store};
use crate::versions::check_version_id;
use crate::{sums, tagging};

type Answer<T> = S3Result<S3Response<T>>;

/// The storage class of everything that names none.
const STANDARD: &str = "STANDARD";

pub(crate) async fn put(store: &Store, mut req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
    let expires = body::expires(&req);
    let trailers = req.trailing_headers.take();
    let input = req.input;
    if input.write_offset_bytes.is_some() {
        return Err(s3_error!(NotImplemented, "Appending is for directory buckets."));
    }
    let mut facts = facts!(input, expires);
    normalise(&mut facts);
    let tags = tagging::from_header(input.tagging.as_deref())?;
    store.lock().bucket(&input.bucket)?;
    let received = receive(input.body, input.content_length, &req.headers, trailers).await?;
    let object = whole(received.data, received.sums, facts);
    let mut output = PutObjectOutput { e_tag: Some(ETag::Strong(object.etag.clone())), ..PutObjectOutput::default() };
    answer_sums!(output, object.sums);
    output.checksum_type = object.sums.checksum_type.clone();
    answer_encryption!(output, object.facts.encryption);

    let mut state = store.lock();
    let fresh = state.fresh_id();
    let bucket = state.bucket_mut(&input.bucket)?;
    let current = bucket.current(&input.key).map(|o| o.etag.as_str());
    conditions::may_write(input.if_match.as_ref(), input.if_none_match.as_ref(), current)?;
    output.version_id = bucket.put(&input.key, object, tags, fresh).version_id;
    Ok(S3Response::new(output))
}

/// An object sent in one piece.
pub(crate) fn whole(data: Bytes, verified: Option<Checksum>, facts: Facts) -> Object {
    let sums = verified.unwrap_or_else(|| sums::compute(sums::DEFAULT, [&data[..]]));
    let mut etag = sums::etag(&data);
    if facts.encryption.hides_md5() {
        etag = sums::etag(format!("not the md5 of the content: {etag}").as_bytes());
    }
    Object {
        size: data.len() as u64,
        segments: vec![Segment { number: 1, data, sums: sums.clone() }],
        etag,
        facts,
        sums,
        multipart: false,
    }
}

/// Puts in what S3 assumes when a header is missing, and drops what it never says.
pub(crate) fn normalise(facts: &mut Facts) {
    if facts.content_type.is_none() {
        facts.content_type = Some("binary/octet-stream".to_owned());
    }
    if facts.storage_class.as_deref() == Some(STANDARD) {
        facts.storage_class = None;
    }
}

pub(crate) fn delete(store: &Store, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
    let input = req.input;
    check_version_id(input.version_id.as_deref())?;
    let mut state = store.lock();
    let fresh = state.fresh_id();
    let bucket = state.bucket_mut(&input.bucket)?;
    if let Some(condition) = &input.if_match {
        let current = bucket.current(&input.key).map(|o| o.etag.as_str());
        conditions::may_write(Some(condition), None, current)?;
    }
    let written = bucket.delete(&input.key, input.version_id.as_deref(), fresh);
    Ok(S3Response::new(DeleteObjectOutput {
        delete_marker: written.delete_marker.then_some(true),
        version_id: written.version_id,
        ..DeleteObjectOutput::default()
    }))
}

pub(crate) fn delete_many(store: &Store, req: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
    let input = req.input;
    if input.delete.objects.is_empty() || input.delete.objects.len() > 1000 {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    let mut state = store.lock();
    state.bucket(&input.bucket)?;
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for target in input.delete.objects {
        match delete_one(&mut state, &input.bucket, &target) {
            Ok(done) if !quiet => deleted.push(done),
            Ok(_) => {}
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                key: Some(target.key),
                message: error.message().map(str::to_owned),
                version_id: target.version_id,
            }),
        }
    }
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: Some(deleted),
        errors: Some(errors),
        ..DeleteObjectsOutput::default()
    }))
}

fn delete_one(state: &mut State, bucket: &str, target: &ObjectIdentifier) -> S3Result<DeletedObject> {
    check_version_id(target.version_id.as_deref())?;
    if target.key.len() > 1024 {
        return Err(s3_error!(KeyTooLongError, "Your key is too long"));
    }
    let fresh = state.fresh_id();
    let bucket: &mut Bucket = state.bucket_mut(bucket)?;
    if let Some(etag) = &target.e_tag {
        let condition = ETagCondition::ETag(etag.clone());
        conditions::may_write(Some(&condition), None, bucket.current(&target.key).map(|o| o.etag.as_str()))?;
    }
    let written = bucket.delete(&target.key, target.version_id.as_deref(), fresh);
    Ok(DeletedObject {
        key: Some(target.key.clone()),
        version_id: target.version_id.clone(),
        delete_marker: written.delete_marker.then_some(true),
        delete_marker_version_id: written.delete_marker.then_some(written.version_id).flatten(),
    })
}

/// The checksum headers of an answer.
macro_rules! answer_sums {
    ($output:expr, $sums:expr) => {
        $output.checksum_crc32 = $sums.checksum_crc32.clone();
        $output.checksum_crc32c = $sums.checksum_crc32c.clone();
        $output.checksum_crc64nvme = $sums.checksum_crc64nvme.clone();
        $output.checksum_sha1 = $sums.checksum_sha1.clone();
        $output.checksum_sha256 = $sums.checksum_sha256.clone();
    };
}
/// The encryption headers of an answer.
macro_rules! answer_encryption {
    ($output:expr, $encryption:expr) => {
        $output.server_side_encryption = $encryption.algorithm.clone().map(s3s::dto::ServerSideEncryption::from);
        $output.ssekms_key_id = $encryption.kms_key.clone();
        $output.bucket_key_enabled = $encryption.bucket_key;
        $output.sse_customer_algorithm = $encryption.customer_algorithm();
        $output.sse_customer_key_md5 = $encryption.customer_key_md5.clone();
    };
}
pub(crate) use {answer_encryption, answer_sums};
