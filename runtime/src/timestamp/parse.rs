//! Reading dates. Writing them stands with the type.

use super::Timestamp;
use super::civil::seconds;

/// Three letters a month.
pub(super) const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

impl Timestamp {
    /// Reads `2013-05-24T00:00:00Z`, with any number of fraction digits (those beyond nanoseconds
    /// are dropped) and any offset. Lower case letters, a blank instead of the `T`, an offset without
    /// colon and `UTC` instead of `Z` are let through: stores and credential files write all of these.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        if let Some(usual) = usual_rfc3339(text.as_bytes()) {
            return Some(usual);
        }
        let mut rest = Digits(text.trim_ascii().as_bytes());
        let year = rest.number(4)?;
        rest.skip(b"-")?;
        let month = rest.number(2)?;
        rest.skip(b"-")?;
        let day = rest.number(2)?;
        rest.skip(b"Tt ")?;
        let hour = rest.number(2)?;
        rest.skip(b":")?;
        let minute = rest.number(2)?;
        rest.skip(b":")?;
        let second = rest.number(2)?;
        let nanos = if rest.skip(b".,").is_some() { rest.fraction()? } else { 0 };
        let offset = offset(rest.0)?;
        Self::checked(seconds(year, month, day, hour, minute, second)? - offset, nanos)
    }

    /// Reads the date of an HTTP header in any of the three forms that RFC 9110 knows:
    /// `Fri, 24 May 2013 00:00:00 GMT`, `Friday, 24-May-13 00:00:00 GMT`, `Fri May 24 00:00:00 2013`.
    ///
    /// The day of the week may be missing or wrong, months may be in any case, days may have one
    /// digit, and the zone may be missing (it is GMT then) or an offset like `+0200`. Years of two digits
    /// are 1970 to 2069.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        if let Some(usual) = usual_http_date(text.as_bytes()) {
            return Some(usual);
        }
        let mut words = text.trim_ascii().split([' ', '\t', ',']).filter(|word| !word.is_empty()).peekable();
        // A word of letters that is followed by another date word is the day of the week.
        let first = *words.peek()?;
        if first.bytes().all(|b| b.is_ascii_alphabetic()) {
            words.next();
        }
        let word = words.next()?;
        if let Some(month) = month(word) {
            let day = short_number(words.next()?)?;
            let time = words.next()?;
            let (year, zone) = match words.next()? {
                zone if zone.starts_with(|c: char| c.is_ascii_alphabetic()) => (words.next()?, zone),
                year => (year, words.next().unwrap_or("GMT")),
            };
            return finish_date(words.next(), year_number(year)?, month, day, time, zone);
        }
        let mut dashed = word.splitn(3, '-');
        let day = short_number(dashed.next()?)?;
        let (month_name, year) = match dashed.next() {
            Some(month) => (month, dashed.next()?),
            None => (words.next()?, words.next()?),
        };
        let time = words.next()?;
        let zone = words.next().unwrap_or("GMT");
        finish_date(words.next(), year_number(year)?, month(month_name)?, day, time, zone)
    }
}

/// `2013-05-24T00:00:00Z` or `2013-05-24T00:00:00.000Z`: what S3 writes a thousand times a page.
fn usual_rfc3339(text: &[u8]) -> Option<Timestamp> {
    let (head, zone) = text.split_first_chunk::<19>()?;
    let &[y, e, a, r, b'-', mo, n, b'-', d, ay, b'T', h, o, b':', mi, nu, b':', s, ec] = head else { return None };
    let nanos = match *zone {
        [b'Z'] => 0,
        [b'.', tenths, hundredths, thousandths, b'Z'] => {
            (two(b'0', tenths)? * 100 + two(hundredths, thousandths)?) as u32 * 1_000_000
        }
        _ => return None,
    };
    let year = two(y, e)? * 100 + two(a, r)?;
    Timestamp::checked(seconds(year, two(mo, n)?, two(d, ay)?, two(h, o)?, two(mi, nu)?, two(s, ec)?)?, nanos)
}

