//! The names of spans, attributes, events and metrics are API. Here they are, as they come out of calls that meet everything
//! there is to meet; a change shows as a difference to `tests/telemetry.txt`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_s3::resilience::{CircuitPolicy, RateLimits, RetryPolicy};
use integration_s3::transport::TransportErrorKind;
use integration_s3::transport::scripted::{Answer, ScriptedTransport};
use integration_s3::{Credentials, S3Client, telemetry};
use metrics_exporter_prometheus::PrometheusBuilder;
use tracing::{Event, Id, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

#[derive(Clone, Default)]
struct Names(Arc<Mutex<BTreeSet<String>>>, Arc<Mutex<String>>);

impl Names {
    fn note(&self, kind: &str, meta: &tracing::Metadata<'_>, parent: Option<&str>) {
        if meta.target().starts_with("integration_s3") && !meta.target().starts_with("integration_s3_runtime") {
            let fields: Vec<_> =
                meta.fields().iter().map(|field| field.name()).filter(|name| *name != "message").collect();
            // The names tracing gives events are places in our source.
            let name = if kind == "event" { String::new() } else { format!(" {}", meta.name()) };
            let parent = parent.map(|parent| format!(" in {parent}")).unwrap_or_default();
            let line = format!("{kind} {} {}{name}{parent} {{{}}}", meta.level(), meta.target(), fields.join(", "));
            self.0.lock().unwrap().insert(line);
        }
    }
}

struct Text<'a>(&'a mut String);

impl tracing::field::Visit for Text<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0, "{field} = {value:?}").unwrap();
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Names {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| span.parent().map(|parent| parent.name()));
        self.note("span", attributes.metadata(), parent);
        attributes.record(&mut Text(&mut self.1.lock().unwrap()));
    }

    fn on_record(&self, _: &Id, values: &span::Record<'_>, _: Context<'_, S>) {
        values.record(&mut Text(&mut self.1.lock().unwrap()));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.note("event", event.metadata(), None);
        event.record(&mut Text(&mut self.1.lock().unwrap()));
    }
}

/// Calls that meet retries, throttles, refusals, limits and an open circuit.
async fn everything() {
    let store = ScriptedTransport::new();
    store
        .on("PutObject")
        .answer(Answer::error(503, "SlowDown", "Please reduce your request rate."))
        .answer(Answer::fail(TransportErrorKind::Reset))
        .answer(Answer::ok().header("etag", "\"1\"").header("x-amz-request-id", "R1"));
    store.on("GetObject").answer(Answer::ok().body("hello").delay(Duration::from_millis(50))).answer(Answer::error(
        404,
        "NoSuchKey",
        "No such key.",
    ));
    store.on("HeadBucket").answer(Answer::status(403));
    store.on("DeleteObject").times(9, Answer::status(500)).always(Answer::status(204));
    let client = S3Client::builder()
        .region("eu-west-1")
        .endpoint("http://127.0.0.1:9000")
        .credentials(Credentials::new("AKIDEXAMPLE", "VERYSECRET").with_session_token("VERYSECRETTOKEN"))
        .transport(store)
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(1)))
        .circuit(CircuitPolicy::default().failures(5).trials(1).reset_after(Duration::from_millis(20)))
        .rate_limits(
            RateLimits::new().requests_per_second(50).burst(5).concurrent_requests(1).bytes_per_second(1 << 20),
        )
        .build()
        .unwrap();
    client.put_object().bucket("logs").key("a.txt").body("hello").await.unwrap();
    let get = || client.get_object().bucket("logs").key("a.txt").send();
    // One slot: the second waits until the body of the first has been read.
    let first = async { get().await.unwrap().body.collect().await.unwrap() };
    let second = async {
        tokio::task::yield_now().await;
        get().await.unwrap_err()
    };
    futures_util::future::join(first, second).await;
    client.head_bucket().bucket("logs").await.unwrap_err();
    let delete = || client.delete_object().bucket("logs").key("a.txt").send();
    for _ in 0..4 {
        delete().await.unwrap_err();
    }
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let _ = delete().await;
    }
    telemetry::uploads::started("logs");
    telemetry::uploads::part("logs", 8 << 20);
    telemetry::uploads::completed("logs", 1);
    telemetry::uploads::started("logs");
    telemetry::uploads::aborted("logs", "the caller stopped it");
}

#[test]
fn the_names_are_those_that_are_documented() {
    let names = Names::default();
    let recorder = PrometheusBuilder::new().build_recorder();
    let subscriber = tracing_subscriber::registry().with(names.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || runtime.block_on(everything()));
    });
    let mut found: String = names.0.lock().unwrap().iter().map(|line| format!("{line}\n")).collect();
    // `name{label="value"} number`: the name, its labels, and for summaries not the quantiles.
    let rendered = recorder.handle().render();
    let mut metrics = BTreeSet::new();
    let kinds: Vec<_> = rendered.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    for kind in kinds {
        let (name, kind) = kind.split_once(' ').unwrap();
        let mut labels: Vec<_> = rendered
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
            .filter_map(|line| line.split_once('{')?.1.rsplit_once('}').map(|(labels, _)| labels))
            .flat_map(|labels| labels.split(',').filter_map(|label| label.split_once('=').map(|(name, _)| name)))
            .filter(|name| *name != "quantile")
            .collect();
        labels.sort_unstable();
        labels.dedup();
        metrics.insert(format!("{kind} {name} {{{}}}\n", labels.join(", ")));
    }
    found.extend(metrics);
    let documented = include_str!("telemetry.txt");
    assert!(found == documented, "tests/telemetry.txt should read:\n{found}");

    // Nothing that was ever recorded holds a secret, a signature or a header that is not on the list.
    let recorded = names.1.lock().unwrap();
    for secret in ["VERYSECRET", "Signature=", "AWS4-HMAC"] {
        assert!(!recorded.contains(secret), "{secret} was recorded");
    }
    assert!(recorded.contains("s3.bucket = \"logs\"") && recorded.contains("\"authorization\": ***"));
}
