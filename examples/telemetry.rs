//! What a call shows of itself: the spans, log lines and metrics of one PutObject that is retried twice.
//!
//! `cargo run --example telemetry` needs no network: a scripted transport plays the store. Spans are printed as an
//! OpenTelemetry exporter would see them, metrics as Prometheus would scrape them. An application puts
//! `tracing-opentelemetry` in place of `PrintSpans` and serves the text of `metrics-exporter-prometheus` under `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Instant;

use integration_s3::transport::TransportErrorKind;
use integration_s3::transport::scripted::{Answer, ScriptedTransport};
use integration_s3::{Credentials, S3Client, telemetry};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tracing::field::{Field, Visit};
use tracing::{Event, Id, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::registry().with(PrintSpans).init();
    let mut prometheus = PrometheusBuilder::new();
    for (name, bounds) in telemetry::names::HISTOGRAM_BUCKETS {
        prometheus = prometheus.set_buckets_for_metric(Matcher::Full((*name).to_owned()), bounds)?;
    }
    let metrics = prometheus.install_recorder()?;
    telemetry::describe_metrics();

    let store = ScriptedTransport::new();
    store
        .on("PutObject")
        .answer(Answer::error(503, "SlowDown", "Please reduce your request rate."))
        .answer(Answer::fail(TransportErrorKind::Reset))
        .answer(Answer::ok().header("etag", "\"5d41\"").header("x-amz-request-id", "4442587FB7D0A2F9"));
    let client = S3Client::builder()
        .region("eu-west-1")
        .endpoint("http://127.0.0.1:9000")
        .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
        .transport(store)
        .build()?;

    client.put_object().bucket("logs").key("2026/a.txt").body("hello").await?;
    println!("\n{}", metrics.render());
    Ok(())
}

/// Prints events as they happen and spans when they end, with their attributes and times.
struct PrintSpans;

struct Seen {
    started: Instant,
    fields: BTreeMap<&'static str, String>,
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for PrintSpans {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Seen { started: Instant::now(), fields: fields.0 });
        }
    }

    fn on_record(&self, id: &Id, values: &span::Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(seen) = span.extensions_mut().get_mut::<Seen>()
        {
            seen.fields.append(&mut fields.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_default();
        let meta = event.metadata();
        if meta.target().starts_with("integration_s3") {
            println!("{:>5} {} {message}", meta.level(), meta.target());
            fields.0.iter().for_each(|(name, value)| println!("        {name}: {value}"));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let extensions = span.extensions();
        let Some(seen) = extensions.get::<Seen>() else { return };
        let parent = span.parent().map_or("-".to_owned(), |parent| format!("{:016x}", parent.id().into_u64()));
        println!(" span {} id={:016x} parent={parent} took={:?}", span.name(), id.into_u64(), seen.started.elapsed());
        seen.fields.iter().for_each(|(name, value)| println!("        {name}: {value}"));
    }
}
