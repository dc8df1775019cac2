//! Asks what takes packets past the sockets of a port: where they go, and what of that is not known.

use super::Survey;
use crate::model::{Dnat, Far, Namespaces, Note};
use crate::normalize::{dnat, far_rules_note, note_in, programs_notes, unread_notes};
use crate::read::Source;
use crate::read::raw::{RawContainer, RawForwards};

/// Whether the kernel is asked for what sends a port elsewhere that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwards {
    #[default]
    Unasked,
    /// Where no socket that matches listens.
    OfUnusedPorts,
    /// Where sockets match too: packets may pass them by.
    OfEveryPort,
    /// Of every port, as far as they can be read: whether one can be bound does not depend on them.
    Known,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Diverted {
    pub forwards: Vec<Dnat>,
    /// Rules that may send them elsewhere, but are not understood.
    pub doubts: Vec<Dnat>,
    pub notes: Vec<Note>,
    /// Why rules could not be read that are likely to send such a port elsewhere.
    pub may_be_sent_on: Option<String>,
    /// Whether a port may be sent elsewhere by what is not understood or could not be read.
    pub is_doubtful: bool,
}

/// Asks for a survey that found a listener or none, in this namespace and these others.
pub fn diverted(
    source: &mut dyn Source,
    survey: &Survey,
    has_listener: bool,
    others: &[Far],
) -> Diverted {
    let is_asked = match survey.forwards {
        Forwards::Unasked => false,
        Forwards::OfUnusedPorts => !has_listener,
        Forwards::OfEveryPort | Forwards::Known => true,
    };
    let Some(asked) = survey.query.destinations().filter(|_| is_asked) else {
        return Diverted::default();
    };
    let mut found = Finding::new(source, survey);
    let raw = found.source.forwards(&asked);
    found.add(raw, None);
    if survey.namespaces == Namespaces::All {
        let wanted: Vec<u64> = others.iter().map(|far| far.netns).collect();
        let mut elsewhere = found.source.forwards_elsewhere(&asked, &wanted);
        let mut unread = 0;
        for far in others {
            match elsewhere.remove(&far.netns) {
                Some(Some(raw)) => found.add(raw, Some(far)),
                Some(None) => unread += 1,
                // It is gone, and its rules with it.
                None => {}
            }
        }
        let unread = far_rules_note(unread);
        found.diverted.is_doubtful |= unread.is_some();
        found.diverted.notes.extend(unread);
    }
    found.diverted
}

struct Finding<'a> {
    source: &'a mut dyn Source,
    survey: &'a Survey,
    /// What is known of containers that rules lead to, once it was asked for.
    containers: Option<Vec<RawContainer>>,
    diverted: Diverted,
}

impl<'a> Finding<'a> {
    fn new(source: &'a mut dyn Source, survey: &'a Survey) -> Self {
        Self {
            source,
            survey,
            containers: None,
            diverted: Diverted::default(),
        }
    }

    /// Adds what was read of one namespace; `None` for the reader's own.
    fn add(&mut self, raw: RawForwards, far: Option<&Far>) {
        let query = &self.survey.query;
        let wanted = |one: &Dnat| query.wants_forward(one);
        let at = |one: Dnat| Dnat {
            netns: far.cloned(),
            ..one
        };
        if self.survey.runtimes && dnat(&raw.forwards, &[]).iter().any(wanted) {
            let source = &mut self.source;
            self.containers
                .get_or_insert_with(|| source.containers(&[], true));
        }
        let containers = self.containers.as_deref().unwrap_or_default();
        let forwards = dnat(&raw.forwards, containers).into_iter();
        let doubts = dnat(&raw.doubts, &[]).into_iter();
        let doubts: Vec<Dnat> = doubts.filter(wanted).map(at).collect();
        let count = doubts.len() + usize::try_from(raw.not_understood).unwrap_or(usize::MAX);
        let mut notes = match self.survey.forwards {
            Forwards::Known => Vec::new(),
            _ => unread_notes(&raw, count),
        };
        notes.extend(programs_notes(&raw));
        let takes_any = !(raw.programs.is_empty() && raw.marks.is_empty());
        let refused = raw.refused.or(raw.programs_refused);
        let may_be_sent_on = refused.filter(|_| raw.sends_on);
        let is_unread = may_be_sent_on.is_some() || raw.services_refused.is_some();
        let found = &mut self.diverted;
        found.forwards.extend(forwards.filter(wanted).map(at));
        found.doubts.extend(doubts);
        let notes = notes.into_iter();
        found.notes.extend(notes.map(|note| note_in(note, far)));
        found.is_doubtful |= is_unread || count > 0 || takes_any;
        found.may_be_sent_on = found.may_be_sent_on.take().or(may_be_sent_on);
    }
}
