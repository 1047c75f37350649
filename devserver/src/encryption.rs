//! Encryption headers: what a client asked for is remembered and demanded again; nothing is encrypted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::crypto::{Checksum as _, Md5};
use s3s::{S3Result, s3_error};

use crate::store::Encryption;

/// The three headers of a customer's key.
pub(crate) struct CustomerKey<'a> {
    pub(crate) algorithm: Option<&'a String>,
    pub(crate) key: Option<&'a String>,
    pub(crate) md5: Option<&'a String>,
}

/// The headers of a customer's key out of any request that has them.
macro_rules! customer_key {
    ($input:expr) => {
        $crate::encryption::CustomerKey {
            algorithm: $input.sse_customer_algorithm.as_ref(),
            key: $input.sse_customer_key.as_ref(),
            md5: $input.sse_customer_key_md5.as_ref(),
        }
    };
}
/// All encryption headers out of a request that writes an object.
macro_rules! encryption {
    ($input:expr) => {
        $crate::store::Encryption {
            algorithm: $input.server_side_encryption.as_ref().map(|s| s.as_str().to_owned()),
            kms_key: $input.ssekms_key_id.clone(),
            bucket_key: $input.bucket_key_enabled,
            customer_key_md5: $crate::encryption::customer_key!($input).checked()?,
        }
    };
}
pub(crate) use {customer_key, encryption};

impl CustomerKey<'_> {
    /// The MD5 of the key in base64, once all three headers agree.
    ///
    /// # Errors
    /// `InvalidArgument` when one is missing or the key does not fit its MD5.
    pub(crate) fn checked(&self) -> S3Result<Option<String>> {
        let (algorithm, key, md5) = match (self.algorithm, self.key, self.md5) {
            (None, None, None) => return Ok(None),
            (Some(algorithm), Some(key), Some(md5)) => (algorithm, key, md5),
            _ => {
                return Err(s3_error!(
                    InvalidArgument,
                    "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key."
                ));
            }
        };
        if algorithm != "AES256" {
            return Err(s3_error!(
                InvalidEncryptionAlgorithmError,
                "The encryption request you specified is not valid. The valid value is AES256."
            ));
        }
        let key = STANDARD
            .decode(key)
            .ok()
            .filter(|k| k.len() == 32)
            .ok_or_else(|| s3_error!(InvalidArgument, "The secret key was invalid for the specified algorithm."))?;
        if STANDARD.encode(Md5::checksum(&key)) != *md5 {
            return Err(s3_error!(
                InvalidArgument,
                "The calculated MD5 hash of the key did not match the hash that was provided."
            ));
        }
        Ok(Some(md5.clone()))
    }

    /// Whether this key opens an object.
    ///
    /// # Errors
    /// 400 when a key is missing or out of place, 403 when it is another one.
    pub(crate) fn opens(&self, stored: &Encryption) -> S3Result<()> {
        match (&stored.customer_key_md5, self.checked()?) {
            (None, None) => Ok(()),
            (Some(stored), Some(given)) if *stored == given => Ok(()),
            (Some(_), Some(_)) => Err(s3_error!(AccessDenied, "Access Denied")),
            (Some(_), None) => Err(s3_error!(
                InvalidRequest,
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
            )),
            (None, Some(_)) => {
                Err(s3_error!(InvalidRequest, "The encryption parameters are not applicable to this object."))
            }
        }
    }
}

impl Encryption {
    /// Whether the entity tag must not be the MD5 of the content.
    pub(crate) fn hides_md5(&self) -> bool {
        self.customer_key_md5.is_some() || self.algorithm.as_deref().is_some_and(|a| a.starts_with("aws:kms"))
    }

    pub(crate) fn customer_algorithm(&self) -> Option<String> {
        self.customer_key_md5.as_ref().map(|_| "AES256".to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_only_what_it_closed() {
        let (algorithm, key) = ("AES256".to_owned(), STANDARD.encode([7u8; 32]));
        let md5 = STANDARD.encode(Md5::checksum(&[7u8; 32]));
        let right = CustomerKey { algorithm: Some(&algorithm), key: Some(&key), md5: Some(&md5) };
        let none = CustomerKey { algorithm: None, key: None, md5: None };
        let closed = Encryption { customer_key_md5: right.checked().unwrap(), ..Encryption::default() };
        assert!(right.opens(&closed).is_ok());
        assert_eq!(none.opens(&closed).unwrap_err().code().as_str(), "InvalidRequest");
        assert_eq!(right.opens(&Encryption::default()).unwrap_err().code().as_str(), "InvalidRequest");
        let other = Encryption { customer_key_md5: Some("x".into()), ..Encryption::default() };
        assert_eq!(right.opens(&other).unwrap_err().code().as_str(), "AccessDenied");
        let half = CustomerKey { algorithm: Some(&algorithm), key: None, md5: Some(&md5) };
        assert_eq!(half.checked().unwrap_err().code().as_str(), "InvalidArgument");
    }
}
