//! Who reaches a socket: does it receive what is sent to an address, and from whom?

use std::net::{IpAddr, Ipv4Addr};

use super::{Device, Exposure, Network, Protocol, Socket};

/// Where a packet is sent from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// From the socket's own network namespace.
    Here,
    /// From outside of it.
    Elsewhere,
    /// From either.
    Anywhere,
}

/// Whom a listener lets in, and why no more than those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<'a> {
    /// It has a loopback address.
    Loopback,
    /// It has a loopback address, and the system lets such packets in from outside (`route_localnet`).
    RoutedLoopback,
    /// It is bound to the loopback device.
    LoopbackDevice,
    /// Nothing leads into its network namespace.
    Isolated,
    /// What comes in by this device, to any address.
    Device(&'a str),
    /// What comes in by this device, to its address.
    AddressOnDevice(&'a str),
    /// Its address is that of a multicast group.
    Multicast,
    /// Its address is a broadcast address.
    Broadcast,
    /// Its address is not one of this network's.
    NoSuchAddress,
    Address,
    All,
}

impl Socket {
    /// What is known of the network that it lives in.
    pub fn network(&self) -> Option<&Network> {
        self.site.as_ref()?.network.as_deref()
    }

    /// Whether it has the address, or has the wildcard for it; `None` where that hangs on an IPV6_V6ONLY
    /// which the system does not tell.
    pub fn is_bound_to(&self, address: IpAddr) -> Option<bool> {
        let (local, address) = (self.local.canonical(), address.to_canonical());
        match (local, address) {
            _ if !local.is_unspecified() => Some(local == address),
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => Some(true),
            (IpAddr::V4(_), IpAddr::V6(_)) => Some(false),
            (IpAddr::V6(_), IpAddr::V4(_)) => self.v6only.map(|v6only| !v6only),
        }
    }

    /// Whether it receives what is sent to its port at this address; `None` where that cannot be told.
    ///
    /// A packet from here counts as coming in by the device that has the address, and not by the
    /// loopback device (`ip_route_output_key_hash_rcu` in net/ipv4/route.c). One from outside may come
    /// in by any device and be for the address of any other. A socket that is bound to a device takes
    /// what comes in by that (`inet_bound_dev_eq` in net/inet_sock.h).
    pub fn receives(&self, address: IpAddr, from: Sender) -> Option<bool> {
        let address = address.to_canonical();
        let arrives = || match self.network().filter(|one| one.knows(address)) {
            _ if address.is_unspecified() => Some(true),
            _ if address.is_multicast() => self.receives_group(address),
            None => self.arrives_somehow(address, from),
            Some(network) if is_broadcast(address, network) => {
                Some(self.receives_broadcast(address, network))
            }
            Some(network) => {
                let here = || self.arrives_from_here(address, network);
                let elsewhere = || self.arrives_from_outside(address, network);
                match from {
                    Sender::Here => here(),
                    Sender::Elsewhere => elsewhere(),
                    Sender::Anywhere => one_holds([here(), elsewhere()]),
                }
            }
        };
        match self.is_bound_to(address) {
            Some(false) => Some(false),
            Some(true) => arrives(),
            None => arrives().filter(|arrives| !arrives),
        }
    }

    /// Who has joined a multicast group is not told of each socket.
    fn receives_group(&self, group: IpAddr) -> Option<bool> {
        match self.protocol.is_stream() {
            true => Some(false),
            false => Some(true).filter(|_| self.local.canonical() == group),
        }
    }

    /// Streams have no broadcast.
    fn receives_broadcast(&self, address: IpAddr, network: &Network) -> bool {
        let has = |device| network.broadcast_devices(address).any(|one| one == device);
        let everywhere = address == IpAddr::V4(Ipv4Addr::BROADCAST);
        !self.protocol.is_stream() && (everywhere || self.interface().is_none_or(has))
    }

    /// As far as it can be told without the addresses of the network.
    fn arrives_somehow(&self, address: IpAddr, from: Sender) -> Option<bool> {
        let device = self.interface();
        let is_local = device.is_none_or(|device| self.is_loopback_device(device));
        match (address.is_loopback(), from) {
            (true, Sender::Here) => Some(is_local),
            (true, Sender::Anywhere) if is_local => Some(true),
            (true, _) => Some(false).filter(|_| address.is_ipv6() || device == Some("lo")),
            (false, _) => None,
        }
    }

    fn arrives_from_here(&self, address: IpAddr, network: &Network) -> Option<bool> {
        let bound = self.interface();
        let takes = |device: &str| match (network.vrf_of(device), bound) {
            (None, bound) => Some(bound.is_none_or(|bound| bound == device)),
            // It hangs on whether the client is bound to the VRF as well.
            (Some(vrf), Some(bound)) if bound == vrf || bound == device => None,
            (Some(_), None) if self.takes_from_vrf(network) => None,
            (Some(_), _) => Some(false),
        };
        let devices = network.devices_with(address)?;
        one_holds(devices.into_iter().map(takes))
    }

    fn arrives_from_outside(&self, address: IpAddr, network: &Network) -> Option<bool> {
        let bound = self.interface();
        let devices = network.devices_with(address)?;
        let is_confined =
            address.is_loopback() || bound.is_some_and(|one| network.is_loopback(one));
        let Some(ways) = network.ways_in() else {
            return match (devices.is_empty() || is_confined, bound) {
                (true, _) => Some(false),
                (false, None) => Some(true),
                (false, Some(_)) => None,
            };
        };
        let is_link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let takes = |way: &Device| {
            let vrf = network.vrf_of(&way.name);
            let is_for_here = devices.iter().any(|device| match is_link_local {
                true => *device == way.name,
                false => network.vrf_of(device) == vrf,
            });
            let is_let_in = match address {
                IpAddr::V6(v6) => Some(!v6.is_loopback()),
                IpAddr::V4(v4) if !v4.is_loopback() || way.route_localnet => Some(true),
                IpAddr::V4(_) => network.route_localnet,
            };
            let is_taken = match (bound, vrf) {
                (None, None) => true,
                (None, Some(_)) => self.takes_from_vrf(network),
                (Some(bound), vrf) => bound == way.name || Some(bound) == vrf,
            };
            match is_for_here && is_taken {
                true => is_let_in,
                false => Some(false),
            }
        };
        one_holds(ways.map(takes))
    }

    /// Whether a socket that is bound to no device takes what comes in by a VRF.
    fn takes_from_vrf(&self, network: &Network) -> bool {
        let accepts = match self.protocol.port_space() {
            Protocol::Udp => network.udp_l3mdev_accept,
            _ => network.tcp_l3mdev_accept,
        };
        accepts == Some(true)
    }

    fn is_loopback_device(&self, device: &str) -> bool {
        self.network()
            .map_or(device == "lo", |network| network.is_loopback(device))
    }

    /// Whom it lets in; `None` for what does not listen.
    pub fn reach(&self) -> Option<Reach<'_>> {
        if !self.state.is_listening() {
            return None;
        }
        let address = self.local.canonical();
        let network = self.network();
        let device = self.interface();
        let is_link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let is_nowhere = || network.and_then(|network| network.has(address)) == Some(false);
        Some(match device {
            _ if address.is_loopback() => {
                match self.receives(address, Sender::Elsewhere) == Some(true) {
                    true => Reach::RoutedLoopback,
                    false => Reach::Loopback,
                }
            }
            Some(device) if self.is_loopback_device(device) => Reach::LoopbackDevice,
            _ if address.is_multicast() => Reach::Multicast,
            _ if network.is_some_and(|one| is_broadcast(address, one)) => Reach::Broadcast,
            _ if !address.is_unspecified() && is_nowhere() => Reach::NoSuchAddress,
            _ if network.is_some_and(Network::is_isolated) => Reach::Isolated,
            Some(device) if address.is_unspecified() => Reach::Device(device),
            Some(device) if !is_link_local => Reach::AddressOnDevice(device),
            _ if address.is_unspecified() => Reach::All,
            _ => Reach::Address,
        })
    }

    /// Whether the socket waits for strangers, and so whom it lets in is a question.
    pub fn exposure(&self) -> Option<Exposure> {
        let is_isolated = self.network().is_some_and(Network::is_isolated);
        Some(match self.reach()? {
            Reach::Loopback | Reach::LoopbackDevice | Reach::Isolated => Exposure::Loopback,
            _ if is_isolated => Exposure::Loopback,
            Reach::All => Exposure::All,
            _ => Exposure::Address,
        })
    }
}

fn is_broadcast(address: IpAddr, network: &Network) -> bool {
    address == IpAddr::V4(Ipv4Addr::BROADCAST)
        || network.broadcast_devices(address).next().is_some()
}

/// Whether one of these holds, none of which may be known.
pub fn one_holds(tests: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut is_open = false;
    for test in tests {
        match test {
            Some(true) => return test,
            Some(false) => {}
            None => is_open = true,
        }
    }
    Some(false).filter(|_| !is_open)
}

#[cfg(test)]
mod tests;
