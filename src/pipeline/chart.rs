//! Finds out who talks to whom, and says what of that could not be seen.

use super::rules::{Forwards, diverted};
use super::{Survey, Told, look, users};
use crate::judge::{Map, is_talk, map};
use crate::model::{Limits, NetworkDepth, NoteCode, Protocol, Snapshot, State};
use crate::normalize::owner_notes;
use crate::read::Source;
use crate::select::{Query, View};

/// A map, and what it was made from.
pub struct Chart {
    pub snapshot: Snapshot,
    pub map: Map,
    /// Whether nothing is on the map although something that could not be read might have been.
    pub undecided: bool,
}

/// Maps the services that a query asks for, and what they talk to. Of the survey the query is not used:
/// everything that listens or is connected may lead to what is asked for.
pub fn chart(source: &mut dyn Source, wanted: &Survey, asked: &Query) -> Chart {
    let mut asked = asked.clone();
    let unknown_users = users::look_up(source, &mut asked.users);
    let asked = &asked;
    let network = match asked.asked_addresses().next() {
        Some(_) => NetworkDepth::Whole,
        None => wanted.network,
    };
    let every_talk = Survey {
        query: every_talk(),
        network,
        ..wanted.clone()
    };
    let Told {
        mut snapshot,
        holders,
        others,
        ..
    } = look(source, &every_talk);
    let limits = Limits {
        elsewhere: std::mem::take(&mut snapshot.elsewhere),
        ..source.limits(true)
    };
    let map = map(&snapshot.rows, &limits, snapshot.netns).narrow(&snapshot.rows, asked);
    let could_match = snapshot.rows.iter().any(|row| asked.could_match(row));
    if map.services.is_empty() {
        let unused = Survey {
            query: asked.clone(),
            forwards: Forwards::OfUnusedPorts,
            ..wanted.clone()
        };
        let diverted = diverted(source, &unused, false, &others);
        snapshot.notes.extend(diverted.notes);
        snapshot.forwards = diverted.forwards;
        snapshot.doubts = diverted.doubts;
        snapshot.may_be_sent_on = diverted.may_be_sent_on;
        snapshot.may_be_diverted = diverted.is_doubtful;
    }
    let is_unknown = could_match || snapshot.may_lack_sockets() || snapshot.may_be_diverted;
    let undecided = map.services.is_empty() && is_unknown;
    if !map.services.is_empty() {
        // Owners that are hidden elsewhere are missed by nobody.
        let of_owners = owner_notes(map.rows(&snapshot.rows), &holders);
        snapshot.notes.retain(|note| !is_of_owners(note.code));
        snapshot.notes.extend(of_owners);
    }
    snapshot.notes.extend(unknown_users);
    Chart {
        snapshot,
        map,
        undecided,
    }
}

fn is_of_owners(code: NoteCode) -> bool {
    matches!(
        code,
        NoteCode::OwnersHidden | NoteCode::ProcessesRefused | NoteCode::OwnersFoundBy
    )
}

/// All that listens and all connections, which may lead to what is asked for.
fn every_talk() -> Query {
    let is_wanted = |state: &State| state.is_listening() || is_talk(*state);
    Query {
        view: View::Everything,
        protocols: Protocol::ALL
            .into_iter()
            .filter(|protocol| protocol.has_ports())
            .collect(),
        states: State::ALL.into_iter().filter(is_wanted).collect(),
        ..Query::default()
    }
}
