//! Writing and deleting below a directory without ever leaving it.
//!
//! Every component of a path is looked at without following links before anything is written or deleted below it: it
//! must be a directory. Files are written under a hidden name beside their place and renamed, so that a name shows the
//! old content or the new one. What remains open is the moment between looking and acting: somebody else who may write
//! in the target can put a link there in between. Sync into directories that only you can write to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::entry::Facts;
use super::names::{TEMPORARY, fault, shown};
use super::{failure, refused};
use crate::{S3Error, Timestamp};

/// Whether directories that are missing are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Refuse,
}

/// The path of a file below the root, with all directories above it there and real.
///
/// # Errors
/// A key that is no path below the root; a link, or something else that is no directory, on the way.
pub(super) fn seat(root: &Path, relative: &str, missing: Missing) -> Result<PathBuf, S3Error> {
    if let Some(why) = fault(relative, false) {
        return Err(refused(format!("`{}` cannot be a file below {}: {why}", shown(relative), root.display())));
    }
    if missing == Missing::Create && !root.is_dir() {
        fs::create_dir_all(root).map_err(|error| failure("created", root, error))?;
    }
    let mut path = root.to_owned();
    let mut components = relative.split('/').peekable();
    while let Some(component) = components.next() {
        path.push(component);
        if components.peek().is_some() {
            directory(&path, missing)?;
        }
    }
    Ok(path)
}

fn directory(path: &Path, missing: Missing) -> Result<(), S3Error> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && missing == Missing::Create => {
            match fs::create_dir(path) {
                // Another file of this sync needs it too.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failure("created", path, error)),
                Ok(()) => return Ok(()),
            }
            fs::symlink_metadata(path)
        }
        found => found,
    };
    match found {
        Ok(it) if it.is_dir() => Ok(()),
        Ok(it) if it.is_symlink() => Err(refused(format!(
            "{} is a symbolic link: nothing is written or deleted through it",
            shown(&path.to_string_lossy())
        ))
        .with_suggestion("replace it with a directory, or exclude what is below it")),
        Ok(_) => Err(refused(format!("{} is in the way: a directory is needed there", shown(&path.to_string_lossy())))),
        Err(error) => Err(failure("looked at", path, error)),
    }
}

/// A file being written beside its place. Dropped before it is finished, it is removed.
pub(super) struct Unfinished {
    file: Option<File>,
    hidden: PathBuf,
    place: PathBuf,
}

impl Unfinished {
    /// Begins a file.
    pub(super) fn create(root: &Path, relative: &str) -> Result<Self, S3Error> {
        let place = seat(root, relative, Missing::Create)?;
        let replaced = replaceable(&place)?;
        let hidden = place.with_file_name(hidden_name());
        // Fails if there is anything of that name, a link too.
        let file = OpenOptions::new().write(true).create_new(true).open(&hidden);
        let file = file.map_err(|error| failure("written", &place, error))?;
        let unfinished = Self { file: Some(file), hidden, place };
        if let (Some(old), Some(file)) = (replaced, &unfinished.file) {
            // Who could read the old one can read the new one, and nobody else.
            file.set_permissions(old.permissions()).map_err(|error| failure("written", &unfinished.place, error))?;
        }
        Ok(unfinished)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), S3Error> {
        match &mut self.file {
            Some(file) => file.write_all(bytes).map_err(|error| failure("written", &self.place, error)),
            None => Ok(()),
        }
    }

