//! opendal with its defaults, without looking for credentials.

use std::process::ExitCode;
use std::time::Duration;

use bench_harness::futures_util::TryStreamExt;
use bench_harness::{ACCESS_KEY, Bytes, Contestant, REGION, Result, SECRET_KEY, Target};
use opendal::{Operator, services};

struct Peer(Operator);

impl Contestant for Peer {
    const NAME: &'static str = "opendal";

    async fn new(target: &Target) -> Result<Self> {
        let service = services::S3::default()
            .bucket(&target.bucket)
            .endpoint(&target.endpoint)
            .region(REGION)
            .access_key_id(ACCESS_KEY)
            .secret_access_key(SECRET_KEY)
            .disable_config_load()
            .disable_ec2_metadata();
        Ok(Self(Operator::new(service)?))
    }

    async fn get(&self, key: &str) -> Result<u64> {
        Ok(self.0.read(key).await?.to_bytes().len() as u64)
    }

    async fn stream(&self, key: &str) -> Result<u64> {
        let mut chunks = self.0.reader(key).await?.into_bytes_stream(..).await?;
        let mut length = 0;
        while let Some(chunk) = chunks.try_next().await? {
            length += chunk.len() as u64;
        }
        Ok(length)
    }

    async fn range(&self, key: &str, offset: u64, len: u64) -> Result<u64> {
        // `read_with(..).range(..)` would hold the range in memory.
        let mut chunks = self.0.reader(key).await?.into_bytes_stream(offset..offset + len).await?;
        let mut length = 0;
        while let Some(chunk) = chunks.try_next().await? {
            length += chunk.len() as u64;
        }
        Ok(length)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.0.write(key, body).await?;
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<u64> {
        Ok(self.0.stat(key).await?.content_length())
    }

    async fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> Result<()> {
        let mut writer = self.0.writer_with(key).chunk(part.len()).concurrent(in_flight).await?;
        for _ in 0..count {
            writer.write(part.clone()).await?;
        }
        writer.close().await?;
        Ok(())
    }

    async fn list(&self) -> Result<(u64, u64)> {
        let (mut keys, mut bytes) = (0, 0);
        let mut entries = self.0.lister_with("").recursive(true).await?;
        while let Some(entry) = entries.try_next().await? {
            keys += 1;
            bytes += entry.metadata().content_length();
        }
        Ok((keys, bytes))
    }

    async fn presign(&self, key: &str) -> Result<usize> {
        Ok(self.0.presign_read(key, Duration::from_secs(3600)).await?.uri().to_string().len())
    }
}

fn main() -> ExitCode {
    bench_harness::run::<Peer>()
}
