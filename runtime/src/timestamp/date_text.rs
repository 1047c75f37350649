//! Dates that may be no dates.

use std::fmt;

use super::Timestamp;

/// A date as someone wrote it: the `Expires` header, which may hold any text at all.
///
/// The text is kept as it is; [`timestamp`](Self::timestamp) reads it if it is a date.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::DateText;
///
/// assert!(DateText::from("Fri, 24 May 2013 00:00:00 GMT").timestamp().is_some());
/// assert_eq!(DateText::from("0").timestamp(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DateText(String);

impl DateText {
    /// The text, unchanged.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The moment, if the text is an HTTP date or RFC 3339.
    pub fn timestamp(&self) -> Option<Timestamp> {
        Timestamp::parse_http_date(&self.0).or_else(|| Timestamp::parse_rfc3339(&self.0))
    }
}

impl From<&str> for DateText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for DateText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Timestamp> for DateText {
    /// Written as an HTTP date, so fractions of a second are lost.
    fn from(at: Timestamp) -> Self {
        let mut text = String::with_capacity(29);
        at.write_http_date(&mut text);
        Self(text)
    }
}

impl fmt::Display for DateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
