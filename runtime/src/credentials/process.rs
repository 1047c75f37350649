//! Credentials that a command prints, as `credential_process` in a profile asks for.

use std::fmt::Debug;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::Surroundings;
use super::document::{Document, Names};
use super::fault::{broken, failed};
use crate::apart::apart;
use crate::error::S3Error;
use crate::identity::Credentials;
use crate::transport::BoxFuture;

/// Long enough for a person to touch a security key.
const LIMIT: Duration = Duration::from_secs(60);
/// More than any key pair; a command that prints without end is stopped.
const LONGEST_OUTPUT: u64 = 1 << 20;
const NAMES: Names =
    Names { id: "AccessKeyId", secret: "SecretAccessKey", token: "SessionToken", expiry: "Expiration" };

/// What a command left behind.
pub struct ProcessOutput {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed; overwritten when dropped.
    pub stdout: Zeroizing<Vec<u8>>,
}

/// Runs the commands of `credential_process`.
pub trait RunProcess: Debug + Send + Sync + 'static {
    /// Runs a command line as a shell does, without input, and waits for its end.
    ///
    /// # Errors
    /// It cannot be started; [`io::ErrorKind::TimedOut`] if it takes longer than `limit`, when it must be stopped.
    fn run(&self, command: &str, limit: Duration) -> BoxFuture<'static, io::Result<ProcessOutput>>;
}

/// The shell of this machine: `sh -c`, or `cmd /C` on Windows. Error output is thrown away, because some
/// commands write secrets there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shell;

impl RunProcess for Shell {
    fn run(&self, command: &str, limit: Duration) -> BoxFuture<'static, io::Result<ProcessOutput>> {
        let command = command.to_owned();
        Box::pin(async move { apart(move || run(&command, limit)).await.map_err(io::Error::other)? })
    }
}

fn run(command: &str, limit: Duration) -> io::Result<ProcessOutput> {
    let (shell, flag) = if cfg!(windows) { ("cmd.exe", "/C") } else { ("sh", "-c") };
    let end = Instant::now() + limit;
    let mut child = Command::new(shell)
        .args([flag, command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let result = finish(&mut child, end);
    if result.is_err() {
        // Best effort: it may have ended by itself in the meantime.
        let _ = child.kill();
        let _ = child.wait();
    }
    result
}

fn finish(child: &mut Child, end: Instant) -> io::Result<ProcessOutput> {
    let pipe = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
    let read = Arc::new((Mutex::new(None), Condvar::new()));
    let reader = Arc::clone(&read);
    // On a thread of its own, because reading a pipe has no time limit: a grandchild may keep it open.
    std::thread::Builder::new().name("credential-process".to_owned()).spawn(move || {
        let mut out = Zeroizing::new(Vec::with_capacity(4096));
        let outcome = pipe.take(LONGEST_OUTPUT + 1).read_to_end(&mut out);
        *reader.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome.map(|_| out));
        reader.1.notify_one();
    })?;
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    let slot = read.0.lock().unwrap_or_else(PoisonError::into_inner);
    let limit = end.saturating_duration_since(Instant::now());
    let waited = read.1.wait_timeout_while(slot, limit, |slot| slot.is_none());
    let stdout = waited.unwrap_or_else(PoisonError::into_inner).0.take().ok_or_else(late)??;
    if stdout.len() as u64 > LONGEST_OUTPUT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its output is too long"));
    }
    // Its output has ended, so it is about to.
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(ProcessOutput { code: status.code(), stdout }),
            None if Instant::now() >= end => return Err(late()),
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Runs the command of a profile. `place` is the file and line it stands in; the command itself is not shown,
/// since some carry secrets.
pub(super) async fn credentials(
    surroundings: &Surroundings,
    source: &'static str,
    place: &str,
    command: &str,
) -> Result<Credentials, S3Error> {
    let by_hand = "run the command by hand to see what it says";
    let whom = format!("the credential_process in {place}");
    let output = match surroundings.processes().run(command, LIMIT).await {
        Ok(output) => output,
        Err(e) if e.kind() == io::ErrorKind::TimedOut => {
            return Err(failed(source, format!("{whom} did not end within {LIMIT:?}")).with_suggestion(by_hand));
        }
        Err(e) => return Err(failed(source, format!("{whom} could not be run: {}", e.kind()))),
    };
    match output.code {
        Some(0) => {}
        Some(code) => {
            return Err(failed(source, format!("{whom} ended with exit code {code}")).with_suggestion(by_hand));
        }
        None => return Err(failed(source, format!("{whom} was ended by a signal"))),
    }
    let mut document = Document::parse(source, &whom, &output.stdout)?;
    if document.number("Version") != Some(1) {
        return Err(broken(source, format!("{whom} printed JSON whose Version is not 1")));
    }
    document.credentials(&NAMES, surroundings.now())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[cfg(unix)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_command_that_takes_too_long_is_stopped_also_when_its_children_are_not() {
        for command in ["sleep 60", "sleep 60 & echo begun; exit 0", "exec >&-; sleep 60"] {
            let error = run(command, Duration::from_millis(50)).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{command}");
        }
    }
}
