//! Why a port is taken: who holds it, by what it was started, what it exposes, who is connected, and
//! what would come of its end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::supervision::{Consequence, consequence, next};
use crate::model::{
    Endpoint, InterfaceAddress, Limits, OwnerStatus, Process, ProcessKey, Row, Snapshot, Socket,
    State,
};

/// A group of processes that hold the same sockets of those that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders<'a> {
    /// The sockets, listeners first.
    pub rows: Vec<&'a Row>,
    /// The first to be told of: the one that started the others. `None` where none can be seen.
    pub main: Option<Rc<Process>>,
    /// The others that hold the same sockets: workers for the most part.
    pub others: Vec<Rc<Process>>,
    /// Parents of the main process, the nearest first; `None` where they cannot be told.
    pub parents: Option<Vec<Process>>,
    /// Everything that these processes listen on.
    pub listens: Vec<Listen<'a>>,
    pub queue: Option<Queue>,
    pub connected: Vec<Connected<'a>>,
    pub consequence: Consequence,
    /// Commands to go on with.
    pub next: Vec<String>,
}

/// A listener, and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen<'a> {
    pub row: &'a Row,
    /// Addresses of this machine; empty where they are not known.
    pub reached_at: Vec<InterfaceAddress>,
}

/// How a listener keeps up with those who connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Connections that nobody has accepted yet.
    pub waiting: u32,
    /// How many may wait.
    pub limit: u32,
}

impl Queue {
    /// Linux lets one more wait than the limit says (`sk_acceptq_is_full` in include/net/sock.h).
    pub fn is_full(self) -> bool {
        self.waiting > self.limit || (self.limit > 0 && self.waiting == self.limit)
    }
}

/// Connections with the same other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected<'a> {
    /// The address at the other end.
    pub peer: Option<IpAddr>,
    /// The processes there, where they are on this machine and can be seen.
    pub processes: Vec<Rc<Process>>,
    pub rows: Vec<&'a Row>,
}

/// What was asked of the system beside the rows.
pub struct Background<'a> {
    /// Everything that the owners listen on.
    pub listeners: &'a [Row],
    pub parents: &'a BTreeMap<ProcessKey, Vec<Process>>,
    pub limits: &'a Limits,
}

/// Takes the answer apart into groups of processes.
pub fn groups_of_holders<'a>(
    snapshot: &'a Snapshot,
    background: &Background<'a>,
) -> Vec<Holders<'a>> {
    let holds = |row: &&Row| {
        matches!(
            row.socket.state,
            State::Listen | State::Unconnected | State::Bound
        )
    };
    let (holders, others): (Vec<&Row>, Vec<&Row>) = snapshot.rows.iter().partition(holds);
    let is_accepted = |row: &&Row| holders.iter().any(|one| one.socket.accepts(&row.socket));
    let (accepted, loose): (Vec<&Row>, Vec<&Row>) = others.into_iter().partition(is_accepted);
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in holders.into_iter().chain(loose) {
        let is_alike = |group: &&mut Vec<&Row>| {
            let first = group[0];
            let listen = |row: &Row| row.socket.state.is_listening();
            pids(first) == pids(row)
                && listen(first) == listen(row)
                && (!row.owners.is_empty() || is_same_end(&first.socket, &row.socket))
        };
        match groups.iter_mut().find(is_alike) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
        .into_iter()
        .map(|rows| group(rows, &accepted, snapshot, background))
        .collect()
}

fn pids(row: &Row) -> Vec<ProcessKey> {
    row.owners.iter().map(|owner| owner.process.key).collect()
}

fn is_same_end(a: &Socket, b: &Socket) -> bool {
    (a.state, a.local) == (b.state, b.local)
}

