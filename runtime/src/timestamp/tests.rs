//! Compared with the `time` crate, day by day and at random, and with the examples of the RFCs.

use proptest::prelude::*;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use super::*;

fn rfc3339(at: Timestamp) -> String {
    at.to_string()
}

fn http_date(at: Timestamp) -> String {
    let mut out = String::new();
    at.write_http_date(&mut out);
    out
}

fn same_as_time(secs: i64) {
    let ours = Timestamp::checked(secs, 0).unwrap();
    let theirs = OffsetDateTime::from_unix_timestamp(secs).unwrap();
    let written = rfc3339(ours);
    assert_eq!(written, theirs.format(&Rfc3339).unwrap());
    assert_eq!(Timestamp::parse_rfc3339(&written), Some(ours));
    let header = http_date(ours);
    assert_eq!(Timestamp::parse_http_date(&header), Some(ours));
    // `time` writes RFC 2822 from 1900 on, and with an offset in digits.
    if theirs.year() >= 1900 {
        assert_eq!(header.replace("GMT", "+0000"), theirs.format(&Rfc2822).unwrap());
    }
    let basic: String = written.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    assert_eq!(ours.amz_date(), basic.as_bytes());
}

#[test]
fn agrees_with_time_on_every_day_there_is() {
    let mut date = time::Date::from_ordinal_date(1, 1).unwrap();
    while let Some(next) = date.next_day() {
        let ours = civil::Civil::of(date.midnight().assume_utc().unix_timestamp());
        assert_eq!(
            (ours.year as i32, ours.month as u8, ours.day as u8),
            (date.year(), date.month().into(), date.day())
        );
        assert_eq!(ours.weekday, u32::from(date.weekday().number_days_from_sunday()));
        date = next;
    }
    for secs in [FIRST, -1, 0, 951_782_400, 951_868_800, LAST] {
        same_as_time(secs);
    }
}

proptest! {
    #[test]
    fn agrees_with_time_at_any_second(secs in FIRST..=LAST) {
        same_as_time(secs);
    }

    #[test]
    fn reads_fractions_and_offsets_as_time_does(secs in FIRST + 86_400..LAST - 86_400, nanos in 0u32..1_000_000_000, hours in -23i8..=23, minutes in 0i8..=59) {
        let offset = time::UtcOffset::from_hms(hours, if hours < 0 { -minutes } else { minutes }, 0).unwrap();
        let theirs = OffsetDateTime::from_unix_timestamp(secs).unwrap().replace_nanosecond(nanos).unwrap();
        let text = theirs.to_offset(offset).format(&Rfc3339);
        // A shifted date can fall out of the years `time` formats.
        prop_assume!(text.is_ok());
        prop_assert_eq!(Timestamp::parse_rfc3339(&text.unwrap()), Timestamp::checked(secs, nanos));
    }

    #[test]
    fn any_text_gives_a_moment_or_none(text in "\\PC{0,40}", datelike in "[0-9A-Za-z:+,. -]{0,32}") {
        for text in [text, datelike] {
            let _ = (Timestamp::parse_rfc3339(&text), Timestamp::parse_http_date(&text), DateText::from(text).timestamp());
        }
    }

    #[test]
    fn a_date_with_one_byte_changed_never_panics(at in 0usize..29, byte in any::<char>()) {
        let mut text: Vec<char> = "Sun, 06 Nov 1994 08:49:37 GMT".chars().collect();
        text[at] = byte;
        let _ = Timestamp::parse_http_date(&text.into_iter().collect::<String>());
    }

    #[test]
    fn survives_the_way_through_system_time(secs in -11_000_000_000i64..100_000_000_000, nanos in 0u32..10_000_000) {
        let at = Timestamp::from_unix_nanos(secs, nanos * 100);
        prop_assert_eq!(Timestamp::from(SystemTime::from(at)), at);
    }

    #[test]
    fn adding_and_subtracting_agree(secs in FIRST..=LAST, nanos in 0u32..1_000_000_000, step in 0u64..1 << 40, part in 0u32..1_000_000_000) {
        let at = Timestamp::from_unix_nanos(secs, nanos);
        let step = Duration::new(step, part);
        let later = at.saturating_add(step);
        prop_assert!(later == Timestamp::MAX || later.saturating_since(at) == step);
        prop_assert!(later == at || at.saturating_since(later) == Duration::ZERO);
    }
}

#[test]
fn reads_the_three_forms_of_rfc_9110() {
    let at = Some(Timestamp::from_unix(784_111_777));
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        // And what is seen in the wild.
        " Sun,06 Nov 1994 08:49:37 GMT ",
        "sun, 6 nov 1994 8:49:37 gmt",
        "06 Nov 1994 08:49:37",
        "Sun, 06-Nov-1994 08:49:37 UTC",
        "Sun, 06 November 1994 08:49:37 Z",
        "Sun, 06 Nov 1994 10:49:37 +0200",
        "Sun, 06 Nov 1994 03:19:37 -05:30",
        "Sun Nov 6 08:49:37 GMT 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT",
    ] {
        assert_eq!(Timestamp::parse_http_date(text), at, "{text}");
    }
}

