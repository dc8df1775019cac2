//! The stages in their order. Each asks only for what the answer still needs: owners of the sockets
//! that survive, facts of the processes that are shown.

mod accepting;
mod behind;
mod chart;
mod gather;
mod left_out;
mod networks;
mod owners;
mod rules;
mod users;
mod why;

use std::collections::{BTreeMap, HashSet};

use gather::gather;
use owners::Search;
use rules::diverted;

pub use chart::{Chart, chart};
pub use rules::Forwards;
pub use users::look_up as look_up_users;
pub use why::{Explained, explain};

use crate::model::{
    Depth, Endpoint, Far, InterfaceAddress, Namespaces, NetworkDepth, Protocol, ProtocolSet, Row,
    Scope, Snapshot,
};
use crate::normalize::{
    far, name_namespaces, name_users, owner_notes, sockets, table_notes, users_note,
};
use crate::read::Source;
use crate::read::raw::{Outcome, RawHolders, RawNamespace, RawSockets, RawTable};
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
    /// Whether the runtimes of containers are asked for their names.
    pub runtimes: bool,
    /// Whether the machine's name and system are told.
    pub names_machine: bool,
    pub namespaces: Namespaces,
    /// Whether addresses are told, those of other namespaces too.
    pub addresses: bool,
    /// How much is shown of who reaches a listener.
    pub network: NetworkDepth,
    pub forwards: Forwards,
    /// Whether to find the processes at the other ends of connections that stay on this machine.
    pub other_ends: bool,
}

/// Runs the pipeline up to the rows.
///
/// The second value says whether nothing matched although something that could not be read might have.
pub fn survey(source: &mut dyn Source, survey: &Survey) -> (Snapshot, bool) {
    let told = look(source, survey);
    (told.snapshot, told.undecided)
}

/// What a survey finds, and what else was told of it.
struct Told {
    snapshot: Snapshot,
    undecided: bool,
    holders: RawHolders,
    /// The network namespaces beside the reader's own.
    others: Vec<Far>,
}

fn look(source: &mut dyn Source, survey: &Survey) -> Told {
    let mut survey = survey.clone();
    let unknown_users = users::look_up(source, &mut survey.query.users);
    let survey = &survey;
    let Survey { query, order, .. } = survey;
    let scope = Scope {
        other_ends: survey.other_ends,
        namespaces: survey.namespaces,
        addresses: survey.addresses,
        network: networks::beforehand(survey),
        ..query.scope()
    };
    let is_wide = survey.namespaces == Namespaces::All;
    let mut look = Look::at(source, &scope, survey);
    for _ in 1..LOOKS {
        if !look.search.has_lost_listener {
            break;
        }
        look = Look::at(source, &scope, survey);
    }
    let Look {
        mut rows,
        raw,
        search: Search { holders, .. },
    } = look;
    let machine = source.machine(survey.names_machine);
    let mut notes = table_notes(&raw, &scope);
    notes.extend(unknown_users);
    let read_by = read_by(&raw);
    let (unreadable, sees_bound) = (unreadable(&raw), raw.sees_bound);
    let lacks_details = left_out::note(source, &mut notes) && query.asks_by_details();
    if is_wide {
        name_namespaces(&mut rows);
    }
    let mut other_ends: Vec<Row> = if survey.other_ends {
        rows.extract_if(.., |row| !query.wants(&row.socket))
            .collect()
    } else {
        Vec::new()
    };
    let in_doubt = rows.iter().any(|row| query.could_match(row));
    let of_rows = |rows: &[Row]| {
        let users = users_note(rows, &raw);
        owner_notes(rows, &holders).into_iter().chain(users)
    };
    if in_doubt {
        notes.extend(of_rows(&rows));
    }
    rows.retain(|row| query.matches(row));
    let unknown_addresses = networks::doubt(&mut rows, query);
    if !in_doubt {
        notes.extend(of_rows(&rows));
    }
    let in_doubt = in_doubt || unknown_addresses.is_some();
    notes.extend(unknown_addresses);
    networks::to_show(source, &mut rows, survey, raw.netns);
    if rows.is_empty() && !in_doubt && !survey.query.asks_for_owners() {
        notes.extend(networks::elsewhere(source, survey, &raw));
    }
    if survey.other_ends {
        other_ends.extend(accepting::listeners(source, &rows, &scope));
    }
    let names = users::of_rows(source, rows.iter().chain(&other_ends));
    name_users(rows.iter_mut().chain(&mut other_ends), &names);
    order.sort(&mut rows);
    let listens = rows.iter().any(|row| row.socket.state.is_listening());
    let others = far(&raw.elsewhere);
    let diverted = diverted(source, survey, listens, &others);
    notes.extend(diverted.notes);
    // Whether a port can be bound does not depend on what becomes of packets.
    let is_unused = !listens && survey.forwards != Forwards::Known;
    let snapshot = Snapshot {
        forwards: diverted.forwards,
        doubts: diverted.doubts,
        may_be_sent_on: diverted.may_be_sent_on,
        may_be_diverted: diverted.is_doubtful && is_unused,
        namespaces: survey.namespaces,
        elsewhere: addresses(raw.elsewhere),
        machine,
        read_by,
        netns: raw.netns,
        rows,
        other_ends,
        notes,
        unreadable,
        sees_bound,
    };
    let is_unknown =
        in_doubt || lacks_details || snapshot.may_lack_sockets() || snapshot.may_be_diverted;
    let undecided = snapshot.rows.is_empty() && is_unknown;
    Told {
        snapshot,
        undecided,
        holders,
        others,
    }
}

