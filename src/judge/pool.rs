//! The ports that the system gives to outgoing connections, and what takes one of them for every peer.
//!
//! As `__inet_hash_connect` in net/ipv4/inet_hashtables.c has it: a port that somebody bound on purpose,
//! a listener above all, is passed over for every peer, on whichever address it was bound.

use std::collections::HashMap;
use std::net::IpAddr;

use super::port_bits::PortBits;
use crate::model::{Endpoint, Limits, PortSet, Protocol, Row, State};

/// Classes of ports by name, first and last, RFC 6335, section 6.
pub const PORT_CLASSES: [(&str, u16, u16); 3] = [
    ("well-known", 0, 1023),
    ("registered", 1024, 49_151),
    ("dynamic", DYNAMIC.0, DYNAMIC.1),
];
/// The ports that IANA leaves to outgoing connections.
pub const DYNAMIC: (u16, u16) = (49_152, 65_535);

/// Ports that a range offers, and what is left of them.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    range: Option<(u16, u16)>,
    /// Of the range, what is not reserved; where there is no range, every port.
    offered: PortBits,
    /// The same for UDP sockets, where the system has another range for them.
    for_udp: Option<PortBits>,
    /// Of those, what is taken whole.
    whole: PortBits,
    listeners: HashMap<u16, Vec<Listener>>,
}

/// What a listener accepts.
#[derive(Debug, Clone, Copy)]
struct Listener {
    /// `None` for every address of a family.
    address: Option<IpAddr>,
    ipv4: bool,
    ipv6: bool,
}

impl Pool {
    /// The range of the limits, less what is reserved.
    pub fn new(limits: &Limits) -> Self {
        let reserved = PortSet::from_ranges(limits.reserved.iter().copied());
        let offered = |(first, last): (u16, u16)| -> PortBits {
            let all = first..=last;
            all.filter(|port| !reserved.contains(*port)).collect()
        };
        Self {
            range: limits.ephemeral,
            offered: offered(limits.ephemeral.unwrap_or((1, u16::MAX))),
            for_udp: limits.ephemeral_udp.map(offered),
            ..Self::default()
        }
    }

    /// Takes out what TCP listeners and bound sockets hold, and remembers what the listeners accept.
    pub fn occupy(&mut self, rows: &[Row]) {
        for socket in rows.iter().map(|row| &row.socket) {
            let Some(port) = socket.local.port.filter(|_| socket.protocol.is_stream()) else {
                continue;
            };
            if self.offered.contains(port) {
                self.whole.insert(port);
            }
            if socket.state == State::Listen {
                let address = socket.local.canonical();
                let takes_ipv4 = socket.takes_ipv4();
                self.listeners.entry(port).or_default().push(Listener {
                    address: Some(address).filter(|address| !address.is_unspecified()),
                    ipv4: takes_ipv4,
                    ipv6: socket.local.address.is_ipv6(),
                });
            }
        }
    }

    /// First and last port; `None` where the system does not tell.
    pub fn range(&self) -> Option<(u16, u16)> {
        self.range
    }

    /// Ports of the range, the reserved ones among them.
    pub fn size(&self) -> Option<u32> {
        self.range
            .map(|(first, last)| u32::from(last).saturating_sub(u32::from(first)) + 1)
    }

    /// Ports of the range that are reserved.
    pub fn reserved(&self) -> Option<u32> {
        self.size()
            .map(|size| size.saturating_sub(self.offered.len()))
    }

    /// Ports that are taken for every peer.
    pub fn taken(&self) -> u32 {
        self.whole.len()
    }

    /// Ports that connections from one address to one peer can have, or UDP sockets on one address.
    pub fn capacity(&self, protocol: Protocol) -> Option<u32> {
        let taken = if protocol.is_stream() {
            self.whole.len()
        } else {
            0
        };
        let offered = self.offered_to(protocol).len();
        self.range.map(|_| offered.saturating_sub(taken))
    }

    /// Ports of the range from one port to another.
    pub fn within(&self, first: u16, last: u16) -> Option<u32> {
        let (low, high) = self.range?;
        let (low, high) = (u32::from(low.max(first)), u32::from(high.min(last)));
        Some((high + 1).saturating_sub(low))
    }

    pub fn offers(&self, protocol: Protocol, port: u16) -> bool {
        self.offered_to(protocol).contains(port)
    }

    fn offered_to(&self, protocol: Protocol) -> &PortBits {
        let for_udp = self.for_udp.as_ref().filter(|_| !protocol.is_stream());
        for_udp.unwrap_or(&self.offered)
    }

    pub fn is_taken_whole(&self, port: u16) -> bool {
        self.whole.contains(port)
    }

    /// Whether a listener would have accepted a connection to this end: it came from outside then.
    pub fn accepts(&self, local: &Endpoint) -> bool {
        let Some(listeners) = local.port.and_then(|port| self.listeners.get(&port)) else {
            return false;
        };
        let address = local.canonical();
        listeners.iter().any(|listener| match listener.address {
            Some(own) => own == address,
            None if address.is_ipv4() => listener.ipv4,
            None => listener.ipv6,
        })
    }
}
