//! Everything that is known of how full the ports for outgoing connections are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::budget::{Budget, BudgetKey};
use super::forecast::{Level, Trend, Wait};
use super::leak::Closing;
use super::pool::Pool;
use super::port_bits::PortBits;
use crate::model::{Endpoint, Limits, Protocol, ProtocolSet, Row, Snapshot, State};

/// The pool, the budgets that draw on it, and who does.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Its rows are the TCP sockets that take a port of the range for every peer.
    pub snapshot: Snapshot,
    pub limits: Limits,
    pub pool: Pool,
    /// Those that are shown, the fullest first.
    pub budgets: Vec<Budget>,
    /// How many were asked for, whether they are shown or not.
    pub total: usize,
    /// Of every budget, for a comparison with a later count.
    pub levels: HashMap<BudgetKey, Level>,
    /// Of every local address how many sockets and peers it has, and how full its fullest budget is.
    pub addresses: BTreeMap<IpAddr, Address>,
    /// TCP ports that listeners have anywhere, as far as they were asked for.
    pub listening: Vec<u16>,
    /// Whether an owner that was not seen could have made more budgets match.
    pub in_doubt: bool,
    /// Seconds since the count that this one is compared with.
    pub seconds: Option<f64>,
    /// What was asked for can be of these.
    pub protocols: ProtocolSet,
    /// Listeners of this machine whose queue is full, by the peer that does not answer.
    pub overrun: BTreeMap<Endpoint, Row>,
    /// Peers that are this machine, of those that do not answer.
    pub own_peers: BTreeSet<Endpoint>,
}

/// All budgets of one local address together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Address {
    pub sockets: u32,
    pub peers: u32,
    /// Part of the fullest one that is used, 0 to 1.
    pub fullest: f64,
}

impl Usage {
    /// Whether a budget that was asked for is filled to this part, 0 to 1; `None` where that cannot
    /// be told.
    pub fn reaches(&self, part: f64) -> Option<bool> {
        // The fullest is always among those that are shown.
        let fullest = self.budgets.iter().filter_map(Budget::share);
        let is_reached = fullest.fold(0.0, f64::max) >= part && !self.budgets.is_empty();
        let is_known = self.pool.range().is_some() && !self.lacks_sockets();
        match is_reached || !self.without_ports().is_empty() {
            true => Some(true),
            false => is_known.then_some(false),
        }
    }

    /// Of what was asked for the protocols for which no port is left, whoever the peer is.
    pub fn without_ports(&self) -> ProtocolSet {
        let protocols = self.protocols.iter();
        let is_without = |one: &Protocol| self.pool.capacity(*one) == Some(0);
        protocols.filter(is_without).collect()
    }

    /// Whether sockets that would be counted may be missing.
    pub fn lacks_sockets(&self) -> bool {
        !self.snapshot.unreadable.is_empty() || self.in_doubt
    }

    /// Compares with an earlier count: how fast every budget fills, and who still talked to a peer then.
    pub fn compare(&mut self, before: &Self, seconds: f64) {
        self.seconds = Some(seconds);
        for budget in &mut self.budgets {
            let level = |usage: &HashMap<BudgetKey, Level>| {
                usage.get(&budget.key).copied().unwrap_or_default()
            };
            budget.trend = Some(Trend::new(
                &level(&before.levels),
                &level(&self.levels),
                seconds,
                budget.free(),
                Wait {
                    lasts: self.limits.time_wait_seconds,
                    serves_after: budget
                        .reusable
                        .filter(|reusable| *reusable)
                        .map(|_| f64::from(self.limits.reuse_delay()) / 1000.0),
                },
            ));
            let earlier = before.budgets.iter().find(|one| one.key == budget.key);
            // A budget that was not there before had nothing in CLOSE_WAIT.
            let is_told = earlier.is_some() || before.budgets.len() == before.total;
            let none = PortBits::default();
            let closed = earlier.map_or(&none, |earlier| &earlier.closed);
            budget.closing = is_told.then(|| Closing::new(closed, &budget.closed));
            if let Some(earlier) = earlier
                && budget.likely.is_empty()
                && budget.unseen == 0
                && budget.count(State::TimeWait) > 0
            {
                budget.likely.clone_from(&earlier.likely);
            }
        }
    }
}
