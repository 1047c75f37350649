//! The listing operations: objects (two versions of the call) and object versions.

use std::ops::Bound;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::buckets::owner;
use crate::listing::{self, Encoder, Page};
use crate::store::{Bucket, Object as Stored, Store, Version};
use crate::sums;

type Answer<T> = S3Result<S3Response<T>>;

/// One page of the current objects of a bucket.
fn objects(
    bucket: &Bucket,
    prefix: &str,
    delimiter: &str,
    marker: &str,
    limit: i32,
    owner: Option<&Owner>,
) -> Page<Object> {
    let from = if marker >= prefix && !marker.is_empty() { Bound::Excluded(marker) } else { Bound::Included(prefix) };
    let behind = bucket.keys.range::<str, _>((from, Bound::Unbounded)).filter_map(|(key, versions)| {
        let version = versions.last()?;
        Some((key.as_str(), (version, version.object.as_ref()?)))
    });
    let page = listing::page(behind, prefix, delimiter, marker, limit as usize);
    Page {
        items: page.items.into_iter().map(|(key, (version, object))| (key, entry(version, object, owner))).collect(),
        prefixes: page.prefixes,
        truncated: page.truncated,
        ends_in_prefix: page.ends_in_prefix,
    }
}

fn entry(version: &Version, object: &Stored, owner: Option<&Owner>) -> Object {
    Object {
        checksum_algorithm: algorithms(object),
        checksum_type: object.sums.checksum_type.clone(),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(version.modified.into()),
        owner: owner.cloned(),
        size: i64::try_from(object.size).ok(),
        storage_class: Some(ObjectStorageClass::from(class(object))),
        ..Object::default()
    }
}

fn algorithms(object: &Stored) -> Option<Vec<ChecksumAlgorithm>> {
    Some(sums::present(&object.sums).into_iter().map(ChecksumAlgorithm::from_static).collect())
}

fn class(object: &Stored) -> String {
    object.facts.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned())
}

fn named(items: Vec<(String, Object)>, encoder: Encoder) -> Option<Vec<Object>> {
    let name = |(key, object)| Object { key: Some(encoder.text(key)), ..object };
    (!items.is_empty()).then(|| items.into_iter().map(name).collect())
}

