//! The rules of iptables-legacy, as the kernel hands out a table: `struct ipt_entry` and `struct
//! ip6t_entry`, each with its matches and its target behind it; a jump names the offset of an entry
//! (net/ipv4/netfilter/ip_tables.c). Numbers are those of linux/netfilter_ipv4/ip_tables.h,
//! linux/netfilter_ipv6/ip6_tables.h and linux/netfilter/x_tables.h.

use super::follow::Stop;
use super::packets::{IPV4, Kind, Matched, Packets, Walk};
use super::ranges::Ranges;
use super::registers::{network, prefix};
use super::target::send;
use super::xt::{Extension, run_match, target};
use crate::read::linux::wire::{ByteOrder, u16_at, u32_at};
use crate::read::raw::RawForwards;

/// `IPT_INV_DSTIP` and `XT_INV_PROTO`: what is meant the other way round.
const NOT_DESTINATION: u8 = 0x10;
const NOT_PROTOCOL: u8 = 0x40;

/// `struct xt_entry_match` and `struct xt_entry_target`: size, name of 29 bytes, revision.
const EXTENSION: usize = 32;

/// `XT_RETURN` of a standard target, whose other negative verdicts end the packet's way.
const RETURN: i32 = -5;

/// Entries that are run for one question.
const MOST_STEPS: u32 = 2_000_000;
/// A chain may not call itself, but damaged bytes may say so.
const DEEPEST: u32 = 64;

/// Where the parts of an entry are.
struct Layout {
    /// Of source, destination, and the mask of each, one behind the other.
    length: usize,
    /// The masks of names of interfaces.
    interfaces: (usize, usize),
    protocol: usize,
    flags: usize,
    /// `IPT_F_GOTO` or `IP6T_F_GOTO`.
    goto: u8,
    inverted: usize,
    /// The offset of the target, and of the next entry.
    offsets: usize,
    matches: usize,
}

/// `struct ipt_ip`, `nfcache`, the offsets, `comefrom`, counters.
const OF_IPV4: Layout = Layout {
    length: 4,
    interfaces: (48, 80),
    protocol: 80,
    flags: 82,
    goto: 0x02,
    inverted: 83,
    offsets: 88,
    matches: 112,
};

/// The same with `struct ip6t_ip6`; the counters are aligned as the machine aligns eight bytes.
const OF_IPV6: Layout = Layout {
    length: 16,
    interfaces: (96, 128),
    protocol: 128,
    flags: 131,
    goto: 0x04,
    inverted: 132,
    offsets: 140,
    matches: 148_usize.next_multiple_of(align_of::<u64>()) + 16,
};

/// A table as the kernel hands it out.
#[derive(Debug, Clone, Copy)]
pub struct Entries<'a> {
    pub bytes: &'a [u8],
    /// Offsets of the entries at which the hooks begin that send packets elsewhere.
    pub hooks: &'a [usize],
    pub order: ByteOrder,
}

/// Follows packets of a kind through a table, and adds where they are sent.
///
/// # Errors
/// Why not all could be followed.
pub fn follow_entries(
    table: Entries<'_>,
    kind: &Kind,
    packets: &Packets,
    found: &mut RawForwards,
) -> Result<(), Stop> {
    let layout = if kind.family == IPV4 {
        &OF_IPV4
    } else {
        &OF_IPV6
    };
    let mut follower = Follower {
        table,
        layout,
        kind,
        found,
        steps: 0,
    };
    for hook in table.hooks {
        follower.walk(*hook, packets.clone(), 0)?;
    }
    Ok(())
}

struct Follower<'a> {
    table: Entries<'a>,
    layout: &'static Layout,
    kind: &'a Kind,
    found: &'a mut RawForwards,
    steps: u32,
}

