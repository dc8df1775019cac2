//! The rules of iptables-legacy, as the kernel hands out a table: `struct ipt_entry` and `struct
//! ip6t_entry`, each with its matches and its target behind it. Numbers are those of
//! linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h and linux/netfilter/x_tables.h.

use super::address;
use super::rule::{Conditions, IPV4, Rule, forwards};
use super::xt::{Extension, run_match, target};
use crate::read::linux::wire::{ByteOrder, u16_at};
use crate::read::raw::RawForwards;

/// `IPT_INV_DSTIP` and `XT_INV_PROTO`: what is meant the other way round.
const NOT_DESTINATION: u8 = 0x10;
const NOT_PROTOCOL: u8 = 0x40;

/// `struct xt_entry_match` and `struct xt_entry_target`: size, name of 29 bytes, revision.
const EXTENSION: usize = 32;

/// Where the parts of an entry are.
struct Layout {
    /// Destination and mask.
    address: usize,
    mask: usize,
    length: usize,
    protocol: usize,
    inverted: usize,
    /// The offset of the target, and of the next entry.
    offsets: usize,
    matches: usize,
}

/// `struct ipt_ip`, `nfcache`, the offsets, `comefrom`, counters.
const OF_IPV4: Layout = Layout {
    address: 4,
    mask: 12,
    length: 4,
    protocol: 80,
    inverted: 83,
    offsets: 88,
    matches: 112,
};

/// The same with `struct ip6t_ip6`; the counters are aligned as the machine aligns eight bytes.
const OF_IPV6: Layout = Layout {
    address: 16,
    mask: 48,
    length: 16,
    protocol: 128,
    inverted: 132,
    offsets: 140,
    matches: 148_usize.next_multiple_of(align_of::<u64>()) + 16,
};

/// Adds what the entries of a NAT table of this family send elsewhere; `None` where they are damaged.
pub fn decode_entries(
    table: &[u8],
    family: u8,
    order: ByteOrder,
    found: &mut RawForwards,
) -> Option<()> {
    let layout = if family == IPV4 { &OF_IPV4 } else { &OF_IPV6 };
    let mut rest = table;
    while !rest.is_empty() {
        let next = usize::from(u16_at(rest, layout.offsets + 2, order)?);
        let (entry, others) = rest.split_at_checked(next)?;
        if next < layout.matches {
            return None;
        }
        match decode_entry(entry, layout, family, order)? {
            Rule::ForwardsNothing => {}
            Rule::Forwards(forwards) => found.forwards.extend(forwards),
            Rule::NotUnderstood => found.not_understood += 1,
        }
        rest = others;
    }
    Some(())
}

fn decode_entry(entry: &[u8], layout: &Layout, family: u8, order: ByteOrder) -> Option<Rule> {
    let targets_at = usize::from(u16_at(entry, layout.offsets, order)?);
    let (_, told) = extension(entry.get(targets_at..)?, order)?;
    let Some(target) = target(&told, family, order) else {
        return Some(Rule::ForwardsNothing);
    };
    let mut conditions = of_header(entry, layout, order)?;
    let mut rest = entry.get(layout.matches..targets_at)?;
    while !rest.is_empty() {
        let (size, asked) = extension(rest, order)?;
        run_match(&asked, order, &mut conditions);
        rest = rest.get(size..)?;
    }
    Some(forwards(&conditions, family, target))
}

/// What the head of an entry asks of a packet's destination.
fn of_header(entry: &[u8], layout: &Layout, order: ByteOrder) -> Option<Conditions> {
    let mut conditions = Conditions::default();
    let inverted = *entry.get(layout.inverted)?;
    // 0 stands for every protocol, as "all but one" nearly does.
    let protocol = u16_at(entry, layout.protocol, order)?;
    conditions.protocol = u8::try_from(protocol)
        .ok()
        .filter(|protocol| *protocol != 0 && inverted & NOT_PROTOCOL == 0);
    let mask = entry.get(layout.mask..layout.mask + layout.length)?;
    let destination = entry.get(layout.address..layout.address + layout.length)?;
    if mask.iter().all(|byte| *byte == u8::MAX) {
        conditions.address = address(destination);
    }
    let asks_in_part = conditions.address.is_none() && mask.iter().any(|byte| *byte != 0);
    conditions.is_obscure = asks_in_part || inverted & NOT_DESTINATION != 0;
    Some(conditions)
}

/// A match or a target, and its size.
fn extension(bytes: &[u8], order: ByteOrder) -> Option<(usize, Extension<'_>)> {
    let size = usize::from(u16_at(bytes, 0, order)?);
    let whole = bytes.get(..size).filter(|_| size >= EXTENSION)?;
    let name = whole.get(2..EXTENSION - 1)?;
    let end = name.iter().position(|byte| *byte == 0);
    let asked = Extension {
        name: &name[..end.unwrap_or(name.len())],
        revision: whole.get(EXTENSION - 1).map(|revision| (*revision).into()),
        structure: &whole[EXTENSION..],
    };
    Some((size, asked))
}
