//! Expressions of nf_tables: they load a part of the packet into a register, compare it, and translate.

use std::collections::BTreeMap;

use super::rule::{Conditions, IPV4, IPV6, Target};
use super::xt::{self, Extension};
use super::{address, attribute, number};
use crate::read::linux::wire::{ByteOrder, u16_at};

/// What a register holds. Registers are known by their first word of four bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// The destination port, the transport protocol, the family, the destination's whole address.
    Port,
    Protocol,
    Family,
    Address,
    /// One of those in part, with others, or after arithmetic.
    Mixed,
    /// A constant.
    Bytes(Vec<u8>),
    /// A part of the packet that does not tell where it goes.
    Other,
}

impl Content {
    fn matters(&self) -> bool {
        !matches!(self, Self::Other | Self::Bytes(_))
    }
}

/// Comparisons, `enum nft_cmp_ops`.
const EQUAL: u32 = 0;
const LESS: u32 = 2;
const AT_MOST: u32 = 3;
const MORE: u32 = 4;
const AT_LEAST: u32 = 5;

const NFTA_DATA_VALUE: u16 = 1;

/// Runs the expressions of one rule on what it is told of a packet.
pub struct Machine {
    pub conditions: Conditions,
    pub target: Option<Target>,
    /// The family of the table.
    family: u8,
    order: ByteOrder,
    registers: BTreeMap<u32, Content>,
}

impl Machine {
    pub fn new(family: u8, order: ByteOrder) -> Self {
        Self {
            conditions: Conditions::default(),
            target: None,
            family,
            order,
            registers: BTreeMap::new(),
        }
    }

    /// Runs an expression, known by its name (net/netfilter/nft_*.c).
    pub fn run(&mut self, name: &[u8], data: &[u8]) {
        match name {
            b"payload" => {
                let content = self.of_payload(data);
                self.load(data, 1, content);
            }
            b"meta" => {
                let content = self.of_meta(data);
                self.load(data, 1, content);
            }
            b"ct" | b"fib" | b"rt" | b"osf" | b"exthdr" | b"numgen" | b"xfrm" => {
                self.load(data, 1, Content::Other);
            }
            b"socket" | b"tunnel" => self.load(data, 2, Content::Other),
            b"bitwise" | b"byteorder" | b"hash" => {
                let matters = self.held(data, 1).is_some_and(Content::matters);
                let content = if matters {
                    Content::Mixed
                } else {
                    Content::Other
                };
                self.load(data, 2, content);
            }
            b"immediate" => {
                let value = self.value(data, 2).map(<[u8]>::to_vec);
                self.load(data, 1, value.map_or(Content::Other, Content::Bytes));
            }
            b"cmp" => self.compare(data),
            b"range" => self.compare_range(data),
            b"lookup" | b"dynset" => {
                // A set may be of several registers in a row.
                let sreg = self.register(data, 2).unwrap_or(0);
                let mut held = self.registers.range(sreg..);
                self.conditions.is_obscure |= held.any(|(_, content)| content.matters());
                self.load(data, 3, Content::Other);
            }
            b"match" => {
                let asked = Extension::of_expression(data, self.order);
                xt::run_match(&asked, self.order, &mut self.conditions);
            }
            b"target" => {
                let told = Extension::of_expression(data, self.order);
                self.target = xt::target(&told, self.family, self.order).or(self.target);
            }
            b"nat" => self.translate(data),
            b"redir" => {
                self.target =
                    Some(
                        self.to_ports(data, 1)
                            .map_or(Target::Obscure, |ports| Target::To {
                                address: None,
                                ports,
                                family: None,
                            }),
                    );
            }
            b"counter" | b"log" | b"limit" | b"quota" | b"connlimit" | b"last" | b"objref" => {}
            // It may alter what has been loaded.
            _ => {
                for content in self.registers.values_mut() {
                    if content.matters() {
                        *content = Content::Mixed;
                    }
                }
            }
        }
    }

    /// The first word of a register: those of 16 bytes are 1 to 4, those of 4 bytes begin at 8.
    fn register(&self, data: &[u8], kind: u16) -> Option<u32> {
        let number = number(data, kind, self.order)?;
        Some(if number < 8 { number * 4 } else { number - 4 })
    }

    fn held(&self, data: &[u8], kind: u16) -> Option<&Content> {
        self.registers.get(&self.register(data, kind)?)
    }

    fn load(&mut self, data: &[u8], kind: u16, content: Content) {
        if let Some(register) = self.register(data, kind) {
            self.registers.insert(register, content);
        }
    }

