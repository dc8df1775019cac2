//! Recorded rulesets and tables. `tests/raw/nat/README.md` has the rules.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::rtnetlink::HEADER;
use super::*;
use crate::model::{Destinations, Diverter, Family, PortSet, Protocol};
use crate::read::raw::{RawForward, RawForwards};

mod nft;
mod odd;

const ORDER: ByteOrder = ByteOrder::Little;

/// A ruleset as answers of the kernel gave it, one message behind the other.
#[derive(Default)]
struct Recorded {
    bases: Vec<Base>,
    rules: BTreeMap<Chain, Vec<Vec<u8>>>,
    shapes: BTreeMap<Vec<u8>, Shape>,
    elements: BTreeMap<Vec<u8>, Vec<RawElement>>,
}

impl Recorded {
    fn new(bytes: &[u8]) -> Self {
        let mut recorded = Self::default();
        let mut rest = bytes;
        while let Some(length) = u32_at(rest, 0, ORDER) {
            let length = usize::try_from(length).unwrap().max(HEADER);
            recorded.take(&rest[..length.min(rest.len())]);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        recorded
    }

    fn take(&mut self, message: &[u8]) {
        let mut bases = Answer::default();
        decode_bases(message, 7, ORDER, &mut bases);
        self.bases.extend(bases.found);
        let mut rules = Answer::default();
        decode_rules(message, 7, ORDER, &mut rules);
        for (chain, rule) in rules.found {
            self.rules.entry(chain).or_default().push(rule);
        }
        // Of a set and of its elements the name is in the same attribute.
        let attributes = message.get(HEADER + GENERAL..).unwrap_or_default();
        let set = text(attributes, 2, ORDER).unwrap_or_default();
        let mut shapes = Answer::default();
        decode_set(message, 7, ORDER, &mut shapes);
        let shape = shapes.found.pop();
        self.shapes.extend(shape.map(|shape| (set.clone(), shape)));
        let mut elements = Answer::default();
        decode_elements(message, 7, ORDER, &mut elements);
        self.elements.entry(set).or_default().extend(elements.found);
    }
}

impl Ruleset for Recorded {
    fn rules(&mut self, chain: &Chain) -> Result<Rc<Vec<Vec<u8>>>, Stop> {
        Ok(Rc::new(self.rules.get(chain).cloned().unwrap_or_default()))
    }

