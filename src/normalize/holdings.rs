//! Joins groups of sockets to the processes that hold them: how many of each group a process holds.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::join::{Names, named_only, process};
use super::status::{Found, status, status_of_all};
use crate::model::{Holding, OwnerStatus, Process, ProcessKey};
use crate::read::raw::{RawHolder, RawHolders, RawProcess};

/// Sockets that are asked about together, by their handles.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    pub held: &'a [u64],
    /// Those in CLOSE_WAIT, which are not among the others.
    pub close_wait: &'a [u64],
}

/// The holders of a group's sockets, and how much is known of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Those who hold most first.
    pub owners: Vec<Holding>,
    pub status: OwnerStatus,
    /// Sockets whose holder could not be seen.
    pub hidden: u32,
    /// Sockets of which no process has a descriptor.
    pub unfound: u32,
}

/// Finds who holds sockets of each group.
pub fn holdings(
    groups: &[Group<'_>],
    raw: &RawHolders,
    processes: Vec<RawProcess>,
    names: &Names,
) -> Vec<Held> {
    let mut processes: HashMap<ProcessKey, Rc<Process>> = processes
        .into_iter()
        .map(|raw| (raw.key, Rc::new(process(raw, names))))
        .collect();
    for holder in &raw.holders {
        if let Some(comm) = &holder.comm {
            let nameless = || Rc::new(named_only(holder.process, comm));
            processes.entry(holder.process).or_insert_with(nameless);
        }
    }
    let mut holders: Vec<&RawHolder> = raw.holders.iter().collect();
    holders.sort_unstable_by_key(|holder| (holder.handle, holder.process));
    let one = |group: &Group<'_>| of_group(*group, &holders, raw, &processes);
    groups.iter().map(one).collect()
}

fn of_group(
    group: Group<'_>,
    holders: &[&RawHolder],
    raw: &RawHolders,
    processes: &HashMap<ProcessKey, Rc<Process>>,
) -> Held {
    let mut counts: BTreeMap<ProcessKey, (u32, u32)> = BTreeMap::new();
    let mut each = Vec::with_capacity(group.held.len() + group.close_wait.len());
    let held = group.held.iter().map(|handle| (handle, 0));
    let close_wait = group.close_wait.iter().map(|handle| (handle, 1));
    for (handle, closed) in held.chain(close_wait) {
        let first = holders.partition_point(|holder| holder.handle < *handle);
        let mine = holders[first..]
            .iter()
            .take_while(|holder| holder.handle == *handle);
        let mut last = None;
        for holder in mine.filter(|holder| processes.contains_key(&holder.process)) {
            // A process may hold one by several descriptors.
            if last.replace(holder.process) != Some(holder.process) {
                let (sockets, in_close_wait) = counts.entry(holder.process).or_default();
                *sockets += 1;
                *in_close_wait += closed;
            }
        }
        let found = match last {
            Some(_) => Found::Owner,
            None if raw.ended.contains(handle) => Found::Ended,
            None => Found::Nothing,
        };
        each.push(status(Some(*handle), found, raw));
    }
    let mut all: Vec<Holding> = counts
        .into_iter()
        .filter_map(|(key, (sockets, close_wait))| {
            Some(Holding {
                process: Rc::clone(processes.get(&key)?),
                sockets,
                close_wait,
            })
        })
        .collect();
    all.sort_by_key(|one| (std::cmp::Reverse(one.sockets), one.process.key));
    let with = |status| each.iter().map(|one| u32::from(*one == status)).sum();
    Held {
        owners: all,
        hidden: with(OwnerStatus::Hidden),
        unfound: with(OwnerStatus::Unfound),
        status: status_of_all(each),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Foreign;

    fn key(pid: u32) -> ProcessKey {
        ProcessKey { pid, start: 1 }
    }

    fn holder(handle: u64, pid: u32, fd: u32) -> RawHolder {
        RawHolder {
            handle,
            process: key(pid),
            fd: Some(fd),
            comm: None,
        }
    }

    fn named(pid: u32) -> RawProcess {
        RawProcess {
            key: key(pid),
            comm: Some(Foreign::new("app")),
            executable: None,
            command: None,
            uid: None,
            parent_pid: None,
            started_at: None,
            working_directory: None,
            unit: None,
            container: None,
            project: None,
            program: None,
            halt: None,
            provenance: None,
            restart: None,
            account: None,
            services: Vec::new(),
        }
    }

    #[test]
    fn sockets_are_counted_once_for_each_process() {
        let raw = RawHolders {
            // Twice in one process, shared by two, and one in CLOSE_WAIT.
            holders: vec![
                holder(1, 7, 3),
                holder(1, 7, 4),
                holder(2, 7, 5),
                holder(2, 8, 5),
                holder(3, 8, 6),
            ],
            ..RawHolders::default()
        };
        let group = Group {
            held: &[1, 2],
            close_wait: &[3],
        };
        let found = holdings(&[group], &raw, vec![named(7), named(8)], &Names::default());
        let [held] = found.as_slice() else {
            panic!("one group")
        };
        let counts: Vec<_> = held
            .owners
            .iter()
            .map(|one| (one.process.key.pid, one.sockets, one.close_wait))
            .collect();
        assert_eq!(counts, [(7, 2, 0), (8, 2, 1)]);
        assert_eq!((held.status, held.hidden), (OwnerStatus::Known, 0));
    }

    #[test]
    fn what_could_not_be_looked_into_is_said() {
        let raw = RawHolders {
            holders: vec![holder(1, 7, 3)],
            refused: 4,
            ..RawHolders::default()
        };
        let group = |held: &'static [u64]| Group {
            held,
            close_wait: &[],
        };
        let groups = [group(&[1, 2]), group(&[2, 3]), group(&[])];
        let found = holdings(&groups, &raw, vec![named(7)], &Names::default());
        let told: Vec<_> = found
            .iter()
            .map(|held| (held.status, held.hidden))
            .collect();
        let expected = [
            (OwnerStatus::Partial, 1),
            (OwnerStatus::Hidden, 2),
            (OwnerStatus::None, 0),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_socket_that_ended_meanwhile_hides_no_owner_and_one_without_a_holder_is_not_found() {
        let raw = RawHolders {
            holders: vec![holder(1, 7, 3)],
            ended: vec![2],
            ..RawHolders::default()
        };
        let group = |held: &'static [u64]| Group {
            held,
            close_wait: &[],
        };
        let groups = [group(&[1, 2]), group(&[3]), group(&[1, 3])];
        let found = holdings(&groups, &raw, vec![named(7)], &Names::default());
        let told: Vec<_> = found
            .iter()
            .map(|held| (held.status, held.hidden, held.unfound))
            .collect();
        let expected = [
            (OwnerStatus::Known, 0, 0),
            (OwnerStatus::Unfound, 0, 1),
            (OwnerStatus::Partial, 0, 1),
        ];
        assert_eq!(told, expected);
    }
}
