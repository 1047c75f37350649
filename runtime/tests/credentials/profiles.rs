//! What profiles mean: keys, roles over roles, named sources, and every mistake with its line.

use integration_s3_runtime::credentials::ProfileCredentials;
use integration_s3_runtime::credentials::profile::Profiles;

use crate::machine::{LATER, absence, ask, assert_session, complaint, machine, metadata_json};
use crate::roles::{field, granted, is_signed_by};
use crate::server::{Server, ok};

const KEYS: &str = "aws_access_key_id = AKIAFILE\naws_secret_access_key = hush-file\n";

fn config(text: &str) -> ProfileCredentials {
    ProfileCredentials::new(machine(&[], &[(".aws/config", text)]))
}

#[tokio::test]
async fn keys_come_from_credentials_before_config() {
    let both = [
        (
            ".aws/config",
            "[default]\naws_access_key_id = AKIACONFIG\naws_secret_access_key = hush\n[profile dev]\nregion=x",
        ),
        (
            ".aws/credentials",
            "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = hush-file\naws_session_token = hush-token\n[dev]\naws_access_key_id=AKIADEV\naws_secret_access_key=hush-dev",
        ),
    ];
    let found = ask(ProfileCredentials::new(machine(&[], &both))).await.unwrap();
    assert_eq!((found.access_key_id(), found.secret_access_key().expose()), ("AKIAFILE", "hush-file"));
    assert_eq!(found.session_token().unwrap().expose(), "hush-token");
    let dev = machine(&[("AWS_PROFILE", "dev")], &both);
    assert_eq!(ask(ProfileCredentials::new(dev.clone())).await.unwrap().access_key_id(), "AKIADEV");
    let other = ask(ProfileCredentials::new(dev.with_profile("default"))).await.unwrap();
    assert_eq!(other.access_key_id(), "AKIAFILE");
}

#[tokio::test]
async fn files_are_found_where_the_variables_say() {
    let elsewhere = machine(
        &[("AWS_CONFIG_FILE", "~/c"), ("AWS_SHARED_CREDENTIALS_FILE", "/home/u/s")],
        &[("c", "[profile default]\nregion = a\n[default]\nregion = b"), ("s", &format!("[default]\n{KEYS}"))],
    );
    assert_eq!(ask(ProfileCredentials::new(elsewhere.clone())).await.unwrap().access_key_id(), "AKIAFILE");
    let profiles = Profiles::read(&elsewhere).unwrap();
    let found = profiles.profile("default").unwrap();
    assert_eq!(found.value("region"), Some("a"));
    assert_eq!(found.get("region").unwrap().place(), "/home/u/c:2");
}

#[tokio::test]
async fn a_profile_nobody_asked_for_may_be_missing() {
    let none = machine(&[], &[]);
    assert!(
        absence(ProfileCredentials::new(none.clone())).await.contains("no profile default in /home/u/.aws/credentials")
    );
    let text = complaint(ProfileCredentials::new(none.with_profile("dev"))).await;
    assert!(text.contains("no profile dev") && text.contains("AWS_PROFILE"), "{text}");
    assert!(
        absence(config("[default]\nregion = eu-west-1\n")).await.contains("config:1: the profile default says nothing")
    );
    let homeless = machine(&[], &[]).with_variables(|_| None).with_home("");
    absence(ProfileCredentials::new(homeless)).await;
}

#[tokio::test]
async fn mistakes_are_told_with_file_and_line() {
    let two = "[profile b]\nrole_arn = r\nsource_profile = a\n";
    for (text, says) in [
        ("[default]\naws_access_key_id = hush\n".to_owned(), "config:2: half a key pair, aws_secret_access_key"),
        ("[default]\n\naws_secret_access_key = hush\n".to_owned(), "config:3: half a key pair, aws_access_key_id"),
        ("[default]\nhush\n".to_owned(), "config:2: neither a section nor"),
        ("[default\n".to_owned(), "config:1: a section without a closing bracket"),
        ("[default]\nrole_arn = r\n".to_owned(), "config:2: role_arn needs"),
        ("[default]\nrole_arn = r\nsource_profile = gone\n".to_owned(), "config:3: source_profile names gone"),
        ("[default]\nrole_arn = r\ncredential_source = hush\n".to_owned(), "config:3: credential_source is none of"),
        ("[default]\nrole_arn = r\ncredential_source = Environment\n".to_owned(), "AWS_ACCESS_KEY_ID is not set"),
        (
            "[default]\nrole_arn = r\nsource_profile = a\ncredential_source = EcsContainer\n".to_owned(),
            "exclude each other",
        ),
        (
            "[default]\nrole_arn = r\nmfa_serial = hush\nsource_profile = a\n".to_owned(),
            "config:3: the profile default asks for an MFA",
        ),
        (
            "[default]\nrole_arn = r\nduration_seconds = hush\nsource_profile = default\n".to_owned(),
            "config:3: duration_seconds",
        ),
        (
            format!(
                "[default]\nrole_arn = r\nsource_profile = b\n{two}[profile a]\nrole_arn = r\nsource_profile = b\n"
            ),
            "circle, default -> b -> a -> b",
        ),
        ("[default]\nrole_arn = r\nsource_profile = default\n".to_owned(), "circle, default -> default"),
        (
            format!("[default]\nrole_arn = r\nsource_profile = a\n{two}[profile a]\nregion = x\n"),
            "source_profile without credentials",
        ),
        ("[default]\nsso_session = gone\n".to_owned(), "config:2: there is no [sso-session gone]"),
        ("[default]\nsso_start_url = u\nsso_region = r\n".to_owned(), "config:2: SSO needs sso_account_id"),
        ("[default]\ncredential_source = Environment\n".to_owned(), "config:2: credential_source needs role_arn"),
        ("[default]\nrole_arn = r\nweb_identity_token_file = /home/u/gone\n".to_owned(), "/home/u/gone cannot be read"),
    ] {
        let found = complaint(config(&text)).await;
        assert!(found.starts_with("profile files: ") && found.contains(says), "{text}: {found}");
    }
    let latin = machine(&[], &[]).with_files(|_| Ok(b"[default]\nx = hush\xff".to_vec()));
    assert!(complaint(ProfileCredentials::new(latin)).await.contains(".aws/credentials:2: not UTF-8"));
    let locked = machine(&[], &[]).with_files(|_| Err(std::io::ErrorKind::PermissionDenied.into()));
    assert!(
        complaint(ProfileCredentials::new(locked)).await.contains(".aws/credentials cannot be read: permission denied")
    );
}

