//! Facts of one process: they are all of the same process, even when its pid is used anew meanwhile.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, statat};

use super::bounds::Bounds;
use super::cgroup::{Membership, container_from_mountinfo};
use super::clock::Clock;
use super::glimpse::{Glimpse, Keys, Shares};
use super::group_owner::GroupOwners;
use super::proc_files::{
    open_proc, other_thread, read_arguments, read_link, read_link_text, read_records, read_small,
    read_stat,
};
use super::proc_text::{Stat, decode_stat};
use super::{provenance, units, user_namespace};
use crate::model::{
    ContainerId, Depth, Foreign, Halt, ProcessKey, Program, Project, Unit, is_comm_of,
};
use crate::read::project::Projects;
use crate::read::raw::RawProcess;

/// How much of a process is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// All that the depth asks for.
    Whole,
    /// Only what the kernel answers at once, whatever the process does: neither its memory nor any
    /// file is touched.
    Quick,
}

/// What a process is part of.
pub fn belongs(process: &RawProcess) -> (Option<&Unit>, Option<&ContainerId>, Option<&Project>) {
    let RawProcess {
        unit,
        container,
        project,
        ..
    } = process;
    (unit.as_ref(), container.as_ref(), project.as_ref())
}

/// Reads processes one after another, and remembers what they share.
pub struct Reader {
    proc: OwnedFd,
    depth: Depth,
    care: Care,
    /// Whether the owners of files are read too.
    has_provenance: bool,
    bounds: Bounds,
    /// Whether the process at hand has more arguments than were read.
    is_cut: bool,
    clock: Clock,
    /// Made when the first is sought: it reads where other machines' file systems are.
    projects: Option<Projects>,
    /// Device and inode number of directories where they lie among the reader's mounts.
    own: HashMap<PathBuf, Option<(u64, u64)>>,
    /// Inode number of this process's mount namespace.
    own_mounts: u64,
    shares: Shares,
    group_owners: GroupOwners,
}

impl Reader {
    /// `None` where `/proc` is not there.
    pub fn new(depth: Depth, has_provenance: bool, bounds: &Bounds) -> Option<Self> {
        let proc = open_proc().ok()?;
        Some(Self {
            own_mounts: statat(&proc, "self/ns/mnt", AtFlags::empty())
                .map_or(0, |stat| stat.st_ino),
            proc,
            depth,
            care: Care::Whole,
            has_provenance,
            bounds: bounds.clone(),
            is_cut: false,
            clock: Clock::read(),
            projects: None,
            own: HashMap::new(),
            shares: Shares::default(),
            group_owners: GroupOwners::default(),
        })
    }

    /// The effective user of a process.
    pub fn user_of(&self, key: ProcessKey) -> Option<u32> {
        owner_of(&self.proc, &key.pid.to_string())
    }

    /// Reads one process with this care.
    pub fn read(
        &mut self,
        key: ProcessKey,
        glimpse: Option<&Glimpse>,
        care: Care,
    ) -> Option<RawProcess> {
        self.care = care;
        self.read_one(key, glimpse)
    }

