//! STS: web identity and assumed roles, with a check of the signature that shares no code with ours.

use std::time::Duration;

use hmac::{Hmac, Mac};
use integration_s3_runtime::credentials::{AssumeRole, WebIdentity};
use integration_s3_runtime::identity::Credentials;
use sha2::{Digest, Sha256};

use crate::machine::{EARLIER, LATER, absence, ask, assert_session, complaint, machine};
use crate::server::{Reply, Seen, Server, ok, status};

pub fn granted(action: &str, id: &str, end: &str) -> String {
    format!(
        r#"<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>hush-key</SecretAccessKey><SessionToken>hush-token</SessionToken><Expiration>{end}</Expiration></Credentials></{action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"#
    )
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    let text = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    Reply::Answer(status, text)
}

pub fn form(seen: &Seen) -> Vec<(String, String)> {
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    seen.body.split('&').map(|p| p.split_once('=').unwrap()).map(|(n, v)| (plain(n), plain(v))).collect()
}

pub fn field(seen: &Seen, name: &str) -> Option<String> {
    form(seen).into_iter().find(|(n, _)| n == name).map(|(_, v)| v)
}

/// Signature Version 4 as its documentation describes it, for a POST to `/`.
pub fn is_signed_by(seen: &Seen, secret: &str, region: &str) -> bool {
    let authorization = seen.header("authorization").unwrap();
    let part = |name: &str| authorization.split([' ', ',']).find_map(|p| p.strip_prefix(name)).unwrap();
    let (signed, signature) = (part("SignedHeaders="), part("Signature="));
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let hmac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", seen.header(name).unwrap())).collect();
    let body = hex(&Sha256::digest(&seen.body));
    let canonical = format!("POST\n{}\n\n{headers}\n{signed}\n{body}", seen.path);
    let date = seen.header("x-amz-date").unwrap();
    let scope = format!("{}/{region}/sts/aws4_request", &date[..8]);
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = format!("AWS4{secret}").into_bytes();
    for word in [&date[..8], region, "sts", "aws4_request"] {
        key = hmac(&key, word);
    }
    signed.contains("host") && authorization.contains(&scope) && hex(&hmac(&key, &text)) == signature
}

