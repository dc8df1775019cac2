//! What is said about ports that run out.

use super::super::{holder, name};
use super::{MOST_OWNERS, budget_peer, counted, ends, processes, reuse_delay};
use crate::judge::{Advice, Budget, Growth, Usage};
use crate::model::{Protocol, State};

/// Ports that an advice names.
const MOST_PORTS: usize = 8;
/// Where ports are reserved on Linux.
const RESERVED: &str = " (net.ipv4.ip_local_reserved_ports)";

/// One line of advice.
pub fn advice(advice: &Advice, usage: &Usage) -> String {
    let at = |index: usize| usage.budgets.get(index);
    match advice {
        Advice::ShortConnections { budget } => {
            at(*budget).map(|budget| short_connections(budget, usage.limits.time_wait_seconds))
        }
        Advice::Reusable { budget } => at(*budget).map(|budget| {
            format!(
                "{}: {} in TIME-WAIT, which the kernel gives to new connections again after {} \
                 (tcp_tw_reuse)",
                ends(budget),
                counted(budget.count(State::TimeWait), "port"),
                reuse_delay(&usage.limits)
            )
        }),
        Advice::Leak {
            budget,
            owner,
            growth,
        } => at(*budget).and_then(|budget| leak(budget, *owner, *growth)),
        Advice::Unanswered { budget } => at(*budget).map(|budget| unanswered(budget, usage)),
        Advice::NoPorts => Some(no_ports(usage)),
        Advice::NarrowRange {
            first,
            last,
            reserve,
        } => Some(narrow(usage, (*first, *last), reserve)),
        Advice::SharedAddress { address, all } => Some(format!(
            "{address} has {} to {} peers: ports are counted for each peer, and none has half of \
             its own, so nothing needs to be done",
            counted(all.sockets, "connection"),
            all.peers
        )),
    }
    .unwrap_or_default()
}

fn short_connections(budget: &Budget, lasts: Option<u32>) -> String {
    let likely = processes(&budget.likely.iter().collect::<Vec<_>>());
    let at_most = budget.capacity.zip(lasts);
    let at_most = at_most.and_then(|(capacity, lasts)| capacity.checked_div(lasts));
    let sustained = at_most
        .map(|at_most| format!(" (in the long run, {at_most} new ones a second are the most)"));
    format!(
        "{}: {} in TIME-WAIT, likely of short connections of {likely}: keep them alive or pool \
         them{}",
        ends(budget),
        counted(budget.count(State::TimeWait), "port"),
        sustained
            .filter(|_| budget.reusable == Some(false))
            .unwrap_or_default()
    )
}

fn leak(budget: &Budget, owner: Option<usize>, growth: Growth) -> Option<String> {
    let holding = owner.map(|owner| budget.owners.get(owner));
    let (who, closed) = match holding {
        Some(holding) => (processes(&[holding?]), holding?.close_wait),
        None => (
            "somebody who cannot be seen".into(),
            budget.count(State::CloseWait),
        ),
    };
    let sockets = counted(closed, "socket");
    let peer = budget_peer(budget);
    Some(match growth {
        Growth::Leak(grown) => format!(
            "{who} leaks sockets: {sockets} in CLOSE-WAIT, {grown} more than before, which {peer} \
             has closed and it has not"
        ),
        Growth::Slight(grown) => {
            let grown = match grown {
                0 => "no more".into(),
                grown => format!("{grown} more"),
            };
            format!(
                "{who} holds {sockets} in CLOSE-WAIT, {grown} than before, which {peer} has closed \
                 and it has not"
            )
        }
        Growth::NotCompared => format!(
            "{who} holds {sockets} in CLOSE-WAIT, which {peer} has closed and it has not: \
             --interval tells whether they become more"
        ),
    })
}

fn unanswered(budget: &Budget, usage: &Usage) -> String {
    let attempts = counted(budget.count(State::SynSent), "connection attempt");
    let told = format!("{}: {attempts} without an answer (SYN-SENT)", ends(budget));
    let peer = budget.key.peer;
    if let Some(row) = peer.and_then(|peer| usage.overrun.get(&peer)) {
        let waiting = counted(row.socket.recv_queue.unwrap_or(0), "connection");
        return format!(
            "{told}: {} on this machine and has {waiting} waiting for accept(), which comes too \
             seldom, or its backlog ({}) is too small",
            holder(row),
            row.socket.send_queue.unwrap_or(0)
        );
    }
    if peer.is_some_and(|peer| usage.own_peers.contains(&peer)) {
        return format!("{told}: the peer is this machine, look whether something listens there");
    }
    format!("{told}: look whether the peer is up, or a firewall drops them")
}

/// Why nobody gets a port, and of whom to get one.
fn no_ports(usage: &Usage) -> String {
    let mut text = String::from("no port of the range is left, whoever the peer is:");
    let reserved = usage.pool.reserved().unwrap_or(0);
    let mut parts = Vec::new();
    let is_udp = !usage.without_ports().contains(Protocol::Tcp);
    if usage.pool.taken() > 0 && !is_udp {
        let rows = usage.snapshot.rows.iter();
        let owners = rows.flat_map(|row| &row.owners);
        let mut who: Vec<String> = Vec::new();
        for owner in owners {
            let one = format!("{} (pid {})", name(&owner.process), owner.process.key.pid);
            if !who.contains(&one) {
                who.push(one);
            }
        }
        let more = who.len().saturating_sub(MOST_OWNERS);
        who.truncate(MOST_OWNERS);
        let by = match (who.is_empty(), more) {
            (true, _) => String::new(),
            (false, 0) => format!(" by {}", who.join(", ")),
            (false, more) => format!(" by {} and {more} more", who.join(", ")),
        };
        parts.push(format!(
            " {} taken{by}, which should have ports outside the range",
            usage.pool.taken()
        ));
    }
    if reserved > 0 {
        let is_linux = usage.limits.tcp_tw_reuse.is_some();
        let by = if is_linux { RESERVED } else { "" };
        parts.push(format!(
            " {reserved} reserved{by}, some of which are to be given back"
        ));
    }
    text.push_str(&parts.join(","));
    text
}

fn narrow(usage: &Usage, (first, last): (u16, u16), reserve: &[u16]) -> String {
    let size = usage.pool.size().unwrap_or(0);
    let wide = u32::from(last).saturating_sub(u32::from(first)) + 1;
    if usage.limits.tcp_tw_reuse.is_none() {
        return format!(
            "the range has {}, {first}-{last} would be {wide}",
            counted(size, "port")
        );
    }
    let mut text = format!(
        "the range has {}, 'sysctl -w net.ipv4.ip_local_port_range=\"{first} {last}\"' makes it {wide}",
        counted(size, "port")
    );
    if !reserve.is_empty() {
        // What is written there replaces what was.
        let known = usage.limits.reserved.iter().copied();
        let all = known.chain(reserve.iter().map(|port| (*port, *port)));
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        let mut sorted: Vec<(u16, u16)> = all.collect();
        sorted.sort_unstable();
        for (first, last) in sorted {
            match ranges.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before.1) + 1 => {
                    before.1 = before.1.max(last);
                }
                _ => ranges.push((first, last)),
            }
        }
        let named = ranges.iter().take(MOST_PORTS);
        let named: Vec<String> = named
            .map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            })
            .collect();
        let kept = if usage.limits.reserved.is_empty() {
            ""
        } else {
            ", and keep what is reserved"
        };
        text.push_str(&format!(
            "; reserve what listens there first{kept}{RESERVED}: {}",
            named.join(",")
        ));
        let more = ranges.len().saturating_sub(MOST_PORTS);
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
    }
    text
}
