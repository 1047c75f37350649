//! minio with its defaults, but for the look-up of the region, which would cost a request per bucket.

use std::path::Path;
use std::process::ExitCode;

use bench_harness::futures_util::{StreamExt, TryStreamExt, stream};
use bench_harness::{ACCESS_KEY, Bytes, Contestant, Error, Result, SECRET_KEY, Target};
use minio::s3::creds::StaticProvider;
use minio::s3::http::BaseUrl;
use minio::s3::response_traits::HasEtagFromHeaders;
use minio::s3::segmented_bytes::SegmentedBytes;
use minio::s3::types::{BucketName, ObjectKey, PartInfo, S3Api, ToStream};
use minio::s3::{MinioClient, MinioClientBuilder};

struct Peer {
    client: MinioClient,
    bucket: BucketName,
}

impl Contestant for Peer {
    const NAME: &'static str = "minio";

    async fn new(target: &Target) -> Result<Self> {
        let url: BaseUrl = target.endpoint.parse()?;
        // It trusts what is compiled into it, and what it is told.
        let authority = std::env::var_os("SSL_CERT_FILE");
        let client = MinioClientBuilder::new(url)
            .provider(Some(StaticProvider::new(ACCESS_KEY, SECRET_KEY, None)))
            .skip_region_lookup(true)
            .ssl_cert_file(authority.as_deref().map(Path::new))
            .build()?;
        Ok(Self { client, bucket: BucketName::new(&target.bucket)? })
    }

    async fn get(&self, key: &str) -> Result<u64> {
        let call = self.client.get_object(self.bucket.clone(), ObjectKey::new(key)?)?;
        Ok(call.build().send().await?.content_verified().await?.len() as u64)
    }

    async fn stream(&self, key: &str) -> Result<u64> {
        let call = self.client.get_object(self.bucket.clone(), ObjectKey::new(key)?)?;
        let (mut chunks, _) = call.build().send().await?.content()?.to_stream().await?;
        let mut length = 0;
        while let Some(chunk) = chunks.try_next().await? {
            length += chunk.len() as u64;
        }
        Ok(length)
    }

    async fn range(&self, key: &str, offset: u64, len: u64) -> Result<u64> {
        let call = self.client.get_object(self.bucket.clone(), ObjectKey::new(key)?)?.offset(offset).length(len);
        let (mut chunks, _) = call.build().send().await?.into_boxed_stream()?;
        let mut length = 0;
        while let Some(chunk) = chunks.try_next().await? {
            length += chunk.len() as u64;
        }
        Ok(length)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let body = SegmentedBytes::from(body);
        self.client.put_object(self.bucket.clone(), ObjectKey::new(key)?, body)?.build().send().await?;
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<u64> {
        let call = self.client.stat_object(self.bucket.clone(), ObjectKey::new(key)?)?;
        Ok(call.build().send().await?.size()?)
    }

    async fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> Result<()> {
        // `put_object_content` would upload one part after the other.
        let call = self.client.create_multipart_upload(self.bucket.clone(), ObjectKey::new(key)?)?;
        let id = call.build().send().await?.upload_id().await?;
        let mut done: Vec<PartInfo> = stream::iter(1..=u16::try_from(count)?)
            .map(|number| {
                let (part, id) = (part.clone(), id.clone());
                async move {
                    let (len, part, key) = (part.len() as u64, SegmentedBytes::from(part), ObjectKey::new(key)?);
                    let call = self.client.upload_part(self.bucket.clone(), key, id, number, part)?;
                    Ok::<_, Error>(PartInfo::new(number, call.build().send().await?.etag()?, len, None))
                }
            })
            .buffer_unordered(in_flight)
            .try_collect()
            .await?;
        done.sort_by_key(|part| part.number);
        let key = ObjectKey::new(key)?;
        self.client.complete_multipart_upload(self.bucket.clone(), key, id, done)?.build().send().await?;
        Ok(())
    }

    async fn list(&self) -> Result<(u64, u64)> {
        let (mut keys, mut bytes) = (0, 0);
        let mut pages = self.client.list_objects(self.bucket.clone())?.recursive(true).build().to_stream().await;
        while let Some(page) = pages.try_next().await? {
            keys += page.contents.len() as u64;
            bytes += page.contents.iter().filter_map(|object| object.size).sum::<u64>();
        }
        Ok((keys, bytes))
    }

    async fn presign(&self, key: &str) -> Result<usize> {
        let key = ObjectKey::new(key)?;
        let call = self.client.get_presigned_object_url(self.bucket.clone(), key, http::Method::GET)?;
        Ok(call.expiry_seconds(3600_u32).build().send().await?.url.len())
    }
}

fn main() -> ExitCode {
    bench_harness::run::<Peer>()
}
