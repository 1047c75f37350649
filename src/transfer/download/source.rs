//! What a download asks of the store, and whether the answers are about the object it began with.

use super::facts::{Facts, span};
use super::plan::Piece;
use crate::config::ChecksumWhen;
use crate::error::{ErrorKind, RequestError, ResponseError, TransferError};
use crate::operations::{GetObject, GetObjectRequest, HeadObjectRequest};
use crate::types::ChecksumMode;
use crate::{ByteRange, ByteStream, S3Client, S3Error};

/// The object to read, with everything the caller set on the request.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    client: S3Client,
    get: GetObject<(String, String)>,
    request: GetObjectRequest,
}

/// What every request after the first is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) e_tag: String,
    pub(crate) total: u64,
}

/// A piece of the object on its way.
#[derive(Debug)]
pub(crate) struct Answered {
    /// One behind the last byte of the answer, which may have fewer than were asked for.
    pub(crate) end: u64,
    pub(crate) body: ByteStream,
}

/// Why a piece did not come.
#[derive(Debug)]
pub(crate) enum Refusal {
    Failed(S3Error),
    /// The store does not serve pieces of the object, or not these.
    Unranged(S3Error),
}

impl From<S3Error> for Refusal {
    fn from(error: S3Error) -> Self {
        Self::Failed(error)
    }
}

impl Source {
    /// # Errors
    /// The request names bytes of its own choice.
    pub(crate) fn new(client: S3Client, get: GetObject<(String, String)>) -> Result<Self, S3Error> {
        let request = get.clone().build();
        if request.range.is_some() || request.part_number.is_some() {
            let message = "a download reads whole objects: `range` and `part_number` cannot be configured";
            return Err(S3Error::new(RequestError::Validation, message)
                .with_suggestion("use get_object for parts of objects")
                .with_target("GetObject", Some(&request.bucket), Some(&request.key)));
        }
        Ok(Self { client, get, request })
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.request.bucket
    }

    pub(crate) fn key(&self) -> &str {
        &self.request.key
    }

    pub(crate) fn version_id(&self) -> Option<&str> {
        self.request.version_id.as_deref()
    }

    /// Whether answers come with the stored checksum.
    fn asks_for_checksum(&self) -> bool {
        match &self.request.checksum_mode {
            Some(mode) => *mode == ChecksumMode::Enabled,
            None => self.client.config().response_checksums == ChecksumWhen::Supported,
        }
    }

    /// The whole object. `tag`: of the one it must be.
    pub(crate) async fn open(&self, tag: Option<&str>) -> Result<(Facts, ByteStream), S3Error> {
        let get = match tag {
            Some(tag) => self.get.clone().if_match(tag),
            None => self.get.clone(),
        };
        let answer =
            get.send().await.map_err(|error| if tag.is_some() { self.unless_changed(error) } else { error })?;
        if answer.delete_marker == Some(true) {
            let message = "the version is a delete marker: it has no content";
            return Err(self.named(S3Error::new(crate::error::ObjectError::NotFound, message)));
        }
        let facts = Facts::of_get(&answer, self.asks_for_checksum());
        if tag.is_some_and(|tag| facts.e_tag.as_deref() != Some(tag)) {
            return Err(self.changed());
        }
        Ok((facts, answer.body))
    }

    /// What is known of the object with that tag, without its bytes.
    pub(crate) async fn facts(&self, tag: &str) -> Result<Facts, S3Error> {
        let answer = self.client.execute(self.head(tag)).await.map_err(|error| self.unless_changed(error))?;
        let facts = Facts::of_head(&answer, self.asks_for_checksum());
        if facts.e_tag.as_deref() != Some(tag) {
            return Err(self.changed());
        }
        Ok(facts)
    }

