//! `--format table`: a line for each socket, in columns that fit the terminal.
//!
//! Widths are fixed before the first line. Few rows for a terminal are laid out by comfy-table; for
//! pipes, and beyond [`MANY`] rows, lines are written as they come, and memory stays bounded.

use std::io::{self, Write};

use comfy_table::{
    Attribute, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row as Line, Table,
    Width, presets,
};

use super::cell::{Cell, Tone};
use super::columns::{Column, Shrink};
use super::paint::paint;
use super::{Clean, Page};
use crate::model::Snapshot;

/// Rows that are measured before the first is written.
const MANY: usize = 2000;
/// Blanks between columns.
const GAP: usize = 2;

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    if snapshot.rows.is_empty() {
        return Ok(());
    }
    let compute = |columns: &[&'static Column], rows: &[crate::model::Row]| -> Vec<Vec<Cell>> {
        rows.iter()
            .map(|row| {
                columns
                    .iter()
                    .map(|column| (column.cell)(row, snapshot))
                    .collect()
            })
            .collect()
    };
    let (first, rest) = snapshot.rows.split_at(snapshot.rows.len().min(MANY));
    let mut cells = compute(&page.columns, first);
    let mut widths = measure(&page.columns, &cells, page.header);
    let kept = fit(page, &mut widths);
    let columns: Vec<&'static Column> = kept.iter().map(|index| page.columns[*index]).collect();
    let widths: Vec<usize> = kept.iter().map(|index| widths[*index]).collect();
    for row in &mut cells {
        *row = kept
            .iter()
            .map(|index| std::mem::take(&mut row[*index]))
            .collect();
    }
    let layout = Layout {
        columns: &columns,
        widths: &widths,
        page,
    };
    if page.width.is_some() && rest.is_empty() {
        return layout.write_with_comfy(cells, out);
    }
    if page.header {
        layout.write_line(&header(&columns), out)?;
    }
    for row in &cells {
        layout.write_line(row, out)?;
    }
    drop(cells);
    for row in rest {
        let cells: Vec<Cell> = columns
            .iter()
            .map(|column| (column.cell)(row, snapshot))
            .collect();
        layout.write_line(&cells, out)?;
    }
    Ok(())
}

fn header(columns: &[&'static Column]) -> Vec<Cell> {
    columns
        .iter()
        .map(|column| Cell::new(column.title).tone(Tone::Faint))
        .collect()
}

fn measure(columns: &[&'static Column], cells: &[Vec<Cell>], with_header: bool) -> Vec<usize> {
    let title = |column: &Column| if with_header { column.title.len() } else { 0 };
    let mut widths: Vec<usize> = columns.iter().map(|column| title(column)).collect();
    for row in cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.width());
        }
    }
    widths
}

/// Columns of the terminal that a column keeps, be it ever so narrow.
const NARROWEST: usize = 8;

/// Makes the columns fit: shortens what may be shortened, leaves out what is expendable, shortens
/// more, and at last leaves out columns from the right. Gives the indices of those that stay.
fn fit(page: &Page, widths: &mut [usize]) -> Vec<usize> {
    let columns = &page.columns;
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let Some(limit) = page.width.map(usize::from) else {
        return kept;
    };
    let excess = |kept: &[usize], widths: &[usize]| {
        let total: usize = kept.iter().map(|index| widths[*index] + GAP).sum();
        total.saturating_sub(GAP + limit)
    };
    // The narrowest that a column becomes, in the first place and in need.
    let floors = |in_need: bool| -> Vec<usize> {
        let floor = |(column, width): (&&Column, &usize)| match column.shrink {
            Shrink::Never => *width,
            Shrink::End(_) | Shrink::Middle(_) if in_need => NARROWEST.min(*width),
            Shrink::End(floor) | Shrink::Middle(floor) => floor.min(*width),
        };
        columns.iter().zip(widths.iter()).map(floor).collect()
    };
    let (usual, in_need) = (floors(false), floors(true));
    while excess(&kept, &usual) > 0 {
        let may_go = |index: &usize| {
            columns[*index].expendable > 0 && !page.asked.contains(&columns[*index])
        };
        let expendable = kept.iter().copied().filter(may_go);
        match expendable.max_by_key(|index| columns[*index].expendable) {
            Some(gone) => kept.retain(|index| *index != gone),
            None => break,
        }
    }
    while excess(&kept, &in_need) > 0 && kept.len() > 1 {
        let unasked = kept
            .iter()
            .rposition(|index| !page.asked.contains(&columns[*index]));
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
    columns: &'a [&'static Column],
    widths: &'a [usize],
    page: &'a Page,
}

impl Layout<'_> {
    fn write_line(&self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        let last = cells.len().saturating_sub(1);
        for (index, ((cell, column), width)) in
            cells.iter().zip(self.columns).zip(self.widths).enumerate()
        {
            let limit = if self.page.width.is_some() {
                *width
            } else {
                usize::MAX
            };
            let text = cell.text.cut(limit);
            let blanks = " ".repeat(width.saturating_sub(text.width()));
            let painted = paint(text.as_str(), cell.tone, self.page.colour);
            match (column.right, index == last) {
                (true, _) => write!(out, "{blanks}{painted}")?,
                (false, true) => out.write_all(painted.as_bytes())?,
                (false, false) => write!(out, "{painted}{blanks}")?,
            }
            if index < last {
                out.write_all(b"  ")?;
            }
        }
        out.write_all(b"\n")
    }

    /// The text of a cell in the width of its column; where nothing limits a line, whole.
    fn cut(&self, cell: &Cell, column: &Column, width: usize) -> Clean {
        match column.shrink {
            _ if self.page.width.is_none() => cell.text.clone(),
            Shrink::Middle(_) => cell.text.cut_middle(width),
            Shrink::Never | Shrink::End(_) => cell.text.cut(width),
        }
    }

    fn write_with_comfy(&self, cells: Vec<Vec<Cell>>, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if self.page.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        // Every column has its width already; the table as a whole must not narrow them again.
        table.set_width(u16::MAX);
        let lines = self
            .page
            .header
            .then(|| header(self.columns))
            .into_iter()
            .chain(cells);
        for cells in lines {
            let fitted =
                cells
                    .iter()
                    .zip(self.columns)
                    .zip(self.widths)
                    .map(|((cell, column), width)| {
                        comfy_cell(self.cut(cell, column, *width), cell.tone)
                    });
            let mut line = Line::from(fitted.collect::<Vec<_>>());
            line.max_height(1);
            table.add_row(line);
        }
        let last = self.columns.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            let gap = if index == last { 0 } else { GAP as u16 };
            let width = u16::try_from(self.widths[index]).unwrap_or(u16::MAX - gap);
            column.set_padding((0, gap));
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(
                width.saturating_add(gap),
            )));
            if self.columns[index].right {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn comfy_cell(text: Clean, tone: Tone) -> comfy_table::Cell {
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
