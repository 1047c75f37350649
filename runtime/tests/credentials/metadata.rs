//! The services inside EC2, ECS and EKS.

use std::sync::Arc;

use integration_s3_runtime::credentials::{ContainerCredentials, InstanceMetadata};

use crate::machine::{
    EARLIER, LATER, Nobody, absence, ask, assert_session, complaint, files, machine, machine_with, metadata_json,
};
use crate::server::{Reply, Seen, Server, ok, status};

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

fn service(seen: &Seen) -> Reply {
    let token = seen.header("x-aws-ec2-metadata-token");
    match (seen.method.as_str(), seen.path.as_str()) {
        ("PUT", "/latest/api/token") if seen.header("x-aws-ec2-metadata-token-ttl-seconds") == Some("21600") => {
            ok("hush-imds")
        }
        ("GET", _) if token != Some("hush-imds") => status(401),
        ("GET", ROLES) => ok("app-role\n"),
        ("GET", path) if path.strip_prefix(ROLES) == Some("app-role") => ok(metadata_json("ASIAINSTANCE", LATER)),
        _ => status(404),
    }
}

async fn instance(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Server, InstanceMetadata) {
    let server = Server::start(answer).await;
    let source = InstanceMetadata::new(machine(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url)], &[]));
    (server, source)
}

