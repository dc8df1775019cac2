//! The ports for outgoing connections for machines.

use std::io::{self, Write};

use serde_json::Value;

use super::super::cell::Cell;
use super::super::contract::{BudgetOut, Ephemeral};
use super::super::{csv, json};
use super::columns;
use crate::judge::{Advice, Usage};

/// The lines of the budgets, separated by tabs, nothing shortened.
///
/// # Errors
/// What the writer says.
pub fn write_ephemeral_plain(usage: &Usage, header: bool, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns(usage, None);
    if header {
        let titles: Vec<_> = columns.iter().map(|column| column.head.title).collect();
        writeln!(out, "{}", titles.join("\t"))?;
    }
    for budget in &usage.budgets {
        let cells: Vec<Cell> = columns.iter().map(|one| (one.cell)(budget)).collect();
        let texts: Vec<&str> = cells.iter().map(|cell| cell.text.as_str()).collect();
        writeln!(out, "{}", texts.join("\t"))?;
    }
    Ok(())
}

/// # Errors
/// What the writer says.
pub fn write_ephemeral_json(
    usage: &Usage,
    advice: &[Advice],
    out: &mut dyn Write,
) -> io::Result<()> {
    json::write(&Ephemeral::new(usage, advice), out)
}

/// A document for each budget, each on its line.
///
/// # Errors
/// What the writer says.
pub fn write_ephemeral_ndjson(usage: &Usage, out: &mut dyn Write) -> io::Result<()> {
    json::write_lines(usage.budgets.iter().map(BudgetOut::new), out)
}

/// The fields of the budgets: those of an object are columns of their own, lists are JSON texts.
const FIELDS: [&str; 23] = [
    "protocol",
    "local_address",
    "interface",
    "peer_address",
    "peer_port",
    "used",
    "used_elsewhere",
    "capacity",
    "free",
    "share",
    "states.established",
    "states.time_wait",
    "states.close_wait",
    "states.syn_sent",
    "states.other",
    "time_wait_reusable",
    "owner_status",
    "owners",
    "time_wait_inferred_owners",
    "trend.gained",
    "trend.per_second",
    "trend.full_in_seconds",
    "trend.levels_off_at",
];

/// A line for each budget, RFC 4180.
///
/// # Errors
/// What the writer says.
pub fn write_ephemeral_csv(usage: &Usage, header: bool, out: &mut dyn Write) -> io::Result<()> {
    let titles = FIELDS.map(|field| field.replace('.', "_"));
    let budgets = usage.budgets.iter();
    let values = budgets.map(|budget| serde_json::to_value(BudgetOut::new(budget)));
    let values: Vec<Value> = values.collect::<Result<_, _>>()?;
    let records = values.iter().map(|value| {
        let field = |name: &str| match name.split_once('.') {
            Some((outer, inner)) => value.get(outer).and_then(|inside| inside.get(inner)),
            None => value.get(name),
        };
        FIELDS.map(|name| csv::text(field(name)))
    });
    let titles = Some(titles).filter(|_| header);
    csv::write_records(titles.into_iter().chain(records), out)
}
