//! Registers of nf_tables: what they hold of a packet, and which packets a comparison leaves.

use std::collections::BTreeMap;

use super::content::Content;
use super::packets::{Kind, Matched, number_of};
use super::ranges::Ranges;
use super::{attribute, number};
use crate::read::linux::wire::ByteOrder;

/// Comparisons, `enum nft_cmp_ops`.
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;
const LESS: u32 = 2;
const AT_MOST: u32 = 3;
const MORE: u32 = 4;
const AT_LEAST: u32 = 5;

/// `RTN_LOCAL`, linux/rtnetlink.h.
const LOCAL: u32 = 2;

/// `NFT_REG32_15`.
const MOST: u32 = 23;

/// Bytes of a slot, by which registers are counted.
pub const SLOT: usize = 4;

/// What registers hold, by slots of four bytes.
#[derive(Debug, Clone, Default)]
pub struct Registers(pub(super) BTreeMap<u32, Content>);

impl Registers {
    /// The first slot of the register in an attribute: those of 16 bytes are 1 to 4, those of 4 bytes
    /// begin at 8.
    pub fn number(data: &[u8], kind: u16, order: ByteOrder) -> Option<u32> {
        let register = number(data, kind, order).filter(|register| *register <= MOST)?;
        Some(if register < 8 {
            register * 4
        } else {
            register - 4
        })
    }

    fn held(&self, data: &[u8], kind: u16, order: ByteOrder) -> Option<&Content> {
        self.0.get(&Self::number(data, kind, order)?)
    }

    /// Loads into the register in an attribute; without one nothing is loaded.
    pub fn load(
        &mut self,
        data: &[u8],
        kind: u16,
        content: Content,
        length: usize,
        order: ByteOrder,
    ) {
        let Some(at) = Self::number(data, kind, order) else {
            return;
        };
        if let Content::Bytes(value) = &content {
            return self.load_bytes(at, value);
        }
        self.0.insert(at, content);
        let slots = length.min(64).div_ceil(SLOT);
        for (slot, _) in (at + 1..).zip(1..slots) {
            self.0.insert(slot, Content::Continued);
        }
    }

    pub fn load_bytes(&mut self, at: u32, value: &[u8]) {
        for (slot, piece) in (at..).zip(value.chunks(SLOT)) {
            self.0.insert(slot, Content::Bytes(piece.to_vec()));
        }
    }

    /// Constants of this length, from a slot on.
    pub fn bytes(&self, at: u32, length: usize) -> Option<Vec<u8>> {
        let mut all = Vec::with_capacity(length);
        for slot in at.. {
            if all.len() >= length {
                break;
            }
            let Content::Bytes(piece) = self.0.get(&slot)? else {
                return None;
            };
            all.extend(piece);
            if piece.len() < SLOT {
                break;
            }
        }
        (all.len() >= length).then(|| {
            all.truncate(length);
            all
        })
    }

    /// Whether what is held from a slot on tells where packets go, or is known.
    pub fn matter_from(&self, at: u32) -> bool {
        let mut held = self.0.range(at..);
        held.any(|(_, content)| content.matters() || matches!(content, Content::Bytes(_)))
    }

    /// Nothing of what is held is what it was.
    pub fn muddle(&mut self) {
        for content in self.0.values_mut().filter(|content| content.matters()) {
            *content = Content::Mixed;
        }
    }

