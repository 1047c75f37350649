//! rusty-s3, which signs and parses, with reqwest for what it leaves to others. Every request is a presigned URL.

use std::process::ExitCode;
use std::time::Duration;

use bench_harness::futures_util::{StreamExt, TryStreamExt, stream};
use bench_harness::{ACCESS_KEY, Bytes, Contestant, Error, REGION, Result, SECRET_KEY, Target};
use reqwest::Response;
use rusty_s3::actions::{CreateMultipartUpload, ListObjectsV2};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

const HOUR: Duration = Duration::from_secs(3600);

struct Peer {
    http: reqwest::Client,
    bucket: Bucket,
    credentials: Credentials,
}

async fn length(response: Response) -> Result<u64> {
    let mut chunks = response.bytes_stream();
    let mut length = 0;
    while let Some(chunk) = chunks.try_next().await? {
        length += chunk.len() as u64;
    }
    Ok(length)
}

impl Contestant for Peer {
    const NAME: &'static str = "rusty-s3";

    async fn new(target: &Target) -> Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().build()?,
            bucket: Bucket::new(target.endpoint.parse()?, UrlStyle::Path, target.bucket.clone(), REGION)?,
            credentials: Credentials::new(ACCESS_KEY, SECRET_KEY),
        })
    }

    async fn get(&self, key: &str) -> Result<u64> {
        let url = self.bucket.get_object(Some(&self.credentials), key).sign(HOUR);
        Ok(self.http.get(url).send().await?.error_for_status()?.bytes().await?.len() as u64)
    }

    async fn stream(&self, key: &str) -> Result<u64> {
        let url = self.bucket.get_object(Some(&self.credentials), key).sign(HOUR);
        length(self.http.get(url).send().await?.error_for_status()?).await
    }

    async fn range(&self, key: &str, offset: u64, len: u64) -> Result<u64> {
        let url = self.bucket.get_object(Some(&self.credentials), key).sign(HOUR);
        let range = format!("bytes={offset}-{}", offset + len - 1);
        length(self.http.get(url).header("range", range).send().await?.error_for_status()?).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let url = self.bucket.put_object(Some(&self.credentials), key).sign(HOUR);
        self.http.put(url).body(body).send().await?.error_for_status()?;
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<u64> {
        let url = self.bucket.head_object(Some(&self.credentials), key).sign(HOUR);
        let response = self.http.head(url).send().await?.error_for_status()?;
        Ok(response.headers().get("content-length").ok_or("no length")?.to_str()?.parse()?)
    }

    async fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> Result<()> {
        let url = self.bucket.create_multipart_upload(Some(&self.credentials), key).sign(HOUR);
        let text = self.http.post(url).send().await?.error_for_status()?.text().await?;
        let upload = CreateMultipartUpload::parse_response(&text)?;
        let id = upload.upload_id();
        let mut done: Vec<(u16, String)> = stream::iter(1..=u16::try_from(count)?)
            .map(|number| {
                let part = part.clone();
                async move {
                    let url = self.bucket.upload_part(Some(&self.credentials), key, number, id).sign(HOUR);
                    let response = self.http.put(url).body(part).send().await?.error_for_status()?;
                    let tag = response.headers().get("etag").ok_or("no tag")?.to_str()?.to_owned();
                    Ok::<_, Error>((number, tag))
                }
            })
            .buffer_unordered(in_flight)
            .try_collect()
            .await?;
        done.sort();
        let tags = done.iter().map(|(_, tag)| tag.as_str());
        let complete = self.bucket.complete_multipart_upload(Some(&self.credentials), key, id, tags);
        let url = complete.sign(HOUR);
        self.http.post(url).body(complete.body()).send().await?.error_for_status()?.text().await?;
        Ok(())
    }

    async fn list(&self) -> Result<(u64, u64)> {
        let (mut keys, mut bytes, mut token) = (0, 0, None::<String>);
        loop {
            let mut list = self.bucket.list_objects_v2(Some(&self.credentials));
            if let Some(token) = token {
                list.with_continuation_token(token);
            }
            let text = self.http.get(list.sign(HOUR)).send().await?.error_for_status()?.bytes().await?;
            let page = ListObjectsV2::parse_response(std::str::from_utf8(&text)?)?;
            keys += page.contents.len() as u64;
            bytes += page.contents.iter().filter_map(|object| object.size).sum::<u64>();
            token = page.next_continuation_token;
            if token.is_none() {
                return Ok((keys, bytes));
            }
        }
    }

    async fn presign(&self, key: &str) -> Result<usize> {
        Ok(self.bucket.get_object(Some(&self.credentials), key).sign(HOUR).as_str().len())
    }
}

fn main() -> ExitCode {
    bench_harness::run::<Peer>()
}
