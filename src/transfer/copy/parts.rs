//! A copy in parts: copied by the store from ranges of the source, or read here and written there.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::driver::Job;
use super::origin::Origin;
use super::sums::{Sums, part_with_sums, sums};
use super::{Copied, request};
use crate::config::ChecksumWhen;
use crate::error::{ErrorKind, ObjectError, RequestError, ResponseError};
use crate::operations::{CreateMultipartUploadRequest, GetObjectRequest, UploadPartCopyRequest, UploadPartRequest};
use crate::transfer::Run;
use crate::transfer::state::PartState;
use crate::transfer::upload::sums::e_tag;
use crate::transfer::work::{Crew, lost, put_in_order};
use crate::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};
use crate::{Bytes, S3Client, S3Error};

/// The least a part may have, the last one excepted.
pub(super) const SMALLEST: u64 = 5 << 20;
const LARGEST: u64 = 5 << 30;
const MOST: u64 = 10_000;
const MIB: u64 = 1 << 20;

/// How often a part is tried as a whole, on top of what the client does for each request.
const TRIES: u32 = 4;

/// Everything a part needs.
struct Work {
    run: Run,
    source: S3Client,
    copy: UploadPartCopyRequest,
    put: UploadPartRequest,
    get: GetObjectRequest,
    /// The bytes pass through this machine.
    through: bool,
}

pub(super) async fn copy(job: &Job, origin: &Origin) -> Result<Copied, S3Error> {
    let (run, through) = (&job.run, job.plan.from.is_some());
    origin.whole_metadata(&job.request)?;
    let tagging = run.control.unless_cancelled(origin.tagging(&job.request)).await??;
    // Through here a checksum is computed, so the store has to know it; the store itself knows those it has.
    let known = !through || run.client.config().request_checksums == ChecksumWhen::Supported;
    let checksum = origin.sums.for_parts().filter(|_| known);
    let mut create = request::create(&job.request, &origin.head, tagging, checksum);
    if through && origin.size < run.settings.threshold.clamp(1, LARGEST) {
        return whole(job, origin, create).await;
    }
    let ranges = ranges(origin.size, part_size(job, origin.size)?);
    let count = ranges.len() as u32;
    run.meter.set_parts(count);
    let algorithm = create.checksum_algorithm.clone();
    create.checksum_type = algorithm.clone().filter(is_crc).map(|_| ChecksumType::FullObject);
    run.pass().await?;
    // Not dropped when the copy is called off: the upload would be open and its id unknown.
    let upload = run.client.execute(create).await?;
    let pin = origin.pin(&job.request);
    let work = Arc::new(Work {
        run: run.clone(),
        source: origin.client.clone(),
        copy: request::part_copy(&job.request, &upload.upload_id, pin.clone()),
        put: request::part(&job.request, &upload.upload_id, algorithm),
        get: origin.get(pin),
        through,
    });
    run.shared().opened();
    let (mut done, failed) = all(&work, ranges, run.settings.concurrency.max(1)).await;
    let failed = match failed {
        None => None,
        Some((number, error)) => {
            let gone = error.kind() == ErrorKind::Object(ObjectError::PreconditionFailed);
            Some((number, if gone { origin.changed(error) } else { error }))
        }
    };
    if let Some((number, error)) = failed {
        return Err(job.give_up(&upload.upload_id, count, &done, number, error).await);
    }
    run.meter.phase(crate::transfer::Phase::Finishing);
    put_in_order(&mut done, |part| part.part_number.unwrap_or_default().unsigned_abs().into());
    let mut complete = request::complete(&job.request, &upload.upload_id);
    complete.multipart_upload = CompletedMultipartUpload::new().parts(done.clone());
    let completed = match run.client.execute(complete).await {
        Ok(output) => Ok(Completed {
            sums: Sums { kind: output.checksum_type.clone(), values: sums!(output) },
            e_tag: output.e_tag,
            version_id: output.version_id,
        }),
        Err(error) => match found(job, origin, &upload.upload_id, &done, &error).await {
            Some(completed) => Ok(completed),
            None => Err(error),
        },
    };
    match completed {
        Ok(Completed { e_tag, version_id, sums }) => {
            run.shared().closed();
            Ok(Copied {
                e_tag,
                version_id,
                source_version_id: origin.head.version_id.clone(),
                bytes: origin.size,
                parts: count,
                checksum: sums.text(),
                sums,
            })
        }
        Err(error) => Err(job.give_up(&upload.upload_id, count, &done, None, error).await),
    }
}

