//! What the kernel's iterator tells of processes beside their sockets, kept until their facts are read.
//! Keys tell which processes share a fact, so that `/proc` need not be asked of each. Pure.

use std::collections::HashMap;
use std::hash::Hash;

use super::cgroup::Membership;
use crate::model::{ContainerId, Foreign, ProcessKey};

/// Processes that must agree on a shared fact before it is taken for others: one may have changed
/// between the iterator's look and the reading of `/proc`.
pub const WITNESSES: usize = 2;

/// What was told of one process, as `/proc/PID/stat` and the owner of `/proc/PID` say it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glimpse {
    pub comm: Foreign,
    /// The effective user.
    pub uid: u32,
    pub keys: Keys,
}

/// Addresses in the kernel's memory by which processes are known to share something. A process keeps
/// alive what it has, so two that have the same at one moment share it; beyond one pass of the iterator
/// an address means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// `task->cgroups`: its control groups in every hierarchy.
    pub groups: u64,
    /// `task->nsproxy->mnt_ns`, and `task->fs->root` as it sees them.
    pub mounts: (u64, PathKey),
    /// `task->fs->pwd`: its working directory.
    pub directory: PathKey,
}

/// `struct path`: a mount, and an entry in its tree of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PathKey(pub u64, pub u64);

/// What the last pass of the iterator told.
#[derive(Debug, Clone, Default)]
pub struct Glimpses(HashMap<ProcessKey, Glimpse>);

impl Glimpses {
    pub fn insert(&mut self, process: ProcessKey, glimpse: Glimpse) {
        self.0.insert(process, glimpse);
    }

    pub fn of(&self, process: ProcessKey) -> Option<&Glimpse> {
        self.0.get(&process)
    }
}

/// Facts that processes share, as far as they have been told.
#[derive(Default)]
pub struct Shares {
    /// Path of a directory, its device and its inode number.
    pub identities: Shared<PathKey, (Foreign, (u64, u64))>,
    /// Unit and container by the control groups.
    pub groups: Shared<u64, Membership>,
    /// The container by what is mounted, where control groups are hidden.
    pub containers: Shared<(u64, PathKey), Option<ContainerId>>,
}

impl Shares {
    /// Goes on to the next process; what was read counts where it is of the one that was meant.
    pub fn settle(&mut self, is_true: bool) {
        self.identities.settle(is_true);
        self.groups.settle(is_true);
        self.containers.settle(is_true);
    }
}

/// Facts of one kind that processes with the same key share.
#[derive(Debug)]
pub struct Shared<K, V> {
    known: HashMap<K, Account<V>>,
    /// What was read of the process at hand, which may turn out to be another one by now.
    pending: Option<(K, V)>,
}

/// What those who were asked have said.
#[derive(Debug)]
enum Account<V> {
    Agreed(V, usize),
    Disputed,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            pending: None,
        }
    }
}

impl<K: Copy + Eq + Hash, V: Clone + PartialEq> Shared<K, V> {
    /// The fact that goes by a key where enough witnesses agree on it; else what is read of the process
    /// at hand.
    pub fn of(&mut self, key: Option<K>, read: impl FnOnce() -> Option<V>) -> Option<V> {
        if let Some(Account::Agreed(fact, witnesses)) = key.and_then(|key| self.known.get(&key))
            && *witnesses >= WITNESSES
        {
            return Some(fact.clone());
        }
        let fact = read();
        self.pending = key.zip(fact.clone());
        fact
    }

    /// Goes on to the next process; what was read counts where it is of the one that was meant.
    pub fn settle(&mut self, is_true: bool) {
        let Some((key, fact)) = self.pending.take().filter(|_| is_true) else {
            return;
        };
        match self.known.get_mut(&key) {
            None => {
                self.known.insert(key, Account::Agreed(fact, 1));
            }
            Some(Account::Agreed(agreed, witnesses)) if *agreed == fact => *witnesses += 1,
            Some(account) => *account = Account::Disputed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the next process of key 1 is told, after some have been read: of a key, a fact, and whether
    /// they were who they had been.
    fn next(read: &[(u64, &'static str, bool)]) -> Option<&'static str> {
        let mut shared = Shared::default();
        for (key, fact, is_true) in read {
            shared.of(Some(*key), || Some(*fact));
            shared.settle(*is_true);
        }
        shared.of(Some(1), || None)
    }

    #[test]
    fn a_fact_is_taken_where_two_agree_on_it() {
        assert_eq!(next(&[(1, "/srv", true)]), None);
        assert_eq!(next(&[(1, "/srv", true), (2, "/srv", true)]), None);
        let two = [(1, "/srv", true), (2, "/", true), (1, "/srv", true)];
        assert_eq!(next(&two), Some("/srv"));
    }

    #[test]
    fn a_fact_that_is_disputed_is_never_taken() {
        let three = [(1, "/srv", true), (1, "/", true), (1, "/", true)];
        assert_eq!(next(&three), None);
    }

    #[test]
    fn what_was_read_of_another_process_does_not_count() {
        let three = [(1, "/", true), (1, "/srv", false), (1, "/", true)];
        assert_eq!(next(&three), Some("/"));
        assert_eq!(next(&[(1, "/", true), (1, "/", false)]), None);
    }

    #[test]
    fn without_a_key_everything_is_read() {
        let mut shared: Shared<u64, &str> = Shared::default();
        for _ in 0..3 {
            assert_eq!(shared.of(None, || Some("/")), Some("/"));
            shared.settle(true);
        }
    }
}
