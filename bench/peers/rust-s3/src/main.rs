//! rust-s3 with its defaults. It trusts the certificates compiled into it and no others: no TLS here.

use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};

use bench_harness::futures_util::{StreamExt, TryStreamExt, stream};
use bench_harness::{ACCESS_KEY, Bytes, Contestant, REGION, Result, SECRET_KEY, Target, Unsupported};
use s3::creds::Credentials;
use s3::{Bucket, Region};
use tokio::io::AsyncWrite;

struct Peer(Box<Bucket>);

/// Its only call that streams a range wants a writer.
struct Count(u64);

impl AsyncWrite for Count {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.0 += data.len() as u64;
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Contestant for Peer {
    const NAME: &'static str = "rust-s3";

    async fn new(target: &Target) -> Result<Self> {
        if target.endpoint.starts_with("https") {
            return Err(Unsupported.into());
        }
        let region = Region::Custom { region: REGION.to_owned(), endpoint: target.endpoint.clone() };
        let credentials = Credentials::new(Some(ACCESS_KEY), Some(SECRET_KEY), None, None, None)?;
        Ok(Self(Bucket::new(&target.bucket, region, credentials)?.with_path_style()))
    }

    async fn get(&self, key: &str) -> Result<u64> {
        Ok(self.0.get_object(key).await?.bytes().len() as u64)
    }

    async fn stream(&self, key: &str) -> Result<u64> {
        let mut object = self.0.get_object_stream(key).await?;
        let mut length = 0;
        while let Some(chunk) = object.bytes().next().await {
            length += chunk?.len() as u64;
        }
        Ok(length)
    }

    async fn range(&self, key: &str, offset: u64, len: u64) -> Result<u64> {
        let mut count = Count(0);
        self.0.get_object_range_to_writer(key, offset, Some(offset + len - 1), &mut count).await?;
        Ok(count.0)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.0.put_object(key, &body).await?;
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<u64> {
        Ok(self.0.head_object(key).await?.0.content_length.unwrap_or_default().try_into()?)
    }

    async fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> Result<()> {
        let kind = "application/octet-stream";
        let upload = self.0.initiate_multipart_upload(key, kind).await?;
        let id = &upload.upload_id;
        let mut done: Vec<_> = stream::iter(1..=u32::try_from(count)?)
            .map(|number| {
                let part = part.clone();
                // It takes nothing but a vector of its own.
                async move { self.0.put_multipart_chunk(part.to_vec(), key, number, id, kind).await }
            })
            .buffer_unordered(in_flight)
            .try_collect()
            .await?;
        done.sort_by_key(|part| part.part_number);
        self.0.complete_multipart_upload(key, id, done).await?;
        Ok(())
    }

    async fn list(&self) -> Result<(u64, u64)> {
        let (mut keys, mut bytes, mut token) = (0, 0, None);
        loop {
            let (page, _) = self.0.list_page(String::new(), None, token, None, None).await?;
            keys += page.contents.len() as u64;
            bytes += page.contents.iter().map(|object| object.size).sum::<u64>();
            token = page.next_continuation_token;
            if token.is_none() {
                return Ok((keys, bytes));
            }
        }
    }

    async fn presign(&self, key: &str) -> Result<usize> {
        Ok(self.0.presign_get(key, 3600, None).await?.len())
    }
}

fn main() -> ExitCode {
    bench_harness::run::<Peer>()
}
