//! What each option is and who said so: the first thing to look at when a client does something else than expected.

use std::fmt;

use super::options::OPTIONS;
use super::settings::{Origin, Settings};
use crate::error::S3Error;

/// Every option with its value and where that came from. Secrets are not in it.
///
/// Prints as a table; problems follow below.
#[derive(Debug)]
pub struct Report {
    entries: Vec<Entry>,
    problems: Vec<S3Error>,
}

/// One option of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The option, by its name in [`OPTIONS`].
    pub option: &'static str,
    /// The value as text, without what is secret in it.
    pub value: String,
    /// Who said so.
    pub origin: Origin,
}

impl Report {
    pub(super) fn new(settings: &Settings, problems: Vec<S3Error>) -> Self {
        let entries = OPTIONS.iter().map(|option| match settings.get(option.id) {
            Some((value, origin)) => Entry { option: option.name, value: value.to_string(), origin: origin.clone() },
            None => Entry { option: option.name, value: option.default.to_owned(), origin: Origin::Default },
        });
        Self { entries: entries.collect(), problems }
    }

    /// The options, in the order of [`OPTIONS`].
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The option of that name.
    pub fn get(&self, option: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.option == option)
    }

    /// What keeps a client from being made of it. Empty for the configuration of a client that exists.
    pub fn problems(&self) -> &[S3Error] {
        &self.problems
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Entry) -> usize| self.entries.iter().map(of).max().unwrap_or_default().min(48);
        let (names, values) = (width(|e| e.option.len()), width(|e| e.value.chars().count()));
        for Entry { option, value, origin } in &self.entries {
            writeln!(f, "{option:names$}  {value:values$}  {origin}")?;
        }
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        Ok(())
    }
}
