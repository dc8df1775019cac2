//! The packets that are followed through the rules: a set of them, which matches and verdicts narrow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ranges::Ranges;
use crate::model::{Destinations, Family, Protocol};

/// Families, `NFPROTO_*` of linux/netfilter.h.
pub const INET: u8 = 1;
pub const IPV4: u8 = 2;
pub const IPV6: u8 = 10;

const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;

/// What all packets of one walk share.
#[derive(Debug, Clone)]
pub struct Kind {
    /// [`IPV4`] or [`IPV6`].
    pub family: u8,
    pub protocol: Protocol,
    /// Addresses of this machine; `None` where they are unknown.
    pub local: Option<Ranges>,
}

impl Kind {
    /// `IPPROTO_*`.
    pub fn protocol_number(&self) -> u8 {
        match self.protocol {
            Protocol::Udp => IPPROTO_UDP,
            _ => IPPROTO_TCP,
        }
    }

    /// Bytes of an address.
    pub fn address_length(&self) -> usize {
        if self.family == IPV4 { 4 } else { 16 }
    }

    pub fn every_address(&self) -> Ranges {
        Ranges::one(0, u128::MAX >> (128 - 8 * self.address_length()))
    }

    pub fn address(&self, number: u128) -> IpAddr {
        match u32::try_from(number) {
            Ok(number) if self.family == IPV4 => Ipv4Addr::from_bits(number).into(),
            _ => Ipv6Addr::from_bits(number).into(),
        }
    }

    pub fn model_family(&self) -> Family {
        if self.family == IPV4 {
            Family::Ipv4
        } else {
            Family::Ipv6
        }
    }
}

/// A number of at most 16 big-endian bytes.
pub fn number_of(bytes: &[u8]) -> Option<u128> {
    let fits = bytes.len() <= 16;
    fits.then(|| {
        bytes
            .iter()
            .fold(0, |all, byte| all << 8 | u128::from(*byte))
    })
}

/// The address as a number, where it is of the family.
fn number_of_address(address: IpAddr, family: u8) -> Option<u128> {
    match address {
        IpAddr::V4(v4) => (family == IPV4).then(|| v4.to_bits().into()),
        IpAddr::V6(v6) => (family == IPV6).then(|| v6.to_bits()),
    }
}

/// The packets of a kind that a question is about; `None` where it is about none of them.
pub fn asked_for(asked: &Destinations, kind: &Kind) -> Option<Packets> {
    let is_of_protocol = asked.protocols.contains(kind.protocol);
    let addresses = match &asked.addresses {
        None => kind.every_address(),
        Some(all) => Ranges::new(all.iter().filter_map(|(first, last)| {
            number_of_address(*first, kind.family).zip(number_of_address(*last, kind.family))
        })),
    };
    let ports = asked.ports.ranges().iter();
    let packets = Packets {
        ports: Ranges::new(ports.map(|(first, last)| ((*first).into(), (*last).into()))),
        addresses,
        is_obscure: false,
    };
    Some(packets).filter(|packets| is_of_protocol && !packets.is_empty())
}

/// The addresses of this machine of a family: those of its interfaces, and the loopback network.
pub fn local_addresses(addresses: &[IpAddr], family: u8) -> Ranges {
    let loopback = match family {
        IPV4 => (
            Ipv4Addr::new(127, 0, 0, 0).to_bits().into(),
            Ipv4Addr::new(127, 255, 255, 255).to_bits().into(),
        ),
        _ => (1, 1),
    };
    let numbers = addresses
        .iter()
        .filter_map(|address| number_of_address(*address, family));
    Ranges::new(numbers.map(|number| (number, number)).chain([loopback]))
}

/// A set of packets of one kind, by their destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packets {
    pub ports: Ranges,
    pub addresses: Ranges,
    /// Something about their destinations is asked that is not understood: none of these need be there.
    pub is_obscure: bool,
}

/// Some of the packets, as far as the matches of a rule were run.
#[derive(Debug, Clone)]
pub struct Matched {
    pub packets: Packets,
    /// Whether all of the packets match, and not only those with some sender, mark or luck.
    pub is_certain: bool,
}

impl Packets {
    fn is_empty(&self) -> bool {
        self.ports.is_empty() || self.addresses.is_empty()
    }

    /// These without those; at least what is left.
    fn without(&self, others: &Self) -> Self {
        let mut left = self.clone();
        if self.ports.difference(&others.ports).is_empty() {
            left.addresses = self.addresses.difference(&others.addresses);
        } else if self.addresses.difference(&others.addresses).is_empty() {
            left.ports = self.ports.difference(&others.ports);
        }
        left
    }

