//! What is needed to go on with a transfer in another process: plain values, without any secret.

mod download;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::S3Error;
use crate::error::RequestError;

pub(crate) use download::{DonePiece, DownloadState};

/// The only version there is.
const VERSION: u64 = 1;

/// How far a transfer got: enough to go on with it later, in another process or on another machine.
///
/// It holds names, sizes, ETags and checksums; no credentials, no keys of encryption, no content. It serializes as a map
/// with a `version`; one from a later version is refused instead of guessed at.
///
/// ```
/// use integration_s3::transfer::TransferState;
///
/// let error = TransferState::from_json("{}").unwrap_err();
/// assert!(error.to_string().contains("version"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TransferState {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) work: Work,
}

/// Which way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Work {
    Upload(UploadState),
    Download(DownloadState),
}

/// A file as it was when the transfer began.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileFacts {
    pub(crate) path: PathBuf,
    pub(crate) len: u64,
    /// Seconds and nanoseconds since 1970; `None` where the platform does not say.
    pub(crate) modified: Option<(i64, u32)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UploadState {
    pub(crate) upload_id: String,
    pub(crate) source: FileFacts,
    pub(crate) part_size: u64,
    /// The checksum the upload was opened with, by its name on the wire.
    pub(crate) algorithm: Option<String>,
    pub(crate) parts: Vec<PartState>,
}

/// A part that the store has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartState {
    pub(crate) number: u32,
    pub(crate) len: u64,
    pub(crate) e_tag: String,
    /// In base64, as on the wire.
    pub(crate) checksum: Option<String>,
}

impl TransferState {
    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key of the object.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The id of the open upload; `None` for a download.
    pub fn upload_id(&self) -> Option<&str> {
        match &self.work {
            Work::Upload(upload) => Some(&upload.upload_id),
            Work::Download(_) => None,
        }
    }

    /// Bytes that need not be sent again.
    pub fn bytes_done(&self) -> u64 {
        match &self.work {
            Work::Upload(upload) => upload.parts.iter().map(|part| part.len).sum(),
            Work::Download(download) => download.bytes(),
        }
    }

    /// As JSON text.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// From JSON text.
    ///
    /// # Errors
    /// [`RequestError::Validation`]: not JSON, another version, or a value that is missing or cannot be.
    pub fn from_json(text: &str) -> Result<Self, S3Error> {
        Self::read(text).map_err(unusable)
    }

    fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("it is not JSON: {e}"))?;
        Self::from_value(&value)
    }

    /// Reads a file that [`save`](Self::save) wrote. `None` if there is none.
    ///
    /// # Errors
    /// The file cannot be read, or is no state, with its path.
    pub fn load(path: impl AsRef<Path>) -> Result<Option<Self>, S3Error> {
        let path = path.as_ref();
        let named = |error: &dyn std::fmt::Display| unusable(format!("{}: {error}", path.display()));
        match fs::read_to_string(path) {
            Ok(text) => Self::read(&text).map(Some).map_err(|error| named(&error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(named(&error)),
        }
    }

    /// Writes it to a file: beside it first, on the disk for good, then in its place. A crash leaves the old one or the new one.
    ///
    /// # Errors
    /// The file cannot be written, with its path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), S3Error> {
        let path = path.as_ref();
        let beside = path.with_file_name(hidden_name(path));
        let write = || {
            // Made new: two that save to one path do not mix, and no file of somebody else's is touched.
            let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
            file.write_all(self.to_json().as_bytes())?;
            file.sync_data()?;
            fs::rename(&beside, path)
        };
        write().map_err(|error: std::io::Error| {
            let _ = fs::remove_file(&beside);
            S3Error::new(
                RequestError::Validation,
                format!("the state file {} cannot be written: {error}", path.display()),
            )
            .with_suggestion("choose another path for it, or make room")
        })
    }

    fn to_value(&self) -> Value {
        let mut value = json!({
            "version": VERSION,
            "endpoint": self.endpoint,
            "bucket": self.bucket,
            "key": self.key,
        });
        let (kind, work) = match &self.work {
            Work::Upload(upload) => ("upload", upload.to_value()),
            Work::Download(download) => ("download", download.to_value()),
        };
        if let Value::Object(map) = &mut value {
            map.insert(kind.to_owned(), work);
        }
        value
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let map = Fields(value.as_object().ok_or("it is not a map")?);
        match map.number("version") {
            Ok(VERSION) => {}
            Ok(other) => return Err(format!("its version is {other}, this client knows {VERSION}")),
            Err(error) => return Err(error),
        }
        let work = match (map.0.get("upload"), map.0.get("download")) {
            (Some(upload), None) => Work::Upload(UploadState::from_value(upload)?),
            (None, Some(download)) => Work::Download(DownloadState::from_value(download)?),
            _ => return Err("it must have `upload` or `download`".to_owned()),
        };
        let (endpoint, bucket, key) = (map.text("endpoint")?, map.text("bucket")?, map.text("key")?);
        Ok(Self { endpoint, bucket, key, work })
    }
}

