//! `credential_process`: a real command, and what can go wrong with one.

use std::io;
use std::time::Duration;

use integration_s3_runtime::credentials::{ProcessOutput, ProfileCredentials, RunProcess, Surroundings};
use integration_s3_runtime::transport::BoxFuture;

use crate::machine::{LATER, ask, assert_session, complaint, machine};

fn with_command(command: &str) -> Surroundings {
    machine(&[], &[(".aws/config", &format!("[default]\nregion = eu-west-1\ncredential_process = {command}\n"))])
}

fn printed(end: &str) -> String {
    format!(
        r#"{{"Version":1,"AccessKeyId":"ASIAPROCESS","SecretAccessKey":"hush-key","SessionToken":"hush-token","Expiration":"{end}"}}"#
    )
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_is_run_as_a_shell_runs_it() {
    let command = format!("printf '%s' '{}' | cat; echo hush >&2", printed(LATER));
    let found = ask(ProfileCredentials::new(with_command(&command))).await.unwrap();
    assert_session(&found, "ASIAPROCESS");
    assert_eq!(found.source(), "profile files");
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_that_fails_is_named_by_its_line_and_never_quoted() {
    for (command, says) in [
        ("echo hush; echo hush >&2; exit 3", "ended with exit code 3"),
        ("kill -9 $$", "ended by a signal"),
        ("echo hush", "valid JSON (line 1, column 1)"),
        ("true", "valid JSON"),
        ("echo '{\"Version\":2,\"x\":\"hush\"}'", "Version is not 1"),
        ("echo '{\"Version\":1,\"SecretAccessKey\":\"hush\"}'", "without AccessKeyId"),
        ("/nowhere/hush --token hush", "exit code 127"),
        ("head -c 3000000 /dev/zero; sleep 5", "could not be run"),
    ] {
        let text = complaint(ProfileCredentials::new(with_command(command))).await;
        assert!(text.starts_with("profile files: the credential_process in /home/u/.aws/config:3 "), "{text}");
        assert!(text.contains(says), "{text}");
    }
    let old = format!("echo '{}'", printed("2025-01-01T00:00:00Z"));
    assert!(complaint(ProfileCredentials::new(with_command(&old))).await.contains("expired at 2025-01-01"));
}

#[derive(Debug)]
struct Hangs;

impl RunProcess for Hangs {
    fn run(&self, _: &str, limit: Duration) -> BoxFuture<'static, io::Result<ProcessOutput>> {
        assert_eq!(limit, Duration::from_secs(60));
        Box::pin(async { Err(io::ErrorKind::TimedOut.into()) })
    }
}

#[tokio::test]
async fn a_command_that_hangs_is_given_up() {
    let text = complaint(ProfileCredentials::new(with_command("x").with_processes(Hangs))).await;
    assert!(text.contains("did not end within 60s"), "{text}");
}
