//! The file a download goes to: a hidden temporary one beside the target, which takes the target's name when it is
//! complete. All of this blocks and belongs on a thread for that: see [`blocking`](crate::transfer::work::blocking).
//!
//! ```text
//! look at the target -> .name.1f3a-18c.s3part, made new -> bytes, each where it belongs -> fsync -> rename -> fsync of the directory
//! ```

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{RequestError, TransferError};
use crate::integrity::{Hasher, Sum};
use crate::transfer::control::Control;
use crate::{Bytes, S3Error};

/// What is read back at once.
const BLOCK: usize = 1 << 20;

/// Where a download shall end up, looked at before a byte moves.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    directory: PathBuf,
    name: OsString,
    overwrite: bool,
    /// Mode bits of the file that will be replaced.
    #[cfg_attr(not(unix), allow(dead_code))]
    mode: Option<u32>,
}

impl Target {
    /// Checks that a file can come to be there.
    ///
    /// # Errors
    /// One line that names the path.
    pub(crate) fn look(path: &Path, overwrite: bool) -> Result<Self, S3Error> {
        let ends_in_slash =
            path.as_os_str().as_encoded_bytes().last().is_some_and(|b| std::path::is_separator(char::from(*b)));
        let name = match path.file_name() {
            Some(name) if !ends_in_slash => name.to_owned(),
            _ => return Err(refused(path, "does not name a file").with_suggestion("add the file's name to it")),
        };
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mode = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unusable(path, &directory, error)),
            Ok(_) if path.is_dir() => {
                return Err(refused(path, "is a directory").with_suggestion("add the file's name to it"));
            }
            Ok(_) if !overwrite => return Err(exists(path)),
            Ok(found) if !found.is_file() && !found.is_symlink() => {
                return Err(refused(path, "is no regular file").with_suggestion("use to_writer for devices and pipes"));
            }
            Ok(found) => mode_of(&found),
        };
        match fs::metadata(&directory) {
            Ok(found) if !found.is_dir() => Err(refused(&directory, "is not a directory")),
            Err(error) => Err(unusable(path, &directory, error)),
            Ok(_) => Ok(Self { path: path.to_owned(), directory, name, overwrite, mode }),
        }
    }

    /// # Errors
    /// The state file would be in the target's place: it is removed at the end, and the download with it.
    pub(crate) fn must_not_be(&self, state: Option<&Path>) -> Result<(), S3Error> {
        let Some(state) = state.filter(|state| state.file_name() == Some(&self.name)) else { return Ok(()) };
        let parent = state.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let same = fs::canonicalize(parent).is_ok_and(|it| fs::canonicalize(&self.directory).is_ok_and(|us| us == it));
        if !same {
            return Ok(());
        }
        Err(refused(&self.path, "is both the target and the state file").with_suggestion("give the state another path"))
    }

    /// How the names of its temporary files begin.
    fn hidden_prefix(&self) -> String {
        let name: String = self.name.to_string_lossy().replace(['/', '\\'], "_").chars().take(40).collect();
        format!(".{name}.")
    }

    /// A name nobody else uses, and which shows what it is about.
    fn hidden_name(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{}{:x}-{now:x}-{count:x}.s3part", self.hidden_prefix(), std::process::id())
    }

    /// Whether a name is one of its temporary files, as they are made here.
    fn is_hidden_name(&self, name: &str) -> bool {
        let middle = name.strip_prefix(&self.hidden_prefix()).and_then(|rest| rest.strip_suffix(".s3part"));
        middle.is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
    }
}

fn refused(path: &Path, what: &str) -> S3Error {
    S3Error::new(RequestError::Validation, format!("{} {what}", path.display()))
}

fn exists(path: &Path) -> S3Error {
    refused(path, "exists already, and must not be overwritten")
        .with_source(io::Error::from(io::ErrorKind::AlreadyExists))
        .with_suggestion("choose another name, or allow overwriting")
}

fn unusable(path: &Path, directory: &Path, error: io::Error) -> S3Error {
    if error.kind() == io::ErrorKind::NotFound {
        let directory = directory.display();
        return refused(path, &format!("cannot be written: the directory {directory} does not exist"))
            .with_source(error)
            .with_suggestion("create it first");
    }
    failed("written", path, error)
}

/// What a file would not do, with advice where there is some.
pub(crate) fn failed(done: &str, path: &Path, error: io::Error) -> S3Error {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some("make room there, or choose another disk"),
        io::ErrorKind::FileTooLarge => {
            Some("the file system, or the limits of this process, allow no file of that size")
        }
        io::ErrorKind::PermissionDenied => Some("check the permissions of the directory"),
        io::ErrorKind::ReadOnlyFilesystem => Some("choose a place that can be written to"),
        _ => None,
    };
    let message = format!("{} cannot be {done}: {error}", path.display());
    let made = S3Error::new(TransferError::StreamInterrupted, message).with_source(error);
    match advice {
        Some(advice) => made.with_suggestion(advice),
        None => made,
    }
}

