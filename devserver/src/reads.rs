//! Reading objects: GET, HEAD, attributes.

use std::sync::Arc;

use hyper::header::{EXPIRES, HeaderMap, HeaderName, HeaderValue};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use time::OffsetDateTime;

use crate::blob::blob;
use crate::conditions::{Conditions, Verdict, failed};
use crate::encryption::customer_key;
use crate::objects::{answer_encryption, answer_sums};
use crate::store::{Object as Stored, Segment, Store};
use crate::versions::check_version_id;
use crate::{ranges, sums};

type Answer<T> = S3Result<S3Response<T>>;

/// What GET and HEAD find before they differ.
struct Found {
    object: Arc<Stored>,
    version_id: Option<String>,
    modified: OffsetDateTime,
    tag_count: i32,
}

fn find(store: &Store, bucket: &str, key: &str, id: Option<&str>) -> S3Result<Found> {
    check_version_id(id)?;
    let state = store.lock();
    let bucket = state.bucket(bucket)?;
    let (version, object) = bucket.object(key, id)?;
    Ok(Found {
        object,
        version_id: bucket.shown(&version.id),
        modified: version.modified,
        tag_count: i32::try_from(version.tags.len()).unwrap_or(i32::MAX),
    })
}

pub(crate) fn get(store: &Store, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
    let input = req.input;
    let found = find(store, &input.bucket, &input.key, input.version_id.as_deref())?;
    customer_key!(input).opens(&found.object.facts.encryption)?;
    let conditions = Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    judge(&found, &conditions)?;
    let object = &found.object;
    let (mut start, mut end, mut part) = (0, object.size, None);
    match (&input.range, input.part_number) {
        (Some(_), Some(_)) => {
            return Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber query parameter"));
        }
        (Some(range), None) => (start, end) = ranges::resolve(range, object.size)?,
        (None, Some(number)) => {
            let index;
            (start, end, index) = ranges::of_part(&object.segments, number, object.multipart)?;
            part = object.segments.get(index);
        }
        (None, None) => {}
    }
    let partial = input.range.is_some() || input.part_number.is_some();
    let mut output = describe(&found);
    output.content_length = i64::try_from(end - start).ok();
    output.body = Some(blob(ranges::slice(&object.segments, start, end)));
    if partial && object.size > 0 {
        output.content_range = Some(format!("bytes {start}-{}/{}", end.saturating_sub(1), object.size));
    }
    output.parts_count = (input.part_number.is_some() && object.multipart)
        .then(|| i32::try_from(object.segments.len()).unwrap_or(i32::MAX));
    let wanted = input.checksum_mode.is_some_and(|m| m.as_str() == ChecksumMode::ENABLED);
    if wanted && (part.is_some() || start == 0 && end == object.size) {
        let sums = part.map_or(&object.sums, |p| &p.sums);
        answer_sums!(output, sums);
        output.checksum_type = object.sums.checksum_type.clone();
    }
    let mut response = S3Response::new(output);
    if let (None, Some(expires)) = (&input.response_expires, &object.facts.expires) {
        set(&mut response.headers, EXPIRES, Some(expires));
    }
    Ok(response)
}

pub(crate) fn head(store: &Store, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
    use hyper::header::*;
    let input = req.input.clone();
    let get_input = GetObjectInput {
        bucket: input.bucket,
        key: input.key,
        checksum_mode: input.checksum_mode,
        if_match: input.if_match,
        if_modified_since: input.if_modified_since,
        if_none_match: input.if_none_match,
        if_unmodified_since: input.if_unmodified_since,
        part_number: input.part_number,
        range: input.range,
        response_expires: input.response_expires.clone(),
        sse_customer_algorithm: input.sse_customer_algorithm,
        sse_customer_key: input.sse_customer_key,
        sse_customer_key_md5: input.sse_customer_key_md5,
        version_id: input.version_id,
        ..GetObjectInput::default()
    };
    let mut answer = get(store, req.map_input(|_| get_input))?;
    // s3s applies these to GET only.
    let overrides = [
        (CACHE_CONTROL, &input.response_cache_control),
        (CONTENT_DISPOSITION, &input.response_content_disposition),
        (CONTENT_ENCODING, &input.response_content_encoding),
        (CONTENT_LANGUAGE, &input.response_content_language),
        (CONTENT_TYPE, &input.response_content_type),
    ];
    for (name, value) in overrides {
        set(&mut answer.headers, name, value.as_deref());
    }
    let expires = input.response_expires;
    Ok(answer.map_output(|o| HeadObjectOutput {
        accept_ranges: o.accept_ranges,
        bucket_key_enabled: o.bucket_key_enabled,
        cache_control: o.cache_control,
        checksum_crc32: o.checksum_crc32,
        checksum_crc32c: o.checksum_crc32c,
        checksum_crc64nvme: o.checksum_crc64nvme,
        checksum_sha1: o.checksum_sha1,
        checksum_sha256: o.checksum_sha256,
        checksum_type: o.checksum_type,
        content_disposition: o.content_disposition,
        content_encoding: o.content_encoding,
        content_language: o.content_language,
        content_length: o.content_length,
        content_range: o.content_range,
        content_type: o.content_type,
        e_tag: o.e_tag,
        expires,
        last_modified: o.last_modified,
        metadata: o.metadata,
        parts_count: o.parts_count,
        sse_customer_algorithm: o.sse_customer_algorithm,
        sse_customer_key_md5: o.sse_customer_key_md5,
        ssekms_key_id: o.ssekms_key_id,
        server_side_encryption: o.server_side_encryption,
        storage_class: o.storage_class,
        version_id: o.version_id,
        website_redirect_location: o.website_redirect_location,
        ..HeadObjectOutput::default()
    }))
}

