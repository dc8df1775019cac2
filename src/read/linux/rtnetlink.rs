//! Messages of rtnetlink(7) and nfnetlink: how a dump of them begins, goes on and ends. Pure.

use std::net::IpAddr;

use super::wire::{ByteOrder, u16_at, u32_at};

pub const NLMSG_ERROR: u16 = 2;
pub const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
/// `struct nlmsghdr`.
pub const HEADER: usize = 16;

/// The request for a dump: of this kind, with a body that says of what.
pub fn request(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    message(kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, body)
}

/// The request for one thing, whose answer ends with an error of number 0.
pub fn request_one(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    message(kind, NLM_F_REQUEST | NLM_F_ACK, sequence, body)
}

fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or_default();
    let mut out = length.to_ne_bytes().to_vec();
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend(sequence.to_ne_bytes());
    out.extend([0; 4]);
    out.extend(body);
    out
}

/// The kind of a request that was made here.
pub fn kind(request: &[u8]) -> Option<u16> {
    u16_at(request, 4, ByteOrder::NATIVE)
}

/// How a dump goes on after a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    More,
    /// What is dumped changed meanwhile.
    Interrupted,
    /// The end, with an errno (0 for none).
    End {
        errno: i32,
    },
    Malformed,
}

/// Takes a datagram of the answer apart: `see` is given the body of each message of the wanted kind, and
/// says whether it could be read.
pub fn decode(
    datagram: &[u8],
    sequence: u32,
    order: ByteOrder,
    wanted: u16,
    mut see: impl FnMut(&[u8]) -> Option<()>,
) -> Step {
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
        if kind == wanted && see(body).is_none() {
            return Step::Malformed;
        }
    }
    Step::More
}

/// The attributes of a message or of another attribute, `struct nlattr`: kind and value.
pub fn attributes(bytes: &[u8], order: ByteOrder) -> impl Iterator<Item = (u16, &[u8])> {
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

pub fn attribute(bytes: &[u8], wanted: u16, order: ByteOrder) -> Option<&[u8]> {
    attributes(bytes, order).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

/// An address of 4 or 16 bytes.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
