//! What must be said of rules that may take packets past the sockets of a port.

use crate::model::{Note, NoteCode};
use crate::read::raw::RawForwards;

/// A note on rules of the packet filter that could not be read, or so many that are not understood.
pub fn rules_note(raw: &RawForwards, doubts: usize) -> Option<Note> {
    let why = match (&raw.refused, doubts) {
        (Some(why), _) => format!("cannot be read: {why}"),
        (None, 0) => return None,
        (None, 1) => "have one that is not understood".into(),
        (None, many) => format!("have {many} that are not understood"),
    };
    Some(Note {
        code: NoteCode::RulesUnread,
        message: format!(
            "the DNAT rules of the packet filter {why}: they may send elsewhere what comes to a \
             port"
        ),
        count: u64::try_from(doubts).ok().filter(|count| *count > 0),
    })
}

/// A note on the rules of other network namespaces, which are not read.
pub fn far_rules_note(others: usize) -> Option<Note> {
    let whose = match others {
        0 => return None,
        1 => "another network namespace".to_owned(),
        many => format!("{many} other network namespaces"),
    };
    Some(Note {
        code: NoteCode::RulesUnread,
        message: format!(
            "the DNAT rules of {whose} are not read: they may send elsewhere what comes to a port \
             there"
        ),
        count: None,
    })
}
