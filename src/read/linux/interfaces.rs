//! Interfaces of the network namespace of this thread. Neither `/sys/class/net` nor libraries over it are
//! asked: they show those of the namespace for which `/sys` was mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

use super::addresses::{decode, request};
use super::exchange::{Bounds, Family, dump};
use super::wire::ByteOrder;
use crate::model::InterfaceAddress;

pub const NETLINK_ROUTE: Family = None;
pub const BOUNDS: Bounds = Bounds {
    longest: Duration::from_millis(200),
    // Some ten thousand addresses.
    largest: 1 << 20,
};

/// The addresses of the interfaces in ascending order; `None` where the kernel does not tell them all.
pub fn addresses() -> Option<Vec<InterfaceAddress>> {
    let order = ByteOrder::NATIVE;
    let read =
        |datagram: &[u8], sequence, found: &mut Vec<_>| decode(datagram, sequence, order, found);
    let (found, is_whole) = dump(NETLINK_ROUTE, BOUNDS, request, read).ok()?;
    let indices: BTreeSet<u32> = found.iter().map(|(_, index)| *index).collect();
    let names = names(&indices);
    let named = |(address, index): (_, u32)| InterfaceAddress {
        address,
        interface: names
            .get(&index)
            .cloned()
            .unwrap_or_else(|| index.to_string()),
    };
    let mut all: Vec<InterfaceAddress> = found.into_iter().map(named).collect();
    all.sort_unstable();
    all.dedup();
    is_whole.then_some(all)
}

/// Names of interfaces by index, netdevice(7); 0 is none.
pub fn names(indices: &BTreeSet<u32>) -> BTreeMap<u32, String> {
    let known = indices.iter().filter(|index| **index != 0);
    let mut names: BTreeMap<u32, String> = known.map(|index| (*index, String::new())).collect();
    if !names.is_empty()
        && let Ok(any) = socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )
    {
        for (index, name) in &mut names {
            *name = netdevice::index_to_name(&any, *index).unwrap_or_default();
        }
    }
    names.retain(|_, name| !name.is_empty());
    names
}
