//! Raw rows to sockets: one row for each socket, unknown where the system said nothing.

use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU64};
use std::rc::Rc;

use super::once::settle;
use crate::model::{
    ContainerId, Endpoint, Far, Foreign, Network, OwnerStatus, Owners, Protocol, Row, Site, Socket,
    User,
};
use crate::read::raw::{RawNamespace, RawSocket, RawSockets};

/// Turns what all tables hold into rows, their users not yet named and their owners not looked for.
pub fn sockets(raw: RawSockets) -> Vec<Row> {
    let mut rows = Vec::with_capacity(raw.all_tables().map(|table| table.sockets.len()).sum());
    let elsewhere = add(&mut rows, raw, None);
    for namespace in elsewhere {
        let name = namespace_name(&namespace);
        let network = network_of(&namespace);
        let raw = RawSockets {
            network,
            ..namespace.sockets
        };
        add(&mut rows, raw, name);
    }
    settle(&mut rows);
    rows
}

/// What people call a namespace, by all that is known without asking a runtime.
pub fn namespace_name(namespace: &RawNamespace) -> Option<Foreign> {
    let container = namespace.container.as_ref();
    namespace
        .name
        .clone()
        .or_else(|| container.map(ContainerId::label))
}

/// The namespaces that a reader found beside its own.
pub fn far(elsewhere: &[RawNamespace]) -> Vec<Far> {
    let far = |namespace: &RawNamespace| {
        Some(Far {
            netns: namespace.sockets.netns?,
            name: namespace_name(namespace),
        })
    };
    elsewhere.iter().filter_map(far).collect()
}

/// What is known of another network namespace: its addresses at least, where those were asked for.
pub fn network_of(namespace: &RawNamespace) -> Option<Network> {
    let of_addresses = || namespace.addresses.clone().map(Network::of_addresses);
    namespace.sockets.network.clone().or_else(of_addresses)
}

/// Puts what became known of a network to the sockets that live there.
pub fn place_in_network(rows: &mut [Row], netns: Option<u64>, network: &Network) {
    let network = Rc::new(network.clone());
    // By interface: there are few, and each is shared by many sockets.
    let mut sites: BTreeMap<Option<Rc<str>>, Rc<Site>> = BTreeMap::new();
    for row in rows {
        let site = row.socket.site.as_deref();
        if site.and_then(|site| site.netns) != netns {
            continue;
        }
        let interface = site.and_then(|site| site.interface.clone());
        let with_network = || {
            Rc::new(Site {
                network: Some(Rc::clone(&network)),
                ..site.cloned().unwrap_or_default()
            })
        };
        let site = Rc::clone(sites.entry(interface).or_insert_with(with_network));
        row.socket.site = Some(site);
    }
}

/// Adds the sockets of one network namespace; gives the others.
fn add(rows: &mut Vec<Row>, raw: RawSockets, name: Option<Foreign>) -> Vec<RawNamespace> {
    let sites = Sites::new(&raw, name);
    let mut users = Nameless::new();
    for socket in raw.tables.into_iter().flat_map(|table| table.sockets) {
        let site = sites.at(socket.interface);
        let mut row = row(socket, &mut users);
        row.socket.site = Some(Rc::clone(site));
        rows.push(row);
    }
    raw.elsewhere
}

/// The sites of one network namespace: on no device, and on each of its interfaces by its index.
struct Sites {
    whole: Rc<Site>,
    on_interfaces: BTreeMap<u32, Rc<Site>>,
}

impl Sites {
    fn new(raw: &RawSockets, name: Option<Foreign>) -> Self {
        let whole = Site {
            netns: raw.netns,
            netns_name: name,
            interface: None,
            network: raw.network.clone().map(Rc::new),
        };
        let on = |(index, name): (&u32, &String)| {
            let site = Site {
                interface: Some(name.as_str().into()),
                ..whole.clone()
            };
            (*index, Rc::new(site))
        };
        Self {
            on_interfaces: raw.interfaces.iter().map(on).collect(),
            whole: Rc::new(whole),
        }
    }

    fn at(&self, interface: u32) -> &Rc<Site> {
        self.on_interfaces.get(&interface).unwrap_or(&self.whole)
    }
}

