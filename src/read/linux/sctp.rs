//! Decodes SCTP sockets: messages of net/sctp/diag.c, and `/proc/net/sctp/eps` and `assocs`
//! (net/sctp/proc.c). Pure.
//!
//! A socket may have several addresses: a listener gives a row for each, an association one. The kernel
//! shows no socket that is bound and neither listens nor has an association.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::inet_diag::{AF_INET, AF_INET6, attributes, decode_with};
use super::wire::{ByteOrder, u16_at, u32_at};
use crate::model::{Endpoint, Protocol, State};
use crate::read::raw::RawSocket;

/// Addresses of the socket and, of an association, those of the peer: arrays of `struct
/// sockaddr_storage`, linux/inet_diag.h.
const INET_DIAG_LOCALS: u16 = 12;
const INET_DIAG_PEERS: u16 = 13;
const SOCKADDR_STORAGE: usize = 128;

/// Decodes one message; `None` when it cannot be read.
///
/// The addresses in the fixed part cannot be relied on. That of a listener becomes the address of its
/// latest association, so `0.0.0.0` would turn into `127.0.0.1`; those of an IPv6 socket's association over
/// IPv4 are empty. The kernel repeats the socket of an association, without the peer: that gives no row.
pub fn decode_rows(body: &[u8], order: ByteOrder) -> Option<Vec<RawSocket>> {
    let of_kind = |wanted: u16| {
        let mut found = attributes(body, order);
        found.find_map(|(kind, value)| (kind == wanted).then_some(value))
    };
    let peers = of_kind(INET_DIAG_PEERS);
    let state = |number: u8, _: &Endpoint| match peers {
        Some(_) => association_state(number),
        None => endpoint_state(number),
    };
    let row = decode_with(body, Protocol::Sctp, order, state)?;
    let is_ipv6 = row.local.address.is_ipv6();
    let addresses = |storage: &[u8]| {
        let chunks = storage.chunks_exact(SOCKADDR_STORAGE);
        let decoded = chunks.map(|chunk| decode_address(chunk, is_ipv6, order));
        decoded.collect::<Option<Vec<(IpAddr, u32)>>>()
    };
    let locals = addresses(of_kind(INET_DIAG_LOCALS).unwrap_or_default())?;
    match peers {
        Some(peers) => {
            let peers = addresses(peers)?;
            let is_primary = |(address, _): &&(IpAddr, u32)| *address == row.peer.address;
            let peer = peers.iter().find(is_primary).or(peers.first())?;
            let all: Vec<IpAddr> = locals.iter().map(|(address, _)| *address).collect();
            let local = facing(peer.0, &all).unwrap_or(row.local.address);
            Some(vec![RawSocket {
                local: at(local, row.local.port),
                peer: at(peer.0, row.peer.port),
                // The device of the route; a link-local address alone needs it.
                interface: if is_link_local(local) {
                    row.interface
                } else {
                    0
                },
                ..row
            }])
        }
        None if row.state != State::Listen => Some(Vec::new()),
        None if locals.is_empty() => Some(vec![row]),
        None => Some(
            locals
                .into_iter()
                .map(|(address, scope)| RawSocket {
                    local: at(address, row.local.port),
                    interface: if is_link_local(address) && scope != 0 {
                        scope
                    } else {
                        row.interface
                    },
                    ..row.clone()
                })
                .collect(),
        ),
    }
}

/// Reads `sockaddr_in` or `sockaddr_in6`; an IPv4 address of an IPv6 socket as a mapped one. The second
/// value is the scope.
fn decode_address(storage: &[u8], is_ipv6: bool, order: ByteOrder) -> Option<(IpAddr, u32)> {
    let family = u16_at(storage, 0, order)?;
    if family == u16::from(AF_INET) {
        let bytes: [u8; 4] = storage.get(4..8)?.try_into().ok()?;
        let v4 = Ipv4Addr::from(bytes);
        let address = if is_ipv6 {
            v4.to_ipv6_mapped().into()
        } else {
            v4.into()
        };
        Some((address, 0))
    } else if family == u16::from(AF_INET6) {
        let bytes: [u8; 16] = storage.get(8..24)?.try_into().ok()?;
        Some((Ipv6Addr::from(bytes).into(), u32_at(storage, 24, order)?))
    } else {
        None
    }
}

