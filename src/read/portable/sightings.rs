//! What the library tells of sockets, made into one row for each. Pure.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::Protocol;
use crate::read::raw::RawSocket;

/// A socket as it was seen, with those who have it. On macOS it is seen once for each descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub row: RawSocket,
    pub pids: Vec<u32>,
}

/// Merges sightings of one socket, in the order in which they came.
///
/// Sockets with an inode are known by it, and left to the later stages. A connection is known by its
/// ends. For others it depends on whether the system tells of sockets or of descriptors: in the second
/// case those that look alike are taken for one, though two of a SO_REUSEPORT group may.
pub fn once_each(seen: Vec<Sighting>, by_descriptor: bool) -> Vec<Sighting> {
    let mut sorted: Vec<(usize, Sighting)> = seen.into_iter().enumerate().collect();
    sorted.sort_by_key(|(at, one)| (place(&one.row), *at));
    let mut merged: Vec<(usize, Sighting)> = Vec::with_capacity(sorted.len());
    for (at, one) in sorted {
        match merged.last_mut() {
            Some((_, last)) if is_one(&last.row, &one.row, by_descriptor) => {
                last.pids.extend(one.pids);
            }
            _ => merged.push((at, one)),
        }
    }
    merged.sort_by_key(|(at, _)| *at);
    merged.into_iter().map(|(_, one)| one).collect()
}

type Place = (Protocol, IpAddr, Option<u16>, IpAddr, Option<u16>);

fn place(row: &RawSocket) -> Place {
    let (local, peer) = (row.local, row.peer);
    (
        row.protocol,
        local.address,
        local.port,
        peer.address,
        peer.port,
    )
}

fn is_one(first: &RawSocket, second: &RawSocket, by_descriptor: bool) -> bool {
    let is_connection = first.protocol == Protocol::Tcp && first.peer.port != Some(0);
    first.inode.is_none()
        && second.inode.is_none()
        && (is_connection || by_descriptor)
        && place(first) == place(second)
        && first.state == second.state
}

/// The address as it is meant: where an IPv6 socket talks IPv4, macOS gives the four bytes after
/// zeros instead of `::ffff:` (`struct in4in6_addr`, bsd/netinet/in_pcb.h), which read as one of the
/// addresses that RFC 4291 deprecates.
pub fn mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.to_bits() >> 32 == 0 => match u32::try_from(v6.to_bits()) {
            // No host has an address of 0.0.0.0/8: `::` and `::1` are IPv6.
            Ok(bits) if bits > 0x00FF_FFFF => Ipv4Addr::from_bits(bits).to_ipv6_mapped().into(),
            _ => address,
        },
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, State};

    fn seen(local: u16, peer: u16, pid: u32) -> Sighting {
        let end = |port| Endpoint::new(Ipv4Addr::LOCALHOST, port);
        let state = if peer == 0 {
            State::Listen
        } else {
            State::Established
        };
        Sighting {
            row: RawSocket {
                protocol: Protocol::Tcp,
                state,
                local: end(local),
                peer: end(peer),
                interface: 0,
                uid: None,
                inode: None,
                handle: 0,
                v6only: None,
                recv_queue: None,
                send_queue: None,
                time_wait_left: None,
            },
            pids: vec![pid],
        }
    }

    fn merged(seen: Vec<Sighting>, by_descriptor: bool) -> Vec<(Option<u16>, Vec<u32>)> {
        let merged = once_each(seen, by_descriptor);
        merged
            .into_iter()
            .map(|one| (one.row.local.port, one.pids))
            .collect()
    }

    #[test]
    fn a_listener_of_several_descriptors_is_one_socket_with_every_owner() {
        let listener = || {
            vec![
                seen(90, 0, 7),
                seen(80, 0, 7),
                seen(80, 0, 8),
                seen(90, 0, 7),
            ]
        };
        assert_eq!(
            merged(listener(), true),
            [(Some(90), vec![7, 7]), (Some(80), vec![7, 8])]
        );
        assert_eq!(merged(listener(), false).len(), 4, "a row is a socket");
    }

    #[test]
    fn a_connection_is_one_socket_whoever_has_it() {
        for by_descriptor in [true, false] {
            let rows = vec![seen(80, 5000, 7), seen(80, 5001, 7), seen(80, 5000, 8)];
            assert_eq!(
                merged(rows, by_descriptor),
                [(Some(80), vec![7, 8]), (Some(80), vec![7])]
            );
        }
    }

    #[test]
    fn an_inode_says_which_socket_it_is() {
        let with = |inode| {
            let mut one = seen(80, 5000, 7);
            one.row.inode = Some(inode);
            one
        };
        assert_eq!(merged(vec![with(1), with(2)], true).len(), 2);
    }

    #[test]
    fn four_bytes_after_zeros_are_an_ipv4_address() {
        for (given, meant) in [
            ("::10.0.0.7", "::ffff:10.0.0.7"),
            ("::127.0.0.1", "::ffff:127.0.0.1"),
            ("::ffff:10.0.0.7", "::ffff:10.0.0.7"),
            ("::", "::"),
            ("::1", "::1"),
            ("fe80::1", "fe80::1"),
            ("10.0.0.7", "10.0.0.7"),
        ] {
            let given: IpAddr = given.parse().unwrap();
            assert_eq!(mapped(given), meant.parse::<IpAddr>().unwrap());
        }
    }
}