impl Follower<'_> {
    /// Runs the entries from an offset on; gives the packets that come back to where it was called.
    fn walk(&mut self, from: usize, packets: Packets, depth: u32) -> Result<Option<Packets>, Stop> {
        let damaged = || Stop::Because("the rules of iptables-legacy are damaged".into());
        if depth > DEEPEST {
            return Err(damaged());
        }
        let mut walk = Walk::begin(packets);
        let mut at = from;
        while !walk.is_over() {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Err(Stop::Because("there are too many rules".into()));
            }
            let (next, matched, end) = self.entry(at, &walk.going).ok_or_else(damaged)?;
            match end {
                // The head of another chain: a chain ends before it.
                End::Head => break,
                _ if matched.is_none() => {}
                End::Verdict(RETURN) => walk.leave(&matched),
                End::Verdict(verdict) if verdict < 0 => walk.end(&matched),
                End::Verdict(offset) => {
                    let to = usize::try_from(offset).map_err(|_| damaged())?;
                    // Without a target a rule goes on to the next one.
                    if to != next {
                        let back = self.walk(to, matched.packets.clone(), depth + 1)?;
                        walk.call(&matched, back);
                    }
                }
                End::Goto(offset) => {
                    let to = usize::try_from(offset).map_err(|_| damaged())?;
                    let back = self.walk(to, matched.packets.clone(), depth + 1)?;
                    walk.leave_by(&matched, back);
                }
                End::Diverted => walk.end(&matched),
                End::Nothing => {}
            }
            at = next;
        }
        Ok(walk.back())
    }

    /// Runs the entry at an offset: the next one's offset, the packets that match, and what it decides;
    /// `None` where it is damaged.
    fn entry(&mut self, at: usize, packets: &Packets) -> Option<(usize, Matched, End)> {
        let (layout, order) = (self.layout, self.table.order);
        let rest = self.table.bytes.get(at..)?;
        let size = usize::from(u16_at(rest, layout.offsets + 2, order)?);
        let entry = rest.get(..size).filter(|_| size >= layout.matches)?;
        let targets_at = usize::from(u16_at(entry, layout.offsets, order)?);
        let (_, told) = extension(entry.get(targets_at..)?, order)?;
        let mut matched = Matched::all(packets);
        self.run_header(entry, &mut matched)?;
        let mut matches = entry.get(layout.matches..targets_at)?;
        while !matches.is_empty() {
            let (size, asked) = extension(matches, order)?;
            run_match(&asked, self.kind, order, &mut matched);
            matches = matches.get(size..)?;
        }
        let end = match told.name {
            // The standard target, linux/netfilter/x_tables.h.
            b"" => {
                let verdict = u32_at(told.structure, 0, order)?.cast_signed();
                let is_goto = entry.get(layout.flags)? & layout.goto != 0;
                if is_goto && verdict >= 0 {
                    End::Goto(verdict)
                } else {
                    End::Verdict(verdict)
                }
            }
            b"ERROR" => End::Head,
            b"REJECT" => End::Diverted,
            _ => match target(&told, self.kind, order) {
                Some(target) => {
                    if !matched.is_none() {
                        send(&matched.packets, self.kind, target, self.found);
                    }
                    End::Diverted
                }
                None => End::Nothing,
            },
        };
        Some((at + size, matched, end))
    }

    /// Leaves the packets that the head of an entry takes.
    fn run_header(&self, entry: &[u8], matched: &mut Matched) -> Option<()> {
        let Layout { length, .. } = *self.layout;
        let inverted = *entry.get(self.layout.inverted)?;
        let part = |index: usize| entry.get(index * length..(index + 1) * length);
        let protocol = u16_at(entry, self.layout.protocol, self.table.order)?;
        let is_protocol = protocol == u16::from(self.kind.protocol_number());
        // 0 stands for every protocol.
        if protocol != 0 && is_protocol == (inverted & NOT_PROTOCOL != 0) {
            matched.none();
        }
        let (first, last) = self.layout.interfaces;
        let asks = |bytes: &[u8]| bytes.iter().any(|byte| *byte != 0);
        let of_sender = asks(part(2)?) || asks(entry.get(first..last)?);
        if of_sender || inverted & !(NOT_DESTINATION | NOT_PROTOCOL) != 0 {
            matched.narrow();
        }
        let (destination, mask) = (part(1)?, part(3)?);
        match prefix(mask).and_then(|bits| network(destination, bits, length)) {
            Some((first, last)) => {
                let addresses = Ranges::one(first, last);
                matched.limit_addresses(&addresses, inverted & NOT_DESTINATION != 0);
            }
            None => matched.obscure(),
        }
        Some(())
    }
}

/// What an entry decides of the packets that match.
enum End {
    /// The verdict of a standard target, or the offset that it jumps to.
    Verdict(i32),
    Goto(i32),
    /// It goes no further here.
    Diverted,
    Nothing,
    Head,
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
