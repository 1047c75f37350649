//! JSON that holds credentials: members are moved out, so that no second copy of a secret stays behind.

use serde_json::{Map, Value};

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
    pub(super) fn object(mut self, name: &str) -> Result<Self, S3Error> {
        match self.members.remove(name) {
            Some(Value::Object(members)) => Ok(Self { members, ..self }),
            _ => Err(self.lacks(name)),
        }
    }

    /// Moves a text out. Absent, null and empty are the same.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, S3Error> {
        match self.members.get_mut(name).map(Value::take) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|t| !t.is_empty())),
            Some(_) => Err(broken(self.source, format!("{} gave {name} as something other than text", self.origin))),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, S3Error> {
        self.text(name)?.ok_or_else(|| self.lacks(name))
    }

    /// A whole number.
    #[cfg(any(feature = "sso", feature = "credential-process"))]
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.members.get(name).and_then(Value::as_i64)
    }

    /// A moment in RFC 3339.
    pub(super) fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, S3Error> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        // Older versions of the AWS command line write `UTC` in place of `Z`.
        let parsed = Timestamp::parse_rfc3339(&text)
            .or_else(|| text.strip_suffix("UTC").and_then(|t| Timestamp::parse_rfc3339(&format!("{t}Z"))));
        parsed.map(Some).ok_or_else(|| broken(self.source, format!("{} gave {name} that is no date", self.origin)))
    }

    /// Reads credentials that must still be valid at `now`.
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

    fn lacks(&self, name: &str) -> S3Error {
        broken(self.source, format!("{} gave JSON without {name}", self.origin))
    }
}