/// The likely one of an association's addresses for this peer: of its family, and loopback for loopback.
/// The kernel does not show which is in use.
fn facing(peer: IpAddr, locals: &[IpAddr]) -> Option<IpAddr> {
    let kind = |address: &IpAddr| {
        let address = address.to_canonical();
        (address.is_ipv4(), address.is_loopback())
    };
    let same = locals.iter().find(|local| kind(local) == kind(&peer));
    let of_family = || {
        let mut all = locals.iter();
        all.find(|local| kind(local).0 == kind(&peer).0)
    };
    same.or_else(of_family).or(locals.first()).copied()
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn at(address: IpAddr, port: Option<u16>) -> Endpoint {
    Endpoint { address, port }
}

/// `SCTP_SS_*` of include/net/sctp/constants.h, which are numbers of TCP states.
fn endpoint_state(number: u8) -> Option<State> {
    Some(match number {
        1 => State::Established,
        2 => State::SynSent,
        7 => State::Bound,
        8 => State::CloseWait,
        10 => State::Listen,
        _ => return None,
    })
}

/// `enum sctp_state` of include/net/sctp/constants.h (RFC 9260, 4), by the names of the TCP states with
/// the same place in a connection's life.
fn association_state(number: u8) -> Option<State> {
    Some(match number {
        0 => State::Closed,
        // COOKIE-WAIT, COOKIE-ECHOED.
        1 | 2 => State::SynSent,
        3 => State::Established,
        // SHUTDOWN-PENDING, SHUTDOWN-SENT.
        4 | 5 => State::FinWait1,
        // SHUTDOWN-RECEIVED.
        6 => State::CloseWait,
        // SHUTDOWN-ACK-SENT.
        7 => State::LastAck,
        _ => return None,
    })
}

/// Bits of a state in `idiag_states`: the kernel asks only whether listeners are wanted, and whether
/// anything but listeners and closed sockets is (`sctp_diag_dump`).
pub fn state_bits(state: State) -> u32 {
    match state {
        State::Listen => 1 << 10,
        // The kernel shows none.
        State::Unconnected | State::Bound => 0,
        _ => 1 << 1,
    }
}

/// Whether a file is one of the two: even an empty one has its line of titles.
pub fn is_table(text: &[u8]) -> bool {
    let titles = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    titles.windows(6).any(|part| part == b"LADDRS")
}

/// Listeners of `/proc/net/sctp/eps`, a row for each address, and how many lines could not be read.
pub fn decode_eps(text: &[u8]) -> (Vec<RawSocket>, usize) {
    decode_lines(text, decode_endpoint)
}

/// Associations of `/proc/net/sctp/assocs`, and how many lines could not be read.
pub fn decode_assocs(text: &[u8]) -> (Vec<RawSocket>, usize) {
    decode_lines(text, |line| decode_association(line).map(|row| vec![row]))
}

fn decode_lines(
    text: &[u8],
    decode: impl Fn(&str) -> Option<Vec<RawSocket>>,
) -> (Vec<RawSocket>, usize) {
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    let (mut rows, mut skipped) = (Vec::new(), 0);
    for line in lines.filter(|line| !line.trim_ascii().is_empty()) {
        match std::str::from_utf8(line).ok().and_then(&decode) {
            Some(decoded) => rows.extend(decoded),
            None => skipped += 1,
        }
    }
    (rows, skipped)
}

/// `ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS`
fn decode_endpoint(line: &str) -> Option<Vec<RawSocket>> {
    let mut fields = line.split_ascii_whitespace().skip(3);
    let state = endpoint_state(fields.next()?.parse().ok()?)?;
    let port: u16 = fields.nth(1)?.parse().ok()?;
    let uid = fields.next()?.parse().ok()?;
    let inode = fields.next()?.parse().ok()?;
    let locals: Option<Vec<_>> = fields.map(parse_address).collect();
    let locals = locals.filter(|locals| !locals.is_empty())?;
    let row = |(_, local): (bool, IpAddr)| {
        let no_peer = match local {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        socket(state, (local, port), (no_peer, 0), uid, inode)
    };
    Some(locals.into_iter().map(row).collect())
}

/// `ASSOC SOCK STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT ...`
fn decode_association(line: &str) -> Option<RawSocket> {
    let mut fields = line.split_ascii_whitespace().skip(4);
    let state = association_state(fields.next()?.parse().ok()?)?;
    let send = fields.nth(2)?.parse().ok();
    let receive = fields.next()?.parse().ok();
    let uid = fields.next()?.parse().ok()?;
    let inode = fields.next()?.parse().ok()?;
    let (local_port, peer_port) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let locals = fields.by_ref().take_while(|field| *field != "<->");
    let locals: Option<Vec<_>> = locals.map(parse_address).collect();
    let locals: Vec<IpAddr> = locals?.into_iter().map(|(_, local)| local).collect();
    let peers: Vec<(bool, IpAddr)> = fields.map_while(parse_address).collect();
    let primary = peers.iter().find(|(is_primary, _)| *is_primary);
    let (_, peer) = *primary.or(peers.first())?;
    let local = facing(peer, &locals)?;
    Some(RawSocket {
        send_queue: send,
        recv_queue: receive,
        ..socket(state, (local, local_port), (peer, peer_port), uid, inode)
    })
}

/// An address, and whether a star marks it as the primary one.
fn parse_address(field: &str) -> Option<(bool, IpAddr)> {
    let plain = field.strip_prefix('*');
    let address = plain.unwrap_or(field).parse().ok()?;
    Some((plain.is_some(), address))
}

fn socket(
    state: State,
    local: (IpAddr, u16),
    peer: (IpAddr, u16),
    uid: u32,
    inode: u64,
) -> RawSocket {
    RawSocket {
        protocol: Protocol::Sctp,
        state,
        local: Endpoint::new(local.0, local.1),
        peer: Endpoint::new(peer.0, peer.1),
        interface: 0,
        uid: Some(uid).filter(|_| inode != 0),
        inode: Some(inode),
        handle: inode,
        v6only: None,
        recv_queue: None,
        send_queue: None,
        time_wait_left: None,
    }
}