/// Rows that are made of sockets as they come from the system, so that nobody holds them twice.
#[derive(Debug, Default)]
pub struct Gathering {
    rows: Vec<Row>,
    /// Rows of sockets with an interface, whose names come last: place and index of the interface.
    on_interfaces: Vec<(usize, u32)>,
    users: Nameless,
}

impl Gathering {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Takes a socket if it is wanted, by what is known of it without its site.
    pub fn take(&mut self, raw: RawSocket, wants: impl FnOnce(&Socket) -> bool) {
        let interface = raw.interface;
        let row = row(raw, &mut self.users);
        if interface != 0 {
            self.on_interfaces.push((self.rows.len(), interface));
            self.rows.push(row);
        } else if wants(&row.socket) {
            self.rows.push(row);
        }
    }

    /// Whether there are some that were taken unseen, because their interface was not known.
    pub fn has_unseen(&self) -> bool {
        !self.on_interfaces.is_empty()
    }

    /// Leaves so many of the first.
    pub fn truncate(&mut self, count: usize) {
        self.rows.truncate(count);
        self.on_interfaces.retain(|(place, _)| *place < count);
    }

    /// Gives the rows, with what came beside the tables.
    pub fn settle(mut self, raw: &RawSockets) -> Vec<Row> {
        let sites = Sites::new(raw, None);
        for row in &mut self.rows {
            row.socket.site = Some(Rc::clone(&sites.whole));
        }
        for (place, index) in self.on_interfaces {
            self.rows[place].socket.site = Some(Rc::clone(sites.at(index)));
        }
        settle(&mut self.rows);
        self.rows
    }
}

/// Users whose names are not known yet, by uid.
type Nameless = BTreeMap<u32, Rc<User>>;

fn nameless(users: &mut Nameless, uid: u32) -> Rc<User> {
    let new = || Rc::new(User { uid, name: None });
    Rc::clone(users.entry(uid).or_insert_with(new))
}

