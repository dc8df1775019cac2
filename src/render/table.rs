//! `--format table`: a line for each socket.

use std::io::{self, Write};

use super::Page;
use super::sheet::{self, Head};
use crate::model::Snapshot;

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let heads: Vec<Head> = page
        .columns
        .iter()
        .map(|column| Head {
            pinned: page.asked.contains(column),
            ..column.head
        })
        .collect();
    let rows = snapshot.rows.iter().map(|row| {
        page.columns
            .iter()
            .map(|column| (column.cell)(row, snapshot))
            .collect()
    });
    sheet::write(&heads, rows, page.look, out)
}
