//! Tags of objects and buckets, and their limits.

use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use crate::errors::bad;
use crate::store::Store;
use crate::versions::check_version_id;

const PER_OBJECT: usize = 10;
const PER_BUCKET: usize = 50;

/// Checks a set of tags against S3's limits.
///
/// # Errors
/// `BadRequest` for too many, `InvalidTag` for a bad one.
fn check(tags: &[Tag], most: usize, what: &str) -> S3Result<()> {
    if tags.len() > most {
        return Err(bad("BadRequest", format!("{what} tags cannot be greater than {most}")));
    }
    let mut names = Vec::new();
    for tag in tags {
        let (name, value) = (tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default());
        if name.is_empty() || name.chars().count() > 128 {
            return Err(s3_error!(InvalidTag, "The TagKey you have provided is invalid"));
        }
        if value.chars().count() > 256 {
            return Err(s3_error!(InvalidTag, "The TagValue you have provided is invalid"));
        }
        if name.starts_with("aws:") {
            return Err(s3_error!(InvalidTag, "System tags cannot be added/updated by requester"));
        }
        if names.contains(&name) {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
        names.push(name);
    }
    Ok(())
}

/// Reads the `x-amz-tagging` header: a form-encoded query.
///
/// # Errors
/// As the limits of tags.
pub(crate) fn from_header(header: Option<&str>) -> S3Result<Vec<Tag>> {
    let mut tags = Vec::new();
    for pair in header.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        tags.push(Tag { key: Some(unform(name)?), value: Some(unform(value)?) });
    }
    check(&tags, PER_OBJECT, "Object")?;
    Ok(tags)
}

fn unform(text: &str) -> S3Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| (b as char).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => out.push((high << 4 | low) as u8),
                    _ => return Err(bad_header()),
                }
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).map_err(|_| bad_header())
}

fn bad_header() -> S3Error {
    s3_error!(
        InvalidArgument,
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
    )
}

type Answer<T> = S3Result<S3Response<T>>;

pub(crate) fn get_object(store: &Store, req: S3Request<GetObjectTaggingInput>) -> Answer<GetObjectTaggingOutput> {
    let input = req.input;
    check_version_id(input.version_id.as_deref())?;
    let state = store.lock();
    let bucket = state.bucket(&input.bucket)?;
    let version = bucket.version(&input.key, input.version_id.as_deref())?;
    Ok(S3Response::new(GetObjectTaggingOutput { tag_set: version.tags.clone(), version_id: bucket.shown(&version.id) }))
}

pub(crate) fn put_object(store: &Store, req: S3Request<PutObjectTaggingInput>) -> Answer<PutObjectTaggingOutput> {
    let input = req.input;
    check_version_id(input.version_id.as_deref())?;
    check(&input.tagging.tag_set, PER_OBJECT, "Object")?;
    let version_id = set(store, &input.bucket, &input.key, input.version_id.as_deref(), input.tagging.tag_set)?;
    Ok(S3Response::new(PutObjectTaggingOutput { version_id }))
}

pub(crate) fn delete_object(
    store: &Store,
    req: S3Request<DeleteObjectTaggingInput>,
) -> Answer<DeleteObjectTaggingOutput> {
    let input = req.input;
    check_version_id(input.version_id.as_deref())?;
    let version_id = set(store, &input.bucket, &input.key, input.version_id.as_deref(), Vec::new())?;
    Ok(S3Response::new(DeleteObjectTaggingOutput { version_id }))
}

fn set(store: &Store, bucket: &str, key: &str, id: Option<&str>, tags: Vec<Tag>) -> S3Result<Option<String>> {
    let mut state = store.lock();
    let bucket = state.bucket_mut(bucket)?;
    let version = bucket.version_mut(key, id)?;
    version.tags = tags;
    let id = version.id.clone();
    Ok(bucket.shown(&id))
}

pub(crate) fn get_bucket(store: &Store, req: S3Request<GetBucketTaggingInput>) -> Answer<GetBucketTaggingOutput> {
    let state = store.lock();
    let tags = state.bucket(&req.input.bucket)?.tags.clone();
    let tag_set = tags.ok_or_else(|| s3_error!(NoSuchTagSet, "The TagSet does not exist"))?;
    Ok(S3Response::new(GetBucketTaggingOutput { tag_set }))
}

pub(crate) fn put_bucket(store: &Store, req: S3Request<PutBucketTaggingInput>) -> Answer<PutBucketTaggingOutput> {
    check(&req.input.tagging.tag_set, PER_BUCKET, "Bucket")?;
    store.lock().bucket_mut(&req.input.bucket)?.tags = Some(req.input.tagging.tag_set);
    Ok(S3Response::new(PutBucketTaggingOutput::default()))
}

pub(crate) fn delete_bucket(
    store: &Store,
    req: S3Request<DeleteBucketTaggingInput>,
) -> Answer<DeleteBucketTaggingOutput> {
    store.lock().bucket_mut(&req.input.bucket)?.tags = None;
    Ok(S3Response::new(DeleteBucketTaggingOutput::default()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_a_form() {
        let tags = from_header(Some("a+b=%C3%A9&empty=&bare")).unwrap();
        let pairs: Vec<_> = tags.iter().map(|t| (t.key.as_deref().unwrap(), t.value.as_deref().unwrap())).collect();
        assert_eq!(pairs, [("a b", "é"), ("empty", ""), ("bare", "")]);
        assert!(from_header(Some("a=%4")).is_err());
        assert!(from_header(Some("a=1&a=2")).is_err());
        assert!(from_header(Some("aws:x=1")).is_err());
    }

    #[test]
    fn eleven_tags_are_too_many() {
        let header: Vec<_> = (0..11).map(|n| format!("k{n}=v")).collect();
        assert_eq!(from_header(Some(&header.join("&"))).unwrap_err().code().as_str(), "BadRequest");
        assert!(from_header(Some(&header[..10].join("&"))).is_ok());
    }
}
