//! The two listings of multipart uploads: the uploads of a bucket, the parts of an upload.

use std::ops::Bound;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use crate::buckets::{canonical_id, owner};
use crate::encryption::customer_key;
use crate::listing::{self, Encoder};
use crate::multipart::find;
use crate::objects::answer_sums;
use crate::store::{Facts, Store, Upload};

type Answer<T> = S3Result<S3Response<T>>;

fn initiator(store: &Store) -> Initiator {
    Initiator { display_name: None, id: Some(canonical_id(store)) }
}

fn class(facts: &Facts) -> StorageClass {
    StorageClass::from(facts.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned()))
}

fn algorithm(upload: &Upload) -> (Option<ChecksumAlgorithm>, Option<ChecksumType>) {
    let algorithm = upload.algorithm.clone().map(ChecksumAlgorithm::from);
    let kind = algorithm.is_some().then(|| ChecksumType::from(upload.checksum_type.clone()));
    (algorithm, kind)
}

pub(crate) fn uploads(store: &Store, req: S3Request<ListMultipartUploadsInput>) -> Answer<ListMultipartUploadsOutput> {
    let input = req.input;
    let encoder = Encoder::new(input.encoding_type.as_ref())?;
    let limit = listing::limit(input.max_uploads, "max-uploads")?;
    let (prefix, delimiter) = (input.prefix.unwrap_or_default(), input.delimiter.unwrap_or_default());
    let key_marker = input.key_marker.unwrap_or_default();
    // Without a key marker, an upload id marker means nothing.
    let id_marker = input.upload_id_marker.filter(|_| !key_marker.is_empty()).unwrap_or_default();
    let state = store.lock();
    let bucket = state.bucket(&input.bucket)?;
    let from = Bound::Included((key_marker.clone(), String::new()));
    let behind = bucket.uploads.range((from, Bound::Unbounded)).filter(|((key, id), _)| {
        key_marker.is_empty() || *key > key_marker || (!id_marker.is_empty() && *id > id_marker)
    });
    let entries = behind.map(|((key, id), upload)| (key.as_str(), (id, upload)));
    let page = listing::page(entries, &prefix, &delimiter, &key_marker, limit as usize);
    let next_key = page.truncated.then(|| page.last().map(str::to_owned)).flatten();
    let next_id =
        (page.truncated && !page.ends_in_prefix).then(|| page.items.last().map(|(_, (id, _))| (*id).clone())).flatten();
    let uploads = page.items.into_iter().map(|(key, (id, upload))| {
        let (checksum_algorithm, checksum_type) = algorithm(upload);
        MultipartUpload {
            checksum_algorithm,
            checksum_type,
            initiated: Some(upload.initiated.into()),
            initiator: Some(initiator(store)),
            key: Some(encoder.text(key)),
            owner: Some(owner(store)),
            storage_class: Some(class(&upload.facts)),
            upload_id: Some(id.clone()),
        }
    });
    Ok(S3Response::new(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        bucket: Some(input.bucket),
        common_prefixes: encoder.prefixes(page.prefixes),
        delimiter: (!delimiter.is_empty()).then(|| encoder.text(delimiter)),
        encoding_type: input.encoding_type,
        is_truncated: Some(page.truncated),
        key_marker: Some(encoder.text(key_marker)),
        max_uploads: Some(limit),
        next_key_marker: encoder.some(next_key),
        next_upload_id_marker: next_id,
        prefix: Some(encoder.text(prefix)),
        upload_id_marker: Some(id_marker),
        ..ListMultipartUploadsOutput::default()
    }))
}

pub(crate) fn parts(store: &Store, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
    let input = req.input;
    let limit = listing::limit(input.max_parts, "max-parts")?;
    let marker = input.part_number_marker.unwrap_or(0);
    let state = store.lock();
    let upload = find(state.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
    if input.sse_customer_key.is_some() {
        customer_key!(input).opens(&upload.facts.encryption)?;
    }
    let mut behind = upload.parts.range((Bound::Excluded(marker), Bound::Unbounded));
    let page: Vec<Part> = behind
        .by_ref()
        .take(limit as usize)
        .map(|(number, stored)| {
            let mut part = Part {
                e_tag: Some(ETag::Strong(stored.etag.clone())),
                last_modified: Some(stored.modified.into()),
                part_number: Some(*number),
                size: i64::try_from(stored.data.len()).ok(),
                ..Part::default()
            };
            if upload.algorithm.is_some() {
                answer_sums!(part, stored.sums);
            }
            part
        })
        .collect();
    let (checksum_algorithm, checksum_type) = algorithm(upload);
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        checksum_algorithm,
        checksum_type,
        initiator: Some(initiator(store)),
        owner: Some(owner(store)),
        is_truncated: Some(limit > 0 && behind.next().is_some()),
        max_parts: Some(limit),
        next_part_number_marker: Some(page.last().and_then(|p| p.part_number).unwrap_or(0)),
        part_number_marker: Some(marker),
        parts: Some(page),
        storage_class: Some(class(&upload.facts)),
        ..ListPartsOutput::default()
    }))
}