#[tokio::test]
async fn roles_are_assumed_one_with_the_other() {
    let server = Server::start(|seen| match field(seen, "RoleArn").unwrap().as_str() {
        "first" => ok(granted("AssumeRole", "ASIAFIRST", LATER)),
        _ => ok(granted("AssumeRole", "ASIASECOND", LATER)),
    })
    .await;
    let text = format!(
        "[default]\nrole_arn = second\nsource_profile = middle\nexternal_id = hush-id\nduration_seconds = 1800\nrole_session_name = me\n\
         [profile middle]\nrole_arn = first\nsource_profile = middle\nregion = eu-north-1\n{KEYS}"
    );
    let variables = [("AWS_ENDPOINT_URL_STS", server.url.as_str())];
    let found = ask(ProfileCredentials::new(machine(&variables, &[(".aws/config", &text)]))).await.unwrap();
    assert_session(&found, "ASIASECOND");
    let seen = server.seen();
    assert!(is_signed_by(&seen[0], "hush-file", "eu-north-1"));
    assert!(is_signed_by(&seen[1], "hush-key", "us-east-1"));
    assert_eq!(seen[1].header("x-amz-security-token"), Some("hush-token"));
    for (name, value) in [("ExternalId", "hush-id"), ("DurationSeconds", "1800"), ("RoleSessionName", "me")] {
        assert_eq!(field(&seen[1], name).unwrap(), value);
    }
}

#[tokio::test]
async fn a_role_can_be_assumed_from_each_named_source() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("POST", _) => ok(granted("AssumeRole", "ASIAROLE", LATER)),
        ("PUT", _) => ok("hush-imds"),
        (_, path) if path.ends_with("security-credentials/") => ok("app"),
        _ => ok(metadata_json("ASIABASE", LATER)),
    })
    .await;
    let url = server.url.as_str();
    let from = |source: &str, variables: &[(&str, &str)]| {
        let mut all = vec![("AWS_ENDPOINT_URL_STS", url), ("AWS_REGION", "eu-west-1")];
        all.extend(variables);
        let text = format!("[default]\nrole_arn = r\ncredential_source = {source}\n");
        ProfileCredentials::new(machine(&all, &[(".aws/config", &text)]))
    };
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "hush-env")];
    assert_session(&ask(from("Environment", &keys)).await.unwrap(), "ASIAROLE");
    assert!(is_signed_by(server.seen().last().unwrap(), "hush-env", "eu-west-1"));
    let instance = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)];
    assert_session(&ask(from("Ec2InstanceMetadata", &instance)).await.unwrap(), "ASIAROLE");
    assert!(is_signed_by(server.seen().last().unwrap(), "hush-key", "eu-west-1"));
    let container = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)];
    assert_session(&ask(from("EcsContainer", &container)).await.unwrap(), "ASIAROLE");
    assert!(is_signed_by(server.seen().last().unwrap(), "hush-key", "eu-west-1"));
}

#[tokio::test]
async fn a_profile_can_name_a_web_identity() {
    let server = Server::start(|_| ok(granted("AssumeRoleWithWebIdentity", "ASIAWEB", LATER))).await;
    let text = "[default]\nrole_arn = r\nweb_identity_token_file = ~/token\nrole_session_name = ci\n";
    let variables = [("AWS_ENDPOINT_URL_STS", server.url.as_str())];
    let machine = machine(&variables, &[(".aws/config", text), ("token", "hush.jwt")]);
    assert_session(&ask(ProfileCredentials::new(machine)).await.unwrap(), "ASIAWEB");
    assert_eq!(field(&server.seen()[0], "WebIdentityToken").unwrap(), "hush.jwt");
}

#[tokio::test]
async fn a_refused_role_is_told_with_its_line() {
    let server = Server::start(|_| crate::server::status(403)).await;
    let text = format!("[default]\nrole_arn = r\nsource_profile = k\n[profile k]\n{KEYS}");
    let variables = [("AWS_ENDPOINT_URL_STS", server.url.as_str())];
    let text = complaint(ProfileCredentials::new(machine(&variables, &[(".aws/config", &text)]))).await;
    assert!(text.starts_with("profile files: /home/u/.aws/config:2: http://127.0.0.1:"), "{text}");
}
