//! Whether two contents are the same, where sizes and times cannot tell: by the checksums there are, without moving data.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use md5::{Digest as _, Md5};

use super::compare::{parts_of, plain_md5};
use super::entry::{Facts, Requests};
use super::failure;
use crate::error::TransferError;
use crate::integrity::{Algorithm, Hasher};
use crate::operations::HeadObjectOutput;
use crate::types::{ChecksumMode, ChecksumType};
use crate::{Bucket, S3Error};

/// What the contents say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Same,
    Different,
    Unknown,
}

/// An object, and what its listing said.
pub(super) struct Listed<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) key: String,
    pub(super) facts: &'a Facts,
}

/// Compares a file with an object. Without `thorough`, only with an MD5 that the listing has, and no request is made.
pub(super) async fn file_and_object(
    path: PathBuf,
    object: Listed<'_>,
    thorough: bool,
    requests: &Requests,
) -> Result<Answer, S3Error> {
    let e_tag = object.facts.e_tag.as_deref().unwrap_or_default();
    let plain = plain_md5(e_tag);
    if let Some(md5) = &plain {
        if md5_of(path.clone(), None).await? == *md5 {
            return Ok(Answer::Same);
        }
        // With SSE-KMS the ETag only looks like an MD5: a checksum has the last word, if the listing shows one.
        if !thorough || object.facts.sums.is_empty() {
            return Ok(if thorough { Answer::Different } else { Answer::Unknown });
        }
    }
    if !thorough {
        return Ok(Answer::Unknown);
    }
    if object.facts.sum_type.as_ref() != Some(&ChecksumType::Composite)
        && let Some((algorithm, stored)) = head(&object, requests).await?.first().cloned()
    {
        let computed = sum_of(path, algorithm).await?;
        return Ok(if computed == stored { Answer::Same } else { Answer::Different });
    }
    let Some((sum, parts)) = parts_of(e_tag) else {
        return Ok(if plain.is_some() { Answer::Different } else { Answer::Unknown });
    };
    requests.add(1);
    let first = object.bucket.head_object(&object.key).part_number(1).await?;
    let part = first.content_length.and_then(|it| u64::try_from(it).ok()).filter(|it| *it > 0);
    match part {
        // Stores that do not know the parameter answer with the whole object.
        Some(part) if object.facts.size.div_ceil(part) == parts => {
            let computed = md5_of(path, Some(part)).await?;
            Ok(if computed == sum { Answer::Same } else { Answer::Unknown })
        }
        _ => Ok(Answer::Unknown),
    }
}

/// Compares two objects.
pub(super) async fn two_objects(
    source: Listed<'_>,
    target: Listed<'_>,
    thorough: bool,
    requests: &Requests,
) -> Result<Answer, S3Error> {
    let tag = |it: &Listed<'_>| it.facts.e_tag.clone().unwrap_or_default();
    let (one, other) = (tag(&source), tag(&target));
    if one == other && (plain_md5(&one).is_some() || parts_of(&one).is_some()) {
        return Ok(Answer::Same);
    }
    if !thorough {
        return Ok(Answer::Unknown);
    }
    let has_none = |it: &Listed<'_>| it.facts.sums.is_empty() || it.facts.sum_type == Some(ChecksumType::Composite);
    if !has_none(&source) && !has_none(&target) {
        let (sums, others) = (head(&source, requests).await?, head(&target, requests).await?);
        let pair = sums.iter().find_map(|(algorithm, sum)| {
            others.iter().find(|(other, _)| other == algorithm).map(|(_, other)| sum == other)
        });
        if let Some(same) = pair {
            return Ok(if same { Answer::Same } else { Answer::Different });
        }
    }
    let plain = plain_md5(&one).is_some() && plain_md5(&other).is_some();
    Ok(if plain { Answer::Different } else { Answer::Unknown })
}

/// The checksums over the whole object that are stored and can be computed here.
async fn head(object: &Listed<'_>, requests: &Requests) -> Result<Vec<(Algorithm, String)>, S3Error> {
    requests.add(1);
    let head = object.bucket.head_object(&object.key).checksum_mode(ChecksumMode::Enabled).await?;
    Ok(if head.checksum_type == Some(ChecksumType::Composite) { Vec::new() } else { sums_in(head) })
}

fn sums_in(head: HeadObjectOutput) -> Vec<(Algorithm, String)> {
    let all = [
        (Algorithm::Crc64Nvme, head.checksum_crc64nvme),
        (Algorithm::Crc32c, head.checksum_crc32c),
        (Algorithm::Crc32, head.checksum_crc32),
        (Algorithm::Sha1, head.checksum_sha1),
        (Algorithm::Sha256, head.checksum_sha256),
    ];
    // `-N` marks a sum over the sums of parts, also where the store does not say so otherwise.
    all.into_iter().filter_map(|(algorithm, sum)| Some((algorithm, sum.filter(|it| !it.contains('-'))?))).collect()
}

async fn sum_of(path: PathBuf, algorithm: Algorithm) -> Result<String, S3Error> {
    blocking(move || {
        let mut hasher = Hasher::new(algorithm);
        read(&path, |bytes| hasher.update(bytes))?;
        Ok(hasher.finish().to_base64())
    })
    .await
}

/// In hexadecimal; of the file, or as of a multipart upload: of the MD5s of its parts.
async fn md5_of(path: PathBuf, part: Option<u64>) -> Result<String, S3Error> {
    blocking(move || {
        let mut whole = Md5::new();
        let Some(part) = part else {
            read(&path, |bytes| whole.update(bytes))?;
            return Ok(hex(&whole.finalize()));
        };
        let (mut current, mut room) = (Md5::new(), part);
        read(&path, |mut bytes| {
            while !bytes.is_empty() {
                let (now, later) = bytes.split_at(usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len()));
                current.update(now);
                room -= now.len() as u64;
                bytes = later;
                if room == 0 {
                    whole.update(current.finalize_reset());
                    room = part;
                }
            }
        })?;
        if room < part {
            whole.update(current.finalize());
        }
        Ok(hex(&whole.finalize()))
    })
    .await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|it| [it >> 4, it & 15]).filter_map(|it| char::from_digit(it.into(), 16)).collect()
}

fn read(path: &PathBuf, mut take: impl FnMut(&[u8])) -> Result<(), S3Error> {
    let mut file = File::open(path).map_err(|error| failure("read", path, error))?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failure("read", path, error)),
        }
    }
}

/// Runs what waits for the disk where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, S3Error> + Send + 'static,
) -> Result<T, S3Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|lost| {
        Err(S3Error::new(TransferError::StreamInterrupted, "the work on a file was interrupted").with_source(lost))
    })
}
