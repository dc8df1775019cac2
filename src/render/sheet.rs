//! Cells under heads, in columns that fit the terminal.
//!
//! Widths are fixed before the first line. Few rows for a terminal are laid out by comfy-table; for
//! pipes ([`whole`]), and beyond [`MANY`] rows, lines are written as they come, and memory stays bounded.

use std::borrow::Cow;
use std::io::{self, Write};

use comfy_table::{
    Attribute, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row as ComfyRow, Table,
    Width, presets,
};

use super::Clean;
use super::cell::{Cell, Tone};

mod line;
mod whole;

use line::Line;

/// Rows that are measured before the first is written.
const MANY: usize = 2000;
/// Widest that a column is made: one long argument must not widen every line.
const WIDEST: usize = 200;
/// Blanks between columns.
const GAP: usize = 2;

/// How a column gives way where the terminal is narrow, and how wide it stays if it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shrink {
    Never,
    /// The end is cut off.
    End(usize),
    /// The middle is cut out: of an address and of a path both ends tell something.
    Middle(usize),
}

/// What stands over a column, and how it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub title: &'static str,
    pub shrink: Shrink,
    /// Order in which columns are left out where the terminal is too narrow; 0 for never.
    pub expendable: u8,
    pub right: bool,
    /// Asked for by name: others are left out before it.
    pub pinned: bool,
    /// Whether a terminal is spared the column where none of its cells says anything.
    pub may_be_vacant: bool,
}

/// What all tables depend on beside their cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether the titles are shown.
    pub header: bool,
    /// Columns of the terminal; `None` for a pipe or a file.
    pub width: Option<u16>,
    pub colour: bool,
}

/// Writes rows of cells, a cell for each head.
///
/// # Errors
/// What the writer says.
pub fn write<R: IntoIterator<Item = Cell>>(
    heads: &[Head],
    rows: impl IntoIterator<Item = R>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    match look.width {
        None => whole::write(heads, rows, look, out),
        Some(limit) => write_within(limit, heads, rows, look, out),
    }
}

fn write_within<R: IntoIterator<Item = Cell>>(
    limit: u16,
    heads: &[Head],
    rows: impl IntoIterator<Item = R>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows = rows.into_iter().map(|row| row.into_iter().collect());
    let mut rows = rows.peekable();
    let mut first: Vec<Vec<Cell>> = rows.by_ref().take(MANY).collect();
    if first.is_empty() {
        return Ok(());
    }
    let mut widths = measure(heads, &first, look.header);
    let is_all = rows.peek().is_none();
    let is_told = |at: &usize| {
        let head = &heads[*at];
        let may_go = is_all && head.may_be_vacant && !head.pinned;
        !may_go || first.iter().any(|row| row[*at] != Cell::absent())
    };
    let kept = fit(heads, &mut widths, limit, is_told);
    let keep = |row: &mut Vec<Cell>| {
        if kept.len() < heads.len() {
            let cells = kept.iter().map(|at| std::mem::take(&mut row[*at]));
            *row = cells.collect();
        }
    };
    first.iter_mut().for_each(keep);
    let kept_heads: Vec<Head> = kept.iter().map(|at| heads[*at]).collect();
    let widths: Vec<usize> = kept.iter().map(|at| widths[*at]).collect();
    let layout = Layout {
        heads: &kept_heads,
        widths: &widths,
        look,
    };
    if is_all {
        return layout.write_with_comfy(first, out);
    }
    let mut line = Line::new(look.colour);
    let titles = look.header.then(|| titles(&kept_heads));
    let rest = rows.map(|mut row| {
        keep(&mut row);
        row
    });
    for cells in titles.into_iter().chain(first).chain(rest) {
        layout.draw(&cells, &mut line);
        out.write_all(line.end())?;
    }
    Ok(())
}

fn titles(heads: &[Head]) -> Vec<Cell> {
    heads
        .iter()
        .map(|head| Cell::new(head.title).tone(Tone::Faint))
        .collect()
}

fn measure(heads: &[Head], cells: &[Vec<Cell>], with_titles: bool) -> Vec<usize> {
    let title = |head: &Head| if with_titles { head.title.len() } else { 0 };
    let mut widths: Vec<usize> = heads.iter().map(title).collect();
    for row in cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.width().min(WIDEST));
        }
    }
    widths
}

/// The text of a cell in the width of its column.
fn cut<'c>(cell: &'c Cell, head: &Head, width: usize) -> Cow<'c, Clean> {
    if cell.text.width() <= width {
        return Cow::Borrowed(&cell.text);
    }
    Cow::Owned(match head.shrink {
        Shrink::Middle(_) => cell.text.cut_middle(width),
        Shrink::Never | Shrink::End(_) => cell.text.cut(width),
    })
}

/// Columns of the terminal that a column keeps, be it ever so narrow.
const NARROWEST: usize = 8;