    /// A constant of an expression.
    fn value<'a>(&self, data: &'a [u8], kind: u16) -> Option<&'a [u8]> {
        attribute(
            attribute(data, kind, self.order)?,
            NFTA_DATA_VALUE,
            self.order,
        )
    }

    /// `NFTA_PAYLOAD_*`: register, base, offset, length.
    fn of_payload(&self, data: &[u8]) -> Content {
        const NETWORK: u32 = 1;
        const TRANSPORT: u32 = 2;
        let field = |kind| number(data, kind, self.order);
        let (Some(base), Some(offset), Some(length)) = (field(2), field(3), field(4)) else {
            return Content::Mixed;
        };
        let overlaps =
            |at: u32, size: u32| offset < at + size && at < offset.saturating_add(length);
        let family = self.conditions.family.unwrap_or(self.family);
        let (protocol, address) = match family {
            IPV4 => (9, (16, 4)),
            IPV6 => (6, (24, 16)),
            // Whose header it is has not been asked.
            _ if base == NETWORK => return Content::Mixed,
            _ => (0, (0, 0)),
        };
        match base {
            TRANSPORT if (offset, length) == (2, 2) => Content::Port,
            TRANSPORT if overlaps(2, 2) => Content::Mixed,
            NETWORK if (offset, length) == (protocol, 1) => Content::Protocol,
            NETWORK if (offset, length) == address => Content::Address,
            NETWORK if overlaps(protocol, 1) || overlaps(address.0, address.1) => Content::Mixed,
            _ => Content::Other,
        }
    }

    /// `NFTA_META_*`: register, key.
    fn of_meta(&self, data: &[u8]) -> Content {
        const NFT_META_PROTOCOL: u32 = 1;
        const NFT_META_NFPROTO: u32 = 15;
        const NFT_META_L4PROTO: u32 = 16;
        match number(data, 2, self.order) {
            Some(NFT_META_L4PROTO) => Content::Protocol,
            Some(NFT_META_NFPROTO) => Content::Family,
            Some(NFT_META_PROTOCOL) | None => Content::Mixed,
            Some(_) => Content::Other,
        }
    }

    /// `NFTA_CMP_*`: register, comparison, constant.
    fn compare(&mut self, data: &[u8]) {
        let operation = number(data, 2, self.order);
        let value = self.value(data, 3).unwrap_or_default();
        let Some(content) = self.held(data, 1).filter(|content| content.matters()) else {
            return;
        };
        let port = u16_at(value, 0, ByteOrder::Big).filter(|_| value.len() == 2);
        let range = match (content, operation, value) {
            (Content::Port, Some(operation), _) => port.and_then(|port| ports(operation, port)),
            (Content::Protocol, Some(EQUAL), [protocol]) => {
                self.conditions.protocol = Some(*protocol);
                return;
            }
            (Content::Family, Some(EQUAL), [family]) => {
                self.conditions.family = Some(*family);
                return;
            }
            (Content::Address, Some(EQUAL), _) => {
                self.conditions.address = address(value);
                self.conditions.is_obscure |= self.conditions.address.is_none();
                return;
            }
            _ => None,
        };
        self.limit(range);
    }

    /// `NFTA_RANGE_*`: register, comparison, first, last.
    fn compare_range(&mut self, data: &[u8]) {
        let Some(content) = self.held(data, 1).filter(|content| content.matters()) else {
            return;
        };
        let is_port = *content == Content::Port && number(data, 2, self.order) == Some(EQUAL);
        let end = |kind| u16_at(self.value(data, kind)?, 0, ByteOrder::Big);
        let range = end(3).zip(end(4)).filter(|_| is_port);
        self.limit(range);
    }

    fn limit(&mut self, range: Option<(u16, u16)>) {
        match range {
            Some(range) => self.conditions.limit_ports(&[range]),
            None => self.conditions.is_obscure = true,
        }
    }

    /// `NFTA_NAT_*`: type, family, registers of addresses, registers of ports.
    fn translate(&mut self, data: &[u8]) {
        const NFT_NAT_DNAT: u32 = 1;
        if number(data, 1, self.order) != Some(NFT_NAT_DNAT) {
            return;
        }
        let family = number(data, 2, self.order).and_then(|family| u8::try_from(family).ok());
        let to = self.to_ports(data, 5).and_then(|ports| {
            let is_told = |kind| attribute(data, kind, self.order).is_some();
            let held = |kind| match self.held(data, kind) {
                Some(Content::Bytes(bytes)) => address(bytes),
                _ => None,
            };
            let first = if is_told(3) { Some(held(3)?) } else { None };
            let last = if is_told(4) { Some(held(4)?) } else { first };
            (first == last).then_some(Target::To {
                address: first,
                ports,
                family,
            })
        });
        self.target = Some(to.unwrap_or(Target::Obscure));
    }

    /// The ports in two registers, the second of which may be missing; `Some(None)` for no ports.
    fn to_ports(&self, data: &[u8], kind: u16) -> Option<Option<(u16, u16)>> {
        if attribute(data, kind, self.order).is_none() {
            return Some(None);
        }
        let held = |kind| match self.held(data, kind) {
            Some(Content::Bytes(bytes)) => u16_at(bytes, 0, ByteOrder::Big),
            _ => None,
        };
        let first = held(kind)?;
        let last = match attribute(data, kind + 1, self.order) {
            Some(_) => held(kind + 1)?,
            None => first,
        };
        Some(Some((first, last)))
    }
}

/// The ports for which a comparison holds; `None` for none, or all but one.
fn ports(operation: u32, port: u16) -> Option<(u16, u16)> {
    match operation {
        EQUAL => Some((port, port)),
        LESS => Some((0, port.checked_sub(1)?)),
        AT_MOST => Some((0, port)),
        MORE => Some((port.checked_add(1)?, u16::MAX)),
        AT_LEAST => Some((port, u16::MAX)),
        _ => None,
    }
}
