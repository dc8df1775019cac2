//! What an expression of nf_tables loads of a packet into a register.

use super::number;
use super::packets::{IPV4, Kind};
use crate::read::linux::wire::ByteOrder;

/// What a register holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The destination port.
    Port,
    /// The ports of both ends.
    Ports,
    /// So many bits of the destination address, the first of them.
    Address(u8),
    /// The addresses of both ends.
    Addresses,
    /// The kind of the destination address, `RTN_*` of linux/rtnetlink.h.
    AddressKind,
    /// One of those in part, with others, or after arithmetic.
    Mixed,
    /// A constant, or what all packets of the walk share.
    Bytes(Vec<u8>),
    /// A further slot of what begins in one before.
    Continued,
    /// A part of the packet that does not tell where it goes.
    Other,
}

/// What is loaded, and its bytes.
type Loaded = (Content, usize);

impl Content {
    /// Whether it tells where a packet goes.
    pub fn matters(&self) -> bool {
        !matches!(self, Self::Other | Self::Bytes(_) | Self::Continued)
    }

    /// `NFTA_PAYLOAD_*`: register, base, offset, length. `None` for one that writes into the packet.
    pub fn of_payload(data: &[u8], kind: &Kind, order: ByteOrder) -> Option<Loaded> {
        number(data, 1, order)?;
        Some(Self::of_part(data, kind, order))
    }

    /// Whether an expression writes over the destination in the packet.
    pub fn writes_destination(data: &[u8], kind: &Kind, order: ByteOrder) -> bool {
        Self::of_part(data, kind, order).0.matters()
    }

    fn of_part(data: &[u8], kind: &Kind, order: ByteOrder) -> Loaded {
        const NETWORK: u32 = 1;
        const TRANSPORT: u32 = 2;
        let field = |kind| number(data, kind, order);
        let (Some(base), Some(offset), Some(length)) = (field(2), field(3), field(4)) else {
            return (Self::Mixed, 16);
        };
        let overlaps =
            |at: u32, size: u32| offset < at + size && at < offset.saturating_add(length);
        let (protocol, address, size) = match kind.family {
            IPV4 => (9, 16, 4),
            _ => (6, 24, 16),
        };
        let content = match base {
            TRANSPORT if (offset, length) == (2, 2) => Self::Port,
            TRANSPORT if (offset, length) == (0, 4) => Self::Ports,
            TRANSPORT if overlaps(2, 2) => Self::Mixed,
            NETWORK if (offset, length) == (protocol, 1) => {
                Self::Bytes(vec![kind.protocol_number()])
            }
            NETWORK if offset == address && (1..=size).contains(&length) => {
                u8::try_from(8 * length).map_or(Self::Mixed, Self::Address)
            }
            NETWORK if (offset, length) == (address - size, 2 * size) => Self::Addresses,
            NETWORK if overlaps(protocol, 1) || overlaps(address, size) => Self::Mixed,
            _ => Self::Other,
        };
        (content, usize::try_from(length).unwrap_or(16))
    }

    /// `NFTA_META_*`: register, key.
    pub fn of_meta(data: &[u8], kind: &Kind, order: ByteOrder) -> Loaded {
        const PROTOCOL: u32 = 1;
        const INPUT_NAME: u32 = 6;
        const OUTPUT_NAME: u32 = 7;
        const FAMILY: u32 = 15;
        const L4_PROTOCOL: u32 = 16;
        /// Kinds of interfaces, by name.
        const INPUT_KIND: u32 = 26;
        const OUTPUT_KIND: u32 = 27;
        let ethertype: u16 = if kind.family == IPV4 { 0x0800 } else { 0x86DD };
        match number(data, 2, order) {
            Some(L4_PROTOCOL) => (Self::Bytes(vec![kind.protocol_number()]), 1),
            Some(FAMILY) => (Self::Bytes(vec![kind.family]), 1),
            Some(PROTOCOL) => (Self::Bytes(ethertype.to_be_bytes().to_vec()), 2),
            Some(INPUT_NAME | OUTPUT_NAME | INPUT_KIND | OUTPUT_KIND) => (Self::Other, 16),
            Some(_) => (Self::Other, 4),
            None => (Self::Mixed, 16),
        }
    }

    /// `NFTA_CT_*`: register, key. What tracking knows of the packet's destination is not understood.
    pub fn of_tracking(data: &[u8], kind: &Kind, order: ByteOrder) -> Loaded {
        const L3_PROTOCOL: u32 = 7;
        const DESTINATION: u32 = 9;
        const PROTOCOL: u32 = 10;
        const DESTINATION_PORT: u32 = 12;
        const DESTINATION_IPV4: u32 = 20;
        const DESTINATION_IPV6: u32 = 22;
        match number(data, 2, order) {
            Some(L3_PROTOCOL) => (Self::Bytes(vec![kind.family]), 1),
            Some(PROTOCOL) => (Self::Bytes(vec![kind.protocol_number()]), 1),
            Some(DESTINATION | DESTINATION_PORT | DESTINATION_IPV4 | DESTINATION_IPV6) | None => {
                (Self::Mixed, 16)
            }
            Some(_) => (Self::Other, 4),
        }
    }

    /// `NFTA_FIB_*`: register, what is asked, of what.
    pub fn of_route(data: &[u8], order: ByteOrder) -> Loaded {
        const ADDRESS_KIND: u32 = 3;
        const OF_DESTINATION: u32 = 2;
        let of = number(data, 3, order).unwrap_or(0);
        match number(data, 2, order) {
            Some(ADDRESS_KIND) if of & OF_DESTINATION != 0 => (Self::AddressKind, 4),
            Some(ADDRESS_KIND) => (Self::Other, 4),
            _ => (Self::Other, 16),
        }
    }
}
