//! Everything that is known of how full the ports for outgoing connections are.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::budget::{Budget, BudgetKey};
use super::forecast::{Level, Trend};
use super::pool::Pool;
use crate::model::{Limits, ProcessKey, Snapshot, State};

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
    /// Sockets in CLOSE_WAIT that a process has more than at the count before, by budget.
    pub leaking: HashMap<(BudgetKey, ProcessKey), u32>,
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
        let is_reached = fullest.fold(0.0, f64::max) >= part;
        let is_known = self.pool.range().is_some() && !self.lacks_sockets();
        match is_reached && !self.budgets.is_empty() {
            true => Some(true),
            false => is_known.then_some(false),
        }
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
                self.limits.time_wait_seconds,
            ));
            let earlier = before.budgets.iter().find(|one| one.key == budget.key);
            let Some(earlier) = earlier else {
                continue;
            };
            if budget.likely.is_empty() && budget.count(State::TimeWait) > 0 {
                budget.likely.clone_from(&earlier.likely);
            }
            for holding in &budget.owners {
                let key = holding.process.key;
                let then = earlier.owners.iter().find(|one| one.process.key == key);
                let then = then.map_or(0, |one| one.close_wait);
                let grown = holding.close_wait.saturating_sub(then);
                if grown > 0 {
                    self.leaking.insert((budget.key, key), grown);
                }
            }
        }
    }
}
