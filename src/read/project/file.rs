//! Files that others may have put there: only regular ones are opened, and only so much is read.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::names_project;
use crate::read::regular::{self, Links};

/// No manifest is read beyond this many bytes.
pub const LONGEST: u64 = 256 * 1024;
/// No listing is read beyond this many entries.
const MOST_ENTRIES: usize = 1024;

/// Whether the path itself is a regular file; a link is none, for it may lead to a device.
fn is_regular(path: &Path) -> bool {
    size(path).is_some()
}

/// How many bytes a regular file has.
pub fn size(path: &Path) -> Option<u64> {
    let found = path.symlink_metadata().ok()?;
    found.is_file().then_some(found.len())
}

/// Whether a file or a folder may name what a process of this user works on, by who owns it and the folder
/// that holds it. Where users have no numbers it may.
pub fn may_name(mark: &Path, folder: &Path, user: Option<u32>) -> bool {
    let owner = |path: &Path| Some(regular::owner(&path.symlink_metadata().ok()?));
    match (owner(mark), owner(folder)) {
        (Some(Some(mark)), Some(Some(folder))) => names_project(mark, folder, user),
        (Some(None), _) => true,
        _ => false,
    }
}

/// Reads a regular file that is not too long.
pub fn read(path: &Path) -> Option<Vec<u8>> {
    regular::read(path, LONGEST, Links::Refused)
}

/// The first regular file, by name, whose name is wanted.
pub fn listed(directory: &Path, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let entries = fs::read_dir(directory).ok()?.take(MOST_ENTRIES);
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| wanted(name) && is_regular(&directory.join(name)))
        .min()
}

/// Mount points of file systems that another machine serves.
#[cfg(target_os = "linux")]
pub fn remote_mounts() -> Vec<PathBuf> {
    // Such a file tells no size: without one it would be read in many small pieces.
    let mut text = Vec::with_capacity(16 * 1024);
    let file = fs::File::open("/proc/self/mountinfo");
    let read = file.and_then(|mut file| std::io::Read::read_to_end(&mut file, &mut text));
    read.map(|_| super::manifest::remote_mounts(&String::from_utf8_lossy(&text)))
        .unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
pub fn remote_mounts() -> Vec<PathBuf> {
    Vec::new()
}
