//! Decodes `struct inet_diag_msg` (linux/inet_diag.h), the kernel's row for one socket. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::wire::{ByteOrder, u16_at, u32_at};
use crate::model::{Endpoint, Protocol, State};
use crate::read::raw::RawSocket;

/// Address families, linux/socket.h.
pub const AF_INET: u8 = 2;
pub const AF_INET6: u8 = 10;
/// Bytes of `struct inet_diag_msg`; attributes follow.
const FIXED: usize = 72;
const INET_DIAG_SKV6ONLY: u16 = 11;
/// `idiag_timer` of what waits to be gone, `inet_twsk_diag_fill` in net/ipv4/inet_diag.c:
/// `idiag_expires` says in how many milliseconds that is.
const TIMER_WAIT: u8 = 3;

/// Decodes one row; `None` when it is too short or of another family.
///
/// Ports and addresses are in network byte order, all other fields in `order`.
pub fn decode_row(body: &[u8], protocol: Protocol, order: ByteOrder) -> Option<RawSocket> {
    decode_with(body, protocol, order, |number, local| {
        decode_state(number, protocol, local)
    })
}

/// The same with states of the protocol's own.
pub fn decode_with(
    body: &[u8],
    protocol: Protocol,
    order: ByteOrder,
    decode_state: impl FnOnce(u8, &Endpoint) -> Option<State>,
) -> Option<RawSocket> {
    let fixed: &[u8; FIXED] = body.first_chunk()?;
    let family = fixed[0];
    let endpoint = |port: usize, address: usize| {
        Some(Endpoint {
            address: address_at(fixed, address, family)?,
            port: Some(u16::from_be_bytes([fixed[port], fixed[port + 1]])),
        })
    };
    let local = endpoint(4, 8)?;
    let peer = endpoint(6, 24)?;
    let word = |at| u32_at(fixed, at, order);
    let inode = word(68)?;
    let state = decode_state(fixed[1], &local)?;
    Some(RawSocket {
        protocol,
        state,
        local,
        peer,
        interface: word(40)?,
        // TIME_WAIT, SYN_RECV and orphans carry uid 0 with inode 0: the uid is not told.
        uid: word(64).filter(|_| inode != 0),
        inode: Some(u64::from(inode)),
        handle: u64::from(inode),
        v6only: v6only(body, order).filter(|_| family == AF_INET6),
        recv_queue: word(56),
        send_queue: word(60),
        time_wait_left: word(52).filter(|_| state == State::TimeWait && fixed[2] == TIMER_WAIT),
    })
}

/// Maps a state number of `include/net/tcp_states.h`.
///
/// A TCP socket in TCP_CLOSE keeps the port that it has: before it connects or listens, and after its
/// connection was refused, reset or ended, until its last descriptor is closed (`tcp_set_state` in
/// net/ipv4/tcp.c gives back only a port that the kernel chose). The kernel then still shows the last
/// peer.
pub fn decode_state(number: u8, protocol: Protocol, local: &Endpoint) -> Option<State> {
    let has_port = local.port.is_some_and(|port| port != 0);
    Some(match (number, protocol.is_stream()) {
        (1, _) => State::Established,
        // TCP_BOUND_INACTIVE is what they are asked for by; they are dumped as TCP_CLOSE.
        (7 | 13, true) if has_port => State::Bound,
        (7 | 13, true) => State::Closed,
        (7, false) => State::Unconnected,
        (2, true) => State::SynSent,
        (3 | 12, true) => State::SynRecv,
        (4, true) => State::FinWait1,
        (5, true) => State::FinWait2,
        (6, true) => State::TimeWait,
        (8, true) => State::CloseWait,
        (9, true) => State::LastAck,
        (10, true) => State::Listen,
        (11, true) => State::Closing,
        _ => return None,
    })
}

/// The bit of a state in `idiag_states`. `Bound` is TCP_BOUND_INACTIVE, Linux 6.8 and later.
pub fn state_bits(state: State, protocol: Protocol) -> u32 {
    match (state, protocol.is_stream()) {
        (State::Established, _) => 1 << 1,
        (State::Unconnected, false) => 1 << 7,
        (_, false) | (State::Unconnected, true) => 0,
        (State::SynSent, true) => 1 << 2,
        (State::SynRecv, true) => 1 << 3 | 1 << 12,
        (State::FinWait1, true) => 1 << 4,
        (State::FinWait2, true) => 1 << 5,
        (State::TimeWait, true) => 1 << 6,
        (State::Closed, true) => 1 << 7,
        (State::CloseWait, true) => 1 << 8,
        (State::LastAck, true) => 1 << 9,
        (State::Listen, true) => 1 << 10,
        (State::Closing, true) => 1 << 11,
        (State::Bound, true) => 1 << 13,
    }
}