/// `Fri, 24 May 2013 00:00:00 GMT`, the only form that is still written.
fn usual_http_date(text: &[u8]) -> Option<Timestamp> {
    let (weekday, date) = text.split_first_chunk::<3>()?;
    let &[
        b',',
        b' ',
        d,
        ay,
        b' ',
        m,
        o,
        n,
        b' ',
        y,
        e,
        a,
        r,
        b' ',
        h,
        ou,
        b':',
        mi,
        nu,
        b':',
        s,
        ec,
        b' ',
        b'G',
        b'M',
        b'T',
    ] = date
    else {
        return None;
    };
    let month = MONTHS.as_chunks().0.iter().position(|month| *month == [m, o, n])? as i64 + 1;
    let year = two(y, e)? * 100 + two(a, r)?;
    let secs = seconds(year, month, two(d, ay)?, two(h, ou)?, two(mi, nu)?, two(s, ec)?)?;
    weekday.iter().all(u8::is_ascii_alphabetic).then(|| Timestamp::checked(secs, 0))?
}

/// Two digits.
#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

fn finish_date(extra: Option<&str>, year: i64, month: i64, day: i64, time: &str, zone: &str) -> Option<Timestamp> {
    if extra.is_some() {
        return None;
    }
    let mut parts = time.splitn(3, ':');
    let hour = short_number(parts.next()?)?;
    let minute = short_number(parts.next()?)?;
    let second = short_number(parts.next()?)?;
    let offset = offset(zone.as_bytes())?;
    Timestamp::checked(seconds(year, month, day, hour, minute, second)? - offset, 0)
}

/// Seconds east of Greenwich: `Z`, `GMT`, `UTC`, `+02:00`, `-0530`.
fn offset(zone: &[u8]) -> Option<i64> {
    if [&b"Z"[..], b"GMT", b"UTC", b"UT"].iter().any(|name| zone.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let (sign, rest) = zone.split_first()?;
    let mut rest = Digits(rest);
    let hours = rest.number(2)?;
    let _ = rest.skip(b":");
    let minutes = rest.number(2)?;
    let seconds = hours * 3600 + minutes * 60;
    match sign {
        _ if hours > 23 || minutes > 59 || !rest.0.is_empty() => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// 1 to 12, for the English name or its first three letters.
fn month(name: &str) -> Option<i64> {
    let head = name.as_bytes().get(..3)?;
    let at = MONTHS.chunks_exact(3).position(|month| month.eq_ignore_ascii_case(head))?;
    name.bytes().all(|b| b.is_ascii_alphabetic()).then_some(at as i64 + 1)
}

/// One or two digits.
fn short_number(text: &str) -> Option<i64> {
    let mut rest = Digits(text.as_bytes());
    let value = rest.number(text.len())?;
    (text.len() <= 2).then_some(value)
}

fn year_number(text: &str) -> Option<i64> {
    let value = Digits(text.as_bytes()).number(text.len())?;
    match text.len() {
        2 if value < 70 => Some(value + 2000),
        2 => Some(value + 1900),
        4 => Some(value),
        _ => None,
    }
}

/// What is still to be read of a date.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    /// Exactly this many digits, one to nine.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (head, rest) = self.0.split_at_checked(digits)?;
        if !(1..=9).contains(&digits) || !head.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(head.iter().fold(0, |value, b| value * 10 + i64::from(b - b'0')))
    }

    /// One byte out of a set.
    fn skip(&mut self, any_of: &[u8]) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        any_of.contains(first).then(|| self.0 = rest)
    }

    /// Nanoseconds out of one or more digits.
    fn fraction(&mut self) -> Option<u32> {
        let end = self.0.iter().position(|b| !b.is_ascii_digit()).unwrap_or(self.0.len());
        let (head, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        let digits = head.iter().chain(std::iter::repeat(&b'0')).take(9);
        (end > 0).then(|| digits.fold(0, |value, b| value * 10 + u32::from(b - b'0')))
    }
}
