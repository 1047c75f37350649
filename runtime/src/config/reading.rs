//! How the text of a variable or of a profile's key becomes a value, and what is right when it does not.

use std::fmt;
use std::time::Duration;

use crate::endpoint::{EndpointConfig, EndpointOptions};
use crate::transport;

/// How a text is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    /// As it is.
    Text,
    /// As it is, and never shown.
    Secret,
    Region,
    /// An endpoint.
    Url,
    /// The URL of a proxy, which may hold a password.
    Proxy,
    AppName,
    /// `true` or `false`.
    Switch,
    /// One of several words, in any case, and what each means.
    Words(&'static [(&'static str, &'static str)]),
    Count {
        least: u64,
        most: u64,
    },
    /// Attempts but the first.
    Retries,
    /// Milliseconds.
    Millis,
    /// Bytes: `8388608`, `8MB`, `8MiB`.
    Size {
        least: u64,
        most: u64,
    },
}

/// A value, whatever it was read from.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    /// May not be shown.
    Secret,
    Proxy(transport::Proxy),
    On(bool),
    Word(&'static str),
    Count(u64),
    Bytes(u64),
    /// `None`: no limit.
    Time(Option<Duration>),
}

impl Reading {
    /// # Errors
    /// What would be right.
    pub(crate) fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Secret => Ok(Value::Secret),
            Self::Region => {
                let trial = EndpointOptions { region: text.to_owned(), ..EndpointOptions::default() };
                match EndpointConfig::new(trial) {
                    Ok(_) => Ok(Value::Text(text.to_owned())),
                    Err(_) => Err("a region such as eu-west-1".to_owned()),
                }
            }
            Self::Url => {
                // Whether plain http is allowed is decided when the whole is known.
                let trial = EndpointOptions {
                    region: "us-east-1".to_owned(),
                    custom: Some(text.to_owned()),
                    allow_http: true,
                    ..EndpointOptions::default()
                };
                match EndpointConfig::new(trial) {
                    Ok(_) => Ok(Value::Text(text.to_owned())),
                    Err(_) => Err("a URL such as https://storage.example.com:9000".to_owned()),
                }
            }
            Self::Proxy => text.parse().map(Value::Proxy).map_err(|error: crate::error::S3Error| {
                // It says what is wrong and never repeats the text.
                format!("a proxy such as http://proxy.example.com:3128 ({})", error.message())
            }),
            Self::AppName if is_app_name(text) => Ok(Value::Text(text.to_owned())),
            Self::AppName => Err("1 to 50 visible ASCII characters without spaces".to_owned()),
            Self::Switch if text.eq_ignore_ascii_case("true") => Ok(Value::On(true)),
            Self::Switch if text.eq_ignore_ascii_case("false") => Ok(Value::On(false)),
            Self::Switch => Err("true or false".to_owned()),
            Self::Words(words) => {
                let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
                found.map(|(_, means)| Value::Word(means)).ok_or_else(|| {
                    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                    words.join(" or ")
                })
            }
            Self::Count { least, most } => number(text, least, most)
                .map(Value::Count)
                .ok_or_else(|| format!("a whole number from {least} to {most}")),
            Self::Retries => number(text, 0, 999)
                .map(|n| Value::Count(n + 1))
                .ok_or_else(|| "a whole number from 0 to 999".to_owned()),
            Self::Millis => number(text, 1, 86_400_000)
                .map(|ms| Value::Time(Some(Duration::from_millis(ms))))
                .ok_or_else(|| "milliseconds as a whole number from 1 to 86400000, a day".to_owned()),
            Self::Size { least, most } => {
                size(text).filter(|n| (least..=most).contains(n)).map(Value::Bytes).ok_or_else(|| {
                    format!(
                        "a size from {} to {}, in bytes or with KiB, MiB or GiB",
                        Value::Bytes(least),
                        Value::Bytes(most)
                    )
                })
            }
        }
    }
}

/// Whether a name can stand in `User-Agent`.
pub(super) fn is_app_name(name: &str) -> bool {
    (1..=50).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
}

fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    text.parse().ok().filter(|n| (least..=most).contains(n))
}

/// AWS's tools mean powers of two by `KB`, `MB` and `GB`, and so do we.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "kb" | "kib" => 10,
        "mb" | "mib" => 20,
        "gb" | "gib" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// As a report shows it: no secret comes out.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Secret => f.write_str("***"),
            Self::Proxy(proxy) => proxy.fmt(f),
            Self::On(on) => on.fmt(f),
            Self::Word(word) => f.write_str(word),
            Self::Count(n) => n.fmt(f),
            Self::Bytes(n) => {
                let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
                match units.iter().find(|(shift, _)| *n > 0 && n % (1 << shift) == 0) {
                    Some((shift, unit)) => write!(f, "{} {unit}", n >> shift),
                    None => write!(f, "{n} bytes"),
                }
            }
            Self::Time(Some(time)) => write!(f, "{time:?}"),
            Self::Time(None) => f.write_str("no limit"),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_sizes_and_shows_them_short() {
        let any = Reading::Size { least: 0, most: u64::MAX };
        for (text, shown) in [
            ("0", "0 bytes"),
            ("8388608", "8 MiB"),
            ("8MB", "8 MiB"),
            ("16 mib", "16 MiB"),
            ("1000", "1000 bytes"),
            ("2GB", "2 GiB"),
        ] {
            assert_eq!(any.read(text).unwrap().to_string(), shown);
        }
        for text in ["", "MB", "8 X", "-1", "1.5MB", "99999999999999999999"] {
            assert!(any.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_retries_as_attempts() {
        assert_eq!(Reading::Retries.read("0").unwrap(), Value::Count(1));
        assert_eq!(Reading::Retries.read("4").unwrap(), Value::Count(5));
        assert!(Reading::Retries.read("-1").is_err());
    }

    #[test]
    fn words_are_read_in_any_case() {
        let words = Reading::Words(&[("true", "path"), ("false", "virtual")]);
        assert_eq!(words.read("TRUE").unwrap(), Value::Word("path"));
        assert_eq!(words.read("1").unwrap_err(), "true or false");
    }
}
