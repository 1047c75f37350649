//! What applications do most, in one call: on top of the public operations, with no way in of its own.

#[cfg(feature = "json")]
use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "json")]
use crate::error::RequestError;
use crate::error::{ErrorKind, ObjectError, ResponseError};
use crate::operations::GetObjectOutput;
use crate::types::Object;
use crate::{Bucket, S3Error};

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
                .with_attempts(1)
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
            .with_attempts(1)
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

    async fn get_all(&self, key: &str) -> Result<Vec<u8>, S3Error> {
        let GetObjectOutput { body, .. } = self.get_object(key).await?;
        let bytes =
            body.collect().await.map_err(|error| error.with_target("GetObject", Some(self.name()), Some(key)))?;
        Ok(bytes.into())
    }
}