/// Looks at the sockets at most: a server that is started anew during one look is found by the next.
const LOOKS: usize = 3;

/// The sockets of the scope with their owners.
struct Look {
    rows: Vec<Row>,
    raw: RawSockets,
    search: Search,
}

impl Look {
    fn at(source: &mut dyn Source, scope: &Scope, survey: &Survey) -> Self {
        let Survey { query, .. } = survey;
        let (mut rows, raw) = gather(source, scope, survey);
        if networks::to_decide(source, &mut rows, query, raw.netns) && !survey.other_ends {
            rows.retain(|row| query.wants(&row.socket));
        }
        if survey.other_ends {
            let others = rows
                .extract_if(.., |row| !query.wants(&row.socket))
                .collect();
            let other_ends = other_ends(&rows, others);
            rows.extend(other_ends);
        }
        let search = if survey.owners || query.asks_for_owners() {
            owners::find(source, &mut rows, survey, raw.netns)
        } else {
            Search::default()
        };
        Self { rows, raw, search }
    }
}

/// What a glance saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Of the sockets that match; `None` for one that no process can hold.
    pub handles: Vec<Option<u64>>,
    /// Whether TCP sockets that are bound without listening would be among them, where they are asked for.
    pub sees_bound: bool,
}

/// Looks whether any socket matches, by all that is known without owners; `None` where a table could
/// not be read and none of the others has a match.
pub fn glance(source: &mut dyn Source, query: &Query) -> Option<Glance> {
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
    let sees_bound = raw.sees_bound && !scope.protocols.contains(Protocol::Sctp);
    let netns = raw.netns;
    let mut rows = sockets(raw);
    networks::to_decide(source, &mut rows, query, netns);
    let doubtful = networks::doubt(&mut rows, query).is_some();
    let is_whole = is_whole && !doubtful;
    let matching = rows.iter().filter(|row| query.wants(&row.socket));
    let mut handles: Vec<Option<u64>> = matching.map(|row| row.socket.handle()).collect();
    handles.sort_unstable();
    (is_whole || !handles.is_empty()).then_some(Glance {
        handles,
        sees_bound,
    })
}

fn addresses(namespaces: Vec<RawNamespace>) -> BTreeMap<u64, Vec<InterfaceAddress>> {
    let told = namespaces.into_iter();
    told.filter_map(|namespace| Some((namespace.sockets.netns?, namespace.addresses?)))
        .collect()
}

/// Of the other rows those at the other end of one that was found.
fn other_ends(found: &[Row], mut others: Vec<Row>) -> Vec<Row> {
    let end = |end: &Endpoint| (end.canonical(), end.port);
    let swapped = |row: &Row| {
        let socket = &row.socket;
        Some((
            socket.loopback_netns(),
            end(socket.peer.as_ref()?),
            end(&socket.local),
        ))
    };
    let wanted: HashSet<_> = found.iter().filter_map(swapped).collect();
    others.retain(|row| {
        let socket = &row.socket;
        let peer = socket.peer.as_ref();
        peer.is_some_and(|peer| {
            wanted.contains(&(socket.loopback_netns(), end(&socket.local), end(peer)))
        })
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
    raw.all_tables()
        .filter(lacks)
        .map(|table| table.protocol)
        .collect()
}

/// The ways by which the tables were read, in words.
fn read_by(raw: &RawSockets) -> String {
    let was_read =
        |table: &&RawTable| !matches!(table.outcome, Outcome::Absent | Outcome::Unknown { .. });
    let mut ways: Vec<_> = raw
        .all_tables()
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
