//! The order of the sources, and what a person is told.

use integration_s3_runtime::credentials::{CredentialsChain, SourceAnswer};
use integration_s3_runtime::identity::Credentials;

use crate::machine::{LATER, absence, ask, complaint, machine, metadata_json, text_of};
use crate::server::{Server, ok};

const ENVIRONMENT: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hush-env")];
const FILE: (&str, &str) =
    (".aws/credentials", "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=hush-file");

#[tokio::test]
async fn earlier_sources_win() {
    let server = Server::start(|_| ok(metadata_json("ASIACONTAINER", LATER))).await;
    let container = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url.as_str());
    let all = [ENVIRONMENT[0], ENVIRONMENT[1], container];
    let chain = CredentialsChain::standard(machine(&all, &[FILE]));
    assert_eq!(ask(chain.clone()).await.unwrap().access_key_id(), "AKIAIOSFODNN7EXAMPLE");
    let explicit = chain.preceded_by(Credentials::new("AKIACODE", "hush"));
    assert_eq!(ask(explicit).await.unwrap().access_key_id(), "AKIACODE");
    let found = ask(CredentialsChain::standard(machine(&[container], &[FILE]))).await.unwrap();
    assert_eq!((found.access_key_id(), found.source()), ("AKIAFILE", "profile files"));
    let found = ask(CredentialsChain::standard(machine(&[container], &[]))).await.unwrap();
    assert_eq!((found.access_key_id(), found.source()), ("ASIACONTAINER", "container endpoint"));
}

#[tokio::test]
async fn a_broken_source_is_not_passed_over() {
    let half = [ENVIRONMENT[1]];
    let text = complaint(CredentialsChain::standard(machine(&half, &[FILE]))).await;
    assert!(text.starts_with("environment: half a key pair, AWS_ACCESS_KEY_ID is not set"), "{text}");
    let chosen = [("AWS_PROFILE", "gone")];
    let text = complaint(CredentialsChain::standard(machine(&chosen, &[FILE]))).await;
    assert!(text.starts_with("profile files: no profile gone in /home/u/.aws/credentials"), "{text}");
}

#[tokio::test]
async fn nothing_found_lists_every_source_and_why_in_one_line() {
    let text = absence(CredentialsChain::standard(machine(&[], &[]))).await;
    assert_eq!(
        text,
        "no credentials were found (environment: AWS_ACCESS_KEY_ID is not set; web identity: AWS_WEB_IDENTITY_TOKEN_FILE \
         is not set; profile files: no profile default in /home/u/.aws/credentials nor /home/u/.aws/config, which do not \
         exist; container endpoint: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI \
         is set; instance metadata: switched off by AWS_EC2_METADATA_DISABLED); set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, choose a profile with AWS_PROFILE, or give the client credentials in code"
    );
}

#[tokio::test]
async fn an_explanation_tells_what_each_source_said() {
    let broken = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/hush");
    let variables = [ENVIRONMENT[0], ENVIRONMENT[1], broken];
    let explanation = CredentialsChain::standard(machine(&variables, &[FILE])).explain().await;
    assert_eq!(explanation.used(), Some("environment"));
    let text = explanation.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert_eq!(lines[0], "environment: found AKIA...MPLE (used)");
    assert_eq!(lines[1], "web identity: none, AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    assert_eq!(lines[2], "profile files: found (short) (not reached)");
    assert!(lines[3].starts_with("container endpoint: broken, the variable AWS_CONTAINER_CREDENTIALS_FULL_URI names"));
    assert_eq!(lines[4], "instance metadata: none, switched off by AWS_EC2_METADATA_DISABLED");
    assert!(!format!("{text}{explanation:?}").contains("hush"));
    for (_, answer) in explanation.sources() {
        if let SourceAnswer::Absent(error) | SourceAnswer::Broken(error) = answer {
            text_of(error);
        }
    }
}
