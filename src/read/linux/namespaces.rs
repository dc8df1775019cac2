//! Reads other network namespaces, network_namespaces(7): those in which processes live, and those
//! that have a name. A thread of its own enters them, one after the other.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::thread;

use rustix::fs::{Mode, OFlags, fstat, open, stat};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::group_owner::GroupOwners;
use super::running::{View, read_one};
use super::tables::Method;
use super::walk::pids;
use super::{interfaces, network};
use crate::model::{Foreign, Scope};
use crate::read::raw::{Outcome, RawNamespace, RawSockets, RawTable, Via};

/// Where named namespaces are mounted, ip-netns(8).
const NAMED: &str = "/run/netns";
/// `f_type` of a file that stands for a namespace, NSFS_MAGIC in linux/magic.h.
const NSFS_MAGIC: i64 = 0x6e73_6673;

/// A way into a namespace.
struct Door {
    path: PathBuf,
    name: Option<Foreign>,
    /// A process that lives in it.
    pid: Option<u32>,
}

/// Adds the sockets of every other namespace that can be found.
pub fn read_others(own: u64, method: Method, scope: &Scope, sockets: &mut RawSockets) {
    let (mut doors, refused) = find();
    doors.remove(&own);
    let count = u32::try_from(doors.len()).unwrap_or(u32::MAX);
    let read_all = || {
        doors
            .into_iter()
            .map(|(inode, door)| read(inode, door, method, scope))
            .collect()
    };
    match apart(read_all) {
        Some(found) => {
            sockets.elsewhere = found;
            sockets.namespaces_refused = refused;
        }
        // Not one of them was entered.
        None => sockets.namespaces_refused = refused.saturating_add(count),
    }
}

/// Does it in each of these namespaces that is still there; `None` for one that cannot be entered.
pub fn in_each<T: Send>(wanted: &[u64], work: impl Fn() -> T + Sync) -> BTreeMap<u64, Option<T>> {
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    let (mut doors, _) = find();
    doors.retain(|inode, _| wanted.contains(inode));
    let unread = doors.keys().map(|inode| (*inode, None)).collect();
    let work_in_all = || {
        doors
            .into_iter()
            .filter_map(|(inode, door)| match enter(&door, inode) {
                Ok(()) => Some((inode, Some(work()))),
                Err(Errno::NOENT | Errno::SRCH) => None,
                Err(_) => Some((inode, None)),
            })
            .collect()
    };
    apart(work_in_all).unwrap_or(unread)
}

/// Does it on a thread of its own, which ends in another namespace than it began in, so that nothing
/// else may run on it. `None` where it cannot be started or does not come to its end.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|threads| {
        let reader = thread::Builder::new().spawn_scoped(threads, work).ok()?;
        reader.join().ok()
    })
}

/// The namespaces by inode number, and how many processes do not tell theirs.
fn find() -> (BTreeMap<u64, Door>, u32) {
    let mut doors: BTreeMap<u64, Door> = BTreeMap::new();
    let mut refused = 0;
    for entry in std::fs::read_dir(NAMED).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = Foreign::from_bytes(entry.file_name().as_encoded_bytes());
        // A name whose namespace is gone is an ordinary file.
        let is_namespace = rustix::fs::statfs(&path)
            .is_ok_and(|found| i128::from(found.f_type) == i128::from(NSFS_MAGIC));
        if let (true, Ok(found)) = (is_namespace, stat(&path)) {
            let door = Door {
                path,
                name: Some(name),
                pid: None,
            };
            doors.entry(found.st_ino).or_insert(door);
        }
    }
    for pid in pids() {
        let path = PathBuf::from(format!("/proc/{pid}/ns/net"));
        match stat(&path) {
            Ok(found) => {
                let door = doors.entry(found.st_ino).or_insert(Door {
                    path,
                    name: None,
                    pid: None,
                });
                door.pid.get_or_insert(pid);
            }
            Err(Errno::NOENT | Errno::SRCH) => {}
            Err(_) => refused += 1,
        }
    }
    (doors, refused)
}

fn read(inode: u64, door: Door, method: Method, scope: &Scope) -> RawNamespace {
    let entered = enter(&door, inode);
    let addresses = if entered.is_ok() && scope.addresses {
        interfaces::addresses()
    } else {
        None
    };
    let network = if entered.is_ok() {
        network::read(scope.network)
    } else {
        None
    };
    let sockets = match (entered, door.pid) {
        (Ok(()), _) => read_one(method, scope, View::Inside),
        (Err(_), Some(pid)) => {
            let found = read_one(method, scope, View::ThroughProcess(pid));
            // The process must be the same that was seen in the namespace.
            match stat(format!("/proc/{pid}/ns/net")) {
                Ok(now) if now.st_ino == inode => found,
                _ => unknown(scope, Errno::SRCH),
            }
        }
        (Err(errno), None) => unknown(scope, errno),
    };
    let cgroup = door
        .pid
        .and_then(|pid| std::fs::read(format!("/proc/{pid}/cgroup")).ok());
    RawNamespace {
        addresses,
        name: door.name,
        container: cgroup.and_then(|text| {
            let container = GroupOwners::default().membership(&text).container;
            container.filter(|container| !container.claimed)
        }),
        sockets: RawSockets {
            netns: Some(inode),
            network,
            ..sockets
        },
    }
}

/// What is told of a namespace that could not be entered.
fn unknown(scope: &Scope, errno: Errno) -> RawSockets {
    let table = |protocol| RawTable {
        protocol,
        family: None,
        via: Via::SockDiag,
        outcome: Outcome::Unknown {
            why: super::errno::Errno::from(errno).to_string(),
        },
        unseen: 0,
        sockets: Vec::new(),
    };
    RawSockets {
        tables: scope.protocols.iter().map(table).collect(),
        ..RawSockets::default()
    }
}

/// Moves this thread into the namespace: takes CAP_SYS_ADMIN, setns(2).
fn enter(door: &Door, inode: u64) -> rustix::io::Result<()> {
    let file = open(&door.path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    if fstat(&file)?.st_ino != inode {
        return Err(Errno::SRCH);
    }
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_comes_to_no_end_is_told_from_one_that_finds_nothing() {
        let nothing: Vec<RawNamespace> = Vec::new();
        assert_eq!(apart(|| nothing.clone()), Some(Vec::new()));
        let lost: Option<Vec<RawNamespace>> = apart(|| panic!("this panic is wanted"));
        assert_eq!(lost, None);
    }
}
