//! The stages in their order. Each asks only for what the answer still needs: owners of the sockets
//! that survive, facts of the processes that are shown.

use std::collections::HashSet;

use crate::model::{
    Depth, Endpoint, Handles, OwnerStatus, ProcessKey, Protocol, ProtocolSet, Row, Scope, Snapshot,
    Socket,
};
use crate::normalize::{Users, join, owner_notes, sockets, table_notes};
use crate::read::Source;
use crate::read::raw::{Outcome, RawHolders, RawSockets, RawTable};
use crate::select::{Order, Query};

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
    let mut found = sockets(raw);
    if survey.other_ends {
        let others = found
            .extract_if(.., |socket| !query.wants(socket))
            .collect();
        let other_ends = other_ends(&found, others);
        found.extend(other_ends);
    } else {
        found.retain(|socket| query.wants(socket));
    }
    let users: Users = if found.is_empty() {
        Users::new()
    } else {
        source
            .users()
            .into_iter()
            .map(|(uid, name)| (uid, name.into()))
            .collect()
    };
    for socket in &mut found {
        socket.user = socket.uid.and_then(|uid| users.get(&uid).cloned());
    }
    let (mut rows, holders) = if survey.owners || query.asks_for_owners() {
        owned(source, found, survey, &users)
    } else {
        (
            found.into_iter().map(unowned).collect(),
            RawHolders::default(),
        )
    };
    let other_ends = rows
        .extract_if(.., |row| !query.wants(&row.socket))
        .collect();
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
    let matching = sockets(raw)
        .into_iter()
        .filter(|socket| query.wants(socket));
    let mut handles: Vec<Option<u64>> = matching.map(|socket| socket.handle).collect();
    handles.sort_unstable();
    (is_whole || !handles.is_empty()).then_some(handles)
}

/// Finds the owners of the sockets. Where facts of processes decide what is shown, little is read of
/// all of them, and more of the few that are left.
fn owned(
    source: &mut dyn Source,
    found: Vec<Socket>,
    survey: &Survey,
    users: &Users,
) -> (Vec<Row>, RawHolders) {
    let handles: Handles = found.iter().filter_map(|socket| socket.handle).collect();
    if handles.is_empty() {
        return (
            found.into_iter().map(unowned_for_good).collect(),
            RawHolders::default(),
        );
    }
    let holders = source.holders(&handles);
    let all_keys = keys(holders.holders.iter().map(|holder| holder.process));
    let shown = survey.depth.unwrap_or(Depth::Names);
    let depth = if survey.query.asks_for_owners() {
        Depth::Names
    } else {
        shown
    };
    let processes = source.processes(&all_keys, depth);
    let mut rows = join(found, &holders, processes, users);
    if depth < shown {
        let matching = rows.iter().filter(|row| survey.query.matches(row));
        let owners = matching
            .flat_map(|row| &row.owners)
            .map(|owner| owner.process.key);
        let few = keys(owners);
        let (matching, rest): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| survey.query.matches(row));
        let matching = matching.into_iter().map(|row| row.socket).collect();
        rows = join(matching, &holders, source.processes(&few, shown), users);
        rows.extend(rest);
    }
    (rows, holders)
}

fn keys(keys: impl Iterator<Item = ProcessKey>) -> Vec<ProcessKey> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn unowned(socket: Socket) -> Row {
    Row {
        socket,
        owner_status: OwnerStatus::Skipped,
        owners: Vec::new(),
    }
}

fn unowned_for_good(socket: Socket) -> Row {
    Row {
        socket,
        owner_status: OwnerStatus::None,
        owners: Vec::new(),
    }
}

/// Of the other sockets those at the other end of one that was found.
fn other_ends(found: &[Socket], mut others: Vec<Socket>) -> Vec<Socket> {
    let end = |end: &Endpoint| (end.canonical(), end.port);
    let wanted: HashSet<_> = found
        .iter()
        .filter_map(|socket| Some((end(socket.peer.as_ref()?), end(&socket.local))))
        .collect();
    others.retain(|socket| {
        socket
            .peer
            .as_ref()
            .is_some_and(|peer| wanted.contains(&(end(&socket.local), end(peer))))
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
