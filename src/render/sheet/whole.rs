//! Lines that no terminal limits, as a pipe gets them: each cell is whole, as far as people read it.

use std::borrow::Cow;
use std::io::{self, Write};

use super::line::Line;
use super::{Head, Look, MANY, WIDEST, titles};
use crate::render::Clean;
use crate::render::cell::{Cell, Tone};
use crate::render::clean::LONGEST;

/// Writes rows of cells, in columns as wide as the first [`MANY`] rows tell.
pub fn write<R: IntoIterator<Item = Cell>>(
    heads: &[Head],
    rows: impl IntoIterator<Item = R>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut rows = rows.into_iter();
    let titles = if look.header {
        titles(heads)
    } else {
        Vec::new()
    };
    let mut first = Waiting::default();
    let mut widths = vec![0; heads.len()];
    for (width, title) in widths.iter_mut().zip(&titles) {
        *width = title.text.width();
    }
    for row in rows.by_ref().take(MANY) {
        for (cell, width) in row.into_iter().zip(&mut widths) {
            *width = (*width).max(cell.text.width().min(WIDEST));
            first.add(&cell);
        }
    }
    if first.cells.is_empty() {
        return Ok(());
    }
    let mut line = Line::new(look.colour);
    if look.header {
        draw(&mut line, titles, heads, &widths);
        out.write_all(line.end())?;
    }
    let mut start = 0;
    for row in first.cells.chunks(heads.len()) {
        line.begin();
        for ((cell, head), width) in row.iter().zip(heads).zip(&widths) {
            line.add(&first.text[start..cell.end], cell.tone, head, *width);
            start = cell.end;
        }
        out.write_all(line.end())?;
    }
    drop(first);
    for row in rows {
        draw(&mut line, row, heads, &widths);
        out.write_all(line.end())?;
    }
    Ok(())
}

fn draw(line: &mut Line, row: impl IntoIterator<Item = Cell>, heads: &[Head], widths: &[usize]) {
    line.begin();
    for ((cell, head), width) in row.into_iter().zip(heads).zip(widths) {
        line.add(shown(&cell).as_str(), cell.tone, head, *width);
    }
}

/// The text of a cell, which is long where another program made it so.
fn shown(cell: &Cell) -> Cow<'_, Clean> {
    // Bytes are at least as many as columns, and cost nothing to count.
    if cell.text.as_str().len() <= LONGEST {
        Cow::Borrowed(&cell.text)
    } else {
        Cow::Owned(cell.text.short())
    }
}

/// Cells that wait until the widths are known. They are thousands: their texts stand in one.
#[derive(Default)]
struct Waiting {
    text: String,
    cells: Vec<Place>,
}

/// Where the text of a cell ends, and the next one's begins.
struct Place {
    end: usize,
    tone: Tone,
}

impl Waiting {
    fn add(&mut self, cell: &Cell) {
        self.text.push_str(shown(cell).as_str());
        self.cells.push(Place {
            end: self.text.len(),
            tone: cell.tone,
        });
    }
}
