//! The machine: folders, processors, other programs.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where cargo builds, for this workspace.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A folder below the target folder, made if need be.
pub fn scratch(name: &str) -> Result<PathBuf, String> {
    let folder = target().join("bench").join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

/// The words of a variable; those of the default where it is unset or empty.
pub fn words(variable: &str, default: &str) -> Vec<String> {
    let set = std::env::var(variable).ok().filter(|text| !text.trim().is_empty());
    let text = set.unwrap_or_else(|| default.to_owned());
    text.split_whitespace().map(str::to_owned).collect()
}

/// A variable that holds a number.
pub fn number(variable: &str, default: usize) -> Result<usize, String> {
    match std::env::var(variable) {
        Ok(text) => text.parse().map_err(|_| format!("{variable} must be a number")),
        Err(_) => Ok(default),
    }
}

/// A program without the environment: no proxy, no profile of the user may take part.
pub fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// Runs a program to its end; gives what it printed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot run {name}: {error}"))?;
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(printed);
    }
    let mut said = String::from_utf8_lossy(&done.stderr).into_owned();
    let _ = write!(said, "{printed}");
    let last: Vec<&str> = said.lines().rev().take(15).collect();
    Err(format!("{name} failed:\n  {}", last.into_iter().rev().collect::<Vec<_>>().join("\n  ")))
}

/// A program that stays on one processor, where the machine has two and `taskset`.
pub fn pinned(processor: &str, binary: &Path) -> Command {
    let mut command = program("taskset");
    command.args(["-c", processor]).arg(binary);
    command
}

/// The same with as many open files as the system allows a process.
pub fn pinned_wide(processor: &str, binary: &Path) -> Command {
    let mut command = program("sh");
    command.args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$@\"", "sh", "taskset", "-c", processor]).arg(binary);
    command
}

/// The processors of server and client.
pub fn processors() -> (String, String) {
    let one = |variable: &str, default: &str| std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    (one("SERVER_CPU", "0"), one("CLIENT_CPU", "1"))
}

/// CPU seconds of all programs that were run and have ended: their own, and the kernel's for them.
pub fn children_cpu() -> [f64; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets: fields 16 and 17 of the whole, in hundredths of a second.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut seconds = fields.split_whitespace().skip(13).map(|ticks| ticks.parse().unwrap_or(0.0) / 100.0);
    std::array::from_fn(|_| seconds.next().unwrap_or_default())
}

/// What the figures were taken on.
pub fn describe() -> Result<Vec<(&'static str, String)>, String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    Ok(vec![
        ("date", output(program("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?.trim().to_owned()),
        ("processor", format!("{cores} x {}", model.map_or("unknown", |(_, name)| name))),
        ("rustc", format!("rustc {}", rustc()?)),
        ("commit", commit().unwrap_or_else(|_| "commit unknown".to_owned())),
    ])
}

/// `commit 1a2b3c4`, and whether anything but the benches' own figures is other than committed.
fn commit() -> Result<String, String> {
    let git = |words: &[&str]| output(Command::new("git").arg("-C").arg(root()).args(words));
    let changed = git(&["status", "--porcelain", "-uno", "--", ".", ":!bench/results.json", ":!docs/performance.md"])?;
    let behind = if changed.is_empty() { "" } else { ", with changes" };
    Ok(format!("commit {}{behind}", git(&["rev-parse", "--short", "HEAD"])?.trim()))
}

/// The compiler's version: `1.95.0`.
pub fn rustc() -> Result<String, String> {
    let text = output(Command::new("rustc").arg("--version").current_dir(root()))?;
    Ok(text.split_whitespace().nth(1).unwrap_or_default().to_owned())
}

/// The null server, while this value lives.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub endpoint: String,
    /// The same with TLS.
    secure: String,
    /// The certificate to be trusted.
    authority: PathBuf,
}

impl Server {
    pub fn start(mut command: Command) -> Result<Self, String> {
        let authority = scratch("tls")?.join("authority.pem");
        let mut child = command
            .arg("0")
            .arg(&authority)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the null server: {error}"))?;
        let lines = child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
        let addresses: Vec<String> = lines.take(2).map_while(Result::ok).collect();
        let [endpoint, secure] = &addresses[..] else { return Err("the null server ended at once".to_owned()) };
        Ok(Self { child, endpoint: format!("http://{endpoint}"), secure: format!("https://{secure}"), authority })
    }

    /// Tells a contestant where the server is and, by the variable that everybody's `rustls-native-certs` reads, whom to trust.
    pub fn name(&self, contestant: &mut Command, tls: bool) {
        contestant.arg("--endpoint").arg(if tls { &self.secure } else { &self.endpoint });
        if tls {
            contestant.env("SSL_CERT_FILE", &self.authority);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