    /// These and those; at most all that are in `all`.
    fn with(&self, others: &Self, all: &Self) -> Self {
        if self.is_empty() {
            return others.clone();
        }
        if others.is_empty() {
            return self.clone();
        }
        let mut both = self.clone();
        both.is_obscure &= others.is_obscure;
        if self.addresses == others.addresses {
            both.ports = self.ports.union(&others.ports);
        } else if self.ports == others.ports {
            both.addresses = self.addresses.union(&others.addresses);
        } else {
            both.ports = all.ports.clone();
            both.addresses = all.addresses.clone();
        }
        both
    }
}

impl Matched {
    pub fn all(packets: &Packets) -> Self {
        Self {
            packets: packets.clone(),
            is_certain: true,
        }
    }

    pub fn is_none(&self) -> bool {
        self.packets.is_empty()
    }

    pub fn none(&mut self) {
        self.packets.ports = Ranges::default();
    }

    /// Leaves those on these ports, or on all others.
    pub fn limit_ports(&mut self, ports: &Ranges, is_inverted: bool) {
        let known = &mut self.packets.ports;
        *known = narrowed(known, ports, is_inverted);
    }

    /// Leaves those to these addresses, or to all others.
    pub fn limit_addresses(&mut self, addresses: &Ranges, is_inverted: bool) {
        let known = &mut self.packets.addresses;
        *known = narrowed(known, addresses, is_inverted);
    }

    /// Leaves those to an address of this machine, or to another.
    pub fn limit_to_local(&mut self, kind: &Kind, is_inverted: bool) {
        let Some(local) = &kind.local else {
            self.is_certain = false;
            return;
        };
        let addresses = &self.packets.addresses;
        // Who names no address means this machine.
        let means_this_machine = *addresses == kind.every_address();
        let is_among = !addresses.intersection(local).is_empty();
        let is_beside = !addresses.difference(local).is_empty();
        let may_match = match is_inverted {
            false => is_among,
            true => is_beside && !means_this_machine,
        };
        self.is_certain &= is_among != is_beside;
        if !may_match {
            self.none();
        }
    }

    /// Something else is asked than where they go: some match.
    pub fn narrow(&mut self) {
        self.is_certain = false;
    }

    /// Something about their destination is asked that is not understood.
    pub fn obscure(&mut self) {
        self.is_certain = false;
        self.packets.is_obscure = true;
    }
}

fn narrowed(known: &Ranges, wanted: &Ranges, is_inverted: bool) -> Ranges {
    if is_inverted {
        known.difference(wanted)
    } else {
        known.intersection(wanted)
    }
}

/// Where packets stand in a chain: those that go on to the next rule, and those that have left it for
/// the chain that called it.
#[derive(Debug, Clone)]
pub struct Walk {
    whole: Packets,
    pub going: Packets,
    left: Option<Packets>,
}

impl Walk {
    pub fn begin(packets: Packets) -> Self {
        Self {
            whole: packets.clone(),
            going: packets,
            left: None,
        }
    }

    pub fn is_over(&self) -> bool {
        self.going.is_empty()
    }

    /// These go no further.
    pub fn end(&mut self, matched: &Matched) {
        if matched.is_certain {
            self.going = self.going.without(&matched.packets);
        }
    }

    /// These go back to the calling chain.
    pub fn leave(&mut self, matched: &Matched) {
        self.leave_by(matched, Some(matched.packets.clone()));
    }

    /// Of these some went to another chain and come back to the calling one.
    pub fn leave_by(&mut self, matched: &Matched, back: Option<Packets>) {
        let back = back.filter(|back| !back.is_empty());
        if let Some(back) = back {
            let left = self.left.as_ref();
            self.left = Some(left.map_or(back.clone(), |left| left.with(&back, &self.whole)));
        }
        self.end(matched);
    }

    /// These went to another chain, and some of them come back to the next rule.
    pub fn call(&mut self, matched: &Matched, back: Option<Packets>) {
        self.end(matched);
        if let Some(back) = back.filter(|back| !back.is_empty() && matched.is_certain) {
            self.going = self.going.with(&back, &self.whole);
        }
    }

    /// Those that come back to the calling chain, at the end of this one.
    pub fn back(self) -> Option<Packets> {
        let going = Some(self.going).filter(|going| !going.is_empty());
        match (self.left, going) {
            (Some(left), Some(going)) => Some(left.with(&going, &self.whole)),
            (left, going) => left.or(going),
        }
    }
}
