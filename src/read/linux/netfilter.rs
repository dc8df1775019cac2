//! The NAT rules of this network namespace: those of nf_tables, read over netlink within a bound of time
//! and size, and those of iptables-legacy.

use std::path::Path;
use std::time::Duration;

use rustix::net::netlink;

use super::dump::DumpError;
use super::errno::Errno;
use super::exchange::{Bounds, dump};
use super::iptables;
use super::nat::{decode, request};
use super::wire::ByteOrder;
use crate::read::raw::RawForwards;

/// There is no NAT without connection tracking, and asking where there is none would load it.
const TRACKING: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const BOUNDS: Bounds = Bounds {
    longest: Duration::from_millis(200),
    // Some ten thousand rules.
    largest: 8 << 20,
};

/// Reads which ports the rules send elsewhere: takes CAP_NET_ADMIN. Where it was refused, or time or room
/// ran out, the answer says so.
pub fn read_dnat() -> RawForwards {
    if !Path::new(TRACKING).exists() {
        return RawForwards::default();
    }
    let (mut found, refused) = match of_nf_tables() {
        Ok((found, true)) => (found, None),
        Ok((found, false)) => (found, Some("there are too many rules".into())),
        Err(DumpError::Refused(Errno::PERM)) => {
            let why = format!("{}, that takes CAP_NET_ADMIN", Errno::PERM);
            (RawForwards::default(), Some(why))
        }
        Err(refused) => (RawForwards::default(), Some(refused.to_string())),
    };
    let of_legacy = iptables::read(&mut found);
    found.refused = refused.or(of_legacy.err());
    found.sends_on = found.refused.is_some() && sends_on();
    found
}

/// The rules of nf_tables, and whether those are all.
fn of_nf_tables() -> Result<(RawForwards, bool), DumpError> {
    let read = |datagram: &[u8], sequence, found: &mut RawForwards| {
        decode(datagram, sequence, ByteOrder::NATIVE, found)
    };
    match dump(Some(netlink::NETFILTER), BOUNDS, request, read) {
        // A kernel without nf_tables knows no such request, one without nfnetlink no such socket.
        Err(DumpError::Refused(Errno::INVAL | Errno::PROTONOSUPPORT)) => {
            Ok((RawForwards::default(), true))
        }
        told => told,
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
