//! Multipart uploads: begin, parts, complete, abort.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::body::{self, facts, receive};
use crate::conditions;
use crate::copy::known_algorithm;
use crate::encryption::customer_key;
use crate::objects::{answer_encryption, answer_sums, normalise};
use crate::store::{Bucket, Completed, Object as Stored, Segment, Store, Upload, UploadedPart, now};
use crate::{sums, tagging};

type Answer<T> = S3Result<S3Response<T>>;

pub(crate) fn find<'a>(bucket: &'a Bucket, key: &str, id: &str) -> S3Result<&'a Upload> {
    bucket.uploads.get(&(key.to_owned(), id.to_owned())).ok_or_else(no_such_upload)
}

pub(crate) fn find_mut<'a>(bucket: &'a mut Bucket, key: &str, id: &str) -> S3Result<&'a mut Upload> {
    bucket.uploads.get_mut(&(key.to_owned(), id.to_owned())).ok_or_else(no_such_upload)
}

fn no_such_upload() -> s3s::S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

pub(crate) fn check_number(number: i32) -> S3Result<()> {
    if (1..=10_000).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"))
}

pub(crate) fn create(store: &Store, req: S3Request<CreateMultipartUploadInput>) -> Answer<CreateMultipartUploadOutput> {
    let expires = body::expires(&req);
    let input = req.input;
    let mut facts = facts!(input, expires);
    normalise(&mut facts);
    let tags = tagging::from_header(input.tagging.as_deref())?;
    let algorithm = input.checksum_algorithm.as_ref().map(|a| known_algorithm(a.as_str())).transpose()?;
    let kind = checksum_type(algorithm, input.checksum_type.as_ref().map(ChecksumType::as_str))?;
    let mut output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        checksum_algorithm: algorithm.map(ChecksumAlgorithm::from_static),
        checksum_type: algorithm.map(|_| ChecksumType::from_static(kind)),
        ..CreateMultipartUploadOutput::default()
    };
    answer_encryption!(output, facts.encryption);
    let mut state = store.lock();
    let id = state.fresh_id();
    let upload = Upload {
        initiated: now(),
        facts,
        tags,
        algorithm: algorithm.map(str::to_owned),
        checksum_type: kind.to_owned(),
        parts: Default::default(),
    };
    state.bucket_mut(&input.bucket)?.uploads.insert((input.key, id.clone()), upload);
    output.upload_id = Some(id);
    Ok(S3Response::new(output))
}

/// How part checksums become the object's: SHA sums can only be composed, CRC64NVME never is.
fn checksum_type(algorithm: Option<&str>, asked: Option<&str>) -> S3Result<&'static str> {
    let (full, composite) = (ChecksumType::FULL_OBJECT, ChecksumType::COMPOSITE);
    match (algorithm, asked) {
        (None, Some(_)) => Err(s3_error!(
            InvalidRequest,
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        )),
        (None | Some("CRC64NVME"), None) => Ok(full),
        (_, None) => Ok(composite),
        (Some("CRC64NVME"), Some("COMPOSITE")) | (Some("SHA1" | "SHA256"), Some("FULL_OBJECT")) => Err(s3_error!(
            InvalidRequest,
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            asked.unwrap_or_default(),
            algorithm.unwrap_or_default().to_lowercase()
        )),
        (_, Some("FULL_OBJECT")) => Ok(full),
        (_, Some("COMPOSITE")) => Ok(composite),
        (_, Some(_)) => Err(s3_error!(InvalidRequest, "Value for x-amz-checksum-type header is invalid.")),
    }
}

