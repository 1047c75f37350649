//! IAM Identity Center: the token cache of the command line, the portal, and renewal.

use integration_s3_runtime::credentials::ProfileCredentials;
use serde_json::{Value, json};

use crate::machine::{EARLIER, Files, LATER, ask, assert_session, complaint, files, machine_with};
use crate::server::{Reply, Seen, Server, ok, status};

const SESSION: &str = "[profile dev]\nsso_session = my-sso\nsso_account_id = 123456789012\nsso_role_name = Read Only\n\
                       [sso-session my-sso]\nsso_region = eu-west-1\nsso_start_url = https://d-1.awsapps.com/start\n";
const LEGACY: &str = "[profile dev]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = eu-west-1\n\
                      sso_account_id = 123456789012\nsso_role_name = Read Only\n";
/// `printf my-sso | sha1sum`, and the same for the start URL.
const SESSION_CACHE: &str = ".aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";
const LEGACY_CACHE: &str = ".aws/sso/cache/0c54b6c27e90660baa89eaad85ac1d5dae26cb7d.json";

fn token(ends: &str) -> Value {
    json!({ "accessToken": "hush-access", "expiresAt": ends, "region": "eu-west-1", "startUrl": "https://d-1.awsapps.com/start" })
}

fn renewable(ends: &str) -> Value {
    let mut token = token(ends);
    for (name, value) in [
        ("refreshToken", "hush-refresh"),
        ("clientId", "client"),
        ("clientSecret", "hush-client"),
        ("registrationExpiresAt", "2026-03-01T00:00:00Z"),
    ] {
        token[name] = value.into();
    }
    token
}

fn portal(seen: &Seen) -> Reply {
    let path = "/federation/credentials?account_id=123456789012&role_name=Read%20Only";
    match (seen.path.as_str(), seen.header("x-amz-sso_bearer_token")) {
        ("/token", _) => ok(json!({ "accessToken": "hush-renewed", "expiresIn": 28_800, "refreshToken": "hush-next" }).to_string()),
        (p, Some("hush-access" | "hush-renewed")) if p == path => ok(json!({ "roleCredentials": {
            "accessKeyId": "ASIASSO", "secretAccessKey": "hush-key", "sessionToken": "hush-token", "expiration": 1_767_229_200_000_i64
        } })
        .to_string()),
        (p, _) if p == path => status(401),
        _ => status(404),
    }
}

fn source(server: &Server, config: &str, cache: &str, token: &Value) -> (ProfileCredentials, Files) {
    let files = files(&[(".aws/config", config), (cache, &token.to_string())]);
    let url = server.url.as_str();
    let variables = [("AWS_ENDPOINT_URL_SSO", url), ("AWS_ENDPOINT_URL_SSO_OIDC", url), ("AWS_PROFILE", "dev")];
    (ProfileCredentials::new(machine_with(&variables, files.clone())), files)
}

#[tokio::test]
async fn the_token_of_both_kinds_of_profile_is_exchanged_at_the_portal() {
    let server = Server::start(portal).await;
    for (config, cache) in [(SESSION, SESSION_CACHE), (LEGACY, LEGACY_CACHE)] {
        let found = ask(source(&server, config, cache, &token(LATER)).0).await.unwrap();
        assert_session(&found, "ASIASSO");
        assert_eq!(found.account_id(), Some("123456789012"));
    }
    // Older command lines wrote the date like this.
    ask(source(&server, LEGACY, LEGACY_CACHE, &token("2026-01-01T01:00:00UTC")).0).await.unwrap();
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_the_command() {
    let server = Server::start(portal).await;
    let command = "run `aws sso login --profile dev`";
    for (cache, token, says) in [
        (SESSION_CACHE, token(EARLIER), "expired at 2025-12-31T23:59:59Z"),
        (LEGACY_CACHE, token(LATER), "not signed in"),
        (
            SESSION_CACHE,
            {
                let mut t = token(LATER);
                t["accessToken"] = "hush-revoked".into();
                t
            },
            "no longer accepts",
        ),
    ] {
        let text = complaint(source(&server, SESSION, cache, &token).0).await;
        assert!(text.contains(says) && text.contains(command), "{text}");
    }
    // A profile of the older kind has a token that cannot be renewed, whatever its file holds.
    let text = complaint(source(&server, LEGACY, LEGACY_CACHE, &renewable(EARLIER)).0).await;
    assert!(text.contains(command), "{text}");
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_and_kept() {
    for ends in [EARLIER, "2026-01-01T00:04:00Z"] {
        let server = Server::start(portal).await;
        let (source, files) = source(&server, SESSION, SESSION_CACHE, &renewable(ends));
        assert_session(&ask(source.clone()).await.unwrap(), "ASIASSO");
        let seen = server.seen();
        let asked: Value = serde_json::from_str(&seen[0].body).unwrap();
        let expected = json!({ "clientId": "client", "clientSecret": "hush-client", "grantType": "refresh_token", "refreshToken": "hush-refresh" });
        assert_eq!(asked, expected);
        assert_eq!(seen[1].header("x-amz-sso_bearer_token"), Some("hush-renewed"));
        let mut kept = renewable("2026-01-01T08:00:00Z");
        kept["accessToken"] = "hush-renewed".into();
        kept["refreshToken"] = "hush-next".into();
        let path = std::path::Path::new("/home/u").join(SESSION_CACHE);
        let file: Value = serde_json::from_slice(&files.lock().unwrap()[&path]).unwrap();
        assert_eq!(file, kept);
        ask(source).await.unwrap();
        assert_eq!(server.seen().len(), 3, "the second time there was nothing to renew");
    }
}

#[tokio::test]
async fn a_renewal_that_fails_matters_only_when_the_token_is_past_its_end() {
    let failing = |seen: &Seen| if seen.path == "/token" { Reply::Answer(400, "hush".into()) } else { portal(seen) };
    let server = Server::start(failing).await;
    let soon = source(&server, SESSION, SESSION_CACHE, &renewable("2026-01-01T00:04:00Z")).0;
    assert_session(&ask(soon).await.unwrap(), "ASIASSO");
    let text = complaint(source(&server, SESSION, SESSION_CACHE, &renewable(EARLIER)).0).await;
    assert!(text.contains("could not be renewed") && text.contains("aws sso login"), "{text}");
}

#[tokio::test]
async fn a_portal_that_refuses_or_lies_is_an_error() {
    for (reply, says) in [
        ((403, "hush"), "does not give you the role Read Only in account 123456789012"),
        ((500, "hush"), "answered 500"),
        ((200, "hush"), "valid JSON"),
        ((200, "{}"), "without roleCredentials"),
        ((200, r#"{"roleCredentials":{"accessKeyId":"A","secretAccessKey":"hush"}}"#), "without sessionToken"),
    ] {
        let server = Server::start(move |_| Reply::Answer(reply.0, reply.1.to_owned())).await;
        let text = complaint(source(&server, SESSION, SESSION_CACHE, &token(LATER)).0).await;
        assert!(text.contains(says), "{text}");
    }
    let server = Server::start(portal).await;
    let text = complaint(source(&server, SESSION, SESSION_CACHE, &json!({ "accessToken": "hush" })).0).await;
    assert!(text.contains("0ad374308c5a4e22f723adf10145eafad7c4031c.json gives no expiresAt"), "{text}");
}