fn judge(found: &Found, conditions: &Conditions) -> S3Result<()> {
    match conditions.judge(&found.object.etag, found.modified) {
        Verdict::Proceed => Ok(()),
        Verdict::Failed => Err(failed()),
        Verdict::NotModified => {
            let mut error = S3Error::with_message(S3ErrorCode::NotModified, "Not Modified");
            let mut headers = HeaderMap::new();
            set(&mut headers, hyper::header::ETAG, Some(&format!("\"{}\"", found.object.etag)));
            let mut date = Vec::new();
            let _ = Timestamp::from(found.modified).format(TimestampFormat::HttpDate, &mut date);
            set(&mut headers, hyper::header::LAST_MODIFIED, std::str::from_utf8(&date).ok());
            set(&mut headers, HeaderName::from_static("x-amz-version-id"), found.version_id.as_deref());
            error.set_headers(headers);
            Err(error)
        }
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|v| HeaderValue::from_str(v).ok()) {
        headers.insert(name, value);
    }
}

/// All headers that do not depend on the range.
fn describe(found: &Found) -> GetObjectOutput {
    let facts = &found.object.facts;
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: facts.cache_control.clone(),
        content_disposition: facts.content_disposition.clone(),
        content_encoding: facts.content_encoding.clone(),
        content_language: facts.content_language.clone(),
        content_type: facts.content_type.clone(),
        e_tag: Some(ETag::Strong(found.object.etag.clone())),
        last_modified: Some(found.modified.into()),
        metadata: facts.metadata.clone(),
        storage_class: facts.storage_class.clone().map(StorageClass::from),
        tag_count: (found.tag_count > 0).then_some(found.tag_count),
        version_id: found.version_id.clone(),
        website_redirect_location: facts.website_redirect.clone(),
        ..GetObjectOutput::default()
    };
    answer_encryption!(output, facts.encryption);
    output
}

pub(crate) fn attributes(store: &Store, req: S3Request<GetObjectAttributesInput>) -> Answer<GetObjectAttributesOutput> {
    let input = req.input;
    let found = find(store, &input.bucket, &input.key, input.version_id.as_deref())?;
    customer_key!(input).opens(&found.object.facts.encryption)?;
    // s3s hands the comma-separated header over as one value.
    let wanted: Vec<&str> = input.object_attributes.iter().flat_map(|a| a.as_str().split(',')).map(str::trim).collect();
    let known = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
    if let Some(strange) = wanted.iter().find(|w| !known.contains(w)) {
        return Err(s3_error!(InvalidArgument, "Invalid attribute name specified: {strange}"));
    }
    let wants = |name: &str| wanted.contains(&name);
    let object = &found.object;
    let parts = (wants("ObjectParts") && object.multipart)
        .then(|| parts_page(object, input.part_number_marker.unwrap_or(0), input.max_parts))
        .transpose()?;
    let class = object.facts.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned());
    Ok(S3Response::new(GetObjectAttributesOutput {
        checksum: (wants("Checksum") && !sums::present(&object.sums).is_empty()).then(|| object.sums.clone()),
        e_tag: wants("ETag").then(|| ETag::Strong(object.etag.clone())),
        last_modified: Some(found.modified.into()),
        object_parts: parts,
        object_size: wants("ObjectSize").then(|| i64::try_from(object.size).unwrap_or(i64::MAX)),
        storage_class: wants("StorageClass").then(|| StorageClass::from(class)),
        version_id: found.version_id,
        ..GetObjectAttributesOutput::default()
    }))
}

fn parts_page(object: &Stored, marker: i32, max: Option<i32>) -> S3Result<GetObjectAttributesParts> {
    let limit = crate::listing::limit(max, "max-parts")?;
    let mut behind = object.segments.iter().filter(|s| s.number > marker);
    let page: Vec<&Segment> = behind.by_ref().take(limit as usize).collect();
    // Part by part only where the parts have checksums of their own.
    let listed = object.sums.checksum_type.as_ref().is_some_and(|t| t.as_str() == ChecksumType::COMPOSITE);
    let parts = page.iter().map(|s| {
        let mut part =
            ObjectPart { part_number: Some(s.number), size: i64::try_from(s.data.len()).ok(), ..ObjectPart::default() };
        answer_sums!(part, s.sums);
        part
    });
    Ok(GetObjectAttributesParts {
        is_truncated: Some(behind.next().is_some()),
        max_parts: Some(limit),
        next_part_number_marker: page.last().map(|s| s.number),
        part_number_marker: Some(marker),
        parts: listed.then(|| parts.collect()),
        total_parts_count: i32::try_from(object.segments.len()).ok(),
    })
}
