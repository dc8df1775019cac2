//! The processes that own sockets.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::{Foreign, Meaning, Provenance};

/// Identity of a process: pids are reused, a pid with its start time is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    pub pid: u32,
    /// Start time in the system's own unit and epoch (Linux: clock ticks since boot); 0 where unknown.
    pub start: u64,
}

/// What is known of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub key: ProcessKey,
    /// The name that people know the program by; see `normalize::full_name`.
    pub name: Foreign,
    /// The kernel's own name (Linux: at most 15 bytes).
    pub comm: Option<Foreign>,
    pub executable: Option<Foreign>,
    pub command: Option<Vec<Foreign>>,
    pub uid: Option<u32>,
    pub user: Option<Rc<str>>,
    pub parent_pid: Option<u32>,
    /// Seconds since the Unix epoch.
    pub started_at: Option<i64>,
    pub working_directory: Option<Foreign>,
    /// Services that run in it (Windows).
    pub services: Vec<Foreign>,
    pub meaning: Meaning,
    pub program: Option<Program>,
    /// Whether it may run at all; `None` where the system does not say.
    pub halt: Option<Halt>,
    /// `None` where nobody looked, or the process is neither root's nor the asker's.
    pub provenance: Option<Box<Provenance>>,
}

/// What keeps a process from running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Halt {
    /// Nothing does.
    No,
    /// A stop signal, from Ctrl+Z for instance: it waits for SIGCONT.
    Signal,
    /// A debugger.
    Debugger,
}

/// What became of a program's file since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// It is the file that runs.
    Same,
    /// Another file has its name, after an update for instance.
    Replaced,
    /// No file has its name.
    Deleted,
}

impl Program {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Replaced => "replaced",
            Self::Deleted => "deleted",
        }
    }
}

impl Process {
    /// A process of which nothing is known but its name.
    pub fn named(key: ProcessKey, name: Foreign) -> Self {
        Self {
            key,
            name,
            comm: None,
            executable: None,
            command: None,
            uid: None,
            user: None,
            parent_pid: None,
            started_at: None,
            working_directory: None,
            services: Vec::new(),
            meaning: Meaning::default(),
            program: None,
            halt: None,
            provenance: None,
        }
    }

    /// Whether it is stopped: it accepts and answers nothing then. `None` where that is unknown.
    pub fn is_stopped(&self) -> Option<bool> {
        self.halt.map(|halt| halt != Halt::No)
    }
}

/// A process that holds descriptors of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub process: Rc<Process>,
    pub fds: Descriptors,
}

/// The owners of a socket, in ascending order of pid. One is the rule, and takes no block of memory
/// beside its row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Owners {
    #[default]
    Nobody,
    One(Owner),
    Several(Box<[Owner]>),
}

impl Deref for Owners {
    type Target = [Owner];

    fn deref(&self) -> &[Owner] {
        match self {
            Self::Nobody => &[],
            Self::One(owner) => std::slice::from_ref(owner),
            Self::Several(owners) => owners,
        }
    }
}

impl DerefMut for Owners {
    fn deref_mut(&mut self) -> &mut [Owner] {
        match self {
            Self::Nobody => &mut [],
            Self::One(owner) => std::slice::from_mut(owner),
            Self::Several(owners) => owners,
        }
    }
}

impl FromIterator<Owner> for Owners {
    fn from_iter<I: IntoIterator<Item = Owner>>(owners: I) -> Self {
        let mut owners = owners.into_iter();
        match (owners.next(), owners.next()) {
            (None, _) => Self::Nobody,
            (Some(one), None) => Self::One(one),
            (Some(first), Some(second)) => {
                Self::Several([first, second].into_iter().chain(owners).collect())
            }
        }
    }
}

impl<'a> IntoIterator for &'a Owners {
    type Item = &'a Owner;
    type IntoIter = std::slice::Iter<'a, Owner>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The descriptors by which a process holds a socket. One is the rule here too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Descriptors {
    /// The system does not tell them.
    #[default]
    Unknown,
    One(u32),
    /// Ascending. The box makes it a single pointer, so that an owner stays small.
    Several(Box<Vec<u32>>),
}

impl Descriptors {
    /// Their numbers, ascending; `None` where the system does not tell.
    pub fn numbers(&self) -> Option<&[u32]> {
        match self {
            Self::Unknown => None,
            Self::One(number) => Some(std::slice::from_ref(number)),
            Self::Several(numbers) => Some(numbers),
        }
    }
}

impl FromIterator<u32> for Descriptors {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut numbers = numbers.into_iter();
        match (numbers.next(), numbers.next()) {
            (None, _) => Self::Unknown,
            (Some(one), None) => Self::One(one),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(numbers);
                Self::Several(Box::new(all.collect()))
            }
        }
    }
}

/// How much is known of who owns a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnerStatus {
    /// All owners are listed.
    Known,
    /// No process owns it: the socket has left its process, or has none yet.
    None,
    /// No process owns it: the kernel itself serves it, which something proves.
    Kernel,
    /// A process may own it that could not be seen.
    Hidden,
    /// Every process could be read, and none has a descriptor of it. One may own it all the same: by a
    /// thread that waits on a descriptor that is closed, or by a message that is not received yet.
    Unfound,
    /// Some owners are listed; others may not have been seen.
    Partial,
    /// Nobody looked (`--no-owners`).
    Skipped,
}

impl OwnerStatus {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::None | Self::Kernel => "none",
            Self::Hidden | Self::Unfound => "hidden",
            Self::Partial => "partial",
            Self::Skipped => "skipped",
        }
    }

    /// Whether an owner may be there that is not listed.
    pub fn may_hide_owners(self) -> bool {
        matches!(self, Self::Hidden | Self::Unfound | Self::Partial)
    }

    /// Whether it is known that no process owns it.
    pub fn is_none(self) -> bool {
        matches!(self, Self::None | Self::Kernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_those_that_were_given() {
        let owner = |pid| Owner {
            process: Rc::new(Process::named(
                ProcessKey { pid, start: 1 },
                Foreign::new("a"),
            )),
            fds: Descriptors::Unknown,
        };
        for count in 0..4 {
            let owners: Owners = (0..count).map(owner).collect();
            let pids = owners.iter().map(|owner| owner.process.key.pid);
            assert_eq!(pids.collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn descriptors_are_unknown_or_those_that_were_given() {
        let numbers = |numbers: &[u32]| {
            let all: Descriptors = numbers.iter().copied().collect();
            all.numbers().map(<[u32]>::to_vec)
        };
        assert_eq!(numbers(&[]), None);
        for some in [&[3][..], &[3, 4], &[3, 4, 9]] {
            assert_eq!(numbers(some).as_deref(), Some(some));
        }
    }
}
