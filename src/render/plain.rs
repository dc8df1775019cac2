//! `--format plain`: the columns separated by tabs, nothing shortened, no colour.

use std::io::{self, Write};

use super::cell::Cell;
use super::{Page, words};
use crate::model::{Row, Snapshot};

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    if page.look.header {
        let titles: Vec<_> = page
            .columns
            .iter()
            .map(|column| column.head.title)
            .collect();
        writeln!(out, "{}", titles.join("\t"))?;
    }
    for row in &snapshot.rows {
        for (index, column) in page.columns.iter().enumerate() {
            if index > 0 {
                out.write_all(b"\t")?;
            }
            let Cell { text, .. } = match column.name {
                "process" => names(row).unwrap_or_else(|| (column.cell)(row, snapshot)),
                "pid" => pids(row).unwrap_or_else(|| (column.cell)(row, snapshot)),
                _ => (column.cell)(row, snapshot),
            };
            out.write_all(text.as_str().as_bytes())?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The names of all owners, each once; a single one as it is, unless it would pass for what stands where
/// no owner is listed.
fn names(row: &Row) -> Option<Cell> {
    let first = &row.owners.first()?.process.name;
    let is_same = |name: &str| name == first.unclean();
    let mut others = row.owners.iter().map(|owner| owner.process.name.unclean());
    if others.all(is_same) && !first.is_empty() && !passes_for_words(first.unclean()) {
        return Some(Cell::foreign(Some(first)));
    }
    let all = row
        .owners
        .iter()
        .map(|owner| words::whole_name(&owner.process).into_owned());
    Some(Cell::new(words::each_once(all).join(",")))
}

/// Whether a name looks like words in place of a name, `(hidden)` or `-`, or like one in quotes.
fn passes_for_words(name: &str) -> bool {
    name == "-" || (name.starts_with('(') && name.ends_with(')')) || name.starts_with('\'')
}

/// The ids of all owners.
fn pids(row: &Row) -> Option<Cell> {
    let pids = row
        .owners
        .iter()
        .map(|owner| owner.process.key.pid.to_string());
    let pids: Vec<String> = pids.collect();
    (!pids.is_empty()).then(|| Cell::new(pids.join(",")))
}