pub(crate) async fn part(store: &Store, mut req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
    let trailers = req.trailing_headers.take();
    let input = req.input;
    check_number(input.part_number)?;
    let (algorithm, kind, encryption) = {
        let state = store.lock();
        let upload = find(state.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
        customer_key!(input).opens(&upload.facts.encryption)?;
        (upload.algorithm.clone(), upload.checksum_type.clone(), upload.facts.encryption.clone())
    };
    let received = receive(input.body, input.content_length, &req.headers, trailers).await?;
    let given = received.sums.as_ref().and_then(|s| sums::present(s).first().copied());
    if let Some(expected) = &algorithm {
        let missing_is_fine = kind == ChecksumType::FULL_OBJECT;
        if given != Some(expected.as_str()) && !(given.is_none() && missing_is_fine) {
            return Err(s3_error!(
                InvalidRequest,
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                expected.to_lowercase(),
                given.map_or_else(|| "null".to_owned(), str::to_lowercase)
            ));
        }
    }
    let data = received.data;
    let part = UploadedPart {
        etag: sums::etag(&data),
        modified: now(),
        sums: received
            .sums
            .unwrap_or_else(|| sums::compute(algorithm.as_deref().unwrap_or(sums::DEFAULT), [&data[..]])),
        data,
    };
    let mut output = UploadPartOutput { e_tag: Some(ETag::Strong(part.etag.clone())), ..UploadPartOutput::default() };
    if algorithm.is_some() || given.is_some() {
        answer_sums!(output, part.sums);
    }
    answer_encryption!(output, encryption);
    let mut state = store.lock();
    // The upload may have been aborted or completed while the body came in.
    find_mut(state.bucket_mut(&input.bucket)?, &input.key, &input.upload_id)?.parts.insert(input.part_number, part);
    Ok(S3Response::new(output))
}

pub(crate) fn abort(store: &Store, req: S3Request<AbortMultipartUploadInput>) -> Answer<AbortMultipartUploadOutput> {
    let input = req.input;
    let mut state = store.lock();
    let removed = state.bucket_mut(&input.bucket)?.uploads.remove(&(input.key, input.upload_id));
    removed.ok_or_else(no_such_upload)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

pub(crate) fn complete(
    store: &Store,
    req: S3Request<CompleteMultipartUploadInput>,
) -> Answer<CompleteMultipartUploadOutput> {
    let input = req.input;
    let listed = input.multipart_upload.as_ref().and_then(|m| m.parts.clone()).unwrap_or_default();
    if listed.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let host = req.headers.get("host").and_then(|h| h.to_str().ok()).unwrap_or_default();
    let location = format!("http://{host}/{}/{}", input.bucket, crate::listing::encode(&input.key));
    let named: Vec<(i32, String)> = listed
        .iter()
        .map(|p| (p.part_number.unwrap_or(0), p.e_tag.as_ref().map(|e| e.value().to_owned()).unwrap_or_default()))
        .collect();
    let mut state = store.lock();
    let fresh = state.fresh_id();
    let bucket = state.bucket_mut(&input.bucket)?;
    let place = (input.key.clone(), input.upload_id.clone());
    if let Some(done) = bucket.completed.get(&place).filter(|d| d.parts == named) {
        return Ok(S3Response::new(answer(&input, done, location, &Default::default())));
    }
    let upload = find(bucket, &input.key, &input.upload_id)?;
    let object = assemble(upload, &listed, &input, store.settings.min_part_size)?;
    let current = bucket.current(&input.key).map(|o| o.etag.as_str());
    conditions::may_write(input.if_match.as_ref(), input.if_none_match.as_ref(), current)?;
    let Some(upload) = bucket.uploads.remove(&place) else { return Err(no_such_upload()) };
    let (etag, sums) = (object.etag.clone(), object.sums.clone());
    let written = bucket.put(&input.key, object, upload.tags, fresh);
    let done = Completed { parts: named, etag, version_id: written.version_id, sums };
    let output = answer(&input, &done, location, &upload.facts.encryption);
    bucket.completed.insert(place, done);
    Ok(S3Response::new(output))
}

fn answer(
    input: &CompleteMultipartUploadInput,
    done: &Completed,
    location: String,
    encryption: &crate::store::Encryption,
) -> CompleteMultipartUploadOutput {
    let mut output = CompleteMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        location: Some(location),
        e_tag: Some(ETag::Strong(done.etag.clone())),
        version_id: done.version_id.clone(),
        checksum_type: done.sums.checksum_type.clone(),
        server_side_encryption: encryption.algorithm.clone().map(ServerSideEncryption::from),
        ssekms_key_id: encryption.kms_key.clone(),
        bucket_key_enabled: encryption.bucket_key,
        ..CompleteMultipartUploadOutput::default()
    };
    answer_sums!(output, done.sums);
    output
}

/// Checks the list of parts against what was uploaded, and makes the object of it.
fn assemble(
    upload: &Upload,
    listed: &[CompletedPart],
    input: &CompleteMultipartUploadInput,
    smallest: u64,
) -> S3Result<Stored> {
    let composite = upload.checksum_type == ChecksumType::COMPOSITE;
    if !listed.windows(2).all(|pair| pair[0].part_number < pair[1].part_number) {
        return Err(s3_error!(
            InvalidPartOrder,
            "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        ));
    }
    let mut segments = Vec::with_capacity(listed.len());
    let mut tags = Vec::with_capacity(listed.len());
    for (index, wanted) in listed.iter().enumerate() {
        let number = wanted.part_number.unwrap_or(0);
        let part = upload
            .parts
            .get(&number)
            .filter(|p| wanted.e_tag.as_ref().map(ETag::value) == Some(p.etag.as_str()))
            .filter(|p| agrees(wanted, &p.sums))
            .ok_or_else(invalid_part)?;
        if let Some(algorithm) = upload.algorithm.as_deref().filter(|_| composite)
            && sums::value(&claims(wanted), algorithm).is_none()
        {
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using a {0} checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request.",
                algorithm.to_lowercase()
            ));
        }
        if index + 1 < listed.len() && (part.data.len() as u64) < smallest {
            return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
        }
        tags.push(part.etag.as_str());
        segments.push(Segment { number, data: part.data.clone(), sums: part.sums.clone() });
    }
    let size = segments.iter().map(|s| s.data.len() as u64).sum();
    if input.mpu_object_size.is_some_and(|asked| u64::try_from(asked) != Ok(size)) {
        return Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match what was computed."
        ));
    }
    let algorithm = upload.algorithm.as_deref().unwrap_or(sums::DEFAULT);
    let sums = if composite {
        let parts: Vec<String> = segments.iter().filter_map(|s| sums::value(&s.sums, algorithm)).collect();
        sums::composite(algorithm, &parts)
    } else {
        sums::compute(algorithm, segments.iter().map(|s| &s.data[..]))
    };
    check_object_sums(input, &sums, algorithm)?;
    Ok(Stored { size, etag: sums::multipart_etag(tags), segments, facts: upload.facts.clone(), sums, multipart: true })
}

