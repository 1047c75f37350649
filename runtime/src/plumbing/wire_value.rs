//! Values as headers, queries and XML text: one trait to write them, one to read them.
//!
//! Reading is lenient on purpose: a header that does not parse is as good as absent, because an answer whose
//! object is intact must not fail over a date nobody asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::fmt::Write as _;

use crate::error::S3Error;
use crate::identity::{SecretBytes, SecretString};
use crate::timestamp::{DateText, Timestamp};

/// A value that has one text on the wire, in headers, queries and XML alike.
pub trait WireValue {
    /// The text, borrowed from the value or written into `scratch`; `None` writes nothing at all.
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str>;

    /// Whether there is nothing to write. Asked first, and in place: most members of most requests are absent.
    #[inline]
    fn is_absent(&self) -> bool {
        false
    }

    /// Why the value cannot be sent, for values that take any input and are checked when the request is written.
    fn fault(&self) -> Option<S3Error> {
        None
    }

    /// Whether the text must not be shown in logs.
    fn is_secret(&self) -> bool {
        false
    }
}

/// A value that can be read from its text on the wire.
pub trait FromWire: Sized {
    /// The value, or `None` when the text is no such value.
    fn from_wire(text: &str) -> Option<Self>;
}

impl WireValue for str {
    fn wire<'a>(&'a self, _: &'a mut String) -> Option<&'a str> {
        Some(self)
    }
}

impl WireValue for String {
    fn wire<'a>(&'a self, _: &'a mut String) -> Option<&'a str> {
        Some(self)
    }
}

impl<T: WireValue + ?Sized> WireValue for &T {
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str> {
        (**self).wire(scratch)
    }

    #[inline]
    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }

    fn fault(&self) -> Option<S3Error> {
        (**self).fault()
    }

    fn is_secret(&self) -> bool {
        (**self).is_secret()
    }
}

impl<T: WireValue> WireValue for Option<T> {
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str> {
        self.as_ref()?.wire(scratch)
    }

    #[inline]
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn fault(&self) -> Option<S3Error> {
        self.as_ref()?.fault()
    }

    fn is_secret(&self) -> bool {
        self.as_ref().is_some_and(WireValue::is_secret)
    }
}

impl WireValue for bool {
    fn wire<'a>(&'a self, _: &'a mut String) -> Option<&'a str> {
        Some(if *self { "true" } else { "false" })
    }
}

/// Integers are written in decimal and read with blanks around them; anything else, overflow too, is absent.
macro_rules! integers {
    ($($int:ty),*) => {$(
        impl WireValue for $int {
            fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str> {
                scratch.clear();
                write!(scratch, "{self}").ok()?;
                Some(scratch)
            }
        }

        impl FromWire for $int {
            fn from_wire(text: &str) -> Option<Self> {
                // Blanks are looked for only where the text is no number as it stands.
                text.parse().or_else(|_| text.trim().parse()).ok()
            }
        }
    )*};
}

integers!(i32, i64);

impl WireValue for Bytes {
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str> {
        Some(base64_text(self, scratch))
    }
}

fn base64_text<'a>(bytes: &[u8], scratch: &'a mut String) -> &'a str {
    scratch.clear();
    STANDARD.encode_string(bytes, scratch);
    scratch
}

impl FromWire for String {
    fn from_wire(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl FromWire for bool {
    fn from_wire(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "1" || text.eq_ignore_ascii_case("true") {
            Some(true)
        } else if text == "0" || text.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            None
        }
    }
}

impl FromWire for Bytes {
    fn from_wire(text: &str) -> Option<Self> {
        STANDARD.decode(text.trim()).ok().map(Bytes::from)
    }
}

/// How a date is written. Reading tries the other forms too, since stores mix them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFormat {
    /// `Fri, 24 May 2013 00:00:00 GMT`: headers.
    HttpDate,
    /// `2013-05-24T00:00:00Z`: XML and queries.
    DateTime,
    /// Seconds since 1970.
    EpochSeconds,
}