    /// Reads what is wanted first and who it was last: the same start time then as when it was found
    /// means the same process all the while, at the cost of three calls.
    fn read_one(&mut self, key: ProcessKey, glimpse: Option<&Glimpse>) -> Option<RawProcess> {
        self.is_cut = false;
        let place = key.pid.to_string();
        let keys = glimpse.map(|glimpse| &glimpse.keys);
        let mut text = self.facts(&place, glimpse);
        let membership = self.membership(&place, keys, text.uid);
        let project = self.project(&place, keys, &text, &membership);
        let program = match &text.executable {
            Some(path) if self.depth == Depth::Whole && self.care == Care::Whole => {
                self.program(&place, path)
            }
            _ => None,
        };
        let stat = read_stat(&self.proc, key);
        // Another name is that of another program, mostly: what was told of the one before is void.
        let is_as_told = |stat: &Stat| glimpse.is_none_or(|glimpse| glimpse.comm == stat.comm);
        // Where the first thread has ended, links lead nowhere.
        let is_true = |stat: &Stat| is_as_told(stat) && !stat.is_zombie;
        self.shares.settle(stat.as_ref().is_some_and(is_true));
        let mut stat = stat?;
        if !is_as_told(&stat) {
            return self.read_one(key, None);
        }
        if stat.is_zombie {
            // Where the first thread has ended, another one knows the rest.
            let thread = other_thread(&self.proc, key.pid).unwrap_or(key.pid);
            let uid = text.uid;
            text = self.facts_of_thread(&format!("{}/task/{thread}", key.pid));
            text.uid = uid;
            let halt = halt_of_thread(&self.proc, key.pid, thread);
            stat = Stat {
                halt: halt.unwrap_or(stat.halt),
                ..read_stat(&self.proc, key)?
            };
        }
        let executable = text.executable;
        // The arguments tell the name where the executable does not confirm the kernel's.
        let is_confirmed = is_confirmed(&stat.comm, executable.as_ref());
        if text.command.is_none() && !is_confirmed {
            text.command = self.command(&place, text.uid);
            let halt = stat.halt;
            stat = read_stat(&self.proc, key)?;
            if stat.is_zombie {
                stat.halt = halt;
            }
        } else if is_confirmed && self.depth < Depth::Full {
            text.command = None;
        }
        let mut process = RawProcess {
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
            halt: Some(stat.halt),
            restart: membership
                .unit
                .as_ref()
                .filter(|unit| self.depth == Depth::Whole && unit.is_service() && !unit.claimed)
                .and_then(|unit| units::restart_of(unit, text.uid)),
            executable,
            unit: membership.unit,
            container: membership.container,
            project,
            provenance: None,
        };
        if self.is_cut && process.command.is_some() {
            self.bounds.cut(key.pid);
        }
        if self.care == Care::Whole && self.has_provenance {
            let projects = self
                .projects
                .get_or_insert_with(|| Projects::within(self.bounds.projects.clone()));
            process.provenance = provenance::read(&self.proc, &process, projects);
        }
        Some(process)
    }

    /// What is told by files of its own. The arguments are read here too where the name that was told
    /// takes them, so that who it was is asked once.
    fn facts(&mut self, place: &str, glimpse: Option<&Glimpse>) -> Facts {
        let is_full = self.depth >= Depth::Full;
        let executable = self.link(place, "exe");
        let takes_arguments = |glimpse: &Glimpse| !is_confirmed(&glimpse.comm, executable.as_ref());
        let uid = match glimpse {
            Some(glimpse) => Some(glimpse.uid),
            None => owner_of(&self.proc, place),
        };
        let command = if is_full || glimpse.is_some_and(takes_arguments) {
            self.command(place, uid)
        } else {
            None
        };
        let working_directory = is_full.then(|| self.link(place, "cwd")).flatten();
        Facts {
            executable,
            uid,
            command,
            working_directory,
        }
    }

    /// The same of a thread whose process has no first one any more.
    fn facts_of_thread(&mut self, place: &str) -> Facts {
        let is_full = self.depth >= Depth::Full;
        let uid = owner_of(&self.proc, place).and_then(user_namespace::known);
        Facts {
            executable: self.link(place, "exe"),
            uid,
            command: is_full.then(|| self.command(place, uid)).flatten(),
            working_directory: is_full.then(|| self.link(place, "cwd")).flatten(),
        }
    }

    fn command(&mut self, place: &str, user: Option<u32>) -> Option<Vec<Foreign>> {
        if self.care == Care::Quick {
            return None;
        }
        let (bytes, number) = self.bounds.arguments(user);
        let bound = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (arguments, read, is_cut) =
            read_arguments(&self.proc, place, bound(bytes), bound(number));
        self.bounds.spend(user, read, arguments.as_deref());
        self.is_cut = is_cut;
        arguments
    }

    fn link(&self, place: &str, name: &str) -> Option<Foreign> {
        let path = format!("{place}/{name}");
        match self.care {
            Care::Whole => read_link(&self.proc, &path),
            Care::Quick => read_link_text(&self.proc, &path),
        }
    }

    /// The unit and the container of a process, cgroups(7). Where control groups are hidden by a
    /// namespace, what a runtime mounted into the container tells its id.
    fn membership(&mut self, place: &str, keys: Option<&Keys>, uid: Option<u32>) -> Membership {
        if self.depth < Depth::Meaning {
            return Membership::default();
        }
        let groups = keys.map(|keys| keys.groups);
        let (proc, group_owners) = (&self.proc, &mut self.group_owners);
        let read = || {
            let text = read_small(proc, format!("{place}/cgroup")).ok()?;
            Some(group_owners.membership(&text))
        };
        let mut membership = self.shares.groups.of(groups, read).unwrap_or_default();
        if membership == Membership::default() && self.depth >= Depth::Full {
            membership.container = self.container_by_mounts(place, keys);
            // Whoever has mounts of its own may mount what it likes.
            if let Some(container) = &mut membership.container {
                container.user = uid.filter(|uid| *uid != 0);
            }
        }
        membership
    }

