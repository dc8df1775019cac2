//! Why a port is taken: who holds it, by what it was started, what it exposes, who is connected, and
//! what would come of its end.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use super::accepted::{Taken, taken};
use super::commands::{ask_as_root, next};
use super::supervision::{Consequence, consequence};
use crate::model::{
    Endpoint, InterfaceAddress, Limits, OwnerStatus, Process, ProcessKey, Protocol, Row, Snapshot,
    Socket, State,
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
    pub reached_at: Vec<InterfaceAddress>,
    /// Whether the addresses are known that its network namespace has.
    pub is_reach_known: bool,
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
        self.waiting > self.limit
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
    let mut groups: Vec<Vec<Taken<'a>>> = Vec::new();
    let mut known: HashMap<Alike, usize> = HashMap::new();
    for one in taken(&snapshot.rows) {
        let Some(row) = first_row(&one) else {
            continue;
        };
        let place = *known.entry(alike(row)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(one);
    }
    let ends = other_ends(snapshot);
    groups
        .into_iter()
        .filter_map(|group| holders(group, &ends, snapshot, background))
        .collect()
}

/// The processes that the groups are told by: of others no parents are needed.
pub fn main_processes(rows: &[Row]) -> Vec<ProcessKey> {
    let mut keys: Vec<ProcessKey> = rows
        .iter()
        .filter_map(|row| first_of(&processes(row)))
        .map(|process| process.key)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// What rows of one group share: their owners; where none can be seen, their end.
type Alike = (
    Vec<ProcessKey>,
    bool,
    Option<(Protocol, State, Endpoint, Option<u64>)>,
);

fn alike(row: &Row) -> Alike {
    let socket = &row.socket;
    let pids = row.owners.iter().map(|owner| owner.process.key).collect();
    let end = (socket.protocol, socket.state, socket.local, socket.netns);
    let end = row.owners.is_empty().then_some(end);
    (pids, socket.state.is_listening(), end)
}

fn first_row<'a>(one: &Taken<'a>) -> Option<&'a Row> {
    one.holder.or_else(|| one.connections.first().copied())
}

fn processes(row: &Row) -> Vec<Rc<Process>> {
    let owners = row.owners.iter();
    owners.map(|owner| Rc::clone(&owner.process)).collect()
}

fn holders<'a>(
    group: Vec<Taken<'a>>,
    ends: &HashMap<Ends, &'a Row>,
    snapshot: &'a Snapshot,
    background: &Background<'a>,
) -> Option<Holders<'a>> {
    let mut rows: Vec<&Row> = Vec::new();
    let mut connections: Vec<&Row> = Vec::new();
    for one in group {
        match one.holder {
            Some(holder) => {
                rows.push(holder);
                connections.extend(one.connections);
            }
            None => rows.extend(one.connections),
        }
    }
    let first = *rows.first()?;
    let processes = processes(first);
    let main = first_of(&processes);
    let others: Vec<Rc<Process>> = processes
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
    let mut next = next(main.as_deref(), &others, first, background.limits);
    if main.is_none() && next.is_empty() {
        next.extend(ask_as_root(first, snapshot.namespaces, background.limits));
    }
    let queues = rows.iter().filter_map(|row| queue(&row.socket));
    Some(Holders {
        queue: queues.max_by_key(|queue| (queue.is_full(), queue.waiting)),
        consequence: consequence(main.as_deref(), &processes, parents.as_deref(), first),
        next,
        listens: listens
            .into_iter()
            .map(|row| listen(row, snapshot.netns, background.limits))
            .collect(),
        connected: connected(connections, ends),
        rows,
        main,
        others,
        parents,
    })
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

/// The addresses of the listener's network namespace on which it is reached.
fn listen<'a>(row: &'a Row, own: Option<u64>, limits: &Limits) -> Listen<'a> {
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
    let interfaces = match socket.netns {
        netns if netns == own => Some(&limits.interfaces).filter(|all| !all.is_empty()),
        netns => netns.and_then(|netns| limits.elsewhere.get(&netns)),
    };
    let all = interfaces.into_iter().flatten();
    Listen {
        row,
        reached_at: all.filter(is_reached).cloned().collect(),
        is_reach_known: interfaces.is_some(),
    }
}

/// A connection by its namespace, where that matters, and its two ends.
type Ends = (Option<u64>, (IpAddr, Option<u16>), (IpAddr, Option<u16>));

fn ends(socket: &Socket) -> Option<Ends> {
    let end = |end: &Endpoint| (end.canonical(), end.port);
    let peer = socket.peer.as_ref()?;
    Some((socket.loopback_netns(), end(&socket.local), end(peer)))
}

/// All connections that were read, by their ends.
fn other_ends(snapshot: &Snapshot) -> HashMap<Ends, &Row> {
    let all = snapshot.rows.iter().chain(&snapshot.other_ends);
    all.filter_map(|row| Some((ends(&row.socket)?, row)))
        .collect()
}

/// Counts connections by who is at the other end, the most first.
fn connected<'a>(connections: Vec<&'a Row>, known: &HashMap<Ends, &'a Row>) -> Vec<Connected<'a>> {
    let mut found: HashMap<(Option<IpAddr>, Vec<ProcessKey>), Connected<'a>> = HashMap::new();
    for row in connections {
        let there = ends(&row.socket)
            .and_then(|(netns, here, peer)| known.get(&(netns, peer, here)))
            .map_or_else(Vec::new, |other| processes(other));
        let peer = row.socket.peer.as_ref().map(Endpoint::canonical);
        let keys = there.iter().map(|process| process.key).collect();
        let one = found.entry((peer, keys)).or_insert_with(|| Connected {
            peer,
            processes: there,
            rows: Vec::new(),
        });
        one.rows.push(row);
    }
    let mut found: Vec<Connected> = found.into_values().collect();
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
