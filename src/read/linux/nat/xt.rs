//! Matches and targets of iptables, alone or within nf_tables rules: structures in the machine's byte
//! order, ports and addresses of targets big-endian (linux/netfilter/xt_tcpudp.h, xt_multiport.h, nf_nat.h).

use super::rule::{Conditions, IPV4, Target};
use super::{address, attribute, number};
use crate::read::linux::wire::{ByteOrder, u16_at, u32_at};

/// `NFTA_MATCH_*` and `NFTA_TARGET_*`: name, revision, structure.
const NAME: u16 = 1;
const REVISION: u16 = 2;
const STRUCTURE: u16 = 3;

/// Matches that leave fewer packets, and ask nothing of their destination.
const NARROWING: [&[u8]; 19] = [
    b"addrtype",
    b"cgroup",
    b"comment",
    b"connlimit",
    b"connmark",
    b"conntrack",
    b"devgroup",
    b"hashlimit",
    b"limit",
    b"mac",
    b"mark",
    b"owner",
    b"physdev",
    b"pkttype",
    b"recent",
    b"socket",
    b"state",
    b"statistic",
    b"time",
];

/// A match or a target, known by its name and revision.
pub struct Extension<'a> {
    pub name: &'a [u8],
    pub revision: Option<u32>,
    pub structure: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The one in the attributes of an expression of nf_tables.
    pub fn of_expression(data: &'a [u8], order: ByteOrder) -> Self {
        let name = attribute(data, NAME, order).unwrap_or_default();
        Self {
            name: name.strip_suffix(b"\0").unwrap_or(name),
            revision: number(data, REVISION, order),
            structure: attribute(data, STRUCTURE, order).unwrap_or_default(),
        }
    }
}

/// Adds what a match asks.
pub fn run_match(asked: &Extension, order: ByteOrder, conditions: &mut Conditions) {
    let ports = match (asked.name, asked.revision) {
        (b"tcp", Some(0)) => of_tcp_udp(asked.structure, 11, order),
        (b"udp", Some(0)) => of_tcp_udp(asked.structure, 8, order),
        (b"multiport", Some(1)) => of_multiport(asked.structure, order),
        _ if NARROWING.contains(&asked.name) => Some(None),
        _ => None,
    };
    match ports {
        Some(Some(ranges)) => conditions.limit_ports(&ranges),
        Some(None) => {}
        None => conditions.is_obscure = true,
    }
}

type Ranges = Option<Vec<(u16, u16)>>;

/// `struct xt_tcp` and `struct xt_udp`: ranges of source and destination, and at `inverted` what is meant
/// the other way round. `None` where it is not understood, no ranges where it asks nothing of the port.
fn of_tcp_udp(structure: &[u8], inverted: usize, order: ByteOrder) -> Option<Ranges> {
    const DESTINATION: u8 = 2;
    let range = (u16_at(structure, 4, order)?, u16_at(structure, 6, order)?);
    let is_inverted = structure.get(inverted)? & DESTINATION != 0;
    if range == (0, u16::MAX) && !is_inverted {
        return Some(None);
    }
    (!is_inverted).then(|| Some(vec![range]))
}

/// `struct xt_multiport_v1`: which end, count, 15 ports, 15 flags for "begins a range", inverted.
fn of_multiport(structure: &[u8], order: ByteOrder) -> Option<Ranges> {
    const SOURCE: u8 = 0;
    const DESTINATION: u8 = 1;
    const FLAGS: usize = 2 + 2 * 15;
    let end = *structure.first()?;
    if end == SOURCE {
        return Some(None);
    }
    let is_inverted = *structure.get(FLAGS + 15)? != 0;
    if end != DESTINATION || is_inverted {
        return None;
    }
    let count = usize::from(*structure.get(1)?);
    let port = |at: usize| u16_at(structure, 2 + 2 * at, order).filter(|_| at < 15);
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < count {
        let first = port(at)?;
        let begins_range = *structure.get(FLAGS + at)? != 0;
        at += usize::from(begins_range);
        ranges.push((first, port(at)?));
        at += 1;
    }
    Some(Some(ranges))
}

/// Where a target sends packets; `None` for a target that leaves their destination alone.
pub fn target(told: &Extension, family: u8, order: ByteOrder) -> Option<Target> {
    let Extension {
        name,
        revision,
        structure,
    } = *told;
    let range = match (name, revision) {
        (b"DNAT" | b"REDIRECT", Some(0)) if family == IPV4 => of_old_range(structure, order),
        (b"DNAT", Some(1 | 2)) | (b"REDIRECT", Some(0)) => of_range(structure, family, order),
        (b"DNAT" | b"REDIRECT" | b"NETMAP", _) => None,
        _ => return None,
    };
    let family = Some(family);
    let to = range.and_then(|range| {
        let is_redirect = name == b"REDIRECT";
        let address = match range.addresses.filter(|_| !is_redirect) {
            Some((first, last)) if first == last => Some(address(first)?),
            Some(_) => return None,
            None => None,
        };
        let ports = range.ports;
        Some(Target::To {
            address,
            ports,
            family,
        })
    });
    Some(to.unwrap_or(Target::Obscure))
}

struct Range<'a> {
    addresses: Option<(&'a [u8], &'a [u8])>,
    ports: Option<(u16, u16)>,
}

/// `NF_NAT_RANGE_*`.
const MAP_ADDRESSES: u32 = 1;
const PROTO_SPECIFIED: u32 = 2;

/// `struct nf_nat_range` and `nf_nat_range2`: flags, two addresses of 16 bytes, two ports.
fn of_range(structure: &[u8], family: u8, order: ByteOrder) -> Option<Range<'_>> {
    let flags = u32_at(structure, 0, order)?;
    let length = if family == IPV4 { 4 } else { 16 };
    let addresses = (
        structure.get(4..4 + length)?,
        structure.get(20..20 + length)?,
    );
    let ports = (port_at(structure, 36)?, port_at(structure, 38)?);
    Some(chosen(flags, addresses, ports))
}

/// `struct nf_nat_ipv4_multi_range_compat` of one range: size, flags, two addresses of 4 bytes, two ports.
fn of_old_range(structure: &[u8], order: ByteOrder) -> Option<Range<'_>> {
    let flags = u32_at(structure, 4, order).filter(|_| u32_at(structure, 0, order) == Some(1))?;
    let addresses = (structure.get(8..12)?, structure.get(12..16)?);
    let ports = (port_at(structure, 16)?, port_at(structure, 18)?);
    Some(chosen(flags, addresses, ports))
}

fn chosen<'a>(flags: u32, addresses: (&'a [u8], &'a [u8]), ports: (u16, u16)) -> Range<'a> {
    Range {
        addresses: (flags & MAP_ADDRESSES != 0).then_some(addresses),
        ports: (flags & PROTO_SPECIFIED != 0).then_some(ports),
    }
}

fn port_at(structure: &[u8], at: usize) -> Option<u16> {
    u16_at(structure, at, ByteOrder::Big)
}
