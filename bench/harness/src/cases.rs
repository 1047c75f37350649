//! The cases, and the loop around them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;

use crate::arguments::Arguments;
use crate::meter::{self, Meter};
use crate::{Contestant, Error, RANGE, Result};

/// Figures of one case as members of a JSON object.
pub(crate) async fn measure<C: Contestant>(arguments: Arguments) -> Result<String> {
    // On the worker, where users' calls are, and not on the thread that waits for it.
    tokio::spawn(async move {
        if arguments.case == "cold" { cold::<C>(&arguments).await } else { warm::<C>(arguments).await }
    })
    .await?
}

/// The first client of a process and its first request; then the average of the clients after it.
async fn cold<C: Contestant>(arguments: &Arguments) -> Result<String> {
    let key = key(arguments.size);
    let first = Meter::start();
    expect(C::new(&arguments.target).await?.head(&key).await?, arguments.size)?;
    let (first_cpu, first_wall, peak) = (first.cpu(), first.wall(), meter::peak_kib());
    let next = Meter::start();
    for _ in 0..arguments.n {
        expect(C::new(&arguments.target).await?.head(&key).await?, arguments.size)?;
    }
    Ok(format!(
        "\"cpu_us\":{:.1},\"wall_us\":{:.1},\"next_cpu_us\":{:.1},\"peak_kib\":{peak}",
        micros(first_cpu),
        micros(first_wall),
        micros(next.cpu()) / arguments.n.max(1) as f64,
    ))
}

async fn warm<C: Contestant>(mut arguments: Arguments) -> Result<String> {
    if arguments.case == "list" {
        arguments.target.bucket = format!("list-{}", arguments.pieces);
    }
    let body = match arguments.case.as_str() {
        "put" | "parts" => noise(usize::try_from(arguments.size)?),
        _ => Bytes::new(),
    };
    if arguments.warm_up > 0 {
        let client = Arc::new(C::new(&arguments.target).await?);
        perform(&client, &arguments, &body, arguments.warm_up).await?;
    }
    let client = Arc::new(C::new(&arguments.target).await?);
    if arguments.warm_up > 0 && arguments.pieces == 1 {
        // Connections are opened before the clock starts. Who is done early lends his to the others: it takes a few turns until
        // everybody has one.
        perform(&client, &arguments, &body, 4 * arguments.target.in_flight as u64).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let meter = Meter::start();
    let (operations, bytes) = perform(&client, &arguments, &body, arguments.n).await?;
    let (cpu, wall) = (meter.cpu(), meter.wall());
    Ok(format!(
        "\"operations\":{operations},\"cpu_us\":{:.3},\"wall_us\":{:.3},\"bytes\":{bytes},\"cpu_s\":{:.4},\"peak_kib\":{}{}",
        micros(cpu) / operations as f64,
        micros(wall) / operations as f64,
        cpu.as_secs_f64(),
        meter::peak_kib(),
        meter.allocations(operations),
    ))
}

/// Does the case's operation `n` times; gives how many operations count, and the bytes of bodies.
async fn perform<C: Contestant>(client: &Arc<C>, arguments: &Arguments, body: &Bytes, n: u64) -> Result<(u64, u64)> {
    let Arguments { size, pieces, ref target, .. } = *arguments;
    let (client, body, in_flight) = (client.clone(), body.clone(), target.in_flight);
    let key: Arc<str> = key(size).into();
    let (each, count) = match arguments.case.as_str() {
        "get" => {
            let one = move |_| {
                let (client, key) = (client.clone(), key.clone());
                async move { expect(client.get(&key).await?, size) }
            };
            (spread(n, in_flight, one).await?, n)
        }
        "head" => {
            let one = move |_| {
                let (client, key) = (client.clone(), key.clone());
                async move { expect(client.head(&key).await?, size).map(|_| 0) }
            };
            (spread(n, in_flight, one).await?, n)
        }
        "put" => {
            let one = move |_| {
                let (client, body) = (client.clone(), body.clone());
                async move { client.put("dir/object", body).await.map(|()| size) }
            };
            (spread(n, in_flight, one).await?, n)
        }
        "stream" => {
            let one = move |_| {
                let (client, key) = (client.clone(), key.clone());
                async move { expect(client.stream(&key).await?, size) }
            };
            (spread(n, in_flight, one).await?, n)
        }
        "ranges" => {
            let ranges = size.div_ceil(RANGE);
            let one = move |at: u64| {
                let (client, key) = (client.clone(), key.clone());
                let offset = at % ranges * RANGE;
                let len = RANGE.min(size - offset);
                async move { expect(client.range(&key, offset, len).await?, len) }
            };
            (spread(n * ranges, in_flight, one).await?, n * ranges)
        }
        "parts" => {
            let parts = usize::try_from(pieces)?;
            let one = move |_| {
                let (client, body) = (client.clone(), body.clone());
                async move { client.parts("dir/large", parts, body, in_flight).await.map(|()| size * pieces) }
            };
            (spread(n, 1, one).await?, n * pieces)
        }
        "list" => {
            let one = move |_| {
                let client = client.clone();
                async move {
                    let (keys, sum) = client.list().await?;
                    expect(keys, pieces * 1000)?;
                    if sum == 0 { Err("sizes were not read".into()) } else { Ok(0) }
                }
            };
            (spread(n, 1, one).await?, n * pieces)
        }
        "presign" => {
            let one = move |at| {
                let client = client.clone();
                async move { Ok(client.presign(&format!("dir/sub dir/object-{at}.parquet")).await? as u64) }
            };
            (spread(n, 1, one).await?, n)
        }
        other => return Err(format!("unknown case {other}").into()),
    };
    Ok((count, each))
}

/// `n` calls, `in_flight` at a time, each of these a task; gives the sum of what they answer.
async fn spread<F, A>(n: u64, in_flight: usize, call: F) -> Result<u64>
where
    F: Fn(u64) -> A + Send + Sync + 'static,
    A: Future<Output = Result<u64>> + Send,
{
    let (call, next) = (Arc::new(call), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..in_flight.max(1))
        .map(|_| {
            let (call, next) = (call.clone(), next.clone());
            tokio::spawn(async move {
                let mut sum = 0;
                loop {
                    let at = next.fetch_add(1, Relaxed);
                    if at >= n {
                        return Ok::<u64, Error>(sum);
                    }
                    sum += call(at).await?;
                }
            })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await??;
    }
    Ok(sum)
}

/// The null server takes an object's size from its key.
fn key(size: u64) -> String {
    format!("{size}/dir/object")
}

fn expect(got: u64, wanted: u64) -> Result<u64> {
    if got == wanted { Ok(got) } else { Err(format!("got {got} instead of {wanted}").into()) }
}

/// Bytes that do not compress and are the same every time.
fn noise(len: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(len).collect::<Vec<u8>>().into()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