    fn set(&mut self, _: &Table, name: &[u8]) -> Result<Rc<Set>, Stop> {
        let shape = self.shapes.get(name).copied();
        let shape = shape.ok_or_else(|| Stop::Because("no such set".into()))?;
        let elements = self.elements.get(name).cloned().unwrap_or_default();
        Ok(Rc::new(assemble(shape, elements)))
    }
}

/// Of a machine that has 10.1.2.3 and fd00::1.
fn kinds() -> Vec<Kind> {
    let own = ["10.1.2.3".parse().unwrap(), "fd00::1".parse().unwrap()];
    let kind = |(family, protocol)| Kind {
        family,
        protocol,
        local: Some(local_addresses(&own, family)),
    };
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    [(IPV4, tcp), (IPV4, udp), (IPV6, tcp), (IPV6, udp)]
        .map(kind)
        .to_vec()
}

fn port(port: u16) -> Destinations {
    Destinations {
        ports: PortSet::one(port),
        ..Destinations::everywhere()
    }
}

fn follow_recorded(bytes: &[u8], asked: &Destinations) -> Result<RawForwards, Stop> {
    let mut recorded = Recorded::new(bytes);
    let bases = std::mem::take(&mut recorded.bases);
    let mut found = RawForwards::default();
    for kind in kinds() {
        if let Some(packets) = asked_for(asked, &kind) {
            follow(&mut recorded, &bases, &kind, &packets, ORDER, &mut found)?;
        }
    }
    settle(&mut found.forwards);
    settle(&mut found.doubts);
    Ok(found)
}

fn follow_legacy(
    ipv4: (&[u8], &[usize]),
    ipv6: (&[u8], &[usize]),
    asked: &Destinations,
) -> Result<RawForwards, Stop> {
    let mut found = RawForwards::default();
    for kind in kinds() {
        let (bytes, hooks) = if kind.family == IPV4 { ipv4 } else { ipv6 };
        let entries = Entries {
            bytes,
            hooks,
            order: ORDER,
        };
        if let Some(packets) = asked_for(asked, &kind) {
            follow_entries(entries, &kind, &packets, &mut found)?;
        }
    }
    settle(&mut found.forwards);
    settle(&mut found.doubts);
    Ok(found)
}

/// What is sent elsewhere, an entry each; one that is not understood begins with a question mark.
fn words(found: &RawForwards) -> Vec<String> {
    let line = |it: &RawForward| {
        let ends = |(first, last): (u16, u16)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let address = match (it.address, it.among.as_slice()) {
            (Some(address), _) => address.to_string(),
            (None, []) => "*".into(),
            (None, among) => format!("{among:?}"),
        };
        let to = match (it.to, it.to_last) {
            (None, _) => "*".into(),
            (Some(first), None) => first.to_string(),
            (Some(first), Some(last)) => format!("{first}-{last}"),
        };
        let by = match it.by {
            Diverter::Dnat => "",
            _ => "tproxy ",
        };
        format!(
            "{by}{} {} {address} {} -> {to} {}",
            it.protocol,
            it.family.map_or("*", Family::as_str),
            ends(it.ports),
            it.to_ports.map_or("*".into(), ends),
        )
    };
    let doubts = found.doubts.iter().map(|it| format!("?{}", line(it)));
    found.forwards.iter().map(line).chain(doubts).collect()
}

const IPTABLES: &[u8] = include_bytes!("../../../../tests/raw/nat/iptables.bin");
const NFT: &[u8] = include_bytes!("../../../../tests/raw/nat/nft.bin");
const KUBE: &[u8] = include_bytes!("../../../../tests/raw/nat/kube.bin");
const LEGACY_IPV4: &[u8] = include_bytes!("../../../../tests/raw/nat/legacy-ipv4.bin");
const LEGACY_IPV6: &[u8] = include_bytes!("../../../../tests/raw/nat/legacy-ipv6.bin");
const MANGLE_IPV4: &[u8] = include_bytes!("../../../../tests/raw/nat/legacy-mangle-ipv4.bin");
const MANGLE_IPV6: &[u8] = include_bytes!("../../../../tests/raw/nat/legacy-mangle-ipv6.bin");
/// The offsets of PREROUTING and OUTPUT in the tables "nat", as IPT_SO_GET_INFO gave them.
const HOOKS_IPV4: &[usize] = &[0, 344];
const HOOKS_IPV6: &[usize] = &[0, 792];

/// Asserts where each of these ports is sent, a line for each way.
fn assert_sent(
    follow: impl Fn(&Destinations) -> Result<RawForwards, Stop>,
    expected: &[(u16, &[&str])],
) {
    for (of_port, lines) in expected {
        let found = follow(&port(*of_port)).unwrap();
        assert_eq!(words(&found), *lines, "port {of_port}");
    }
}

#[test]
fn rules_that_iptables_wrote_are_followed_alike_by_both_interfaces_of_the_kernel() {
    // What senders on port 85 send goes to 10.0.0.85, whatever the port.
    let expected: [(u16, &[&str]); 13] = [
        (443, &["tcp ipv4 * 443 -> 10.88.0.2 *"]),
        (8007, &["tcp ipv4 * 8007 -> 10.88.0.2 *"]),
        (7005, &["tcp ipv4 * 7005 -> 10.88.0.3 9000-9010"]),
        (81, &["tcp ipv4 * 81 -> * 8081"]),
        (82, &["tcp ipv4 * 82 -> 10.0.0.85 85"]),
        (
            84,
            &[
                "tcp ipv4 * 84 -> 10.0.0.85 85",
                "tcp ipv4 * 84 -> 10.0.0.82 82",
            ],
        ),
        (
            87,
            &[
                "tcp ipv4 * 87 -> 10.0.0.85 85",
                "tcp ipv4 [(0.0.0.0, 10.1.2.2), (10.1.2.4, 255.255.255.255)] 87 -> 10.0.0.87 87",
                "tcp ipv4 10.1.2.3 87 -> 10.0.0.83 83",
            ],
        ),
        (
            89,
            &[
                "tcp ipv4 * 89 -> 10.0.0.85 85",
                "tcp ipv4 * 89 -> 10.0.0.1-10.0.0.9 89",
            ],
        ),
        (
            91,
            &[
                "tcp ipv4 * 91 -> 10.0.0.85 85",
                "tcp ipv4 [(10.0.0.1, 10.0.0.5)] 91 -> 10.0.0.91 91",
                "tcp ipv4 [(0.0.0.0, 10.0.0.0), (10.0.0.6, 255.255.255.255)] 91 -> 10.0.0.83 83",
            ],
        ),
        // What "u32" asks is not understood.
        (
            92,
            &[
                "tcp ipv4 * 92 -> 10.0.0.85 85",
                "tcp ipv4 * 92 -> 10.0.0.83 83",
                "?tcp ipv4 * 92 -> 10.0.0.92 92",
            ],
        ),
        // It returns to the calling chain.
        (93, &["tcp ipv4 * 93 -> 10.0.0.85 85"]),
        // The port is asked for where the chain is called, and nowhere else.
        (
            30007,
            &[
                "tcp ipv4 * 30007 -> 10.0.0.85 85",
                "tcp ipv4 * 30007 -> 10.10.0.8 8080",
                "tcp ipv4 * 30007 -> 10.10.0.9 8080",
            ],
        ),
        (
            18082,
            &[
                "tcp ipv4 * 18082 -> 10.0.0.85 85",
                "tcp ipv4 * 18082 -> 10.0.0.83 83",
                "udp ipv6 * 18082 -> * 8082",
            ],
        ),
    ];
    assert_sent(|asked| follow_recorded(IPTABLES, asked), &expected);
    // The tables were recorded on a machine that aligns eight bytes as most do.
    if align_of::<u64>() == 8 {
        let legacy = |asked: &Destinations| {
            let ipv4 = (LEGACY_IPV4, HOOKS_IPV4);
            follow_legacy(ipv4, (LEGACY_IPV6, HOOKS_IPV6), asked)
        };
        assert_sent(legacy, &expected);
    }
}

#[test]
fn rules_that_hand_packets_to_another_socket_are_followed() {
    let expected: [(u16, &[&str]); 3] = [
        (7802, &["tproxy tcp ipv4 * 7802 -> * 7801"]),
        (7804, &["tproxy tcp ipv4 * 7804 -> 127.0.0.1 *"]),
        (
            7803,
            &[
                "tproxy tcp ipv6 [(fd00::, fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff)] 7803 -> ::1 7801",
            ],
        ),
    ];
    let of_tproxy = |found: Result<RawForwards, Stop>| {
        let mut found = found?;
        found.forwards.retain(|it| it.by == Diverter::Tproxy);
        Ok(found)
    };
    let iptables = |asked: &Destinations| of_tproxy(follow_recorded(IPTABLES, asked));
    let nft = |asked: &Destinations| of_tproxy(follow_recorded(NFT, asked));
    assert_sent(iptables, &expected);
    assert_sent(nft, &expected[..2]);
    if align_of::<u64>() == 8 {
        let (ipv4, ipv6) = ((MANGLE_IPV4, &[0][..]), (MANGLE_IPV6, &[0][..]));
        assert_sent(|asked| follow_legacy(ipv4, ipv6, asked), &expected);
    }
}
