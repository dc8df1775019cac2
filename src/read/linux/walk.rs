//! Finds who holds sockets: one walk of `/proc/*/fd`, and of threads with descriptors of their own.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, openat, readlinkat_raw, statat};
use rustix::io::Errno;

use super::capability::{self, Capability};
use super::kcmp::share_descriptors;
use super::proc_files::{open_proc, read_small};
use super::proc_text::{decode_socket_link, decode_stat, hides_processes};
use super::process::owner_of;
use super::user_namespace::is_outside;
use crate::model::{Handles, ProcessKey};
use crate::read::raw::{Blind, RawHolder, RawHolders};

/// `st_ino` of the first pid namespace, PROC_PID_INIT_INO in linux/proc_ns.h.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
/// Longest link of interest: `socket:[` with 20 digits and `]`.
const LINK: usize = 32;

/// Processes from which a second thread is worth its start.
const MANY: usize = 200;
/// Processes that a thread takes at a time: some have thousands of descriptors, most have few.
const PORTION: usize = 8;
/// Descriptors that are read of threads that likely have none of their own: some 25 ms.
const DOUBTFUL: usize = 10_000;
/// A process with fewer descriptors is not asked for threads that have tables of their own.
const FEW: u64 = 16;
/// Descriptors that are read of threads with tables of their own: a process may have thousands of threads
/// with thousands of descriptors each, which would take minutes.
const MOST_OF_THREADS: usize = 400_000;

/// Finds every holder of the sockets with these inode numbers.
pub fn holders(wanted: &Handles) -> RawHolders {
    let as_root = rustix::process::geteuid().is_root();
    let blind = |reason| RawHolders {
        as_root,
        blind: vec![reason],
        ..RawHolders::default()
    };
    let Ok(proc) = open_proc() else {
        return blind(Blind::NoProc);
    };
    let mut walk = Walk::new(&proc, wanted);
    let pids = numbers_in(&proc, &mut walk.buffer[..]).unwrap_or_default();
    if pids.is_empty() {
        return blind(Blind::NoProc);
    }
    let next = AtomicUsize::new(0);
    let mut present = Vec::new();
    thread::scope(|scope| {
        let helper = || {
            let mut walk = Walk::new(&proc, wanted);
            let present = walk.portions(&pids, &next);
            (walk.found, present)
        };
        // Where no thread is to be had, this one does it all.
        let is_worth_it = pids.len() >= MANY;
        let helper = is_worth_it.then(|| thread::Builder::new().spawn_scoped(scope, helper));
        present = walk.portions(&pids, &next);
        if let Some(Ok(helper)) = helper
            && let Ok((found, others)) = helper.join()
        {
            walk.found.holders.extend(found.holders);
            walk.found.refused += found.refused;
            walk.found.refused_outside += found.refused_outside;
            present.extend(others);
        }
    });
    walk.threads(&present);
    // Which thread found what must not show.
    walk.found.holders.sort_unstable();
    walk.found.holders.dedup();
    let mut blind = blindness(as_root);
    if walk.has_skipped {
        blind.push(Blind::ManyTables);
    }
    let left = without_holder(wanted, &walk.found.holders);
    let doubtful = std::mem::take(&mut walk.doubtful);
    if !(doubtful.is_empty() || left.is_empty()) {
        let mut rest = Walk::new(&proc, &left);
        if !rest.doubtful(&doubtful) {
            blind.push(Blind::Threads);
        }
        walk.found.holders.extend(rest.found.holders);
        walk.found.holders.sort_unstable();
        walk.found.holders.dedup();
    }
    RawHolders {
        as_root,
        blind,
        ..walk.found
    }
}

/// The handles that nobody holds of these holders, who are in ascending order.
pub fn without_holder(handles: &Handles, holders: &[RawHolder]) -> Handles {
    let is_left = |handle: &u64| {
        let held = holders.binary_search_by_key(handle, |holder| holder.handle);
        held.is_err()
    };
    handles.iter().filter(is_left).collect()
}

/// The processes that `/proc` shows, in ascending order.
pub fn pids() -> Vec<u32> {
    let Ok(proc) = open_proc() else {
        return Vec::new();
    };
    let mut buffer = Box::new([MaybeUninit::uninit(); 32 * 1024]);
    numbers_in(&proc, &mut buffer[..]).unwrap_or_default()
}

/// Counts descriptors of all processes, up to a bound.
pub fn count_descriptors(enough: u64) -> u64 {
    let Ok(proc) = open_proc() else { return 0 };
    let mut buffer = Box::new([MaybeUninit::uninit(); 32 * 1024]);
    let mut count = 0;
    for pid in numbers_in(&proc, &mut buffer[..]).unwrap_or_default() {
        let own = descriptors_of(&proc, pid);
        count += own;
        if count <= enough && own >= FEW {
            count += descriptors_of_threads(&proc, pid, own, enough - count);
        }
        if count > enough {
            break;
        }
    }
    count
}

