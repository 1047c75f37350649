//! object_store with its defaults; the variant `unsigned-payload` spares it the hash of bodies.

use std::process::ExitCode;
use std::time::Duration;

use bench_harness::futures_util::{StreamExt, TryStreamExt, stream};
use bench_harness::{ACCESS_KEY, Bytes, Contestant, REGION, Result, SECRET_KEY, Target};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{GetOptions, GetResult, ObjectStore, ObjectStoreExt, PutPayload};

struct Peer(AmazonS3);

async fn length(object: GetResult) -> Result<u64> {
    let mut chunks = object.into_stream();
    let mut length = 0;
    while let Some(chunk) = chunks.try_next().await? {
        length += chunk.len() as u64;
    }
    Ok(length)
}

impl Contestant for Peer {
    const NAME: &'static str = "object_store";

    async fn new(target: &Target) -> Result<Self> {
        let builder = AmazonS3Builder::new()
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_region(REGION)
            .with_bucket_name(&target.bucket)
            .with_endpoint(&target.endpoint)
            .with_allow_http(true)
            .with_unsigned_payload(target.variant == "unsigned-payload");
        Ok(Self(builder.build()?))
    }

    async fn get(&self, key: &str) -> Result<u64> {
        Ok(self.0.get(&Path::from(key)).await?.bytes().await?.len() as u64)
    }

    async fn stream(&self, key: &str) -> Result<u64> {
        length(self.0.get(&Path::from(key)).await?).await
    }

    async fn range(&self, key: &str, offset: u64, len: u64) -> Result<u64> {
        // `get_range` would gather the range in one buffer.
        let options = GetOptions::new().with_range(Some(offset..offset + len));
        length(self.0.get_opts(&Path::from(key), options).await?).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.0.put(&Path::from(key), PutPayload::from(body)).await?;
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<u64> {
        Ok(self.0.head(&Path::from(key)).await?.size)
    }

    async fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> Result<()> {
        let path = &Path::from(key);
        let id = &self.0.create_multipart(path).await?;
        let mut done: Vec<(usize, PartId)> = stream::iter(0..count)
            .map(|at| {
                let part = PutPayload::from(part.clone());
                async move { self.0.put_part(path, id, at, part).await.map(|part| (at, part)) }
            })
            .buffer_unordered(in_flight)
            .try_collect()
            .await?;
        done.sort_by_key(|(at, _)| *at);
        self.0.complete_multipart(path, id, done.into_iter().map(|(_, part)| part).collect()).await?;
        Ok(())
    }

    async fn list(&self) -> Result<(u64, u64)> {
        let (mut keys, mut bytes) = (0, 0);
        let mut objects = self.0.list(None);
        while let Some(object) = objects.try_next().await? {
            keys += 1;
            bytes += object.size;
        }
        Ok((keys, bytes))
    }

    async fn presign(&self, key: &str) -> Result<usize> {
        let hour = Duration::from_secs(3600);
        Ok(self.0.signed_url(http::Method::GET, &Path::from(key), hour).await?.as_str().len())
    }
}

fn main() -> ExitCode {
    bench_harness::run::<Peer>()
}
