//! The two profile files of a machine as one set: who wins, and where each value stands.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::parser::{FileKind, Property, Section, SectionKind, parse};
use crate::apart::apart;
use crate::credentials::Surroundings;
use crate::credentials::fault::broken;
use crate::error::S3Error;

pub(super) const SOURCE: &str = "profile files";

/// What `config` and `credentials` say.
///
/// They are looked for where `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` say, else under `~/.aws`. A file that does not
/// exist is as good as an empty one.
#[derive(Clone, Debug)]
pub struct Profiles {
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    path: Arc<str>,
    exists: bool,
    sections: Vec<Section>,
}

/// A property and the file it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    file: &'a str,
    property: &'a Property,
}

impl<'a> Found<'a> {
    /// The value, without white space around it. It may be a secret.
    pub fn value(&self) -> &'a str {
        self.property.value()
    }

    /// `path:line`.
    #[inline(never)]
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.property.line)
    }

    /// An indented property below this one; the last of that name.
    pub fn nested(&self, name: &str) -> Option<Found<'a>> {
        let property = self.property.nested.iter().rev().find(|p| p.name == name)?;
        Some(Found { file: self.file, property })
    }
}

/// All sections that describe one name.
#[derive(Clone, Debug)]
pub struct Profile<'a> {
    name: &'a str,
    /// The strongest first.
    parts: Vec<(&'a str, &'a Section)>,
}

impl<'a> Profile<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The property of that (lower case) name that wins: `credentials` before `config`, later lines before earlier ones.
    /// A property without a value and without nested ones counts as not set.
    #[inline(never)]
    pub fn get(&self, name: &str) -> Option<Found<'a>> {
        let set = |p: &&Property| p.name == name && (!p.value().is_empty() || !p.nested.is_empty());
        self.parts.iter().find_map(|(file, section)| {
            let property = section.properties.iter().rev().find(set)?;
            Some(Found { file, property })
        })
    }

    /// The value of [`get`](Self::get).
    #[inline(never)]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.get(name).map(|found| found.value()).filter(|value| !value.is_empty())
    }

    /// Where it begins: `path:line`.
    pub fn place(&self) -> String {
        self.parts.first().map(|(file, section)| format!("{file}:{}", section.line)).unwrap_or_default()
    }
}

impl Profiles {
    /// Reads both files on this thread.
    ///
    /// # Errors
    /// A file that exists and cannot be read, is not UTF-8, or has a line that cannot be understood; by path and line.
    pub fn read(surroundings: &Surroundings) -> Result<Self, S3Error> {
        let mut files = Vec::new();
        // In the order in which they win.
        for (kind, variable, name) in [
            (FileKind::Credentials, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            (FileKind::Config, "AWS_CONFIG_FILE", "config"),
        ] {
            let path = match (surroundings.variable(variable), surroundings.home()) {
                (Some(path), _) => surroundings.expand(&path),
                (None, Some(home)) => home.join(".aws").join(name),
                (None, None) => continue,
            };
            files.push(File::read(surroundings, kind, &path)?);
        }
        Ok(Self { files })
    }

    /// As [`read`](Self::read), without holding the runtime's thread up.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn load(surroundings: &Surroundings) -> Result<Self, S3Error> {
        let surroundings = surroundings.clone();
        match apart(move || Self::read(&surroundings)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(broken(SOURCE, "the runtime stopped while they were read")),
        }
    }

    /// The profile of that name.
    pub fn profile(&self, name: &str) -> Option<Profile<'_>> {
        self.find(SectionKind::Profile, name)
    }

    /// The `[sso-session name]`.
    pub fn sso_session(&self, name: &str) -> Option<Profile<'_>> {
        self.find(SectionKind::SsoSession, name)
    }

    /// The `[services name]`.
    pub fn services(&self, name: &str) -> Option<Profile<'_>> {
        self.find(SectionKind::Services, name)
    }

    fn find(&self, kind: SectionKind, name: &str) -> Option<Profile<'_>> {
        let mut parts = Vec::new();
        let mut found = None;
        for file in &self.files {
            let fits = |s: &&Section| s.kind == kind && s.name == name;
            let prefixed = file.sections.iter().filter(fits).any(|s| s.prefixed);
            for section in file.sections.iter().rev().filter(fits).filter(|s| s.prefixed == prefixed) {
                parts.push((&*file.path, section));
                found = Some(section.name.as_str());
            }
        }
        found.map(|name| Profile { name, parts })
    }

    /// Which files there are, for messages: `/home/u/.aws/config`, or that there are none.
    pub fn describe(&self) -> String {
        let names = |exist: bool| {
            let paths: Vec<&str> = self.files.iter().filter(|f| f.exists == exist).map(|f| &*f.path).collect();
            paths.join(" nor ")
        };
        match (names(true), names(false)) {
            (there, _) if !there.is_empty() => there,
            (_, gone) if !gone.is_empty() => format!("{gone}, which do not exist"),
            _ => "any file: the home directory is not known".to_owned(),
        }
    }
}

impl File {
    fn read(surroundings: &Surroundings, kind: FileKind, path: &Path) -> Result<Self, S3Error> {
        let shown: Arc<str> = PathBuf::from(path).display().to_string().into();
        let bytes = match surroundings.read_here(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: shown, exists: false, sections: Vec::new() });
            }
            Err(e) => return Err(broken(SOURCE, format!("{shown} cannot be read: {}", e.kind()))),
        };
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = bytes.iter().take(e.valid_up_to()).filter(|b| **b == b'\n').count() + 1;
            broken(SOURCE, format!("{shown}:{line}: not UTF-8 text"))
        })?;
        let sections = parse(kind, &shown, text).map_err(|e| broken(SOURCE, e.to_string()))?;
        Ok(Self { path: shown, exists: true, sections })
    }
}
