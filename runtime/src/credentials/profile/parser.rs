//! The syntax of `~/.aws/config` and `~/.aws/credentials`, pure: text in, sections out.
//!
//! What a key means is not known here. Any text gives sections or an error with the line it is in; no
//! error holds a piece of the text, since that may be a secret.

use std::fmt;

use zeroize::Zeroizing;

/// Which of the two files: they name profiles differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `config`: `[default]`, `[profile name]`, `[sso-session name]`, `[services name]`.
    Config,
    /// `credentials`: `[name]`.
    Credentials,
}

/// What a section describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// Settings under one name.
    Profile,
    /// A sign-in that several profiles share.
    SsoSession,
    /// Endpoints and options by service.
    Services,
}

/// A section with its properties in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// What it describes.
    pub kind: SectionKind,
    /// Its name; `default` for the default profile.
    pub name: String,
    /// Where it begins, from 1.
    pub line: u32,
    /// Whether it was written `[profile default]`, which wins over `[default]`.
    pub(super) prefixed: bool,
    /// Its properties.
    pub properties: Vec<Property>,
}

/// A key and its value.
#[derive(Clone, PartialEq)]
pub struct Property {
    /// The key in lower case.
    pub name: String,
    value: Zeroizing<String>,
    /// Where it stands, from 1.
    pub line: u32,
    /// The indented properties below a key without a value, such as those of `s3 =`.
    pub nested: Vec<Property>,
}

impl Property {
    /// The value without white space around it. It may be a secret.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_struct("Property");
        d.field("name", &self.name).field("line", &self.line).field("nested", &self.nested).finish_non_exhaustive()
    }
}

/// A line that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for ParseError {}

/// Reads a file's text. `file` is its path, for messages.
///
/// Lines that begin with `#` or `;` are comments, and so is the rest of a line behind white space and one of these. Sections of
/// other kinds (`[plugins]`) are skipped. A section may come twice; a later property wins.
///
/// # Errors
/// The first line that is no section, property, continuation, comment or blank.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::credentials::profile::{FileKind, parse};
///
/// let sections = parse(FileKind::Config, "config", "[profile dev]\nregion = eu-west-1 # home\ns3 =\n  addressing_style = path\n")?;
/// assert_eq!(sections[0].name, "dev");
/// assert_eq!(sections[0].properties[0].value(), "eu-west-1");
/// assert_eq!(sections[0].properties[1].nested[0].value(), "path");
/// # Ok::<(), integration_s3::credentials::profile::ParseError>(())
/// ```
pub fn parse(kind: FileKind, file: &str, text: &str) -> Result<Vec<Section>, ParseError> {
    let mut sections: Vec<Section> = Vec::new();
    let mut place = Place::Outside;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, raw) in (1u32..).zip(text.split('\n')) {
        let fail = |what| ParseError { file: file.to_owned(), line: number, what };
        let indented = raw.starts_with([' ', '\t']);
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        // Deeper lines belong to the property above, if there is one; else they are badly indented ordinary lines.
        if indented && place == Place::Property {
            if let Some(property) = sections.last_mut().and_then(|s| s.properties.last_mut()) {
                extend(property, line, number).map_err(fail)?;
            }
        } else if indented && place == Place::SkippedProperty {
            // Belongs to something nobody reads.
        } else if let Some(header) = line.strip_prefix('[') {
            place = match section(kind, header, number).map_err(fail)? {
                Some(section) => {
                    sections.push(section);
                    Place::Section
                }
                None => Place::Skipped,
            };
        } else {
            let (name, value) = pair(line).map_err(fail)?;
            match place {
                Place::Outside => return Err(fail("a property before the first section")),
                Place::Skipped | Place::SkippedProperty => place = Place::SkippedProperty,
                Place::Section | Place::Property => {
                    let value = Zeroizing::new(uncommented(value).to_owned());
                    if let Some(section) = sections.last_mut() {
                        section.properties.push(Property { name, value, line: number, nested: Vec::new() });
                    }
                    place = Place::Property;
                }
            }
        }
    }
    Ok(sections)
}

/// What the line above was.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Outside,
    Section,
    Property,
    Skipped,
    SkippedProperty,
}

/// An indented line: a nested property if the one above has no value of its own, else more of its value.
fn extend(property: &mut Property, line: &str, number: u32) -> Result<(), &'static str> {
    if property.value.is_empty() {
        let (name, value) = pair(line)?;
        let value = Zeroizing::new(uncommented(value).to_owned());
        property.nested.push(Property { name, value, line: number, nested: Vec::new() });
    } else {
        let mut longer = Zeroizing::new(String::with_capacity(property.value.len() + 1 + line.len()));
        longer.push_str(&property.value);
        longer.push('\n');
        longer.push_str(line);
        property.value = longer;
    }
    Ok(())
}

/// What stands behind `[`. `None`: a section nobody here reads.
fn section(kind: FileKind, header: &str, line: u32) -> Result<Option<Section>, &'static str> {
    let (inside, rest) = header.split_once(']').ok_or("a section without a closing bracket")?;
    let rest = rest.trim_start();
    if !rest.is_empty() && !rest.starts_with(['#', ';']) {
        return Err("text behind the closing bracket of a section");
    }
    let inside = inside.trim();
    if inside.is_empty() {
        return Err("a section without a name");
    }
    let made = |kind, name: &str, prefixed| {
        let name = unquoted(name.trim())?;
        if name.is_empty() {
            return Err("a section without a name");
        }
        Ok(Some(Section { kind, name: name.to_owned(), line, prefixed, properties: Vec::new() }))
    };
    if kind == FileKind::Credentials {
        return made(SectionKind::Profile, inside, false);
    }
    match inside.split_once(char::is_whitespace) {
        Some(("profile", name)) => made(SectionKind::Profile, name, true),
        Some(("sso-session", name)) => made(SectionKind::SsoSession, name, true),
        Some(("services", name)) => made(SectionKind::Services, name, true),
        None if inside == "default" => made(SectionKind::Profile, inside, false),
        None if matches!(inside, "profile" | "sso-session" | "services") => Err("a section without a name"),
        _ => Ok(None),
    }
}

fn unquoted(name: &str) -> Result<&str, &'static str> {
    match name.strip_prefix('"').map(|n| n.strip_suffix('"')) {
        Some(Some(inner)) => Ok(inner.trim()),
        Some(None) => Err("a quoted name without its second quote"),
        None => Ok(name),
    }
}

fn pair(line: &str) -> Result<(String, &str), &'static str> {
    let (name, value) = line.split_once('=').ok_or("neither a section nor `name = value`")?;
    let name = name.trim();
    if name.is_empty() {
        return Err("a value without a name");
    }
    Ok((name.to_lowercase(), value.trim()))
}

/// The value without a comment behind it. A comment needs white space before it: secrets may hold `#`.
fn uncommented(value: &str) -> &str {
    let begins = |(at, c): (usize, char)| {
        matches!(c, '#' | ';') && value.get(..at).is_some_and(|before| before.ends_with(char::is_whitespace))
    };
    if value.starts_with(['#', ';']) {
        return "";
    }
    match value.char_indices().find(|item| begins(*item)) {
        Some((at, _)) => value.get(..at).unwrap_or(value).trim_end(),
        None => value,
    }
}
