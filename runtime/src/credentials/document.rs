//! JSON that holds credentials: members are moved out, so that no second copy of a secret stays behind.

#[cfg(feature = "sso")]
use std::fmt::Write as _;

use serde_json::{Map, Value};
#[cfg(feature = "sso")]
use zeroize::Zeroizing;

use super::fault::{broken, expired};
use crate::error::S3Error;
use crate::identity::Credentials;
use crate::timestamp::Timestamp;

/// A JSON object and where it came from, for messages.
pub(super) struct Document<'a> {
    source: &'static str,
    origin: &'a str,
    members: Map<String, Value>,
}

/// What the members with credentials are called; each service has its own spelling.
pub(super) struct Names {
    pub(super) id: &'static str,
    pub(super) secret: &'static str,
    pub(super) token: &'static str,
    pub(super) expiry: &'static str,
}

/// As metadata services spell them.
pub(super) const METADATA: Names =
    Names { id: "AccessKeyId", secret: "SecretAccessKey", token: "Token", expiry: "Expiration" };

impl<'a> Document<'a> {
    /// Parses an object. `origin` is a file or a service.
    pub(super) fn parse(source: &'static str, origin: &'a str, bytes: &[u8]) -> Result<Self, S3Error> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self { source, origin, members }),
            Ok(_) => Err(broken(source, format!("{origin} gave JSON that is no object"))),
            // The parser's own message is not used: only the place is certain to hold nothing secret.
            Err(e) => {
                let place = format!("line {}, column {}", e.line(), e.column());
                Err(broken(source, format!("{origin} did not give valid JSON ({place})")))
            }
        }
    }

    /// The object in this member.
    #[cfg(feature = "sso")]
    #[inline(never)]
    pub(super) fn object(mut self, name: &str) -> Result<Self, S3Error> {
        match self.members.remove(name) {
            Some(Value::Object(members)) => Ok(Self { members, ..self }),
            _ => Err(self.lacks(name)),
        }
    }

    /// Moves a text out. Absent, null and empty are the same.
    #[inline(never)]
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, S3Error> {
        match self.members.get_mut(name).map(Value::take) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|t| !t.is_empty())),
            Some(_) => Err(broken(self.source, format!("{} gave {name} as something other than text", self.origin))),
        }
    }

    /// A text that must be there.
    #[inline(never)]
    pub(super) fn required(&mut self, name: &str) -> Result<String, S3Error> {
        self.text(name)?.ok_or_else(|| self.lacks(name))
    }

    /// A whole number.
    #[cfg(any(feature = "sso", feature = "credential-process"))]
    #[inline(never)]
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.members.get(name).and_then(Value::as_i64)
    }

    /// A moment in RFC 3339.
    #[inline(never)]
    pub(super) fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, S3Error> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        // Older versions of the AWS command line write `UTC` in place of `Z`.
        let parsed = Timestamp::parse_rfc3339(&text)
            .or_else(|| text.strip_suffix("UTC").and_then(|t| Timestamp::parse_rfc3339(&format!("{t}Z"))));
        parsed.map(Some).ok_or_else(|| broken(self.source, format!("{} gave {name} that is no date", self.origin)))
    }

    /// Reads credentials that must still be valid at `now`.
    #[inline(never)]
    pub(super) fn credentials(&mut self, names: &Names, now: Timestamp) -> Result<Credentials, S3Error> {
        let (id, secret) = (self.required(names.id)?, self.required(names.secret)?);
        let mut credentials = Credentials::new(id, secret).with_source(self.source);
        if let Some(token) = self.text(names.token)? {
            credentials = credentials.with_session_token(token);
        }
        if let Some(account) = self.text("AccountId")? {
            credentials = credentials.with_account_id(account);
        }
        match self.moment(names.expiry)? {
            Some(end) if end <= now => {
                Err(expired(self.source, format!("{} gave credentials that expired at {end}", self.origin)))
            }
            Some(end) => Ok(credentials.with_expiry(end)),
            None => Ok(credentials),
        }
    }

    #[cold]
    fn lacks(&self, name: &str) -> S3Error {
        broken(self.source, format!("{} gave JSON without {name}", self.origin))
    }
}

/// An object as text. The text is written into one piece of memory, which it fits: growing would leave copies of secrets.
#[cfg(feature = "sso")]
pub(super) fn text_of(members: &Map<String, Value>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(room_of(members)));
    write_members(members, &mut text);
    text
}

/// As many bytes as an object can take: each byte of a text is six in the worst case.
#[cfg(feature = "sso")]
fn room_of(members: &Map<String, Value>) -> usize {
    fn room(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len() * 6 + 2,
            Value::Array(items) => items.iter().map(|item| room(item) + 1).sum::<usize>() + 2,
            Value::Object(members) => room_of(members),
            Value::Null | Value::Bool(_) | Value::Number(_) => 32,
        }
    }
    members.iter().map(|(name, value)| name.len() * 6 + 4 + room(value)).sum::<usize>() + 2
}

#[cfg(feature = "sso")]
fn write_members(members: &Map<String, Value>, out: &mut String) {
    out.push('{');
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        write_value(value, out);
    }
    out.push('}');
}

#[cfg(feature = "sso")]
fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(on) => out.push_str(if *on { "true" } else { "false" }),
        Value::Number(number) => {
            // Writing to a string does not fail. Whole numbers first: they do not survive as floating ones.
            let _ = match (number.as_i64(), number.as_u64()) {
                (Some(n), _) => write!(out, "{n}"),
                (None, Some(n)) => write!(out, "{n}"),
                (None, None) => write!(out, "{:e}", number.as_f64().unwrap_or_default()),
            };
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => write_members(members, out),
    }
}

#[cfg(feature = "sso")]
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(all(test, feature = "sso"))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same_and_never_moves() {
        for text in [
            r#"{}"#,
            r#"{"a":"","b":null,"c":[true,false,[],{"x":1}],"d":-7,"e":18446744073709551615,"f":1.5e300,"g":0.1}"#,
            "{\"tab\\t \\u0001 \\\"quoted\\\" \\\\ é\u{1f600}\":\"line\\nline\\u001f\"}",
        ] {
            let Value::Object(members) = serde_json::from_str(text).unwrap() else { panic!("no object: {text}") };
            let written = text_of(&members);
            assert_eq!(serde_json::from_str::<Map<String, Value>>(&written).unwrap(), members, "{text}");
            assert!(written.len() <= room_of(&members), "{text}");
        }
    }
}
