//! Stage 4: rows to bytes. Width, colour and time are arguments. Pure.

mod card;
mod cell;
mod choose;
mod clean;
mod columns;
mod contract;
mod csv;
mod ephemeral;
mod graph;
mod json;
mod map;
mod paint;
mod plain;
mod sheet;
mod table;
mod verdicts;
mod why;
mod words;

use std::io::{self, Write};

use jiff::tz::TimeZone;

pub use choose::chosen;
pub use clean::Clean;
pub use columns::{COLUMNS, Column, DEFAULT};
pub use ephemeral::{
    write_ephemeral, write_ephemeral_csv, write_ephemeral_in, write_ephemeral_json,
    write_ephemeral_ndjson, write_ephemeral_plain,
};
pub use graph::{write_dot, write_mermaid};
pub use json::SCHEMA;
pub use map::{Atlas, write_map, write_map_json};
pub use sheet::{Head, Look, fit_lines};
pub use verdicts::{
    free_json, write_checks, write_checks_json, write_conflicts, write_conflicts_json, write_github,
};
pub use why::{write_why, write_why_json};

use crate::model::{Dnat, Row, Snapshot};

/// The columns that are shown of listeners where nothing else is asked for.
pub fn usual_columns() -> Vec<&'static Column> {
    chosen(&DEFAULT.join(","), &DEFAULT).unwrap_or_default()
}

/// The owners of a row, with their pids, in words.
pub fn owners_in_words(row: &Row) -> String {
    words::owners(row)
}

/// A rule that sends a port elsewhere, in words; it holds text of others.
pub fn dnat_in_words(dnat: &Dnat) -> Clean {
    Clean::new(&words::dnat(dnat))
}

/// How much of a budget is used, in words.
pub fn budget_in_words(budget: &crate::judge::Budget) -> String {
    words::budget(budget)
}

/// Shape of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line for each socket, aligned.
    Table,
    /// A paragraph for each listener, with its connections.
    Card,
    /// A line for each socket, tab-separated, nothing shortened.
    Plain,
    Json,
    Ndjson,
    Csv,
}

/// What the bytes depend on beside the rows.
#[derive(Debug, Clone)]
pub struct Page {
    pub format: Format,
    /// What the document is called in JSON.
    pub kind: &'static str,
    pub columns: Vec<&'static Column>,
    /// Those of the columns that were asked for by name; the others are left out before them.
    pub asked: Vec<&'static Column>,
    pub look: Look,
    /// Whether service names are shown.
    pub services: bool,
    /// Whether more than one network namespace was looked into.
    pub tells_namespaces: bool,
    /// Whether owners were looked for.
    pub owners: bool,
    pub zone: TimeZone,
}

/// Writes the snapshot.
///
/// # Errors
/// What the writer says.
pub fn render(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    match page.format {
        Format::Table => table::write(snapshot, page, out),
        Format::Card => card::write(snapshot, page, out),
        Format::Plain => plain::write(snapshot, page, out),
        Format::Json => json::write_sockets(page.kind, snapshot, out),
        Format::Ndjson => json::write_sockets_each(snapshot, out),
        Format::Csv => csv::write(snapshot, page, out),
    }
}
