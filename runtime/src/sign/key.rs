//! Signing keys and a small cache of them.
//!
//! A key is derived by four HMACs out of the secret and holds for one day, region and service. The cache
//! keeps the state of the HMAC keyed with it, never the secret: finding an entry compares a digest of the
//! secret that was computed when the credentials were made.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{ALGORITHM, Hex, SigningScope};
use crate::identity::Credentials;

/// The HMAC of one day, region and service, and the texts that name it.
pub(super) struct SigningKey {
    mac: Hmac<Sha256>,
    /// `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=`
    said: Box<str>,
    /// Where the scope stands in it.
    scope: Range<usize>,
}

impl SigningKey {
    fn derive(credentials: &Credentials, day: &str, region: &str, service: &str) -> Self {
        let secret = credentials.secret_access_key().expose();
        let mut seed = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        seed.extend_from_slice(b"AWS4");
        seed.extend_from_slice(secret.as_bytes());
        let mut key = hmac(&seed, day);
        for part in [region, service, "aws4_request"] {
            key = hmac(&*key, part);
        }
        let mut said = String::from(ALGORITHM);
        said.push_str(" Credential=");
        said.push_str(credentials.access_key_id());
        said.push('/');
        let begin = said.len();
        for part in [day, region, service] {
            said.push_str(part);
            said.push('/');
        }
        said.push_str("aws4_request");
        let scope = begin..said.len();
        said.push_str(", SignedHeaders=");
        Self { mac: keyed(&*key), said: said.into(), scope }
    }

    /// `20130524/us-east-1/s3/aws4_request`
    pub(super) fn scope(&self) -> &str {
        self.said.get(self.scope.clone()).unwrap_or_default()
    }

    /// What an `authorization` header begins with, up to the names of the signed headers.
    pub(super) fn said(&self) -> &str {
        &self.said
    }

    /// The signature of one text, given in pieces.
    pub(super) fn sign(&self, pieces: &[&[u8]]) -> Hex {
        let mut mac = self.mac.clone();
        for piece in pieces {
            mac.update(piece);
        }
        Hex::of(&mac.finalize().into_bytes().into())
    }
}

/// HMAC takes keys of any length, so its constructor cannot fail.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn hmac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(keyed(key).chain_update(text.as_bytes()).finalize().into_bytes().into())
}

/// Remembers the signing keys that were used last.
///
/// One cache serves a client, with all its credentials and regions; clients may share one. It holds
/// a few dozen keys and forgets the oldest first. Looking up is a shared lock and a comparison.
pub struct KeyCache {
    entries: RwLock<Vec<Entry>>,
    capacity: usize,
}

struct Entry {
    access_key_id: Box<str>,
    fingerprint: [u8; 32],
    day: [u8; 8],
    region: Box<str>,
    service: Box<str>,
    key: Arc<SigningKey>,
}

impl KeyCache {
    /// An empty cache for 64 keys.
    pub const fn new() -> Self {
        Self::with_capacity(64)
    }

    /// An empty cache for that many keys; with 0 every signature derives its key anew.
    pub const fn with_capacity(capacity: usize) -> Self {
        Self { entries: RwLock::new(Vec::new()), capacity }
    }

    /// The key for these credentials on the day of `date`, which is `YYYYMMDDThhmmssZ`.
    pub(super) fn get(&self, credentials: &Credentials, scope: &SigningScope<'_>, date: &[u8; 16]) -> Arc<SigningKey> {
        let mut day = [0; 8];
        day.copy_from_slice(&date[..8]);
        let is_it = |entry: &&Entry| {
            entry.day == day
                && entry.fingerprint == *credentials.fingerprint()
                && *entry.access_key_id == *credentials.access_key_id()
                && *entry.region == *scope.region
                && *entry.service == *scope.service
        };
        // The newest stand at the end. A panic elsewhere cannot leave the list half changed.
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.iter().rev().find(is_it) {
            return entry.key.clone();
        }
        drop(entries);
        let text = std::str::from_utf8(&day).unwrap_or_default();
        let key = Arc::new(SigningKey::derive(credentials, text, scope.region, scope.service));
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if self.capacity > 0 && !entries.iter().any(|entry| is_it(&entry)) {
            if entries.len() >= self.capacity {
                entries.remove(0);
            }
            entries.push(Entry {
                access_key_id: credentials.access_key_id().into(),
                fingerprint: *credentials.fingerprint(),
                day,
                region: scope.region.into(),
                service: scope.service.into(),
                key: key.clone(),
            });
        }
        key
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    fn scope(region: &str) -> SigningScope<'_> {
        SigningScope { region, service: "s3", time: Timestamp::from_unix(0) }
    }

    const DAY: &[u8; 16] = b"20130524T000000Z";

    fn len(cache: &KeyCache) -> usize {
        cache.entries.read().unwrap().len()
    }

    #[test]
    fn finds_a_key_again() {
        let cache = KeyCache::new();
        let credentials = Credentials::new("A", "s");
        let first = cache.get(&credentials, &scope("r"), DAY);
        assert!(Arc::ptr_eq(&first, &cache.get(&credentials, &scope("r"), b"20130524T235959Z")));
        assert!(Arc::ptr_eq(&first, &cache.get(&Credentials::new("A", "s"), &scope("r"), DAY)));
        assert_eq!(first.scope(), "20130524/r/s3/aws4_request");
        assert_eq!(len(&cache), 1);
    }

    #[test]
    fn anything_different_is_another_key() {
        let cache = KeyCache::new();
        let credentials = Credentials::new("A", "s");
        let first = cache.get(&credentials, &scope("r"), DAY);
        let others = [
            cache.get(&Credentials::new("B", "s"), &scope("r"), DAY),
            cache.get(&Credentials::new("A", "t"), &scope("r"), DAY),
            cache.get(&credentials, &scope("q"), DAY),
            cache.get(&credentials, &scope("r"), b"20130525T000000Z"),
            cache.get(&credentials, &SigningScope { service: "sts", ..scope("r") }, DAY),
        ];
        assert!(others.iter().all(|other| !Arc::ptr_eq(&first, other)));
        assert!(others[1..].iter().all(|other| first.sign(&[b"x"]) != other.sign(&[b"x"])));
        assert_eq!(len(&cache), 6);
    }

    #[test]
    fn stays_within_its_bounds_and_forgets_the_oldest() {
        let credentials = Credentials::new("A", "s");
        let cache = KeyCache::with_capacity(2);
        let first = cache.get(&credentials, &scope("1"), DAY);
        let second = cache.get(&credentials, &scope("2"), DAY);
        cache.get(&credentials, &scope("3"), DAY);
        assert_eq!(len(&cache), 2);
        assert!(Arc::ptr_eq(&second, &cache.get(&credentials, &scope("2"), DAY)));
        assert!(!Arc::ptr_eq(&first, &cache.get(&credentials, &scope("1"), DAY)));
        let none = KeyCache::with_capacity(0);
        none.get(&credentials, &scope("1"), DAY);
        assert_eq!(len(&none), 0);
    }

    #[test]
    fn many_threads_share_one_key() {
        let cache = KeyCache::default();
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| cache.get(&Credentials::new("A", "s"), &scope("r"), DAY));
            }
        });
        assert_eq!(len(&cache), 1);
    }
}
