//! The network of this thread: devices, addresses and local routes by rtnetlink(7), settings by sysctls.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::retry_on_intr;

use super::exchange::dump;
use super::interfaces::{BOUNDS, NETLINK_ROUTE, addresses};
use super::wire::ByteOrder;
use super::{devices, routes};
use crate::model::{LocalRoute, Network, NetworkDepth};

/// Reads so much of it; `None` where nothing was asked for.
pub fn read(depth: NetworkDepth) -> Option<Network> {
    if depth == NetworkDepth::Nothing {
        return None;
    }
    let order = ByteOrder::NATIVE;
    let read = |datagram: &[u8], sequence, found: &mut Vec<_>| {
        devices::decode(datagram, sequence, order, found)
    };
    let told = dump(NETLINK_ROUTE, BOUNDS, devices::request, read);
    let told = told
        .ok()
        .and_then(|(all, is_whole)| is_whole.then_some(all));
    let names = told.as_deref().map(devices::names).unwrap_or_default();
    let near = Network {
        devices: told.map(devices::devices),
        route_localnet: switch("conf/all/route_localnet"),
        ..Network::default()
    };
    if depth == NetworkDepth::Devices {
        return Some(near);
    }
    // IPv6 may be off.
    let of = |family| local_routes(family, &names);
    let local = of(routes::AF_INET).map(|mut all| {
        all.extend(of(routes::AF_INET6).unwrap_or_default());
        all
    });
    Some(Network {
        addresses: addresses(),
        routes: local,
        tcp_l3mdev_accept: switch("tcp_l3mdev_accept"),
        udp_l3mdev_accept: switch("udp_l3mdev_accept"),
        ..near
    })
}

fn local_routes(family: u8, names: &BTreeMap<u32, String>) -> Option<Vec<LocalRoute>> {
    let read = |datagram: &[u8], sequence, found: &mut Vec<routes::Told>| {
        routes::decode(datagram, sequence, ByteOrder::NATIVE, found)
    };
    let request = |sequence| routes::request(family, sequence);
    let (told, is_whole) = dump(NETLINK_ROUTE, BOUNDS, request, read).ok()?;
    let named = |one: routes::Told| {
        Some(LocalRoute {
            network: one.network,
            length: one.length,
            is_broadcast: one.is_broadcast,
            device: names.get(&one.index).cloned()?,
        })
    };
    is_whole.then(|| told.into_iter().filter_map(named).collect())
}

/// A setting of this network namespace that is on or off, ip-sysctl.
fn switch(name: &str) -> Option<bool> {
    let path = Path::new("/proc/sys/net/ipv4").join(name);
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = [0; 16];
    let length = retry_on_intr(|| rustix::io::read(&file, &mut text)).ok()?;
    Some(text[..length].trim_ascii() != b"0")
}
