//! The stages in their order. Each asks only for what the answer still needs: owners of the sockets
//! that survive, facts of the processes that are shown.

use std::collections::HashSet;

use crate::model::{
    Depth, Endpoint, Handles, ProcessKey, Protocol, ProtocolSet, Row, Scope, Snapshot,
};
use crate::normalize::{Users, join, owner_notes, sockets, table_notes};
use crate::read::Source;
use crate::read::raw::{Outcome, RawHolders, RawSockets, RawTable};
use crate::select::{Order, Query};

mod ephemeral;

pub use ephemeral::{Ephemeral, ephemeral};

/// What to find, and how much of it to tell.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    pub query: Query,
    pub order: Order,
    /// Whether to look for owners at all.
    pub owners: bool,
    /// How much of the owners is shown.
    pub depth: Option<Depth>,
    /// Whether the machine's name and system are told.
    pub names_machine: bool,
    /// Whether to find the processes at the other ends of connections that stay on this machine.
    pub other_ends: bool,
}

/// Runs the pipeline up to the rows.
///
/// The second value says whether nothing matched although something that could not be read might have.
pub fn survey(source: &mut dyn Source, survey: &Survey) -> (Snapshot, bool) {
    let Survey { query, order, .. } = survey;
    let scope = Scope {
        other_ends: survey.other_ends,
        ..query.scope()
    };
    let raw = source.sockets(&scope);
    let machine = source.machine(survey.names_machine);
    let mut notes = table_notes(&raw, &scope);
    let read_by = read_by(&raw);
    let (unreadable, sees_bound) = (unreadable(&raw), raw.sees_bound);
    let mut rows = sockets(raw);
    if survey.other_ends {
        let others = rows
            .extract_if(.., |row| !query.wants(&row.socket))
            .collect();
        let other_ends = other_ends(&rows, others);
        rows.extend(other_ends);
    } else {
        rows.retain(|row| query.wants(&row.socket));
    }
    let users = if rows.is_empty() {
        Users::new()
    } else {
        users(source)
    };
    for row in &mut rows {
        row.socket.user = row.socket.uid.and_then(|uid| users.get(&uid).cloned());
    }
    let holders = if survey.owners || query.asks_for_owners() {
        find_owners(source, &mut rows, survey, &users)
    } else {
        RawHolders::default()
    };
    let other_ends = if survey.other_ends {
        rows.extract_if(.., |row| !query.wants(&row.socket))
            .collect()
    } else {
        Vec::new()
    };
    let in_doubt = rows.iter().any(|row| query.could_match(row));
    if in_doubt {
        notes.extend(owner_notes(&rows, &holders));
    }
    rows.retain(|row| query.matches(row));
    if !in_doubt {
        notes.extend(owner_notes(&rows, &holders));
    }
    order.sort(&mut rows);
    let snapshot = Snapshot {
        machine,
        read_by,
        rows,
        other_ends,
        notes,
        unreadable,
        sees_bound,
    };
    let undecided = snapshot.rows.is_empty() && (in_doubt || snapshot.may_lack_sockets());
    (snapshot, undecided)
}

/// Looks whether any socket matches, by all that is known without owners: the handles of those that
/// do, or `None` where a table could not be read and none of the others has a match.
pub fn glance(source: &mut dyn Source, query: &Query) -> Option<Vec<Option<u64>>> {
    let mut scope = query.scope();
    if scope.protocols.contains(Protocol::Tcp) {
        // MPTCP sockets stand in the table of TCP too; which of them are MPTCP matters to nobody here.
        scope.protocols = scope
            .protocols
            .iter()
            .filter(|one| *one != Protocol::Mptcp)
            .collect();
    }
    let raw = source.sockets(&scope);
    let is_whole = unreadable(&raw).is_empty();
    let rows = sockets(raw);
    let matching = rows.iter().filter(|row| query.wants(&row.socket));
    let mut handles: Vec<Option<u64>> = matching.map(|row| row.socket.handle).collect();
    handles.sort_unstable();
    (is_whole || !handles.is_empty()).then_some(handles)
}

fn users(source: &mut dyn Source) -> Users {
    source
        .users()
        .into_iter()
        .map(|(uid, name)| (uid, name.into()))
        .collect()
}

/// Finds the owners of the rows. Where facts of processes decide what is shown, little is read of all
/// of them, and more of the few that are left.
fn find_owners(
    source: &mut dyn Source,
    rows: &mut [Row],
    survey: &Survey,
    users: &Users,
) -> RawHolders {
    let handles: Handles = rows.iter().filter_map(|row| row.socket.handle).collect();
    let holders = if handles.is_empty() {
        RawHolders::default()
    } else {
        source.holders(&handles)
    };
    let all = keys(holders.holders.iter().map(|holder| holder.process));
    let shown = survey.depth.unwrap_or(Depth::Names);
    let depth = if survey.query.asks_for_owners() {
        Depth::Names
    } else {
        shown
    };
    let read = |source: &mut dyn Source, keys: &[ProcessKey], depth| {
        if keys.is_empty() {
            Vec::new()
        } else {
            source.processes(keys, depth)
        }
    };
    join(rows, &holders, read(source, &all, depth), users);
    if depth < shown {
        rows.sort_by_key(|row| !survey.query.matches(row));
        let count = rows.partition_point(|row| survey.query.matches(row));
        let matching = &mut rows[..count];
        let owners = matching.iter().flat_map(|row| &row.owners);
        let few = keys(owners.map(|owner| owner.process.key));
        join(matching, &holders, read(source, &few, shown), users);
    }
    holders
}

fn keys(keys: impl Iterator<Item = ProcessKey>) -> Vec<ProcessKey> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Of the other rows those at the other end of one that was found.
fn other_ends(found: &[Row], mut others: Vec<Row>) -> Vec<Row> {
    let end = |end: &Endpoint| (end.canonical(), end.port);
    let swapped = |row: &Row| Some((end(row.socket.peer.as_ref()?), end(&row.socket.local)));
    let wanted: HashSet<_> = found.iter().filter_map(swapped).collect();
    others.retain(|row| {
        let peer = row.socket.peer.as_ref();
        peer.is_some_and(|peer| wanted.contains(&(end(&row.socket.local), end(peer))))
    });
    others
}

/// Protocols whose tables could not be read whole.
fn unreadable(raw: &RawSockets) -> ProtocolSet {
    let lacks = |table: &&RawTable| {
        matches!(
            table.outcome,
            Outcome::Partial { .. } | Outcome::Unknown { .. }
        )
    };
    raw.tables
        .iter()
        .filter(lacks)
        .map(|table| table.protocol)
        .collect()
}

/// The ways by which the tables were read, in words.
fn read_by(raw: &RawSockets) -> String {
    let was_read =
        |table: &&RawTable| !matches!(table.outcome, Outcome::Absent | Outcome::Unknown { .. });
    let mut ways: Vec<_> = raw
        .tables
        .iter()
        .filter(was_read)
        .map(|table| table.via)
        .collect();
    ways.sort_unstable();
    ways.dedup();
    ways.iter()
        .map(|via| via.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
