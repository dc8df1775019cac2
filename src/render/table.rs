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
use super::columns::Column;
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
    let kept = fit(&page.columns, &mut widths, page.width.map(usize::from));
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

/// Makes the columns fit: shortens the widest that may be shortened, then leaves out what is
/// expendable. Gives the indices of the columns that stay.
fn fit(columns: &[&'static Column], widths: &mut [usize], limit: Option<usize>) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let Some(limit) = limit else { return kept };
    let slack = |index: usize, widths: &[usize]| {
        let narrowest = columns[index].narrowest;
        narrowest.map_or(0, |narrowest| widths[index].saturating_sub(narrowest))
    };
    for index in kept.iter().copied() {
        // No column can have more; this bounds the loop below.
        widths[index] -= slack(index, widths).min(widths[index].saturating_sub(limit));
    }
    loop {
        let total: usize = kept.iter().map(|index| widths[*index] + GAP).sum();
        let excess = total.saturating_sub(GAP + limit);
        if excess == 0 {
            return kept;
        }
        let all_slack: usize = kept.iter().map(|index| slack(*index, widths)).sum();
        let widest = kept
            .iter()
            .copied()
            .max_by_key(|index| slack(*index, widths));
        let expendable = kept
            .iter()
            .copied()
            .filter(|index| columns[*index].expendable > 0);
        // Extras have the highest number, so that they go before the usual columns.
        let gone = expendable.max_by_key(|index| columns[*index].expendable);
        match (widest, gone) {
            (Some(widest), _) if all_slack >= excess => widths[widest] -= 1,
            (_, Some(gone)) if kept.len() > 1 => kept.retain(|index| *index != gone),
            _ => {
                // Too narrow for sense: every column is as narrow as it can be.
                for index in &kept {
                    widths[*index] -= slack(*index, widths);
                }
                return kept;
            }
        }
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

    fn write_with_comfy(&self, cells: Vec<Vec<Cell>>, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_truncation_indicator("…");
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
            let mut line = Line::from(cells.into_iter().map(comfy_cell).collect::<Vec<_>>());
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

fn comfy_cell(cell: Cell) -> comfy_table::Cell {
    let styled = comfy_table::Cell::new_owned(cell.text.to_string());
    match cell.tone {
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
