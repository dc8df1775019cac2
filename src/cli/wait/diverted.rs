//! What `wait` says of ports that the kernel sends past all sockets: no listener need ever appear.

use super::super::{remarks, terminal};
use super::awaited::{Awaited, Progress};
use crate::model::{Note, NoteCode, Snapshot};
use crate::read::Source;
use crate::render::Clean;
use crate::{Forwards, Survey, survey};

/// Asks once where packets go that no socket waits for yet, and names the rules that send them.
pub fn look(one: &Awaited, known: &mut Option<Snapshot>, source: &mut dyn Source, quiet: bool) {
    if one.progress != Progress::NotYet || known.is_some() {
        return;
    }
    let shown = Survey {
        query: one.query.clone(),
        names_machine: true,
        forwards: Forwards::OfUnusedPorts,
        ..Survey::default()
    };
    let (snapshot, _) = survey(source, &shown);
    if !quiet {
        remarks::tell_forwards(&snapshot);
    }
    *known = Some(snapshot);
}

/// What is known of the ways past the sockets, where none listens.
pub fn of<'a>(one: &Awaited, known: Option<&'a Snapshot>) -> Option<&'a Snapshot> {
    known.filter(|_| one.progress == Progress::NotYet)
}

/// Says what is not known of them.
pub fn tell_doubts(snapshot: &Snapshot) {
    let is_of_rules =
        |note: &&Note| matches!(note.code, NoteCode::RulesUnread | NoteCode::PortsSteered);
    for note in snapshot.notes.iter().filter(is_of_rules) {
        terminal::tell(format_args!("portwho: note: {}", Clean::new(&note.message)));
    }
}
