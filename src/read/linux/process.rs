//! Facts of one process: they are all of the same process, even when its pid is used anew meanwhile.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, open, openat, readlinkat, statat};
use rustix::time::{ClockId, clock_gettime};

use super::cgroup::{Membership, container_from_mountinfo, parse_cgroup};
use super::proc_text::{Stat, decode_command, decode_stat};
use super::units;
use crate::model::{Depth, Foreign, ProcessKey, Program, Project, Unit, is_comm_of};
use crate::read::project::Projects;
use crate::read::raw::RawProcess;

/// What the kernel puts after the path of a file that has been deleted.
const DELETED: &[u8] = b" (deleted)";
/// Parents that are read: a chain may be made as long as somebody likes.
const MOST_PARENTS: usize = 512;
/// No command line is read beyond this many bytes.
const LONGEST: usize = 4 << 20;

/// Reads the processes; those that are gone are left out.
pub fn read(keys: &[ProcessKey], depth: Depth) -> Vec<RawProcess> {
    let Ok(proc) = open_proc() else {
        return Vec::new();
    };
    let mut reader = Reader {
        own_mounts: statat(&proc, "self/ns/mnt", AtFlags::empty()).map_or(0, |stat| stat.st_ino),
        proc,
        depth,
        clock: Clock::read(),
        projects: None,
        own: HashMap::new(),
    };
    keys.iter()
        .filter_map(|key| reader.read_one(*key))
        .collect()
}