#[cfg(unix)]
fn mode_of(found: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    found.is_file().then(|| found.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode_of(_: &fs::Metadata) -> Option<u32> {
    None
}

/// The temporary file. Dropping it removes it, unless it is kept.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: File,
    path: PathBuf,
    kept: AtomicBool,
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !*self.kept.get_mut() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl PartFile {
    /// A new one, of that length if it is known. No file or link that is there already is ever followed or reused.
    ///
    /// # Errors
    /// The directory does not take it, or not at that length.
    pub(crate) fn create(target: &Target, len: Option<u64>) -> Result<Self, S3Error> {
        let mut tries = 0;
        loop {
            let path = target.directory.join(target.hidden_name());
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            #[cfg(unix)]
            if let Some(mode) = target.mode {
                use std::os::unix::fs::OpenOptionsExt as _;
                options.mode(mode | 0o600);
            }
            match options.open(&path) {
                Ok(file) => {
                    let made = Self { file, path, kept: AtomicBool::new(false) };
                    if let Some(len) = len {
                        made.file.set_len(len).map_err(|error| failed("written", &target.path, error))?;
                    }
                    return Ok(made);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 16 => tries += 1,
                Err(error) => return Err(failed("written", &target.path, error)),
            }
        }
    }

    /// The one an earlier process left beside the target under that name, if it is there. It gets that length: what was
    /// lost of it reads as zeros.
    pub(crate) fn reopen(target: &Target, name: &str, len: u64) -> Option<Self> {
        // A name, as it was made here for this target: whatever a state file says, nothing else is opened.
        if !target.is_hidden_name(name) {
            return None;
        }
        let path = target.directory.join(name);
        let found = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        (same_file(&found, &file) && file.set_len(len).is_ok()).then(|| Self {
            file,
            path,
            kept: AtomicBool::new(true),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Leaves it there when this value goes, or not.
    pub(crate) fn keep(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
    }

    /// Writes the chunks one behind the other.
    ///
    /// # Errors
    /// The disk is full, or worse.
    pub(crate) fn write(&self, chunks: &[Bytes], mut at: u64) -> io::Result<()> {
        for chunk in chunks {
            write_all_at(&self.file, chunk, at)?;
            at += chunk.len() as u64;
        }
        Ok(())
    }

    /// The checksum of the bytes `start..end` as they are on disk.
    ///
    /// # Errors
    /// They cannot be read, or are not all there.
    pub(crate) fn hash(&self, mut hasher: Hasher, start: u64, end: u64) -> io::Result<Sum> {
        let mut block = vec![0; BLOCK.min(usize::try_from(end.saturating_sub(start)).unwrap_or(BLOCK))];
        let mut at = start;
        while at < end {
            let want = usize::try_from(end - at).map_or(block.len(), |left| left.min(block.len()));
            let came = read_at(&self.file, &mut block[..want], at)?;
            if came == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(&block[..came]);
            at += came as u64;
        }
        Ok(hasher.finish())
    }

    /// Returns when what was written is on the disk.
    ///
    /// # Errors
    /// Some of it may not be there.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Removes it.
    pub(crate) fn remove(&self) {
        self.keep(true);
        let _ = fs::remove_file(&self.path);
    }

    /// Gives it the target's name, unless the download was called off before. `durable`: returns when file and name are on
    /// the disk.
    ///
    /// # Errors
    /// It was called off; the target has come to be meanwhile and must not be overwritten; the disk is broken. The temporary
    /// file is then still there.
    pub(crate) fn publish(&self, target: &Target, durable: bool, control: &Control) -> Result<(), S3Error> {
        #[cfg(unix)]
        if let Some(mode) = target.mode {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::Permissions::from_mode(mode);
            self.file.set_permissions(mode).map_err(|error| failed("written", &target.path, error))?;
        }
        if durable {
            self.file.sync_all().map_err(|error| failed("written", &target.path, error))?;
        }
        let renamed = control.in_time(|| match target.overwrite {
            true => fs::rename(&self.path, &target.path),
            false => self.rename_unless_there(&target.path),
        })?;
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&target.path),
            _ => failed("written", &target.path, error),
        })?;
        self.keep(true);
        // Some file systems know no such thing; the rename is done either way.
        #[cfg(unix)]
        if durable {
            let _ = File::open(&target.directory).and_then(|directory| directory.sync_all());
        }
        Ok(())
    }

    fn rename_unless_there(&self, target: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, target) {
            Ok(()) => fs::remove_file(&self.path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(_) => {
                // No hard links here: taking the name with an empty file is as exclusive.
                OpenOptions::new().write(true).create_new(true).open(target)?;
                fs::rename(&self.path, target).inspect_err(|_| {
                    let _ = fs::remove_file(target);
                })
            }
        }
    }
}

/// And it has no other name under which it may be precious.
#[cfg(unix)]
fn same_file(found: &fs::Metadata, opened: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let same = |it: fs::Metadata| (it.dev(), it.ino(), it.nlink()) == (found.dev(), found.ino(), 1);
    opened.metadata().is_ok_and(same)
}

#[cfg(not(unix))]
fn same_file(_: &fs::Metadata, _: &File) -> bool {
    true
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match std::os::unix::fs::FileExt::read_at(file, into, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                at += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::integrity::Algorithm;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("download-file-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> =
                fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn unhindered() -> Control {
        Control::new(crate::transfer::TransferHandle::new()).0
    }

    #[test]
    fn bytes_stand_where_they_belong_and_the_name_comes_last() {
        let folder = Folder::new("order");
        let target = Target::look(&folder.0.join("a.bin"), true).unwrap();
        let part = PartFile::create(&target, Some(10)).unwrap();
        part.write(&[Bytes::from_static(b"fgh"), Bytes::from_static(b"ij")], 5).unwrap();
        part.write(&[Bytes::from_static(b"abcde")], 0).unwrap();
        assert_eq!(folder.names(), [part.name()]);
        assert_eq!(part.hash(Hasher::new(Algorithm::Crc32), 2, 7).unwrap(), Hasher::of(Algorithm::Crc32, b"cdefg"));
        assert_eq!(part.hash(Hasher::new(Algorithm::Crc32), 5, 11).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        part.publish(&target, true, &unhindered()).unwrap();
        drop(part);
        assert_eq!(folder.names(), ["a.bin"]);
        assert_eq!(fs::read(folder.0.join("a.bin")).unwrap(), b"abcdefghij");
    }

    #[test]
    fn what_is_not_kept_is_removed_and_what_is_kept_can_be_found_again() {
        let folder = Folder::new("kept");
        let target = Target::look(&folder.0.join("a.bin"), true).unwrap();
        drop(PartFile::create(&target, Some(10)).unwrap());
        assert_eq!(folder.names(), [""; 0]);
        let part = PartFile::create(&target, Some(10)).unwrap();
        let name = part.name();
        part.keep(true);
        drop(part);
        assert!(PartFile::reopen(&target, "a.bin", 10).is_none());
        assert!(PartFile::reopen(&target, "../.x.s3part", 10).is_none());
        let part = PartFile::reopen(&target, &name, 10).unwrap();
        part.publish(&target, true, &unhindered()).unwrap();
        assert_eq!(folder.names(), ["a.bin"]);
    }

    #[test]
    fn a_target_that_comes_to_be_meanwhile_is_not_overwritten() {
        let folder = Folder::new("meanwhile");
        let path = folder.0.join("a.bin");
        let target = Target::look(&path, false).unwrap();
        let part = PartFile::create(&target, None).unwrap();
        part.write(&[Bytes::from_static(b"new")], 0).unwrap();
        fs::write(&path, "somebody else's").unwrap();
        let error = part.publish(&target, true, &unhindered()).unwrap_err();
        assert_eq!(error.message(), format!("{} exists already, and must not be overwritten", path.display()));
        drop(part);
        assert_eq!(fs::read(&path).unwrap(), b"somebody else's");
        assert_eq!(folder.names(), ["a.bin"]);
        fs::remove_file(&path).unwrap();
        let part = PartFile::create(&target, None).unwrap();
        part.publish(&target, true, &unhindered()).unwrap();
        assert_eq!(folder.names(), ["a.bin"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_replaced_and_never_followed() {
        let folder = Folder::new("links");
        let (real, link) = (folder.0.join("real"), folder.0.join("link"));
        fs::write(&real, "precious").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let target = Target::look(&link, true).unwrap();
        let part = PartFile::create(&target, None).unwrap();
        part.write(&[Bytes::from_static(b"new")], 0).unwrap();
        part.publish(&target, true, &unhindered()).unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"precious");
        assert_eq!(fs::read(&link).unwrap(), b"new");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        // A link under the name of a temporary file is not taken for one.
        std::os::unix::fs::symlink(&real, folder.0.join(".x.s3part")).unwrap();
        assert!(PartFile::reopen(&target, ".x.s3part", 8).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_stays_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("mode");
        let path = folder.0.join("a.bin");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        let target = Target::look(&path, true).unwrap();
        let part = PartFile::create(&target, Some(3)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(part.path()) & 0o007, 0, "nobody else reads it while it grows");
        part.publish(&target, true, &unhindered()).unwrap();
        assert_eq!(mode(&path), 0o440);
    }

    #[test]
    fn places_where_no_file_can_be_are_refused_by_name() {
        let folder = Folder::new("places");
        fs::write(folder.0.join("file"), "").unwrap();
        let says = |path: &Path| Target::look(path, true).map(|_| ()).unwrap_err().to_string();
        let at = folder.0.display();
        assert_eq!(says(&folder.0), format!("{at} is a directory; add the file's name to it"));
        assert_eq!(says(&folder.0.join("a/")), format!("{at}/a/ does not name a file; add the file's name to it"));
        assert_eq!(
            says(&folder.0.join("no/a")),
            format!("{at}/no/a cannot be written: the directory {at}/no does not exist; create it first")
        );
        assert!(says(&folder.0.join("file/a")).starts_with(&format!("{at}/file/a cannot be written: Not a directory")));
        let error = Target::look(&folder.0.join("file"), false).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{at}/file exists already, and must not be overwritten; choose another name, or allow overwriting")
        );
        assert_eq!(folder.names(), ["file"]);
    }
}
