//! The values of all options and where each came from.

use std::fmt;
use std::time::Duration;

use super::options::{OPTIONS, Opt, OptionFacts};
use super::reading::{Reading, Value};
use crate::credentials::Surroundings;
use crate::credentials::profile::{Found, Profile, Profiles};
use crate::error::{ConfigurationError, S3Error};
use crate::transport;

/// Where a value came from. A later one wins over an earlier one.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A profile file.
    Profile {
        /// The profile's name.
        profile: String,
        /// File and line, `/home/alice/.aws/config:12`.
        place: String,
    },
    /// An environment variable, by name.
    Variable(&'static str),
    /// What is known about the store's make.
    Provider(&'static str),
    /// A method of the builder.
    Code,
}

impl Origin {
    fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Profile { .. } => 1,
            Self::Variable(_) => 2,
            Self::Provider(_) => 3,
            Self::Code => 4,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile { profile, place } => match place.rsplit_once(':') {
                Some((file, line)) => write!(f, "profile {profile} in {file} line {line}"),
                None => write!(f, "profile {profile} in {place}"),
            },
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Provider(name) => write!(f, "provider {name}"),
            Self::Code => f.write_str("code"),
        }
    }
}

/// A value for each option that has one.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    values: Vec<(Opt, Value, Origin)>,
}

impl Settings {
    /// Takes a value unless there is one from a stronger origin.
    pub(crate) fn offer(&mut self, option: Opt, value: Value, origin: Origin) {
        match self.values.iter_mut().find(|(id, ..)| *id == option) {
            Some(known) if origin.rank() >= known.2.rank() => *known = (option, value, origin),
            Some(_) => {}
            None => self.values.push((option, value, origin)),
        }
    }

    pub(crate) fn get(&self, option: Opt) -> Option<(&Value, &Origin)> {
        self.values.iter().find(|(id, ..)| *id == option).map(|(_, value, origin)| (value, origin))
    }

    pub(crate) fn forget(&mut self, option: Opt) {
        self.values.retain(|(id, ..)| *id != option);
    }

    pub(crate) fn text(&self, option: Opt) -> Option<&str> {
        match self.get(option)?.0 {
            Value::Text(text) => Some(text),
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn is_on(&self, option: Opt) -> bool {
        matches!(self.get(option), Some((Value::On(true), _)))
    }

    pub(crate) fn count(&self, option: Opt) -> Option<u64> {
        match self.get(option)?.0 {
            Value::Count(n) | Value::Bytes(n) => Some(*n),
            _ => None,
        }
    }

    /// `None`: nobody said. `Some(None)`: no limit.
    pub(crate) fn time(&self, option: Opt) -> Option<Option<Duration>> {
        match self.get(option)?.0 {
            Value::Time(time) => Some(*time),
            _ => None,
        }
    }

    pub(crate) fn proxy(&self, option: Opt) -> Option<&transport::Proxy> {
        match self.get(option)?.0 {
            Value::Proxy(proxy) => Some(proxy),
            _ => None,
        }
    }

    /// Takes what the environment says.
    pub(crate) fn read_environment(&mut self, machine: &Surroundings, problems: &mut Vec<S3Error>) {
        for option in OPTIONS {
            let set = option.variables.iter().find_map(|(name, reading)| {
                // A CGI program gets a header `Proxy` of whoever asks under this name.
                let forged = *name == "HTTP_PROXY" && machine.variable("REQUEST_METHOD").is_some();
                machine.variable(name).filter(|_| !forged).map(|text| (*name, *reading, text))
            });
            let Some((name, reading, text)) = set else { continue };
            match reading.read(&text) {
                Ok(value) => self.offer(option.id, value, Origin::Variable(name)),
                Err(right) => problems.push(unusable(&format!("the environment variable {name}"), &right)),
            }
        }
    }

    /// Takes what the profile in use says.
    pub(crate) fn read_profile(&mut self, machine: &Surroundings, problems: &mut Vec<S3Error>) {
        let (name, chosen) = machine.profile();
        let profiles = match Profiles::read(machine) {
            Ok(profiles) => profiles,
            Err(error) => {
                problems.push(S3Error::new(ConfigurationError::InvalidConfiguration, error.message().to_owned()));
                return;
            }
        };
        let Some(profile) = profiles.profile(&name) else {
            if chosen {
                let whose = match self.get(Opt::Profile) {
                    Some((_, Origin::Variable(variable))) => format!("the environment variable {variable}"),
                    _ => "profile(..)".to_owned(),
                };
                problems.push(
                    S3Error::new(
                        ConfigurationError::InvalidConfiguration,
                        format!("{whose} names a profile that is not in {}", profiles.describe()),
                    )
                    .with_suggestion("check its spelling, or unset it"),
                );
            }
            return;
        };
        let services = profile.value("services").and_then(|services| profiles.services(services));
        if let (Some(wanted), None) = (profile.get("services"), &services) {
            problems.push(S3Error::new(
                ConfigurationError::InvalidConfiguration,
                format!("services at {} names a section that does not exist", wanted.place()),
            ));
        }
        for option in OPTIONS {
            let Some((found, key, reading)) = find(option, &profile, services.as_ref()) else { continue };
            match reading.read(found.value()) {
                Ok(value) => {
                    let origin = Origin::Profile { profile: profile.name().to_owned(), place: found.place() };
                    self.offer(option.id, value, origin);
                }
                Err(right) => problems.push(unusable(&format!("{key} at {}", found.place()), &right)),
            }
        }
    }
}

/// The strongest key of the option that has a value.
fn find<'a>(
    option: &OptionFacts,
    profile: &Profile<'a>,
    services: Option<&Profile<'a>>,
) -> Option<(Found<'a>, &'static str, Reading)> {
    option.keys.iter().find_map(|(key, reading)| {
        let found = match key.strip_prefix("s3.") {
            None => profile.get(key),
            Some(nested) => {
                let below = |profile: &Profile<'a>| profile.get("s3").and_then(|s3| s3.nested(nested));
                services.and_then(below).or_else(|| below(profile))
            }
        };
        found.filter(|found| !found.value().is_empty()).map(|found| (found, *key, *reading))
    })
}

/// The value is not shown: it may be anything, a secret in the wrong place as well.
fn unusable(what: &str, right: &str) -> S3Error {
    S3Error::new(ConfigurationError::InvalidConfiguration, format!("{what} has a value that cannot be used"))
        .with_suggestion(format!("set it to {right}, or unset it"))
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.values.iter().filter(|(.., origin)| *origin != Origin::Default);
        f.debug_map().entries(set.map(|(id, value, origin)| (id, (value, origin)))).finish()
    }
}
