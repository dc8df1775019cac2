//! The rules of nf_tables of this network namespace, read over netlink within a bound of time and size.

use std::path::Path;
use std::time::Duration;

use rustix::net::netlink;

use super::exchange::{Bounds, dump};
use super::nat::{decode, request};
use super::wire::ByteOrder;
use crate::read::raw::RawForwards;

/// There is no NAT without connection tracking; asking where there is none would load modules.
const TRACKING: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const BOUNDS: Bounds = Bounds {
    longest: Duration::from_millis(200),
    // Some ten thousand rules.
    largest: 8 << 20,
};

/// Reads which ports the rules send elsewhere: takes CAP_NET_ADMIN. Where it was refused, or time or room
/// ran out, the answer says so. Rules of the older kind (iptables-legacy) are not among them.
pub fn read_dnat() -> RawForwards {
    if !Path::new(TRACKING).exists() {
        return RawForwards::default();
    }
    let read = |datagram: &[u8], sequence, found: &mut RawForwards| {
        decode(datagram, sequence, ByteOrder::NATIVE, found)
    };
    match dump(Some(netlink::NETFILTER), BOUNDS, request, read) {
        Ok((found, true)) => found,
        Ok((found, false)) => RawForwards {
            refused: Some("there are too many rules".into()),
            sends_on: sends_on(),
            ..found
        },
        Err(error) => RawForwards {
            refused: Some(error.to_string()),
            sends_on: sends_on(),
            ..RawForwards::default()
        },
    }
}

/// Whether this network namespace is a router, or routes addresses of the loopback, ip-sysctl: everybody
/// may read that.
fn sends_on() -> bool {
    const SWITCHES: [&str; 3] = [
        "ipv4/ip_forward",
        "ipv4/conf/all/route_localnet",
        "ipv6/conf/all/forwarding",
    ];
    SWITCHES.iter().any(|name| {
        let text = std::fs::read_to_string(Path::new("/proc/sys/net").join(name));
        text.is_ok_and(|text| text.trim() != "0")
    })
}