    /// How many parts the object was stored in, and the size of the first; `None` where the store does not tell.
    pub(crate) async fn parts(&self, pin: &Pin) -> Result<Option<(u32, u64)>, S3Error> {
        let mut head = self.head(&pin.e_tag);
        head.part_number = Some(1);
        let answer = match self.client.execute(head).await {
            Ok(answer) => answer,
            Err(error) if error.status() == Some(412) => return Err(self.changed()),
            // Not every store knows part numbers. The ranges tell whether more is wrong than that.
            Err(error) if error.status().is_some_and(|status| (400..500).contains(&status) || status == 501) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some((start, end, total)) = answer.content_range.as_deref().and_then(span) else { return Ok(None) };
        let told = start == 0 && total == Some(pin.total) && answer.e_tag.as_deref() == Some(&pin.e_tag);
        let count = answer.parts_count.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 1);
        Ok(count.filter(|_| told).map(|count| (count, end)))
    }

    /// The bytes of a piece from `from` on.
    pub(crate) async fn piece(&self, piece: &Piece, from: u64, pin: &Pin) -> Result<Answered, Refusal> {
        let get = self.get.clone().if_match(&pin.e_tag);
        let get = match piece.by_part {
            true => get.part_number(i32::try_from(piece.number).unwrap_or(i32::MAX)),
            false => get.range(ByteRange::from(from..piece.end)),
        };
        let answer = get.send().await.map_err(|error| match (error.kind(), error.status()) {
            (ErrorKind::Response(ResponseError::UnexpectedContent), Some(200)) => Refusal::Unranged(error),
            _ => Refusal::Failed(self.unless_changed(error)),
        })?;
        let odd = |message: String| self.named(S3Error::new(ResponseError::InvalidResponse, message));
        match answer.e_tag.as_deref() {
            Some(tag) if tag == pin.e_tag => {}
            Some(_) => return Err(self.changed().into()),
            None => {
                return Err(Refusal::Unranged(odd("the answer to a range does not name the object's tag".to_owned())));
            }
        }
        let asked = from..piece.end;
        match answer.content_range.as_deref().map(span) {
            Some(Some((_, _, Some(total)))) if total != pin.total => Err(self.changed().into()),
            Some(Some((start, end, _)))
                if start == from && end <= piece.end && (end == piece.end || !piece.by_part) =>
            {
                Ok(Answered { end, body: answer.body })
            }
            Some(Some(_)) if piece.by_part => {
                Err(Refusal::Unranged(odd("the object's parts are not of equal size".to_owned())))
            }
            None if asked == (0..pin.total) && answer.content_length == i64::try_from(pin.total).ok() => {
                Ok(Answered { end: piece.end, body: answer.body })
            }
            None => Err(Refusal::Unranged(odd("the store answers a range with the whole object".to_owned()))),
            Some(_) => {
                let got: String = answer.content_range.unwrap_or_default().chars().take(64).collect();
                let last = piece.end - 1;
                Err(odd(format!("bytes {from}-{last} were asked for, and the answer has `{got}`")).into())
            }
        }
    }

    /// The request as HEAD has it, held to the object with that tag.
    fn head(&self, tag: &str) -> HeadObjectRequest {
        let request = &self.request;
        let mut head = HeadObjectRequest::builder().bucket(&request.bucket).key(&request.key).if_match(tag).build();
        head.version_id.clone_from(&request.version_id);
        head.response_content_type.clone_from(&request.response_content_type);
        head.response_content_encoding.clone_from(&request.response_content_encoding);
        head.checksum_mode.clone_from(&request.checksum_mode);
        head.sse_customer_algorithm.clone_from(&request.sse_customer_algorithm);
        head.sse_customer_key.clone_from(&request.sse_customer_key);
        head.sse_customer_key_md5.clone_from(&request.sse_customer_key_md5);
        head.expected_bucket_owner.clone_from(&request.expected_bucket_owner);
        head.request_payer.clone_from(&request.request_payer);
        head
    }

    fn unless_changed(&self, error: S3Error) -> S3Error {
        if error.status() == Some(412) { self.changed().with_request_id(error.request_id()) } else { error }
    }

    /// The error of an object that is another one now.
    pub(crate) fn changed(&self) -> S3Error {
        let message = "the object was replaced while it was being downloaded";
        self.named(S3Error::new(TransferError::ObjectChanged, message))
            .with_suggestion("download it again; name a version to keep reading an old one")
    }

    /// Says whose error it is.
    pub(crate) fn named(&self, error: S3Error) -> S3Error {
        error.with_target("GetObject", Some(self.bucket()), Some(self.key()))
    }
}
