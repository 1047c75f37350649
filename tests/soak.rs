//! Many mixed operations at once through a proxy that does harm, against a model of what the store must hold.
//!
//! `SOAK_OPERATIONS` (default 400) and `SOAK_SEED` (default 1) size and seed it; `SOAK_WRITERS` (64) and `SOAK_ONE_IN` (10) say
//! how many go at once and how often a request meets a fault. The same seed makes the same operations and the same faults;
//! what the clock does is its own affair. `SOAK_LOG=1` prints every operation.
//!
//! What must hold: every object read back is byte-identical; no operation reports a success that is none; none hangs;
//! a changed byte of an object is always caught; nothing is left over: no connection in use, no upload nobody knows of.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "soak/faults.rs"]
mod faults;
#[path = "soak/model.rs"]
mod model;
#[path = "soak/proxy.rs"]
mod proxy;
#[path = "soak/report.rs"]
mod report;
#[path = "soak/wire.rs"]
mod wire;
#[path = "soak/work.rs"]
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use integration_s3::config::ChecksumWhen;
use integration_s3::transport::HyperTransport;
use integration_s3::{Credentials, S3Client};
use integration_s3_devserver::DevServer;
use integration_s3_runtime::resilience::{CircuitPolicy, RetryCase, RetryPolicy, RetryRule};
use tokio::task::JoinSet;

use faults::Dice;
use proxy::{Proxy, Random};
use report::Report;
use work::Writer;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?}")))
}

/// Short waits, so that a run takes seconds; everything else as users have it.
fn client(server: &DevServer, endpoint: &str, transport: HyperTransport) -> S3Client {
    let soon = RetryRule::new().base_delay(Duration::from_millis(20));
    S3Client::builder()
        .region(server.region())
        .endpoint(endpoint)
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .transport(transport)
        .request_checksums(ChecksumWhen::Supported)
        .response_checksums(ChecksumWhen::Supported)
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(10)).rule(RetryCase::Throttle, soon))
        .circuit(CircuitPolicy::default().reset_after(Duration::from_millis(200)))
        .operation_timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

#[test]
fn nothing_is_lost_when_the_network_fails() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    runtime.block_on(soak());
}

async fn soak() {
    let seed = number("SOAK_SEED", 1) as u64;
    let operations = number("SOAK_OPERATIONS", 400);
    let writers = number("SOAK_WRITERS", 64).min(operations.max(1));
    let began = Instant::now();
    let server = DevServer::builder().min_part_size(1024).start().await.unwrap();
    let proxy = Proxy::start(server.port(), Random { seed, one_in: number("SOAK_ONE_IN", 10) }).await;
    let proxy = Arc::new(proxy);
    let transport = HyperTransport::builder().pool_max(writers).read_idle_timeout(Duration::from_secs(1)).build();
    let shaky = client(&server, &proxy.endpoint, transport.clone());
    let direct = client(&server, server.endpoint(), HyperTransport::new());

    let mut at_work = JoinSet::new();
    for writer in 0..writers {
        let name = format!("soak-{writer}");
        direct.create_bucket().bucket(&name).await.unwrap();
        let share = operations / writers + usize::from(writer < operations % writers);
        let mut writer = Writer::new(shaky.bucket(&name), Dice::of(!seed, &name, 0), proxy.clone());
        at_work.spawn(async move {
            let result = writer.work(share).await;
            (writer, result)
        });
    }
    let mut wrong = Vec::new();
    let mut report = Report::default();
    let mut open_uploads = 0;
    while let Some(done) = at_work.join_next().await {
        let (mut writer, mut result) = done.unwrap();
        if result.is_ok() {
            result = look(&direct, &mut writer).await;
        }
        report.add(&writer.report);
        open_uploads += writer.open_uploads.len();
        if let Err(what) = &result {
            wrong.push(format!("{}: {what}", writer.bucket.name()));
        }
        if result.is_err() || std::env::var_os("SOAK_LOG").is_some() {
            writer.log.iter().for_each(|line| println!("{}: {line}", writer.bucket.name()));
        }
    }
    println!("\n{report}");
    println!(
        "\nseed {seed}: {} operations, {} requests, {} faults, {writers} at once, {:.1} s",
        report.operations(),
        proxy.requests(),
        report.injected(),
        began.elapsed().as_secs_f64()
    );

    let left = server.stats().uploads;
    let may = open_uploads + proxy.lost_creates();
    println!("uploads left: {left}; {open_uploads} failed half way, {} lost their ids", proxy.lost_creates());
    if left > may {
        wrong.push(format!("{left} uploads are open, {may} may be"));
    }
    if !settles(|| transport.connections_in_use() == 0).await {
        wrong.push(format!("{} connections are still in use", transport.connections_in_use()));
    }
    drop(shaky);
    drop(transport);
    if !settles(|| proxy.connections().is_empty()).await {
        wrong.push(format!("connections are open though the client is gone: {:?}", proxy.connections()));
    }
    assert!(wrong.is_empty(), "SOAK_SEED={seed} SOAK_OPERATIONS={operations}:\n{}", wrong.join("\n"));
}

/// What the store really holds, past the proxy.
async fn look(direct: &S3Client, writer: &mut Writer) -> Result<(), String> {
    let bucket = direct.bucket(writer.bucket.name());
    let listed = bucket.list_all_objects("").await.map_err(|e| e.to_string())?;
    let known: Vec<String> = writer.model.keys().cloned().collect();
    if let Some(stranger) = listed.iter().find(|object| !known.contains(&object.key)) {
        return Err(format!("{:?} is there, which nobody wrote", stranger.key));
    }
    for key in known {
        if listed.iter().any(|object| object.key == key) {
            let got = bucket.get_object(&key).await.map_err(|e| e.to_string())?;
            let bytes = got.body.collect().await.map_err(|e| e.to_string())?;
            writer.model.saw(&key, Some(&bytes)).map_err(|e| format!("at the end, {e}"))?;
        } else {
            writer.model.saw(&key, None).map_err(|e| format!("at the end, {e}"))?;
        }
    }
    Ok(())
}

/// What tasks do in the background takes a moment.
async fn settles(done: impl Fn() -> bool) -> bool {
    for _ in 0..200 {
        if done() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done()
}
