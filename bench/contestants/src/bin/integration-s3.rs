//! integration-s3 as the contestant it is all about.
//!
//! Variants: empty, as it comes for a store with an endpoint of its own; `checked`, as it comes for AWS (bodies unsigned with a
//! CRC-64, answers verified), though over plain http; `bare`, with everything off that can be; `traced`, with a subscriber that takes
//! spans and events from `info` up and writes them to nowhere, `traced-debug` from `debug` up; `wide`, with a connection for each
//! request in flight.

use std::process::ExitCode;
use std::time::Duration;

use bench_harness::futures_util::{StreamExt, TryStreamExt, stream};
use bench_harness::{ACCESS_KEY, Bytes, Contestant, Error, REGION, Result, SECRET_KEY, Target};
use integration_s3::config::{ChecksumWhen, PayloadSigning};
use integration_s3::resilience::CircuitPolicy;
use integration_s3::types::{CompletedMultipartUpload, CompletedPart};
use integration_s3::{Bucket, ByteStream, ClientBuilder, Credentials, S3Client};
use tracing_subscriber::filter::LevelFilter;

struct Own {
    bucket: Bucket,
}

impl Contestant for Own {
    const NAME: &'static str = "integration-s3";

    async fn new(target: &Target) -> Result<Self> {
        let builder = S3Client::builder()
            .region(REGION)
            .endpoint(&target.endpoint)
            .credentials(Credentials::new(ACCESS_KEY, SECRET_KEY));
        let builder = match target.variant.as_str() {
            "checked" => builder
                .payload_signing(PayloadSigning::Unsigned)
                .request_checksums(ChecksumWhen::Supported)
                .response_checksums(ChecksumWhen::Supported),
            "bare" => builder
                .payload_signing(PayloadSigning::Unsigned)
                .max_attempts(1)
                .circuit(CircuitPolicy::off())
                .read_timeout(None)
                .operation_timeout(None)
                .stalled_streams(None),
            "traced" => listening(builder, LevelFilter::INFO),
            "traced-debug" => listening(builder, LevelFilter::DEBUG),
            "wide" => builder.max_connections(target.in_flight.max(100)),
            _ => builder,
        };
        Ok(Self { bucket: builder.build()?.bucket(&target.bucket) })
    }

    async fn get(&self, key: &str) -> Result<u64> {
        Ok(self.bucket.get_object(key).await?.body.collect().await?.len() as u64)
    }

    async fn stream(&self, key: &str) -> Result<u64> {
        length(self.bucket.get_object(key).await?.body).await
    }

    async fn range(&self, key: &str, offset: u64, len: u64) -> Result<u64> {
        length(self.bucket.get_object(key).range(offset..offset + len).await?.body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.bucket.put_object(key, body).await?;
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<u64> {
        let head = self.bucket.head_object(key).await?;
        Ok(head.content_length.unwrap_or_default().try_into()?)
    }

    async fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> Result<()> {
        let upload = self.bucket.create_multipart_upload(key).await?.upload_id;
        let id = upload.as_str();
        let mut done: Vec<CompletedPart> = stream::iter(1..=i32::try_from(count)?)
            .map(|number| {
                let part = part.clone();
                async move {
                    let sent = self.bucket.upload_part(key, id, number, part).await?;
                    let mut done = CompletedPart::new().part_number(number);
                    done.e_tag = sent.e_tag;
                    done.checksum_crc64nvme = sent.checksum_crc64nvme;
                    Ok::<_, Error>(done)
                }
            })
            .buffer_unordered(in_flight)
            .try_collect()
            .await?;
        done.sort_by_key(|part| part.part_number);
        self.bucket.complete_multipart_upload(key, id, CompletedMultipartUpload::new().parts(done)).await?;
        Ok(())
    }

    async fn list(&self) -> Result<(u64, u64)> {
        let (mut keys, mut bytes) = (0, 0);
        let mut pages = self.bucket.list_objects_v2().pages();
        while let Some(page) = pages.next().await {
            for object in page?.contents {
                keys += 1;
                bytes += object.size.unwrap_or_default().unsigned_abs();
            }
        }
        Ok((keys, bytes))
    }

    async fn presign(&self, key: &str) -> Result<usize> {
        Ok(self.bucket.get_object(key).presign(Duration::from_secs(3600)).await?.url().len())
    }
}

/// The first client of the process makes somebody listen; the others find him there.
fn listening(builder: ClientBuilder, level: LevelFilter) -> ClientBuilder {
    let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::sink).try_init();
    builder
}

async fn length(mut body: ByteStream) -> Result<u64> {
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        length += chunk?.len() as u64;
    }
    Ok(length)
}

fn main() -> ExitCode {
    bench_harness::run::<Own>()
}