/// What the store says of the finished copy.
struct Completed {
    e_tag: Option<String>,
    version_id: Option<String>,
    sums: Sums,
}

/// The copy, if the answer to its completion was lost and what stands there is beyond doubt what was to be completed.
async fn found(
    job: &Job,
    origin: &Origin,
    upload_id: &str,
    done: &[CompletedPart],
    error: &S3Error,
) -> Option<Completed> {
    if !error.is_retryable() && error.attempts() < 2 {
        return None;
    }
    let mut head = request::head_of_copy(&job.request);
    if !origin.sums.values.is_empty() {
        head.checksum_mode = Some(ChecksumMode::Enabled);
    }
    let there = job.run.client.execute(head).await.ok()?;
    let sums = Sums { kind: there.checksum_type.clone(), values: sums!(there) };
    let part = |part: &CompletedPart| PartState {
        number: 0,
        len: 0,
        e_tag: part.e_tag.clone().unwrap_or_default(),
        checksum: None,
    };
    let parts: Vec<PartState> = done.iter().map(part).collect();
    let same_tag = e_tag(&parts).is_some_and(|tag| there.e_tag.as_deref().map(|it| it.trim_matches('"')) == Some(&tag));
    let same_size = there.content_length == i64::try_from(origin.size).ok();
    if !same_size || !same_tag || origin.sums.same(&sums) == Some(false) {
        return None;
    }
    // What stands there may be an earlier copy of the same bytes: nothing is left behind in that case either.
    job.abort(upload_id).await.then_some(Completed { e_tag: there.e_tag, version_id: there.version_id, sums })
}

fn is_crc(algorithm: &ChecksumAlgorithm) -> bool {
    matches!(algorithm, ChecksumAlgorithm::Crc64Nvme | ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32C)
}

/// Copies all parts side by side. After the first failure no part is begun; those on their way are waited for.
async fn all(
    work: &Arc<Work>,
    ranges: Vec<Range<u64>>,
    concurrency: usize,
) -> (Vec<CompletedPart>, Option<(Option<u32>, S3Error)>) {
    let mut running = Crew::new();
    let mut waiting = ranges.into_iter().zip(1u32..);
    let (mut done, mut failed) = (Vec::new(), None);
    loop {
        while failed.is_none() && running.len() < concurrency {
            let Some((range, number)) = waiting.next() else { break };
            if let Err(error) = work.run.pass().await {
                failed = Some((None, error));
                break;
            }
            running.spawn(part(work.clone(), number, range));
        }
        let Some(ended) = running.next().await else { return (done, failed) };
        match ended {
            Ok((_, Ok(part))) => done.push(part),
            Ok((number, Err(error))) => {
                failed.get_or_insert((Some(number), error));
            }
            Err(error) => {
                failed.get_or_insert((None, lost("a part was not copied", error)));
            }
        }
    }
}

async fn part(work: Arc<Work>, number: u32, range: Range<u64>) -> (u32, Result<CompletedPart, S3Error>) {
    let mut tried = 0;
    let answer = loop {
        tried += 1;
        let attempt = work.run.control.unless_cancelled(once(&work, number, range.clone())).await;
        match attempt.and_then(|answer| answer) {
            Err(error) if error.is_retryable() && tried < TRIES && !work.run.control.is_cancelled() => {
                let wait = error.retry_after().unwrap_or(Duration::from_millis(200) * 2u32.pow(tried));
                if let Err(error) = work.run.control.unless_cancelled(tokio::time::sleep(wait)).await {
                    break Err(error);
                }
            }
            answer => break answer,
        }
    };
    if answer.is_ok() {
        work.run.meter.add(range.end - range.start);
        work.run.meter.part_done();
    }
    (number, answer)
}

