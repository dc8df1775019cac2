//! Asks what takes packets past the sockets of a port: where they go, and what of that is not known.

use super::Survey;
use crate::model::{Dnat, Namespaces, Note};
use crate::normalize::{dnat, far_rules_note, programs_notes, unread_notes};
use crate::read::Source;

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

/// Asks for a survey that found a listener or none, in this namespace and so many others.
pub fn diverted(
    source: &mut dyn Source,
    survey: &Survey,
    has_listener: bool,
    others: usize,
) -> Diverted {
    let is_asked = match survey.forwards {
        Forwards::Unasked => false,
        Forwards::OfUnusedPorts => !has_listener,
        Forwards::OfEveryPort | Forwards::Known => true,
    };
    let query = &survey.query;
    let Some(asked) = query.destinations().filter(|_| is_asked) else {
        return Diverted::default();
    };
    let raw = source.forwards(&asked);
    let wanted = |one: &Dnat| query.wants_forward(one);
    let is_wanted = dnat(&raw.forwards, &[]).iter().any(wanted);
    let containers = match is_wanted && survey.runtimes {
        true => source.containers(&[], true),
        false => Vec::new(),
    };
    let forwards = dnat(&raw.forwards, &containers);
    let forwards = forwards.into_iter().filter(wanted).collect();
    let doubts: Vec<Dnat> = dnat(&raw.doubts, &[]).into_iter().filter(wanted).collect();
    let count = doubts.len() + usize::try_from(raw.not_understood).unwrap_or(usize::MAX);
    let mut notes = match survey.forwards {
        Forwards::Known => Vec::new(),
        _ => unread_notes(&raw, count),
    };
    notes.extend(programs_notes(&raw));
    if survey.namespaces == Namespaces::All {
        notes.extend(far_rules_note(others));
    }
    let takes_any = !(raw.programs.is_empty() && raw.marks.is_empty());
    let refused = raw.refused.or(raw.programs_refused);
    let may_be_sent_on = refused.filter(|_| raw.sends_on);
    let is_unread = may_be_sent_on.is_some() || raw.services_refused.is_some();
    Diverted {
        forwards,
        doubts,
        notes,
        is_doubtful: is_unread || count > 0 || takes_any,
        may_be_sent_on,
    }
}
