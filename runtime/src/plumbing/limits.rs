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

/// `min` to `max` items.
pub(super) fn items(field: &str, len: usize, min: usize, max: usize) -> Result<(), S3Error> {
    if (min..=max).contains(&len) {
        return Ok(());
    }
    if len > max {
        return refused(format!("{field} may have at most {max} items, it has {len}"));
    }
    refused(format!("{field} must have {min} to {max} items, it has {len}"))
}

/// No text twice. The text itself is not shown, its places are.
pub(super) fn twins<'a>(field: &str, values: impl Iterator<Item = &'a str>) -> Result<(), S3Error> {
    let mut places: Vec<(&str, usize)> = values.zip(1..).collect();
    places.sort_unstable();
    let twins = places.windows(2).find_map(|pair| match pair {
        [(a, first), (b, second)] if a == b => Some((*first, *second)),
        _ => None,
    });
    match twins {
        None => Ok(()),
        Some((first, second)) => refused(format!("{field} is the same in items {first} and {second}; leave one out")),
    }
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