fn check_object_sums(input: &CompleteMultipartUploadInput, sums: &Checksum, algorithm: &str) -> S3Result<()> {
    if input
        .checksum_type
        .as_ref()
        .is_some_and(|asked| Some(asked.as_str()) != sums.checksum_type.as_ref().map(ChecksumType::as_str))
    {
        return Err(s3_error!(InvalidRequest, "The checksum type of the upload is another one."));
    }
    let given = Checksum {
        checksum_crc32: input.checksum_crc32.clone(),
        checksum_crc32c: input.checksum_crc32c.clone(),
        checksum_crc64nvme: input.checksum_crc64nvme.clone(),
        checksum_sha1: input.checksum_sha1.clone(),
        checksum_sha256: input.checksum_sha256.clone(),
        ..Checksum::default()
    };
    // Old clients send the composite value without its number.
    let plain = |v: &str| v.split('-').next().unwrap_or_default().to_owned();
    match sums::present(&given).first() {
        Some(&named) if named == algorithm => {
            let (claim, right) = (sums::value(&given, named), sums::value(sums, named));
            if claim.as_deref().map(plain) != right.as_deref().map(plain) {
                return Err(s3_error!(BadDigest, "The {named} you specified did not match the calculated checksum."));
            }
            Ok(())
        }
        Some(_) => Err(s3_error!(InvalidRequest, "The upload was created with another checksum algorithm.")),
        None => Ok(()),
    }
}

