//! One writer: it does random things to keys of its own and knows what must come of them.

use std::sync::Arc;
use std::time::Duration;

use integration_s3::error::{AccessError, ErrorKind, ObjectError};
use integration_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use integration_s3::{Bucket, ByteStream, CopySource, S3Error};

use super::faults::{Dice, Fault};
use super::model::{Content, Model};
use super::proxy::Proxy;
use super::report::Report;

/// Whether a changed byte of an answer's object is held against the SDK, or only counted.
const CHANGED_BYTES_ARE_CAUGHT: bool = true;

/// Far beyond every timeout of the client: who takes longer hangs.
const HANGS: Duration = Duration::from_secs(120);

const OPERATIONS: [(&str, usize); 11] = [
    ("put bytes", 20),
    ("put stream", 10),
    ("get", 24),
    ("get range", 10),
    ("head", 4),
    ("list", 8),
    ("multipart", 7),
    ("copy", 7),
    ("delete", 5),
    ("delete many", 3),
    ("list uploads", 2),
];

pub struct Writer {
    pub bucket: Bucket,
    pub model: Model,
    pub report: Report,
    /// What was done, for whoever has to find out why.
    pub log: Vec<String>,
    /// Uploads begun whose end is not certain.
    pub open_uploads: Vec<String>,
    dice: Dice,
    proxy: Arc<Proxy>,
    keys: usize,
    /// Faults of an operation that had failed before it was cleaned up after.
    met: Option<Vec<(Fault, String)>>,
}

/// The end of an operation: an error of the SDK, or a lie.
enum Trouble {
    Surfaced(S3Error),
    Wrong(String),
}

impl From<S3Error> for Trouble {
    fn from(error: S3Error) -> Self {
        Self::Surfaced(error)
    }
}

impl From<String> for Trouble {
    fn from(what: String) -> Self {
        Self::Wrong(what)
    }
}

impl Writer {
    pub fn new(bucket: Bucket, dice: Dice, proxy: Arc<Proxy>) -> Self {
        Self {
            bucket,
            model: Model::default(),
            report: Report::default(),
            log: Vec::new(),
            open_uploads: Vec::new(),
            dice,
            proxy,
            keys: 6,
            met: None,
        }
    }

