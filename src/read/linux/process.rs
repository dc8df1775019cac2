//! Facts of one process, read through one open `/proc/PID`: they are all of the same process, even
//! when its pid is used anew meanwhile.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, fstat, open, openat, readlinkat, statat};
use rustix::time::{ClockId, clock_gettime};

use super::proc_text::{decode_command, decode_stat};
use crate::model::{Depth, Foreign, ProcessKey, is_comm_of};
use crate::read::raw::RawProcess;

/// What the kernel puts after the path of a file that has been deleted.
const DELETED: &[u8] = b" (deleted)";
/// No command line is read beyond this many bytes.
const LONGEST: usize = 4 << 20;

/// Reads the processes; those that are gone are left out.
pub fn read(keys: &[ProcessKey], depth: Depth) -> Vec<RawProcess> {
    let Ok(proc) = open_proc() else {
        return Vec::new();
    };
    let clock = Clock::read();
    keys.iter()
        .filter_map(|key| read_one(&proc, *key, depth, &clock))
        .collect()
}

/// Opens `/proc`.
pub fn open_proc() -> rustix::io::Result<OwnedFd> {
    open(
        "/proc",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Reads a file of `/proc`, up to [`LONGEST`] bytes.
pub fn read_small(dir: impl AsFd, name: &CStr) -> rustix::io::Result<Vec<u8>> {
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

fn read_one(proc: &OwnedFd, key: ProcessKey, depth: Depth, clock: &Clock) -> Option<RawProcess> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = openat(proc, key.pid.to_string(), flags, Mode::empty()).ok()?;
    let stat = decode_stat(&read_small(&dir, c"stat").ok()?)?;
    if stat.start != key.start {
        return None;
    }
    // Where the first thread has ended, another one knows the rest.
    let thread = if stat.is_zombie {
        other_thread(&dir, key.pid)
    } else {
        None
    };
    let facts = thread.as_ref().unwrap_or(&dir);
    let link = |name: &CStr| {
        let path = readlinkat(facts, name, Vec::new()).ok()?;
        // A file may have such a name; one that is deleted has no link.
        let is_gone = || statat(facts, name, AtFlags::empty()).is_ok_and(|stat| stat.st_nlink == 0);
        Some(match path.as_bytes().strip_suffix(DELETED) {
            Some(before) if is_gone() => Foreign::from_bytes(before),
            _ => Foreign::from_bytes(path.as_bytes()),
        })
    };
    let executable = link(c"exe");
    // The arguments tell the name where the executable does not confirm the kernel's.
    let named = executable
        .as_ref()
        .is_some_and(|path| is_comm_of(stat.comm.unclean(), path.base_name()));
    let wants_command = depth == Depth::Full || !named;
    let command = if wants_command {
        read_small(facts, c"cmdline").ok()
    } else {
        None
    };
    Some(RawProcess {
        key,
        executable,
        command: command.as_deref().and_then(decode_command),
        // Of `/proc/PID` itself the owner is always the effective user (fs/proc/base.c, task_dump_owner).
        uid: fstat(&dir).ok().map(|stat| stat.st_uid),
        parent_pid: Some(stat.parent_pid).filter(|pid| *pid != 0),
        started_at: clock.epoch_of(stat.start),
        working_directory: if depth == Depth::Full {
            link(c"cwd")
        } else {
            None
        },
        comm: Some(stat.comm),
    })
}

/// Opens a thread of the process that is not its first.
fn other_thread(dir: &OwnedFd, pid: u32) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let tasks = openat(dir, c"task", flags, Mode::empty()).ok()?;
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(&tasks, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name();
        if name.to_bytes()[0].is_ascii_digit() && name.to_bytes() != pid.to_string().as_bytes() {
            return openat(&tasks, name, flags, Mode::empty()).ok();
        }
    }
    None
}

/// What turns clock ticks since boot into seconds since the Unix epoch.
struct Clock {
    /// When the machine started, in ticks since the Unix epoch.
    boot: i64,
    ticks_per_second: i64,
}

impl Clock {
    fn read() -> Self {
        let ticks_per_second = i64::try_from(rustix::param::clock_ticks_per_second())
            .unwrap_or(100)
            .max(1);
        let wall = clock_gettime(ClockId::Realtime);
        let since_boot = clock_gettime(ClockId::Boottime);
        let nanoseconds =
            (wall.tv_sec - since_boot.tv_sec) * 1_000_000_000 + (wall.tv_nsec - since_boot.tv_nsec);
        // To whole ticks, so that the moment between the two calls does not show.
        let tick = 1_000_000_000 / ticks_per_second;
        Self {
            boot: (nanoseconds + tick / 2).div_euclid(tick),
            ticks_per_second,
        }
    }

    fn epoch_of(&self, start: u64) -> Option<i64> {
        Some((self.boot + i64::try_from(start).ok()?).div_euclid(self.ticks_per_second))
    }
}
