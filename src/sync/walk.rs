//! A directory tree in the order of S3's keys: names compared as bytes, with `/` appended to directories.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::entry::{Batch, Facts, Found, Side, SkipKind, SkippedName, SyncSide};
use super::filter::Filter;
use super::names::{is_temporary, shown};
use super::{Symlinks, failure};
use crate::S3Error;
use crate::error::RequestError;

/// Finds handed over at once, and how many such batches may wait.
const BATCH: usize = 256;
const WAITING: usize = 4;
/// A longer path cannot be a key.
const DEEPEST: usize = 1_024;

/// What is done with a directory tree.
pub(super) struct Walk {
    pub(super) root: PathBuf,
    pub(super) side: SyncSide,
    pub(super) symlinks: Symlinks,
    pub(super) filter: Arc<Filter>,
}

impl Walk {
    /// Begins to read, in a thread for blocking work. A root that is missing is empty.
    pub(super) fn start(self) -> Side {
        let (out, batches) = mpsc::channel(WAITING);
        let mut producer = JoinSet::new();
        let name = self.root.display().to_string();
        producer.spawn_blocking(move || {
            let mut walker = Walker { walk: self, out, batch: Vec::with_capacity(BATCH) };
            if let Err(Stop::Failed(error)) = walker.run() {
                // Nobody listening means nobody wants to know.
                let _ = walker.out.blocking_send(Err(error));
            }
        });
        Side::new(name, batches, producer)
    }
}

enum Stop {
    Failed(S3Error),
    /// Nobody listens any more.
    Unheard,
}

struct Walker {
    walk: Walk,
    out: mpsc::Sender<Batch>,
    batch: Vec<Found>,
}

/// A directory being read.
struct Level {
    path: PathBuf,
    /// Relative, with `/` at the end unless it is the root.
    relative: String,
    /// Without links; known only where links are followed.
    real: Option<PathBuf>,
    children: vec::IntoIter<Child>,
}

struct Child {
    name: OsString,
    /// The name as it stands in a key, with `/` behind directories.
    order: Vec<u8>,
    is_link: bool,
    /// `None`: a link that leads nowhere.
    kind: Option<fs::FileType>,
}

impl Walker {
    fn run(&mut self) -> Result<(), Stop> {
        let root = self.walk.root.clone();
        let children = match self.children(&root) {
            Ok(children) => children,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.walk.side == SyncSide::Target => {
                return Ok(());
            }
            Err(error) => return Err(Stop::Failed(failure("read", &root, error))),
        };
        let follows = self.walk.symlinks == Symlinks::Follow;
        let real = if follows { fs::canonicalize(&root).ok() } else { None };
        let mut levels = vec![Level { path: root, relative: String::new(), real, children: children.into_iter() }];
        while let Some(level) = levels.last_mut() {
            let Some(child) = level.children.next() else {
                levels.pop();
                continue;
            };
            if let Some(next) = self.visit(child, &levels)? {
                levels.push(next);
            }
        }
        self.flush()
    }

