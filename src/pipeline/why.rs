//! What must be asked beside the rows to tell why a port is taken.

use std::collections::BTreeMap;

use super::{Survey, behind, left_out, survey, users};
use crate::judge::main_processes;
use crate::model::{Depth, Limits, Process, ProcessKey, Row, Snapshot};
use crate::normalize::{Names, process};
use crate::read::Source;
use crate::select::{Query, View};

/// The answer to a question, and what is behind it.
pub struct Explained {
    pub snapshot: Snapshot,
    /// Whether nothing matched although something that could not be read might have.
    pub undecided: bool,
    /// Everything on which the owners listen.
    pub listeners: Vec<Row>,
    /// Parents of the owners, the nearest first.
    pub parents: BTreeMap<ProcessKey, Vec<Process>>,
    pub limits: Limits,
    /// Pids of portwho and its parents; none of a recording.
    pub own: Vec<u32>,
}

/// Asks what the survey asks, and for parents, other listeners and addresses.
pub fn explain(source: &mut dyn Source, wanted: &Survey) -> Explained {
    let (mut snapshot, undecided) = survey(source, wanted);
    behind::find(source, &mut snapshot, wanted);
    let mut keys: Vec<ProcessKey> = snapshot
        .rows
        .iter()
        .flat_map(|row| &row.owners)
        .map(|owner| owner.process.key)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let listeners = if keys.is_empty() {
        Vec::new()
    } else {
        let query = Query {
            view: View::Listening,
            pids: keys.iter().map(|key| key.pid).collect(),
            ..Query::default()
        };
        let others = Survey {
            query,
            owners: true,
            depth: Some(Depth::Names),
            namespaces: wanted.namespaces,
            addresses: wanted.addresses,
            network: wanted.network,
            ..Survey::default()
        };
        survey(source, &others).0.rows
    };
    let parents: BTreeMap<_, _> = main_processes(&snapshot.rows)
        .into_iter()
        .filter_map(|key| {
            let parents = source.ancestors(key)?;
            let names = Names {
                users: users::of_processes(source, &parents),
                ..Names::default()
            };
            let parents = parents.into_iter().map(|raw| process(raw, &names));
            Some((key, parents.collect()))
        })
        .collect();
    left_out::note(source, &mut snapshot.notes);
    let limits = Limits {
        elsewhere: std::mem::take(&mut snapshot.elsewhere),
        ..source.limits(true)
    };
    let own = if snapshot.rows.is_empty() {
        Vec::new()
    } else {
        source.own_line()
    };
    Explained {
        own,
        snapshot,
        undecided,
        listeners,
        parents,
        limits,
    }
}
