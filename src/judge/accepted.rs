//! Which connections belong under which listener.

use std::collections::HashMap;

use crate::model::{Protocol, Row, Socket, State};

/// A socket that holds a port, or connections whose listener is not among the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken<'a> {
    pub holder: Option<&'a Row>,
    pub connections: Vec<&'a Row>,
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
