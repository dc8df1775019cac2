//! Why a port is taken: who holds it, by what it was started, what it exposes, who is connected, and
//! what would come of its end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use super::accepted::Taken;
use super::commands::{ask_as_root, next};
use super::supervision::{Case, Consequence, consequence};
use super::together::{Members, members, pages, processes};
use crate::model::{
    Endpoint, InterfaceAddress, Limits, OwnerStatus, Process, ProcessKey, Row, Sender, Snapshot,
    Socket, State,
};

/// Processes that hold sockets of those that were asked for, and belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders<'a> {
    /// The sockets, listeners first.
    pub rows: Vec<&'a Row>,
    /// The first to be told of: the one that started the others. `None` where none can be seen.
    pub main: Option<Rc<Process>>,
    /// The others that hold the same sockets: workers for the most part.
    pub others: Vec<Rc<Process>>,
    /// The systemd that opened them for these processes, and holds them too.
    pub opener: Option<Rc<Process>>,
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
    /// Pids of portwho and its parents; none where a recording is explained.
    pub own: &'a [u32],
}

/// Takes the answer apart into groups of processes.
pub fn groups_of_holders<'a>(
    snapshot: &'a Snapshot,
    background: &Background<'a>,
) -> Vec<Holders<'a>> {
    let ends = other_ends(snapshot);
    pages(&snapshot.rows)
        .into_iter()
        .filter_map(|group| holders(group, &ends, snapshot, background))
        .collect()
}

fn holders<'a>(
    group: Vec<Taken<'a>>,
    ends: &HashMap<Ends, &'a Row>,
    snapshot: &'a Snapshot,
    background: &Background<'a>,
) -> Option<Holders<'a>> {
    let Members {
        main,
        others,
        opener,
    } = members(&group);
    let mut rows: Vec<&Row> = Vec::new();
    // Those that a listener accepted, or else those that nothing but themselves stands for.
    let mut connections: Vec<&Row> = Vec::new();
    for one in group {
        rows.extend(one.holder);
        if one.holder.is_none() {
            rows.extend(&one.connections);
            let is_closed = |row: &&Row| row.socket.state == State::TimeWait;
            connections.extend(one.connections.into_iter().filter(|row| !is_closed(row)));
        } else {
            connections.extend(one.connections);
        }
    }
    let first = *rows.first()?;
    let parents = main
        .as_ref()
        .and_then(|main| background.parents.get(&main.key))
        .cloned();
    let holders: HashSet<ProcessKey> = main.iter().chain(&others).map(|one| one.key).collect();
    let is_own = |row: &&Row| {
        let mut owners = row.owners.iter();
        owners.any(|owner| holders.contains(&owner.process.key))
    };
    let mut listens: Vec<&Row> = background.listeners.iter().filter(is_own).collect();
    if listens.is_empty() {
        listens.extend(rows.iter().filter(|row| row.socket.state.is_listening()));
    }
    let ports: HashSet<Option<u16>> = listens.iter().map(|row| row.socket.local.port).collect();
    let has_listener = |row: &&Row| {
        let is_connection = !row.socket.state.is_listening()
            && !matches!(row.socket.state, State::Bound | State::Closed);
        !is_connection || ports.contains(&row.socket.local.port)
    };
    let is_connection = !rows.iter().any(has_listener);
    let queues = rows.iter().filter_map(|row| queue(&row.socket));
    let case = Case {
        main: main.as_deref(),
        others: &others,
        opener: opener.as_deref(),
        is_split: rows.iter().any(|row| !have_same_owners(row, first)),
        parents: parents.as_deref(),
        row: first,
        is_connection,
        own: background.own,
        asker: background.limits.uid,
    };
    let mut next = next(&case);
    if main.is_none() && next.is_empty() {
        next.extend(ask_as_root(first, snapshot.namespaces, background.limits));
    }
    Some(Holders {
        queue: queues.max_by_key(|queue| (queue.is_full(), queue.waiting)),
        consequence: consequence(&case),
        next,
        listens: listens.into_iter().map(listen).collect(),
        connected: connected(connections, ends),
        rows,
        main,
        others,
        opener,
        parents,
    })
}

fn have_same_owners(a: &Row, b: &Row) -> bool {
    let mut pairs = a.owners.iter().zip(b.owners.iter());
    a.owners.len() == b.owners.len()
        && pairs.all(|(one, other)| one.process.key == other.process.key)
}

fn queue(socket: &Socket) -> Option<Queue> {
    let is_stream = socket.state == State::Listen;
    let (waiting, limit) = (socket.recv_queue?, socket.send_queue?);
    is_stream.then_some(Queue { waiting, limit })
}

/// The addresses of the listener's network namespace on which it is reached.
fn listen(row: &Row) -> Listen<'_> {
    let socket = &row.socket;
    let network = socket.network();
    let known = network.and_then(|network| network.addresses.as_ref());
    let is_reached =
        |one: &&InterfaceAddress| socket.receives(one.address, Sender::Anywhere) == Some(true);
    let all = known.into_iter().flatten();
    Listen {
        row,
        reached_at: all.filter(is_reached).cloned().collect(),
        is_reach_known: known.is_some(),
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
