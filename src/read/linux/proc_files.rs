//! Reads the files of `/proc/PID`, proc_pid(5): at once whole, and of a process that is still the same.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, open, openat, readlinkat, statat};

use super::proc_text::{Stat, decode_arguments, decode_command, decode_stat};
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

/// Where a file of `/proc` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Where a reading gives less than there is room for: it has one record.
    ShortReading,
    /// Where a reading gives nothing: of a file with many records the kernel gives about a page at a
    /// time, however much room there is (`seq_read_iter` in fs/seq_file.c).
    EmptyReading,
}

/// Reads a file of `/proc` that has one record, up to [`LONGEST`] bytes.
pub fn read_small(dir: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<Vec<u8>> {
    read_to(dir, name, End::ShortReading, LONGEST)
}

/// Reads a file of `/proc` with many records, up to [`LONGEST`] bytes.
pub fn read_records(dir: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<Vec<u8>> {
    read_to(dir, name, End::EmptyReading, LONGEST)
}

fn read_to(
    dir: impl AsFd,
    name: impl rustix::path::Arg,
    end: End,
    most: usize,
) -> rustix::io::Result<Vec<u8>> {
    let file = openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = vec![0; most.min(1024)];
    let mut length = 0;
    loop {
        let read = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut text[length..]))?;
        length += read;
        let is_short = end == End::ShortReading && length < text.len();
        if read == 0 || is_short || length >= most {
            text.truncate(length);
            return Ok(text);
        }
        if length == text.len() {
            text.resize((text.len() * 4).min(most), 0);
        }
    }
}

/// Reads `/proc/PID/stat` if it is of this very process.
pub fn read_stat(proc: &OwnedFd, key: ProcessKey) -> Option<Stat> {
    let stat = decode_stat(&read_small(proc, format!("{}/stat", key.pid)).ok()?)?;
    (stat.start == key.start).then_some(stat)
}

/// Reads no more of the arguments of a process than so many bytes, and so many arguments; says whether
/// there are more. The last one may be cut.
pub fn read_arguments(
    proc: &OwnedFd,
    place: &str,
    most: usize,
    most_arguments: usize,
) -> (Option<Vec<Foreign>>, usize, bool) {
    let path = format!("{place}/cmdline");
    let Ok(text) = read_to(proc, path, End::ShortReading, most) else {
        return (None, 0, false);
    };
    let (arguments, has_more) = decode_arguments(&text, most_arguments);
    (arguments, text.len(), has_more || text.len() >= most)
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn records_that_come_in_short_readings_are_read_to_their_end() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let proc = open_proc().unwrap();
        let name = format!("self/fd/{}", reader.as_raw_fd());
        let line = [b'x'; 900];
        let pieces = std::thread::spawn(move || {
            for _ in 0..20 {
                writer.write_all(&line).unwrap();
                std::thread::yield_now();
            }
        });
        let text = read_records(&proc, name.as_str()).unwrap();
        pieces.join().unwrap();
        assert_eq!(text.len(), 20 * line.len());
    }

    #[test]
    fn mounts_are_read_as_whole_as_the_standard_library_reads_them() {
        let proc = open_proc().unwrap();
        let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
        let whole = std::fs::read("/proc/self/mountinfo").unwrap();
        let text = read_records(&proc, "self/mountinfo").unwrap();
        assert_eq!(lines(&text), lines(&whole));
    }
}
