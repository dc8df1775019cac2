//! Destination NAT by the rules of nf_tables and of iptables-legacy: bytes of a dump in, forwarded ports
//! out. Pure. Numbers are those of linux/netfilter/nf_tables.h and nfnetlink.h; attributes hold big-endian
//! numbers.

use super::rtnetlink::{self, Step, address, attribute, attributes};
use super::wire::{ByteOrder, u32_at};
use crate::read::raw::RawForwards;
pub use entries::decode_entries;
use rule::Rule;
pub use rule::{IPV4, IPV6};

mod entries;
mod expressions;
mod rule;
#[cfg(test)]
mod tests;
mod xt;

/// `NFNL_SUBSYS_NFTABLES`, in the upper byte of a message's type.
const NF_TABLES: u16 = 10 << 8;
const NFT_MSG_NEWRULE: u16 = 6;
const NFT_MSG_GETRULE: u16 = 7;
/// `struct nfgenmsg`.
const GENERAL: usize = 4;

/// The request for the rules of all tables of all families.
pub fn request(sequence: u32) -> Vec<u8> {
    // Family 0 is every family.
    rtnetlink::request(NF_TABLES | NFT_MSG_GETRULE, sequence, &[0; GENERAL])
}

/// Takes a datagram of the answer apart.
pub fn decode(datagram: &[u8], sequence: u32, order: ByteOrder, found: &mut RawForwards) -> Step {
    let kind = NF_TABLES | NFT_MSG_NEWRULE;
    rtnetlink::decode(datagram, sequence, order, kind, |body| {
        let (family, attributes) = body.first().zip(body.get(GENERAL..))?;
        match rule::decode_rule(*family, attributes, order) {
            Rule::ForwardsNothing => {}
            Rule::Forwards(forwards) => found.forwards.extend(forwards),
            Rule::NotUnderstood => found.not_understood += 1,
        }
        Some(())
    })
}

fn number(bytes: &[u8], wanted: u16, order: ByteOrder) -> Option<u32> {
    u32_at(attribute(bytes, wanted, order)?, 0, ByteOrder::Big)
}
