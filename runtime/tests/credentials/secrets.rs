//! Nothing secret in any output: every source and every error, with the most verbose log there is.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use integration_s3_runtime::credentials::{
    AssumeRole, ContainerCredentials, CredentialsCache, CredentialsChain, EnvironmentCredentials, InstanceMetadata,
    ProfileCredentials, ProvideCredentials, Surroundings, WebIdentity,
};
use integration_s3_runtime::identity::Credentials;
use integration_s3_runtime::timestamp::Timestamp;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::machine::{LATER, NOW, machine, metadata_json};
use crate::roles::granted;
use crate::server::{Reply, Seen, Server, ok};

/// Keeps every field of every event and span of every crate.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

impl Visit for Everything {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0.lock().unwrap(), "{field}={value:?} ");
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let _ = write!(self.0.lock().unwrap(), "\n{} ", event.metadata().target());
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// One server for all protocols.
fn everybody(seen: &Seen) -> Reply {
    match (seen.method.as_str(), seen.path.as_str()) {
        ("PUT", _) => ok("hush-imds"),
        ("POST", "/token") => ok(r#"{"accessToken":"hush-renewed","expiresIn":3600,"refreshToken":"hush-next"}"#),
        ("POST", _) if seen.body.contains("WebIdentity") => ok(granted("AssumeRoleWithWebIdentity", "ASIA1", LATER)),
        ("POST", _) => ok(granted("AssumeRole", "ASIA2", LATER)),
        (_, path) if path.ends_with("security-credentials/") => ok("app"),
        (_, path) if path.starts_with("/federation") => ok(
            r#"{"roleCredentials":{"accessKeyId":"ASIA3","secretAccessKey":"hush-key","sessionToken":"hush-token","expiration":1767229200000}}"#,
        ),
        _ => ok(metadata_json("ASIA4", LATER)),
    }
}

fn all(url: &str) -> Vec<(Arc<dyn ProvideCredentials>, bool)> {
    const KEYS: &str = "aws_access_key_id = AKIAFILE\naws_secret_access_key = hush-file\n";
    let config = format!(
        "[default]\n{KEYS}[profile role]\nrole_arn = r\nsource_profile = default\nexternal_id = hush-id\n\
         [profile process]\ncredential_process = echo '{{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush\"}}'\n\
         [profile failing]\ncredential_process = echo hush; exit 1\n\
         [profile sso]\nsso_session = my-sso\nsso_account_id = 1\nsso_role_name = r\n\
         [sso-session my-sso]\nsso_region = eu-west-1\nsso_start_url = https://x\n[profile half]\naws_access_key_id = hush\n"
    );
    let token = r#"{"accessToken":"hush-access","expiresAt":"2025-01-01T00:00:00Z","refreshToken":"hush-refresh","clientId":"c","clientSecret":"hush-client"}"#;
    let files = [
        (".aws/config", config.as_str()),
        (".aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json", token),
        ("token", "hush.jwt"),
    ];
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIAENV"),
        ("AWS_SECRET_ACCESS_KEY", "hush-env"),
        ("AWS_SESSION_TOKEN", "hush-env-token"),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush-container"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/home/u/token"),
        ("AWS_ROLE_ARN", "r"),
    ];
    let here = machine(&variables, &files);
    let profile = |name: &str| ProfileCredentials::new(here.clone().with_profile(name));
    fn entry(source: impl ProvideCredentials, local: bool) -> (Arc<dyn ProvideCredentials>, bool) {
        (Arc::new(source), local)
    }
    let nothing: Surroundings = machine(&[], &[]);
    // `true`: it needs no server, so it answers the same whatever the server does.
    vec![
        entry(Credentials::new("A", "hush"), true),
        entry(EnvironmentCredentials::new(here.clone()), true),
        entry(WebIdentity::new(here.clone()), false),
        entry(ContainerCredentials::new(here.clone()), false),
        entry(InstanceMetadata::new(here.clone()), false),
        entry(AssumeRole::new("r").external_id("hush-id").surroundings(here.clone()), false),
        entry(profile("default"), true),
        entry(profile("role"), false),
        entry(profile("process"), true),
        entry(profile("sso"), false),
        entry(profile("failing"), true),
        entry(profile("half"), true),
        entry(profile("gone"), true),
        entry(CredentialsChain::standard(here.clone()), true),
        entry(CredentialsChain::standard(nothing), true),
    ]
}

#[tokio::test]
async fn no_output_holds_a_secret() {
    let log = Everything::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let mut output = String::new();
    let (mut found, mut refused) = (0, 0);
    // A server that grants, and others that fail or lie while repeating secrets.
    let echo = |status: u16, body: &'static str| move |_: &Seen| Reply::Answer(status, body.to_owned());
    let servers = [
        Server::start(everybody).await,
        Server::start(echo(403, "hush-key hush.jwt hush-access")).await,
        Server::start(echo(400, "<E><Error><Code>hush.jwt</Code><Message>hush-env hush-file</Message></Error></E>"))
            .await,
        Server::start(echo(200, r#"{"AccessKeyId":"hush-key","SecretAccessKey":"hush-key","Expiration":"hush"}"#))
            .await,
        Server::start(|seen| Reply::Answer(400, seen.body.clone())).await,
    ];
    for (at, server) in servers.iter().enumerate() {
        for (source, local) in all(&server.url) {
            let cache = CredentialsCache::new(source.clone());
            let answer = cache.get(Timestamp::from_unix(NOW as i64)).await;
            let _ = write!(output, "\n{source:?} {source:#?} {cache:?} {answer:?} {answer:#?} ");
            match answer {
                Ok(credentials) => {
                    assert!(credentials.secret_access_key().expose().contains("hush"));
                    found += 1;
                }
                Err(error) => {
                    assert!(at > 0 || local, "the server grants, but {error}");
                    let _ = write!(output, "{error}");
                    refused += 1;
                }
            }
        }
        let chain = CredentialsChain::new(all(&server.url).into_iter().map(|(source, _)| source));
        let explanation = chain.explain().await;
        let _ = write!(output, "{explanation} {explanation:?} {chain:?}");
    }
    let log = log.0.lock().unwrap().clone();
    assert!(found >= 25 && refused >= 35, "{found} found, {refused} refused");
    assert!(log.contains("fetched credentials") && log.contains("could not be fetched"), "{log}");
    for (what, text) in [("output", &output), ("log", &log)] {
        if let Some(at) = text.find("hush") {
            panic!("a secret in the {what}: {}", &text[at.saturating_sub(300)..(at + 100).min(text.len())]);
        }
    }
}
