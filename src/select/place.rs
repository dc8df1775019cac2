//! Where: addresses and ports, as selectors name them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{
    Endpoint, Family, PortSet, Protocol, ProtocolSet, Sender, Socket, one_holds, prefix_contains,
};

/// Ports, perhaps of one protocol, perhaps at some addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    pub protocol: Option<Protocol>,
    pub addresses: Option<Addresses>,
    pub ports: Option<PortSet>,
}

/// Addresses that share a prefix, perhaps on one interface; or the loopback addresses by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    Prefix {
        network: IpAddr,
        length: u8,
        interface: Option<String>,
    },
    /// `localhost`, RFC 6761: `127.0.0.1` and `::1`.
    Localhost,
}

/// By what a socket is taken to receive for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reception {
    /// What is sent to the address from anywhere reaches it.
    #[default]
    Anywhere,
    /// What is sent to the address from this machine reaches it.
    Here,
    /// It has the address, or the wildcard for it.
    Bound,
}

/// `localhost`, RFC 6761.
const LOCALHOST: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

impl Addresses {
    pub fn one(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let length = if address.is_ipv4() { 32 } else { 128 };
        Self::Prefix {
            network: address,
            length,
            interface: None,
        }
    }

    /// Whether the address itself is one of these; an IPv4-mapped address counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::Localhost, address) => {
                address.is_ipv6() && address.is_loopback()
                    || address == IpAddr::from([127, 0, 0, 1])
            }
            (
                Self::Prefix {
                    network, length, ..
                },
                address,
            ) => prefix_contains((*network, *length), address),
        }
    }

    /// First and last of each range of them.
    pub fn ranges(&self) -> Vec<(IpAddr, IpAddr)> {
        let (network, length) = match self {
            Self::Localhost => {
                let both = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                return both.map(|address: IpAddr| (address, address)).to_vec();
            }
            Self::Prefix {
                network, length, ..
            } => (network, u32::from(*length)),
        };
        vec![match network {
            IpAddr::V4(network) => {
                let free = u32::MAX.checked_shr(length).unwrap_or(0);
                let bits = network.to_bits();
                let end = |bits| Ipv4Addr::from_bits(bits).into();
                (end(bits & !free), end(bits | free))
            }
            IpAddr::V6(network) => {
                let free = u128::MAX.checked_shr(length).unwrap_or(0);
                let bits = network.to_bits();
                let end = |bits| Ipv6Addr::from_bits(bits).into();
                (end(bits & !free), end(bits | free))
            }
        }]
    }

    /// Whether some of these are of the family; an IPv4-mapped address counts as IPv4.
    pub fn are_of(&self, family: Family) -> bool {
        match self {
            Self::Localhost => true,
            Self::Prefix { network, .. } => network.is_ipv4() == (family == Family::Ipv4),
        }
    }

    /// Whether something sent to one of these addresses reaches the socket; `None` where that cannot be
    /// told.
    pub fn reach(&self, socket: &Socket, by: Reception) -> Option<bool> {
        if !self.is_on(socket.interface()) {
            return Some(false);
        }
        let is_literal = self.contains(socket.local.address);
        let is_asked_end = by != Reception::Here || !socket.state.is_listening();
        if is_literal && is_asked_end {
            return Some(true);
        }
        let receives = |address: IpAddr| match by {
            Reception::Anywhere => socket.receives(address, Sender::Anywhere),
            Reception::Here => socket.receives(address, Sender::Here),
            Reception::Bound => socket.is_bound_to(address),
        };
        let local = socket.local.canonical();
        match self {
            Self::Localhost => one_holds(LOCALHOST.map(receives)),
            Self::Prefix { network, .. } if self.single().is_some() => receives(*network),
            Self::Prefix { .. } if !local.is_unspecified() => match is_literal {
                true => receives(local),
                false => Some(false),
            },
            Self::Prefix { network, .. } if by == Reception::Bound => receives(*network),
            Self::Prefix {
                network, length, ..
            } => {
                let known = socket
                    .network()
                    .and_then(|found| found.within((*network, *length)));
                // Which addresses there are is not known.
                let rest = match known {
                    None if socket.is_bound_to(*network) != Some(false) => None,
                    _ => Some(false),
                };
                let loopback = LOCALHOST.into_iter().filter(|one| self.contains(*one));
                let all = known.into_iter().flatten().chain(loopback);
                one_holds(all.map(receives).chain([rest]))
            }
        }
    }

    /// The address, where it is one.
    pub fn single(&self) -> Option<IpAddr> {
        match self {
            Self::Prefix {
                network, length, ..
            } if *length == if network.is_ipv4() { 32 } else { 128 } => Some(*network),
            _ => None,
        }
    }

    /// Whether it hangs on the machine's addresses who receives for these.
    pub fn hang_on_network(&self) -> bool {
        match self {
            Self::Localhost => false,
            Self::Prefix { network, .. } => {
                !(network.is_loopback() || network.is_multicast() || network.is_unspecified())
            }
        }
    }

    fn is_on(&self, interface: Option<&str>) -> bool {
        match (self, interface) {
            (
                Self::Prefix {
                    interface: Some(wanted),
                    ..
                },
                Some(actual),
            ) => wanted == actual,
            _ => true,
        }
    }
}

impl Place {
    /// Whether the socket is reached there; `None` where that cannot be told.
    pub fn reaches(&self, socket: &Socket, by: Reception) -> Option<bool> {
        if !(self.covers(socket.protocol) && self.has_port(&socket.local)) {
            return Some(false);
        }
        let addresses = self.addresses.as_ref();
        addresses.map_or(Some(true), |addresses| addresses.reach(socket, by))
    }

    /// Whether this very end was written.
    pub fn is_end(&self, protocol: Protocol, end: &Endpoint, interface: Option<&str>) -> bool {
        self.covers(protocol)
            && self.has_port(end)
            && self.addresses.as_ref().is_none_or(|addresses| {
                addresses.contains(end.address) && addresses.is_on(interface)
            })
    }

    fn covers(&self, protocol: Protocol) -> bool {
        self.protocol
            .is_none_or(|wanted| ProtocolSet::meant_by(wanted).contains(protocol))
    }

    fn has_port(&self, end: &Endpoint) -> bool {
        self.ports
            .as_ref()
            .is_none_or(|ports| end.port.is_some_and(|port| ports.contains(port)))
    }
}

/// As a selector is written, so that it can be read again.
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Prefix {
            network,
            length,
            interface,
        } = self
        else {
            return f.write_str("localhost");
        };
        let scope = interface
            .iter()
            .map(|name| format!("%{name}"))
            .collect::<String>();
        let whole = if network.is_ipv4() { 32 } else { 128 };
        match network {
            IpAddr::V4(v4) => write!(f, "{v4}{scope}")?,
            IpAddr::V6(v6) => write!(f, "[{v6}{scope}]")?,
        }
        if *length == whole {
            Ok(())
        } else {
            write!(f, "/{length}")
        }
    }
}

/// As a selector is written, so that it can be read again.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(protocol) = self.protocol {
            write!(f, "{protocol}:")?;
        }
        if let Some(addresses) = &self.addresses {
            write!(f, "{addresses}")?;
        }
        match &self.ports {
            Some(ports) => write!(f, ":{ports}"),
            None => Ok(()),
        }
    }
}