fn group<'a>(
    rows: Vec<&'a Row>,
    accepted: &[&'a Row],
    snapshot: &'a Snapshot,
    background: &Background<'a>,
) -> Holders<'a> {
    let owners = &rows[0].owners;
    let processes: Vec<Rc<Process>> = owners
        .iter()
        .map(|owner| Rc::clone(&owner.process))
        .collect();
    let main = first_of(&processes);
    let others = processes
        .iter()
        .filter(|process| main.as_ref().is_none_or(|main| main.key != process.key))
        .cloned()
        .collect();
    let parents = main
        .as_ref()
        .and_then(|main| background.parents.get(&main.key))
        .cloned();
    let is_own = |row: &&Row| {
        let mut owners = row.owners.iter();
        owners.any(|owner| processes.iter().any(|one| one.key == owner.process.key))
    };
    let mut listens: Vec<&Row> = background.listeners.iter().filter(is_own).collect();
    if listens.is_empty() {
        listens.extend(rows.iter().filter(|row| row.socket.state.is_listening()));
    }
    let connections: Vec<&Row> = accepted
        .iter()
        .copied()
        .filter(|row| rows.iter().any(|one| one.socket.accepts(&row.socket)))
        .collect();
    Holders {
        queue: rows.iter().find_map(|row| queue(&row.socket)),
        consequence: consequence(main.as_deref(), &processes, parents.as_deref(), rows[0]),
        next: next(
            main.as_deref(),
            parents.as_deref(),
            &rows,
            background.limits,
        ),
        listens: listens
            .into_iter()
            .map(|row| listen(row, background.limits))
            .collect(),
        connected: connected(connections, snapshot),
        rows,
        main,
        others,
        parents,
    }
}

/// The process that no other of them started; of several the one that has run for longest.
fn first_of(processes: &[Rc<Process>]) -> Option<Rc<Process>> {
    let is_child = |one: &&Rc<Process>| {
        let parent = one.parent_pid;
        processes.iter().any(|other| Some(other.key.pid) == parent)
    };
    let mut first: Vec<&Rc<Process>> = processes.iter().filter(|one| !is_child(one)).collect();
    first.sort_by_key(|one| (one.started_at, one.key.pid));
    first.first().map(|one| Rc::clone(one))
}

fn queue(socket: &Socket) -> Option<Queue> {
    let is_stream = socket.state == State::Listen;
    let (waiting, limit) = (socket.recv_queue?, socket.send_queue?);
    is_stream.then_some(Queue { waiting, limit })
}

/// The addresses of this machine on which the listener is reached.
fn listen<'a>(row: &'a Row, limits: &Limits) -> Listen<'a> {
    let socket = &row.socket;
    let local = socket.local.canonical();
    let is_reached = |one: &&InterfaceAddress| {
        let on_device = socket.interface.as_deref();
        on_device.is_none_or(|device| device == one.interface)
            && if local.is_unspecified() {
                (one.address.is_ipv4() && socket.takes_ipv4())
                    || (one.address.is_ipv6() && local.is_ipv6())
            } else {
                one.address == local
            }
    };
    Listen {
        row,
        reached_at: limits
            .interfaces
            .iter()
            .filter(is_reached)
            .cloned()
            .collect(),
    }
}

/// Counts connections by who is at the other end, the most first.
fn connected<'a>(connections: Vec<&'a Row>, snapshot: &'a Snapshot) -> Vec<Connected<'a>> {
    let mut found: Vec<Connected<'a>> = Vec::new();
    for row in connections {
        let there = snapshot.other_ends.iter().chain(&snapshot.rows);
        let mut there = there.filter(|one| one.socket.is_other_end_of(&row.socket));
        let processes: Vec<Rc<Process>> = there.next().map_or_else(Vec::new, |other| {
            let owners = other.owners.iter();
            owners.map(|owner| Rc::clone(&owner.process)).collect()
        });
        let peer = row.socket.peer.as_ref().map(Endpoint::canonical);
        let is_same = |one: &&mut Connected| {
            one.peer == peer
                && one
                    .processes
                    .iter()
                    .map(|process| process.key)
                    .eq(processes.iter().map(|process| process.key))
        };
        match found.iter_mut().find(is_same) {
            Some(known) => known.rows.push(row),
            None => found.push(Connected {
                peer,
                processes,
                rows: vec![row],
            }),
        }
    }
    found.sort_by_key(|one| {
        let first = one.processes.first().map(|process| process.key);
        (usize::MAX - one.rows.len(), one.peer, first)
    });
    found
}

/// Whether somebody holds the socket who cannot be seen.
pub fn is_hidden(row: &Row) -> bool {
    row.owners.is_empty() && row.owner_status == OwnerStatus::Hidden
}