/// Counts the descriptors that threads of a process have in tables of their own, where they may be so many
/// that it matters. Whether a table is a thread's own, the kernel is asked; where it does not say, it
/// is not.
fn descriptors_of_threads(proc: &OwnedFd, pid: u32, each: u64, enough: u64) -> u64 {
    let path = format!("{pid}/task");
    // The link count is the number of threads and two.
    let threads = statat(proc, &path, AtFlags::empty());
    let threads = threads.map_or(0, |stat| u64::from(stat.st_nlink as u32).saturating_sub(2));
    if threads < 2 || threads.saturating_mul(each) <= enough {
        return 0;
    }
    let Ok(tasks) = openat(proc, &path, DIRECTORY, Mode::empty()) else {
        return 0;
    };
    let mut buffer = Box::new([MaybeUninit::uninit(); 32 * 1024]);
    let mut count = 0;
    for thread in numbers_in(&tasks, &mut buffer[..]).unwrap_or_default() {
        if thread != pid && share_descriptors(pid, thread) == Some(false) {
            count += descriptors_of(proc, thread);
        }
        if count > enough {
            break;
        }
    }
    count
}

/// How many descriptors a task has: since Linux 6.2 that is the size of `/proc/PID/fd`; 0 before that,
/// and where the task has ended.
fn descriptors_of(proc: &OwnedFd, task: u32) -> u64 {
    let stat = statat(proc, format!("{task}/fd"), AtFlags::empty());
    stat.map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0))
}

struct Walk<'a> {
    proc: &'a OwnedFd,
    wanted: &'a Handles,
    found: RawHolders,
    /// Processes and their threads that have as many descriptors as another, and no more is known.
    doubtful: Vec<(u32, u32)>,
    /// Descriptors of threads that may still be read.
    room_for_threads: usize,
    /// Whether threads were passed over for want of it.
    has_skipped: bool,
    buffer: Box<[MaybeUninit<u8>; 32 * 1024]>,
}

impl<'a> Walk<'a> {
    fn new(proc: &'a OwnedFd, wanted: &'a Handles) -> Self {
        let buffer = Box::new([MaybeUninit::uninit(); 32 * 1024]);
        Self {
            proc,
            wanted,
            found: RawHolders::default(),
            doubtful: Vec::new(),
            room_for_threads: MOST_OF_THREADS,
            has_skipped: false,
            buffer,
        }
    }

    /// Looks into portions of the processes as long as there are any; gives those that are there.
    fn portions(&mut self, pids: &[u32], next: &AtomicUsize) -> Vec<Present> {
        let mut present = Vec::with_capacity(pids.len());
        loop {
            let start = next.fetch_add(PORTION, Ordering::Relaxed);
            let Some(rest) = pids.get(start..).filter(|rest| !rest.is_empty()) else {
                return present;
            };
            for pid in &rest[..rest.len().min(PORTION)] {
                let has_descriptors = match self.look_into(&format!("{pid}/fd"), c"../stat", *pid) {
                    Ok(descriptors) => descriptors > 0,
                    // Gone in the meantime; a process that is gone holds nothing.
                    Err(Errno::NOENT | Errno::SRCH) => continue,
                    Err(_) => {
                        let uid = owner_of(self.proc, &pid.to_string());
                        self.found.refused += 1;
                        self.found.refused_outside += u32::from(is_outside(uid));
                        false
                    }
                };
                present.push(Present {
                    pid: *pid,
                    has_descriptors,
                });
            }
        }
    }

    /// Looks into threads with descriptors of their own, clone(2) without CLONE_FILES, and into those
    /// whose leader has exited: then `/proc/PID/fd` is empty, and closed to its own user.
    fn threads(&mut self, present: &[Present]) {
        let user = rustix::process::geteuid();
        for Present {
            pid,
            has_descriptors,
        } in present
        {
            let path = format!("{pid}/task");
            // The link count is the number of threads and two; the owner is the effective user.
            let may_tell = statat(self.proc, &path, AtFlags::empty()).is_ok_and(|stat| {
                stat.st_nlink > 3 && (user.is_root() || stat.st_uid == user.as_raw())
            });
            if !may_tell {
                continue;
            }
            let Ok(tasks) = openat(self.proc, &path, DIRECTORY, Mode::empty()) else {
                continue;
            };
            let threads = numbers_in(&tasks, &mut self.buffer[..]).unwrap_or_default();
            let leader = has_descriptors.then_some(*pid);
            let mut last = None;
            for thread in threads.into_iter().filter(|thread| thread != pid) {
                let mut is_certain = true;
                let mut seen = leader.into_iter().chain(last);
                let is_known = seen.any(|seen| {
                    share_descriptors(seen, thread).unwrap_or_else(|| {
                        is_certain = false;
                        self.have_as_many(seen, thread)
                    })
                });
                if is_known {
                    if !is_certain {
                        self.doubtful.push((*pid, thread));
                    }
                } else if self.room_for_threads == 0 {
                    self.has_skipped = true;
                } else if let Ok(descriptors) = self.look_into_thread(*pid, thread) {
                    self.room_for_threads = self.room_for_threads.saturating_sub(descriptors);
                    last = Some(thread);
                }
            }
        }
    }

