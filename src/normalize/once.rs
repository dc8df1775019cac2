//! Leaves each socket once: tables overlap, and change while they are read.

use std::collections::HashSet;
use std::net::IpAddr;
use std::num::NonZeroU64;

use crate::model::{Endpoint, Protocol, Row, Socket};

/// Leaves each socket once. An MPTCP socket stands in the table of TCP too, under the same inode: it is
/// kept as MPTCP.
pub fn settle(rows: &mut Vec<Row>) {
    let mptcp: HashSet<NonZeroU64> = rows
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

/// What makes a socket itself: its handle and its end (associations of SCTP that nobody has accepted yet
/// share the socket of their listener, and those of a one-to-many socket always do), or the two ends of a connection that nobody holds any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Identity {
    Handle(Protocol, NonZeroU64, Endpoint, Option<Endpoint>),
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
    let mut handles: Vec<u64> = sockets().filter_map(Socket::handle).collect();
    if repeats(&mut handles) {
        return true;
    }
    drop(handles);
    let orphans = sockets().filter(|socket| socket.handle.is_none());
    let mut orphans: Vec<u64> = orphans.filter_map(fingerprint).collect();
    repeats(&mut orphans)
        || (!orphans.is_empty()
            && sockets()
                .filter(|socket| socket.handle.is_some())
                .filter_map(fingerprint)
                .any(|one| orphans.binary_search(&one).is_ok()))
}

/// Whether a number is there twice; leaves them sorted.
fn repeats(numbers: &mut [u64]) -> bool {
    numbers.sort_unstable();
    numbers.windows(2).any(|pair| pair[0] == pair[1])
}

/// A number that two connections with the same ends share, and others hardly ever.
fn fingerprint(socket: &Socket) -> Option<u64> {
    let peer = socket.peer.filter(|_| socket.protocol.is_stream())?;
    let mix = |number: u64, more: u64| {
        (number.rotate_left(23) ^ more).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let start = socket.netns().unwrap_or(0);
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
        socket.peer.filter(|_| socket.protocol == Protocol::Sctp),
    ))
}

fn ends(socket: &Socket) -> Option<Identity> {
    let peer = socket.peer.filter(|_| socket.protocol.is_stream())?;
    Some(Identity::Ends(
        socket.protocol.port_space(),
        socket.netns(),
        socket.local,
        peer,
    ))
}
