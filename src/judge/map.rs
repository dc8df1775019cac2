//! Who talks to whom: rows in; services, and the links between them, out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

mod pools;
mod talks;

use pools::Pools;
use talks::Talk;
pub use talks::{Peer, is_talk};

use crate::model::{Descriptors, Foreign, Limits, Owner, OwnerStatus, Protocol, Row};
use crate::select::Query;

/// Services in the order in which they are shown, and the links between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Map {
    pub services: Vec<Service>,
    /// Those between services first, then those with elsewhere.
    pub links: Vec<Link>,
}

/// Processes that people see as one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// In ascending order of pid; none where nobody is seen to hold the sockets.
    pub owners: Vec<Owner>,
    /// Indices of the rows where it listens.
    pub listeners: Vec<usize>,
    /// Indices of all its rows.
    pub rows: Vec<usize>,
    /// Whether it was asked for, and is not only a neighbour of what was.
    pub is_asked: bool,
}

/// Connections of one kind, from who connected to who was connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Index of a service; `None` for an end that is not seen.
    pub from: Option<usize>,
    pub to: Option<usize>,
    pub protocol: Protocol,
    pub port: u16,
    /// The addresses of the end that is not seen: of who connects any number, all of one namespace of
    /// this machine or all elsewhere; of who is connected to, one.
    pub peers: BTreeSet<Peer>,
    pub connections: usize,
    /// How many of these are of a socket to itself.
    pub self_connections: usize,
    /// Whether a listener that takes connections at the port is seen. Without one the ports alone tell
    /// who connected.
    pub is_listening: bool,
}

/// Who holds a socket: a set of processes, or nobody who is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Set(usize),
    Unseen {
        status: OwnerStatus,
        is_held: bool,
        uid: Option<u32>,
        netns: Option<u64>,
        /// Unseen listeners of several ports need not be one.
        port: Option<(Protocol, u16)>,
    },
}

/// Finds out who talks to whom. Of the limits, the range of ephemeral ports and the machine's own
/// addresses are used; both are those of the network namespace `own`, but for addresses of others.
pub fn map(rows: &[Row], limits: &Limits, own: Option<u64>) -> Map {
    let talks = talks::talks(rows, limits, own);
    let pools = Pools::new(rows, &talks);
    let mut services: BTreeMap<Holder, Service> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        if row.socket.state.is_listening() {
            let service = services.entry(holder(&pools, row, true)).or_default();
            service.listeners.push(at);
            service.rows.push(at);
        }
    }
    let mut links: BTreeMap<_, Link> = BTreeMap::new();
    for talk in &talks {
        let from = talk.client.map(|at| holder(&pools, &rows[at], false));
        let to = server(&pools, rows, talk);
        for (holder, at) in [(from, talk.client), (to, talk.server)] {
            if let Some(holder) = holder {
                let service = services.entry(holder).or_default();
                service.rows.extend(at);
            }
        }
        // Of whom a service talks to elsewhere, each is a link; of who talks to it, all are one, those
        // apart that are on this machine.
        let far = talk.peer.clone().filter(|_| to.is_none());
        let near = talk.peer.as_ref().map(|peer| (peer.is_here, peer.netns));
        let link = links
            .entry((from, to, talk.protocol, talk.port, far, near))
            .or_insert_with(|| Link {
                from: None,
                to: None,
                protocol: talk.protocol,
                port: talk.port,
                peers: BTreeSet::new(),
                connections: 0,
                self_connections: 0,
                is_listening: false,
            });
        link.connections += 1;
        link.self_connections += usize::from(talk.client.is_some() && talk.client == talk.server);
        link.is_listening |= talk.listener.is_some();
        link.peers.extend(talk.peer.clone());
    }
    for (set, process) in pools.processes() {
        if let Some(service) = services.get_mut(&Holder::Set(set)) {
            service.owners.push(Owner {
                process: process.clone(),
                fds: Descriptors::Unknown,
            });
        }
    }
    let mut services: Vec<(Holder, Service)> = services.into_iter().collect();
    services.sort_by(|(a, one), (b, other)| (place(one, rows), a).cmp(&(place(other, rows), b)));
    let at: BTreeMap<Holder, usize> = services
        .iter()
        .enumerate()
        .map(|(at, (holder, _))| (*holder, at))
        .collect();
    let index = |holder: Option<Holder>| holder.and_then(|holder| at.get(&holder).copied());
    let mut links: Vec<Link> = links
        .into_iter()
        .map(|((from, to, ..), link)| Link {
            from: index(from),
            to: index(to),
            ..link
        })
        .collect();
    links.sort_by(|a, b| order(a).cmp(&order(b)));
    let services = services.into_iter().map(|(_, service)| Service {
        is_asked: true,
        ..service
    });
    Map {
        services: services.collect(),
        links,
    }
}