    /// Gives it its time and its name.
    pub(super) fn finish(mut self, modified: Option<Timestamp>, durable: bool) -> Result<(), S3Error> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let settled = set_time(&file, modified).and_then(|()| if durable { file.sync_all() } else { Ok(()) });
        let moved = settled.and_then(|()| {
            drop(file);
            fs::rename(&self.hidden, &self.place)
        });
        match moved {
            Ok(()) => {
                // Nothing is left to remove.
                self.hidden = PathBuf::new();
                Ok(())
            }
            Err(error) => Err(failure("written", &self.place, error)),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.hidden.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

fn set_time(file: &File, modified: Option<Timestamp>) -> io::Result<()> {
    match modified {
        Some(at) => file.set_modified(at.into()),
        None => Ok(()),
    }
}

/// As [`seat`], and what is there can be replaced.
pub(super) fn place(root: &Path, relative: &str) -> Result<PathBuf, S3Error> {
    let place = seat(root, relative, Missing::Create)?;
    replaceable(&place)?;
    Ok(place)
}

/// Gives a file its time.
pub(super) fn date(path: &Path, modified: Option<Timestamp>) -> Result<(), S3Error> {
    File::open(path).and_then(|file| set_time(&file, modified)).map_err(|error| failure("dated", path, error))
}

/// What is there may be a file, or nothing.
fn replaceable(place: &Path) -> Result<Option<fs::Metadata>, S3Error> {
    match fs::symlink_metadata(place) {
        Ok(it) if it.is_file() => Ok(Some(it)),
        Ok(it) => {
            let what = if it.is_dir() {
                "a directory"
            } else if it.is_symlink() {
                "a symbolic link"
            } else {
                "no regular file"
            };
            Err(refused(format!("{} is in the way: it is {what}", shown(&place.to_string_lossy()))))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure("written", place, error)),
    }
}

/// Short, so that it fits wherever the name itself does.
fn hidden_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    format!(".sync.{:x}-{now:x}-{:x}{TEMPORARY}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Deletes a file that is still the one that was seen, and the directories above it that this leaves empty. A file that is gone
/// already is fine.
pub(super) fn remove(root: &Path, relative: &str, seen: &Facts) -> Result<(), S3Error> {
    let place = seat(root, relative, Missing::Refuse)?;
    match fs::symlink_metadata(&place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failure("deleted", &place, error)),
        Ok(now) => {
            let modified = now.modified().ok().map(Timestamp::from);
            if !now.is_file() || now.len() != seen.size || modified != seen.modified {
                let place = shown(&place.to_string_lossy());
                return Err(refused(format!("{place} was not deleted: it changed since it was looked at")));
            }
        }
    }
    fs::remove_file(&place).map_err(|error| failure("deleted", &place, error))?;
    let mut above = place.parent();
    while let Some(directory) = above.filter(|it| *it != root && it.starts_with(root)) {
        // Not empty, or not ours to remove: both mean that it stays.
        if fs::remove_dir(directory).is_err() {
            break;
        }
        above = directory.parent();
    }
    Ok(())
}

/// A whole file of the size that was planned for.
///
/// # Errors
/// It cannot be read, or it changed while it was read.
pub(super) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, S3Error> {
    let cannot = |error| failure("read", path, error);
    // A pipe in its place would be waited for when it is opened.
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(refused(format!("{} is no file any more", shown(&path.to_string_lossy()))));
    }
    let mut file = File::open(path).map_err(cannot)?;
    let before = file.metadata().map_err(cannot)?;
    if before.len() > most {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0) + 1);
    io::Read::read_to_end(&mut io::Read::take(&mut file, most + 1), &mut bytes).map_err(cannot)?;
    let after = file.metadata().map_err(cannot)?;
    if bytes.len() as u64 != before.len()
        || after.len() != before.len()
        || after.modified().ok() != before.modified().ok()
    {
        return Err(refused(format!("{} changed while it was read", shown(&path.to_string_lossy()))));
    }
    Ok(Some(bytes))
}

/// Whether the directory treats names that differ only in case as one. Asked with the directory's own name, so nothing is
/// written.
pub(super) fn folds_case(root: &Path) -> bool {
    let usual = cfg!(any(windows, target_os = "macos"));
    let Some(name) = root.file_name().and_then(|it| it.to_str()) else { return usual };
    let swapped: String =
        name.chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
    if swapped == name || !root.exists() {
        return usual;
    }
    same_file(root, &root.with_file_name(swapped)).unwrap_or(usual)
}

#[cfg(unix)]
fn same_file(one: &Path, other: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let id = |path: &Path| fs::metadata(path).ok().map(|it| (it.dev(), it.ino()));
    Some(id(one)? == id(other).unwrap_or_default())
}

#[cfg(not(unix))]
fn same_file(_: &Path, _: &Path) -> Option<bool> {
    None
}
