//! What on this machine will bite: listeners that get in each other's way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::kin::are_one_server;
use crate::model::{
    Exposure, Family, Foreign, Limits, Process, Protocol, Row, Sender, Socket, State,
};

/// How soon it bites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// May fail at any time.
    Warning,
    /// Goes wrong now for some client.
    Error,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Stable code of a finding, part of the JSON contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingCode {
    /// `127.0.0.1` and `::1` are answered by different programs.
    SplitLocalhost,
    /// A specific address takes clients from another program's wildcard.
    ShadowedWildcard,
    /// Different programs or users share a port: by SO_REUSEPORT, over UDP also by SO_REUSEADDR.
    MixedGroup,
    /// A listener lies where the system finds ports for outgoing connections.
    EphemeralListener,
    /// A socket holds a port and does not listen.
    BoundOnly,
    /// A connection of a socket to itself holds a port, so that no server can have it.
    SelfConnection,
}

impl FindingCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SplitLocalhost => "split-localhost",
            Self::ShadowedWildcard => "shadowed-wildcard",
            Self::MixedGroup => "mixed-group",
            Self::EphemeralListener => "ephemeral-listener",
            Self::BoundOnly => "bound-only",
            Self::SelfConnection => "self-connection",
        }
    }
}

/// Something that will bite, with the sockets it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: FindingCode,
    pub protocol: Protocol,
    pub port: u16,
    /// Indices of rows.
    pub rows: Vec<usize>,
    pub sharing: Sharing,
}

/// How the sockets of a mixed group share their port. Which options they set is in no table
/// (`struct inet_diag_sockopt` in linux/inet_diag.h has neither).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// By SO_REUSEPORT: nothing else lets two TCP sockets listen at one place. For other findings,
    /// nothing is shared.
    #[default]
    Group,
    /// UDP sockets of one user: by SO_REUSEPORT, or by SO_REUSEADDR.
    Either,
    /// UDP sockets of several users: by SO_REUSEADDR, since a group is of one user.
    Address,
    /// UDP sockets on a multicast address, each of which gets a copy of every datagram.
    Multicast,
}

impl Finding {
    pub fn severity(&self) -> Severity {
        match self.code {
            FindingCode::MixedGroup => match self.sharing {
                Sharing::Group => Severity::Error,
                Sharing::Either | Sharing::Address => Severity::Warning,
                Sharing::Multicast => Severity::Info,
            },
            FindingCode::SplitLocalhost => Severity::Error,
            FindingCode::ShadowedWildcard | FindingCode::SelfConnection => Severity::Warning,
            FindingCode::EphemeralListener | FindingCode::BoundOnly => Severity::Info,
        }
    }

    /// What to do about it, in a line.
    pub fn advice(&self) -> &'static str {
        match self.code {
            FindingCode::SplitLocalhost => {
                "which program answers 'localhost' depends on the client's resolver: give one of them another port"
            }
            FindingCode::ShadowedWildcard => {
                "clients of the specific address never reach the wildcard listener: give one of them another port"
            }
            FindingCode::MixedGroup => self.sharing.advice(),
            FindingCode::EphemeralListener => {
                "an outgoing connection may take the port before the program starts: choose a port outside the \
                 range, or reserve it (net.ipv4.ip_local_reserved_ports)"
            }
            FindingCode::BoundOnly => {
                "it keeps others from the port and takes no connection: look whether it hangs"
            }
            FindingCode::SelfConnection => {
                "a client that tries a port of the ephemeral range again and again can be given that very port: \
                 close the connection, and give the server a port outside the range, or reserve it \
                 (net.ipv4.ip_local_reserved_ports)"
            }
        }
    }
}

impl Sharing {
    fn of(rows: &[Row], group: &[usize]) -> Self {
        let sockets = || group.iter().map(|at| &rows[*at].socket);
        let users: BTreeSet<u32> = sockets().filter_map(Socket::uid).collect();
        match () {
            () if sockets().any(|socket| socket.protocol.is_stream()) => Self::Group,
            () if sockets().all(|socket| socket.local.canonical().is_multicast()) => {
                Self::Multicast
            }
            () if users.len() > 1 => Self::Address,
            () => Self::Either,
        }
    }

