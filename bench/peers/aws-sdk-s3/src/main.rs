//! aws-sdk-s3 with its defaults; the variant `when-required` leaves out the checksums nobody asked for.

use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bench_harness::futures_util::{StreamExt, TryStreamExt, stream};
use bench_harness::{ACCESS_KEY, Bytes, Contestant, Error, REGION, Result, SECRET_KEY, Target};

struct Peer {
    client: Client,
    bucket: String,
}

async fn length(mut body: ByteStream) -> Result<u64> {
    let mut length = 0;
    while let Some(chunk) = body.try_next().await? {
        length += chunk.len() as u64;
    }
    Ok(length)
}

impl Contestant for Peer {
    const NAME: &'static str = "aws-sdk-s3";

    async fn new(target: &Target) -> Result<Self> {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "bench"))
            .endpoint_url(&target.endpoint)
            .force_path_style(true);
        if target.variant == "when-required" {
            config = config
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        }
        Ok(Self { client: Client::from_conf(config.build()), bucket: target.bucket.clone() })
    }

    async fn get(&self, key: &str) -> Result<u64> {
        let object = self.client.get_object().bucket(&self.bucket).key(key).send().await?;
        Ok(object.body.collect().await?.into_bytes().len() as u64)
    }

    async fn stream(&self, key: &str) -> Result<u64> {
        length(self.client.get_object().bucket(&self.bucket).key(key).send().await?.body).await
    }

    async fn range(&self, key: &str, offset: u64, len: u64) -> Result<u64> {
        let range = format!("bytes={offset}-{}", offset + len - 1);
        length(self.client.get_object().bucket(&self.bucket).key(key).range(range).send().await?.body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(body)).send().await?;
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<u64> {
        let head = self.client.head_object().bucket(&self.bucket).key(key).send().await?;
        Ok(head.content_length().unwrap_or_default().try_into()?)
    }

    async fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> Result<()> {
        let upload = self.client.create_multipart_upload().bucket(&self.bucket).key(key).send().await?;
        let id = upload.upload_id().ok_or("no upload id")?;
        let mut done: Vec<CompletedPart> = stream::iter(1..=i32::try_from(count)?)
            .map(|number| {
                let part = ByteStream::from(part.clone());
                let call = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(id).part_number(number);
                async move {
                    let sent = call.body(part).send().await?;
                    let done = CompletedPart::builder().part_number(number);
                    Ok::<_, Error>(done.set_e_tag(sent.e_tag).set_checksum_crc32(sent.checksum_crc32).build())
                }
            })
            .buffer_unordered(in_flight)
            .try_collect()
            .await?;
        done.sort_by_key(|part| part.part_number);
        let done = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let call = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(id);
        call.multipart_upload(done).send().await?;
        Ok(())
    }

    async fn list(&self) -> Result<(u64, u64)> {
        let (mut keys, mut bytes) = (0, 0);
        let mut pages = self.client.list_objects_v2().bucket(&self.bucket).into_paginator().send();
        while let Some(page) = pages.try_next().await? {
            for object in page.contents() {
                keys += 1;
                bytes += object.size().unwrap_or_default().unsigned_abs();
            }
        }
        Ok((keys, bytes))
    }

    async fn presign(&self, key: &str) -> Result<usize> {
        let hour = PresigningConfig::expires_in(Duration::from_secs(3600))?;
        Ok(self.client.get_object().bucket(&self.bucket).key(key).presigned(hour).await?.uri().len())
    }
}

fn main() -> ExitCode {
    bench_harness::run::<Peer>()
}
