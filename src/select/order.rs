//! The order of rows: total, so that the same state gives the same rows.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::model::{Endpoint, Foreign, Row, Socket};

/// What rows are sorted by before all else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Key {
    #[default]
    Port,
    Address,
    Protocol,
    State,
    Peer,
    Process,
    Pid,
    User,
    Since,
    Service,
    Reach,
    Queue,
}

impl Key {
    pub const ALL: [(&str, Self); 12] = [
        ("port", Self::Port),
        ("address", Self::Address),
        ("protocol", Self::Protocol),
        ("state", Self::State),
        ("peer", Self::Peer),
        ("process", Self::Process),
        ("pid", Self::Pid),
        ("user", Self::User),
        ("since", Self::Since),
        ("service", Self::Service),
        ("reach", Self::Reach),
        ("queue", Self::Queue),
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    #[default]
    Ascending,
    Descending,
}

/// A key with its direction; rows that are equal by it follow the usual order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    pub key: Key,
    pub direction: Direction,
}

impl Order {
    pub fn sort(self, rows: &mut [Row]) {
        if self == Self::default() {
            return sort_as_usual(rows);
        }
        rows.sort_unstable_by(|a, b| {
            by_key(self.key, self.direction, a, b).then_with(|| usual(a, b))
        });
    }
}

/// Sorts small keys with their places: to look at whole rows and to move them is what costs.
fn sort_as_usual(rows: &mut [Row]) {
    let keys = rows.iter().map(|row| beginning(&row.socket));
    let mut places: Vec<((u64, u64), usize)> = keys.zip(0..).collect();
    places.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| usual(&rows[*x], &rows[*y])));
    for at in 0..places.len() {
        let mut from = places[at].1;
        // What stood there has been moved since, to where another was taken from.
        while from < at {
            from = places[from].1;
        }
        places[at].1 = from;
        rows.swap(at, from);
    }
}

/// A number, in two halves, in the order of what [`usual`] compares first: port, IP protocol, protocol,
/// state, family, local address, peer; of IPv6 only the beginning of the local address.
fn beginning(socket: &Socket) -> (u64, u64) {
    let port = socket.local.port.map_or(1 << 16, u128::from);
    let ip_protocol = socket
        .ip_protocol
        .map_or(0, |number| u128::from(number.get()) + 1);
    let heads = [
        (9, ip_protocol),
        (3, socket.protocol as u128),
        (4, socket.state as u128),
    ];
    let join = |key, (bits, part): (u32, u128)| key << bits | part;
    let key = match socket.local.address {
        IpAddr::V4(v4) => {
            let peer = match socket.peer.map(|peer| (peer.address, peer.port)) {
                None => [0, 0, 0, 0],
                Some((IpAddr::V4(v4), port)) => {
                    let port = port.map_or(0, |port| u128::from(port) + 1);
                    [1, 0, u128::from(v4.to_bits()), port]
                }
                Some((IpAddr::V6(_), _)) => [1, 1, 0, 0],
            };
            let ends = [
                (1, 0),
                (32, u128::from(v4.to_bits())),
                (1, peer[0]),
                (1, peer[1]),
                (32, peer[2]),
                (17, peer[3]),
            ];
            heads.into_iter().chain(ends).fold(port, join) << 11
        }
        IpAddr::V6(v6) => {
            let ends = [(1, 1), (94, v6.to_bits() >> 34)];
            heads.into_iter().chain(ends).fold(port, join)
        }
    };
    ((key >> 64) as u64, key as u64)
}

