//! One rule: what its expressions ask of a packet, and where they send it.

use std::net::IpAddr;

use super::expressions::Machine;
use super::{attribute, attributes};
use crate::model::{Family, Protocol};
use crate::read::linux::wire::ByteOrder;
use crate::read::raw::RawForward;

const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;

/// Families, `NFPROTO_*` of linux/netfilter.h.
pub const INET: u8 = 1;
pub const IPV4: u8 = 2;
pub const IPV6: u8 = 10;

const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;

/// What a rule does.
#[derive(Debug, PartialEq, Eq)]
pub enum Rule {
    ForwardsNothing,
    Forwards(Vec<RawForward>),
    /// It forwards, but hangs on what is not understood.
    NotUnderstood,
}

/// What a rule asks of a packet. Whatever else it asks (interface, sender, mark) leaves fewer packets,
/// but forwards none elsewhere.
#[derive(Debug, Default)]
pub struct Conditions {
    pub family: Option<u8>,
    pub protocol: Option<u8>,
    pub address: Option<IpAddr>,
    /// Ranges of destination ports.
    pub ports: Option<Vec<(u16, u16)>>,
    /// Something about these that is not understood.
    pub is_obscure: bool,
}

impl Conditions {
    /// Leaves the ports that are in one of these ranges too.
    pub fn limit_ports(&mut self, ranges: &[(u16, u16)]) {
        let known = self.ports.take().unwrap_or_else(|| vec![(0, u16::MAX)]);
        let both = known.iter().flat_map(|(first, last)| {
            ranges
                .iter()
                .map(move |range| (range.0.max(*first), range.1.min(*last)))
        });
        self.ports = Some(both.filter(|(first, last)| first <= last).collect());
    }
}

/// Where a rule sends a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    To {
        /// `None` for this machine, or the address that the packet had.
        address: Option<IpAddr>,
        ports: Option<(u16, u16)>,
        family: Option<u8>,
    },
    /// To one of several, or to what cannot be told.
    Obscure,
}

/// Decodes the attributes of a rule of a table of this family.
pub fn decode_rule(family: u8, rule: &[u8], order: ByteOrder) -> Rule {
    if ![INET, IPV4, IPV6].contains(&family) {
        return Rule::ForwardsNothing;
    }
    let Some(expressions) = attribute(rule, NFTA_RULE_EXPRESSIONS, order) else {
        return Rule::ForwardsNothing;
    };
    let mut machine = Machine::new(family, order);
    for (_, expression) in attributes(expressions, order) {
        let name = attribute(expression, NFTA_EXPR_NAME, order).unwrap_or_default();
        let name = name.strip_suffix(b"\0").unwrap_or(name);
        let data = attribute(expression, NFTA_EXPR_DATA, order).unwrap_or_default();
        machine.run(name, data);
    }
    let Some(target) = machine.target else {
        return Rule::ForwardsNothing;
    };
    forwards(&machine.conditions, family, target)
}

/// What a rule of a table of this family does, by its conditions and its target.
pub fn forwards(conditions: &Conditions, table: u8, target: Target) -> Rule {
    let (
        Some(protocol),
        Target::To {
            address,
            ports: to_ports,
            family,
        },
    ) = (conditions.protocol, target)
    else {
        return Rule::NotUnderstood;
    };
    let protocol = match protocol {
        IPPROTO_TCP => Protocol::Tcp,
        IPPROTO_UDP => Protocol::Udp,
        _ => return Rule::ForwardsNothing,
    };
    // Without a port of its own the rule stands behind others, which know the port.
    let Some(ports) = conditions.ports.as_ref().filter(|_| !conditions.is_obscure) else {
        return Rule::NotUnderstood;
    };
    let of_table = Some(table).filter(|table| *table != INET);
    let family = match of_table.or(conditions.family).or(family) {
        Some(IPV4) => Some(Family::Ipv4),
        Some(IPV6) => Some(Family::Ipv6),
        _ => None,
    };
    let forward = |ports: &(u16, u16)| RawForward {
        protocol,
        family,
        address: conditions.address,
        ports: *ports,
        to: address,
        to_ports,
    };
    Rule::Forwards(ports.iter().map(forward).collect())
}
