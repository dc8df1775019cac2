//! Finds the owners of rows and what they are to people, and reads no more of processes than that takes.

use std::collections::BTreeSet;

use super::Survey;
use crate::model::{Depth, Handles, ProcessKey, Row};
use crate::normalize::{
    Names, find_forwards, find_socket_units, is_known_by_arguments, join, settle_ended,
    wanted_containers,
};
use crate::read::Source;
use crate::read::raw::{RawHolders, RawProcess};

/// Finds the owners of the rows. Where facts of processes decide what is shown, little is read of all
/// of them, and more of the few that are left. Gives how well the holders could be seen.
pub fn find(
    source: &mut dyn Source,
    rows: &mut Vec<Row>,
    survey: &Survey,
    own: Option<u64>,
) -> Search {
    let handles: Handles = rows.iter().filter_map(|row| row.socket.handle()).collect();
    let holders = if handles.is_empty() {
        RawHolders::default()
    } else {
        source.holders(&handles)
    };
    drop(handles);
    let has_lost_listener = settle_ended(rows, &holders);
    let all = keys(holders.holders.iter().map(|holder| holder.process));
    let mut finder = Finder {
        source,
        holders,
        asks_runtimes: survey.runtimes,
        is_thorough: survey.depth > Some(Depth::Meaning) && survey.other_ends,
        own,
        names: Names::default(),
    };
    let shown = survey.depth.unwrap_or(Depth::Names);
    let deciding = survey.query.deciding_depth().unwrap_or(shown);
    finder.tell(rows, &all, deciding);
    if deciding < shown {
        rows.sort_by_key(|row| !survey.query.matches(row));
        let count = rows.partition_point(|row| survey.query.matches(row));
        let matching = &mut rows[..count];
        let owners = matching.iter().flat_map(|row| &row.owners);
        let few = keys(owners.map(|owner| owner.process.key));
        finder.tell(matching, &few, shown);
    }
    // Each row has its own now.
    finder.holders.holders = Vec::new();
    Search {
        holders: finder.holders,
        has_lost_listener,
    }
}

/// How well the holders could be seen.
#[derive(Default)]
pub struct Search {
    /// Without the holders themselves: each row has its own.
    pub holders: RawHolders,
    /// Whether a socket without a peer ended meanwhile: another may have its port by now.
    pub has_lost_listener: bool,
}

struct Finder<'a> {
    source: &'a mut dyn Source,
    holders: RawHolders,
    asks_runtimes: bool,
    /// Whether runtimes are asked about listeners too whose owners are hidden.
    is_thorough: bool,
    /// The network namespace that runtimes speak of.
    own: Option<u64>,
    names: Names,
}

impl Finder<'_> {
    /// Gives the rows those of their owners that are among the keys.
    fn tell(&mut self, rows: &mut [Row], keys: &[ProcessKey], depth: Depth) {
        let processes = self.read(keys, depth);
        if depth < Depth::Meaning {
            return join(rows, &mut self.holders, processes, &self.names);
        }
        if self.asks_runtimes && self.names.containers.is_empty() {
            let (wanted, others) = wanted_containers(&processes);
            // Behind a proxy of another user's may be a container that its runtime tells of.
            let others = others || (self.is_thorough && self.hides_listeners(rows));
            if others || !wanted.is_empty() {
                self.names.containers = self.source.containers(&wanted, others);
            }
        }
        let units = self.source.socket_units(&processes);
        join(rows, &mut self.holders, processes, &self.names);
        find_forwards(rows, &self.names.containers, self.own);
        find_socket_units(rows, &units);
    }

    /// Whether there are listeners whose holder may have been missed.
    fn hides_listeners(&self, rows: &[Row]) -> bool {
        let held: Handles = self.holders.holders.iter().map(|one| one.handle).collect();
        let is_hidden = |handle: u64| !held.contains(handle);
        (self.holders.refused > 0 || !self.holders.blind.is_empty())
            && rows
                .iter()
                .filter(|row| row.socket.state.is_listening())
                .any(|row| row.socket.handle().is_some_and(is_hidden))
    }

    /// Reads the processes; more of the few that are known by what they run.
    fn read(&mut self, keys: &[ProcessKey], depth: Depth) -> Vec<RawProcess> {
        if keys.is_empty() {
            return Vec::new();
        }
        let mut processes = self.source.processes(keys, depth);
        if depth == Depth::Meaning {
            let few: Vec<ProcessKey> = processes
                .extract_if(.., |process| is_known_by_arguments(process))
                .map(|process| process.key)
                .collect();
            if !few.is_empty() {
                processes.extend(self.source.processes(&few, Depth::Full));
            }
        }
        processes
    }
}

/// Each once, in ascending order.
pub fn keys(keys: impl Iterator<Item = ProcessKey>) -> Vec<ProcessKey> {
    // Holders are many more than processes: none is kept twice, not even at first.
    let mut all = BTreeSet::new();
    all.extend(keys);
    all.into_iter().collect()
}