pub(crate) fn v2(store: &Store, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
    let input = req.input;
    let encoder = Encoder::new(input.encoding_type.as_ref())?;
    let limit = listing::limit(input.max_keys, "max-keys")?;
    let marker = match input.continuation_token.as_deref() {
        Some("") => {
            return Err(s3_error!(InvalidArgument, "The continuation token provided is incorrect"));
        }
        Some(token) => listing::read_token(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let (prefix, delimiter) = (input.prefix.unwrap_or_default(), input.delimiter.unwrap_or_default());
    let owner = input.fetch_owner.unwrap_or(false).then(|| owner(store));
    let state = store.lock();
    let page = objects(state.bucket(&input.bucket)?, &prefix, &delimiter, &marker, limit, owner.as_ref());
    Ok(S3Response::new(ListObjectsV2Output {
        key_count: i32::try_from(page.items.len() + page.prefixes.len()).ok(),
        next_continuation_token: page.truncated.then(|| page.last().map(listing::token)).flatten(),
        is_truncated: Some(page.truncated),
        contents: named(page.items, encoder),
        common_prefixes: encoder.prefixes(page.prefixes),
        name: Some(input.bucket),
        prefix: Some(encoder.text(prefix)),
        delimiter: (!delimiter.is_empty()).then(|| encoder.text(delimiter)),
        max_keys: Some(limit),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        start_after: encoder.some(input.start_after),
        ..ListObjectsV2Output::default()
    }))
}

pub(crate) fn v1(store: &Store, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
    let input = req.input;
    let encoder = Encoder::new(input.encoding_type.as_ref())?;
    let limit = listing::limit(input.max_keys, "max-keys")?;
    let (prefix, delimiter) = (input.prefix.unwrap_or_default(), input.delimiter.unwrap_or_default());
    let marker = input.marker.unwrap_or_default();
    let state = store.lock();
    let page = objects(state.bucket(&input.bucket)?, &prefix, &delimiter, &marker, limit, Some(&owner(store)));
    // S3 names the next marker only where the caller could not take it from the last key.
    let next_marker = (page.truncated && !delimiter.is_empty()).then(|| page.last().map(str::to_owned)).flatten();
    Ok(S3Response::new(ListObjectsOutput {
        next_marker: encoder.some(next_marker),
        is_truncated: Some(page.truncated),
        contents: named(page.items, encoder),
        common_prefixes: encoder.prefixes(page.prefixes),
        name: Some(input.bucket),
        prefix: Some(encoder.text(prefix)),
        marker: Some(encoder.text(marker)),
        delimiter: (!delimiter.is_empty()).then(|| encoder.text(delimiter)),
        max_keys: Some(limit),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    }))
}

pub(crate) fn versions(store: &Store, req: S3Request<ListObjectVersionsInput>) -> Answer<ListObjectVersionsOutput> {
    let input = req.input;
    let encoder = Encoder::new(input.encoding_type.as_ref())?;
    let limit = listing::limit(input.max_keys, "max-keys")?;
    let (prefix, delimiter) = (input.prefix.unwrap_or_default(), input.delimiter.unwrap_or_default());
    let key_marker = input.key_marker.unwrap_or_default();
    let id_marker = input.version_id_marker.unwrap_or_default();
    if key_marker.is_empty() && !id_marker.is_empty() {
        return Err(s3_error!(InvalidArgument, "A version-id marker cannot be specified without a key marker."));
    }
    let state = store.lock();
    let bucket = state.bucket(&input.bucket)?;
    let behind = bucket.keys.range::<str, _>((Bound::Included(key_marker.as_str()), Bound::Unbounded)).flat_map(
        |(key, versions)| {
            let at = match key == &key_marker && !key_marker.is_empty() {
                true if id_marker.is_empty() => 0,
                true => versions.iter().position(|v| v.id == id_marker).unwrap_or(0),
                false => versions.len(),
            };
            let newest = versions.len() - 1;
            (0..at).rev().map(move |n| (key.as_str(), (&versions[n], n == newest)))
        },
    );
    let page = listing::page(behind, &prefix, &delimiter, &key_marker, limit as usize);
    let next_key = page.truncated.then(|| page.last().map(str::to_owned)).flatten();
    let next_id =
        (page.truncated && !page.ends_in_prefix).then(|| page.items.last().map(|(_, (v, _))| v.id.clone())).flatten();
    let (mut found, mut markers) = (Vec::new(), Vec::new());
    for (key, (version, latest)) in page.items {
        let (key, id) = (Some(encoder.text(key)), Some(version.id.clone()));
        let (owner, last_modified) = (Some(owner(store)), Some(version.modified.into()));
        match &version.object {
            None => {
                markers.push(DeleteMarkerEntry { is_latest: Some(latest), key, last_modified, owner, version_id: id });
            }
            Some(object) => found.push(ObjectVersion {
                checksum_algorithm: algorithms(object),
                checksum_type: object.sums.checksum_type.clone(),
                e_tag: Some(ETag::Strong(object.etag.clone())),
                is_latest: Some(latest),
                key,
                last_modified,
                owner,
                size: i64::try_from(object.size).ok(),
                storage_class: Some(ObjectVersionStorageClass::from(class(object))),
                version_id: id,
                ..ObjectVersion::default()
            }),
        }
    }
    Ok(S3Response::new(ListObjectVersionsOutput {
        common_prefixes: encoder.prefixes(page.prefixes),
        delete_markers: Some(markers),
        delimiter: (!delimiter.is_empty()).then(|| encoder.text(delimiter)),
        encoding_type: input.encoding_type,
        is_truncated: Some(page.truncated),
        key_marker: Some(encoder.text(key_marker)),
        max_keys: Some(limit),
        name: Some(input.bucket),
        next_key_marker: encoder.some(next_key),
        next_version_id_marker: next_id,
        prefix: Some(encoder.text(prefix)),
        version_id_marker: Some(id_marker),
        versions: Some(found),
        ..ListObjectVersionsOutput::default()
    }))
}
