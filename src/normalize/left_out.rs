//! What must be said of processes of which something was left out.

use std::collections::BTreeSet;

use crate::model::{Note, NoteCode};
use crate::read::raw::LeftOut;

/// Pids that are named; a note is one line.
const MOST_PIDS: usize = 3;

/// Notes on what was left out.
pub fn left_out_notes(left_out: &LeftOut) -> Vec<Note> {
    late(&left_out.late).into_iter().collect()
}

fn late(pids: &BTreeSet<u32>) -> Option<Note> {
    let whose = whose(pids)?;
    Some(Note {
        code: NoteCode::DetailsLeftOut,
        message: format!(
            "the arguments and the project of {whose} were left out: reading them, or those of another \
             process of the same user, took too long"
        ),
        count: Some(pids.len() as u64),
    })
}

/// `1 process (PID 7)`, `5 processes (PIDs 7, 8, 9 and 2 more)`; `None` for none.
fn whose(pids: &BTreeSet<u32>) -> Option<String> {
    let named: Vec<String> = pids.iter().take(MOST_PIDS).map(u32::to_string).collect();
    let named = named.join(", ");
    Some(match (pids.len(), pids.len().saturating_sub(MOST_PIDS)) {
        (0, _) => return None,
        (1, _) => format!("1 process (PID {named})"),
        (all, 0) => format!("{all} processes (PIDs {named})"),
        (all, more) => format!("{all} processes (PIDs {named} and {more} more)"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_a_few_of_the_processes_and_counts_all() {
        let said = |pids: std::ops::Range<u32>| {
            let left_out = LeftOut {
                late: pids.collect(),
            };
            left_out_notes(&left_out).pop()
        };
        assert_eq!(said(0..0), None);
        for (pids, words) in [
            (7..8, "of 1 process (PID 7) were"),
            (7..10, "of 3 processes (PIDs 7, 8, 9) were"),
            (7..12, "of 5 processes (PIDs 7, 8, 9 and 2 more) were"),
        ] {
            let count = pids.len() as u64;
            let note = said(pids).unwrap();
            assert_eq!(note.count, Some(count));
            assert!(note.message.contains(words), "{}", note.message);
        }
    }
}