    /// As `udp4_lib_lookup2` in net/ipv4/udp.c has it: outside a group, the first of equals in the list
    /// of sockets, where the one that was bound last comes first.
    fn advice(self) -> &'static str {
        match self {
            Self::Group => {
                "the kernel spreads connections over all members: stop the members that do not belong"
            }
            Self::Either => {
                "if all of them set SO_REUSEPORT, the kernel spreads the datagrams over them; otherwise the \
                 socket that was bound last gets every unicast datagram: stop the programs that do not belong"
            }
            Self::Address => {
                "the socket that was bound last gets every unicast datagram, the others get none: stop the \
                 programs that do not belong"
            }
            Self::Multicast => {
                "each of them gets a copy of every datagram to the multicast address: nothing has to be done"
            }
        }
    }
}

/// Looks over listeners and bound sockets. The second value tells whether hidden owners kept
/// something from being judged.
pub fn conflicts(rows: &[Row], limits: &Limits) -> (Vec<Finding>, bool) {
    let mut by_port: BTreeMap<(u16, Protocol), Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(port) = row.socket.local.port {
            by_port
                .entry((port, row.socket.protocol.port_space()))
                .or_default()
                .push(at);
        }
    }
    let mut findings = Vec::new();
    let mut is_blind = false;
    for ((port, protocol), all) in by_port {
        let mut found = |code, about: Vec<usize>| {
            let sharing = match code {
                FindingCode::MixedGroup => Sharing::of(rows, &about),
                _ => Sharing::default(),
            };
            findings.push(Finding {
                code,
                protocol,
                port,
                rows: about,
                sharing,
            })
        };
        let of = |at: &usize| &rows[*at];
        let listening: Vec<usize> = all
            .iter()
            .copied()
            .filter(|at| of(at).socket.state.is_listening())
            .collect();
        let is_hidden = |at: &usize| of(at).owners.is_empty() && !of(at).owner_status.is_none();
        is_blind |= listening.len() > 1 && listening.iter().any(is_hidden);
        if let Some(pair) = split_localhost(rows, &listening) {
            found(FindingCode::SplitLocalhost, pair);
        }
        if let Some(shadow) = shadowed(rows, &listening) {
            found(FindingCode::ShadowedWildcard, shadow);
        }
        for group in groups(rows, &listening) {
            found(FindingCode::MixedGroup, group);
        }
        let in_range = limits.is_ephemeral(port) && !limits.is_reserved(port);
        if in_range && protocol.is_stream() && !listening.is_empty() {
            found(FindingCode::EphemeralListener, listening);
        }
        let bound: Vec<usize> = all
            .iter()
            .copied()
            .filter(|at| of(at).socket.state == State::Bound)
            .collect();
        if !bound.is_empty() {
            found(FindingCode::BoundOnly, bound);
        }
        let to_themselves: Vec<usize> = all
            .iter()
            .copied()
            .filter(|at| of(at).socket.is_connected_to_itself() && protocol.is_stream())
            .collect();
        if !to_themselves.is_empty() {
            found(FindingCode::SelfConnection, to_themselves);
        }
    }
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity()), finding.port));
    (findings, is_blind)
}

/// Who answers, as far as programs are told apart: name and user. Workers of a pool are one.
fn program(row: &Row) -> Option<BTreeSet<(&str, Option<u32>)>> {
    if row.owners.is_empty() {
        // A socket that the kernel owns is nobody's program, and so a program of its own.
        return row.owner_status.is_none().then(BTreeSet::new);
    }
    Some(
        row.owners
            .iter()
            .map(|owner| (owner.process.name.unclean(), owner.process.uid))
            .collect(),
    )
}

/// Whether two sockets surely belong to different programs: no owner of one is like one of the other.
fn differ(a: &Row, b: &Row) -> bool {
    match (program(a), program(b)) {
        (Some(a), Some(b)) => a.is_disjoint(&b) && !(a.is_empty() && b.is_empty()),
        _ => false,
    }
}

/// Whether two sockets surely belong to different owners: no process of one is akin to one of the other.
fn are_strangers(a: &Row, b: &Row) -> bool {
    let is_known = |row: &Row| !row.owners.is_empty();
    if !is_known(a) || !is_known(b) {
        return differ(a, b);
    }
    !a.owners
        .iter()
        .any(|x| b.owners.iter().any(|y| are_akin(&x.process, &y.process)))
}

/// Whether two processes answer as one server: parent and child, or one server by the rule of all
/// verbs whose arguments do not say otherwise.
fn are_akin(a: &Process, b: &Process) -> bool {
    let is_child = |child: &Process, parent: &Process| child.parent_pid == Some(parent.key.pid);
    is_child(a, b) || is_child(b, a) || (are_one_server(a, b) && is_pool(a, b))
}

