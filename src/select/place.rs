//! Where: addresses and ports, as selectors name them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Endpoint, Family, PortSet, Protocol, ProtocolSet, Socket};

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
                    network: IpAddr::V4(network),
                    length,
                    ..
                },
                IpAddr::V4(address),
            ) => {
                let shift = 32 - u32::from(*length);
                (network.to_bits() ^ address.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            (
                Self::Prefix {
                    network: IpAddr::V6(network),
                    length,
                    ..
                },
                IpAddr::V6(address),
            ) => {
                let shift = 128 - u32::from(*length);
                (network.to_bits() ^ address.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
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

    /// Whether something sent to one of these addresses reaches the socket.
    pub fn reach(&self, socket: &Socket) -> bool {
        if !self.is_on(socket.interface()) {
            return false;
        }
        let is_wildcard = socket.local.canonical().is_unspecified();
        let wildcard_takes = match self {
            Self::Localhost => true,
            Self::Prefix {
                network: IpAddr::V4(_),
                ..
            } => socket.takes_ipv4(),
            Self::Prefix {
                network: IpAddr::V6(_),
                ..
            } => socket.family() == Family::Ipv6 && !socket.local.is_ipv4_mapped(),
        };
        self.contains(socket.local.address) || (is_wildcard && wildcard_takes)
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
    /// Whether the socket is reached there.
    pub fn reaches(&self, socket: &Socket) -> bool {
        self.covers(socket.protocol)
            && self.has_port(&socket.local)
            && self
                .addresses
                .as_ref()
                .is_none_or(|addresses| addresses.reach(socket))
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