impl DateFormat {
    /// Appends the date.
    pub fn write(self, date: Timestamp, out: &mut String) {
        match self {
            DateFormat::HttpDate => date.write_http_date(out),
            DateFormat::DateTime => date.write_rfc3339(out),
            DateFormat::EpochSeconds => {
                // Writing into a string does not fail.
                let _ = write!(out, "{}", date.unix());
            }
        }
    }

    /// The date a text stands for.
    pub fn read(self, text: &str) -> Option<Timestamp> {
        match self {
            DateFormat::HttpDate => Timestamp::parse_http_date(text).or_else(|| Timestamp::parse_rfc3339(text)),
            DateFormat::DateTime => Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_http_date(text)),
            DateFormat::EpochSeconds => {
                let text = text.trim();
                let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
                fraction.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
                Timestamp::checked(seconds.parse().ok()?, 0)
            }
        }
    }
}

impl WireValue for DateText {
    fn wire<'a>(&'a self, _: &'a mut String) -> Option<&'a str> {
        Some(self.as_str())
    }
}

impl FromWire for DateText {
    fn from_wire(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl WireValue for SecretString {
    fn wire<'a>(&'a self, _: &'a mut String) -> Option<&'a str> {
        Some(self.expose())
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl FromWire for SecretString {
    fn from_wire(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl WireValue for SecretBytes {
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str> {
        Some(base64_text(self.expose(), scratch))
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl FromWire for SecretBytes {
    fn from_wire(text: &str) -> Option<Self> {
        STANDARD.decode(text.trim()).ok().map(SecretBytes::from)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn text<V: WireValue + ?Sized>(value: &V) -> Option<String> {
        let mut scratch = "left over".to_owned();
        value.wire(&mut scratch).map(str::to_owned)
    }

    #[test]
    fn absent_values_have_no_text() {
        assert_eq!(text(&None::<i32>), None);
        assert_eq!(text(&Some(7)).as_deref(), Some("7"));
        assert_eq!(text(&Some(String::new())).as_deref(), Some(""));
    }

    #[test]
    fn values_have_the_text_s3_expects() {
        assert_eq!(text(&i64::MIN).as_deref(), Some("-9223372036854775808"));
        assert_eq!(text(&true).as_deref(), Some("true"));
        assert_eq!(text(&&"a").as_deref(), Some("a"));
        assert_eq!(text(&Bytes::from_static(b"\xff\xfe")).as_deref(), Some("//4="));
        assert_eq!(
            text(&SecretBytes::from([0u8; 32])).as_deref(),
            Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        );
        assert_eq!(text(&SecretString::from("s")).as_deref(), Some("s"));
        assert_eq!(text(&DateText::from("never")).as_deref(), Some("never"));
    }

    #[test]
    fn what_does_not_parse_is_absent() {
        assert_eq!(i32::from_wire(" 12 "), Some(12));
        assert_eq!(i32::from_wire("3000000000"), None);
        assert_eq!(i64::from_wire("12.5"), None);
        assert_eq!(i64::from_wire(""), None);
        for (word, value) in [
            ("true", Some(true)),
            ("TRUE", Some(true)),
            ("1", Some(true)),
            (" false", Some(false)),
            ("0", Some(false)),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(bool::from_wire(word), value, "{word}");
        }
        assert_eq!(Bytes::from_wire("//4="), Some(Bytes::from_static(b"\xff\xfe")));
        assert_eq!(Bytes::from_wire("%"), None);
    }

    #[test]
    fn dates_are_read_in_the_form_of_another_place_too() {
        let date = Timestamp::from_unix(1_369_353_600);
        for format in [DateFormat::HttpDate, DateFormat::DateTime, DateFormat::EpochSeconds] {
            let mut out = "x".to_owned();
            format.write(date, &mut out);
            assert_eq!(format.read(&out[1..]), Some(date), "{out}");
        }
        assert_eq!(DateFormat::HttpDate.read("2013-05-24T00:00:00Z"), Some(date));
        assert_eq!(DateFormat::DateTime.read("Fri, 24 May 2013 00:00:00 GMT"), Some(date));
        assert_eq!(DateFormat::EpochSeconds.read(" 1369353600.25 "), Some(date));
        assert_eq!(DateFormat::EpochSeconds.read("1369353600.x"), None);
        assert_eq!(DateFormat::DateTime.read("soon"), None);
    }
}
