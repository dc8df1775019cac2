//! One selector of a wait: what was last seen of it, and how far it has come.

use std::time::{Duration, Instant};

use super::super::failure::{Failure, quote};
use super::super::selector;
use crate::act::try_bind;
use crate::judge::{Bound, Claim, Expected, Met, Options, claims};
use crate::model::{Depth, NetworkDepth, Protocol, ProtocolSet, Row, Snapshot, State, StateSet};
use crate::read::Source;
use crate::render::owners_in_words;
use crate::select::{Query, Reception, View};
use crate::{Survey, glance, survey};

/// Time after which owners are looked for again though no socket has changed.
const OWNERS_AGAIN: Duration = Duration::from_secs(1);

/// How far one selector has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    Reached,
    NotYet,
    /// It listens, and all of its owners are stopped; in words.
    Stopped(String),
    /// Another process listens than the expected one; in words.
    Stranger(String),
    /// An owner that is hidden decides.
    Hidden,
    /// What could not be read decides.
    Unknown,
}

/// One selector and what was last seen of it.
pub struct Awaited {
    pub text: String,
    pub query: Query,
    pub progress: Progress,
    pub snapshot: Option<Snapshot>,
    /// Whether bound sockets may have been missed when it was reached.
    pub may_be_bound: bool,
    handles: Vec<Option<u64>>,
    looked_at: Option<Instant>,
}

impl Awaited {
    /// What to look for until something listens, or until nothing holds its port any more.
    pub fn new(text: &str, gone: bool) -> Result<Self, Failure> {
        let mut query = Query {
            view: View::Listening,
            ..Query::default()
        };
        selector::add(&mut query, text)?;
        if !query.states.is_empty() || !query.peers.is_empty() {
            return Err(Failure::usage(format!(
                "{} cannot be waited for: only what listens can",
                quote(text)
            )));
        }
        let names_protocol = !query.protocols.is_empty()
            || query
                .places
                .iter()
                .chain(&query.locals)
                .any(|place| place.protocol.is_some());
        if !names_protocol {
            query.protocols = ProtocolSet::meant_by(Protocol::Tcp);
        }
        if gone {
            // What has stopped listening may have its port still.
            query.states = StateSet::listening();
            query.states.insert(State::Bound);
        }
        // A server is up for a client of this machine; a port is let go where nothing has it.
        query.reception = match gone {
            true => Reception::Bound,
            false => Reception::Here,
        };
        Ok(Self {
            text: text.to_owned(),
            query,
            progress: Progress::NotYet,
            snapshot: None,
            may_be_bound: false,
            handles: Vec::new(),
            looked_at: None,
        })
    }

    /// Looks whether nothing holds the port any more.
    pub fn look_gone(&mut self, source: &mut dyn Source) {
        // Bound sockets cost more to look for, and do not matter while something listens.
        let listening = Query {
            states: StateSet::listening(),
            ..self.query.clone()
        };
        let first = glance(source, &listening);
        let seen = match first {
            Some(seen) if seen.handles.is_empty() => glance(source, &self.query),
            other => other,
        };
        let Some(seen) = seen else {
            self.survey(source);
            self.progress = Progress::Unknown;
            return;
        };
        let has_changed = seen.handles != self.handles;
        self.handles = seen.handles;
        if self.handles.is_empty() {
            self.snapshot = None;
            self.progress = match seen.sees_bound {
                true => Progress::Reached,
                false => self.try_to_bind(source),
            };
            self.may_be_bound = !seen.sees_bound && self.progress == Progress::Reached;
        } else if !self.query.asks_for_owners() {
            self.progress = Progress::NotYet;
        } else if has_changed || !self.is_fresh() {
            let undecided = self.survey(source);
            self.progress = match self.rows() {
                [] if undecided => Progress::Hidden,
                [] => Progress::Reached,
                _ => Progress::NotYet,
            };
        }
    }

