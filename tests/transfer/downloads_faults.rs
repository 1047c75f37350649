//! A hundred downloads over a network that fails: all identical, and nothing left.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use integration_s3::config::ChecksumWhen;
use integration_s3::integrity::Verification;
use integration_s3::transfer::TransferManager;
use integration_s3::transport::HyperTransport;
use integration_s3::types::{ChecksumAlgorithm, ChecksumType};
use integration_s3::{Credentials, S3Client};
use integration_s3_runtime::resilience::{CircuitPolicy, RetryCase, RetryPolicy, RetryRule};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use crate::downloads::{self, Folder, bytes, put_in_parts};
use crate::proxy::{Proxy, Random};

const DOWNLOADS: usize = 100;
const BUCKETS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_downloads_with_faults_are_identical() {
    let (server, folder) = (downloads::server().await, Arc::new(Folder::new()));
    let direct = downloads::client(&server);
    let sizes = [0, 1_000, 99_000, 300_000, 700_001];
    for bucket in 0..BUCKETS {
        let bucket = direct.bucket(format!("faults-{bucket}"));
        bucket.create_bucket().await.unwrap();
        for size in sizes {
            bucket.put_object(format!("{size}"), bytes(size, 1)).await.unwrap();
        }
        // Read part by part.
        let how = (ChecksumAlgorithm::Sha256, ChecksumType::Composite);
        put_in_parts(&bucket, "parts", &bytes(480_000, 2), &[80_000; 6], how).await;
    }
    let proxy = Arc::new(Proxy::start(server.port(), Random { seed: 4, one_in: 6 }).await);
    let transport = HyperTransport::builder().read_idle_timeout(Duration::from_secs(1)).build();
    let soon = RetryRule::new().base_delay(Duration::from_millis(20));
    let shaky = S3Client::builder()
        .region(server.region())
        .endpoint(&proxy.endpoint)
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .transport(transport.clone())
        .response_checksums(ChecksumWhen::Supported)
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(10)).rule(RetryCase::Throttle, soon))
        .circuit(CircuitPolicy::default().reset_after(Duration::from_millis(200)))
        .build()
        .unwrap();
    let transfers = downloads::small_pieces(&shaky);
    let mut running = JoinSet::new();
    for n in 0..DOWNLOADS {
        let (transfers, folder) = (transfers.clone(), folder.clone());
        running.spawn(async move { one(n, &transfers, &folder, &sizes).await });
    }
    let (mut wrong, mut unfinished) = (Vec::new(), 0);
    while let Some(done) = running.join_next().await {
        match done.unwrap() {
            Ok(()) => {}
            Err(Failed::Told(text)) => {
                unfinished += 1;
                println!("{text}");
            }
            Err(Failed::Lied(text)) => wrong.push(text),
        }
    }
    let faults: usize = (0..BUCKETS).map(|n| proxy.injected(&format!("faults-{n}")).len()).sum();
    println!("{DOWNLOADS} downloads, {} requests, {faults} faults, {unfinished} given up", proxy.requests());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(faults > 50, "only {faults} faults");
    // A writer cannot take bytes back that turn out to be wrong: those downloads end in an error.
    assert!(unfinished <= DOWNLOADS / 10, "{unfinished} given up");
    assert_eq!(folder.names(), [""; 0]);
    assert_eq!(shaky.transfer().memory_in_use(), 0);
}

enum Failed {
    Told(String),
    Lied(String),
}

async fn one(n: usize, transfers: &TransferManager, folder: &Folder, sizes: &[usize]) -> Result<(), Failed> {
    let bucket = format!("faults-{}", n % BUCKETS);
    let (key, data) = match (n / 3) % (sizes.len() + 1) {
        kind if kind < sizes.len() => (sizes[kind].to_string(), bytes(sizes[kind], 1)),
        _ => ("parts".to_owned(), bytes(480_000, 2)),
    };
    let download = transfers.download(&bucket, &key);
    let what = format!("{n}: s3://{bucket}/{key}");
    let told = |error: integration_s3::S3Error| format!("{what}: {error}");
    // Three faults in a row for one request are more than its attempts: then it says so.
    let given_up = |error: integration_s3::S3Error| match error.is_retryable() && error.attempts() == 3 {
        true => Failed::Told(told(error)),
        false => Failed::Lied(told(error)),
    };
    let (got, verification) = match n % 3 {
        0 => {
            let path = folder.path(&n.to_string());
            let done = download.to_path(&path).await.map_err(given_up)?;
            let got = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            (got, done.verification)
        }
        1 => {
            let (done, got) = download.to_bytes().await.map_err(given_up)?;
            (got.to_vec(), done.verification)
        }
        _ => {
            let (near, mut far) = tokio::io::duplex(10_000);
            let reading = tokio::spawn(async move {
                let mut all = Vec::new();
                far.read_to_end(&mut all).await.unwrap();
                all
            });
            let done = download.to_writer(near).await.map_err(|error| Failed::Told(told(error)))?;
            (reading.await.unwrap(), done.verification)
        }
    };
    if got != data {
        return Err(Failed::Lied(format!("{what}: other bytes, {verification}")));
    }
    match verification {
        Verification::Verified(_) => Ok(()),
        other => Err(Failed::Lied(format!("{what}: {other}"))),
    }
}
