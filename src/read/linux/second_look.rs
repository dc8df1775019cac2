//! The second look at sockets without a holder: which of them are there still. Pure.

use crate::model::Handles;
use crate::read::Visitor;
use crate::read::raw::{Outcome, RawSocket, RawTable};

/// Sees the tables again.
pub struct SecondLook<'a> {
    left: &'a Handles,
    fresh: Seen,
    kept: Seen,
}

/// What was seen of the sockets that are left.
#[derive(Debug, Default)]
pub struct Seen {
    pub still: Vec<RawSocket>,
    /// Connections that no process holds any more.
    pub leftovers: Vec<RawSocket>,
}

impl<'a> SecondLook<'a> {
    pub fn new(left: &'a Handles) -> Self {
        Self {
            left,
            fresh: Seen::default(),
            kept: Seen::default(),
        }
    }

    /// How many of the sockets have been seen so far.
    pub fn count(&self) -> usize {
        self.kept.still.len()
    }

    /// The sockets that have ended, ascending: none where a table could not be read whole.
    pub fn end(self, is_whole: bool) -> (Seen, Vec<u64>) {
        let still: Handles = self.kept.still.iter().map(|socket| socket.handle).collect();
        let ended = self.left.iter().filter(|handle| !still.contains(*handle));
        let ended = if is_whole {
            ended.collect()
        } else {
            Vec::new()
        };
        (self.kept, ended)
    }
}

impl Visitor for SecondLook<'_> {
    fn see(&mut self, socket: RawSocket) {
        if self.left.contains(socket.handle) {
            self.fresh.still.push(socket);
        } else if socket.handle == 0 && socket.protocol.is_stream() {
            self.fresh.leftovers.push(socket);
        }
    }

    fn forget(&mut self) {
        self.fresh = Seen::default();
    }

    fn keep(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        self.kept.still.extend(fresh.still);
        self.kept.leftovers.extend(fresh.leftovers);
    }
}

/// Whether every table was read to its end.
pub fn are_whole<'a>(tables: impl IntoIterator<Item = &'a RawTable>) -> bool {
    tables.into_iter().all(|table| {
        let outcome = &table.outcome;
        !matches!(outcome, Outcome::Partial { .. } | Outcome::Unknown { .. })
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::model::{Endpoint, Protocol, State};

    fn socket(state: State, handle: u64) -> RawSocket {
        RawSocket {
            protocol: Protocol::Tcp,
            state,
            local: Endpoint::new(Ipv4Addr::LOCALHOST, 80),
            peer: Endpoint::new(Ipv4Addr::LOCALHOST, 5000),
            interface: 0,
            uid: None,
            inode: Some(handle),
            handle,
            v6only: None,
            recv_queue: None,
            send_queue: None,
            time_wait_left: None,
        }
    }

    #[test]
    fn a_socket_has_ended_only_where_every_table_was_read() {
        let left: Handles = [11, 12].into_iter().collect();
        for (is_whole, expected) in [(true, &[12][..]), (false, &[])] {
            let mut look = SecondLook::new(&left);
            look.see(socket(State::Established, 12));
            look.forget();
            look.see(socket(State::CloseWait, 11));
            look.see(socket(State::Established, 13));
            look.see(socket(State::TimeWait, 0));
            look.keep();
            let (seen, ended) = look.end(is_whole);
            assert_eq!(ended, expected);
            let still: Vec<u64> = seen.still.iter().map(|socket| socket.handle).collect();
            assert_eq!((still, seen.leftovers.len()), (vec![11], 1));
        }
    }
}