    fn children(&self, directory: &Path) -> io::Result<Vec<Child>> {
        let mut children = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let mut kind = Some(entry.file_type()?);
            let is_link = kind.is_some_and(|it| it.is_symlink());
            if is_link && self.walk.symlinks == Symlinks::Follow {
                kind = fs::metadata(entry.path()).ok().map(|it| it.file_type());
            }
            let mut order = name.as_encoded_bytes().to_vec();
            if kind.is_some_and(|it| it.is_dir()) {
                order.push(b'/');
            }
            children.push(Child { name, order, is_link, kind });
        }
        children.sort_unstable_by(|a, b| a.order.cmp(&b.order));
        Ok(children)
    }

    /// Reports a child. A directory to be read is the answer.
    fn visit(&mut self, child: Child, levels: &[Level]) -> Result<Option<Level>, Stop> {
        let Some(level) = levels.last() else { return Ok(None) };
        let Some(name) = child.name.to_str() else {
            let name = format!("{}{}", level.relative, child.name.to_string_lossy());
            let why = "its name is not valid UTF-8, and keys are";
            self.push(Found::Note(SkippedName::new(self.walk.side, &name, SkipKind::Name, why)))?;
            return Ok(None);
        };
        let relative = format!("{}{name}", level.relative);
        let path = level.path.join(&child.name);
        let Some(kind) = child.kind else {
            return self.link(relative, "a symbolic link that leads nowhere").map(|()| None);
        };
        if kind.is_dir() {
            return self.directory(child.is_link, path, relative, levels);
        }
        if kind.is_symlink() {
            if self.walk.symlinks == Symlinks::Refuse && !self.is_left_out(&relative) {
                return Err(Stop::Failed(
                    S3Error::new(
                        RequestError::Validation,
                        format!("{} is a symbolic link, and those are refused", shown(&path.to_string_lossy())),
                    )
                    .with_suggestion("exclude it, or choose to skip or to follow links")
                    .with_target("Sync", None, None),
                ));
            }
            let why = match self.walk.side {
                SyncSide::Source => "a symbolic link, which is not followed",
                SyncSide::Target => "a symbolic link, which is never followed or replaced in a target",
            };
            return self.link(relative, why).map(|()| None);
        }
        if is_temporary(name) || !self.walk.filter.takes(&relative) {
            return Ok(None);
        }
        if !kind.is_file() {
            self.barrier(&relative, relative.clone(), SkipKind::Special, "a socket, pipe or device")?;
            return Ok(None);
        }
        let metadata = if child.is_link { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
        match metadata {
            Ok(it) if it.is_file() => {
                let modified = it.modified().ok().map(Into::into);
                self.push(Found::File {
                    key: relative,
                    facts: Facts { size: it.len(), modified, ..Facts::default() },
                })?;
            }
            Ok(_) => {
                self.barrier(&relative, relative.clone(), SkipKind::Unreadable, "it changed while it was looked at")?
            }
            Err(error) => {
                let why = format!("it cannot be looked at: {error}");
                self.barrier(&relative, relative.clone(), SkipKind::Unreadable, &why)?;
            }
        }
        Ok(None)
    }

    fn directory(
        &mut self,
        is_link: bool,
        path: PathBuf,
        mut relative: String,
        levels: &[Level],
    ) -> Result<Option<Level>, Stop> {
        if self.walk.filter.prunes(&relative) {
            return Ok(None);
        }
        let real = match (is_link, levels.last().and_then(|level| level.real.as_ref())) {
            (true, _) => match fs::canonicalize(&path) {
                // Each directory on the way here has it among its own: that is a circle.
                Ok(real) if levels.iter().any(|level| level.real.as_ref().is_some_and(|it| it.starts_with(&real))) => {
                    return self.link(relative + "/", "a symbolic link to a directory it is in").map(|()| None);
                }
                Ok(real) => Some(real),
                Err(_) => return self.link(relative + "/", "a symbolic link that leads nowhere").map(|()| None),
            },
            (false, Some(real)) => path.file_name().map(|name| real.join(name)),
            (false, None) => None,
        };
        relative.push('/');
        let name = relative.clone();
        if relative.len() > DEEPEST {
            self.barrier(
                &name,
                relative,
                SkipKind::Name,
                "its path has more than 1,024 bytes, the most a key can have",
            )?;
            return Ok(None);
        }
        match self.children(&path) {
            Ok(children) => Ok(Some(Level { path, relative, real, children: children.into_iter() })),
            Err(error) => {
                self.barrier(&name, relative, SkipKind::Unreadable, &format!("it cannot be read: {error}"))?;
                Ok(None)
            }
        }
    }

    /// What a link might lead to counts as there, whatever it is.
    fn link(&mut self, order: String, why: &str) -> Result<(), Stop> {
        if self.is_left_out(order.trim_end_matches('/')) {
            return Ok(());
        }
        let name = order.trim_end_matches('/').to_owned();
        self.barrier(&name, order, SkipKind::Symlink, why)
    }

    /// Neither it nor anything below it takes part.
    fn is_left_out(&self, relative: &str) -> bool {
        self.walk.filter.prunes(relative) && !self.walk.filter.takes(relative)
    }

    fn barrier(&mut self, name: &str, order: String, kind: SkipKind, why: &str) -> Result<(), Stop> {
        let below = if order.ends_with('/') { order.clone() } else { format!("{order}/") };
        let skip = SkippedName::new(self.walk.side, name, kind, why);
        self.push(Found::Barrier { key: order, below: Some(below), skip })
    }

    fn push(&mut self, found: Found) -> Result<(), Stop> {
        self.batch.push(found);
        if self.batch.len() < BATCH { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.out.blocking_send(Ok(batch)).map_err(|_| Stop::Unheard)
    }
}
