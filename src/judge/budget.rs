//! Counts sockets into budgets, as they come.
//!
//! An outgoing connection needs a free (local address, local port, peer address, peer port), so each
//! (local address, peer address and port) has all ports of the pool for itself. Memory grows with the
//! budgets, by at most 8 KiB for the ports of each, and by a number for each socket that a process
//! holds: owners are found by it. A socket in TIME_WAIT has no owner, and leaves a bit.

use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use super::forecast::{Level, Trend, Waiting};
use super::leak::Closing;
use super::overlap::taken_elsewhere;
use super::pool::Pool;
use super::port_bits::PortBits;
use crate::model::{Endpoint, Holding, Limits, OwnerStatus, Protocol, State};
use crate::select::Query;

/// What has ports of its own: connections between an address and a peer, or UDP sockets on an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetKey {
    pub protocol: Protocol,
    /// IPv4-mapped addresses in their IPv4 form.
    pub local: IpAddr,
    /// `None` for UDP, whose sockets take a port each, whoever the peer is.
    pub peer: Option<Endpoint>,
    /// Index of the interface; 0 for none.
    pub interface: u32,
}

/// A socket, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub protocol: Protocol,
    pub state: State,
    pub local: Endpoint,
    pub peer: Endpoint,
    pub interface: u32,
    /// What holders are found by; 0 for a socket that no process holds any more.
    pub handle: u64,
    /// Milliseconds for which a socket in TIME_WAIT keeps its port yet.
    pub time_wait_left: Option<u32>,
    /// Whether an IPv6 socket refuses IPv4; `None` for IPv4 and where the system does not tell.
    pub v6only: Option<bool>,
}

/// How many sockets are in each state.
pub type States = [u32; State::ALL.len()];

/// What a budget is made of, while it is counted.
#[derive(Debug, Clone, Default)]
pub struct Use {
    pub ports: PortBits,
    /// Those of UDP sockets on the IPv6 wildcard that take IPv4 too.
    pub dual: PortBits,
    /// Those of connections in CLOSE_WAIT.
    closed: PortBits,
    used: u32,
    waiting: Waiting,
    states: States,
    held: Vec<u64>,
    close_wait: Vec<u64>,
}

/// All budgets, while they are counted.
#[derive(Debug, Clone, Default)]
pub struct Tally(HashMap<BudgetKey, Use>);

impl Tally {
    /// Counts a socket, unless it came from outside or has no port of the pool. A connection that a
    /// changing table shows twice is counted once.
    pub fn count(&mut self, pool: &Pool, seen: &Seen) {
        let is_tcp = seen.protocol.is_stream();
        let Some(port) = seen
            .local
            .port
            .filter(|port| pool.offers(seen.protocol, *port))
        else {
            return;
        };
        if is_tcp && (seen.peer.is_absent() || pool.accepts(&seen.local)) {
            return;
        }
        let peer = Endpoint {
            address: seen.peer.canonical(),
            ..seen.peer
        };
        let key = BudgetKey {
            protocol: seen.protocol.port_space(),
            local: seen.local.canonical(),
            peer: Some(peer).filter(|_| is_tcp),
            interface: seen.interface,
        };
        let one = self.0.entry(key).or_default();
        let is_new = one.ports.insert(port);
        let local = seen.local.address;
        if !is_tcp && local.is_unspecified() && local.is_ipv6() && seen.v6only != Some(true) {
            one.dual.insert(port);
        }
        if is_tcp && !is_new {
            return;
        }
        if is_new && !(is_tcp && pool.is_taken_whole(port)) {
            one.used += 1;
            if seen.state == State::TimeWait {
                one.waiting.add(seen.time_wait_left);
            }
        }
        one.states[seen.state as usize] += 1;
        if seen.state == State::CloseWait {
            one.closed.insert(port);
        }
        if seen.handle != 0 && seen.state == State::CloseWait {
            one.close_wait.push(seen.handle);
        } else if seen.handle != 0 {
            one.held.push(seen.handle);
        }
    }