fn invalid_part() -> s3s::S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
    )
}

fn claims(part: &CompletedPart) -> Checksum {
    Checksum {
        checksum_crc32: part.checksum_crc32.clone(),
        checksum_crc32c: part.checksum_crc32c.clone(),
        checksum_crc64nvme: part.checksum_crc64nvme.clone(),
        checksum_sha1: part.checksum_sha1.clone(),
        checksum_sha256: part.checksum_sha256.clone(),
        ..Checksum::default()
    }
}

/// Whether every checksum named for a part is the one it was stored with.
fn agrees(wanted: &CompletedPart, stored: &Checksum) -> bool {
    let claims = claims(wanted);
    sums::present(&claims).into_iter().all(|a| sums::value(&claims, a) == sums::value(stored, a))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_algorithm() {
        let kind = |a, t| checksum_type(a, t).map_err(|e| e.code().as_str().to_owned());
        assert_eq!(kind(None, None).unwrap(), "FULL_OBJECT");
        assert_eq!(kind(Some("CRC64NVME"), None).unwrap(), "FULL_OBJECT");
        assert_eq!(kind(Some("CRC32"), None).unwrap(), "COMPOSITE");
        assert_eq!(kind(Some("CRC32"), Some("FULL_OBJECT")).unwrap(), "FULL_OBJECT");
        assert!(kind(Some("SHA256"), Some("FULL_OBJECT")).is_err());
        assert!(kind(Some("CRC64NVME"), Some("COMPOSITE")).is_err());
        assert!(kind(None, Some("COMPOSITE")).is_err());
    }

    fn upload(parts: &[(i32, &'static str)]) -> Upload {
        let parts = parts.iter().map(|(number, text)| {
            let data = bytes::Bytes::from_static(text.as_bytes());
            let part = UploadedPart { etag: sums::etag(&data), modified: now(), sums: Checksum::default(), data };
            (*number, part)
        });
        Upload {
            initiated: now(),
            facts: Default::default(),
            tags: Vec::new(),
            algorithm: None,
            checksum_type: ChecksumType::FULL_OBJECT.to_owned(),
            parts: parts.collect(),
        }
    }

    fn complete(parts: &[(i32, &str)]) -> Result<Stored, String> {
        let listed: Vec<_> = parts
            .iter()
            .map(|(number, text)| CompletedPart {
                part_number: Some(*number),
                e_tag: Some(ETag::Strong(sums::etag(text.as_bytes()))),
                ..CompletedPart::default()
            })
            .collect();
        let input = CompleteMultipartUploadInput::default();
        assemble(&upload(&[(2, "bbb"), (3, "c"), (7, "ddd")]), &listed, &input, 2)
            .map_err(|e| e.code().as_str().to_owned())
    }

    #[test]
    fn parts_are_judged() {
        let done = complete(&[(2, "bbb"), (7, "ddd")]).unwrap();
        assert_eq!((done.size, &done.etag[32..]), (6, "-2"));
        assert_eq!(complete(&[(2, "bbb"), (3, "c")]).unwrap().size, 4);
        assert_eq!(complete(&[(3, "c"), (7, "ddd")]).err().unwrap(), "EntityTooSmall");
        assert_eq!(complete(&[(7, "ddd"), (2, "bbb")]).err().unwrap(), "InvalidPartOrder");
        assert_eq!(complete(&[(2, "bbb"), (2, "bbb")]).err().unwrap(), "InvalidPartOrder");
        assert_eq!(complete(&[(2, "xxx")]).err().unwrap(), "InvalidPart");
        assert_eq!(complete(&[(1, "bbb")]).err().unwrap(), "InvalidPart");
    }
}
