//! What on this machine will bite: listeners that get in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use super::kin::are_one_server;
use crate::model::{Exposure, Family, Limits, OwnerStatus, Process, Protocol, Row, State};

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
    /// Different programs or users share a port by SO_REUSEPORT.
    MixedGroup,
    /// A listener lies where the system finds ports for outgoing connections.
    EphemeralListener,
    /// A socket holds a port and does not listen.
    BoundOnly,
}

impl FindingCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SplitLocalhost => "split-localhost",
            Self::ShadowedWildcard => "shadowed-wildcard",
            Self::MixedGroup => "mixed-group",
            Self::EphemeralListener => "ephemeral-listener",
            Self::BoundOnly => "bound-only",
        }
    }

    /// What to do about it, in a line.
    pub fn advice(self) -> &'static str {
        match self {
            Self::SplitLocalhost => {
                "which program answers 'localhost' depends on the client's resolver: give one of them another port"
            }
            Self::ShadowedWildcard => {
                "clients of the specific address never reach the wildcard listener: give one of them another port"
            }
            Self::MixedGroup => {
                "the kernel spreads connections over all members: stop the members that do not belong"
            }
            Self::EphemeralListener => {
                "an outgoing connection may take the port before the program starts: choose a port outside the \
                 range, or reserve it (net.ipv4.ip_local_reserved_ports)"
            }
            Self::BoundOnly => {
                "it keeps others from the port and takes no connection: look whether it hangs"
            }
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
}

impl Finding {
    pub fn severity(&self) -> Severity {
        match self.code {
            // Multicast listeners share their port on purpose, mDNS and SSDP for instance.
            FindingCode::MixedGroup if self.protocol == Protocol::Udp => Severity::Info,
            FindingCode::SplitLocalhost | FindingCode::MixedGroup => Severity::Error,
            FindingCode::ShadowedWildcard => Severity::Warning,
            FindingCode::EphemeralListener | FindingCode::BoundOnly => Severity::Info,
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
        let mut found = |code, rows: Vec<usize>| {
            findings.push(Finding {
                code,
                protocol,
                port,
                rows,
            })
        };
        let of = |at: &usize| &rows[*at];
        let listening: Vec<usize> = all
            .iter()
            .copied()
            .filter(|at| of(at).socket.state.is_listening())
            .collect();
        let is_hidden =
            |at: &usize| of(at).owners.is_empty() && of(at).owner_status != OwnerStatus::None;
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
    }
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity()), finding.port));
    (findings, is_blind)
}

/// Who answers, as far as programs are told apart: name and user. Workers of a pool are one.
fn program(row: &Row) -> Option<BTreeSet<(&str, Option<u32>)>> {
    if row.owners.is_empty() {
        // A socket that the kernel owns is nobody's program, and so a program of its own.
        return (row.owner_status == OwnerStatus::None).then(BTreeSet::new);
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

/// Whether arguments tell nothing against workers of a pool: those differ in a number at most.
fn is_pool(a: &Process, b: &Process) -> bool {
    let (Some(a), Some(b)) = (&a.command, &b.command) else {
        return true;
    };
    let differing = a.iter().zip(b).filter(|(x, y)| x != y).count();
    a.len() == b.len() && differing <= 1
}

/// One on IPv4 loopback or wildcard, one on IPv6 loopback or wildcard, of different programs, at
/// least one of them on loopback alone.
fn split_localhost(rows: &[Row], listening: &[usize]) -> Option<Vec<usize>> {
    let answers = |at: &&usize, family: Family| {
        let socket = &rows[**at].socket;
        let is_localhost = match socket.local.exposure() {
            Exposure::Loopback => socket.local.address.to_string() == localhost(family),
            Exposure::All => true,
            Exposure::Address => false,
        };
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

fn localhost(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "127.0.0.1",
        Family::Ipv6 => "::1",
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
            let receives = match under.socket.local.canonical().is_ipv4() {
                true => over.socket.takes_ipv4(),
                false => over.socket.family() == Family::Ipv6,
            };
            receives && are_strangers(over, under)
        };
        let shadows: Vec<usize> = specific.iter().copied().filter(is_shadow).collect();
        (!shadows.is_empty()).then(|| [vec![*wildcard], shadows].concat())
    })
}

/// Listeners on one address: a group by SO_REUSEPORT whose members are not all of one program.
fn groups(rows: &[Row], listening: &[usize]) -> Vec<Vec<usize>> {
    let mut by_address: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for at in listening {
        let socket = &rows[*at].socket;
        by_address
            .entry((socket.local, socket.interface()))
            .or_default()
            .push(*at);
    }
    let is_mixed = |group: &Vec<usize>| group.iter().any(|at| differ(&rows[group[0]], &rows[*at]));
    by_address.into_values().filter(is_mixed).collect()
}
