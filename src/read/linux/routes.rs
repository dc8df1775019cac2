//! What the kernel takes for itself: bytes of an RTM_GETROUTE dump in, local routes out. Pure. Numbers are
//! those of linux/rtnetlink.h.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::rtnetlink::{self, Step, attribute};
use super::wire::{ByteOrder, u32_at};

const RTM_NEWROUTE: u16 = 24;
pub const RTM_GETROUTE: u16 = 26;
pub const AF_INET: u8 = 2;
pub const AF_INET6: u8 = 10;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_TABLE: u16 = 15;
/// A prefix that is local in another table is so for marked packets alone, as TPROXY has it.
const RT_TABLE_LOCAL: u8 = 255;
const RTN_LOCAL: u8 = 2;
const RTN_BROADCAST: u8 = 3;
/// `struct rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type, flags.
const GENERAL: usize = 12;

/// A local route, its device by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub network: IpAddr,
    pub length: u8,
    pub is_broadcast: bool,
    pub index: u32,
}

/// The request for the table of local routes of a family. A kernel before 4.20 gives all tables.
pub fn request(family: u8, sequence: u32) -> Vec<u8> {
    let mut body = [0; GENERAL];
    (body[0], body[4]) = (family, RT_TABLE_LOCAL);
    rtnetlink::request(RTM_GETROUTE, sequence, &body)
}

/// Takes a datagram of the answer apart; routes of other kinds and tables are passed over.
pub fn decode(datagram: &[u8], sequence: u32, order: ByteOrder, found: &mut Vec<Told>) -> Step {
    rtnetlink::decode(datagram, sequence, order, RTM_NEWROUTE, |body| {
        let (general, rest) = body.split_at_checked(GENERAL)?;
        let [family, length, _, _, table, _, _, kind, ..] = *general else {
            return None;
        };
        let of = |kind| attribute(rest, kind, order);
        let number = |kind| of(kind).and_then(|value| u32_at(value, 0, order));
        let table = number(RTA_TABLE).unwrap_or(u32::from(table));
        let is_wanted = matches!(kind, RTN_LOCAL | RTN_BROADCAST);
        let network = match (of(RTA_DST), family) {
            (Some(bytes), _) => rtnetlink::address(bytes),
            (None, AF_INET) => Some(Ipv4Addr::UNSPECIFIED.into()),
            (None, AF_INET6) => Some(Ipv6Addr::UNSPECIFIED.into()),
            (None, _) => None,
        };
        if let (Some(network), Some(index)) = (network, number(RTA_OIF))
            && is_wanted
            && table == u32::from(RT_TABLE_LOCAL)
        {
            found.push(Told {
                network,
                length,
                is_broadcast: kind == RTN_BROADCAST,
                index,
            });
        }
        Some(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(family: u8, length: u8, table: u8, kind: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![family, length, 0, 0, table, 2, 254, kind, 0, 0, 0, 0];
        for (kind, value) in attributes {
            body.extend((4 + value.len() as u16).to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut out = rtnetlink::request(RTM_NEWROUTE, 7, &body);
        out[6..8].copy_from_slice(&2u16.to_ne_bytes());
        out
    }

    #[test]
    fn local_and_broadcast_routes_are_told_and_no_others() {
        let (lo, d0) = (1_u32.to_ne_bytes(), 4_u32.to_ne_bytes());
        let hundred = 100_u32.to_ne_bytes();
        let v6 = Ipv6Addr::LOCALHOST;
        let datagram = [
            told(
                AF_INET,
                8,
                255,
                RTN_LOCAL,
                &[(RTA_DST, &[127, 0, 0, 0]), (RTA_OIF, &lo)],
            ),
            told(
                AF_INET,
                32,
                255,
                RTN_BROADCAST,
                &[(RTA_DST, &[10, 9, 0, 255]), (RTA_OIF, &d0)],
            ),
            told(
                AF_INET6,
                128,
                255,
                RTN_LOCAL,
                &[(RTA_DST, &v6.octets()), (RTA_OIF, &lo)],
            ),
            // Unicast, and the default of a table for packets that a rule has marked.
            told(
                AF_INET,
                24,
                255,
                1,
                &[(RTA_DST, &[10, 9, 0, 0]), (RTA_OIF, &d0)],
            ),
            told(
                AF_INET,
                0,
                255,
                RTN_LOCAL,
                &[(RTA_TABLE, &hundred), (RTA_OIF, &lo)],
            ),
            told(AF_INET, 0, 100, RTN_LOCAL, &[(RTA_OIF, &lo)]),
        ]
        .concat();
        let mut found = Vec::new();
        let step = decode(&datagram, 7, ByteOrder::NATIVE, &mut found);
        assert_eq!(step, Step::More);
        let route = |network: IpAddr, length, is_broadcast, index| Told {
            network,
            length,
            is_broadcast,
            index,
        };
        assert_eq!(
            found,
            [
                route([127, 0, 0, 0].into(), 8, false, 1),
                route([10, 9, 0, 255].into(), 32, true, 4),
                route(v6.into(), 128, false, 1),
            ]
        );
        for cut in 0..datagram.len() {
            decode(&datagram[..cut], 7, ByteOrder::NATIVE, &mut Vec::new());
            decode(&datagram[..cut], 7, ByteOrder::Big, &mut Vec::new());
        }
    }
}