    /// Where bound sockets cannot be seen, whether one may be there: a bind says so.
    fn try_to_bind(&mut self, source: &mut dyn Source) -> Progress {
        let options = Options {
            reuse_addr: true,
            reuse_port: false,
        };
        let tcp = ProtocolSet::meant_by(Protocol::Tcp);
        let is_tcp = !self.query.protocols.is_empty() && self.query.protocols == tcp;
        let claims: Vec<Claim> = self
            .query
            .places
            .iter()
            .filter(|place| place.protocol.map_or(is_tcp, Protocol::is_stream))
            .filter_map(|place| claims(place).ok())
            .flatten()
            .collect();
        let is_in_use = claims.iter().any(|claim| {
            let bound = try_bind(claim, options);
            matches!(bound, Bound::No(std::io::ErrorKind::AddrInUse, _))
        });
        if !is_in_use {
            return Progress::Reached;
        }
        let everything = Query {
            states: StateSet::all(),
            ..self.query.clone()
        };
        // A connection may be what a bind fails on, and that does not keep from being gone.
        match glance(source, &everything) {
            Some(seen) if seen.handles.is_empty() => Progress::NotYet,
            _ => {
                self.survey(source);
                Progress::Unknown
            }
        }
    }

    /// Looks at the sockets, which costs little; at owners only when the sockets have changed.
    pub fn look(&mut self, source: &mut dyn Source, expected: Option<&Expected>) {
        let Some(seen) = glance(source, &self.query) else {
            self.survey(source);
            self.progress = Progress::Unknown;
            return;
        };
        let has_changed = seen.handles != self.handles;
        self.handles = seen.handles;
        if self.handles.is_empty() {
            self.progress = Progress::NotYet;
            if has_changed {
                self.snapshot = None;
            }
            return;
        }
        if self.is_fresh() && !has_changed {
            return;
        }
        let undecided = self.survey(source);
        self.progress = match (self.rows(), expected) {
            ([], _) if undecided => Progress::Hidden,
            ([], _) => Progress::NotYet,
            (rows, None) => reached(rows),
            (rows, Some(expected)) => {
                let judged: Vec<Met> = rows.iter().map(|row| expected.judge_row(row)).collect();
                let stranger = judged.iter().position(|met| *met == Met::Stranger);
                match stranger {
                    Some(at) => Progress::Stranger(owners_in_words(&rows[at])),
                    None if judged.contains(&Met::Unknown) => Progress::Hidden,
                    None => reached(rows),
                }
            }
        };
    }

    fn rows(&self) -> &[Row] {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or(&[][..], |snapshot| snapshot.rows.as_slice())
    }

    fn is_fresh(&self) -> bool {
        self.looked_at
            .is_some_and(|then| then.elapsed() < OWNERS_AGAIN)
    }

    /// Reads sockets and owners; says whether hidden owners left it undecided.
    fn survey(&mut self, source: &mut dyn Source) -> bool {
        let (snapshot, undecided) = survey(source, &shown(&self.query));
        self.snapshot = Some(snapshot);
        self.looked_at = Some(Instant::now());
        undecided
    }

    /// Whether tables, and not only owners, could not be read: time does not mend that.
    pub fn is_unreadable(&self) -> bool {
        self.snapshot
            .as_ref()
            .is_some_and(Snapshot::may_lack_sockets)
    }
}

/// What is read of what is printed.
pub fn shown(query: &Query) -> Survey {
    Survey {
        query: query.clone(),
        owners: true,
        depth: Some(Depth::Full),
        names_machine: true,
        network: NetworkDepth::Devices,
        ..Survey::default()
    }
}

/// Whether one of these listeners can answer: not while every owner that is seen is stopped. That a
/// hidden process shares it and runs is possible, and rare.
fn reached(rows: &[Row]) -> Progress {
    let is_stopped = |row: &Row| {
        let mut owners = row.owners.iter();
        !row.owners.is_empty() && owners.all(|owner| owner.process.is_stopped() == Some(true))
    };
    match rows {
        [first, ..] if rows.iter().all(is_stopped) => Progress::Stopped(owners_in_words(first)),
        _ => Progress::Reached,
    }
}