fn address_at(fixed: &[u8; FIXED], at: usize, family: u8) -> Option<IpAddr> {
    match family {
        AF_INET => {
            let bytes: [u8; 4] = fixed.get(at..at + 4)?.try_into().ok()?;
            Some(Ipv4Addr::from(bytes).into())
        }
        AF_INET6 => {
            let bytes: [u8; 16] = fixed.get(at..at + 16)?.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// The attributes of a row (`struct nlattr`, linux/netlink.h): their kinds and values.
pub fn attributes(body: &[u8], order: ByteOrder) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(FIXED..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0, order)?);
        let kind = u16_at(rest, 2, order)?;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn v6only(body: &[u8], order: ByteOrder) -> Option<bool> {
    let mut attributes = attributes(body, order);
    let (_, value) = attributes.find(|(kind, _)| *kind == INET_DIAG_SKV6ONLY)?;
    value.first().map(|flag| *flag != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(family: u8, state: u8) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        bytes[0] = family;
        bytes[1] = state;
        bytes[4..6].copy_from_slice(&443u16.to_be_bytes());
        bytes[8..12].copy_from_slice(&[127, 0, 0, 1]);
        bytes[60..64].copy_from_slice(&128u32.to_be_bytes());
        bytes[64..68].copy_from_slice(&33u32.to_be_bytes());
        bytes[68..72].copy_from_slice(&4711u32.to_be_bytes());
        bytes
    }

    #[test]
    fn a_big_endian_listener_is_decoded() {
        let socket = decode_row(&row(AF_INET, 10), Protocol::Tcp, ByteOrder::Big).unwrap();
        assert_eq!(socket.local, Endpoint::new(Ipv4Addr::LOCALHOST, 443));
        assert_eq!(socket.state, State::Listen);
        assert_eq!((socket.uid, socket.inode), (Some(33), Some(4711)));
        assert_eq!(socket.send_queue, Some(128));
        assert_eq!(socket.v6only, None);
    }

    #[test]
    fn uid_zero_of_an_orphan_is_not_root() {
        let mut bytes = row(AF_INET, 6);
        bytes[64..72].fill(0);
        let socket = decode_row(&bytes, Protocol::Tcp, ByteOrder::Big).unwrap();
        assert_eq!(
            (socket.state, socket.uid, socket.handle),
            (State::TimeWait, None, 0)
        );
    }

    #[test]
    fn time_wait_says_how_long_it_lasts_yet() {
        let mut bytes = row(AF_INET, 6);
        bytes[52..56].copy_from_slice(&57_196u32.to_be_bytes());
        let left = |bytes: &[u8]| {
            let row = decode_row(bytes, Protocol::Tcp, ByteOrder::Big);
            row.unwrap().time_wait_left
        };
        assert_eq!(left(&bytes), None, "no such timer");
        bytes[2] = 3;
        assert_eq!(left(&bytes), Some(57_196));
        bytes[1] = 5;
        assert_eq!(left(&bytes), None, "FIN_WAIT_2 has a wait of its own");
    }

    #[test]
    fn v6only_is_found_among_other_attributes() {
        let mut bytes = row(AF_INET6, 10);
        bytes.extend([0, 5, 0, 8, 0, 0, 0, 0, 0, 5, 0, 11, 1, 0, 0, 0]);
        let decode = |bytes: &[u8]| {
            decode_row(bytes, Protocol::Tcp, ByteOrder::Big)
                .unwrap()
                .v6only
        };
        assert_eq!(decode(&bytes), Some(true));
        assert_eq!(decode(&bytes[..FIXED + 8]), None);
        assert_eq!(decode(&bytes[..FIXED + 12]), None, "cut short");
        bytes[FIXED..FIXED + 2].fill(0);
        assert_eq!(decode(&bytes), None, "a length of zero must not loop");
    }

    #[test]
    fn a_short_row_and_a_foreign_family_are_refused() {
        assert!(decode_row(&row(AF_INET, 10)[..71], Protocol::Tcp, ByteOrder::Big).is_none());
        assert!(decode_row(&row(1, 10), Protocol::Tcp, ByteOrder::Big).is_none());
        assert!(decode_row(&row(AF_INET, 99), Protocol::Tcp, ByteOrder::Big).is_none());
    }

    #[test]
    fn a_closed_socket_with_a_port_is_bound_whatever_its_last_peer() {
        let mut bytes = row(AF_INET, 7);
        let state = |bytes: &[u8]| {
            let row = decode_row(bytes, Protocol::Tcp, ByteOrder::Big).unwrap();
            (row.state, row.peer.port)
        };
        assert_eq!(state(&bytes), (State::Bound, Some(0)));
        // Its connection was refused: the address of the peer is left.
        bytes[24..28].copy_from_slice(&[127, 0, 0, 1]);
        assert_eq!(state(&bytes), (State::Bound, Some(0)));
        // It was reset: the port of the peer is left too.
        bytes[6..8].copy_from_slice(&8080u16.to_be_bytes());
        assert_eq!(state(&bytes), (State::Bound, Some(8080)));
        bytes[4..6].fill(0);
        assert_eq!(state(&bytes), (State::Closed, Some(8080)), "no port");
        let udp = decode_row(&row(AF_INET, 7), Protocol::Udp, ByteOrder::Big).unwrap();
        assert_eq!(udp.state, State::Unconnected);
    }

    #[test]
    fn state_bits_and_numbers_agree() {
        let local = Endpoint::new(Ipv4Addr::LOCALHOST, 80);
        for protocol in Protocol::ALL {
            for state in State::ALL {
                let bits = state_bits(state, protocol);
                for number in (1..=13).filter(|number| bits & 1 << number != 0) {
                    let decoded = decode_state(number, protocol, &local);
                    let closed_is_bound = state == State::Closed && decoded == Some(State::Bound);
                    assert!(
                        decoded == Some(state) || closed_is_bound,
                        "{protocol} {state:?} {number}"
                    );
                }
            }
        }
    }
}
