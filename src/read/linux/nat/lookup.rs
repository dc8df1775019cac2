//! Which packets have elements of a set of nf_tables, by what registers hold of them.

use super::content::Content;
use super::packets::{Kind, Matched, number_of};
use super::ranges::Ranges;
use super::registers::{Registers, SLOT, limit_kind};
use super::sets::{Data, Set};
use crate::read::linux::wire::ByteOrder;

impl Registers {
    /// The packets that have elements of a set, by the key that begins at a slot, and what each leads to.
    pub fn among(&self, at: u32, set: &Set, all: &Matched, kind: &Kind) -> Vec<(Matched, Data)> {
        let mut found = Vec::new();
        let mut rest = all.clone();
        for element in &set.elements {
            let Some((first, last)) = &element.keys else {
                continue;
            };
            let mut matched = all.clone();
            self.limit_to_keys(at, set, (first, last), kind, &mut matched);
            if !matched.is_none() {
                rest = Self::all_but(rest, &[(matched.clone(), Data::Nothing)]);
                found.push((matched, element.data.clone()));
            }
        }
        for element in set.elements.iter().filter(|one| one.keys.is_none()) {
            if !rest.is_none() {
                found.push((rest.clone(), element.data.clone()));
            }
        }
        found
    }

    /// Leaves the packets whose key is between these, field by field.
    fn limit_to_keys(
        &self,
        at: u32,
        set: &Set,
        (first, last): (&[u8], &[u8]),
        kind: &Kind,
        matched: &mut Matched,
    ) {
        let mut offset = 0;
        for slot in at.. {
            if offset >= set.shape.key_length.min(first.len()) || matched.is_none() {
                break;
            }
            let content = self.0.get(&slot).unwrap_or(&Content::Other);
            let field =
                |key: &[u8], width: usize| key.get(offset..offset + width).map(<[u8]>::to_vec);
            let ends = |width| field(first, width).zip(field(last, width));
            let range = |width| {
                let (first, last) = ends(width)?;
                Some(Ranges::one(number_of(&first)?, number_of(&last)?))
            };
            match content {
                Content::Bytes(value) => {
                    let is_in = ends(value.len())
                        .is_some_and(|(first, last)| first <= *value && *value <= last);
                    if !is_in {
                        matched.none();
                    }
                }
                Content::Port => match range(2) {
                    Some(range) => matched.limit_ports(&range, false),
                    None => matched.obscure(),
                },
                Content::Address(bits) if usize::from(*bits) == 8 * kind.address_length() => {
                    match range(kind.address_length()) {
                        Some(range) => matched.limit_addresses(&range, false),
                        None => matched.obscure(),
                    }
                }
                Content::AddressKind => match ends(SLOT) {
                    Some((first, last)) if first == last => {
                        limit_kind(matched, &first, false, kind, ByteOrder::NATIVE);
                    }
                    _ => matched.narrow(),
                },
                Content::Continued => {}
                content if content.matters() => matched.obscure(),
                _ => matched.narrow(),
            }
            offset += SLOT;
        }
    }

    /// The packets that are in none of these.
    pub fn all_but(mut matched: Matched, others: &[(Matched, Data)]) -> Matched {
        for (other, _) in others {
            let is_whole = other.is_certain;
            let others = &other.packets;
            let same_ports = matched.packets.ports.difference(&others.ports).is_empty();
            let addresses = &matched.packets.addresses;
            let same_addresses = addresses.difference(&others.addresses).is_empty();
            match (is_whole, same_ports, same_addresses) {
                (true, true, _) => matched.limit_addresses(&others.addresses, true),
                (true, false, true) => matched.limit_ports(&others.ports, true),
                _ if others.is_obscure => matched.obscure(),
                _ => matched.narrow(),
            }
        }
        matched
    }

    /// As few sets of packets as stand for all of these.
    pub fn joined(all: impl Iterator<Item = Matched>) -> Vec<Matched> {
        let mut joined: Vec<Matched> = Vec::new();
        for one in all {
            let same = joined.iter_mut().find(|known| {
                known.is_certain == one.is_certain
                    && known.packets.is_obscure == one.packets.is_obscure
                    && (known.packets.addresses == one.packets.addresses
                        || known.packets.ports == one.packets.ports)
            });
            match same {
                Some(known) if known.packets.addresses == one.packets.addresses => {
                    known.packets.ports = known.packets.ports.union(&one.packets.ports);
                }
                Some(known) => {
                    let addresses = &known.packets.addresses;
                    known.packets.addresses = addresses.union(&one.packets.addresses);
                }
                None => joined.push(one),
            }
        }
        joined
    }
}
