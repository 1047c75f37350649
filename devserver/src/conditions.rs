//! Conditional requests: the precedence of RFC 9110 for reads, S3's narrower rules for writes. Pure.

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use time::OffsetDateTime;

use crate::versions::no_such_key;

/// The four conditions of a read or of a copy's source.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

/// How a read goes on.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Verdict {
    Proceed,
    NotModified,
    Failed,
}

impl Conditions {
    /// An entity tag beats the date it goes with.
    pub(crate) fn judge(&self, etag: &str, modified: OffsetDateTime) -> Verdict {
        let since = |t: &Timestamp| modified > OffsetDateTime::from(t.clone());
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(wanted), _) if !matches(wanted, etag) => return Verdict::Failed,
            (None, Some(limit)) if since(limit) => return Verdict::Failed,
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(known), _) if matches(known, etag) => Verdict::NotModified,
            (None, Some(limit)) if !since(limit) => Verdict::NotModified,
            _ => Verdict::Proceed,
        }
    }

    /// For a copy's source, where "not modified" is a failure too.
    pub(crate) fn require(&self, etag: &str, modified: OffsetDateTime) -> S3Result<()> {
        match self.judge(etag, modified) {
            Verdict::Proceed => Ok(()),
            _ => Err(failed()),
        }
    }
}

/// Whether a write may replace what is there (`etag` of the current object, if any).
///
/// # Errors
/// 412 when it may not, 404 for `If-Match` on nothing, 501 for an `If-None-Match` other than `*`.
pub(crate) fn may_write(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    etag: Option<&str>,
) -> S3Result<()> {
    if let Some(condition) = if_none_match {
        if !condition.is_any() {
            return Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented"
            ));
        }
        if etag.is_some() {
            return Err(failed());
        }
    }
    match (if_match, etag) {
        (Some(_), None) => Err(no_such_key()),
        (Some(wanted), Some(etag)) if !matches(wanted, etag) => Err(failed()),
        _ => Ok(()),
    }
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    condition.is_any() || condition.as_etag().map(ETag::value) == Some(etag)
}

pub(crate) fn failed() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use time::Duration;

    fn tag(text: &str) -> Option<ETagCondition> {
        Some(ETagCondition::ETag(ETag::Strong(text.into())))
    }

    #[test]
    fn tags_beat_dates() {
        let modified = OffsetDateTime::UNIX_EPOCH + Duration::days(9);
        let before = || Some(Timestamp::from(modified - Duration::SECOND));
        let same = || Some(Timestamp::from(modified));
        let judge = |c: Conditions| c.judge("e", modified);
        let none = Conditions::default;
        assert_eq!(judge(none()), Verdict::Proceed);
        assert_eq!(judge(Conditions { if_match: tag("x"), ..none() }), Verdict::Failed);
        assert_eq!(judge(Conditions { if_match: tag("e"), if_unmodified_since: before(), ..none() }), Verdict::Proceed);
        assert_eq!(judge(Conditions { if_unmodified_since: before(), ..none() }), Verdict::Failed);
        assert_eq!(judge(Conditions { if_unmodified_since: same(), ..none() }), Verdict::Proceed);
        assert_eq!(judge(Conditions { if_none_match: tag("e"), ..none() }), Verdict::NotModified);
        assert_eq!(
            judge(Conditions { if_none_match: tag("x"), if_modified_since: same(), ..none() }),
            Verdict::Proceed
        );
        assert_eq!(judge(Conditions { if_modified_since: same(), ..none() }), Verdict::NotModified);
        assert_eq!(judge(Conditions { if_modified_since: before(), ..none() }), Verdict::Proceed);
    }

    #[test]
    fn writes_know_star_and_match() {
        let any = Some(ETagCondition::Any);
        assert!(may_write(None, any.as_ref(), None).is_ok());
        assert!(may_write(None, any.as_ref(), Some("e")).is_err());
        assert!(may_write(tag("e").as_ref(), None, Some("e")).is_ok());
        assert!(may_write(tag("x").as_ref(), None, Some("e")).is_err());
        let gone = may_write(tag("e").as_ref(), None, None).err().unwrap();
        assert_eq!(gone.code(), &S3ErrorCode::NoSuchKey);
    }
}
