//! Where the rules of nf_tables and of iptables-legacy send packets past the sockets that have their
//! ports: destination NAT, and TPROXY. Bytes in, forwarded ports out. Pure. Numbers are those of
//! linux/netfilter/nf_tables.h and nfnetlink.h; attributes hold big-endian numbers.

use super::rtnetlink::{self, Step, address, attribute, attributes};
use super::wire::{ByteOrder, u16_at, u32_at};
pub use entries::{Entries, follow_entries};
pub use follow::{Base, Chain, LOCAL_OUT, PRE_ROUTING, Ruleset, Stop, Table, follow};
pub use packets::{IPV4, IPV6, Kind, Packets, asked_for, local_addresses};
pub use ranges::Ranges;
pub use sets::{RawElement, Set, Shape, assemble};
pub use target::settle;

mod content;
mod entries;
mod expressions;
mod follow;
mod lookup;
mod packets;
mod ranges;
mod registers;
mod sets;
mod target;
#[cfg(test)]
mod tests;
mod xt;

/// `NFNL_SUBSYS_NFTABLES`, in the upper byte of a message's type.
const NF_TABLES: u16 = 10 << 8;
const NEW_CHAIN: u16 = NF_TABLES | 3;
const GET_CHAIN: u16 = NF_TABLES | 4;
const NEW_RULE: u16 = NF_TABLES | 6;
const GET_RULE: u16 = NF_TABLES | 7;
const NEW_SET: u16 = NF_TABLES | 9;
const GET_SET: u16 = NF_TABLES | 10;
const NEW_ELEMENTS: u16 = NF_TABLES | 12;
const GET_ELEMENTS: u16 = NF_TABLES | 13;

/// `struct nfgenmsg`: family, version, and the low half of the ruleset's generation, big-endian.
const GENERAL: usize = 4;

/// `NFTA_RULE_*`.
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;

/// What messages of one kind hold, and of which generation of the ruleset they are.
#[derive(Debug)]
pub struct Answer<T> {
    pub generation: Option<u16>,
    /// Whether they are of more than one.
    pub has_changed: bool,
    pub found: Vec<T>,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self {
            generation: None,
            has_changed: false,
            found: Vec::new(),
        }
    }
}

impl<T> Answer<T> {
    fn note(&mut self, body: &[u8]) {
        let generation = u16_at(body, 2, ByteOrder::Big);
        self.has_changed |= self.generation.is_some() && self.generation != generation;
        self.generation = generation;
    }
}

/// The request for the chains of all tables of all families.
pub fn request_chains(sequence: u32) -> Vec<u8> {
    // Family 0 is every family.
    rtnetlink::request(GET_CHAIN, sequence, &[0; GENERAL])
}

/// The request for the rules of a chain.
pub fn request_rules(chain: &Chain, sequence: u32) -> Vec<u8> {
    let of = [(RULE_TABLE, &*chain.table.name), (RULE_CHAIN, &*chain.name)];
    rtnetlink::request(GET_RULE, sequence, &body(chain.table.family, of))
}

/// The request for what a set of a table is.
pub fn request_set(table: &Table, name: &[u8], sequence: u32) -> Vec<u8> {
    let of = [(1, &*table.name), (2, name)];
    rtnetlink::request_one(GET_SET, sequence, &body(table.family, of))
}

/// The request for the elements of a set of a table.
pub fn request_elements(table: &Table, name: &[u8], sequence: u32) -> Vec<u8> {
    let of = [(1, &*table.name), (2, name)];
    rtnetlink::request(GET_ELEMENTS, sequence, &body(table.family, of))
}

/// The body of a request: a family, and names, each with a zero byte behind it.
fn body(family: u8, names: [(u16, &[u8]); 2]) -> Vec<u8> {
    let mut body = vec![family, 0, 0, 0];
    for (kind, name) in names {
        let length = u16::try_from(4 + name.len() + 1).unwrap_or(u16::MAX);
        body.extend(length.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(name);
        body.push(0);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    body
}

/// Takes a datagram with chains apart: those that a hook calls.
pub fn decode_bases(
    datagram: &[u8],
    sequence: u32,
    order: ByteOrder,
    answer: &mut Answer<Base>,
) -> Step {
    /// `NFTA_CHAIN_*`: table, name, hook, type; and the number of the hook.
    const TABLE: u16 = 1;
    const NAME: u16 = 3;
    const HOOK: u16 = 4;
    const TYPE: u16 = 7;
    const HOOK_NUMBER: u16 = 1;
    rtnetlink::decode(datagram, sequence, order, NEW_CHAIN, |body| {
        answer.note(body);
        let (family, attributes) = body.first().zip(body.get(GENERAL..))?;
        let Some(hook) = attribute(attributes, HOOK, order) else {
            return Some(());
        };
        answer.found.push(Base {
            chain: Chain {
                table: Table {
                    family: *family,
                    name: text(attributes, TABLE, order)?,
                },
                name: text(attributes, NAME, order)?,
            },
            hook: number(hook, HOOK_NUMBER, order)?,
            is_nat: text(attributes, TYPE, order).as_deref() == Some(b"nat"),
        });
        Some(())
    })
}

/// Takes a datagram with rules apart: the chain of each, and its expressions.
pub fn decode_rules(
    datagram: &[u8],
    sequence: u32,
    order: ByteOrder,
    answer: &mut Answer<(Chain, Vec<u8>)>,
) -> Step {
    rtnetlink::decode(datagram, sequence, order, NEW_RULE, |body| {
        answer.note(body);
        let (family, attributes) = body.first().zip(body.get(GENERAL..))?;
        let chain = Chain {
            table: Table {
                family: *family,
                name: text(attributes, RULE_TABLE, order)?,
            },
            name: text(attributes, RULE_CHAIN, order)?,
        };
        let expressions = attribute(attributes, RULE_EXPRESSIONS, order).unwrap_or_default();
        answer.found.push((chain, expressions.to_vec()));
        Some(())
    })
}

/// Takes a datagram with a set apart.
pub fn decode_set(
    datagram: &[u8],
    sequence: u32,
    order: ByteOrder,
    answer: &mut Answer<Shape>,
) -> Step {
    rtnetlink::decode(datagram, sequence, order, NEW_SET, |body| {
        answer.note(body);
        let shape = sets::decode_shape(body.get(GENERAL..)?, order)?;
        answer.found.push(shape);
        Some(())
    })
}

/// Takes a datagram with elements of a set apart.
pub fn decode_elements(
    datagram: &[u8],
    sequence: u32,
    order: ByteOrder,
    answer: &mut Answer<RawElement>,
) -> Step {
    rtnetlink::decode(datagram, sequence, order, NEW_ELEMENTS, |body| {
        answer.note(body);
        sets::decode_elements(body.get(GENERAL..)?, order, &mut answer.found)
    })
}

/// A name, without the zero byte behind it.
fn text(bytes: &[u8], wanted: u16, order: ByteOrder) -> Option<Vec<u8>> {
    let name = attribute(bytes, wanted, order)?;
    Some(name.strip_suffix(b"\0").unwrap_or(name).to_vec())
}

fn number(bytes: &[u8], wanted: u16, order: ByteOrder) -> Option<u32> {
    u32_at(attribute(bytes, wanted, order)?, 0, ByteOrder::Big)
}