    fn container_by_mounts(&mut self, place: &str, keys: Option<&Keys>) -> Option<ContainerId> {
        let Self {
            shares,
            proc,
            own_mounts,
            ..
        } = self;
        let read = || {
            let mounts = statat(&*proc, format!("{place}/ns/mnt"), AtFlags::empty()).ok()?;
            if mounts.st_ino == *own_mounts {
                return Some(None);
            }
            let text = read_records(&*proc, format!("{place}/mountinfo")).unwrap_or_default();
            Some(container_from_mountinfo(&text))
        };
        let mounts = keys.map(|keys| keys.mounts);
        shares.containers.of(mounts, read).flatten()
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
        let projects = self
            .projects
            .get_or_insert_with(|| Projects::within(self.bounds.projects.clone()));
        projects.is_remote(Path::new(path.unclean()))
    }

    /// Whether the process has mounts of its own.
    fn is_elsewhere(&self, place: &str) -> bool {
        statat(&self.proc, format!("{place}/ns/mnt"), AtFlags::empty())
            .is_ok_and(|stat| stat.st_ino != self.own_mounts)
    }

    /// The project of a process. A container's folders are not ours; a service is known by its unit.
    fn project(
        &mut self,
        place: &str,
        keys: Option<&Keys>,
        text: &Facts,
        membership: &Membership,
    ) -> Option<Project> {
        let is_service = membership.unit.as_ref().is_some_and(Unit::is_telling);
        let is_wanted = match self.depth {
            Depth::Names => false,
            Depth::Meaning => !is_service,
            Depth::Full | Depth::Whole => true,
        };
        if !is_wanted || membership.container.is_some() || self.care == Care::Quick {
            return None;
        }
        let key = keys.map(|keys| keys.directory);
        let (proc, cwd) = (&self.proc, format!("{place}/cwd"));
        let directory = match &text.working_directory {
            Some(directory) => directory.clone(),
            None => read_link(proc, &cwd)?,
        };
        let path = Path::new(directory.unclean());
        let cost = &self.bounds.projects;
        let within = || Projects::within(cost.clone());
        let projects = self.projects.get_or_insert_with(within);
        let found = projects.find(path, text.uid);
        if projects.is_cut_short() {
            self.bounds.unsought(place);
        }
        let found = found?;
        // The path may lead elsewhere among other mounts, or since the directory was deleted.
        let identity = || {
            let stat = statat(proc, &cwd, AtFlags::empty()).ok()?;
            Some((stat.st_dev, stat.st_ino))
        };
        let read = || Some((directory.clone(), identity()?));
        let theirs = match self.shares.identities.of(key, read)? {
            (told, theirs) if told == directory => theirs,
            // It has gone to another directory since.
            _ => identity()?,
        };
        let ours = self.own.entry(path.to_owned()).or_insert_with_key(|path| {
            let stat = rustix::fs::stat(path).ok()?;
            Some((stat.st_dev, stat.st_ino))
        });
        (*ours == Some(theirs)).then_some(found)
    }
}

/// What stands in files of its own under a process's or a thread's folder.
struct Facts {
    executable: Option<Foreign>,
    uid: Option<u32>,
    command: Option<Vec<Foreign>>,
    working_directory: Option<Foreign>,
}

/// What keeps a thread from running.
fn halt_of_thread(proc: &OwnedFd, pid: u32, thread: u32) -> Option<Halt> {
    let text = read_small(proc, format!("{pid}/task/{thread}/stat")).ok()?;
    Some(decode_stat(&text)?.halt)
}

/// Of the folder the owner is always the effective user (fs/proc/base.c, task_dump_owner).
pub fn owner_of(proc: &OwnedFd, place: &str) -> Option<u32> {
    let stat = statat(proc, place, AtFlags::empty()).ok()?;
    Some(stat.st_uid)
}

/// Whether the name that the kernel has is that of the program.
fn is_confirmed(comm: &Foreign, executable: Option<&Foreign>) -> bool {
    executable.is_some_and(|path| is_comm_of(comm.unclean(), path.base_name()))
}
