//! Datagrams and tables of rules of any content, as a kernel of either byte order would give them.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use portwho::model::{Destinations, Protocol};
use portwho::read::linux::inet_diag::decode_row;
use portwho::read::linux::nat::{
    Answer, Base, Chain, Entries, IPV4, IPV6, Kind, PRE_ROUTING, Ruleset, Set, Stop, Table,
    asked_for, assemble, decode_bases, decode_elements, decode_rules, decode_set, follow,
    follow_entries,
};
use portwho::read::linux::sctp;
use portwho::read::linux::wire::{ByteOrder, Message, Messages};
use portwho::read::raw::RawForwards;

/// A ruleset in which every chain has one rule, and every set the same elements: the bytes.
struct Whole<'a>(&'a [u8], ByteOrder);

impl Ruleset for Whole<'_> {
    fn rules(&mut self, _: &Chain) -> Result<Rc<Vec<Vec<u8>>>, Stop> {
        Ok(Rc::new(vec![self.0.to_vec()]))
    }

    fn set(&mut self, _: &Table, _: &[u8]) -> Result<Rc<Set>, Stop> {
        let (mut shapes, mut elements) = (Answer::default(), Answer::default());
        decode_set(self.0, 7, self.1, &mut shapes);
        decode_elements(self.0, 7, self.1, &mut elements);
        let shape = shapes.found.pop().ok_or(Stop::Changed)?;
        Ok(Rc::new(assemble(shape, elements.found)))
    }
}

fuzz_target!(|bytes: &[u8]| {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for message in Messages::new(bytes, 7, order) {
            if let Message::Row(body) = message {
                let _ = sctp::decode_rows(body, order);
                for protocol in Protocol::ALL {
                    if let Some(row) = decode_row(body, protocol, order) {
                        assert!(row.handle != 0 || row.uid.is_none());
                    }
                }
            }
        }
        decode_bases(bytes, 7, order, &mut Answer::default());
        decode_rules(bytes, 7, order, &mut Answer::default());
        for family in [IPV4, IPV6] {
            let kind = Kind {
                family,
                protocol: Protocol::Tcp,
                local: None,
            };
            let Some(packets) = asked_for(&Destinations::everywhere(), &kind) else {
                continue;
            };
            let mut forwards = RawForwards::default();
            let entries = Entries {
                bytes,
                hooks: &[0],
                order,
            };
            let _ = follow_entries(entries, &kind, &packets, &mut forwards);
            let table = Table {
                family,
                name: Vec::new(),
            };
            let name = Vec::new();
            let base = Base {
                chain: Chain { table, name },
                hook: PRE_ROUTING,
                is_nat: true,
            };
            let mut whole = Whole(bytes, order);
            let _ = follow(&mut whole, &[base], &kind, &packets, order, &mut forwards);
        }
    }
});
