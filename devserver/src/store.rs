//! What the server remembers: buckets, versions, uploads, all in memory behind one lock.
//!
//! Nothing here knows HTTP. A mutation happens whole under the lock, so a conditional write cannot race.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{CORSRule, Checksum, Metadata, Tag};
use s3s::{S3Result, s3_error};
use time::OffsetDateTime;

/// What does not change while the server runs.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) min_part_size: u64,
}

/// The store of one server.
pub(crate) struct Store {
    pub(crate) settings: Settings,
    state: Mutex<State>,
}

impl Store {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, state: Mutex::new(State::default()) }
    }

    /// A thread that panicked while it held the lock leaves whole values behind, so the poison is ignored.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that changes.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) buckets: BTreeMap<String, Bucket>,
    counter: u64,
}

impl State {
    pub(crate) fn bucket(&self, name: &str) -> S3Result<&Bucket> {
        self.buckets.get(name).ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    pub(crate) fn bucket_mut(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    /// An identifier nobody guesses by counting, yet ordered by time of issue (upload markers need that).
    pub(crate) fn fresh_id(&mut self) -> String {
        self.counter += 1;
        let seed = format!("{}/{}", self.counter, OffsetDateTime::now_utc().unix_timestamp_nanos());
        format!("{:08x}{}", self.counter, &hex(&Md5::checksum(seed.as_bytes()))[..24])
    }
}

/// How a bucket keeps old versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Versioning {
    #[default]
    Never,
    Enabled,
    Suspended,
}

/// One bucket.
pub(crate) struct Bucket {
    pub(crate) created: OffsetDateTime,
    pub(crate) versioning: Versioning,
    pub(crate) tags: Option<Vec<Tag>>,
    pub(crate) cors: Option<Vec<CORSRule>>,
    /// Versions of each key, the newest last. Never an empty list.
    pub(crate) keys: BTreeMap<String, Vec<Version>>,
    pub(crate) uploads: BTreeMap<(String, String), Upload>,
    /// Finished uploads: completing one again with the same parts answers as before.
    pub(crate) completed: BTreeMap<(String, String), Completed>,
}

impl Bucket {
    pub(crate) fn new() -> Self {
        Self {
            created: now(),
            versioning: Versioning::Never,
            tags: None,
            cors: None,
            keys: BTreeMap::new(),
            uploads: BTreeMap::new(),
            completed: BTreeMap::new(),
        }
    }

    /// The object a plain GET of the key would see.
    pub(crate) fn current(&self, key: &str) -> Option<&Arc<Object>> {
        self.keys.get(key)?.last()?.object.as_ref()
    }
}

/// One version of a key; without an object it is a delete marker.
pub(crate) struct Version {
    /// `null` for objects written while versioning was not enabled.
    pub(crate) id: String,
    pub(crate) modified: OffsetDateTime,
    pub(crate) object: Option<Arc<Object>>,
    pub(crate) tags: Vec<Tag>,
}

/// The bytes and facts of an object. Never changes once stored.
#[derive(Default)]
pub(crate) struct Object {
    /// One segment, or one for each part of a multipart upload.
    pub(crate) segments: Vec<Segment>,
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) facts: Facts,
    pub(crate) sums: Checksum,
    pub(crate) multipart: bool,
}

/// A run of bytes with the checksums it was uploaded with.
#[derive(Clone, Default)]
pub(crate) struct Segment {
    pub(crate) number: i32,
    pub(crate) data: Bytes,
    pub(crate) sums: Checksum,
}

/// Headers stored with an object and given back with it.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) content_type: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    /// As it was sent, date or not.
    pub(crate) expires: Option<String>,
    pub(crate) website_redirect: Option<String>,
    pub(crate) storage_class: Option<String>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) encryption: Encryption,
}

/// Which encryption a client asked for. Nothing is really encrypted.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Encryption {
    pub(crate) algorithm: Option<String>,
    pub(crate) kms_key: Option<String>,
    pub(crate) bucket_key: Option<bool>,
    /// MD5 of the customer's key, base64: all that is kept of it.
    pub(crate) customer_key_md5: Option<String>,
}

/// A multipart upload in progress.
pub(crate) struct Upload {
    pub(crate) initiated: OffsetDateTime,
    pub(crate) facts: Facts,
    pub(crate) tags: Vec<Tag>,
    pub(crate) algorithm: Option<String>,
    pub(crate) checksum_type: String,
    pub(crate) parts: BTreeMap<i32, UploadedPart>,
}

/// A part of an upload in progress.
#[derive(Clone)]
pub(crate) struct UploadedPart {
    pub(crate) data: Bytes,
    pub(crate) etag: String,
    pub(crate) modified: OffsetDateTime,
    pub(crate) sums: Checksum,
}

/// What a finished upload left behind.
#[derive(Clone)]
pub(crate) struct Completed {
    pub(crate) parts: Vec<(i32, String)>,
    pub(crate) etag: String,
    pub(crate) version_id: Option<String>,
    pub(crate) sums: Checksum,
}

/// The time in whole seconds: HTTP dates know no more, and conditions compare against them.
pub(crate) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