    /// Whether two tasks have as many descriptors: where the kernel does not say whether they share them
    /// (containers mostly may not call kcmp), they likely do. To read the same thousands for each of a
    /// thousand threads would take seconds. Once more, because a busy program opens and closes between
    /// two looks.
    fn have_as_many(&self, first: u32, second: u32) -> bool {
        (0..2).any(|_| descriptors_of(self.proc, first) == descriptors_of(self.proc, second))
    }

    /// Looks into threads that likely have no descriptors of their own; whether into all of them.
    fn doubtful(&mut self, threads: &[(u32, u32)]) -> bool {
        let mut room = DOUBTFUL;
        for (pid, thread) in threads {
            if room == 0 {
                return false;
            }
            let descriptors = self.look_into_thread(*pid, *thread).unwrap_or(0);
            room = room.saturating_sub(descriptors);
        }
        true
    }

    /// Reads the descriptors of one thread. One that ends meanwhile, or cannot be read, tells nothing new.
    fn look_into_thread(&mut self, pid: u32, thread: u32) -> rustix::io::Result<usize> {
        self.look_into(&format!("{pid}/task/{thread}/fd"), c"../../../stat", pid)
    }

    /// Reads one directory of descriptors; gives how many it has. The start time comes through the same
    /// open directory, so that a pid that is used anew meanwhile is not taken for the holder.
    fn look_into(&mut self, path: &str, stat: &CStr, pid: u32) -> rustix::io::Result<usize> {
        let dir = openat(self.proc, path, DIRECTORY, Mode::empty())?;
        let before = self.found.holders.len();
        let result = self.read_links(&dir, pid);
        if self.found.holders.len() > before {
            match read_small(&dir, stat)
                .ok()
                .and_then(|text| decode_stat(&text))
            {
                Some(stat) => {
                    for holder in &mut self.found.holders[before..] {
                        holder.process.start = stat.start;
                    }
                }
                None => self.found.holders.truncate(before),
            }
        }
        result
    }

    fn read_links(&mut self, dir: &OwnedFd, pid: u32) -> rustix::io::Result<usize> {
        let mut entries = RawDir::new(dir.as_fd(), &mut self.buffer[..]);
        let mut descriptors = 0;
        let mut link = [0; LINK];
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(fd) = decode_number(entry.file_name()) else {
                continue;
            };
            let length = match readlinkat_raw(dir, entry.file_name(), &mut link[..]) {
                Ok(length) => length,
                // Closed in the meantime.
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno),
            };
            descriptors += 1;
            if let Some(handle) = decode_socket_link(&link[..length])
                && self.wanted.contains(handle)
            {
                let process = ProcessKey { pid, start: 0 };
                self.found.holders.push(RawHolder {
                    handle,
                    process,
                    fd: Some(fd),
                    comm: None,
                });
            }
        }
        Ok(descriptors)
    }
}

/// A process that was there when the walk came to it.
struct Present {
    pid: u32,
    /// Not so of kernel threads, nor of a process whose first thread has ended.
    has_descriptors: bool,
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// The names in a directory that are numbers, ascending.
pub fn numbers_in(dir: &OwnedFd, buffer: &mut [MaybeUninit<u8>]) -> rustix::io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    let mut entries = RawDir::new(dir.as_fd(), buffer);
    while let Some(entry) = entries.next() {
        numbers.extend(decode_number(entry?.file_name()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn decode_number(name: &CStr) -> Option<u32> {
    let digits = name.to_bytes();
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Why processes may exist that the walk did not meet.
pub fn blindness(as_root: bool) -> Vec<Blind> {
    let mut reasons = Vec::new();
    let mounts = || std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let may_see_all = as_root && capability::has(Capability::SYS_PTRACE);
    if !may_see_all && hides_processes(&mounts()) {
        reasons.push(Blind::Hidepid);
    }
    if rustix::fs::stat("/proc/self/ns/pid").is_ok_and(|stat| stat.st_ino != FIRST_PID_NAMESPACE) {
        reasons.push(Blind::PidNamespace);
    }
    reasons
}
