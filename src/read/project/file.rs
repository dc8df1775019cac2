//! Files that others may have put there: only regular ones are opened, and only so much is read.

use std::fs;
use std::path::{Path, PathBuf};

use crate::read::regular::{self, Links};

/// No manifest is read beyond this many bytes.
const LONGEST: u64 = 256 * 1024;
/// No listing is read beyond this many entries.
const MOST_ENTRIES: usize = 1024;

/// Whether the path itself is a regular file; a link is none, for it may lead to a device.
pub fn is_regular(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file())
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
