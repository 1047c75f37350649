//! Whole transfers through a proxy that does harm. `STORM_TRANSFERS` (default 24), `STORM_SEED` (1) and `STORM_ONE_IN` (6) size and
//! seed it. At the end every byte is where it belongs, and no upload is open but those whose ids the proxy swallowed.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use integration_s3::config::ChecksumWhen;
use integration_s3::transfer::{TransferManager, UploadSource};
use integration_s3::transport::HyperTransport;
use integration_s3::{Bucket, Credentials, S3Client, S3Error};
use integration_s3_devserver::DevServer;
use integration_s3_runtime::resilience::{CircuitPolicy, RetryCase, RetryPolicy, RetryRule};
use tokio::task::JoinSet;

use crate::faults::Dice;
use crate::proxy::{Proxy, Random};

const WORKERS: usize = 8;
/// How often a user would try a transfer that ends with an error.
const TRIES: usize = 5;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?}")))
}

/// Short waits, so that a run takes seconds; everything else as users have it.
fn client(server: &DevServer, endpoint: &str) -> S3Client {
    let soon = RetryRule::new().base_delay(Duration::from_millis(20));
    S3Client::builder()
        .region(server.region())
        .endpoint(endpoint)
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .transport(HyperTransport::builder().read_idle_timeout(Duration::from_secs(1)).build())
        .request_checksums(ChecksumWhen::Supported)
        .response_checksums(ChecksumWhen::Supported)
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(10)).rule(RetryCase::Throttle, soon))
        .circuit(CircuitPolicy::default().reset_after(Duration::from_millis(200)))
        .build()
        .unwrap()
}

struct Worker {
    shaky: TransferManager,
    direct: Bucket,
    folder: PathBuf,
    dice: Dice,
    /// How many transfers there were of each kind, and how many had to be tried again.
    done: BTreeMap<&'static str, (usize, usize)>,
}

