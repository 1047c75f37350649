//! Hashes of large bodies that have to be known before the first byte leaves: computed in steps, so that other tasks get
//! their turns meanwhile.
//!
//! Most large bodies are hashed on their way, chunk by chunk. This is for stores that take no chunks, and for Content-MD5.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::integrity::{Algorithm, Hasher, Sum};

/// What is hashed at a stretch: less than a millisecond of SHA-256, two and a half with MD5 beside it. Handing over to other
/// tasks, of which there may be none, takes a thousandth of that.
const STEP: usize = 1024 * 1024;

/// Small enough that the second look at a block finds it in the first cache.
const BLOCK: usize = 16 * 1024;

/// What is to be computed over a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ahead {
    /// For the signature.
    pub(super) sha256: bool,
    /// For Content-MD5.
    pub(super) md5: bool,
    /// For a checksum in a header.
    pub(super) sum: Option<Algorithm>,
}

/// What was asked for.
pub(super) struct Found {
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) md5: Option<[u8; 16]>,
    pub(super) sum: Option<Sum>,
}

impl Ahead {
    pub(super) async fn compute(&self, data: &[u8]) -> Found {
        let mut sha256 = self.sha256.then(Sha256::new);
        let mut md5 = self.md5.then(Md5::new);
        let mut sum = self.sum.map(Hasher::new);
        for step in data.chunks(STEP) {
            for block in step.chunks(BLOCK) {
                if let Some(sha256) = &mut sha256 {
                    sha256.update(block);
                }
                if let Some(md5) = &mut md5 {
                    md5.update(block);
                }
                if let Some(sum) = &mut sum {
                    sum.update(block);
                }
            }
            tokio::task::yield_now().await;
        }
        Found {
            sha256: sha256.map(|it| it.finalize().into()),
            md5: md5.map(|it| it.finalize().into()),
            sum: sum.map(Hasher::finish),
        }
    }
}