async fn once(work: &Work, number: u32, range: Range<u64>) -> Result<CompletedPart, S3Error> {
    if !work.through {
        let mut copy = work.copy.clone();
        copy.part_number = number as i32;
        copy.copy_source_range = Some(range.into());
        let result = work.run.client.execute(copy).await?.copy_part_result.unwrap_or_default();
        return Ok(part_with_sums!(number as i32, result));
    }
    let _room = work.run.shared().memory.take(range.end - range.start).await;
    let body = read(&work.source, work.get.clone(), range).await?;
    let mut put = work.put.clone();
    put.part_number = number as i32;
    put.body = body.into();
    let answer = work.run.client.execute(put).await?;
    Ok(part_with_sums!(number as i32, answer))
}

/// A range of the source in memory.
async fn read(client: &S3Client, mut get: GetObjectRequest, range: Range<u64>) -> Result<Bytes, S3Error> {
    let (bucket, key, length) = (get.bucket.clone(), get.key.clone(), range.end - range.start);
    get.range = Some(range.into());
    let named = |error: S3Error| error.with_target("GetObject", Some(&bucket), Some(&key));
    let bytes = client.execute(get).await?.body.collect().await.map_err(named)?;
    if bytes.len() as u64 != length {
        let text = format!("{length} bytes of the source were asked for and {} came", bytes.len());
        return Err(named(S3Error::new(ResponseError::InvalidResponse, text)));
    }
    Ok(bytes)
}

/// A small object through this machine: one GET, one PUT.
async fn whole(job: &Job, origin: &Origin, create: CreateMultipartUploadRequest) -> Result<Copied, S3Error> {
    let run = &job.run;
    let _room = run.shared().memory.take(origin.size).await;
    let mut get = origin.get(origin.pin(&job.request));
    get.checksum_mode.clone_from(&origin.checksum_mode());
    let body = async {
        // Nothing cannot be asked for as a range; without one the client checks the source's checksum.
        let output = origin.client.execute(get).await?;
        output
            .body
            .collect()
            .await
            .map_err(|error| error.with_target("GetObject", Some(&origin.bucket), Some(&origin.key)))
    };
    let body = run.control.unless_cancelled(body).await?.map_err(|error| match error.kind() {
        ErrorKind::Object(ObjectError::PreconditionFailed) => origin.changed(error),
        _ => error,
    })?;
    let bytes = body.len() as u64;
    let mut put = request::put(create, &job.request);
    put.body = body.into();
    let output = run.control.unless_cancelled(run.client.execute(put)).await??;
    run.meter.add(bytes);
    let found = Sums { kind: output.checksum_type.clone(), values: sums!(output) };
    Ok(Copied {
        e_tag: output.e_tag,
        version_id: output.version_id,
        source_version_id: origin.head.version_id.clone(),
        bytes,
        parts: 0,
        checksum: found.text(),
        sums: found,
    })
}

/// How large the parts are: as asked, or so that neither their number nor the time of one gets out of hand.
fn part_size(job: &Job, size: u64) -> Result<u64, S3Error> {
    let through = job.plan.from.is_some();
    let wanted = match job.plan.part_size {
        Some(bytes) if (SMALLEST..=LARGEST).contains(&bytes) => bytes,
        Some(bytes) => {
            return Err(job.named(
                S3Error::new(RequestError::Validation, format!("a part size of {bytes} bytes is not possible"))
                    .with_suggestion("give 5 MiB (5242880) to 5 GiB (5368709120)"),
            ));
        }
        None if through => job.run.settings.part_size.clamp(SMALLEST, LARGEST),
        None if size > 16 << 30 => 256 * MIB,
        None => 64 * MIB,
    };
    Ok(enough(wanted, size))
}

/// The size that makes do with 10,000 parts.
fn enough(wanted: u64, size: u64) -> u64 {
    wanted.max(size.div_ceil(MOST).next_multiple_of(MIB))
}

fn ranges(size: u64, part: u64) -> Vec<Range<u64>> {
    (0..size.div_ceil(part)).map(|n| n * part..((n + 1) * part).min(size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_are_enough_for_five_tebibytes() {
        for size in [1, 5 << 20, (5 << 20) + 1, 100 << 30, 5 << 40] {
            let part = enough(64 * MIB, size);
            let ranges = ranges(size, part);
            assert!(ranges.len() as u64 <= MOST && part <= LARGEST);
            assert_eq!(ranges.first().map(|range| range.start), Some(0));
            assert_eq!(ranges.last().map(|range| range.end), Some(size));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }
}