/// Whether nothing tells against workers of a pool: they are started in one folder, with arguments
/// that differ in one number at most.
fn is_pool(a: &Process, b: &Process) -> bool {
    let agree = |one: &Option<Foreign>, other: &Option<Foreign>| match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    agree(&a.working_directory, &b.working_directory)
        && match (&a.command, &b.command) {
            (Some(a), Some(b)) => {
                let mut differing = a.iter().zip(b).filter(|(x, y)| x != y);
                let (first, second) = (differing.next(), differing.next());
                let differ_in_a_number =
                    first.is_none_or(|(x, y)| differ_in_a_number(x.unclean(), y.unclean()));
                a.len() == b.len() && second.is_none() && differ_in_a_number
            }
            _ => true,
        }
}

/// Whether two words are alike but for one number: `--worker=9` and `--worker=10`.
fn differ_in_a_number(a: &str, b: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    // A number each, and what stands before it.
    let parts = |text: &str| -> Vec<(String, String)> {
        let mut parts = vec![(String::new(), String::new())];
        for c in text.chars() {
            let is_after_number = parts.last().is_some_and(|(_, number)| !number.is_empty());
            if is_after_number && !is_digit(c) {
                parts.push((String::new(), String::new()));
            }
            if let Some((before, number)) = parts.last_mut() {
                let part = if is_digit(c) { number } else { before };
                part.push(c);
            }
        }
        parts
    };
    let (a, b) = (parts(a), parts(b));
    let mut differing = a.iter().zip(&b).filter(|(x, y)| x != y);
    let is_a_number = |((before, one), (also, other)): (&(String, String), &(String, String))| {
        before == also && !one.is_empty() && !other.is_empty()
    };
    a.len() == b.len() && differing.next().is_none_or(is_a_number) && differing.next().is_none()
}

/// One on IPv4 loopback or wildcard, one on IPv6 loopback or wildcard, of different programs, at
/// least one of them on loopback alone.
fn split_localhost(rows: &[Row], listening: &[usize]) -> Option<Vec<usize>> {
    let answers = |at: &&usize, family: Family| {
        let socket = &rows[**at].socket;
        let is_localhost = socket.receives(localhost(family), Sender::Here) == Some(true);
        socket.family() == family && is_localhost
    };
    let is_loopback = |at: usize| rows[at].socket.local.exposure() == Exposure::Loopback;
    let four: Vec<usize> = listening
        .iter()
        .filter(|at| answers(at, Family::Ipv4))
        .copied()
        .collect();
    let six: Vec<usize> = listening
        .iter()
        .filter(|at| answers(at, Family::Ipv6))
        .copied()
        .collect();
    four.iter()
        .flat_map(|a| six.iter().map(move |b| (*a, *b)))
        .find_map(|(a, b)| {
            let splits = is_loopback(a) || is_loopback(b) || rows[b].socket.v6only == Some(true);
            (splits && are_strangers(&rows[a], &rows[b])).then(|| vec![a, b])
        })
}

fn localhost(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::LOCALHOST.into(),
        Family::Ipv6 => Ipv6Addr::LOCALHOST.into(),
    }
}

/// A specific address with a wildcard of another program that would receive it.
fn shadowed(rows: &[Row], listening: &[usize]) -> Option<Vec<usize>> {
    let (wild, specific): (Vec<usize>, Vec<usize>) = listening
        .iter()
        .copied()
        .partition(|at| rows[*at].socket.local.is_wildcard());
    wild.iter().find_map(|wildcard| {
        let over = &rows[*wildcard];
        let is_shadow = |at: &usize| {
            let under = &rows[*at];
            let address = under.socket.local.address;
            let receives = over.socket.receives(address, Sender::Anywhere);
            receives != Some(false) && are_strangers(over, under)
        };
        let shadows: Vec<usize> = specific.iter().copied().filter(is_shadow).collect();
        (!shadows.is_empty()).then(|| [vec![*wildcard], shadows].concat())
    })
}

/// Listeners on one address that are not all of one program and owner.
fn groups(rows: &[Row], listening: &[usize]) -> Vec<Vec<usize>> {
    let mut by_address: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for at in listening {
        let socket = &rows[*at].socket;
        by_address
            .entry((socket.local, socket.interface()))
            .or_default()
            .push(*at);
    }
    let is_mixed = |group: &Vec<usize>| {
        let first = &rows[group[0]];
        group.iter().any(|at| are_strangers(first, &rows[*at]))
    };
    by_address.into_values().filter(is_mixed).collect()
}
