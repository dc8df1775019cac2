//! Where rules send packets, as the reader reports it.

use std::collections::HashMap;
use std::net::IpAddr;

use super::packets::{Kind, Packets};
use crate::model::Diverter;
use crate::read::raw::{RawForward, RawForwards};

/// Where a rule sends packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    To {
        /// First and last address; `None` for this machine, or the address that the packet had.
        addresses: Option<(IpAddr, IpAddr)>,
        ports: Option<(u16, u16)>,
        by: Diverter,
    },
    /// To what is not understood.
    Obscure,
}

/// Says that these packets go where a rule sends them.
pub fn send(packets: &Packets, kind: &Kind, target: Target, found: &mut RawForwards) {
    let (address, among) = match packets.addresses.as_slice() {
        _ if packets.addresses == kind.every_address() => (None, Vec::new()),
        [(first, last)] if first == last => (Some(kind.address(*first)), Vec::new()),
        ranges => {
            let end = |number: &u128| kind.address(*number);
            let among = ranges.iter().map(|(first, last)| (end(first), end(last)));
            (None, among.collect())
        }
    };
    let (to, to_ports, by) = match target {
        Target::To {
            addresses,
            ports,
            by,
        } => (addresses, ports, by),
        Target::Obscure => (None, None, Diverter::default()),
    };
    let is_doubtful = packets.is_obscure || target == Target::Obscure;
    let list = if is_doubtful {
        &mut found.doubts
    } else {
        &mut found.forwards
    };
    for (first, last) in packets.ports.as_slice() {
        let (Ok(first), Ok(last)) = (u16::try_from(*first), u16::try_from(*last)) else {
            continue;
        };
        list.push(RawForward {
            protocol: kind.protocol,
            family: Some(kind.model_family()),
            address,
            among: among.clone(),
            ports: (first, last),
            to: to.map(|(first, _)| first),
            to_last: to.and_then(|(first, last)| Some(last).filter(|last| *last != first)),
            to_ports,
            by,
        });
    }
}

/// Says once what holds for both families alike, and drops what was said before.
pub fn settle(all: &mut Vec<RawForward>) {
    let mut settled: Vec<RawForward> = Vec::with_capacity(all.len());
    let mut seen: HashMap<RawForward, usize> = HashMap::new();
    for mut one in all.drain(..) {
        let family = one.family.take();
        match seen.get(&one).and_then(|at| settled.get_mut(*at)) {
            None => {
                seen.insert(one.clone(), settled.len());
                settled.push(RawForward { family, ..one });
            }
            Some(known) if known.family != family => known.family = None,
            Some(_) => {}
        }
    }
    *all = settled;
}