#[test]
fn refuses_what_is_no_http_date() {
    for text in [
        "",
        "0",
        "-1",
        "never",
        "Sun, ",
        "Sun, 06 Nov 1994",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 10000 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 06 Nov 1994 08:49:37 GMT x",
        "Sun, 06 Nov 1994 08:49:37 +9900",
        "Fri, 31 Dec 9999 23:59:60 GMT",
        "Sun, 06 Növ 1994 08:49:37 GMT",
        "Sun, 006 Nov 1994 08:49:37 GMT",
    ] {
        assert_eq!(Timestamp::parse_http_date(text), None, "{text}");
    }
}

#[test]
fn two_digit_years_turn_in_1970() {
    let year = |text: &str| Timestamp::parse_http_date(text).unwrap().to_string()[..4].to_owned();
    assert_eq!(year("Thursday, 01-Jan-70 00:00:00 GMT"), "1970");
    assert_eq!(year("Tuesday, 01-Jan-69 00:00:00 GMT"), "2069");
    assert_eq!(year("Saturday, 01-Jan-00 00:00:00 GMT"), "2000");
}

#[test]
fn reads_rfc_3339_as_stores_write_it() {
    let at = |text| Timestamp::parse_rfc3339(text).map(|t| (t.unix(), t.subsec_nanos()));
    assert_eq!(at("1985-04-12T23:20:50.52Z"), Some((482_196_050, 520_000_000)));
    assert_eq!(at("1996-12-19T16:39:57-08:00"), Some((851_042_397, 0)));
    assert_eq!(at("1990-12-31T23:59:60Z"), Some((662_688_000, 0)));
    assert_eq!(at("1996-12-19t16:39:57.1234567899z"), Some((851_013_597, 123_456_789)));
    assert_eq!(at("2020-06-17 10:02:08UTC"), at("2020-06-17T10:02:08Z"));
    assert_eq!(at(" 2020-06-17T10:02:08+0000\n"), at("2020-06-17T10:02:08Z"));
    for text in [
        "",
        "2020-06-17",
        "2020-06-17T10:02:08",
        "2020-06-17T10:02Z",
        "2020-06-17T10:02:08.Z",
        "2020-02-30T10:02:08Z",
        "2021-02-29T10:02:08Z",
        "1900-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "10000-01-01T00:00:00Z",
        "2020-13-01T00:00:00Z",
        "2020-00-01T00:00:00Z",
        "2020-06-17T10:02:08Zx",
        "2020-06-17T10:02:08+24:00",
        "+020-06-17T10:02:08Z",
    ] {
        assert_eq!(at(text), None, "{text}");
    }
}

#[test]
fn writes_milliseconds_only_where_there_are_any() {
    assert_eq!(rfc3339(Timestamp::from_unix(0)), "1970-01-01T00:00:00Z");
    assert_eq!(rfc3339(Timestamp::from_unix_nanos(0, 7_999_999)), "1970-01-01T00:00:00.007Z");
    assert_eq!(rfc3339(Timestamp::from_unix_nanos(-1, 999_999_999)), "1969-12-31T23:59:59.999Z");
    assert_eq!(format!("{:?}", Timestamp::default()), "1970-01-01T00:00:00Z");
}

#[test]
fn stays_within_the_years_1_to_9999() {
    assert_eq!(rfc3339(Timestamp::from_unix(i64::MIN)), "0001-01-01T00:00:00Z");
    assert_eq!(rfc3339(Timestamp::from_unix(i64::MAX)), "9999-12-31T23:59:59.999Z");
    assert_eq!(Timestamp::from_unix_nanos(0, u32::MAX).subsec_nanos(), 999_999_999);
    assert_eq!(Timestamp::checked(LAST, 0), Some(Timestamp::from_unix(LAST)));
    for (secs, nanos) in [(FIRST - 1, 0), (LAST + 1, 0), (0, 1_000_000_000), (i64::MIN, 0)] {
        assert_eq!(Timestamp::checked(secs, nanos), None);
    }
    assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
}

#[test]
fn a_date_text_keeps_what_it_was_given() {
    assert_eq!(DateText::from("soon").as_str(), "soon");
    assert_eq!(DateText::from("soon").timestamp(), None);
    let at = Timestamp::from_unix(784_111_777);
    assert_eq!(DateText::from(at).as_str(), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(DateText::from(at).timestamp(), Some(at));
    assert_eq!(DateText::from("1994-11-06T08:49:37Z".to_owned()).timestamp(), Some(at));
}
