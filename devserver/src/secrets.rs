//! The keys the server knows: one pair.

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

/// s3s's own `SimpleAuth` answers `NotSignedUp` to a stranger; S3 says `InvalidAccessKeyId`.
pub(crate) struct Keys {
    pub(crate) access_key: String,
    pub(crate) secret_key: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key != self.access_key {
            return Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            ));
        }
        Ok(self.secret_key.clone())
    }
}