    /// Adds what was counted of another table.
    pub fn absorb(&mut self, other: Self) {
        if self.0.is_empty() {
            *self = other;
            return;
        }
        for (key, more) in other.0 {
            let one = self.0.entry(key).or_default();
            one.ports.absorb(&more.ports);
            one.dual.absorb(&more.dual);
            one.closed.absorb(&more.closed);
            one.used += more.used;
            one.waiting.absorb(&more.waiting);
            one.held.extend(more.held);
            one.close_wait.extend(more.close_wait);
            for (all, more) in one.states.iter_mut().zip(more.states) {
                *all += more;
            }
        }
    }

    /// The budgets, the fullest first.
    pub fn budgets(self, pool: &Pool, limits: &Limits) -> Vec<Budget> {
        let elsewhere = taken_elsewhere(&self.0, pool);
        let taken = |key: &BudgetKey| elsewhere.get(key).copied().unwrap_or(0);
        let budget = |(key, one): (BudgetKey, Use)| Budget {
            key,
            used: one.used + taken(&key),
            elsewhere: taken(&key),
            closed: one.closed,
            unseen: 0,
            waiting: one.waiting,
            capacity: pool.capacity(key.protocol),
            states: one.states,
            held: one.held,
            close_wait: one.close_wait,
            reusable: reusable(&key, limits),
            interface: None,
            owners: Vec::new(),
            owner_status: OwnerStatus::Skipped,
            likely: Vec::new(),
            trend: None,
            closing: None,
        };
        let mut budgets: Vec<Budget> = self.0.into_iter().map(budget).collect();
        budgets.sort_unstable_by(Budget::fullest_first);
        budgets
    }
}

/// Whether the kernel gives a port in TIME_WAIT to a new connection to the same peer
/// (`tcp_twsk_unique` in net/ipv4/tcp_ipv4.c); `None` where it is not known.
fn reusable(key: &BudgetKey, limits: &Limits) -> Option<bool> {
    let peer = key.peer?;
    let delay = limits.tcp_tw_reuse_delay.unwrap_or(0);
    let lasts = limits.time_wait_seconds;
    // Who waits as long as TIME_WAIT lasts finds a free port, not one that serves again.
    let is_too_late = lasts.is_some_and(|lasts| u64::from(delay) >= 1000 * u64::from(lasts));
    let is_loopback = key.local.is_loopback() || peer.address.is_loopback();
    match (limits.tcp_tw_reuse?, limits.tcp_timestamps) {
        (0, _) | (_, Some(0)) => Some(false),
        _ if is_too_late => Some(false),
        (1, _) => Some(true),
        _ => Some(is_loopback),
    }
}

/// The ports of one local address to one peer, and who uses them.
#[derive(Debug, Clone)]
pub struct Budget {
    pub key: BudgetKey,
    /// Ports of the capacity that are not free.
    pub used: u32,
    /// Those of the used ports that sockets of other budgets take.
    pub elsewhere: u32,
    /// Ports of its connections in CLOSE_WAIT, of TCP.
    pub closed: PortBits,
    /// Those of the used ports that are in TIME_WAIT.
    pub waiting: Waiting,
    /// How many ports there are; `None` where the range is not known.
    pub capacity: Option<u32>,
    pub states: States,
    /// By what the holders of its sockets are found, those in CLOSE_WAIT apart.
    pub held: Vec<u64>,
    pub close_wait: Vec<u64>,
    /// Whether ports in TIME_WAIT may be taken again.
    pub reusable: Option<bool>,
    pub interface: Option<Rc<str>>,
    /// Those who hold most first.
    pub owners: Vec<Holding>,
    pub owner_status: OwnerStatus,
    /// How many of its sockets have an owner who could not be seen.
    pub unseen: u32,
    /// Inferred: who made the connections in TIME_WAIT, since it still talks to the same peer.
    pub likely: Vec<Holding>,
    pub trend: Option<Trend>,
    /// What became of its connections in CLOSE_WAIT since the count before.
    pub closing: Option<Closing>,
}