impl UploadState {
    fn to_value(&self) -> Value {
        let part = |part: &PartState| json!({ "number": part.number, "len": part.len, "e_tag": part.e_tag, "checksum": part.checksum });
        json!({
            "upload_id": self.upload_id,
            "source": self.source.to_value(),
            "part_size": self.part_size,
            "algorithm": self.algorithm,
            "parts": self.parts.iter().map(part).collect::<Vec<_>>(),
        })
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let map = Fields(value.as_object().ok_or("`upload` is not a map")?);
        let mut parts: Vec<PartState> = Vec::new();
        for part in map.list("parts")? {
            let part = Fields(part.as_object().ok_or("a part is not a map")?);
            let number = u32::try_from(part.number("number")?).ok().filter(|n| (1..=10_000).contains(n));
            let number = number.ok_or("the number of a part is not 1 to 10000")?;
            if parts.last().is_some_and(|before| before.number >= number) {
                return Err("its parts are not in order".to_owned());
            }
            let (len, e_tag, checksum) = (part.number("len")?, part.text("e_tag")?, part.maybe_text("checksum")?);
            parts.push(PartState { number, len, e_tag, checksum });
        }
        let source = FileFacts::from_value(map.0.get("source").ok_or("`source` is missing")?)?;
        let part_size = map.number("part_size")?;
        if part_size == 0 {
            return Err("`part_size` is 0".to_owned());
        }
        let (upload_id, algorithm) = (map.text("upload_id")?, map.maybe_text("algorithm")?);
        Ok(Self { upload_id, source, part_size, algorithm, parts })
    }
}

impl FileFacts {
    fn to_value(&self) -> Value {
        json!({ "path": path_text(&self.path), "len": self.len, "modified": self.modified.map(|(s, n)| json!([s, n])) })
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let map = Fields(value.as_object().ok_or("`source` is not a map")?);
        let modified = match map.0.get("modified").and_then(Value::as_array).map(Vec::as_slice) {
            Some([seconds, nanos]) => seconds.as_i64().zip(nanos.as_u64().and_then(|n| u32::try_from(n).ok())),
            _ => None,
        };
        Ok(Self { path: map.text("path")?.into(), len: map.number("len")?, modified })
    }
}

/// Paths that are no UTF-8 are kept as they can be shown; going on compares what it finds, so it fails instead of guessing.
fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Reads a map and names what is wrong with it.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Result<String, String> {
        self.maybe_text(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    fn maybe_text(&self, name: &str) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{name}` is not a text")),
        }
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        let value = self.0.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
        value.as_u64().ok_or_else(|| format!("`{name}` is not a whole number"))
    }

    fn list(&self, name: &str) -> Result<&'a [Value], String> {
        match self.0.get(name) {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(format!("`{name}` is not a list")),
        }
    }
}

/// A name nobody else uses; what a crash leaves of it counts as an unfinished download.
fn hidden_name(path: &Path) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name: String = path.file_name().unwrap_or_default().to_string_lossy().chars().take(40).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    format!(".{name}.{:x}-{now:x}-{:x}.s3part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn unusable(why: String) -> S3Error {
    S3Error::new(RequestError::Validation, format!("this is no state of a transfer: {why}"))
        .with_suggestion("delete the state to begin anew")
}

impl Serialize for TransferState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TransferState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn upload() -> TransferState {
        let part = |number| PartState { number, len: 5, e_tag: format!("\"{number}\""), checksum: Some("AAAA".into()) };
        TransferState {
            endpoint: "http://127.0.0.1:9000".into(),
            bucket: "logs".into(),
            key: "ü/\"\n".into(),
            work: Work::Upload(UploadState {
                upload_id: "id".into(),
                source: FileFacts { path: "/data/a".into(), len: 12, modified: Some((-5, 7)) },
                part_size: 5,
                algorithm: Some("CRC64NVME".into()),
                parts: vec![part(1), part(3)],
            }),
        }
    }

    fn download() -> TransferState {
        TransferState { work: Work::Download(download::tests::state()), ..upload() }
    }

    #[test]
    fn survives_json_and_files() {
        let folder = std::env::temp_dir().join(format!("transfer-state-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for state in [upload(), download()] {
            assert_eq!(TransferState::from_json(&state.to_json()).unwrap(), state);
            let path = folder.join("state");
            assert_eq!(TransferState::load(&path).unwrap(), None);
            state.save(&path).unwrap();
            assert_eq!(TransferState::load(&path).unwrap(), Some(state));
            fs::remove_file(&path).unwrap();
        }
        assert_eq!(upload().bytes_done(), 10);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        let error = upload().save(folder.join("none/state")).unwrap_err();
        assert!(error.to_string().contains("none/state"), "{error}");
        fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn refuses_what_it_did_not_write() {
        let good = upload().to_json();
        let changed = |from: &str, to: &str| {
            assert!(good.contains(from), "{good}");
            TransferState::from_json(&good.replacen(from, to, 1)).unwrap_err().to_string()
        };
        assert!(changed("\"version\":1", "\"version\":2").contains("its version is 2"));
        assert!(changed("\"number\":3", "\"number\":1").contains("not in order"));
        assert!(changed("\"number\":3", "\"number\":10001").contains("1 to 10000"));
        assert!(changed("\"number\":3", "\"number\":-1").contains("whole number"));
        assert!(changed("\"part_size\":5", "\"part_size\":0").contains("part_size"));
        assert!(changed("\"upload_id\":\"id\"", "\"upload_id\":7").contains("upload_id"));
        for text in ["", "[]", "null", "{\"version\":1}", "\u{0}"] {
            TransferState::from_json(text).unwrap_err();
        }
    }
}
