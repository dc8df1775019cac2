//! Rules of nf_tables and of iptables-legacy of any content: what is sent elsewhere was asked for.

use std::collections::BTreeMap;
use std::rc::Rc;

use portwho::model::{Destinations, PortSet, Protocol};
use portwho::read::linux::nat::{
    Answer, Base, Chain, Entries, IPV4, IPV6, Kind, RawElement, Ruleset, Set, Shape, Stop, Table,
    asked_for, assemble, decode_bases, decode_elements, decode_rules, decode_set, follow,
    follow_entries, local_addresses, settle,
};
use portwho::read::linux::rtnetlink::{HEADER, attribute};
use portwho::read::linux::wire::{ByteOrder, u32_at};
use portwho::read::raw::{RawForward, RawForwards};

/// Bytes of `struct nfgenmsg`, and the attribute with the name of a set.
const GENERAL: usize = 4;
const NAME: u16 = 2;

/// # Panics
/// Where packets are sent elsewhere that nothing was asked about.
pub fn hold(bytes: &[u8]) {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut ruleset = Recorded::new(bytes, order);
        let bases = std::mem::take(&mut ruleset.bases);
        for asked in [one_port(443), Destinations::everywhere()] {
            for kind in kinds() {
                let Some(packets) = asked_for(&asked, &kind) else {
                    continue;
                };
                let mut found = RawForwards::default();
                let _ = follow(&mut ruleset, &bases, &kind, &packets, order, &mut found);
                let entries = Entries {
                    bytes,
                    hooks: &[0, 344],
                    order,
                };
                let _ = follow_entries(entries, &kind, &packets, &mut found);
                settle(&mut found.forwards);
                settle(&mut found.doubts);
                let all = found.forwards.iter().chain(&found.doubts);
                all.for_each(|one| is_asked_for(one, &asked, &kind));
            }
        }
    }
}

fn one_port(port: u16) -> Destinations {
    Destinations {
        ports: PortSet::one(port),
        ..Destinations::everywhere()
    }
}

/// Of a machine with an address of each family, and of one that does not know its own.
fn kinds() -> [Kind; 3] {
    let own = [[10, 1, 2, 3].into()];
    let kind = |family, protocol, local| Kind {
        family,
        protocol,
        local,
    };
    [
        kind(IPV4, Protocol::Tcp, Some(local_addresses(&own, IPV4))),
        kind(IPV4, Protocol::Udp, None),
        kind(IPV6, Protocol::Tcp, None),
    ]
}

fn is_asked_for(one: &RawForward, asked: &Destinations, kind: &Kind) {
    let (first, last) = one.ports;
    assert!(first <= last, "{one:?}");
    assert!(
        asked.ports.contains(first) && asked.ports.contains(last),
        "{one:?}"
    );
    assert_eq!(one.protocol, kind.protocol);
    assert!(
        one.among.iter().all(|(first, last)| first <= last),
        "{one:?}"
    );
    assert!(one.to_last.is_none() || one.to.is_some(), "{one:?}");
}

/// A ruleset of messages one behind the other.
struct Recorded {
    order: ByteOrder,
    bases: Vec<Base>,
    rules: BTreeMap<Chain, Rc<Vec<Vec<u8>>>>,
    shapes: BTreeMap<Vec<u8>, Shape>,
    elements: BTreeMap<Vec<u8>, Vec<RawElement>>,
}

impl Recorded {
    fn new(bytes: &[u8], order: ByteOrder) -> Self {
        let mut recorded = Self {
            order,
            bases: Vec::new(),
            rules: BTreeMap::new(),
            shapes: BTreeMap::new(),
            elements: BTreeMap::new(),
        };
        let mut rest = bytes;
        while let Some(length) = u32_at(rest, 0, order) {
            let length = usize::try_from(length).unwrap_or(HEADER).max(HEADER);
            recorded.take(&rest[..length.min(rest.len())]);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        recorded
    }

    fn take(&mut self, message: &[u8]) {
        let order = self.order;
        let mut bases = Answer::default();
        decode_bases(message, 7, order, &mut bases);
        self.bases.extend(bases.found);
        let mut rules = Answer::default();
        decode_rules(message, 7, order, &mut rules);
        for (chain, rule) in rules.found {
            Rc::make_mut(self.rules.entry(chain).or_default()).push(rule);
        }
        let attributes = message.get(HEADER + GENERAL..).unwrap_or_default();
        let set = attribute(attributes, NAME, order).unwrap_or_default();
        let set = set.strip_suffix(b"\0").unwrap_or(set);
        let mut shapes = Answer::default();
        decode_set(message, 7, order, &mut shapes);
        let shape = shapes.found.pop();
        self.shapes.extend(shape.map(|shape| (set.to_vec(), shape)));
        let mut elements = Answer::default();
        decode_elements(message, 7, order, &mut elements);
        self.elements
            .entry(set.to_vec())
            .or_default()
            .extend(elements.found);
    }
}

impl Ruleset for Recorded {
    fn rules(&mut self, chain: &Chain) -> Result<Rc<Vec<Vec<u8>>>, Stop> {
        Ok(self.rules.get(chain).cloned().unwrap_or_default())
    }

    fn set(&mut self, _: &Table, name: &[u8]) -> Result<Rc<Set>, Stop> {
        let shape = self.shapes.get(name).copied();
        let shape = shape.ok_or_else(|| Stop::Because("no such set".into()))?;
        let elements = self.elements.get(name).cloned().unwrap_or_default();
        Ok(Rc::new(assemble(shape, elements)))
    }
}