impl Budget {
    /// What a later count is compared with.
    pub fn level(&self) -> Level {
        Level {
            used: self.used,
            waiting: self.waiting,
        }
    }

    pub fn free(&self) -> Option<u32> {
        Some(self.capacity?.saturating_sub(self.used))
    }

    /// The part that is used, 0 to 1.
    pub fn share(&self) -> Option<f64> {
        Some(match self.capacity? {
            0 => 1.0,
            capacity => (f64::from(self.used) / f64::from(capacity)).min(1.0),
        })
    }

    pub fn count(&self, state: State) -> u32 {
        self.states[state as usize]
    }

    /// Sockets in states other than these.
    pub fn count_other(&self, told: &[State]) -> u32 {
        let others = State::ALL.iter().filter(|state| !told.contains(state));
        others.map(|state| self.count(*state)).sum()
    }

    /// Whether it is asked for, by all that is known without owners.
    pub fn is_wanted(&self, query: &Query) -> bool {
        let BudgetKey {
            protocol,
            local,
            peer,
            ..
        } = self.key;
        let interface = self.interface.as_deref();
        let local = Endpoint {
            address: local,
            port: None,
        };
        (query.protocols.is_empty() || query.protocols.contains(protocol))
            && any(&query.addresses, |one| one.contains(local.address))
            && any(&query.locals, |one| one.is_end(protocol, &local, interface))
            && any(&query.peers, |one| {
                peer.is_some_and(|peer| one.is_end(protocol, &peer, interface))
            })
            && (query.states.is_empty() || query.states.iter().any(|state| self.count(state) > 0))
    }

    /// A total order: by the part that is used, then by its ends.
    fn fullest_first(&self, other: &Self) -> Ordering {
        let part = |one: &Self, whole: &Self| {
            u64::from(one.used) * u64::from(whole.capacity.unwrap_or(1).max(1))
        };
        Reverse(part(self, other))
            .cmp(&Reverse(part(other, self)))
            .then_with(|| self.key.cmp(&other.key))
    }
}

/// Selectors of one kind widen; none of a kind asks for nothing.
fn any<T>(selectors: &[T], test: impl FnMut(&T) -> bool) -> bool {
    selectors.is_empty() || selectors.iter().any(test)
}

/// Names those who likely made the connections in TIME_WAIT: the processes that still talk to the same
/// peer, where all of them are one program and could be seen.
pub fn infer_owners(budgets: &mut [Budget]) {
    let mut talkers: HashMap<Endpoint, Vec<Holding>> = HashMap::new();
    let with_unseen = budgets.iter().filter(|budget| budget.unseen > 0);
    let unseen: HashSet<Endpoint> = with_unseen.filter_map(|budget| budget.key.peer).collect();
    for budget in budgets.iter() {
        if let Some(peer) = budget.key.peer {
            let known = talkers.entry(peer).or_default();
            for holding in &budget.owners {
                if !known
                    .iter()
                    .any(|one| one.process.key == holding.process.key)
                {
                    known.push(holding.clone());
                }
            }
        }
    }
    for budget in budgets {
        let waits = budget.count(State::TimeWait) > 0;
        let Some(talking) = budget.key.peer.and_then(|peer| talkers.get(&peer)) else {
            continue;
        };
        let is_one_program = talking.windows(2).all(|pair| {
            let (a, b) = (&pair[0].process, &pair[1].process);
            a.name == b.name && a.uid == b.uid
        });
        let is_all = budget.key.peer.is_some_and(|peer| !unseen.contains(&peer));
        if waits && is_one_program && is_all {
            budget.likely.clone_from(talking);
        }
    }
}
