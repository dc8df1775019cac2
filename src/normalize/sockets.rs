//! Raw rows to sockets: one row for each socket, unknown where the system said nothing.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use super::services::service_of;
use crate::model::{ContainerId, Endpoint, Foreign, OwnerStatus, Protocol, Row, Socket};
use crate::read::raw::{RawNamespace, RawSocket, RawSockets};

/// Turns what all tables hold into rows, their users not yet named and their owners not looked for.
pub fn sockets(raw: RawSockets) -> Vec<Row> {
    let mut rows = Vec::with_capacity(raw.all_tables().map(|table| table.sockets.len()).sum());
    let elsewhere = add(&mut rows, raw, None);
    for namespace in elsewhere {
        let name = namespace_name(&namespace).map(Rc::new);
        add(&mut rows, namespace.sockets, name.as_ref());
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

/// Adds the sockets of one network namespace; gives the others.
fn add(rows: &mut Vec<Row>, raw: RawSockets, name: Option<&Rc<Foreign>>) -> Vec<RawNamespace> {
    let interfaces = interface_names(raw.interfaces);
    for socket in raw.tables.into_iter().flat_map(|table| table.sockets) {
        let interface = interfaces.get(&socket.interface).cloned();
        let mut row = row(socket);
        row.socket.interface = interface;
        row.socket.netns = raw.netns;
        row.socket.netns_name = name.cloned();
        rows.push(row);
    }
    raw.elsewhere
}

fn interface_names(raw: BTreeMap<u32, String>) -> BTreeMap<u32, Rc<str>> {
    let names = raw.into_iter();
    names.map(|(index, name)| (index, name.into())).collect()
}

/// Rows that are made of sockets as they come from the system, so that nobody holds them twice.
#[derive(Debug, Default)]
pub struct Gathering {
    rows: Vec<Row>,
    /// Rows of sockets with an interface, whose names come last: place and index of the interface.
    on_interfaces: Vec<(usize, u32)>,
}

impl Gathering {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Takes a socket if it is wanted, by what is known of it without its interface.
    pub fn take(&mut self, raw: RawSocket, wants: impl FnOnce(&Socket) -> bool) {
        let interface = raw.interface;
        let row = row(raw);
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
        let interfaces = interface_names(raw.interfaces.clone());
        for (place, index) in self.on_interfaces {
            self.rows[place].socket.interface = interfaces.get(&index).cloned();
        }
        for row in &mut self.rows {
            row.socket.netns = raw.netns;
        }
        settle(&mut self.rows);
        self.rows
    }
}

/// Leaves each socket once. An MPTCP socket stands in the table of TCP too, under the same inode: it is
/// kept as MPTCP.
fn settle(rows: &mut Vec<Row>) {
    let mptcp: HashSet<u64> = rows
        .iter()
        .filter(|row| row.socket.protocol == Protocol::Mptcp)
        .filter_map(|row| row.socket.inode)
        .collect();
    if !mptcp.is_empty() {
        let is_seen_as_mptcp = |socket: &Socket| {
            let inode = socket.inode;
            socket.protocol == Protocol::Tcp && inode.is_some_and(|inode| mptcp.contains(&inode))
        };
        rows.retain(|row| !is_seen_as_mptcp(&row.socket));
    }
    once_each(rows);
}

/// What makes a socket itself: its handle and its end, or the two ends of a connection that nobody holds any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Identity {
    Handle(Protocol, u64, Endpoint),
    Ends(Protocol, Option<u64>, Endpoint, Endpoint),
}

/// Leaves each socket once. A table that changes while it is read may show a socket twice: in two
/// places, or first established and then in TIME_WAIT.
fn once_each(rows: &mut Vec<Row>) {
    if !may_repeat(rows) {
        return;
    }
    // Whoever is held comes before whoever is not.
    let held: HashSet<Identity> = rows
        .iter()
        .map(|row| &row.socket)
        .filter(|socket| socket.handle.is_some())
        .filter_map(ends)
        .collect();
    let mut seen = HashSet::new();
    rows.retain(|row| match (handle(&row.socket), ends(&row.socket)) {
        (Some(identity), _) => seen.insert(identity),
        (None, Some(identity)) => !held.contains(&identity) && seen.insert(identity),
        (None, None) => true,
    });
}

/// Whether a socket may stand there twice. It costs little to find that none does, which is the rule.
fn may_repeat(rows: &[Row]) -> bool {
    let sockets = || rows.iter().map(|row| &row.socket);
    let mut handles = HashSet::with_capacity(rows.len());
    let is_new = |handle| handles.insert(handle);
    if !sockets().filter_map(|socket| socket.handle).all(is_new) {
        return true;
    }
    drop(handles);
    let orphans = sockets().filter(|socket| socket.handle.is_none());
    let mut orphans: Vec<u64> = orphans.filter_map(fingerprint).collect();
    orphans.sort_unstable();
    orphans.windows(2).any(|pair| pair[0] == pair[1])
        || (!orphans.is_empty()
            && sockets()
                .filter(|socket| socket.handle.is_some())
                .filter_map(fingerprint)
                .any(|one| orphans.binary_search(&one).is_ok()))
}

/// A number that two connections with the same ends share, and others hardly ever.
fn fingerprint(socket: &Socket) -> Option<u64> {
    let peer = socket.peer.filter(|_| socket.protocol.is_stream())?;
    let mix = |number: u64, more: u64| {
        (number.rotate_left(23) ^ more).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let start = socket.netns.unwrap_or(0);
    let number = [socket.local, peer].iter().fold(start, |number, end| {
        let address = match end.address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let number = mix(number, address as u64);
        mix(
            mix(number, (address >> 64) as u64),
            u64::from(end.port.unwrap_or(0)),
        )
    });
    Some(number)
}

fn handle(socket: &Socket) -> Option<Identity> {
    Some(Identity::Handle(
        socket.protocol,
        socket.handle?,
        socket.local,
    ))
}

fn ends(socket: &Socket) -> Option<Identity> {
    let peer = socket.peer.filter(|_| socket.protocol.is_stream())?;
    Some(Identity::Ends(
        socket.protocol.port_space(),
        socket.netns,
        socket.local,
        peer,
    ))
}

/// The row of a socket, without what the table alone knows: the name of its interface, its namespace.
fn row(raw: RawSocket) -> Row {
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
            .and_then(|number| u8::try_from(number).ok()),
        interface: None,
        v6only: raw.v6only,
        service: port.and_then(|port| service_of(raw.protocol, port)),
        uid: raw.uid,
        user: None,
        inode: raw.inode.filter(|inode| *inode != 0),
        netns: None,
        netns_name: None,
        recv_queue: raw.recv_queue,
        send_queue: raw.send_queue,
        handle: Some(raw.handle).filter(|handle| *handle != 0),
    };
    Row {
        socket,
        owner_status: OwnerStatus::Skipped,
        owners: Vec::new(),
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

    fn normalize(rows: Vec<RawSocket>) -> Vec<Socket> {
        let table = |row: RawSocket| RawTable {
            protocol: row.protocol,
            family: None,
            via: Via::SockDiag,
            outcome: Outcome::Read,
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
            .map(|row| (row.protocol, row.inode))
            .collect();
        assert_eq!(
            found,
            [(Protocol::Tcp, Some(6)), (Protocol::Mptcp, Some(5))]
        );
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
            .map(|row| (row.state, row.inode))
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
        assert_eq!((socket.local.port, socket.ip_protocol), (None, Some(1)));
        assert_eq!(socket.service, None);
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
            .map(|row| (row.socket.inode, row.socket.interface.as_deref()))
            .collect();
        assert_eq!(told, [(Some(5), None), (Some(6), Some("eth0"))]);
        assert!(rows.iter().all(|row| row.socket.netns == Some(9)));
    }
}
