//! The SDK against a real S3 server: every operation, and the things users do with them.
//!
//! Without further ado it runs against a server in this process. Any other server is named by the environment:
//! `S3_ENDPOINT`, `S3_REGION`, `S3_ACCESS_KEY`, `S3_SECRET_KEY`, and `S3_SERVER` with its kind (`swift`, `moto`, `minio`,
//! `localstack`, ...), by which `servers.rs` knows what it does not offer. Such a case is run all the same and must
//! fail: when a server learns something, we hear of it. With `S3_CHECKSUMS=supported` checksums are used as towards AWS.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod buckets;
mod conditions;
mod errors;
mod integrity;
mod keys;
mod listing;
mod multipart;
mod objects;
mod presign;
mod servers;
mod tagging;
mod target;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use target::Target;

#[derive(Clone)]
/// One claim about one or several operations.
pub struct Case {
    pub operation: &'static str,
    pub claim: &'static str,
    pub run: for<'a> fn(&'a Target) -> BoxFuture<'a, ()>,
}

/// Declares cases: `case!("PutObject", "keeps metadata", |t| { ... })`.
#[macro_export]
macro_rules! case {
    ($operation:literal, $claim:literal, |$target:ident| $body:block) => {
        $crate::Case { operation: $operation, claim: $claim, run: |$target| Box::pin(async move { $body }) }
    };
}

#[test]
fn every_operation_works_against_the_server() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let failed = runtime.block_on(run_all());
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}

async fn run_all() -> Vec<String> {
    let target = Target::connect().await;
    let cases = [
        buckets::cases(),
        objects::cases(),
        integrity::cases(),
        keys::cases(),
        conditions::cases(),
        listing::cases(),
        tagging::cases(),
        multipart::cases(),
        presign::cases(),
        errors::cases(),
    ]
    .concat();
    let only = std::env::var("S3_CASE").unwrap_or_default();
    println!("server: {} at {}", target.server, target.endpoint);
    let mut failed = Vec::new();
    let (mut passed, mut lacking) = (0, 0);
    std::panic::set_hook(Box::new(|_| {}));
    for case in &cases {
        let name = format!("{}: {}", case.operation, case.claim);
        if !name.contains(&only) {
            continue;
        }
        let result = AssertUnwindSafe((case.run)(&target)).catch_unwind().await;
        let result = result.map_err(|panic| text_of(&*panic));
        match (result, servers::lacks(&target.server, case)) {
            (Ok(()), None) => passed += 1,
            (Err(_), Some(_)) => lacking += 1,
            (Ok(()), Some(reason)) => {
                failed.push(format!("{name}\n    passed, though {reason}: strike it off the list"))
            }
            (Err(why), None) => failed.push(format!("{name}\n    {why}")),
        }
        let mark = match (failed.last(), servers::lacks(&target.server, case)) {
            (Some(line), _) if line.starts_with(&name) => "FAILED".to_owned(),
            (_, Some(reason)) => format!("not offered: {reason}"),
            _ => "ok".to_owned(),
        };
        println!("| {:<24} | {:<64} | {:<10} | {mark} |", case.operation, case.claim, target.server);
    }
    let _ = std::panic::take_hook();
    println!("{passed} passed, {lacking} not offered by {}, {} failed", target.server, failed.len());
    target.clean_up().await;
    failed
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("panicked without a message").replace('\n', "\n    ")
}
