//! Which connections belong under which listener.

use std::collections::HashMap;

use crate::model::{Protocol, Row, Socket, State};

/// A socket that holds a port, or connections whose listener is not among the rows.
pub struct Card<'a> {
    pub holder: Option<&'a Row>,
    pub connections: Vec<&'a Row>,
}

/// Puts each connection under the listener that takes what is sent to its local address: the one
/// with the same address before a wildcard.
pub fn cards(rows: &[Row]) -> Vec<Card<'_>> {
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
    let mut cards: Vec<Card> = holders
        .into_iter()
        .map(|row| Card {
            holder: Some(row),
            connections: Vec::new(),
        })
        .collect();
    let mut loose: HashMap<_, usize> = HashMap::new();
    for row in others {
        let holder_of = |at: &usize| cards[*at].holder.map(|holder| &holder.socket);
        let near = by_port
            .get(&port_of(&row.socket))
            .map_or(&[][..], Vec::as_slice);
        let fits = |at: &&usize| holder_of(at).is_some_and(|holder| holder.accepts(&row.socket));
        let is_exact = |at: &&usize| {
            let same = |holder: &Socket| holder.local.canonical() == row.socket.local.canonical();
            holder_of(at).is_some_and(same)
        };
        let exact = near.iter().find(|at| fits(at) && is_exact(at));
        let place = exact.or_else(|| near.iter().find(fits)).copied();
        let place = place.unwrap_or_else(|| {
            // Without a listener, connections of one end, state and owner are told together.
            let pids: Vec<_> = row.owners.iter().map(|owner| owner.process.key).collect();
            let socket = &row.socket;
            let alike = (socket.protocol, socket.state, socket.local, pids);
            *loose.entry(alike).or_insert_with(|| {
                cards.push(Card {
                    holder: None,
                    connections: Vec::new(),
                });
                cards.len() - 1
            })
        });
        cards[place].connections.push(row);
    }
    cards
}

fn port_of(socket: &Socket) -> (Protocol, Option<u16>) {
    (socket.protocol.port_space(), socket.local.port)
}
