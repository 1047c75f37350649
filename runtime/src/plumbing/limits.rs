//! The limits a model can put on a field, shared by the request writer and the XML writer. Field names are the
//! caller's, values are never shown.

use crate::error::{RequestError, S3Error};

fn refused(message: String) -> Result<(), S3Error> {
    Err(S3Error::new(RequestError::Validation, message))
}

/// `min` to `max` characters.
pub(super) fn chars(field: &str, value: &str, min: usize, max: usize) -> Result<(), S3Error> {
    // No text has more characters than bytes, nor fewer than a quarter: counting is rarely needed.
    if value.len() <= max && value.len() / 4 >= min {
        return Ok(());
    }
    let found = value.chars().count();
    if (min..=max).contains(&found) {
        return Ok(());
    }
    refused(format!("{field} must have {min} to {max} characters, it has {found}"))
}

/// `min` to `max`, both included.
pub(super) fn range(field: &str, value: i64, min: i64, max: i64) -> Result<(), S3Error> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    refused(format!("{field} must be {min} to {max}, it is {value}"))
}

/// At most `max` items.
pub(super) fn items(field: &str, len: usize, max: usize) -> Result<(), S3Error> {
    if len <= max {
        return Ok(());
    }
    refused(format!("{field} may have at most {max} items, it has {len}"))
}

/// A reserved prefix, in any case.
pub(super) fn prefix(field: &str, value: &str, reserved: &str) -> Result<(), S3Error> {
    match value.as_bytes().get(..reserved.len()) {
        Some(start) if start.eq_ignore_ascii_case(reserved.as_bytes()) => {
            refused(format!("{field} must not begin with `{reserved}`, which is reserved"))
        }
        _ => Ok(()),
    }
}
