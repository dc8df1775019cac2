//! The protocols whose sockets are read.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A transport protocol, or raw IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Mptcp,
    Udp,
    UdpLite,
    Raw,
    Sctp,
}

impl Protocol {
    pub const ALL: [Self; 6] = [
        Self::Tcp,
        Self::Mptcp,
        Self::Udp,
        Self::UdpLite,
        Self::Raw,
        Self::Sctp,
    ];

    /// Those that are listed where nobody chooses.
    pub const DEFAULT: [Self; 4] = [Self::Tcp, Self::Mptcp, Self::Udp, Self::Sctp];

    /// The name in JSON, in selectors and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Mptcp => "mptcp",
            Self::Udp => "udp",
            Self::UdpLite => "udplite",
            Self::Raw => "raw",
            Self::Sctp => "sctp",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether sockets listen and connect (the states of SCTP go by the names of those of TCP), rather than
    /// just receive.
    pub fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Mptcp | Self::Sctp)
    }

    pub fn has_ports(self) -> bool {
        self != Self::Raw
    }

    /// The protocol whose port numbers this one uses: MPTCP shares those of TCP.
    pub fn port_space(self) -> Self {
        if self == Self::Mptcp { Self::Tcp } else { self }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProtocolSet(u8);

impl ProtocolSet {
    pub const EMPTY: Self = Self(0);

    pub fn all() -> Self {
        Protocol::ALL.into_iter().collect()
    }

    /// What a user means by a protocol's name: `tcp` covers MPTCP.
    pub fn meant_by(protocol: Protocol) -> Self {
        if protocol == Protocol::Tcp {
            [Protocol::Tcp, Protocol::Mptcp].into_iter().collect()
        } else {
            [protocol].into_iter().collect()
        }
    }

    pub fn contains(self, protocol: Protocol) -> bool {
        self.0 & (1 << protocol as u8) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL
            .into_iter()
            .filter(move |protocol| self.contains(*protocol))
    }
}

impl FromIterator<Protocol> for ProtocolSet {
    fn from_iter<I: IntoIterator<Item = Protocol>>(protocols: I) -> Self {
        Self(
            protocols
                .into_iter()
                .fold(0, |bits, protocol| bits | 1 << protocol as u8),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_covers_mptcp_but_not_the_other_way_round() {
        assert!(ProtocolSet::meant_by(Protocol::Tcp).contains(Protocol::Mptcp));
        assert!(!ProtocolSet::meant_by(Protocol::Mptcp).contains(Protocol::Tcp));
    }

    #[test]
    fn names_are_read_back() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::from_name(protocol.as_str()), Some(protocol));
        }
        assert_eq!(Protocol::from_name("dccp"), None);
    }
}
