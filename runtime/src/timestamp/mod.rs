//! Moments in UTC and the three ways S3 writes them.
//!
//! Only what the protocol needs: RFC 3339 in XML and JSON, the HTTP date in headers, the basic
//! format in signatures. It is no calendar library: no time zones, no local time, no clock.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use civil::Civil;
pub use date_text::DateText;
use parse::MONTHS;

mod civil;
mod date_text;
mod parse;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

/// 0001-01-01T00:00:00Z.
const FIRST: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;
const WEEKDAYS: &[u8; 21] = b"SunMonTueWedThuFriSat";

/// A moment in UTC, to the nanosecond, in the years 1 to 9999.
///
/// `Display` and `Debug` write RFC 3339. The default is the Unix epoch.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::Timestamp;
///
/// let at = Timestamp::parse_http_date("Fri, 24 May 2013 00:00:00 GMT").unwrap();
/// assert_eq!(at.unix(), 1_369_353_600);
/// assert_eq!(at.to_string(), "2013-05-24T00:00:00Z");
/// assert_eq!(Timestamp::parse_rfc3339("2013-05-24T02:00:00.000+02:00"), Some(at));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    secs: i64,
    nanos: u32,
}

impl Timestamp {
    /// The first moment there is: 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self { secs: FIRST, nanos: 0 };
    /// The last moment there is: 9999-12-31T23:59:59.999999999Z.
    pub const MAX: Self = Self { secs: LAST, nanos: 999_999_999 };

    /// Seconds since the Unix epoch, negative before it. What lies outside the years 1 to 9999
    /// becomes the nearest moment inside; [`checked`](Self::checked) refuses instead.
    pub const fn from_unix(secs: i64) -> Self {
        Self::from_unix_nanos(secs, 0)
    }

    /// Seconds since the Unix epoch and the nanoseconds after that second, limited like
    /// [`from_unix`](Self::from_unix). Nanoseconds from one second upwards count as 999,999,999.
    pub const fn from_unix_nanos(secs: i64, nanos: u32) -> Self {
        if secs < FIRST {
            Self::MIN
        } else if secs > LAST {
            Self::MAX
        } else if nanos > 999_999_999 {
            Self { secs, nanos: 999_999_999 }
        } else {
            Self { secs, nanos }
        }
    }

    /// Like [`from_unix_nanos`](Self::from_unix_nanos), but `None` for what is out of range.
    pub const fn checked(secs: i64, nanos: u32) -> Option<Self> {
        if secs < FIRST || secs > LAST || nanos > 999_999_999 { None } else { Some(Self { secs, nanos }) }
    }

    /// Whole seconds since the Unix epoch, rounded towards the past.
    pub const fn unix(self) -> i64 {
        self.secs
    }

    /// Nanoseconds after [`unix`](Self::unix), 0 to 999,999,999.
    pub const fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// The moment this much later, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn saturating_add(self, later: Duration) -> Self {
        let nanos = self.nanos + later.subsec_nanos();
        let carry = i64::from(nanos / 1_000_000_000);
        let secs = i64::try_from(later.as_secs()).unwrap_or(i64::MAX);
        Self::from_unix_nanos(self.secs.saturating_add(secs).saturating_add(carry), nanos % 1_000_000_000)
    }

    /// How much later this is than `earlier`; zero if it is not.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let nanos =
            i128::from(self.secs - earlier.secs) * 1_000_000_000 + i128::from(self.nanos) - i128::from(earlier.nanos);
        let nanos = u128::try_from(nanos).unwrap_or(0);
        // The whole range is 3.2e11 seconds: both parts fit.
        Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)
    }

    /// Appends RFC 3339: `2013-05-24T00:00:00Z`, or with milliseconds (cut, not rounded) if there is
    /// a fraction of a second.
    pub fn write_rfc3339(&self, out: &mut String) {
        let c = Civil::of(self.secs);
        push_year(out, c.year);
        for (sign, value) in [('-', c.month), ('-', c.day), ('T', c.hour), (':', c.minute), (':', c.second)] {
            out.push(sign);
            push_two(out, value);
        }
        if self.nanos != 0 {
            let millis = self.nanos / 1_000_000;
            out.push('.');
            out.push(digit(millis / 100));
            push_two(out, millis % 100);
        }
        out.push('Z');
    }

    /// Appends the form HTTP headers have: `Fri, 24 May 2013 00:00:00 GMT`. Fractions are cut.
    pub fn write_http_date(&self, out: &mut String) {
        let c = Civil::of(self.secs);
        push_name(out, WEEKDAYS, c.weekday);
        out.push_str(", ");
        push_two(out, c.day);
        out.push(' ');
        push_name(out, MONTHS, c.month - 1);
        out.push(' ');
        push_year(out, c.year);
        for (sign, value) in [(' ', c.hour), (':', c.minute), (':', c.second)] {
            out.push(sign);
            push_two(out, value);
        }
        out.push_str(" GMT");
    }

    /// The form signatures have: `20130524T000000Z`. The first eight bytes are the day.
    pub fn amz_date(&self) -> [u8; 16] {
        let c = Civil::of(self.secs);
        let mut out = *b"00000000T000000Z";
        for (at, value) in [
            (0, c.year / 100),
            (2, c.year % 100),
            (4, c.month),
            (6, c.day),
            (9, c.hour),
            (11, c.minute),
            (13, c.second),
        ] {
            if let Some([tens, ones]) = out.get_mut(at..at + 2) {
                *tens = b'0' + (value / 10) as u8;
                *ones = b'0' + (value % 10) as u8;
            }
        }
        out
    }
}

fn digit(value: u32) -> char {
    char::from(b'0' + (value % 10) as u8)
}

fn push_two(out: &mut String, value: u32) {
    out.push(digit(value / 10));
    out.push(digit(value));
}

fn push_year(out: &mut String, year: u32) {
    push_two(out, year / 100);
    push_two(out, year % 100);
}

fn push_name(out: &mut String, names: &[u8], at: u32) {
    for letter in names.iter().skip(at as usize * 3).take(3) {
        out.push(char::from(*letter));
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(24);
        self.write_rfc3339(&mut text);
        f.pad(&text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<SystemTime> for Timestamp {
    /// Limited to the years 1 to 9999.
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::default().saturating_add(after),
            Err(before) => {
                let before = before.duration();
                let secs = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                match before.subsec_nanos() {
                    0 => Self::from_unix(-secs),
                    nanos => Self::from_unix_nanos((-secs).saturating_sub(1), 1_000_000_000 - nanos),
                }
            }
        }
    }
}

impl From<Timestamp> for SystemTime {
    /// The Unix epoch where the system's clock has no such moment.
    fn from(at: Timestamp) -> Self {
        let whole = Duration::from_secs(at.secs.unsigned_abs());
        let shifted = if at.secs < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        shifted.and_then(|time| time.checked_add(Duration::from_nanos(at.nanos.into()))).unwrap_or(UNIX_EPOCH)
    }
}