#[tokio::test]
async fn the_instance_service_is_asked_with_a_token() {
    let (server, source) = instance(service).await;
    assert_session(&ask(source).await.unwrap(), "ASIAINSTANCE");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn an_instance_without_role_or_with_the_service_off_has_no_credentials() {
    let (_server, source) = instance(|seen| if seen.path == ROLES { status(404) } else { service(seen) }).await;
    assert!(absence(source).await.contains("has no role"));
    let (_server, source) = instance(|_| status(403)).await;
    assert!(absence(source).await.contains("switched off for this instance"));
    let off = machine(&[("AWS_EC2_METADATA_DISABLED", "TRUE")], &[]);
    assert!(absence(InstanceMetadata::new(off)).await.contains("AWS_EC2_METADATA_DISABLED"));
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_an_error() {
    let refused = r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"hush"}"#;
    let (_server, source) =
        instance(move |seen| if seen.path.ends_with("app-role") { ok(refused) } else { service(seen) }).await;
    assert!(complaint(source).await.contains("AssumeRoleUnauthorizedAccess"));
    let (_server, source) =
        instance(|seen| if seen.path.ends_with("app-role") { ok(metadata_json("A", EARLIER)) } else { service(seen) })
            .await;
    assert!(complaint(source).await.contains("expired at 2025-12-31T23:59:59Z"));
    let (_server, source) =
        instance(|seen| if seen.path == ROLES { ok("../../user-data?hush") } else { service(seen) }).await;
    assert!(complaint(source).await.contains("no usable role name"));
}

#[tokio::test(start_paused = true)]
async fn silence_is_absence_and_tells_about_the_hop_limit() {
    let (server, source) = instance(|_| Reply::Silence).await;
    let text = absence(source).await;
    assert!(text.contains("hop limit") && text.contains(&server.url), "{text}");
}

#[tokio::test]
async fn one_stumble_is_forgiven() {
    let stumbled = std::sync::atomic::AtomicBool::new(false);
    let (server, source) = instance(move |seen| {
        let first = !stumbled.swap(true, std::sync::atomic::Ordering::SeqCst);
        if first { status(500) } else { service(seen) }
    })
    .await;
    assert_session(&ask(source).await.unwrap(), "ASIAINSTANCE");
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn version_1_is_spoken_only_when_allowed() {
    let old = |seen: &Seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("PUT", _) => status(404),
        (_, ROLES) => ok("app-role"),
        _ => ok(metadata_json("ASIAOLD", LATER)),
    };
    let (_server, source) = instance(old).await;
    assert!(complaint(source.clone()).await.contains("version 2"));
    assert_session(&ask(source.allow_version_1(true)).await.unwrap(), "ASIAOLD");
}

#[tokio::test]
async fn nonsense_in_a_variable_names_the_variable() {
    for (name, value) in [
        ("AWS_EC2_METADATA_DISABLED", "hush"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "hush"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ftp://hush"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "hush"),
    ] {
        assert!(complaint(InstanceMetadata::new(machine(&[(name, value)], &[]))).await.contains(name));
    }
    for name in ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
        assert!(complaint(ContainerCredentials::new(machine(&[(name, "hush")], &[]))).await.contains(name));
    }
}

#[tokio::test]
async fn fixed_addresses_are_as_documented() {
    for (variables, url) in [
        (&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")][..], "http://[fd00:ec2::254]/latest/api/token"),
        (&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4")], "http://169.254.169.254/latest/api/token"),
        (&[("AWS_EC2_METADATA_DISABLED", "false")], "http://169.254.169.254/latest/api/token"),
    ] {
        let nobody = Nobody::default();
        let machine = machine(variables, &[]).with_metadata_transport(Arc::new(nobody.clone()));
        assert!(absence(InstanceMetadata::new(machine)).await.contains("nobody is there"));
        assert_eq!(*nobody.0.lock().unwrap(), [url, url]);
    }
    let nobody = Nobody::default();
    let machine = machine(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1")], &[])
        .with_metadata_transport(Arc::new(nobody.clone()));
    assert!(complaint(ContainerCredentials::new(machine)).await.contains("nobody is there"));
    assert_eq!(nobody.0.lock().unwrap()[0], "http://169.254.170.2/v2/credentials/1");
}

#[tokio::test]
async fn the_container_endpoint_gets_the_token_as_it_is_now() {
    let server = Server::start(|seen| match seen.header("authorization") {
        Some("hush-1" | "hush-2") => ok(metadata_json("ASIACONTAINER", LATER)),
        _ => status(403),
    })
    .await;
    let files = files(&[("token", "hush-1\n")]);
    let url = format!("{}/role?a=hush", server.url);
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/home/u/token"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not asked for"),
    ];
    let source = ContainerCredentials::new(machine_with(&variables, files.clone()));
    assert_session(&ask(source.clone()).await.unwrap(), "ASIACONTAINER");
    files.lock().unwrap().insert("/home/u/token".into(), b"hush-2".to_vec());
    assert_session(&ask(source.clone()).await.unwrap(), "ASIACONTAINER");
    let sent: Vec<_> = server.seen().iter().map(|s| s.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(sent, ["hush-1", "hush-2"]);

    files.lock().unwrap().insert("/home/u/token".into(), b"hush-3".to_vec());
    assert!(complaint(source.clone()).await.contains("answered 403"));
    files.lock().unwrap().clear();
    assert!(complaint(source).await.contains("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
}

#[tokio::test]
async fn container_tokens_with_line_breaks_are_refused() {
    for token in ["hush\r\nx-evil: 1", "hush\nmore", "hush\n"] {
        let variables = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/x"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", token),
        ];
        let text = complaint(ContainerCredentials::new(machine(&variables, &[]))).await;
        assert!(text.contains("AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line break"), "{text}");
    }
}

#[tokio::test]
async fn container_credentials_come_only_from_hosts_that_may_have_them() {
    for (url, allowed) in [
        ("http://127.0.0.1/x", true),
        ("http://127.8.0.1:80/x", true),
        ("http://localhost:1338/x", true),
        ("http://[::1]/x", true),
        ("http://169.254.170.2/x", true),
        ("http://169.254.170.23/v1/credentials", true),
        ("http://[fd00:ec2::23]/v1/credentials", true),
        ("https://anywhere.example.com/x", true),
        ("http://anywhere.example.com/x", false),
        ("http://169.254.169.254/x", false),
        ("http://10.0.0.1/x", false),
        ("http://127.0.0.1.example.com/x", false),
        ("http://[fd00:ec2::24]/x", false),
    ] {
        let nobody = Nobody::default();
        let machine = machine(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)], &[])
            .with_metadata_transport(Arc::new(nobody.clone()));
        let text = complaint(ContainerCredentials::new(machine)).await;
        assert_eq!(text.contains("nobody is there"), allowed, "{url}: {text}");
        assert_eq!(nobody.0.lock().unwrap().is_empty(), !allowed, "{url}");
    }
}

#[tokio::test]
async fn a_container_endpoint_that_stumbles_or_lies_is_an_error() {
    for (reply, says, asked) in [
        ((500, "hush"), "answered 500", 3),
        ((200, "hush{"), "valid JSON (line 1, column 1)", 1),
        ((200, r#"["hush"]"#), "no object", 1),
        ((200, r#"{"AccessKeyId":"A","Token":"hush"}"#), "without SecretAccessKey", 1),
        ((200, r#"{"AccessKeyId":"A","SecretAccessKey":"hush","Expiration":"hush"}"#), "no date", 1),
        ((200, r#"{"AccessKeyId":"A","SecretAccessKey":["hush"]}"#), "other than text", 1),
    ] {
        let server = Server::start(move |_| Reply::Answer(reply.0, reply.1.to_owned())).await;
        let machine = machine(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &server.url)], &[]);
        let text = complaint(ContainerCredentials::new(machine)).await;
        assert!(text.starts_with("container endpoint: ") && text.contains(says), "{text}");
        assert_eq!(server.seen().len(), asked);
    }
}
