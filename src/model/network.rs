//! The network that a socket lives in: devices, addresses, and what lets packets from outside in.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::InterfaceAddress;

/// How much to read of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum NetworkDepth {
    #[default]
    Nothing,
    /// What decides whether other machines reach it at all: its devices.
    Devices,
    /// Its addresses as well.
    Whole,
}

/// What is known of a network namespace. `None` where it was not asked for or could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
pub struct Network {
    pub devices: Option<Vec<Device>>,
    /// Of the devices.
    pub addresses: Option<Vec<InterfaceAddress>>,
    /// What the kernel takes for itself, by the table of local routes: more than the addresses, where
    /// whole prefixes are local.
    pub routes: Option<Vec<LocalRoute>>,
    /// Whether 127.0.0.0/8 may come in by every device (`net.ipv4.conf.all.route_localnet`, ip-sysctl).
    pub route_localnet: Option<bool>,
    /// Whether a TCP socket that is bound to no device takes what comes in by a VRF
    /// (`tcp_l3mdev_accept`, ip-sysctl).
    pub tcp_l3mdev_accept: Option<bool>,
    /// The same of UDP sockets.
    pub udp_l3mdev_accept: Option<bool>,
}

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device {
    pub name: String,
    /// `veth`, `bridge`, `vrf` ...; `None` for hardware.
    pub kind: Option<String>,
    pub is_loopback: bool,
    pub is_up: bool,
    /// The bridge, bond or VRF that it belongs to.
    pub master: Option<String>,
    /// Whether 127.0.0.0/8 may come in by this device.
    pub route_localnet: bool,
}

/// A prefix that is local to a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocalRoute {
    pub network: IpAddr,
    pub length: u8,
    /// Whether it is a broadcast address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_broadcast: bool,
    pub device: String,
}

impl LocalRoute {
    pub fn contains(&self, address: IpAddr) -> bool {
        prefix_contains((self.network, self.length), address)
    }
}

/// Whether a prefix (network and length) has the address.
pub fn prefix_contains((network, length): (IpAddr, u8), address: IpAddr) -> bool {
    let length = u32::from(length);
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let differing = network.to_bits() ^ address.to_bits();
            differing
                .checked_shr(32_u32.saturating_sub(length))
                .unwrap_or(0)
                == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let differing = network.to_bits() ^ address.to_bits();
            differing
                .checked_shr(128_u32.saturating_sub(length))
                .unwrap_or(0)
                == 0
        }
        _ => false,
    }
}

/// Devices by which nothing comes in from outside.
const INWARD: [&str; 4] = ["dummy", "ifb", "nlmon", "vrf"];

impl Network {
    /// A network of which the addresses alone are known.
    pub fn of_addresses(addresses: Vec<InterfaceAddress>) -> Self {
        Self {
            addresses: Some(addresses),
            ..Self::default()
        }
    }

    pub fn knows_addresses(&self) -> bool {
        self.addresses.is_some() || self.routes.is_some()
    }

    /// Whether it is known which devices have an address; the loopback's are known by the devices alone.
    pub fn knows(&self, address: IpAddr) -> bool {
        self.knows_addresses() || (address.is_loopback() && self.devices.is_some())
    }

    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().flatten().find(|one| one.name == name)
    }

    /// Whether this is the device of the loopback. Linux calls it `lo`.
    pub fn is_loopback(&self, device: &str) -> bool {
        self.device(device)
            .map_or(device == "lo", |device| device.is_loopback)
    }

    /// The VRF that a device belongs to, or is.
    pub fn vrf_of<'a>(&'a self, device: &'a str) -> Option<&'a str> {
        let is_vrf = |name: &&str| {
            let found = self.device(name);
            found.is_some_and(|found| found.kind.as_deref() == Some("vrf"))
        };
        let master = self.device(device).and_then(|one| one.master.as_deref());
        [Some(device), master].into_iter().flatten().find(is_vrf)
    }

    /// The devices by which packets come in from outside; `None` where that is not known.
    pub fn ways_in(&self) -> Option<impl Iterator<Item = &Device>> {
        let leads_in = |device: &&Device| {
            let kind = device.kind.as_deref().unwrap_or_default();
            // What comes in by a port of a bridge or a bond comes in by that.
            let is_port = device.master.is_some() && self.vrf_of(&device.name).is_none();
            device.is_up && !device.is_loopback && !INWARD.contains(&kind) && !is_port
        };
        Some(self.devices.as_ref()?.iter().filter(leads_in))
    }

    /// Whether nothing leads into it from outside.
    pub fn is_isolated(&self) -> bool {
        self.ways_in().is_some_and(|mut ways| ways.next().is_none())
    }

    /// The devices to which an address is local; `None` where the addresses are not known.
    pub fn devices_with(&self, address: IpAddr) -> Option<Vec<&str>> {
        if !self.knows(address) {
            return None;
        }
        let Some(routes) = &self.routes else {
            let mut found = self.having(address);
            if found.is_empty() && address.is_loopback() {
                found.push(self.loopback());
            }
            return Some(found);
        };
        let local = routes.iter().filter(|route| !route.is_broadcast);
        let fitting = || local.clone().filter(|route| route.contains(address));
        let longest = fitting().map(|route| route.length).max();
        let nearest = fitting().filter(|route| Some(route.length) == longest);
        let mut found: Vec<&str> = nearest.map(|route| route.device.as_str()).collect();
        // A VRF has a table of its own for the addresses of its devices.
        let of_vrf = self.having(address).into_iter();
        found.extend(of_vrf.filter(|device| self.vrf_of(device).is_some()));
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// Whether the address is one of this network's own.
    pub fn has(&self, address: IpAddr) -> Option<bool> {
        Some(!self.devices_with(address)?.is_empty())
    }

    /// The devices of which this is a broadcast address.
    pub fn broadcast_devices(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        let routes = self.routes.iter().flatten();
        let wanted = routes.filter(move |one| one.is_broadcast && one.network == address);
        wanted.map(|route| route.device.as_str())
    }

    /// Addresses of this network within a prefix, one for each prefix that is local as a whole; `None`
    /// where they are not known.
    pub fn within(&self, prefix: (IpAddr, u8)) -> Option<Vec<IpAddr>> {
        if !self.knows_addresses() {
            return None;
        }
        let has = |address: &IpAddr| prefix_contains(prefix, *address);
        let addresses = self.addresses.iter().flatten().map(|one| one.address);
        let mut found: Vec<IpAddr> = addresses.filter(has).collect();
        let routes = self.routes.iter().flatten();
        for route in routes.filter(|route| !route.is_broadcast) {
            if has(&route.network) && route.length >= prefix.1 {
                found.push(route.network);
            } else if route.contains(prefix.0) && route.length < prefix.1 {
                found.push(prefix.0);
            }
        }
        Some(found)
    }

    fn having(&self, address: IpAddr) -> Vec<&str> {
        let all = self.addresses.iter().flatten();
        all.filter(|one| one.address == address)
            .map(|one| one.interface.as_str())
            .collect()
    }

    fn loopback(&self) -> &str {
        let mut devices = self.devices.iter().flatten();
        devices
            .find(|device| device.is_loopback)
            .map_or("lo", |device| &device.name)
    }
}
