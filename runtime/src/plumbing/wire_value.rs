//! Values as headers, queries and XML text: one trait to write them, one to read them.
//!
//! Reading is lenient on purpose: a header that does not parse is as good as absent, because an answer whose
//! object is intact must not fail over a date nobody asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::fmt::Write as _;

/// A value that has one text on the wire, in headers, queries and XML alike.
pub trait WireValue {
    /// The text, borrowed from the value or written into `scratch`; `None` writes nothing at all.
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str>;
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
}

impl<T: WireValue> WireValue for Option<T> {
    fn wire<'a>(&'a self, scratch: &'a mut String) -> Option<&'a str> {
        self.as_ref()?.wire(scratch)
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
                text.trim().parse().ok()
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