/// Makes the columns fit: shortens what may be shortened, leaves out what is expendable, shortens
/// more, and at last leaves out columns from the right. Gives the indices of those that stay.
fn fit(
    heads: &[Head],
    widths: &mut [usize],
    limit: u16,
    is_told: impl Fn(&usize) -> bool,
) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..heads.len()).filter(is_told).collect();
    let limit = usize::from(limit);
    let excess = |kept: &[usize], widths: &[usize]| {
        let total: usize = kept.iter().map(|index| widths[*index] + GAP).sum();
        total.saturating_sub(GAP + limit)
    };
    // The narrowest that a column becomes, in the first place and in need.
    let floors = |in_need: bool| -> Vec<usize> {
        let floor = |(head, width): (&Head, &usize)| match head.shrink {
            Shrink::Never => *width,
            Shrink::End(_) | Shrink::Middle(_) if in_need => NARROWEST.min(*width),
            Shrink::End(floor) | Shrink::Middle(floor) => floor.min(*width),
        };
        heads.iter().zip(widths.iter()).map(floor).collect()
    };
    let (usual, in_need) = (floors(false), floors(true));
    while excess(&kept, &usual) > 0 {
        let may_go = |index: &usize| heads[*index].expendable > 0 && !heads[*index].pinned;
        let expendable = kept.iter().copied().filter(may_go);
        match expendable.max_by_key(|index| heads[*index].expendable) {
            Some(gone) => kept.retain(|index| *index != gone),
            None => break,
        }
    }
    while excess(&kept, &in_need) > 0 && kept.len() > 1 {
        let unasked = kept.iter().rposition(|index| !heads[*index].pinned);
        kept.remove(unasked.filter(|place| *place > 0).unwrap_or(kept.len() - 1));
    }
    let floors = if excess(&kept, &usual) > 0 {
        in_need
    } else {
        usual
    };
    shorten(&kept, widths, &floors, |widths| excess(&kept, widths));
    kept
}

/// Takes from the widest columns first, down to their floors, until nothing is in excess.
fn shorten(
    kept: &[usize],
    widths: &mut [usize],
    floors: &[usize],
    excess: impl Fn(&[usize]) -> usize,
) {
    loop {
        let over = excess(widths);
        let open = kept
            .iter()
            .copied()
            .filter(|index| widths[*index] > floors[*index]);
        let Some(widest) = open.max_by_key(|index| widths[*index]).filter(|_| over > 0) else {
            return;
        };
        // At once down to the next widest, so that a column of a million is no million steps.
        let others = kept.iter().copied().filter(|index| *index != widest);
        let next = others.map(|index| widths[index]).max().unwrap_or(0);
        let step = widths[widest]
            .saturating_sub(next.max(floors[widest]))
            .clamp(1, over);
        widths[widest] -= step;
    }
}

struct Layout<'a> {
    heads: &'a [Head],
    widths: &'a [usize],
    look: Look,
}

impl Layout<'_> {
    fn draw(&self, cells: &[Cell], line: &mut Line) {
        line.begin();
        for ((cell, head), width) in cells.iter().zip(self.heads).zip(self.widths) {
            let text = cut(cell, head, *width);
            line.add(text.as_str(), cell.tone, head, *width);
        }
    }

    fn write_with_comfy(&self, cells: Vec<Vec<Cell>>, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if self.look.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        // Every column has its width already; the table as a whole must not narrow them again.
        table.set_width(u16::MAX);
        let lines = self
            .look
            .header
            .then(|| titles(self.heads))
            .into_iter()
            .chain(cells);
        for cells in lines {
            let fitted = cells
                .iter()
                .zip(self.heads)
                .zip(self.widths)
                .map(|((cell, column), width)| comfy_cell(&cut(cell, column, *width), cell.tone));
            let mut line = ComfyRow::from(fitted.collect::<Vec<_>>());
            line.max_height(1);
            table.add_row(line);
        }
        let last = self.heads.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            let gap = if index == last { 0 } else { GAP as u16 };
            let width = u16::try_from(self.widths[index]).unwrap_or(u16::MAX - gap);
            column.set_padding((0, gap));
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(
                width.saturating_add(gap),
            )));
            if self.heads[index].right {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn comfy_cell(text: &Clean, tone: Tone) -> comfy_table::Cell {
    let styled = comfy_table::Cell::new_owned(text.to_string());
    match tone {
        Tone::Plain => styled,
        Tone::Strong => styled.add_attribute(Attribute::Bold),
        Tone::Faint => styled.add_attribute(Attribute::Dim),
        Tone::Alert => styled.fg(Color::DarkYellow),
    }
}

/// Aligns a small list in two columns, for `--columns help`.
pub fn fit_lines(pairs: &[(&str, &str)]) -> String {
    let width = pairs
        .iter()
        .map(|(name, _)| Clean::new(name).width())
        .max()
        .unwrap_or(0);
    pairs
        .iter()
        .map(|(name, help)| format!("  {name:width$}  {help}\n"))
        .collect()
}