fn identity(server: &Server, more: &[(&str, &str)]) -> WebIdentity {
    let mut variables = vec![
        ("AWS_ENDPOINT_URL_STS", server.url.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/home/u/token"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
    ];
    variables.extend(more);
    WebIdentity::new(machine(&variables, &[("token", "hush.jwt.token\n")]))
}

#[tokio::test]
async fn a_web_identity_token_becomes_credentials_unsigned() {
    let server = Server::start(|_| ok(granted("AssumeRoleWithWebIdentity", "ASIAWEB", LATER))).await;
    let found = ask(identity(&server, &[("AWS_ROLE_SESSION_NAME", "ci")])).await.unwrap();
    assert_session(&found, "ASIAWEB");
    assert_eq!((found.source(), found.account_id()), ("web identity", Some("123456789012")));
    ask(identity(&server, &[])).await.unwrap();
    let seen = server.seen();
    assert_eq!(field(&seen[0], "Action").unwrap(), "AssumeRoleWithWebIdentity");
    assert_eq!(field(&seen[0], "WebIdentityToken").unwrap(), "hush.jwt.token");
    assert_eq!(field(&seen[0], "RoleArn").unwrap(), "arn:aws:iam::123456789012:role/r");
    assert_eq!(field(&seen[0], "RoleSessionName").unwrap(), "ci");
    assert_eq!(field(&seen[1], "RoleSessionName").unwrap(), "integration-s3-1767225600");
    assert_eq!(seen[0].header("authorization"), None);
}

#[tokio::test]
async fn web_identity_that_does_not_work_says_why() {
    let server = Server::start(|_| refused(403, "AccessDenied", "Not authorized to perform sts:X")).await;
    let text = complaint(identity(&server, &[])).await;
    assert!(text.contains("AccessDenied: Not authorized") && text.contains("trust policy"), "{text}");
    assert_eq!(server.seen().len(), 1);

    let server = Server::start(|_| refused(400, "InvalidIdentityToken", "no: hush.jwt.token")).await;
    assert!(complaint(identity(&server, &[])).await.contains("status 400"));
    let server = Server::start(|_| refused(400, "IDPCommunicationError", "later")).await;
    assert!(complaint(identity(&server, &[])).await.contains("IDPCommunicationError"));
    assert_eq!(server.seen().len(), 3);
    let server = Server::start(|_| ok("<a><b>hush</a>")).await;
    assert!(complaint(identity(&server, &[])).await.contains("not as STS writes it"));
    let server = Server::start(|_| ok(granted("AssumeRoleWithWebIdentity", "A", EARLIER))).await;
    assert!(complaint(identity(&server, &[])).await.contains("expired at"));

    assert!(absence(WebIdentity::new(machine(&[("AWS_ROLE_ARN", "r")], &[]))).await.contains("is not set"));
    let alone = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/home/u/none")];
    assert!(complaint(WebIdentity::new(machine(&alone, &[]))).await.contains("AWS_ROLE_ARN"));
    let gone = [alone[0], ("AWS_ROLE_ARN", "r")];
    assert!(complaint(WebIdentity::new(machine(&gone, &[]))).await.contains("/home/u/none cannot be read"));
    let text = complaint(WebIdentity::new(machine(&gone, &[("none", " \n")]))).await;
    assert!(text.contains("/home/u/none is empty"));
}

fn assume(server: &Server, more: &[(&str, &str)]) -> AssumeRole {
    let mut variables = vec![("AWS_ENDPOINT_URL_STS", server.url.as_str()), ("AWS_REGION", "eu-west-1")];
    variables.extend(more);
    AssumeRole::new("arn:aws:iam::123456789012:role/r")
        .surroundings(machine(&variables, &[]))
        .assumed_by(Credentials::new("AKIAUSER", "hush-user").with_session_token("hush-session"))
}

#[tokio::test]
async fn a_role_is_assumed_with_everything_that_was_asked_for() {
    let server = Server::start(|_| ok(granted("AssumeRole", "ASIAROLE", LATER))).await;
    let source = assume(&server, &[])
        .external_id("hush external")
        .session_name("export@night")
        .duration(Duration::from_secs(900))
        .policy(r#"{"Version":"2012-10-17"}"#)
        .policy_arn("arn:aws:iam::aws:policy/ReadOnly")
        .tag("team", "a b&c=d")
        .transitive_tag("cost", "42")
        .source_identity("alice");
    let text = format!("{source:?}");
    assert!(!text.contains("hush"), "{text}");
    let found = ask(source).await.unwrap();
    assert_session(&found, "ASIAROLE");
    let seen = &server.seen()[0];
    let expected = [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", "arn:aws:iam::123456789012:role/r"),
        ("RoleSessionName", "export@night"),
        ("ExternalId", "hush external"),
        ("DurationSeconds", "900"),
        ("Policy", r#"{"Version":"2012-10-17"}"#),
        ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnly"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "a b&c=d"),
        ("Tags.member.2.Key", "cost"),
        ("Tags.member.2.Value", "42"),
        ("TransitiveTagKeys.member.1", "cost"),
        ("SourceIdentity", "alice"),
    ];
    assert_eq!(form(seen), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(seen.header("x-amz-security-token"), Some("hush-session"));
    assert!(is_signed_by(seen, "hush-user", "eu-west-1"));
    assert!(!is_signed_by(seen, "another", "eu-west-1"));
}

#[tokio::test]
async fn each_attempt_at_a_role_is_signed_and_refusals_are_told() {
    let server = Server::start(|_| status(503)).await;
    assert!(complaint(assume(&server, &[])).await.contains("status 503"));
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|s| is_signed_by(s, "hush-user", "eu-west-1")));

    let server = Server::start(|_| refused(403, "AccessDenied", "User is not authorized, hush-user")).await;
    assert!(complaint(assume(&server, &[])).await.contains("status 403"));
    let server = Server::start(|_| refused(403, "AccessDenied", "User is not authorized")).await;
    assert!(complaint(assume(&server, &[])).await.contains("User is not authorized"));
}

#[tokio::test]
async fn a_role_that_cannot_be_asked_for_is_refused_here() {
    let server = Server::start(|_| panic!("asked")).await;
    let short = assume(&server, &[]).duration(Duration::from_secs(60));
    assert!(complaint(short).await.contains("15 minutes"));
    assert!(complaint(assume(&server, &[]).session_name("a b")).await.contains("session name"));
    assert!(complaint(assume(&server, &[("AWS_REGION", "hush/..")])).await.contains("AWS_REGION"));
    let alone = AssumeRole::new("r").surroundings(machine(&[], &[]));
    assert!(complaint(alone).await.contains("no credentials were found"));
    let clear = machine(&[("AWS_ENDPOINT_URL_STS", "http://sts.example.com")], &[]);
    let clear = AssumeRole::new("r").assumed_by(Credentials::new("a", "hush")).surroundings(clear);
    assert!(complaint(clear).await.contains("AWS_ENDPOINT_URL_STS is plain http"));
}

#[tokio::test]
async fn sts_is_asked_in_the_region_and_partition() {
    for (variables, url) in [
        (&[][..], "https://sts.amazonaws.com/"),
        (&[("AWS_REGION", "eu-west-1")], "https://sts.eu-west-1.amazonaws.com/"),
        (&[("AWS_DEFAULT_REGION", "cn-north-1")], "https://sts.cn-north-1.amazonaws.com.cn/"),
        (
            &[("AWS_REGION", "us-east-2"), ("AWS_USE_FIPS_ENDPOINT", "true")],
            "https://sts-fips.us-east-2.amazonaws.com/",
        ),
    ] {
        let nobody = crate::machine::Nobody::default();
        let machine = machine(variables, &[]).with_service_transport(std::sync::Arc::new(nobody.clone()));
        complaint(AssumeRole::new("r").assumed_by(Credentials::new("a", "hush")).surroundings(machine)).await;
        assert_eq!(nobody.0.lock().unwrap()[0], url);
    }
}
