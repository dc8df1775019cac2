//! Destination NAT by the rules of nf_tables: bytes of a rule dump in, forwarded ports out. Pure. Numbers
//! are those of linux/netfilter/nf_tables.h and nfnetlink.h; attributes hold big-endian numbers.

use std::net::IpAddr;

use super::wire::{ByteOrder, u16_at, u32_at};
use crate::read::raw::RawForwards;
use rule::Rule;

mod expressions;
mod rule;
#[cfg(test)]
mod tests;
mod xt;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
/// `NFNL_SUBSYS_NFTABLES`, in the upper byte of a message's type.
const NF_TABLES: u16 = 10 << 8;
const NFT_MSG_NEWRULE: u16 = 6;
const NFT_MSG_GETRULE: u16 = 7;
/// `struct nlmsghdr` and `struct nfgenmsg`.
const HEADER: usize = 16;
const GENERAL: usize = 4;

/// The request for the rules of all tables of all families.
pub fn request(sequence: u32) -> Vec<u8> {
    let length = u32::try_from(HEADER + GENERAL).unwrap_or_default();
    let mut out = length.to_ne_bytes().to_vec();
    out.extend((NF_TABLES | NFT_MSG_GETRULE).to_ne_bytes());
    out.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    out.extend(sequence.to_ne_bytes());
    out.extend([0; 4]);
    // Family 0 is every family.
    out.extend([0; GENERAL]);
    out
}

/// How a dump goes on after a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    More,
    /// The rules changed under the dump.
    Interrupted,
    /// The end, with an errno (0 for none).
    End {
        errno: i32,
    },
    Malformed,
}

/// Takes a datagram of the answer apart.
pub fn decode(datagram: &[u8], sequence: u32, order: ByteOrder, found: &mut RawForwards) -> Step {
    let mut rest = datagram;
    while !rest.is_empty() {
        let header = (|| {
            Some((
                usize::try_from(u32_at(rest, 0, order)?).ok()?,
                u16_at(rest, 4, order)?,
                u16_at(rest, 6, order)?,
                u32_at(rest, 8, order)?,
            ))
        })();
        let Some((length, kind, flags, of)) = header else {
            return Step::Malformed;
        };
        let Some(body) = rest.get(HEADER..length) else {
            return Step::Malformed;
        };
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        if of != sequence {
            continue;
        }
        if flags & NLM_F_DUMP_INTR != 0 {
            return Step::Interrupted;
        }
        if kind == NLMSG_DONE || kind == NLMSG_ERROR {
            let errno = u32_at(body, 0, order).map_or(0, |code| code.cast_signed());
            return Step::End {
                errno: errno.wrapping_neg(),
            };
        }
        if kind == NF_TABLES | NFT_MSG_NEWRULE {
            let Some((family, attributes)) = body.first().zip(body.get(GENERAL..)) else {
                return Step::Malformed;
            };
            match rule::decode_rule(*family, attributes, order) {
                Rule::ForwardsNothing => {}
                Rule::Forwards(forwards) => found.forwards.extend(forwards),
                Rule::NotUnderstood => found.not_understood += 1,
            }
        }
    }
    Step::More
}

/// The attributes of a message or of another attribute, `struct nlattr`: kind and value.
fn attributes(bytes: &[u8], order: ByteOrder) -> impl Iterator<Item = (u16, &[u8])> {
    /// Flags for nesting and byte order stand in the upper two bits.
    const KIND: u16 = 0x3FFF;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0, order)?);
        let kind = u16_at(rest, 2, order)? & KIND;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn attribute(bytes: &[u8], wanted: u16, order: ByteOrder) -> Option<&[u8]> {
    attributes(bytes, order).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

fn number(bytes: &[u8], wanted: u16, order: ByteOrder) -> Option<u32> {
    u32_at(attribute(bytes, wanted, order)?, 0, ByteOrder::Big)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