    /// Does `operations` things. `Err`: the SDK did something it must not.
    pub async fn work(&mut self, operations: usize) -> Result<(), String> {
        for number in 0..operations {
            let name = self.pick();
            let key = format!("dir {}/k+{}", self.dice.below(2), self.dice.below(self.keys));
            let began = std::time::Instant::now();
            let done = tokio::time::timeout(HANGS, self.once(name, &key)).await;
            let mut faults = self.proxy.injected(self.bucket.name());
            if let Some(met) = self.met.take() {
                self.report.cleaned_up(&faults);
                faults = met;
            }
            let took = began.elapsed().as_millis();
            let outcome = match &done {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(Trouble::Surfaced(error))) => format!("{error} [{:?}]", error.kind()),
                Ok(Err(Trouble::Wrong(what))) => format!("WRONG: {what}"),
                Err(_) => "HANGS".to_owned(),
            };
            self.log.push(format!("#{number} {name} {key:?} {took} ms, faults {faults:?}: {outcome}"));
            match done {
                Ok(Ok(())) => self.report.succeeded(name, &faults),
                Ok(Err(Trouble::Surfaced(error))) => {
                    self.report.surfaced(name, &faults, &error);
                    self.must_be_honest(&error, &faults)?;
                }
                Ok(Err(Trouble::Wrong(_))) if !CHANGED_BYTES_ARE_CAUGHT && name == "get" && changed(&faults) => {
                    self.report.not_caught(name, &faults);
                }
                Ok(Err(Trouble::Wrong(what))) => return Err(what),
                Err(_) => return Err(format!("{name} hangs")),
            }
        }
        Ok(())
    }

    fn pick(&mut self) -> &'static str {
        let mut at = self.dice.below(OPERATIONS.iter().map(|(_, weight)| weight).sum());
        for (name, weight) in OPERATIONS {
            if at < weight {
                return name;
            }
            at -= weight;
        }
        OPERATIONS[0].0
    }

    /// No fault here makes a key vanish or a signature wrong, unless bytes were changed on their way.
    fn must_be_honest(&self, error: &S3Error, faults: &[(Fault, String)]) -> Result<(), String> {
        let harmed = faults.iter().any(|(f, _)| matches!(f, Fault::RequestCorrupt | Fault::RequestDuplicate));
        let lie = match error.kind() {
            ErrorKind::Access(AccessError::SignatureDoesNotMatch) => !harmed,
            ErrorKind::Access(_) | ErrorKind::Bucket(_) | ErrorKind::Credentials(_) | ErrorKind::Signing(_) => true,
            ErrorKind::Configuration(_) => true,
            ErrorKind::Request(_) | ErrorKind::Multipart(_) | ErrorKind::Object(_) => faults.is_empty(),
            _ => false,
        };
        if lie { Err(format!("an error that cannot be: {error} [{:?}]", error.kind())) } else { Ok(()) }
    }

    fn content(&mut self) -> Content {
        let size = match self.dice.below(40) {
            0 => 0,
            1 => 600_000 + self.dice.below(200_000),
            2..6 => self.dice.below(200_000),
            _ => self.dice.below(12_000),
        };
        Arc::new(self.dice.bytes(size))
    }

    async fn once(&mut self, name: &str, key: &str) -> Result<(), Trouble> {
        match name {
            "put bytes" => {
                let content = self.content();
                let answer = self.bucket.put_object(key, content.to_vec()).await;
                self.written(key, Some(content), answer)
            }
            "put stream" => {
                let content = self.content();
                let answer = self.bucket.put_object(key, streamed(&content)).await;
                self.written(key, Some(content), answer)
            }
            "get" => self.get(key).await,
            "get range" => self.get_range(key).await,
            "head" => match self.bucket.head_object(key).await {
                Ok(head) => Ok(self.model.saw_size(key, head.content_length.map(|n| n as usize))?),
                Err(error) => self.absent(key, error),
            },
            "list" => self.list().await,
            "multipart" => self.multipart(key).await,
            "copy" => self.copy(key).await,
            "delete" => {
                let answer = self.bucket.delete_object(key).await;
                self.written(key, None, answer)
            }
            "delete many" => self.delete_many().await,
            _ => {
                let uploads = self.bucket.list_multipart_uploads().await?.uploads;
                // Those whose ids were lost are open, too.
                let least = self.open_uploads.iter().filter(|id| uploads.iter().any(|u| u.upload_id == **id)).count();
                self.open_uploads.truncate(self.open_uploads.len().max(least));
                Ok(())
            }
        }
    }

    fn written<T>(&mut self, key: &str, content: Option<Content>, answer: Result<T, S3Error>) -> Result<(), Trouble> {
        match answer {
            Ok(_) => {
                self.model.wrote(key, content);
                Ok(())
            }
            Err(error) => {
                self.model.perhaps_wrote(key, content);
                Err(error.into())
            }
        }
    }

    /// "Not there" is an answer like any other, where it can be true.
    fn absent(&mut self, key: &str, error: S3Error) -> Result<(), Trouble> {
        if error.kind() != ErrorKind::Object(ObjectError::NotFound) {
            return Err(error.into());
        }
        Ok(self.model.saw(key, None)?)
    }

    async fn get(&mut self, key: &str) -> Result<(), Trouble> {
        match self.bucket.get_object(key).await {
            Ok(got) => {
                let bytes = got.body.collect().await?;
                Ok(self.model.saw(key, Some(&bytes))?)
            }
            Err(error) => self.absent(key, error),
        }
    }

    async fn get_range(&mut self, key: &str) -> Result<(), Trouble> {
        let Some(content) = self.model.certain(key).filter(|c| !c.is_empty()) else { return self.get(key).await };
        let from = self.dice.below(content.len());
        let len = 1 + self.dice.below(content.len() - from);
        let got = self.bucket.get_object(key).range(from as u64..(from + len) as u64).await;
        let bytes = match got {
            Ok(got) => got.body.collect().await?,
            Err(error) => return self.absent(key, error),
        };
        if bytes.len() != len {
            return Err(format!("{key}: asked for {len} bytes from {from}, got {}", bytes.len()).into());
        }
        Ok(self.model.saw_range(key, from, &bytes)?)
    }

    async fn list(&mut self) -> Result<(), Trouble> {
        // Small pages, so that there are several.
        let objects = self.bucket.list_objects_v2().max_keys(5).items().collect().await?;
        let mut found: Vec<(String, usize)> = Vec::new();
        for object in objects {
            found.push((object.key, object.size.unwrap_or(-1).try_into().unwrap_or(usize::MAX)));
        }
        if !found.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err(format!("a listing out of order or with doubles: {found:?}").into());
        }
        let known: Vec<String> = self.model.keys().cloned().collect();
        if let Some((stranger, _)) = found.iter().find(|(key, _)| !known.contains(key)) {
            return Err(format!("a listing shows {stranger:?}, which nobody wrote").into());
        }
        for key in known {
            let size = found.iter().find(|(k, _)| *k == key).map(|(_, size)| *size);
            self.model.saw_size(&key, size)?;
        }
        Ok(())
    }

    async fn multipart(&mut self, key: &str) -> Result<(), Trouble> {
        let id = self.bucket.create_multipart_upload(key).await?.upload_id;
        self.open_uploads.push(id.clone());
        let done = self.parts(key, &id).await;
        if done.is_err() {
            self.met = Some(self.proxy.injected(self.bucket.name()));
            // As an application would. The upload may be complete all the same.
            let _ = self.bucket.abort_multipart_upload(key, &id).await;
        }
        if done.is_ok() {
            self.open_uploads.retain(|open| *open != id);
        }
        done
    }

    async fn parts(&mut self, key: &str, id: &str) -> Result<(), Trouble> {
        let mut whole = Vec::new();
        let mut parts = Vec::new();
        for number in 1..=2 + self.dice.below(3) as i32 {
            let len = 5_000 + self.dice.below(30_000);
            let part = self.dice.bytes(len);
            whole.extend_from_slice(&part);
            let body = if self.dice.one_in(3) { streamed(&Arc::new(part)) } else { part.into() };
            let sent = self.bucket.upload_part(key, id, number, body).await?;
            let tag = sent.e_tag.ok_or_else(|| format!("part {number} of {key} has no tag"))?;
            parts.push(CompletedPart::new().part_number(number).e_tag(tag));
        }
        if self.dice.one_in(4) {
            let listed = self.bucket.list_parts(key, id).max_parts(2).items().collect().await?;
            if listed.len() != parts.len() {
                return Err(format!("{} parts of {} are listed", listed.len(), parts.len()).into());
            }
        }
        let answer = self.bucket.complete_multipart_upload(key, id, CompletedMultipartUpload::new().parts(parts)).await;
        self.written(key, Some(Arc::new(whole)), answer)
    }

    async fn copy(&mut self, key: &str) -> Result<(), Trouble> {
        let known: Vec<String> = self.model.keys().filter(|k| *k != key).cloned().collect();
        let Some(source) = known.get(self.dice.below(known.len())).cloned() else { return self.get(key).await };
        let Some(content) = self.model.certain(&source) else { return self.get(&source).await };
        let answer = self.bucket.copy_object(key, CopySource::new(self.bucket.name(), &source)).await;
        self.written(key, Some(content), answer)
    }

    async fn delete_many(&mut self) -> Result<(), Trouble> {
        let mut keys: Vec<String> = self.model.keys().cloned().collect();
        keys.truncate(1 + self.dice.below(3));
        if keys.is_empty() {
            return self.list().await;
        }
        match self.bucket.delete_objects(Delete::new(keys.iter().map(ObjectIdentifier::new))).await {
            Ok(answer) if answer.errors.is_empty() && answer.deleted.len() == keys.len() => {
                keys.iter().for_each(|key| self.model.wrote(key, None));
                Ok(())
            }
            Ok(answer) => {
                Err(format!("{} of {} deleted, errors {:?}", answer.deleted.len(), keys.len(), answer.errors).into())
            }
            Err(error) => {
                keys.iter().for_each(|key| self.model.perhaps_wrote(key, None));
                Err(error.into())
            }
        }
    }
}

/// Whether bytes of an answer were changed.
fn changed(faults: &[(Fault, String)]) -> bool {
    faults.iter().any(|(f, _)| matches!(f, Fault::AnswerCorrupt | Fault::AnswerDuplicate))
}

/// A stream that can be read once, in uneven pieces.
fn streamed(content: &Content) -> ByteStream {
    let mut pieces = Vec::new();
    let mut rest = &content[..];
    let mut size = 700;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        pieces.push(Ok::<_, std::io::Error>(piece.to_vec().into()));
        rest = after;
        size = size * 2 % 70_001;
    }
    ByteStream::from_stream(futures_util::stream::iter(pieces), Some(content.len() as u64))
}