impl Worker {
    async fn work(&mut self, share: usize) -> Result<(), String> {
        for n in 0..share {
            // Empty, tiny, one request, and up to four parts.
            let len = match self.dice.below(6) {
                0 => self.dice.below(2),
                1 => self.dice.below(1 << 20),
                _ => (1 << 20) + self.dice.below(16 << 20),
            };
            let bytes = self.dice.bytes(len);
            let key = format!("{n}");
            let kind = ["file up", "stream up", "file down", "bytes down", "stream down"][self.dice.below(5)];
            let again = self.one(kind, &key, &bytes).await.map_err(|e| format!("{kind} {key}, {len} bytes: {e}"))?;
            let count = self.done.entry(kind).or_default();
            *count = (count.0 + 1, count.1 + again);
            self.direct.delete_object(&key).await.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// How often it had to be begun anew.
    async fn one(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<usize, String> {
        if kind.ends_with("down") {
            self.direct
                .client()
                .transfer()
                .upload(self.direct.name(), key, bytes.to_vec())
                .await
                .map_err(|e| e.to_string())?;
        }
        let mut again = 0;
        let got = loop {
            match self.attempt(kind, key, bytes).await {
                Ok(got) => break got,
                Err(error) if again + 1 < TRIES => {
                    println!("{kind} {key}: {error}");
                    again += 1;
                }
                Err(error) => return Err(error.to_string()),
            }
        };
        let got = match got {
            Some(got) => got,
            None => {
                let object = self.direct.get_object(key).await.map_err(|e| e.to_string())?;
                object.body.collect().await.map_err(|e| e.to_string())?.to_vec()
            }
        };
        if got != bytes {
            let at = got.iter().zip(bytes).position(|(a, b)| a != b);
            return Err(format!("{} bytes, first difference at {at:?}", got.len()));
        }
        Ok(again)
    }

    async fn attempt(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>, S3Error> {
        let bucket = self.direct.name();
        let path = self.folder.join(key);
        Ok(match kind {
            "file up" => {
                std::fs::write(&path, bytes).unwrap();
                self.shaky.upload_file(&path, bucket, key).await?;
                std::fs::remove_file(&path).unwrap();
                None
            }
            "stream up" => {
                let source = UploadSource::reader(Cursor::new(bytes.to_vec()), None);
                self.shaky.upload(bucket, key, source).await?;
                None
            }
            "file down" => {
                self.shaky.download_file(bucket, key, &path).await?;
                let got = std::fs::read(&path).unwrap();
                std::fs::remove_file(&path).unwrap();
                Some(got)
            }
            "bytes down" => Some(self.shaky.download(bucket, key).to_bytes().await?.1.to_vec()),
            _ => {
                let file = tokio::fs::File::create(&path).await.unwrap();
                self.shaky.download(bucket, key).to_writer(file).await?;
                let got = std::fs::read(&path).unwrap();
                std::fs::remove_file(&path).unwrap();
                Some(got)
            }
        })
    }
}

#[test]
fn every_transfer_arrives_when_the_network_fails() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    runtime.block_on(storm());
}

async fn storm() {
    let (transfers, seed) = (number("STORM_TRANSFERS", 24), number("STORM_SEED", 1) as u64);
    let server = DevServer::builder().start().await.unwrap();
    let proxy = Arc::new(Proxy::start(server.port(), Random { seed, one_in: number("STORM_ONE_IN", 6) }).await);
    let shaky = client(&server, &proxy.endpoint);
    let direct = client(&server, server.endpoint());
    let root = std::env::temp_dir().join(format!("storm-{}", std::process::id()));
    let mut at_work = JoinSet::new();
    for worker in 0..WORKERS {
        let name = format!("storm-{worker}");
        direct.create_bucket().bucket(&name).await.unwrap();
        let folder = root.join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut worker = Worker {
            shaky: shaky.transfer().part_size(5 << 20).threshold(1 << 20),
            dice: Dice::of(!seed, &name, 0),
            direct: direct.bucket(&name),
            folder,
            done: BTreeMap::new(),
        };
        let share = transfers / WORKERS + usize::from(at_work.len() < transfers % WORKERS);
        at_work.spawn(async move {
            let outcome = worker.work(share).await;
            (worker, outcome)
        });
    }
    let mut wrong = Vec::new();
    let mut done: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut faults: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(finished) = at_work.join_next().await {
        let (worker, outcome) = finished.unwrap();
        let name = worker.direct.name().to_owned();
        wrong.extend(outcome.err().map(|error| format!("{name}: {error}")));
        for (kind, (count, again)) in worker.done {
            let sum = done.entry(kind).or_default();
            *sum = (sum.0 + count, sum.1 + again);
        }
        for (fault, _) in proxy.injected(&name) {
            *faults.entry(format!("{fault:?}")).or_default() += 1;
        }
        let files =
            std::fs::read_dir(&worker.folder).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>();
        if !files.is_empty() {
            wrong.push(format!("{name}: files were left behind: {files:?}"));
        }
    }
    std::fs::remove_dir_all(&root).unwrap();
    let injected: usize = faults.values().sum();
    println!("seed {seed}: {transfers} transfers, {} requests, {injected} faults: {faults:?}", proxy.requests());
    println!("by kind, (transfers, begun anew): {done:?}");
    let (open, lost) = (server.stats().uploads, proxy.lost_creates());
    println!("uploads open at the end: {open}; answers with an id that were swallowed: {lost}");
    if open > lost {
        wrong.push(format!("{open} uploads are open, {lost} may be"));
    }
    if shaky.transfer().uploads_left_open() != 0 || shaky.transfer().memory_in_use() != 0 {
        wrong.push(format!("the client counts {:?}", shaky.transfer()));
    }
    assert!(injected > 0, "the proxy did nothing");
    assert!(wrong.is_empty(), "STORM_SEED={seed}:\n{}", wrong.join("\n"));
}
