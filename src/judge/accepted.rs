//! Which connections belong under which listener.

use std::collections::HashMap;

use crate::model::{Protocol, Row, Socket, State};

/// A socket that holds a port, or connections whose listener is not among the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken<'a> {
    pub holder: Option<&'a Row>,
    pub connections: Vec<&'a Row>,
}

/// How a connection came to have a local port on which nothing listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It connected from there.
    Client,
    /// It is connected to itself.
    Itself,
    /// It connected from there, or a listener that has ended accepted it: the system does not keep which.
    Either,
}

/// Judges a connection that no listener stands for: a listener at its other end has accepted it.
pub fn origin<'a>(row: &Row, listeners: impl IntoIterator<Item = &'a Row>) -> Origin {
    let socket = &row.socket;
    if socket.is_connected_to_itself() {
        return Origin::Itself;
    }
    // Datagrams are accepted by nobody; a request to connect is a client's.
    if !socket.protocol.is_stream() || socket.state == State::SynSent {
        return Origin::Client;
    }
    let Some(peer) = socket.peer else {
        return Origin::Either;
    };
    let address = peer.canonical();
    // The machine has this socket's own address.
    let is_here = address.is_loopback() || address == socket.local.canonical();
    let there = Socket {
        local: peer,
        peer: Some(socket.local),
        v6only: None,
        ..socket.clone()
    };
    let mut listeners = listeners.into_iter();
    if is_here && listeners.any(|listener| listener.socket.accepts(&there)) {
        Origin::Client
    } else {
        Origin::Either
    }
}

/// Puts each connection under the listener that takes what is sent to its local address: the one
/// with the same address before a wildcard, and of several (SO_REUSEPORT) the one of the same owner.
pub fn taken(rows: &[Row]) -> Vec<Taken<'_>> {
    let is_holder = |row: &Row| {
        matches!(
            row.socket.state,
            State::Listen | State::Unconnected | State::Bound
        )
    };
    let (holders, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| is_holder(row));
    let mut by_port: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, row) in holders.iter().enumerate() {
        by_port.entry(port_of(&row.socket)).or_default().push(at);
    }
    let mut all: Vec<Taken> = holders
        .into_iter()
        .map(|row| Taken {
            holder: Some(row),
            connections: Vec::new(),
        })
        .collect();
    let mut loose: HashMap<_, usize> = HashMap::new();
    for row in others {
        let holder_of = |at: &usize| all[*at].holder.map(|holder| &holder.socket);
        let near = by_port
            .get(&port_of(&row.socket))
            .map_or(&[][..], Vec::as_slice);
        let fits = |at: &&usize| holder_of(at).is_some_and(|holder| holder.accepts(&row.socket));
        let is_exact = |at: &&usize| {
            let same = |holder: &Socket| holder.local.canonical() == row.socket.local.canonical();
            holder_of(at).is_some_and(same)
        };
        let is_of_owner = |at: &&usize| {
            let holder = all[**at].holder;
            holder.is_some_and(|holder| share_owner(holder, row))
        };
        let mut exact = near.iter().filter(|at| fits(at) && is_exact(at)).peekable();
        let choose = |candidates: &mut dyn Iterator<Item = &usize>| {
            let candidates: Vec<&usize> = candidates.collect();
            let own = candidates.iter().find(|at| is_of_owner(at));
            own.or(candidates.first()).map(|at| **at)
        };
        let place = if exact.peek().is_some() {
            choose(&mut exact)
        } else {
            choose(&mut near.iter().filter(fits))
        };
        let place = place.unwrap_or_else(|| {
            // Without a listener, connections of one end, state and owner are told together.
            let pids: Vec<_> = row.owners.iter().map(|owner| owner.process.key).collect();
            let socket = &row.socket;
            let alike = (socket.protocol, socket.state, socket.local, pids);
            *loose.entry(alike).or_insert_with(|| {
                all.push(Taken {
                    holder: None,
                    connections: Vec::new(),
                });
                all.len() - 1
            })
        });
        all[place].connections.push(row);
    }
    all
}

fn port_of(socket: &Socket) -> (Protocol, Option<u16>) {
    (socket.protocol.port_space(), socket.local.port)
}

fn share_owner(a: &Row, b: &Row) -> bool {
    let mut owners = a.owners.iter();
    owners.any(|one| {
        let mut others = b.owners.iter();
        others.any(|other| other.process.key == one.process.key)
    })
}
