//! Which sockets are told on one page: those that the same processes hold, those of a pool whose workers
//! have a listener each (SO_REUSEPORT), and those of one published port.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::accepted::{Taken, taken};
use super::kin::{are_at_one_place, are_one_server};
use super::starter::is_systemd;
use crate::model::{
    Endpoint, Forward, Forwarder, Process, ProcessKey, Protocol, Row, Socket, State,
};

/// Whoever holds the sockets of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// The one that started the others. `None` where none can be seen.
    pub main: Option<Rc<Process>>,
    pub others: Vec<Rc<Process>>,
    /// The systemd that opened the sockets for them, and holds them too.
    pub opener: Option<Rc<Process>>,
}

/// Puts rows together that one page tells of.
pub fn pages(rows: &[Row]) -> Vec<Vec<Taken<'_>>> {
    let mut groups: Vec<Vec<Taken>> = Vec::new();
    let mut known: HashMap<Alike, usize> = HashMap::new();
    for one in taken(rows) {
        let Some(row) = first_row(&one) else {
            continue;
        };
        let place = *known.entry(alike(row)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(one);
    }
    joined(groups)
}

/// The processes of a page.
pub fn members(page: &[Taken<'_>]) -> Members {
    let mut all: Vec<Rc<Process>> = Vec::new();
    let mut known: HashSet<ProcessKey> = HashSet::new();
    for row in page.iter().filter_map(first_row) {
        let fresh = row.owners.iter().map(|owner| &owner.process);
        all.extend(fresh.filter(|one| known.insert(one.key)).cloned());
    }
    all.sort_by_key(|process| process.key);
    // Who opened a socket for a service does not serve it.
    let (openers, serving): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| is_systemd(one));
    let (all, openers) = if serving.is_empty() {
        (openers, serving)
    } else {
        (serving, openers)
    };
    let main = first_of(&all);
    let is_other = |one: &Rc<Process>| main.as_ref().is_none_or(|main| main.key != one.key);
    Members {
        others: all.into_iter().filter(is_other).collect(),
        opener: openers.into_iter().next(),
        main,
    }
}

/// The processes that the pages are told by: of others no parents are needed.
pub fn main_processes(rows: &[Row]) -> Vec<ProcessKey> {
    let pages = pages(rows);
    let mains = pages.iter().filter_map(|page| members(page).main);
    let mut keys: Vec<ProcessKey> = mains.map(|main| main.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The processes that hold a socket.
pub fn processes(row: &Row) -> Vec<Rc<Process>> {
    let owners = row.owners.iter();
    owners.map(|owner| Rc::clone(&owner.process)).collect()
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
    let end = (socket.protocol, socket.state, socket.local, socket.netns());
    let end = row.owners.is_empty().then_some(end);
    (pids, socket.state.is_listening(), end)
}

fn first_row<'a>(one: &Taken<'a>) -> Option<&'a Row> {
    one.holder.or_else(|| one.connections.first().copied())
}

/// Joins groups that share a port and belong together, each to the first of them. A row is compared only
/// with those that it can belong to, and with one of each group: there may be ten thousands on a port.
fn joined(groups: Vec<Vec<Taken<'_>>>) -> Vec<Vec<Taken<'_>>> {
    let mut roots = Roots((0..groups.len()).collect());
    let mut places: HashMap<Place, Vec<(usize, &Row)>> = HashMap::new();
    for (at, group) in groups.iter().enumerate() {
        let listeners = group.iter().filter_map(|one| one.holder);
        for row in listeners.filter(|row| row.socket.state.is_listening()) {
            for place in places_of(row) {
                // At one place, all of a group are alike; proxies differ in where they lead.
                let is_one_place = place.2.is_some();
                let earlier = places.entry(place).or_default();
                if is_one_place && earlier.last().is_some_and(|(last, _)| *last == at) {
                    continue;
                }
                for (other, there) in earlier.iter() {
                    if roots.of(at) != roots.of(*other) && belong_together(row, there) {
                        roots.join(at, *other);
                    }
                }
                earlier.push((at, row));
            }
        }
    }
    let mut pages: Vec<Vec<Taken>> = groups.iter().map(|_| Vec::new()).collect();
    for (at, group) in groups.into_iter().enumerate() {
        pages[roots.of(at)].extend(group);
    }
    pages.retain(|page| !page.is_empty());
    pages
}

/// The first of the groups that each group has been joined to.
struct Roots(Vec<usize>);

impl Roots {
    fn of(&mut self, at: usize) -> usize {
        let mut root = at;
        while self.0[root] != root {
            self.0[root] = self.0[self.0[root]];
            root = self.0[root];
        }
        root
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        self.0[one.max(other)] = one.min(other);
    }
}

/// What two rows have in common that may belong together: a port, and on it one place or one proxy.
#[derive(PartialEq, Eq, Hash)]
struct Place(
    (Protocol, Option<u16>, Option<u64>),
    State,
    Option<(Endpoint, Option<String>)>,
);

/// Where a row may meet others that it belongs to.
fn places_of(row: &Row) -> impl Iterator<Item = Place> {
    let socket = &row.socket;
    let device = socket.interface().map(str::to_owned);
    let port = port_of(socket);
    let is_proxy = forward(row).is_some_and(|forward| forward.by == Forwarder::DockerProxy);
    let of_proxies = is_proxy.then_some(Place(port, socket.state, None));
    let place = Place(port, socket.state, Some((socket.local, device)));
    of_proxies.into_iter().chain([place])
}

fn port_of(socket: &Socket) -> (Protocol, Option<u16>, Option<u64>) {
    let space = socket.protocol.port_space();
    (space, socket.local.port, socket.netns())
}

/// Whether two sockets on one port are of one pool, or for one container.
fn belong_together(a: &Row, b: &Row) -> bool {
    let (one, other) = (&a.socket, &b.socket);
    if !one.state.is_listening() || one.state != other.state {
        return false;
    }
    if let (Some(one), Some(other)) = (forward(a), forward(b)) {
        return lead_to_one(one, other);
    }
    let mut owners = a.owners.iter();
    are_at_one_place(one, other)
        && owners.any(|one| {
            let mut others = b.owners.iter();
            others.any(|other| are_one_server(&one.process, &other.process))
        })
}

fn forward(row: &Row) -> Option<&Forward> {
    row.role.as_deref()?.forwards_to.as_ref()
}

/// Whether both are proxies of one published port: Docker starts one for each family.
fn lead_to_one(one: &Forward, other: &Forward) -> bool {
    let identity = |forward: &Forward| Some(forward.container.as_deref()?.identity.clone());
    let is_proxy = |forward: &Forward| forward.by == Forwarder::DockerProxy;
    is_proxy(one)
        && is_proxy(other)
        && match (identity(one), identity(other)) {
            (None, None) => one.to == other.to,
            (one, other) => one == other,
        }
}

/// The process that no other of them started; of several the one that has run for longest.
fn first_of(processes: &[Rc<Process>]) -> Option<Rc<Process>> {
    let pids: HashSet<u32> = processes.iter().map(|one| one.key.pid).collect();
    let is_child = |one: &&Rc<Process>| one.parent_pid.is_some_and(|parent| pids.contains(&parent));
    let mut first: Vec<&Rc<Process>> = processes.iter().filter(|one| !is_child(one)).collect();
    first.sort_by_key(|one| (one.started_at, one.key.pid));
    first.first().map(|one| Rc::clone(one))
}
