//! Matches and targets of iptables, alone or within nf_tables rules: structures in the machine's byte
//! order, ports and addresses of targets big-endian (linux/netfilter/xt_*.h, nf_nat.h).

use super::packets::{IPV4, Kind, Matched, number_of};
use super::ranges::Ranges;
use super::target::Target;
use super::{address, attribute, number};
use crate::model::Diverter;
use crate::read::linux::wire::{ByteOrder, u16_at, u32_at};

/// `NFTA_MATCH_*` and `NFTA_TARGET_*`: name, revision, structure.
const NAME: u16 = 1;
const REVISION: u16 = 2;
const STRUCTURE: u16 = 3;

/// Matches that leave fewer packets, and ask nothing of their destination.
const NARROWING: [&[u8]; 31] = [
    b"cgroup",
    b"cluster",
    b"connbytes",
    b"connlimit",
    b"connmark",
    b"cpu",
    b"devgroup",
    b"dscp",
    b"eui64",
    b"hashlimit",
    b"helper",
    b"hl",
    b"length",
    b"limit",
    b"mac",
    b"mark",
    b"owner",
    b"physdev",
    b"pkttype",
    b"policy",
    b"quota",
    b"realm",
    b"recent",
    b"rpfilter",
    b"socket",
    b"state",
    b"statistic",
    b"tcpmss",
    b"time",
    b"tos",
    b"ttl",
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

/// Leaves the packets that a match takes.
pub fn run_match(asked: &Extension, kind: &Kind, order: ByteOrder, matched: &mut Matched) {
    let structure = asked.structure;
    let understood = match (asked.name, asked.revision) {
        (b"tcp", Some(0)) => of_tcp(structure, order, matched),
        (b"udp", Some(0)) => of_ports(structure, 8, order, matched),
        (b"multiport", Some(1)) => of_multiport(structure, order, matched),
        (b"addrtype", Some(0 | 1)) => of_address_type(asked, kind, order, matched),
        (b"iprange", Some(1)) => of_address_range(structure, kind, matched),
        (b"conntrack", _) => of_tracking(asked, order, matched),
        (b"comment", _) => Some(()),
        (name, _) if NARROWING.contains(&name) => {
            matched.narrow();
            Some(())
        }
        _ => None,
    };
    if understood.is_none() {
        matched.obscure();
    }
}

/// `struct xt_tcp`: the ports as in `struct xt_udp`, an option, a mask of flags, flags, what is meant the
/// other way round.
fn of_tcp(structure: &[u8], order: ByteOrder, matched: &mut Matched) -> Option<()> {
    let rest = structure.get(8..11)?;
    if rest != [0; 3] {
        matched.narrow();
    }
    of_ports(structure, 11, order, matched)
}

/// Ranges of source and destination, and at `inverted` what is meant the other way round.
fn of_ports(
    structure: &[u8],
    inverted: usize,
    order: ByteOrder,
    matched: &mut Matched,
) -> Option<()> {
    const DESTINATION: u8 = 2;
    let port = |at| u16_at(structure, at, order);
    let (source, destination) = ((port(0)?, port(2)?), (port(4)?, port(6)?));
    let inverted = *structure.get(inverted)?;
    if source != (0, u16::MAX) || inverted & !DESTINATION != 0 {
        matched.narrow();
    }
    let range = Ranges::one(destination.0.into(), destination.1.into());
    matched.limit_ports(&range, inverted & DESTINATION != 0);
    Some(())
}

/// `struct xt_multiport_v1`: which end, count, 15 ports, 15 flags for "begins a range", inverted.
fn of_multiport(structure: &[u8], order: ByteOrder, matched: &mut Matched) -> Option<()> {
    const SOURCE: u8 = 0;
    const DESTINATION: u8 = 1;
    const FLAGS: usize = 2 + 2 * 15;
    let end = *structure.first()?;
    if end == SOURCE {
        matched.narrow();
        return Some(());
    }
    if end != DESTINATION {
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
        ranges.push((first.into(), port(at)?.into()));
        at += 1;
    }
    matched.limit_ports(&Ranges::new(ranges), *structure.get(FLAGS + 15)? != 0);
    Some(())
}

/// `struct xt_addrtype_info` and `xt_addrtype_info_v1`: kinds of source and destination as bits, then
/// what is meant the other way round, and in the latter whether an interface limits them.
fn of_address_type(
    asked: &Extension,
    kind: &Kind,
    order: ByteOrder,
    matched: &mut Matched,
) -> Option<()> {
    const LOCAL: u16 = 1 << 2;
    const INVERTED: u32 = 2;
    let structure = asked.structure;
    let (source, destination) = (u16_at(structure, 0, order)?, u16_at(structure, 2, order)?);
    let word = |at| u32_at(structure, at, order);
    let (is_inverted, is_of_interface) = match asked.revision {
        Some(0) => (word(8)? != 0, false),
        _ => (word(4)? & INVERTED != 0, word(4)? & !3 != 0),
    };
    if source != 0 || is_of_interface {
        matched.narrow();
    }
    match destination {
        0 => {}
        LOCAL => matched.limit_to_local(kind, is_inverted),
        kinds if (kinds & LOCAL != 0) == is_inverted => {
            matched.limit_to_local(kind, true);
            matched.narrow();
        }
        _ => matched.narrow(),
    }
    Some(())
}

/// `struct xt_iprange_mtinfo`: first and last source, first and last destination, flags.
fn of_address_range(structure: &[u8], kind: &Kind, matched: &mut Matched) -> Option<()> {
    const OF_DESTINATION: u8 = 2;
    const INVERTED: u8 = 0x20;
    let flags = *structure.get(64)?;
    if flags & !(OF_DESTINATION | INVERTED) != 0 {
        matched.narrow();
    }
    if flags & OF_DESTINATION != 0 {
        let end = |at: usize| number_of(structure.get(at..at + kind.address_length())?);
        let range = Ranges::one(end(32)?, end(48)?);
        matched.limit_addresses(&range, flags & INVERTED != 0);
    }
    Some(())
}

/// `struct xt_conntrack_mtinfo1` to `3`: eight addresses, two words, five numbers of two bytes, and what of
/// it is asked. What tracking knows of the destination is not understood.
fn of_tracking(asked: &Extension, order: ByteOrder, matched: &mut Matched) -> Option<()> {
    /// `XT_CONNTRACK_ORIGDST` and `XT_CONNTRACK_ORIGDST_PORT`.
    const OF_DESTINATION: u16 = 1 << 3 | 1 << 9;
    const FLAGS: usize = 8 * 16 + 2 * 4 + 2 + 4 * 2;
    matches!(asked.revision, Some(1..=3)).then_some(())?;
    let flags = u16_at(asked.structure, FLAGS, order)?;
    matched.narrow();
    (flags & OF_DESTINATION == 0).then_some(())
}

/// Where a target sends packets; `None` for a target that leaves their destination alone.
pub fn target(told: &Extension, kind: &Kind, order: ByteOrder) -> Option<Target> {
    let Extension {
        name,
        revision,
        structure,
    } = *told;
    let is_ipv4 = kind.family == IPV4;
    let range = match (name, revision) {
        (b"TPROXY", revision) => {
            return Some(of_tproxy(structure, revision, kind).unwrap_or(Target::Obscure));
        }
        (b"DNAT" | b"REDIRECT" | b"NETMAP", Some(0)) if is_ipv4 => of_old_range(structure, order),
        (b"DNAT", Some(1 | 2)) | (b"REDIRECT" | b"NETMAP", Some(0)) => {
            of_range(structure, kind, order)
        }
        (b"DNAT" | b"REDIRECT" | b"NETMAP", _) => None,
        _ => return None,
    };
    let to = range.and_then(|range| {
        let is_redirect = name == b"REDIRECT";
        let addresses = match range.addresses.filter(|_| !is_redirect) {
            Some((first, last)) => Some((address(first)?, address(last)?)),
            None => None,
        };
        Some(Target::To {
            addresses,
            ports: range.ports,
            by: Diverter::Dnat,
        })
    });
    Some(to.unwrap_or(Target::Obscure))
}

/// `struct xt_tproxy_target_info` and `_v1`: mask and value of a mark, an address, a port.
fn of_tproxy(structure: &[u8], revision: Option<u32>, kind: &Kind) -> Option<Target> {
    let room = match revision? {
        0 if kind.family == IPV4 => 4,
        1 => 16,
        _ => return None,
    };
    let at = structure.get(8..8 + kind.address_length())?;
    let to = address(at).filter(|address| !address.is_unspecified());
    let port = Some(port_at(structure, 8 + room)?).filter(|port| *port != 0);
    Some(Target::To {
        addresses: to.map(|to| (to, to)),
        ports: port.map(|port| (port, port)),
        by: Diverter::Tproxy,
    })
}

struct Range<'a> {
    addresses: Option<(&'a [u8], &'a [u8])>,
    ports: Option<(u16, u16)>,
}

/// `NF_NAT_RANGE_*`.
const MAP_ADDRESSES: u32 = 1;
const PROTO_SPECIFIED: u32 = 2;

/// `struct nf_nat_range` and `nf_nat_range2`: flags, two addresses of 16 bytes, two ports.
fn of_range<'a>(structure: &'a [u8], kind: &Kind, order: ByteOrder) -> Option<Range<'a>> {
    let flags = u32_at(structure, 0, order)?;
    let length = kind.address_length();
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
