//! Where packets go that a query asks about, for those who may take them past the sockets of a port.

use super::place::{Addresses, Place};
use super::query::Query;
use crate::model::{Destinations, Dnat, PortSet, Protocol, State};

impl Query {
    /// The ports that are asked for, and where; `None` where the question is not one of ports that something
    /// may receive on.
    pub fn destinations(&self) -> Option<Destinations> {
        let wanted = self.wanted_protocols();
        let has_tcp = wanted.contains(Protocol::Tcp) || wanted.contains(Protocol::Mptcp);
        let tcp = has_tcp.then_some(Protocol::Tcp);
        let udp = wanted.contains(Protocol::Udp).then_some(Protocol::Udp);
        let ports = self.places.iter().filter_map(|place| place.ports.as_ref());
        let ports = PortSet::from_ranges(ports.flat_map(PortSet::ranges).copied());
        let can_receive = self.wanted_states().iter().any(State::is_listening);
        if !has_tcp && udp.is_none()
            || ports.ranges().is_empty()
            || self.asks_for_owners()
            || !can_receive
        {
            return None;
        }
        let addresses = self.places.iter().map(|place| place.addresses.as_ref());
        let addresses: Option<Vec<&Addresses>> = addresses.collect();
        Some(Destinations {
            protocols: tcp.into_iter().chain(udp).collect(),
            ports,
            addresses: addresses.map(|all| all.into_iter().flat_map(Addresses::ranges).collect()),
        })
    }

    /// Whether a rule of the packet filter concerns a port that is asked for.
    pub fn wants_forward(&self, rule: &Dnat) -> bool {
        let (first, last) = rule.ports;
        let takes = |place: &Place| {
            let ports = place.ports.as_ref();
            let overlaps = |ports: &PortSet| {
                let mut ranges = ports.ranges().iter();
                ranges.any(|(from, to)| *from <= last && first <= *to)
            };
            let addresses = place.addresses.as_ref();
            ports.is_some_and(overlaps)
                && addresses.is_none_or(|wanted| receives(wanted, rule))
                && place
                    .protocol
                    .is_none_or(|one| one.port_space() == rule.protocol)
        };
        let families = self.family.zip(rule.family);
        !self.asks_for_owners()
            && families.is_none_or(|(wanted, family)| wanted == family)
            && self.wanted_protocols().contains(rule.protocol)
            && self.wanted_states().iter().any(State::is_listening)
            && self.places.iter().any(takes)
    }
}

/// Whether a rule holds for one of the addresses.
fn receives(wanted: &Addresses, rule: &Dnat) -> bool {
    let overlaps = |(first, last)| {
        let mut ranges = wanted.ranges().into_iter();
        ranges.any(|(from, to)| from <= last && first <= to)
    };
    rule.address.is_none_or(|at| wanted.contains(at))
        && (rule.among.is_empty() || rule.among.iter().copied().any(overlaps))
        && rule.family.is_none_or(|family| wanted.are_of(family))
}
