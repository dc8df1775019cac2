//! When does a socket keep another from being bound?
//!
//! The rules of Linux (net/ipv4/inet_connection_sock.c `inet_csk_bind_conflict`, net/ipv4/udp.c
//! `udp_lib_lport_inuse`; socket(7), tcp(7)), for a holder whose address overlaps the claim's:
//!
//! | holder | binder | outcome |
//! |---|---|---|
//! | TCP, listens | joins no group | taken |
//! | TCP, listens | SO_REUSEPORT, holder of another user | taken |
//! | TCP, listens | SO_REUSEPORT, holder of the same user | free if the holder set SO_REUSEPORT: not visible |
//! | TCP, does not listen | neither option | taken |
//! | TCP, does not listen | SO_REUSEADDR or SO_REUSEPORT | free if the holder set it too: not visible |
//! | UDP | neither option | taken |
//! | UDP | SO_REUSEADDR or SO_REUSEPORT | free if the holder set it too: not visible |
//!
//! Addresses overlap when they are equal, or one is a wildcard of the same family; an IPv6 wildcard
//! overlaps IPv4 unless its IPV6_V6ONLY is set, and a connection of an IPv6 address may keep `0.0.0.0` from
//! being bound. TIME_WAIT and connections hold their port as well.
//! A request that has not become a connection (SYN_RECV) holds none.
//!
//! SCTP keeps ports of its own, by rules that are much the same (`sctp_get_port_local` in net/sctp/socket.c).
//! Of an association the kernel shows addresses that it uses, not those that its socket is bound to: it may
//! be in the way wherever it has the port.
//!
//! Windows and macOS have other rules: there, as a rule, a specific address can be bound beside a
//! wildcard. Only a listener, or a UDP socket, on the very address that is claimed is surely in the way.

use std::net::{IpAddr, Ipv4Addr};

use super::claim::{Claim, Options};
use crate::model::{Protocol, Socket, State};

/// Whether a holder keeps a claim from being bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    No,
    /// It hangs on something that the system does not show.
    Perhaps,
    Yes,
}

/// Judges one holder against one claim of a process with this effective user.
pub fn bar(holder: &Socket, claim: &Claim, options: Options, uid: Option<u32>) -> Bar {
    let is_rival = holder.protocol.port_space() == claim.protocol
        && holder.local.port == Some(claim.port)
        && !matches!(holder.state, State::SynRecv | State::Closed);
    if !is_rival || on_other_interfaces(holder, claim) {
        return Bar::No;
    }
    if holder.protocol == Protocol::Sctp && holder.state != State::Listen {
        return Bar::Perhaps;
    }
    rule(holder, options, uid).min(overlap(holder, claim))
}

/// What is left of a judgement by the rules of Linux where those of another system hold.
pub fn bar_elsewhere(by_linux: Bar, holder: &Socket, claim: &Claim) -> Bar {
    let is_same = claim.address == Some(holder.local.address) && holder.state.is_listening();
    if is_same {
        by_linux
    } else {
        by_linux.min(Bar::Perhaps)
    }
}

fn rule(holder: &Socket, options: Options, uid: Option<u32>) -> Bar {
    let shares_group = options.reuse_port
        && match (holder.uid(), uid) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        };
    let shares_address = options.reuse_addr && holder.state != State::Listen;
    if shares_group || shares_address {
        Bar::Perhaps
    } else {
        Bar::Yes
    }
}

fn overlap(holder: &Socket, claim: &Claim) -> Bar {
    let held = holder.local.canonical();
    let yes_if = |overlaps: bool| if overlaps { Bar::Yes } else { Bar::No };
    match claim.address.map(|address| address.to_canonical()) {
        None => Bar::Yes,
        Some(_) if claim.is_dual_stack() => Bar::Yes,
        Some(IpAddr::V4(wanted)) => match held {
            IpAddr::V4(held) => {
                yes_if(held == wanted || held.is_unspecified() || wanted.is_unspecified())
            }
            IpAddr::V6(held) if !held.is_unspecified() => stands_for_ipv4(holder, wanted),
            IpAddr::V6(_) => match holder.v6only {
                Some(v6only) => yes_if(!v6only),
                None => Bar::Perhaps,
            },
        },
        Some(IpAddr::V6(wanted)) => {
            yes_if(held == IpAddr::V6(wanted) || (held.is_ipv6() && held.is_unspecified()))
        }
    }
}

/// The kernel keeps an IPv4 address for every IPv6 socket, 127.0.0.6 where there is none
/// (LOOPBACK4_IPV6, net/ipv6.h), and compares by it unless the socket is v6only. Sockets that have never
/// been connected it compares by their IPv6 address. Of connections it does not show whether they are
/// v6only; of those that have ended it does, and these are found among the sockets of their IPv6 address
/// (`inet_bhash2_update_saddr`), where a bind to 127.0.0.6 does not look.
fn stands_for_ipv4(holder: &Socket, wanted: Ipv4Addr) -> Bar {
    const LOOPBACK4_IPV6: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);
    let has_ended = holder.state == State::Bound;
    let is_compared = wanted.is_unspecified() || (wanted == LOOPBACK4_IPV6 && !has_ended);
    let was_connected = holder.state != State::Listen && holder.peer.is_some();
    match holder.v6only {
        _ if !is_compared || !was_connected => Bar::No,
        Some(true) => Bar::No,
        Some(false) => Bar::Yes,
        None => Bar::Perhaps,
    }
}

fn on_other_interfaces(holder: &Socket, claim: &Claim) -> bool {
    match (holder.interface(), &claim.interface) {
        (Some(theirs), Some(ours)) => *theirs != **ours,
        _ => false,
    }
}
