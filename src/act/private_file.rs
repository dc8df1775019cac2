//! Files for the eyes of their user alone, written whole or not at all.

use std::fs::{File, OpenOptions, hard_link, remove_file, rename, symlink_metadata};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What becomes of a file or link that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Kept,
    Replaced,
}

/// Writes a file that only its owner can read (on Unix). A draft in the same folder is renamed into
/// place, so no reader sees half of it, and the owner and mode of a replaced file are not kept. A link
/// is replaced, not followed.
///
/// # Errors
/// What the system says, or the writer; [`ErrorKind::AlreadyExists`] where something is kept. Nothing is
/// left behind then.
pub fn write_private(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let (draft, file) = Draft::create(path)?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    drop(file);
    draft.put(path, existing)
}

/// Opens what is no file, a terminal or a pipe, for writing.
///
/// # Errors
/// What open(2) says, and [`ErrorKind::AlreadyExists`] where a file has taken its place.
pub fn open_device(path: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().write(true).open(path)?;
    match opened.metadata()?.is_file() {
        true => Err(ErrorKind::AlreadyExists.into()),
        false => Ok(opened),
    }
}

/// A file that has not got its name yet; it is removed unless it gets it.
struct Draft(PathBuf);

impl Draft {
    /// Creates it in the folder of the path, under a name that nothing has.
    fn create(path: &Path) -> io::Result<(Self, File)> {
        let mut options = OpenOptions::new();
        // Neither follows a link nor opens what is there.
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        loop {
            let name = format!(".portwho-{:016x}", fastrand::u64(..));
            let draft = path.with_file_name(name);
            match options.open(&draft) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                opened => return opened.map(|file| (Self(draft), file)),
            }
        }
    }

    fn put(self, path: &Path, existing: Existing) -> io::Result<()> {
        if existing == Existing::Kept {
            // A link is made only where nothing is; not every file system has links.
            match hard_link(&self.0, path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    if symlink_metadata(path).is_ok() {
                        return Err(ErrorKind::AlreadyExists.into());
                    }
                }
                done => return done,
            }
        }
        rename(&self.0, path)?;
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Where that fails there is nothing more to do.
        let _ = remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_there_is_kept_or_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let written = |text: &'static str, existing| {
            write_private(&path, existing, |out| out.write_all(text.as_bytes()))
        };
        written("one", Existing::Kept).unwrap();
        assert_eq!(text(&path), "one");
        let refused = written("two", Existing::Kept).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        assert_eq!(text(&path), "one");
        written("two", Existing::Replaced).unwrap();
        assert_eq!(text(&path), "two");
        assert_eq!(names(folder.path()), ["new"]);
    }

    #[test]
    fn a_write_that_breaks_off_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old");
        std::fs::write(&path, "whole").unwrap();
        for existing in [Existing::Kept, Existing::Replaced] {
            let broken = write_private(&path, existing, |out| {
                out.write_all(b"half")?;
                Err(io::Error::other("no room"))
            });
            assert_eq!(broken.unwrap_err().to_string(), "no room");
            assert_eq!(text(&path), "whole");
            assert_eq!(names(folder.path()), ["old"]);
        }
        assert!(open_device(&path).is_err());
        assert_eq!(text(&path), "whole");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| folder.path().join(name));
        symlink(&target, &link).unwrap();
        let write = |out: &mut dyn Write| out.write_all(b"new");
        let refused = write_private(&link, Existing::Kept, write).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        assert!(!target.exists());
        write_private(&link, Existing::Replaced, write).unwrap();
        assert!(!target.exists() && !link.is_symlink());
        let mode = std::fs::metadata(&link).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
