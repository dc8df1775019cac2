//! Sockets that ended while their holders were searched: they have no owner, and none was missed.

use std::collections::{HashMap, HashSet};

use crate::model::{Endpoint, Protocol, Row};
use crate::read::raw::RawHolders;

/// Leaves out the sockets that have ended since they were read. A connection of which the kernel still
/// keeps the port is shown as what is left of it. Says whether one that had no peer has ended: another
/// may have its port by now.
pub fn settle_ended(rows: &mut Vec<Row>, raw: &RawHolders) -> bool {
    if raw.ended.is_empty() {
        return false;
    }
    let ended: HashSet<u64> = raw.ended.iter().copied().collect();
    let ends = |protocol: Protocol, local: &Endpoint, peer: &Endpoint| {
        let end = |end: &Endpoint| (end.address, end.port);
        (protocol.port_space(), end(local), end(peer))
    };
    let leftovers: HashMap<_, _> = raw
        .leftovers
        .iter()
        .map(|left| (ends(left.protocol, &left.local, &left.peer), left))
        .collect();
    let mut has_lost_listener = false;
    rows.retain_mut(|row| {
        let socket = &mut row.socket;
        if !socket
            .handle()
            .is_some_and(|handle| ended.contains(&handle))
        {
            return true;
        }
        let Some(peer) = &socket.peer else {
            has_lost_listener = true;
            return false;
        };
        let Some(left) = leftovers.get(&ends(socket.protocol, &socket.local, peer)) else {
            return false;
        };
        socket.state = left.state;
        // As the kernel tells them of what no process holds.
        (socket.inode, socket.handle, socket.user) = (None, None, None);
        (socket.recv_queue, socket.send_queue) = (left.recv_queue, left.send_queue);
        true
    });
    has_lost_listener
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::model::State;
    use crate::normalize::sockets;
    use crate::read::raw::{Outcome, RawSocket, RawSockets, RawTable, Via};

    fn socket(state: State, peer: u16, inode: u64) -> RawSocket {
        RawSocket {
            protocol: Protocol::Tcp,
            state,
            local: Endpoint::new(Ipv4Addr::LOCALHOST, 80),
            peer: match peer {
                0 => Endpoint::new(Ipv4Addr::UNSPECIFIED, 0),
                port => Endpoint::new(Ipv4Addr::LOCALHOST, port),
            },
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

    fn rows(all: Vec<RawSocket>) -> Vec<Row> {
        sockets(RawSockets {
            tables: vec![RawTable {
                protocol: Protocol::Tcp,
                family: None,
                via: Via::SockDiag,
                outcome: Outcome::Read,
                sockets: all,
                unseen: 0,
            }],
            ..RawSockets::default()
        })
    }

    #[test]
    fn a_connection_that_ended_meanwhile_is_left_out_or_shown_as_what_is_left_of_it() {
        let mut rows = rows(vec![
            socket(State::Established, 5001, 11),
            socket(State::Established, 5002, 12),
            socket(State::Established, 5003, 13),
        ]);
        let raw = RawHolders {
            ended: vec![11, 12],
            leftovers: vec![
                socket(State::TimeWait, 5002, 0),
                socket(State::TimeWait, 5003, 0),
            ],
            ..RawHolders::default()
        };
        assert!(!settle_ended(&mut rows, &raw));
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.socket.state, row.socket.handle(), row.socket.uid()))
            .collect();
        let expected = [
            (State::TimeWait, None, None),
            (State::Established, Some(13), Some(7)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_listener_that_ended_meanwhile_may_have_a_successor() {
        let mut rows = rows(vec![
            socket(State::Listen, 0, 11),
            socket(State::Listen, 0, 12),
        ]);
        let raw = RawHolders {
            ended: vec![11],
            ..RawHolders::default()
        };
        assert!(settle_ended(&mut rows, &raw));
        assert_eq!(rows.len(), 1);
    }
}
