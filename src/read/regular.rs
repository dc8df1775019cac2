//! Reads files that somebody else may have made: never waits for one, never reads one without end.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::model::FileOwner;

/// What to make of a link in the file's place: it may lead to a device, or out of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    Refused,
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "systemd has links")
    )]
    Followed,
}

/// Reads a regular file of no more than so many bytes.
pub fn read(path: &Path, most: u64, links: Links) -> Option<Vec<u8>> {
    read_if(path, most, links, |_| true)
}

/// Reads a regular file of no more than so many bytes, where its metadata pass.
pub fn read_if(
    path: &Path,
    most: u64,
    links: Links,
    is_wanted: impl FnOnce(&Metadata) -> bool,
) -> Option<Vec<u8>> {
    let file = open(path, links)?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || !is_wanted(&metadata) {
        return None;
    }
    let mut text = Vec::new();
    file.take(most + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= most).then_some(text)
}

/// Who owns a file; `None` where the system knows no numbers of users.
#[cfg(unix)]
pub fn owner(metadata: &Metadata) -> Option<FileOwner> {
    use std::os::unix::fs::MetadataExt;
    Some(FileOwner {
        uid: metadata.uid(),
        mode: metadata.mode() & 0o7777,
    })
}

#[cfg(not(unix))]
pub fn owner(_: &Metadata) -> Option<FileOwner> {
    None
}

/// Opens without waiting for a FIFO's other end.
#[cfg(target_os = "linux")]
fn open(path: &Path, links: Links) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    flags.set(OFlags::NOFOLLOW, links == Links::Refused);
    let file = rustix::fs::open(path, flags, Mode::empty());
    file.ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn open(path: &Path, _: Links) -> Option<File> {
    let is_regular = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    is_regular.then(|| File::open(path).ok())?
}