    /// `NFTA_BITWISE_*` and `NFTA_BYTEORDER_*`: from, to; of the former length, mask and xor too.
    pub fn calculate(&mut self, name: &[u8], data: &[u8], kind: &Kind, order: ByteOrder) {
        const VALUE: u16 = 1;
        let constant = |kind| attribute(attribute(data, kind, order)?, VALUE, order);
        let held = self.held(data, 1, order).cloned();
        let is_bitwise = name == b"bitwise";
        let content = match (held, constant(4), constant(5)) {
            (Some(Content::Address(bits)), Some(mask), Some(xor))
                if is_bitwise && usize::from(bits) == 8 * kind.address_length() =>
            {
                let is_plain =
                    xor.iter().all(|byte| *byte == 0) && mask.len() * 8 == usize::from(bits);
                let prefix = prefix(mask).filter(|_| is_plain);
                prefix.map_or(Content::Mixed, Content::Address)
            }
            (Some(Content::Bytes(value)), Some(mask), Some(xor)) if is_bitwise => {
                let bytes = value.iter().zip(mask.iter().zip(xor));
                let bytes = bytes.map(|(value, (mask, xor))| value & mask ^ xor);
                Content::Bytes(bytes.collect())
            }
            (Some(content), ..) if content.matters() => Content::Mixed,
            _ => Content::Other,
        };
        let length = number(data, 3, order).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|_| is_bitwise).unwrap_or(SLOT);
        self.load(data, 2, content, length, order);
    }

    /// `NFTA_CMP_*`: leaves the packets for which a comparison with a constant holds.
    pub fn compare(
        &self,
        data: &[u8],
        value: &[u8],
        kind: &Kind,
        order: ByteOrder,
        matched: &mut Matched,
    ) {
        let Some(operation) = number(data, 2, order).filter(|known| *known <= AT_LEAST) else {
            return matched.obscure();
        };
        let is_inverted = operation == NOT_EQUAL;
        match self.held(data, 1, order) {
            Some(Content::Bytes(piece)) => {
                let at = Self::number(data, 1, order).unwrap_or(0);
                let held = self.bytes(at, value.len()).unwrap_or_else(|| piece.clone());
                let ordering = held.as_slice().cmp(value);
                let holds = match operation {
                    EQUAL => ordering.is_eq(),
                    NOT_EQUAL => ordering.is_ne(),
                    LESS => ordering.is_lt(),
                    AT_MOST => ordering.is_le(),
                    MORE => ordering.is_gt(),
                    _ => ordering.is_ge(),
                };
                if !holds {
                    matched.none();
                }
            }
            Some(Content::Port) => match number_of(value).filter(|_| value.len() == 2) {
                Some(port) => matched.limit_ports(&compared(operation, port), is_inverted),
                None => matched.obscure(),
            },
            Some(Content::Ports) if value.len() == 4 => {
                let port = value.get(2..4).and_then(number_of);
                both_ends(matched, operation, port, Matched::limit_ports);
            }
            Some(Content::Address(bits)) => {
                let length = kind.address_length();
                let whole = usize::from(*bits) == 8 * length;
                match network(value, *bits, length) {
                    Some((first, last)) if operation <= NOT_EQUAL => {
                        matched.limit_addresses(&Ranges::one(first, last), is_inverted);
                    }
                    Some((first, _)) if whole => {
                        matched.limit_addresses(&compared(operation, first), false);
                    }
                    _ => matched.obscure(),
                }
            }
            Some(Content::Addresses) => {
                let address = value.get(kind.address_length()..).and_then(number_of);
                both_ends(matched, operation, address, Matched::limit_addresses);
            }
            Some(Content::AddressKind) if operation <= NOT_EQUAL => {
                limit_kind(matched, value, is_inverted, kind, order);
            }
            Some(content) if content.matters() => matched.obscure(),
            _ => matched.narrow(),
        }
    }

    /// `NFTA_RANGE_*`: leaves the packets that are in a range, or outside it.
    pub fn compare_range(
        &self,
        data: &[u8],
        (first, last): (&[u8], &[u8]),
        kind: &Kind,
        order: ByteOrder,
        matched: &mut Matched,
    ) {
        let is_inverted = number(data, 2, order) != Some(EQUAL);
        let ends = number_of(first).zip(number_of(last));
        let range = ends.map(|(first, last)| Ranges::one(first, last));
        match (self.held(data, 1, order), range) {
            (Some(Content::Bytes(held)), _) => {
                let is_in = first <= held.as_slice() && held.as_slice() <= last;
                if is_in == is_inverted {
                    matched.none();
                }
            }
            (Some(Content::Port), Some(range)) if first.len() == 2 => {
                matched.limit_ports(&range, is_inverted);
            }
            (Some(Content::Address(bits)), Some(range))
                if usize::from(*bits) == 8 * kind.address_length() =>
            {
                matched.limit_addresses(&range, is_inverted);
            }
            (Some(content), _) if content.matters() => matched.obscure(),
            _ => matched.narrow(),
        }
    }
}

/// The numbers for which a comparison holds; those for which equality does, where it must not.
fn compared(operation: u32, value: u128) -> Ranges {
    match operation {
        LESS if value == 0 => Ranges::default(),
        LESS => Ranges::one(0, value - 1),
        AT_MOST => Ranges::one(0, value),
        MORE => value
            .checked_add(1)
            .map_or_else(Ranges::default, |next| Ranges::one(next, u128::MAX)),
        AT_LEAST => Ranges::one(value, u128::MAX),
        _ => Ranges::one(value, value),
    }
}

/// Both ends are asked for at once: the sender's end leaves some of the packets.
fn both_ends(
    matched: &mut Matched,
    operation: u32,
    destination: Option<u128>,
    limit: fn(&mut Matched, &Ranges, bool),
) {
    match (operation, destination) {
        (EQUAL, Some(number)) => limit(matched, &Ranges::one(number, number), false),
        (NOT_EQUAL, _) => {}
        _ => matched.obscure(),
    }
    matched.narrow();
}

/// Leaves the packets to addresses of a kind, or of all others.
pub fn limit_kind(
    matched: &mut Matched,
    value: &[u8],
    is_inverted: bool,
    kind: &Kind,
    order: ByteOrder,
) {
    match <[u8; 4]>::try_from(value).map(|value| order.u32(value)) {
        Ok(LOCAL) => matched.limit_to_local(kind, is_inverted),
        // Unicast, broadcast, multicast and others are not local.
        Ok(_) if is_inverted => matched.narrow(),
        Ok(_) => {
            matched.limit_to_local(kind, true);
            matched.narrow();
        }
        Err(_) => matched.obscure(),
    }
}

/// How many bits of a mask are set, where those are the first.
pub fn prefix(mask: &[u8]) -> Option<u8> {
    let free = u32::try_from(128 - 8 * mask.len().min(16)).ok()?;
    let number = number_of(mask)?.checked_shl(free)?;
    let bits = number.leading_ones();
    (number.count_ones() == bits).then(|| u8::try_from(bits).ok())?
}

/// First and last address of a network, of which so many bits are told.
pub fn network(value: &[u8], bits: u8, length: usize) -> Option<(u128, u128)> {
    let mut whole = value.to_vec();
    whole.resize(length, 0);
    let free = (8 * length).checked_sub(bits.into())?;
    let low = u128::MAX
        .checked_shr(u32::try_from(128 - free).ok()?)
        .unwrap_or(0);
    let first = number_of(&whole)?;
    // A value with more bits than are asked for is never met.
    Some(if first & low == 0 {
        (first, first | low)
    } else {
        (1, 0)
    })
}
