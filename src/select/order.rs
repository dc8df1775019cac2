//! The order of rows: total, so that the same state gives the same rows.

use std::cmp::Ordering;

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
        rows.sort_unstable_by(|a, b| {
            let first = by_key(self.key, self.direction, a, b);
            first.then_with(|| usual(a, b))
        });
    }
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
        Key::Service => known!(x.service, y.service),
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
        row.socket
            .uid
            .map(|uid| (row.socket.user.as_deref(), Some(uid)))
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
        .then_with(|| (x.inode, x.handle, x.netns).cmp(&(y.inode, y.handle, y.netns)))
        .then_with(|| x.interface.cmp(&y.interface))
        .then_with(|| (x.recv_queue, x.send_queue).cmp(&(y.recv_queue, y.send_queue)))
}
