//! Reading, writing and deleting versions of a key under the three states of a bucket's versioning.

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use s3s::dto::Tag;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::store::{Bucket, Object, Version, Versioning, now};

/// What a write left behind, for the answer's headers.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Written {
    /// Absent in a bucket that never had versioning.
    pub(crate) version_id: Option<String>,
    pub(crate) delete_marker: bool,
}

impl Bucket {
    /// The version asked for, or the newest one. Delete markers answer as errors, as on S3.
    pub(crate) fn version(&self, key: &str, id: Option<&str>) -> S3Result<&Version> {
        let versions = self.keys.get(key);
        match id {
            None => match versions.and_then(|v| v.last()) {
                None => Err(no_such_key()),
                Some(v) if v.object.is_none() => Err(marked(no_such_key(), &v.id)),
                Some(v) => Ok(v),
            },
            Some(id) => {
                let found = versions.and_then(|all| all.iter().find(|v| v.id == id));
                let v = found.ok_or_else(|| s3_error!(NoSuchVersion, "The specified version does not exist."))?;
                if v.object.is_none() {
                    let refused =
                        s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.");
                    return Err(marked(refused, &v.id));
                }
                Ok(v)
            }
        }
    }

    /// The version and its object.
    pub(crate) fn object(&self, key: &str, id: Option<&str>) -> S3Result<(&Version, Arc<Object>)> {
        let version = self.version(key, id)?;
        let object = version.object.clone().ok_or_else(no_such_key)?;
        Ok((version, object))
    }

    pub(crate) fn version_mut(&mut self, key: &str, id: Option<&str>) -> S3Result<&mut Version> {
        let wanted = self.version(key, id)?.id.clone();
        self.keys.get_mut(key).and_then(|all| all.iter_mut().find(|v| v.id == wanted)).ok_or_else(no_such_key)
    }

    /// The id as answers show it: nothing while the bucket never had versioning.
    pub(crate) fn shown(&self, id: &str) -> Option<String> {
        (self.versioning != Versioning::Never).then(|| id.to_owned())
    }

    /// Stores an object as the newest version.
    pub(crate) fn put(&mut self, key: &str, object: Object, tags: Vec<Tag>, fresh: String) -> Written {
        self.push(key, Some(Arc::new(object)), tags, fresh)
    }

    fn push(&mut self, key: &str, object: Option<Arc<Object>>, tags: Vec<Tag>, fresh: String) -> Written {
        let id = if self.versioning == Versioning::Enabled { fresh } else { "null".to_owned() };
        let delete_marker = object.is_none();
        let versions = self.keys.entry(key.to_owned()).or_default();
        versions.retain(|v| v.id != id);
        versions.push(Version { id: id.clone(), modified: now(), object, tags });
        Written { version_id: self.shown(&id), delete_marker }
    }

    /// Deletes a key (which may only mark it) or one version for good. What is not there is deleted already.
    pub(crate) fn delete(&mut self, key: &str, id: Option<&str>, fresh: String) -> Written {
        let Some(id) = id else {
            if self.versioning == Versioning::Never {
                self.keys.remove(key);
                return Written::default();
            }
            return self.push(key, None, Vec::new(), fresh);
        };
        let mut was_marker = false;
        if let Some(versions) = self.keys.get_mut(key) {
            was_marker = versions.iter().any(|v| v.id == id && v.object.is_none());
            versions.retain(|v| v.id != id);
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
        Written { version_id: self.shown(id), delete_marker: was_marker }
    }
}

/// Refuses a version id that no version can have.
pub(crate) fn check_version_id(id: Option<&str>) -> S3Result<()> {
    match id {
        Some(id) if id != "null" && (id.len() != 32 || !id.bytes().all(|b| b.is_ascii_alphanumeric())) => {
            Err(s3_error!(InvalidArgument, "Invalid version id specified"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

fn marked(mut error: S3Error, id: &str) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert(HeaderName::from_static("x-amz-delete-marker"), HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-amz-version-id"), id);
    }
    if error.code() == &S3ErrorCode::MethodNotAllowed {
        headers.insert(hyper::header::ALLOW, HeaderValue::from_static("DELETE"));
    }
    error.set_headers(headers);
    error
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn put(bucket: &mut Bucket, fresh: &str) -> Written {
        bucket.put("k", Object { etag: fresh.into(), ..Object::default() }, Vec::new(), fresh.into())
    }

    #[test]
    fn without_versioning_a_write_replaces_and_a_delete_removes() {
        let mut bucket = Bucket::new();
        assert_eq!(put(&mut bucket, "a"), Written::default());
        put(&mut bucket, "b");
        assert_eq!(bucket.keys["k"].len(), 1);
        bucket.delete("k", None, "c".into());
        assert!(bucket.keys.is_empty());
    }

    #[test]
    fn with_versioning_a_delete_marks_and_old_versions_stay() {
        let mut bucket = Bucket::new();
        put(&mut bucket, "zero");
        bucket.versioning = Versioning::Enabled;
        assert_eq!(put(&mut bucket, "one").version_id.as_deref(), Some("one"));
        let gone = bucket.delete("k", None, "two".into());
        assert_eq!(gone, Written { version_id: Some("two".into()), delete_marker: true });
        assert_eq!(bucket.version("k", None).err().map(|e| e.code().clone()), Some(S3ErrorCode::NoSuchKey));
        assert_eq!(bucket.object("k", Some("one")).unwrap().1.etag, "one");
        assert_eq!(bucket.object("k", Some("null")).unwrap().1.etag, "zero");
        assert_eq!(
            bucket.version("k", Some("two")).err().map(|e| e.code().clone()),
            Some(S3ErrorCode::MethodNotAllowed)
        );
        bucket.delete("k", Some("two"), String::new());
        assert_eq!(bucket.object("k", None).unwrap().1.etag, "one");
    }

    #[test]
    fn suspended_versioning_overwrites_only_the_null_version() {
        let mut bucket = Bucket::new();
        bucket.versioning = Versioning::Enabled;
        put(&mut bucket, "one");
        bucket.versioning = Versioning::Suspended;
        put(&mut bucket, "x");
        assert_eq!(put(&mut bucket, "y").version_id.as_deref(), Some("null"));
        assert_eq!(bucket.keys["k"].len(), 2);
    }
}