/// Unknown comes last, in both directions.
fn by_key(key: Key, direction: Direction, a: &Row, b: &Row) -> Ordering {
    let turn = |order: Ordering| match direction {
        Direction::Ascending => order,
        Direction::Descending => order.reverse(),
    };
    macro_rules! known {
        ($a:expr, $b:expr) => {
            match ($a, $b) {
                (Some(a), Some(b)) => turn(a.cmp(&b)),
                (a, b) => b.is_some().cmp(&a.is_some()),
            }
        };
    }
    let (x, y) = (&a.socket, &b.socket);
    match key {
        Key::Port => known!(x.local.port, y.local.port),
        Key::Address => turn(x.local.address.cmp(&y.local.address)),
        Key::Protocol => turn(x.protocol.cmp(&y.protocol)),
        Key::State => turn(x.state.cmp(&y.state)),
        Key::Peer => known!(x.peer, y.peer),
        Key::Process => known!(process_name(a), process_name(b)),
        Key::Pid => known!(pid(a), pid(b)),
        Key::User => known!(user(a), user(b)),
        Key::Since => known!(started(a), started(b)),
        Key::Service => known!(x.service(), y.service()),
        Key::Reach => known!(x.exposure(), y.exposure()),
        Key::Queue => known!(x.recv_queue, y.recv_queue),
    }
}

fn process_name(row: &Row) -> Option<&Foreign> {
    row.owners.first().map(|owner| &owner.process.name)
}

fn pid(row: &Row) -> Option<u32> {
    row.owners.first().map(|owner| owner.process.key.pid)
}

fn user(row: &Row) -> Option<(Option<&str>, Option<u32>)> {
    let owner = row.owners.first().map(|owner| &*owner.process);
    let by_owner = owner.map(|process| (process.user.as_deref(), process.uid));
    by_owner.or_else(|| {
        let uid = row.socket.uid()?;
        Some((row.socket.user_name(), Some(uid)))
    })
}

fn started(row: &Row) -> Option<i64> {
    row.owners
        .first()
        .and_then(|owner| owner.process.started_at)
}

/// By port, then listeners before connections, then by all that tells two sockets apart.
fn usual(a: &Row, b: &Row) -> Ordering {
    let (x, y) = (&a.socket, &b.socket);
    let end = |end: &Endpoint| (end.family(), end.address, end.port);
    // Sockets without a port, which are few, come last.
    let port = |socket: &Socket| socket.local.port.map_or(u32::MAX, u32::from);
    port(x)
        .cmp(&port(y))
        .then_with(|| {
            (x.ip_protocol, x.protocol, x.state).cmp(&(y.ip_protocol, y.protocol, y.state))
        })
        .then_with(|| end(&x.local).cmp(&end(&y.local)))
        .then_with(|| x.peer.as_ref().map(end).cmp(&y.peer.as_ref().map(end)))
        .then_with(|| (x.inode, x.handle, x.netns()).cmp(&(y.inode, y.handle, y.netns())))
        .then_with(|| x.interface().cmp(&y.interface()))
        .then_with(|| (x.recv_queue, x.send_queue).cmp(&(y.recv_queue, y.send_queue)))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::*;
    use crate::model::{OwnerStatus, Owners, Protocol, State};

    fn row(port: Option<u16>, protocol: Protocol, state: State, address: &str, peer: u16) -> Row {
        let socket = Socket {
            protocol,
            state,
            local: Endpoint {
                address: address.parse().unwrap(),
                port,
            },
            peer: Some(Endpoint::new([10, 0, 0, 1], peer)).filter(|_| peer != 0),
            ip_protocol: NonZeroU8::new(u8::from(port.is_none())),
            v6only: None,
            user: None,
            inode: None,
            site: None,
            recv_queue: None,
            send_queue: None,
            handle: None,
        };
        Row {
            socket,
            owner_status: OwnerStatus::None,
            owners: Owners::Nobody,
            role: None,
        }
    }

    /// The small key must never disagree with the whole comparison.
    #[test]
    fn the_quick_way_gives_the_usual_order() {
        let mut rows = Vec::new();
        for port in [None, Some(80), Some(1), Some(65535)] {
            for protocol in [Protocol::Udp, Protocol::Tcp, Protocol::Raw] {
                for state in [State::TimeWait, State::Listen, State::Established] {
                    for address in ["::1", "10.0.0.2", "::", "10.0.0.1", "fe80::2", "fe80::1"] {
                        for peer in [0, 9, 5, 65535] {
                            rows.push(row(port, protocol, state, address, peer));
                        }
                    }
                }
            }
        }
        let mut expected = rows.clone();
        expected.sort_by(usual);
        Order::default().sort(&mut rows);
        assert_eq!(rows, expected);
    }
}
