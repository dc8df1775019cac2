//! What must be said of processes of which something was left out.

use std::collections::BTreeSet;

use crate::model::{Note, NoteCode};
use crate::read::raw::LeftOut;

/// Pids that are named; a note is one line.
const MOST_PIDS: usize = 3;

/// Notes on what was left out.
pub fn left_out_notes(left_out: &LeftOut) -> Vec<Note> {
    let note = |code, pids: &BTreeSet<u32>, words: fn(&str) -> String| {
        Some(Note {
            code,
            message: words(&whose(pids)?),
            count: Some(pids.len() as u64),
        })
    };
    let late = note(NoteCode::DetailsLeftOut, &left_out.late, |whose| {
        format!(
            "the arguments and the project of {whose} were left out: reading them, or those of another \
             process of the same user, took too long"
        )
    });
    let cut = note(NoteCode::ArgumentsCut, &left_out.cut, |whose| {
        format!(
            "the arguments of {whose} are cut: there are more of them than portwho reads of one process \
             or of one user"
        )
    });
    let unsought = note(NoteCode::ProjectsLeftOut, &left_out.unsought, |whose| {
        format!(
            "the project of {whose} was not found: there are more folders and manifests than portwho \
             reads for one user"
        )
    });
    [late, cut, unsought].into_iter().flatten().collect()
}

/// Whether a note is one of these.
pub fn is_of_left_out(code: NoteCode) -> bool {
    matches!(
        code,
        NoteCode::DetailsLeftOut | NoteCode::ArgumentsCut | NoteCode::ProjectsLeftOut
    )
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
                ..LeftOut::default()
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
