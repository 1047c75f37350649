//! The calendar: seconds since the Unix epoch to a date and back. Knows no text.

const DAY: i64 = 86_400;

/// A moment as a calendar shows it.
pub(super) struct Civil {
    pub(super) year: u32,
    pub(super) month: u32,
    pub(super) day: u32,
    pub(super) weekday: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
}

impl Civil {
    /// Of seconds since the Unix epoch, which must lie in the years 1 to 9999.
    pub(super) fn of(secs: i64) -> Self {
        let days = secs.div_euclid(DAY);
        let time = secs.rem_euclid(DAY) as u32;
        let (year, month, day) = civil_from_days(days);
        // 1970-01-01 was a Thursday.
        let weekday = (days + 4).rem_euclid(7) as u32;
        Self { year, month, day, weekday, hour: time / 3600, minute: time / 60 % 60, second: time % 60 }
    }
}

/// Days of the years before this one that begins in March, counted from 0000-03-01.
/// Years begin in March here, so that the leap day is the last day of a year.
const fn days_before_year(year: i64) -> i64 {
    year * 365 + year / 4 - year / 100 + year / 400
}

/// Days between 0000-03-01 and 1970-01-01.
const EPOCH: i64 = 719_468;

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    // Months from March on have 31, 30, 31, 30, 31 days, over and over: 153 days in five months.
    days_before_year(year) + (153 * month + 2) / 5 + day - 1 - EPOCH
}

fn civil_from_days(days: i64) -> (u32, u32, u32) {
    let days = days + EPOCH;
    // 146,097 days are 400 years exactly; the guess is at most two years too high, never too low.
    let mut year = days * 400 / 146_097 + 1;
    while days_before_year(year) > days {
        year -= 1;
    }
    let of_year = days - days_before_year(year);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (year as u32, month as u32, day as u32)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Seconds since the epoch, or `None` if there is no such date. A leap second is the second after it.
pub(super) fn seconds(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let sound = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && (0..=23).contains(&hour)
        && (0..=59).contains(&minute)
        && (0..=60).contains(&second);
    sound.then(|| days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}
