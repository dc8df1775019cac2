//! Other addresses, endless chains, damaged bytes, and structures of older tools.

use super::super::super::rtnetlink::{HEADER, NLMSG_DONE, NLMSG_ERROR};
use super::super::packets::{Matched, Packets};
use super::super::target::Target;
use super::super::xt::{self, Extension};
use super::*;

fn at(address: &str, of_port: u16) -> Destinations {
    let address = address.parse().unwrap();
    Destinations {
        addresses: Some(vec![(address, address)]),
        ..port(of_port)
    }
}

/// A rule for what goes to this machine is none for other addresses.
#[test]
fn rules_for_local_addresses_hold_for_those_of_this_machine() {
    let sent = |address, port| {
        let found = follow_recorded(KUBE, &at(address, port)).unwrap();
        words(&found).len()
    };
    assert_eq!(sent("10.1.2.3", 30007), 2);
    assert_eq!(sent("127.0.0.1", 30007), 2);
    assert_eq!(sent("10.96.0.8", 30007), 0);
    assert_eq!(sent("10.96.0.8", 80), 2);
    assert_eq!(sent("10.96.0.9", 80), 0);
    assert_eq!(sent("fd00::1", 30007), 0);
}

/// Follows what goes to port 30007 through a ruleset that was altered.
fn follow_altered(alter: impl FnOnce(&mut Recorded)) -> Result<(), Stop> {
    let mut recorded = Recorded::new(KUBE);
    alter(&mut recorded);
    let bases = std::mem::take(&mut recorded.bases);
    let kind = &kinds()[0];
    let packets = asked_for(&port(30007), kind).unwrap();
    let mut found = RawForwards::default();
    follow(&mut recorded, &bases, kind, &packets, ORDER, &mut found)
}

#[test]
fn a_set_that_cannot_be_read_stops_the_walk() {
    assert_eq!(follow_altered(|_| {}), Ok(()));
    let walked = follow_altered(|recorded| recorded.shapes.clear());
    assert_eq!(walked, Err(Stop::Because("no such set".into())));
}

/// An expression of a later kernel may leave some packets, or none.
#[test]
fn a_rule_with_an_unknown_expression_may_hold_or_not() {
    let mut recorded = Recorded::new(KUBE);
    let (known, unknown) = (b"meta\0", b"meto\0");
    for rule in recorded.rules.values_mut().flatten() {
        while let Some(at) = rule.windows(5).position(|name| name == known) {
            rule[at..at + 5].copy_from_slice(unknown);
        }
    }
    let bases = std::mem::take(&mut recorded.bases);
    let kind = &kinds()[0];
    let packets = asked_for(&at("10.96.0.8", 80), kind).unwrap();
    let mut found = RawForwards::default();
    let walked = follow(&mut recorded, &bases, kind, &packets, ORDER, &mut found);
    assert_eq!((walked, found.forwards), (Ok(()), Vec::new()));
    assert!(!found.doubts.is_empty());
}

#[test]
fn chains_that_call_each_other_without_end_are_given_up() {
    let walked = follow_altered(|recorded| {
        let chain = |name: &[u8]| Chain {
            table: recorded.bases[0].chain.table.clone(),
            name: name.to_vec(),
        };
        let (first, second) = (chain(b"nat-prerouting"), chain(b"services"));
        let jump = recorded.rules[&first][0].clone();
        recorded.rules.insert(second, vec![jump]);
    });
    assert!(matches!(walked, Err(Stop::Because(_))), "{walked:?}");
}

#[test]
fn rules_that_are_cut_or_damaged_do_no_harm() {
    let asked = Destinations {
        ports: PortSet::from_ranges([(80, 90), (30000, 33100)]),
        ..Destinations::everywhere()
    };
    for whole in [IPTABLES, NFT, KUBE] {
        for cut in (0..whole.len()).step_by(131) {
            let _ = follow_recorded(&whole[..cut], &asked);
        }
        for at in (0..whole.len()).step_by(23) {
            let mut damaged = whole.to_vec();
            damaged[at] ^= 0xFF;
            let _ = follow_recorded(&damaged, &asked);
        }
    }
}