/// The parents of a process, the nearest first, with what they are part of. Where the last is not the
/// first process of all, the others cannot be seen.
pub fn ancestors(key: ProcessKey) -> Option<Vec<RawProcess>> {
    let proc = open_proc().ok()?;
    let mut all: Vec<RawProcess> = Vec::new();
    let mut child = key;
    while all.len() < MOST_PARENTS {
        let Some(stat) = read_stat(&proc, child) else {
            break;
        };
        let parent = read_small(&proc, format!("{}/stat", stat.parent_pid)).ok();
        let Some(start) = parent.and_then(|text| Some(decode_stat(&text)?.start)) else {
            break;
        };
        let parent = ProcessKey {
            pid: stat.parent_pid,
            start,
        };
        // A parent is older: else its pid was used anew meanwhile.
        if start > child.start {
            break;
        }
        all.extend(read(&[parent], Depth::Full));
        child = parent;
    }
    (!all.is_empty() || key.pid == 1).then_some(all)
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

struct Reader {
    proc: OwnedFd,
    depth: Depth,
    clock: Clock,
    /// Made when the first is sought: it reads where other machines' file systems are.
    projects: Option<Projects>,
    /// Device and inode number of directories where they lie among the reader's mounts.
    own: HashMap<PathBuf, Option<(u64, u64)>>,
    /// Inode number of this process's mount namespace.
    own_mounts: u64,
}

impl Reader {
    /// Reads what is wanted first and who it was last: the same start time then as when it was found
    /// means the same process all the while, at the cost of five calls.
    fn read_one(&mut self, key: ProcessKey) -> Option<RawProcess> {
        let place = key.pid.to_string();
        let mut text = Facts::read(&self.proc, &place, self.depth);
        let membership = self.membership(&place, text.uid);
        let project = self.project(&place, &text, &membership);
        let program = match &text.executable {
            Some(path) if self.depth == Depth::Whole => self.program(&place, path),
            _ => None,
        };
        let mut stat = read_stat(&self.proc, key)?;
        if stat.is_zombie {
            // Where the first thread has ended, another one knows the rest.
            let thread = other_thread(&self.proc, key.pid).unwrap_or(key.pid);
            let uid = text.uid;
            text = Facts::read(
                &self.proc,
                &format!("{}/task/{thread}", key.pid),
                self.depth,
            );
            text.uid = uid;
            stat = read_stat(&self.proc, key)?;
        }
        let executable = text.executable;
        // The arguments tell the name where the executable does not confirm the kernel's.
        let confirms = |path: &Foreign| is_comm_of(stat.comm.unclean(), path.base_name());
        if text.command.is_none() && !executable.as_ref().is_some_and(confirms) {
            text.command = read_command(&self.proc, &place);
            stat = read_stat(&self.proc, key)?;
        }
        Some(RawProcess {
            key,
            command: text.command,
            uid: text.uid,
            parent_pid: Some(stat.parent_pid).filter(|pid| *pid != 0),
            started_at: self.clock.epoch_of(stat.start),
            working_directory: text.working_directory,
            comm: Some(stat.comm),
            account: None,
            services: Vec::new(),
            program,
            restart: membership
                .unit
                .as_ref()
                .filter(|unit| self.depth == Depth::Whole && unit.is_service())
                .and_then(|unit| units::restart_of(unit, text.uid)),
            executable,
            unit: membership.unit,
            container: membership.container,
            project,
        })
    }

    /// The unit and the container of a process, cgroups(7). Where control groups are hidden by a
    /// namespace, what a runtime mounted into the container tells its id.
    fn membership(&self, place: &str, uid: Option<u32>) -> Membership {
        if self.depth < Depth::Meaning {
            return Membership::default();
        }
        let text = read_small(&self.proc, format!("{place}/cgroup")).unwrap_or_default();
        let mut membership = parse_cgroup(&text);
        if membership == Membership::default()
            && self.depth >= Depth::Full
            && self.is_elsewhere(place)
        {
            let mounts = read_small(&self.proc, format!("{place}/mountinfo")).unwrap_or_default();
            membership.container = container_from_mountinfo(&mounts);
            // Whoever has mounts of its own may mount what it likes.
            if let Some(container) = &mut membership.container {
                container.user = uid.filter(|uid| *uid != 0);
            }
        }
        membership
    }

    /// What became of the program since it was started: a file without a name has been deleted, or has
    /// made way for another of its name. That one is looked for only among the reader's own mounts, and
    /// not where another machine might have to answer.
    fn program(&mut self, place: &str, path: &Foreign) -> Option<Program> {
        if self.is_remote(path) {
            return None;
        }
        let running = statat(&self.proc, format!("{place}/exe"), AtFlags::empty()).ok()?;
        if running.st_nlink > 0 {
            return Some(Program::Same);
        }
        let root = read_link(&self.proc, &format!("{place}/root"));
        let is_at_home =
            root.is_some_and(|root| root.unclean() == "/") && !self.is_elsewhere(place);
        let is_replaced = is_at_home && rustix::fs::stat(path.unclean()).is_ok();
        Some(if is_replaced {
            Program::Replaced
        } else {
            Program::Deleted
        })
    }

    fn is_remote(&mut self, path: &Foreign) -> bool {
        let projects = self.projects.get_or_insert_with(Projects::new);
        projects.is_remote(Path::new(path.unclean()))
    }

    /// Whether the process has mounts of its own.
    fn is_elsewhere(&self, place: &str) -> bool {
        statat(&self.proc, format!("{place}/ns/mnt"), AtFlags::empty())
            .is_ok_and(|stat| stat.st_ino != self.own_mounts)
    }

    /// The project of a process. A container's folders are not ours; a service is known by its unit.
    fn project(&mut self, place: &str, text: &Facts, membership: &Membership) -> Option<Project> {
        let is_service = membership.unit.as_ref().is_some_and(Unit::is_telling);
        let is_wanted = match self.depth {
            Depth::Names => false,
            Depth::Meaning => !is_service,
            Depth::Full | Depth::Whole => true,
        };
        if !is_wanted || membership.container.is_some() {
            return None;
        }
        let directory = match &text.working_directory {
            Some(directory) => directory.clone(),
            None => read_link(&self.proc, &format!("{place}/cwd"))?,
        };
        let path = Path::new(directory.unclean());
        let projects = self.projects.get_or_insert_with(Projects::new);
        let found = projects.find(path)?;
        // The path may lead elsewhere among other mounts, or since the directory was deleted.
        let theirs = statat(&self.proc, format!("{place}/cwd"), AtFlags::empty()).ok()?;
        let ours = self.own.entry(path.to_owned()).or_insert_with_key(|path| {
            let stat = rustix::fs::stat(path).ok()?;
            Some((stat.st_dev, stat.st_ino))
        });
        (*ours == Some((theirs.st_dev, theirs.st_ino))).then_some(found)
    }
}

/// Reads `/proc/PID/stat` if it is of this very process.
fn read_stat(proc: &OwnedFd, key: ProcessKey) -> Option<Stat> {
    let stat = decode_stat(&read_small(proc, format!("{}/stat", key.pid)).ok()?)?;
    (stat.start == key.start).then_some(stat)
}

fn read_command(proc: &OwnedFd, place: &str) -> Option<Vec<Foreign>> {
    decode_command(&read_small(proc, format!("{place}/cmdline")).ok()?)
}

/// What stands in files of its own under a process's or a thread's folder.
struct Facts {
    executable: Option<Foreign>,
    uid: Option<u32>,
    command: Option<Vec<Foreign>>,
    working_directory: Option<Foreign>,
}

impl Facts {
    fn read(proc: &OwnedFd, place: &str, depth: Depth) -> Self {
        let link = |name: &str| read_link(proc, &format!("{place}/{name}"));
        let is_full = depth >= Depth::Full;
        Self {
            executable: link("exe"),
            // Of the folder the owner is always the effective user (fs/proc/base.c, task_dump_owner).
            uid: statat(proc, place, AtFlags::empty())
                .ok()
                .map(|stat| stat.st_uid),
            command: if is_full {
                read_command(proc, place)
            } else {
                None
            },
            working_directory: if is_full { link("cwd") } else { None },
        }
    }
}

/// Reads a link to a program or a directory, without what the kernel says of a deleted one.
fn read_link(proc: &OwnedFd, path: &str) -> Option<Foreign> {
    let target = readlinkat(proc, path, Vec::new()).ok()?;
    // A file may have such a name; one that is deleted has no link.
    let is_gone = || statat(proc, path, AtFlags::empty()).is_ok_and(|stat| stat.st_nlink == 0);
    Some(match target.as_bytes().strip_suffix(DELETED) {
        Some(before) if is_gone() => Foreign::from_bytes(before),
        _ => Foreign::from_bytes(target.as_bytes()),
    })
}

/// A thread of the process that is not its first.
fn other_thread(proc: &OwnedFd, pid: u32) -> Option<u32> {
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
