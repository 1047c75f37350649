//! What a source may know of the machine it runs on: variables, files, home, clock, processes and two ways to the
//! network. Each can be replaced, so that no test touches the real ones.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::apart::apart;
use crate::config::Clock;
use crate::error::S3Error;
use crate::timestamp::Timestamp;
use crate::transport::{HttpTransport, HyperTransport};

use super::fault::broken;
#[cfg(feature = "credential-process")]
use super::process::{RunProcess, Shell};

type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
type Files = Arc<dyn Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync>;
#[cfg(feature = "sso")]
type Writer = Arc<dyn Fn(&Path, &[u8]) -> io::Result<()> + Send + Sync>;

/// What the sources of credentials see of the machine.
///
/// [`system`](Self::system) is the real one. Cheap to clone.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::credentials::{CredentialsChain, Surroundings};
///
/// let machine = Surroundings::system().with_variables(|name| (name == "AWS_EC2_METADATA_DISABLED").then(|| "true".into()));
/// let chain = CredentialsChain::standard(machine);
/// ```
#[derive(Clone)]
pub struct Surroundings {
    variables: Variables,
    files: Files,
    #[cfg(feature = "sso")]
    writer: Writer,
    home: Option<PathBuf>,
    profile: Option<String>,
    metadata: Arc<dyn HttpTransport>,
    services: Arc<dyn HttpTransport>,
    clock: Clock,
    allow_http: bool,
    #[cfg(feature = "credential-process")]
    processes: Arc<dyn RunProcess>,
}

impl Surroundings {
    /// The machine this process runs on. Nothing is opened or read yet.
    pub fn system() -> Self {
        // Metadata services are one hop away: who does not answer at once is not there.
        let metadata = HyperTransport::builder().connect_timeout(Duration::from_secs(1)).pool_max(4).build();
        Self {
            variables: Arc::new(|name| std::env::var(name).ok()),
            files: Arc::new(|path| std::fs::read(path)),
            #[cfg(feature = "sso")]
            writer: Arc::new(super::sso::replace_file),
            home: None,
            profile: None,
            metadata: Arc::new(metadata),
            services: Arc::new(HyperTransport::builder().pool_max(4).build()),
            clock: Clock::SYSTEM,
            allow_http: false,
            #[cfg(feature = "credential-process")]
            processes: Arc::new(Shell),
        }
    }

    /// Looks variables up here instead of in the process's environment.
    #[must_use]
    pub fn with_variables(mut self, look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.variables = Arc::new(look_up);
        self
    }

    /// Reads files here instead of from disk. A file that is not there is [`io::ErrorKind::NotFound`].
    #[must_use]
    pub fn with_files(mut self, read: impl Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.files = Arc::new(read);
        self
    }

    /// Writes a renewed SSO token here instead of to disk.
    #[cfg(feature = "sso")]
    #[must_use]
    pub fn with_file_writer(mut self, write: impl Fn(&Path, &[u8]) -> io::Result<()> + Send + Sync + 'static) -> Self {
        self.writer = Arc::new(write);
        self
    }

    /// The home directory, in place of `HOME` (`USERPROFILE` on Windows).
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// The profile to use, in place of `AWS_PROFILE`. It must exist then.
    #[must_use]
    pub fn with_profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// How metadata services and the container endpoint are asked. They are on this machine or one hop away: no proxy.
    #[must_use]
    pub fn with_metadata_transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.metadata = transport;
        self
    }

    /// How STS and SSO are asked: usually as the client asks S3, with its proxies and certificates.
    #[must_use]
    pub fn with_service_transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.services = transport;
        self
    }

    /// Tells the time.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Lets STS and SSO endpoints be plain http on other machines. Default off: tokens would travel in the clear.
    #[must_use]
    pub fn with_allow_http(mut self, on: bool) -> Self {
        self.allow_http = on;
        self
    }

    /// Runs the commands of `credential_process`.
    #[cfg(feature = "credential-process")]
    #[must_use]
    pub fn with_processes(mut self, processes: impl RunProcess) -> Self {
        self.processes = Arc::new(processes);
        self
    }

    /// The variable, without surrounding white space; an empty one counts as not set.
    #[inline(never)]
    pub fn variable(&self, name: &str) -> Option<String> {
        let value = (self.variables)(name)?;
        match value.trim() {
            "" => None,
            trimmed if trimmed.len() == value.len() => Some(value),
            trimmed => Some(trimmed.to_owned()),
        }
    }

    /// The variable as it is; an empty one counts as not set.
    pub(super) fn raw_variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    /// The variable as a switch.
    pub(super) fn switch(&self, source: &str, name: &str) -> Result<bool, S3Error> {
        match self.variable(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(broken(source, format!("the variable {name} is neither true nor false"))),
        }
    }

    /// The profile in use and whether somebody chose it.
    pub fn profile(&self) -> (String, bool) {
        match self.profile.clone().or_else(|| self.variable("AWS_PROFILE")) {
            Some(name) => (name, true),
            None => ("default".to_owned(), false),
        }
    }

    /// The home directory, if it is known.
    pub fn home(&self) -> Option<PathBuf> {
        let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.home.clone().or_else(|| self.variable(variable).map(PathBuf::from))
    }

    /// The path with a leading `~` resolved.
    pub fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/").or_else(|| path.strip_prefix("~\\")), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from(self.clock.now())
    }

    /// Reads a file on this thread; the bytes are overwritten when dropped.
    pub(super) fn read_here(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        (self.files)(path).map(Zeroizing::new)
    }

    /// Reads a file without holding the runtime's thread up.
    pub(super) async fn read(&self, path: PathBuf) -> io::Result<Zeroizing<Vec<u8>>> {
        let files = self.files.clone();
        apart(move || files(&path)).await.map_err(io::Error::other)?.map(Zeroizing::new)
    }

    #[cfg(feature = "sso")]
    pub(super) async fn write(&self, path: PathBuf, bytes: Zeroizing<Vec<u8>>) -> io::Result<()> {
        let writer = self.writer.clone();
        apart(move || writer(&path, &bytes)).await.map_err(io::Error::other)?
    }

    pub(super) fn metadata(&self) -> &dyn HttpTransport {
        &*self.metadata
    }

    #[cfg(any(feature = "sso", feature = "sts"))]
    pub(super) fn services(&self) -> &dyn HttpTransport {
        &*self.services
    }

    #[cfg(feature = "credential-process")]
    pub(super) fn processes(&self) -> &dyn RunProcess {
        &*self.processes
    }

    #[cfg(any(feature = "sso", feature = "sts"))]
    pub(super) fn allows_http(&self) -> bool {
        self.allow_http
    }
}

impl Default for Surroundings {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("home", &self.home).field("profile", &self.profile).finish_non_exhaustive()
    }
}
