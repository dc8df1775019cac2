//! `--format table`: a line for each socket.

use std::io::{self, Write};

use super::cell::{Cell, Tone};
use super::sheet::{self, Head};
use super::{Column, Page, words};
use crate::model::{Row, Snapshot};

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let heads: Vec<Head> = page
        .columns
        .iter()
        .map(|column| head(column, page))
        .collect();
    let cell = |column: &Column, row: &Row| match column.name {
        "netns" if page.tells_namespaces => namespace(column, row, snapshot),
        _ => (column.cell)(row, snapshot),
    };
    let rows = snapshot.rows.iter();
    let rows = rows.map(|row| page.columns.iter().map(move |column| cell(column, row)));
    sheet::write(&heads, rows, page.look, out)
}

/// How a column behaves on this page.
fn head(column: &Column, page: &Page) -> Head {
    let mut head = Head {
        pinned: page.asked.contains(&column),
        ..column.head
    };
    if page.tells_namespaces && column.name == "user" {
        // The namespace takes its room, and not that of what the owner is part of.
        head.expendable = BEFORE_WHAT;
    }
    head
}

/// Left out before "what" is.
const BEFORE_WHAT: u8 = 3;

/// Programs compare the numbers of namespaces; people are told which of several is theirs.
fn namespace(column: &Column, row: &Row, snapshot: &Snapshot) -> Cell {
    if row.socket.netns() != snapshot.netns {
        return (column.cell)(row, snapshot);
    }
    let own = words::netns_seen_from(snapshot.netns, &row.socket);
    Cell::of(own).tone(Tone::Faint)
}
