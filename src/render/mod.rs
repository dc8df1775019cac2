//! Stage 4: rows to bytes. Width, colour and time are arguments. Pure.

mod card;
mod cell;
mod choose;
mod clean;
mod columns;
mod contract;
mod csv;
mod ephemeral;
mod json;
mod paint;
mod plain;
mod sheet;
mod table;
mod verdicts;
mod words;

use std::io::{self, Write};

use jiff::tz::TimeZone;

pub use choose::chosen;
pub use clean::Clean;
pub use columns::{COLUMNS, Column, DEFAULT};
pub use ephemeral::{
    write_ephemeral, write_ephemeral_csv, write_ephemeral_json, write_ephemeral_ndjson,
    write_ephemeral_plain,
};
pub use json::SCHEMA;
pub use sheet::{Head, Look, fit_lines};
pub use verdicts::{
    free_json, write_checks, write_checks_json, write_conflicts, write_conflicts_json, write_github,
};

use crate::model::{Row, Snapshot};

/// The columns that are shown of listeners where nothing else is asked for.
pub fn usual_columns() -> Vec<&'static Column> {
    chosen(&DEFAULT.join(","), &DEFAULT).unwrap_or_default()
}

/// The owners of a row, with their pids, in words.
pub fn owners_in_words(row: &Row) -> String {
    words::owners(row)
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
        Format::Json => json::write(&contract::Sockets::new(page.kind, snapshot), out),
        Format::Ndjson => json::write_rows(snapshot, out),
        Format::Csv => csv::write(snapshot, page, out),
    }
}
