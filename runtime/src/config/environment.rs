//! Options in environment variables.

use std::fmt::Display;
use std::str::FromStr;

use crate::error::{ConfigurationError, S3Error};

/// Reads variables; a value that does not parse is an error that names the variable.
pub struct Environment<F>(pub F);

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// The first of these variables that is set and not empty, with its name.
    pub fn text(&self, names: &[&'static str]) -> Option<(&'static str, String)> {
        names
            .iter()
            .find_map(|name| (self.0)(name).filter(|v| !v.trim().is_empty()).map(|v| (*name, v.trim().to_owned())))
    }

    /// The variable, parsed.
    pub fn parse<T: FromStr<Err: Display>>(&self, name: &'static str, expected: &str) -> Result<Option<T>, S3Error> {
        self.text(&[name]).map(|(_, text)| text.parse().map_err(|_| unusable(name, expected))).transpose()
    }

    /// The variable as a switch: `true` or `false`, in any case.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, S3Error> {
        self.choose(name, &[("true", true), ("false", false)])
    }

    /// The variable as one of several words, in any case.
    pub fn choose<T: Copy>(&self, name: &'static str, words: &[(&str, T)]) -> Result<Option<T>, S3Error> {
        let Some((_, text)) = self.text(&[name]) else { return Ok(None) };
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(unusable(name, &words.join(" or ")))
            }
        }
    }
}

/// The value is not shown: a variable may hold anything, a secret in the wrong place as well.
pub fn unusable(name: &str, expected: &str) -> S3Error {
    S3Error::new(
        ConfigurationError::InvalidConfiguration,
        format!("the environment variable {name} has a value that cannot be used"),
    )
    .with_suggestion(format!("set it to {expected}, or unset it"))
}
