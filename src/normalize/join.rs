//! Joins sockets to the processes that hold them: every holder is kept, none is invented.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::meaning::meaning;
use super::name::full_name;
use super::status::{found, status};
use crate::model::{Foreign, Owner, Owners, Process, ProcessKey, Row, User};
use crate::read::raw::{RawContainer, RawHolder, RawHolders, RawProcess};

/// User names by uid.
pub type Users = BTreeMap<u32, Rc<str>>;

/// What numbers and ids stand for.
#[derive(Debug, Clone, Default)]
pub struct Names {
    pub users: Users,
    pub containers: Vec<RawContainer>,
}

/// Gives the users of sockets and of their owners their names.
pub fn name_users<'a>(rows: impl IntoIterator<Item = &'a mut Row>, names: &Users) {
    let mut users: BTreeMap<u32, Rc<User>> = BTreeMap::new();
    let mut owners: HashMap<ProcessKey, Rc<Process>> = HashMap::new();
    for row in rows {
        if let Some(user) = &mut row.socket.user {
            let with_name = users.entry(user.uid).or_insert_with(|| {
                Rc::new(User {
                    uid: user.uid,
                    name: names.get(&user.uid).cloned(),
                })
            });
            *user = Rc::clone(with_name);
        }
        for process in row.owners.iter_mut().map(|owner| &mut owner.process) {
            if process.user.is_none()
                && let Some(name) = process.uid.and_then(|uid| names.get(&uid))
            {
                let with_name = owners.entry(process.key).or_insert_with(|| {
                    Rc::new(Process {
                        user: Some(Rc::clone(name)),
                        ..Process::clone(process)
                    })
                });
                *process = Rc::clone(with_name);
            }
        }
    }
}

/// Gives each row its owners. A holder without facts has gone meanwhile, and is no owner.
pub fn join(rows: &mut [Row], raw: &mut RawHolders, processes: Vec<RawProcess>, names: &Names) {
    let processes: HashMap<ProcessKey, Rc<Process>> = processes
        .into_iter()
        .map(|raw| (raw.key, Rc::new(process(raw, names))))
        .collect();
    // In their place: of long lists, a second one would be as long.
    raw.holders
        .sort_unstable_by_key(|holder| (holder.handle, holder.process, holder.fd));
    let (holders, raw) = (&raw.holders, &*raw);
    for row in rows {
        let mine = row.socket.handle().map_or(&[][..], |handle| {
            let first = holders.partition_point(|holder| holder.handle < handle);
            let count = holders[first..]
                .iter()
                .take_while(|holder| holder.handle == handle)
                .count();
            &holders[first..first + count]
        });
        row.owners = owners(mine, &processes);
        let found = found(&row.socket, !row.owners.is_empty(), raw);
        row.owner_status = status(row.socket.handle(), found, raw);
    }
}

/// The processes of holders that are sorted by process and descriptor.
fn owners(holders: &[RawHolder], processes: &HashMap<ProcessKey, Rc<Process>>) -> Owners {
    let of_one = holders.chunk_by(|a, b| a.process == b.process);
    of_one
        .filter_map(|mine| {
            let key = mine.first()?.process;
            let comm = mine.iter().find_map(|holder| holder.comm.as_ref());
            let process = match (processes.get(&key), comm) {
                (Some(process), _) => Rc::clone(process),
                (None, Some(comm)) => Rc::new(named_only(key, comm)),
                (None, None) => return None,
            };
            // Holders that differ in nothing but the name that was told with them.
            let fds = mine.chunk_by(|a, b| a.fd == b.fd);
            Some(Owner {
                process,
                fds: fds.filter_map(|of_one| of_one.first()?.fd).collect(),
            })
        })
        .collect()
}

/// A process of which nothing is known but what its holder told.
pub(super) fn named_only(key: ProcessKey, comm: &Foreign) -> Process {
    Process {
        comm: Some(comm.clone()),
        ..Process::named(key, full_name(Some(comm), None, None))
    }
}

/// What is known of a process.
pub fn process(mut raw: RawProcess, names: &Names) -> Process {
    Process {
        meaning: meaning(&mut raw, &names.containers),
        key: raw.key,
        name: full_name(
            raw.comm.as_ref(),
            raw.executable.as_ref(),
            raw.command.as_deref(),
        ),
        comm: raw.comm,
        executable: raw.executable,
        command: raw.command,
        user: raw
            .account
            .map(|account| account.unclean().into())
            .or_else(|| raw.uid.and_then(|uid| names.users.get(&uid).cloned())),
        uid: raw.uid,
        parent_pid: raw.parent_pid,
        started_at: raw.started_at,
        working_directory: raw.working_directory,
        program: raw.program,
        halt: raw.halt,
        provenance: raw.provenance,
        services: raw.services,
    }
}
