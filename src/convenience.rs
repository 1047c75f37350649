//! What applications do most, in one call: on top of the public operations, with no way in of its own.

#[cfg(feature = "json")]
use serde::{Serialize, de::DeserializeOwned};

use crate::error::{ErrorKind, ObjectError, RequestError, ResponseError};
use crate::operations::GetObjectOutput;
use crate::types::{Delete, Object, ObjectIdentifier};
use crate::{Bucket, S3Error};

/// S3's limit for one bulk delete, and the size of a listing's page.
const AT_ONCE: usize = 1_000;

impl Bucket {
    /// Whether there is an object with that key. One HEAD request.
    ///
    /// # Errors
    /// Any but "not found". Without the permission to list, S3 answers 403 for a missing key: that is an error here too,
    /// because nothing is known then. A missing bucket looks like a missing key in a HEAD answer.
    pub async fn object_exists(&self, key: impl Into<String>) -> Result<bool, S3Error> {
        match self.head_object(key).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Object(ObjectError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The whole object as text. It is held in memory.
    ///
    /// # Errors
    /// As GetObject; [`ResponseError::UnexpectedContent`] when it is not UTF-8.
    pub async fn get_string(&self, key: impl Into<String>) -> Result<String, S3Error> {
        let key = key.into();
        let bytes = self.get_all(&key).await?;
        String::from_utf8(bytes).map_err(|error| {
            S3Error::new(ResponseError::UnexpectedContent, "the object is not UTF-8 text")
                .with_suggestion("read it as bytes with get_object")
                .with_source(error.utf8_error())
                .with_target("GetObject", Some(self.name()), Some(&key))
        })
    }

    /// The whole object, parsed as JSON. It is held in memory.
    ///
    /// # Errors
    /// As GetObject; [`ResponseError::UnexpectedContent`] when it is not the JSON that `T` needs.
    #[cfg(feature = "json")]
    pub async fn get_json<T: DeserializeOwned>(&self, key: impl Into<String>) -> Result<T, S3Error> {
        let key = key.into();
        let bytes = self.get_all(&key).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            // serde's message may quote the object: it stays in the source.
            S3Error::new(
                ResponseError::UnexpectedContent,
                format!("the object is not the JSON asked for, at line {} column {}", error.line(), error.column()),
            )
            .with_source(error)
            .with_target("GetObject", Some(self.name()), Some(&key))
        })
    }

    /// Stores a value as JSON, with content type `application/json`.
    ///
    /// # Errors
    /// As PutObject; [`RequestError::Validation`] when the value cannot be written as JSON.
    #[cfg(feature = "json")]
    pub async fn put_json<T: Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Result<(), S3Error> {
        let key = key.into();
        let json = serde_json::to_vec(value).map_err(|error| {
            S3Error::new(RequestError::Validation, "the value cannot be written as JSON")
                .with_source(error)
                .with_target("PutObject", Some(self.name()), Some(&key))
        })?;
        self.put_object(key, json).content_type("application/json").await.map(drop)
    }

    /// All objects whose key begins with `prefix`, in key order. All entries are held in memory: for large listings
    /// use `list_objects_v2().items()`.
    ///
    /// # Errors
    /// As ListObjectsV2.
    pub async fn list_all_objects(&self, prefix: impl Into<String>) -> Result<Vec<Object>, S3Error> {
        self.list_objects_v2().prefix(prefix).items().collect().await
    }

    /// Deletes all objects whose key begins with `prefix` and says how many. An empty prefix means the whole bucket.
    ///
    /// Pages of 1,000 are listed and deleted in bulk; where a store has no bulk delete, one by one. In a bucket with
    /// versioning this puts delete markers; old versions stay.
    ///
    /// # Errors
    /// The first error. When the store refuses a key, the message says how many were deleted before.
    pub async fn delete_prefix(&self, prefix: impl Into<String>) -> Result<u64, S3Error> {
        let mut deleted = 0;
        let mut pages = self.list_objects_v2().prefix(prefix).max_keys(AT_ONCE as i32).pages();
        while let Some(page) = pages.next().await {
            let keys: Vec<String> = page?.contents.into_iter().map(|object| object.key).collect();
            self.delete_keys(keys, &mut deleted).await?;
        }
        Ok(deleted)
    }

    async fn delete_keys(&self, keys: Vec<String>, deleted: &mut u64) -> Result<(), S3Error> {
        if keys.is_empty() {
            return Ok(());
        }
        if !self.client().config().store.bulk_delete {
            return self.delete_one_by_one(keys, deleted).await;
        }
        let batch = Delete::new(keys.iter().map(ObjectIdentifier::new)).quiet(true);
        match self.delete_objects(batch).await {
            Ok(answer) => {
                *deleted += (keys.len() - answer.errors.len().min(keys.len())) as u64;
                match answer.errors.into_iter().next() {
                    None => Ok(()),
                    Some(refused) => {
                        let key = refused.key.unwrap_or_default();
                        let code = refused.code.unwrap_or_default();
                        let mut message = refused.message.unwrap_or_else(|| "the key could not be deleted".to_owned());
                        message.push_str(&format!("; {deleted} keys were deleted before"));
                        let error = match crate::generated::errors::lookup(&code) {
                            Some(facts) => S3Error::new(facts.kind, message)
                                .with_retry_class(facts.retry)
                                .with_suggestion(facts.advice),
                            None => S3Error::new(ObjectError::Other, message),
                        };
                        Err(error.with_code(&code).with_target("DeleteObjects", Some(self.name()), Some(&key)))
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::Request(RequestError::NotImplemented) => {
                self.delete_one_by_one(keys, deleted).await
            }
            Err(error) => Err(error),
        }
    }

    async fn delete_one_by_one(&self, keys: Vec<String>, deleted: &mut u64) -> Result<(), S3Error> {
        for key in keys {
            self.delete_object(key).await?;
            *deleted += 1;
        }
        Ok(())
    }

    async fn get_all(&self, key: &str) -> Result<Vec<u8>, S3Error> {
        let GetObjectOutput { body, .. } = self.get_object(key).await?;
        let bytes =
            body.collect().await.map_err(|error| error.with_target("GetObject", Some(self.name()), Some(key)))?;
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::error::AccessError;
    use crate::transport::scripted::{Answer, ScriptedTransport};
    use crate::{Credentials, S3Client};

    #[tokio::test]
    async fn a_key_that_is_refused_in_bulk_has_the_kind_of_its_code() {
        let script = ScriptedTransport::new();
        script.on("ListObjectsV2").always(Answer::ok().body(
            "<ListBucketResult><Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents></ListBucketResult>",
        ));
        script.on("DeleteObjects").always(Answer::ok().body(
            "<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>",
        ));
        let client = S3Client::builder()
            .region("eu-west-1")
            .credentials(Credentials::new("id", "secret"))
            .transport(script)
            .build()
            .unwrap();
        let error = client.bucket("logs").delete_prefix("").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access(AccessError::Denied));
        assert_eq!(error.code(), Some("AccessDenied"));
        assert_eq!(error.key(), Some("b"));
        assert!(error.message().ends_with("1 keys were deleted before"), "{error}");
        assert!(error.suggestion().is_some());
    }
}