/// The row of a socket, without what its table alone tells: where it lives.
fn row(raw: RawSocket, users: &mut Nameless) -> Row {
    let is_raw = raw.protocol == Protocol::Raw;
    let port = raw.local.port.filter(|_| !is_raw);
    let peer = Endpoint {
        port: raw.peer.port.filter(|_| !is_raw),
        ..raw.peer
    };
    let socket = Socket {
        protocol: raw.protocol,
        state: raw.state,
        local: Endpoint { port, ..raw.local },
        peer: Some(peer).filter(|peer| !peer.is_absent()),
        ip_protocol: raw
            .local
            .port
            .filter(|_| is_raw)
            .and_then(|number| NonZeroU8::new(u8::try_from(number).ok()?)),
        v6only: raw.v6only,
        user: raw.uid.map(|uid| nameless(users, uid)),
        inode: raw.inode.and_then(NonZeroU64::new),
        site: None,
        recv_queue: raw.recv_queue,
        send_queue: raw.send_queue,
        handle: NonZeroU64::new(raw.handle),
    };
    Row {
        socket,
        owner_status: OwnerStatus::Skipped,
        owners: Owners::Nobody,
        role: None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::model::State;
    use crate::read::raw::{Outcome, RawTable, Via};

    fn row(protocol: Protocol, port: u16, inode: u64) -> RawSocket {
        RawSocket {
            protocol,
            state: State::Listen,
            local: Endpoint::new(Ipv4Addr::UNSPECIFIED, port),
            peer: Endpoint::new(Ipv4Addr::UNSPECIFIED, 0),
            interface: 0,
            uid: Some(7),
            inode: Some(inode),
            handle: inode,
            v6only: None,
            recv_queue: None,
            send_queue: None,
            time_wait_left: None,
        }
    }

    fn inode(socket: &Socket) -> Option<u64> {
        socket.inode.map(NonZeroU64::get)
    }

    fn normalize(rows: Vec<RawSocket>) -> Vec<Socket> {
        let table = |row: RawSocket| RawTable {
            protocol: row.protocol,
            family: None,
            via: Via::SockDiag,
            outcome: Outcome::Read,
            unseen: 0,
            sockets: vec![row],
        };
        let raw = RawSockets {
            tables: rows.into_iter().map(table).collect(),
            ..RawSockets::default()
        };
        sockets(raw).into_iter().map(|row| row.socket).collect()
    }

    #[test]
    fn an_mptcp_socket_is_one_row() {
        let rows = vec![
            row(Protocol::Tcp, 80, 5),
            row(Protocol::Tcp, 81, 6),
            row(Protocol::Mptcp, 80, 5),
        ];
        let found: Vec<_> = normalize(rows)
            .iter()
            .map(|row| (row.protocol, inode(row)))
            .collect();
        assert_eq!(
            found,
            [(Protocol::Tcp, Some(6)), (Protocol::Mptcp, Some(5))]
        );
    }

    #[test]
    fn associations_that_share_the_socket_of_their_listener_are_rows_of_their_own() {
        let from = |port| RawSocket {
            state: State::Established,
            peer: Endpoint::new(Ipv4Addr::LOCALHOST, port),
            ..row(Protocol::Sctp, 2907, 5)
        };
        let other_address = RawSocket {
            local: Endpoint::new(Ipv4Addr::LOCALHOST, 2907),
            ..row(Protocol::Sctp, 2907, 5)
        };
        let listener = row(Protocol::Sctp, 2907, 5);
        let shown = vec![listener.clone(), other_address, from(1), from(2)];
        assert_eq!(normalize(shown.clone()).len(), 4);
        let twice = [shown.clone(), shown].concat();
        assert_eq!(normalize(twice).len(), 4);
    }

    #[test]
    fn a_socket_that_a_changing_table_shows_twice_is_one_row() {
        let connected = |state: State, inode: u64| RawSocket {
            state,
            peer: Endpoint::new(Ipv4Addr::LOCALHOST, 5000),
            ..row(Protocol::Tcp, 80, inode)
        };
        let rows = vec![
            row(Protocol::Tcp, 80, 5),
            connected(State::TimeWait, 0),
            connected(State::Established, 6),
            row(Protocol::Tcp, 80, 5),
            connected(State::TimeWait, 0),
        ];
        let found: Vec<_> = normalize(rows)
            .iter()
            .map(|row| (row.state, inode(row)))
            .collect();
        assert_eq!(
            found,
            [(State::Listen, Some(5)), (State::Established, Some(6))]
        );
        let closed = vec![connected(State::TimeWait, 0), connected(State::TimeWait, 0)];
        assert_eq!(normalize(closed).len(), 1);
        let group = vec![row(Protocol::Tcp, 80, 7), row(Protocol::Tcp, 80, 8)];
        assert_eq!(
            normalize(group).len(),
            2,
            "two sockets of a group share their address"
        );
    }

    #[test]
    fn the_number_of_a_raw_socket_is_a_protocol_not_a_port() {
        let socket = normalize(vec![row(Protocol::Raw, 1, 9)]).remove(0);
        assert_eq!(
            (socket.local.port, socket.ip_protocol),
            (None, NonZeroU8::new(1))
        );
        assert_eq!(socket.service(), None);
    }

    #[test]
    fn an_inode_of_zero_is_no_inode() {
        let socket = normalize(vec![row(Protocol::Tcp, 80, 0)]).remove(0);
        assert_eq!(
            (socket.inode, socket.handle, socket.peer),
            (None, None, None)
        );
    }

    #[test]
    fn what_is_told_anew_is_gathered_once() {
        let mut gathering = Gathering::default();
        gathering.take(row(Protocol::Tcp, 80, 5), |_| true);
        let kept = gathering.count();
        let on_interface = RawSocket {
            interface: 3,
            ..row(Protocol::Udp, 68, 6)
        };
        for _ in 0..2 {
            gathering.truncate(kept);
            gathering.take(on_interface.clone(), |_| false);
            gathering.take(row(Protocol::Udp, 69, 7), |_| false);
        }
        assert!(
            gathering.has_unseen(),
            "its interface may be what was asked for"
        );
        let raw = RawSockets {
            interfaces: [(3, "eth0".to_owned())].into(),
            netns: Some(9),
            ..RawSockets::default()
        };
        let rows = gathering.settle(&raw);
        let told: Vec<_> = rows
            .iter()
            .map(|row| (inode(&row.socket), row.socket.interface()))
            .collect();
        assert_eq!(told, [(Some(5), None), (Some(6), Some("eth0"))]);
        assert!(rows.iter().all(|row| row.socket.netns() == Some(9)));
    }
}