#[test]
fn a_table_that_is_cut_or_damaged_does_no_harm() {
    let asked = Destinations::everywhere();
    let follow = |table: &[u8], hooks: &[usize]| {
        let table = (table, hooks);
        follow_legacy(table, table, &asked)
    };
    for (whole, hooks) in [(LEGACY_IPV4, HOOKS_IPV4), (LEGACY_IPV6, HOOKS_IPV6)] {
        for cut in (0..whole.len()).step_by(61) {
            let _ = follow(&whole[..cut], hooks);
        }
        for at in (0..whole.len()).step_by(7) {
            let mut damaged = whole.to_vec();
            damaged[at] ^= 0xFF;
            let _ = follow(&damaged, hooks);
        }
    }
    // Cut within what is walked through, it is not taken for whole; an entry without a length would never
    // end.
    let none: (&[u8], &[usize]) = (&[], &[]);
    let cut = (&LEGACY_IPV4[..LEGACY_IPV4.len() / 2], HOOKS_IPV4);
    assert!(follow_legacy(cut, none, &asked).is_err());
    assert!(follow_legacy((&[0; 256], &[0]), none, &asked).is_err());
    assert!(follow_legacy(none, none, &asked).is_ok());
}

#[test]
fn ends_refusals_and_interruptions_are_told_apart() {
    let step = |kind: u16, flags: u16, of: u32, body: &[u8]| {
        let mut bytes = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(of.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        decode_rules(&bytes, 7, ByteOrder::NATIVE, &mut Answer::default())
    };
    let refused = (-1i32).to_ne_bytes();
    assert_eq!(step(NLMSG_ERROR, 0, 7, &refused), Step::End { errno: 1 });
    assert_eq!(step(NLMSG_DONE, 0, 7, &[0; 4]), Step::End { errno: 0 });
    assert_eq!(step(NLMSG_DONE, 0x10, 7, &[0; 4]), Step::Interrupted);
    assert_eq!(step(NLMSG_DONE, 0, 8, &[0; 4]), Step::More);
    assert_eq!(step(NEW_RULE, 0, 7, &[]), Step::Malformed);
}

/// Rules that change between two answers are not put together.
#[test]
fn answers_of_two_generations_are_told_apart() {
    let mut answer = Answer::<Base>::default();
    answer.note(&[0, 0, 1, 2]);
    answer.note(&[0, 0, 1, 2]);
    let seen = (answer.generation, answer.has_changed);
    assert_eq!(seen, (Some(0x0102), false));
    answer.note(&[0, 0, 1, 3]);
    assert!(answer.has_changed);
}

/// The structures of iptables before it wrote ports in nf_tables' own way, and of the first revision.
#[test]
fn structures_of_older_iptables_are_read() {
    let extension = |name: &'static [u8], structure: &'static [u8]| Extension {
        name,
        revision: Some(0),
        structure,
    };
    let kind = &kinds()[0];
    let matched = |structure| {
        let packets = asked_for(&Destinations::everywhere(), kind).unwrap();
        let mut matched = Matched::all(&packets);
        xt::run_match(&extension(b"udp", structure), kind, ORDER, &mut matched);
        let Packets {
            ports, is_obscure, ..
        } = matched.packets;
        (ports.as_slice().to_vec(), is_obscure)
    };
    const UDP: &[u8] = &[0, 0, 0xFF, 0xFF, 53, 0, 54, 0, 0, 0];
    const NOT_UDP: &[u8] = &[0, 0, 0xFF, 0xFF, 53, 0, 54, 0, 2, 0];
    assert_eq!(matched(UDP), (vec![(53, 54)], false));
    assert_eq!(matched(NOT_UDP), (vec![(1, 52), (55, 65535)], false));
    assert_eq!(matched(&UDP[..5]), (vec![(1, 65535)], true));

    const OLD: &[u8] = &[
        1, 0, 0, 0, 3, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 1, 0, 80, 0, 81,
    ];
    let target = |name, structure| xt::target(&extension(name, structure), kind, ORDER);
    let address = [10, 0, 0, 1].into();
    assert_eq!(
        target(b"DNAT", OLD),
        Some(Target::To {
            addresses: Some((address, address)),
            ports: Some((80, 81)),
            by: Diverter::Dnat,
        })
    );
    assert_eq!(target(b"DNAT", &OLD[..19]), Some(Target::Obscure));
    assert_eq!(target(b"TPROXY", &OLD[..9]), Some(Target::Obscure));
    assert_eq!(target(b"MASQUERADE", OLD), None);
}
