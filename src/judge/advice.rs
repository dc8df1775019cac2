//! What to do about ports that run out: advice that fits what was seen, and none that does not.

use std::net::IpAddr;

use super::budget::Budget;
use super::leak::Closing;
use super::usage::{Address, Usage};
use crate::model::{Holding, State};

/// Something to do, or a reason to do nothing. Budgets and owners are indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// One program fills a budget with short connections.
    ShortConnections { budget: usize },
    /// Ports in TIME_WAIT fill a budget, and the kernel gives them out again.
    Reusable { budget: usize },
    /// Somebody does not close what the peer has closed: the owner with most of it, where one is seen.
    Leak {
        budget: usize,
        owner: Option<usize>,
        growth: Growth,
    },
    /// Most connections of a budget wait for an answer of the peer.
    Unanswered { budget: usize },
    /// No port of the range is left, whoever the peer is.
    NoPorts,
    /// The range is small, and a budget of it is well filled.
    NarrowRange {
        first: u16,
        last: u16,
        /// What listens in the ports that would be gained.
        reserve: Vec<u16>,
    },
    /// An address has many sockets, but no peer of it has many.
    SharedAddress { address: IpAddr, all: Peers },
}

/// What a count before tells of sockets that are not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// There was none.
    NotCompared,
    /// So many more, which may be chance.
    Slight(u32),
    /// So many more, and hardly any was closed.
    Leak(u32),
}

/// How many sockets an address has, and to how many peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peers {
    pub sockets: u32,
    pub peers: u32,
}

impl Advice {
    /// Stable code, part of the JSON contract.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ShortConnections { .. } => "short-connections",
            Self::Reusable { .. } => "time-wait-reusable",
            Self::Leak {
                growth: Growth::Leak(_),
                ..
            } => "socket-leak",
            Self::Leak { .. } => "close-wait",
            Self::Unanswered { .. } => "unanswered",
            Self::NoPorts => "no-ports",
            Self::NarrowRange { .. } => "narrow-range",
            Self::SharedAddress { .. } => "shared-address",
        }
    }

    /// The budget that it is about.
    pub fn budget(&self) -> Option<usize> {
        match self {
            Self::ShortConnections { budget }
            | Self::Reusable { budget }
            | Self::Leak { budget, .. }
            | Self::Unanswered { budget } => Some(*budget),
            Self::NoPorts | Self::NarrowRange { .. } | Self::SharedAddress { .. } => None,
        }
    }

    /// The process that it is about, where it is one.
    pub fn holding<'a>(&self, usage: &'a Usage) -> Option<&'a Holding> {
        match self {
            Self::ShortConnections { budget } => {
                match usage.budgets.get(*budget)?.likely.as_slice() {
                    [one] => Some(one),
                    _ => None,
                }
            }
            Self::Leak { budget, owner, .. } => usage.budgets.get(*budget)?.owners.get((*owner)?),
            _ => None,
        }
    }
}

/// Linux's own range (net/ipv4/af_inet.c): a smaller one was made so.
const USUAL: (u16, u16) = (32_768, 60_999);
/// A range that leaves alone what servers commonly listen on.
const WIDE: (u16, u16) = (10_240, 65_535);
/// Part of a budget from which it is worth a word.
const NOTABLE: f64 = 0.1;
/// Part of a budget from which more ports would help.
const WELL_FILLED: f64 = 0.5;

/// The range to propose in place of a smaller one; `None` where there is none.
pub fn wider(range: (u16, u16)) -> Option<(u16, u16)> {
    let (first, last) = range;
    let size = |(first, last): (u16, u16)| u32::from(last).saturating_sub(u32::from(first)) + 1;
    let joined = |(low, high): (u16, u16)| (first.min(low), last.max(high));
    if size(range) < size(USUAL) {
        Some(joined(USUAL))
    } else {
        Some(joined(WIDE)).filter(|wide| size(*wide) > size(range) + size(range) / 4)
    }
}

/// Whether no port is left, or some budget that is shown would be helped by more ports: those in
/// TIME_WAIT that are given out again want none, and a leak fills whatever there is.
pub fn wants_more_ports(usage: &Usage) -> bool {
    let is_full = |budget: &Budget| {
        let again = if budget.reusable == Some(true) {
            budget.count(State::TimeWait)
        } else {
            0
        };
        let again = again + budget.count(State::CloseWait);
        let lasting = f64::from(budget.used.saturating_sub(again));
        let capacity = budget.capacity.map(f64::from);
        capacity.is_some_and(|capacity| lasting >= WELL_FILLED * capacity)
    };
    !usage.without_ports().is_empty() || usage.budgets.iter().any(is_full)
}

/// Looks over what was counted.
pub fn advise(usage: &Usage) -> Vec<Advice> {
    let mut advice = Vec::new();
    for (at, budget) in usage.budgets.iter().enumerate() {
        advise_on(at, budget, usage, &mut advice);
    }
    if !usage.without_ports().is_empty() {
        advice.push(Advice::NoPorts);
    }
    if let Some(range) = usage.pool.range()
        && wants_more_ports(usage)
        && let Some((first, last)) = wider(range)
    {
        let is_gained = |port: &&u16| {
            let (low, high) = range;
            (first..=last).contains(*port) && !(low..=high).contains(*port)
        };
        let reserve = usage.listening.iter().filter(is_gained);
        advice.push(Advice::NarrowRange {
            first,
            last,
            reserve: reserve.copied().collect(),
        });
    }
    for (address, all) in &usage.addresses {
        let Address {
            sockets,
            peers,
            fullest,
        } = *all;
        let capacity = usage.budgets.iter().find_map(|budget| budget.capacity);
        let looks_full = capacity.is_some_and(|capacity| {
            f64::from(sockets) >= WELL_FILLED * f64::from(capacity) && peers > 1
        });
        if looks_full && fullest < WELL_FILLED {
            advice.push(Advice::SharedAddress {
                address: *address,
                all: Peers { sockets, peers },
            });
        }
    }
    advice
}

fn advise_on(at: usize, budget: &Budget, usage: &Usage, advice: &mut Vec<Advice>) {
    let of_used = |count: u32| 2 * count >= budget.used && count > 0;
    let is_notable = budget.share().is_some_and(|share| share >= NOTABLE);
    let waiting = budget.count(State::TimeWait);
    if is_notable && of_used(waiting) {
        if budget.reusable == Some(true) {
            advice.push(Advice::Reusable { budget: at });
        }
        if !budget.likely.is_empty() {
            advice.push(Advice::ShortConnections { budget: at });
        }
    }
    let closed = budget.count(State::CloseWait);
    let growth = match budget.closing {
        _ if usage.seconds.is_none() => Growth::NotCompared,
        Some(closing) if closing.is_leak() => Growth::Leak(closing.grown()),
        closing => Growth::Slight(closing.map_or(0, Closing::grown)),
    };
    let is_many = budget.capacity.is_some_and(|capacity| {
        f64::from(closed) >= NOTABLE * f64::from(capacity) || (is_notable && of_used(closed))
    });
    if closed > 0 && (is_many || matches!(growth, Growth::Leak(_))) {
        let owners = budget.owners.iter().enumerate();
        let most = owners.max_by_key(|(at, one)| (one.close_wait, usize::MAX - at));
        let most = most.filter(|(_, one)| one.close_wait > 0);
        advice.push(Advice::Leak {
            budget: at,
            owner: most.map(|(owner, _)| owner),
            growth,
        });
    }
    if is_notable && of_used(budget.count(State::SynSent)) {
        advice.push(Advice::Unanswered { budget: at });
    }
}
