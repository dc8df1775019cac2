//! Reads the files of `/proc/PID`, proc_pid(5): at once whole, and of a process that is still the same.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, open, openat, readlinkat, statat};

use super::proc_text::{Stat, decode_command, decode_stat};
use crate::model::{Foreign, ProcessKey};

/// What the kernel puts after the path of a file that has been deleted.
const DELETED: &[u8] = b" (deleted)";
/// No command line is read beyond this many bytes.
const LONGEST: usize = 4 << 20;

/// Opens `/proc`.
pub fn open_proc() -> rustix::io::Result<OwnedFd> {
    open(
        "/proc",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Reads a file of `/proc`, up to [`LONGEST`] bytes.
pub fn read_small(dir: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<Vec<u8>> {
    let file = openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = vec![0; 1024];
    let mut length = 0;
    loop {
        let read = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut text[length..]))?;
        length += read;
        // These files come whole as far as there is room: less is the end.
        if length < text.len() || length >= LONGEST {
            text.truncate(length);
            return Ok(text);
        }
        text.resize(text.len() * 4, 0);
    }
}

/// Reads `/proc/PID/stat` if it is of this very process.
pub fn read_stat(proc: &OwnedFd, key: ProcessKey) -> Option<Stat> {
    let stat = decode_stat(&read_small(proc, format!("{}/stat", key.pid)).ok()?)?;
    (stat.start == key.start).then_some(stat)
}

/// The arguments of a process or a thread.
pub fn read_command(proc: &OwnedFd, place: &str) -> Option<Vec<Foreign>> {
    decode_command(&read_small(proc, format!("{place}/cmdline")).ok()?)
}

/// Reads a link to a program or a directory, and does not look whether what it leads to is deleted.
pub fn read_link_text(proc: &OwnedFd, path: &str) -> Option<Foreign> {
    let target = readlinkat(proc, path, Vec::new()).ok()?;
    let text = target.as_bytes();
    Some(Foreign::from_bytes(
        text.strip_suffix(DELETED).unwrap_or(text),
    ))
}

/// Reads a link to a program or a directory, without what the kernel says of a deleted one.
pub fn read_link(proc: &OwnedFd, path: &str) -> Option<Foreign> {
    let target = readlinkat(proc, path, Vec::new()).ok()?;
    // A file may have such a name; one that is deleted has no link.
    let is_gone = || statat(proc, path, AtFlags::empty()).is_ok_and(|stat| stat.st_nlink == 0);
    Some(match target.as_bytes().strip_suffix(DELETED) {
        Some(before) if is_gone() => Foreign::from_bytes(before),
        _ => Foreign::from_bytes(target.as_bytes()),
    })
}

/// A thread of the process that is not its first.
pub fn other_thread(proc: &OwnedFd, pid: u32) -> Option<u32> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let tasks = openat(proc, format!("{pid}/task"), flags, Mode::empty()).ok()?;
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(&tasks, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let thread = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| name.parse().ok());
        if thread.is_some_and(|thread| thread != pid) {
            return thread;
        }
    }
    None
}