impl Map {
    /// The rows of the services; all of them where nothing is on the map.
    pub fn rows<'a>(&'a self, rows: &'a [Row]) -> Vec<&'a Row> {
        if self.services.is_empty() {
            return rows.iter().collect();
        }
        let shown = self.services.iter().flat_map(|service| &service.rows);
        shown.filter_map(|at| rows.get(*at)).collect()
    }

    /// Leaves the services of which a row matches, what they talk to, and their links.
    #[must_use]
    pub fn narrow(mut self, rows: &[Row], query: &Query) -> Self {
        let matches = |at: &usize| query.wants(&rows[*at].socket) && query.matches(&rows[*at]);
        for service in &mut self.services {
            service.is_asked = service.rows.iter().any(matches);
        }
        let is_asked = |at: Option<usize>| at.is_some_and(|at| self.services[at].is_asked);
        self.links
            .retain(|link| is_asked(link.from) || is_asked(link.to));
        let mut kept: Vec<bool> = self.services.iter().map(|one| one.is_asked).collect();
        for at in self
            .links
            .iter()
            .flat_map(|link| [link.from, link.to])
            .flatten()
        {
            kept[at] = true;
        }
        let mut left = 0;
        let moved: Vec<usize> = kept
            .iter()
            .map(|is_kept| {
                left += usize::from(*is_kept);
                left.saturating_sub(1)
            })
            .collect();
        for link in &mut self.links {
            link.from = link.from.map(|at| moved[at]);
            link.to = link.to.map(|at| moved[at]);
        }
        let mut kept = kept.into_iter();
        self.services.retain(|_| kept.next().unwrap_or(false));
        self
    }
}

/// Who holds a row.
fn holder(pools: &Pools, row: &Row, is_server: bool) -> Holder {
    let port = row.socket.local.port.unwrap_or(0);
    let port = is_server.then(|| (row.socket.protocol.port_space(), port));
    pools.of_row(row).map_or(
        Holder::Unseen {
            status: row.owner_status,
            is_held: row.socket.inode.is_some(),
            uid: row.socket.uid(),
            netns: row.socket.netns(),
            port,
        },
        Holder::Set,
    )
}

/// Who is at the end that was connected to: the listener's owners, unless the connection is in other
/// hands than theirs.
fn server(pools: &Pools, rows: &[Row], talk: &Talk) -> Option<Holder> {
    let listener = talk.listener.map(|at| holder(pools, &rows[at], true));
    let Some(row) = talk.server.map(|at| &rows[at]) else {
        return listener;
    };
    match listener {
        Some(Holder::Set(set)) if pools.holds(set, row) => listener,
        Some(listener) if row.owners.is_empty() => Some(listener),
        _ => Some(holder(pools, row, true)),
    }
}

/// Services that listen come first, by port; the others by name.
type Place<'a> = (
    bool,
    Option<(u16, Protocol, std::net::IpAddr)>,
    Option<&'a Foreign>,
);

fn place<'a>(service: &'a Service, rows: &[Row]) -> Place<'a> {
    let end = |at: &usize| {
        let socket = &rows[*at].socket;
        let port = socket.local.port.unwrap_or(0);
        (port, socket.protocol, socket.local.address)
    };
    let name = service.owners.first().map(|owner| &owner.process.name);
    let first = service.listeners.iter().map(end).min();
    (first.is_none(), first, name)
}

/// Links between services first, in their order; from elsewhere before to elsewhere; of those, the
/// strongest first.
fn order(link: &Link) -> impl Ord {
    let is_far = link.from.is_none() || link.to.is_none();
    let weight = Reverse(if is_far { link.connections } else { 0 });
    let peer = link.peers.first().cloned();
    (
        is_far,
        link.from,
        link.to,
        weight,
        link.port,
        link.protocol,
        peer,
    )
}
