//! A claim: what a server would bind.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::model::{Dnat, Family, Limits, Protocol};
use crate::select::{Addresses, Place};

/// One address and port that a server would bind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// `Tcp` or `Udp`.
    pub protocol: Protocol,
    /// `None` for all addresses of both families, as a dual-stack `[::]`, or `0.0.0.0` without IPv6.
    pub address: Option<IpAddr>,
    /// Scope of a link-local address.
    pub interface: Option<String>,
    pub port: u16,
}

impl Claim {
    /// Whether an IPv6 wildcard is claimed that takes IPv4 as well.
    pub fn is_dual_stack(&self) -> bool {
        self.address
            .is_none_or(|address| address == IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }

    /// Whether a link-local address is claimed on no interface.
    pub fn lacks_scope(&self) -> bool {
        let is_link_local =
            matches!(self.address, Some(IpAddr::V6(v6)) if v6.is_unicast_link_local());
        is_link_local && self.interface.is_none()
    }

    /// Whether the kernel sends elsewhere, by this rule, what would come to whoever binds it.
    pub fn is_sent_by(&self, rule: &Dnat, limits: &Limits) -> bool {
        !rule.keeps() && self.is_met_by(rule, limits)
    }

    /// Whether a rule is one for what would come to whoever binds it.
    pub fn is_met_by(&self, rule: &Dnat, limits: &Limits) -> bool {
        let (first, last) = rule.ports;
        let claimed = self.address.map(|address| address.to_canonical());
        let claimed = claimed.filter(|address| !address.is_unspecified());
        let is_own = |address: IpAddr| address.is_loopback() || limits.addresses.contains(&address);
        let is_of_address = match (rule.address, claimed) {
            (None, None) => true,
            (Some(of_rule), None) => is_own(of_rule),
            (of_rule, Some(claimed)) => {
                let mut among = rule.among.iter();
                of_rule.is_none_or(|of_rule| of_rule == claimed)
                    && (rule.among.is_empty()
                        || among.any(|(from, to)| (*from..=*to).contains(&claimed)))
            }
        };
        let is_of_family = match (self.address, rule.family) {
            (None, _) | (_, None) => true,
            (Some(address), Some(Family::Ipv4)) => address.is_ipv4() || self.is_dual_stack(),
            (Some(address), Some(Family::Ipv6)) => address.is_ipv6(),
        };
        self.protocol == rule.protocol
            && (first..=last).contains(&self.port)
            && is_of_address
            && is_of_family
    }

    /// The address to bind, with the index of its interface; IPv6 where all addresses are claimed.
    pub fn socket_address(&self, scope: u32) -> SocketAddr {
        match self.address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) {
            IpAddr::V4(v4) => SocketAddr::from((v4, self.port)),
            IpAddr::V6(v6) => SocketAddrV6::new(v6, self.port, 0, scope).into(),
        }
    }
}

/// What the server would set on its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// SO_REUSEADDR.
    pub reuse_addr: bool,
    /// SO_REUSEPORT: it joins a group.
    pub reuse_port: bool,
}

/// The claims of a place. A bare port is TCP on all addresses.
///
/// # Errors
/// Why nobody can bind it.
pub fn claims(place: &Place) -> Result<Vec<Claim>, &'static str> {
    let protocol = place.protocol.unwrap_or(Protocol::Tcp).port_space();
    if !matches!(protocol, Protocol::Tcp | Protocol::Udp | Protocol::Sctp) {
        return Err("only tcp, udp and sctp ports can be checked");
    }
    let Some(ports) = &place.ports else {
        return Err("a port is missing");
    };
    let addresses: Vec<(Option<IpAddr>, Option<String>)> = match &place.addresses {
        None => vec![(None, None)],
        Some(Addresses::Localhost) => {
            vec![
                (Some([127, 0, 0, 1].into()), None),
                (Some(Ipv6Addr::LOCALHOST.into()), None),
            ]
        }
        Some(Addresses::Prefix {
            network,
            length,
            interface,
        }) => {
            let whole = if network.is_ipv4() { 32 } else { 128 };
            if *length != whole {
                return Err("a server binds one address, not a network");
            }
            vec![(Some(*network), interface.clone())]
        }
    };
    let ports = ports
        .ranges()
        .iter()
        .flat_map(|(first, last)| *first..=*last);
    Ok(ports
        .flat_map(|port| {
            addresses.iter().map(move |(address, interface)| Claim {
                protocol,
                address: *address,
                interface: interface.clone(),
                port,
            })
        })
        .collect())
}
