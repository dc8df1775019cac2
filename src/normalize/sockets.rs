//! Raw rows to sockets: one row for each socket, unknown where the system said nothing.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use super::services::service_of;
use crate::model::{ContainerId, Endpoint, Foreign, OwnerStatus, Protocol, Row, Socket};
use crate::read::raw::{RawNamespace, RawSocket, RawSockets};

/// Turns what all tables hold into rows, their users not yet named and their owners not looked for.
///
/// An MPTCP socket stands in the table of TCP too, under the same inode: it is kept once, as MPTCP.
pub fn sockets(raw: RawSockets) -> Vec<Row> {
    let mut rows = Vec::with_capacity(raw.all_tables().map(|table| table.sockets.len()).sum());
    let elsewhere = add(&mut rows, raw, None);
    for namespace in elsewhere {
        let name = namespace_name(&namespace).map(Rc::new);
        add(&mut rows, namespace.sockets, name.as_ref());
    }
    once_each(&mut rows);
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
    let interfaces: BTreeMap<u32, Rc<str>> = raw
        .interfaces
        .into_iter()
        .map(|(index, name)| (index, name.into()))
        .collect();
    let mptcp: HashSet<u64> = raw
        .tables
        .iter()
        .filter(|table| table.protocol == Protocol::Mptcp)
        .flat_map(|table| table.sockets.iter().filter_map(|row| row.inode))
        .filter(|inode| *inode != 0)
        .collect();
    for row in raw.tables.into_iter().flat_map(|table| table.sockets) {
        let is_seen_as_mptcp = row.protocol == Protocol::Tcp
            && !mptcp.is_empty()
            && row.inode.is_some_and(|inode| mptcp.contains(&inode));
        if !is_seen_as_mptcp {
            rows.push(Row {
                socket: Socket {
                    netns_name: name.cloned(),
                    ..socket(row, &interfaces, raw.netns)
                },
                owner_status: OwnerStatus::Skipped,
                owners: Vec::new(),
                role: None,
            });
        }
    }
    raw.elsewhere
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
    let mut handles: Vec<u64> = sockets().filter_map(|socket| socket.handle).collect();
    handles.sort_unstable();
    let orphans = sockets().filter(|socket| socket.handle.is_none());
    let mut orphans: Vec<u64> = orphans.filter_map(fingerprint).collect();
    orphans.sort_unstable();
    let repeats = |numbers: &[u64]| numbers.windows(2).any(|pair| pair[0] == pair[1]);
    repeats(&handles)
        || repeats(&orphans)
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

fn socket(row: RawSocket, interfaces: &BTreeMap<u32, Rc<str>>, netns: Option<u64>) -> Socket {
    let is_raw = row.protocol == Protocol::Raw;
    let port = row.local.port.filter(|_| !is_raw);
    let peer = Endpoint {
        port: row.peer.port.filter(|_| !is_raw),
        ..row.peer
    };
    Socket {
        protocol: row.protocol,
        state: row.state,
        local: Endpoint { port, ..row.local },
        peer: Some(peer).filter(|peer| !peer.is_absent()),
        ip_protocol: row
            .local
            .port
            .filter(|_| is_raw)
            .and_then(|number| u8::try_from(number).ok()),
        interface: interfaces.get(&row.interface).cloned(),
        v6only: row.v6only,
        service: port.and_then(|port| service_of(row.protocol, port)),
        uid: row.uid,
        user: None,
        inode: row.inode.filter(|inode| *inode != 0),
        netns,
        netns_name: None,
        recv_queue: row.recv_queue,
        send_queue: row.send_queue,
        handle: Some(row.handle).filter(|handle| *handle != 0),
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
}
