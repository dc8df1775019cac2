//! Notes what was left out of the processes that a source has read.

use crate::model::Note;
use crate::normalize::{is_of_left_out, left_out_notes};
use crate::read::Source;

/// Puts it in the place of what was noted of it before; whether there is anything to note.
pub fn note(source: &mut dyn Source, notes: &mut Vec<Note>) -> bool {
    let fresh = left_out_notes(&source.left_out());
    notes.retain(|note| !is_of_left_out(note.code));
    let is_any = !fresh.is_empty();
    notes.extend(fresh);
    is_any
}
