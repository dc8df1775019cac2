//! How full the ports for outgoing connections are: the range, a line for each budget, what is taken
//! for every peer, advice.

use std::io::{self, Write};

use serde_json::Value;

use super::cell::{Cell, Tone};
use super::contract::{BudgetOut, Ephemeral};
use super::paint::paint;
use super::sheet::{self, Head, Look, Shrink};
use super::{Clean, csv, json, words};
use crate::judge::{Advice, Budget, Usage};
use crate::model::State;

/// Part of a budget from which its line is to be looked at twice.
const FULL: f64 = 0.8;
/// Columns of a bar.
const BAR: usize = 8;
/// Sockets that are named one by one.
const MOST_TAKEN: usize = 20;

/// A column of the table: its head, and whether it is shown where nothing is compared or drawn.
struct Column {
    head: Head,
    shown: Shown,
    cell: fn(&Budget) -> Cell,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Always,
    /// A bar takes a terminal.
    OnTerminal,
    /// A rate takes two counts.
    Compared,
}

const fn column(title: &'static str, cell: fn(&Budget) -> Cell) -> Column {
    let head = Head {
        title,
        shrink: Shrink::Never,
        expendable: 0,
        right: false,
        may_be_vacant: false,
        pinned: false,
    };
    Column {
        head,
        shown: Shown::Always,
        cell,
    }
}

const fn number(title: &'static str, expendable: u8, cell: fn(&Budget) -> Cell) -> Column {
    let mut column = column(title, cell);
    column.head.right = true;
    column.head.expendable = expendable;
    column
}

const fn only(shown: Shown, column: Column) -> Column {
    Column { shown, ..column }
}

const fn shrinking(column: Column, shrink: Shrink) -> Column {
    let head = Head {
        shrink,
        ..column.head
    };
    Column { head, ..column }
}

static COLUMNS: [Column; 14] = [
    shrinking(
        column("LOCAL", |budget| Cell::new(words::budget_local(budget))),
        Shrink::Middle(12),
    ),
    shrinking(
        column("PEER", |budget| {
            Cell::new(words::budget_peer(budget)).tone(Tone::Strong)
        }),
        Shrink::Middle(16),
    ),
    number("USED", 0, |budget| Cell::new(budget.used.to_string())),
    number("FREE", 6, |budget| {
        Cell::of(budget.free().map(|free| free.to_string()))
    }),
    number("SHARE", 0, |budget| {
        Cell::of(budget.share().map(words::share)).tone(tone(budget))
    }),
    only(Shown::OnTerminal, column("", bar)),
    only(
        Shown::Compared,
        number("RATE", 0, |budget| Cell::of(words::rate(budget))),
    ),
    only(
        Shown::Compared,
        number("FULL IN", 0, |budget| Cell::of(words::outlook(budget))),
    ),
    number("ESTAB", 2, |budget| count(budget, State::Established)),
    number("TIME-WAIT", 1, |budget| count(budget, State::TimeWait)),
    number("CLOSE-WAIT", 3, |budget| count(budget, State::CloseWait)),
    number("SYN-SENT", 4, |budget| count(budget, State::SynSent)),
    number("OTHER", 5, |budget| {
        Cell::new(budget.count_other(&words::TOLD_STATES).to_string())
    }),
    shrinking(
        column("OWNERS", |budget| {
            Cell::of(Some(words::budget_owners(budget)).filter(|words| !words.is_empty()))
        }),
        Shrink::End(12),
    ),
];

fn tone(budget: &Budget) -> Tone {
    if budget.share().is_some_and(|share| share >= FULL) {
        Tone::Alert
    } else {
        Tone::Plain
    }
}

fn count(budget: &Budget, state: State) -> Cell {
    Cell::new(budget.count(state).to_string())
}

/// In eighths of a column; something that is used is never drawn as nothing.
fn bar(budget: &Budget) -> Cell {
    let Some(share) = budget.share() else {
        return Cell::absent();
    };
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * (8 * BAR) as f64).round() as usize;
    let eighths = eighths.max(usize::from(budget.used > 0)).min(8 * BAR);
    let drawn = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
    let rest = BAR - eighths.div_ceil(8);
    Cell::new(format!("{drawn}{}", "·".repeat(rest))).tone(tone(budget))
}

/// The columns that are shown.
fn columns(usage: &Usage, is_terminal: bool) -> Vec<&'static Column> {
    let is_shown = |column: &&Column| match column.shown {
        Shown::Always => true,
        Shown::OnTerminal => is_terminal,
        Shown::Compared => usage.seconds.is_some(),
    };
    COLUMNS.iter().filter(is_shown).collect()
}

/// Writes all of it for people.
///
/// # Errors
/// What the writer says.
pub fn write_ephemeral(
    usage: &Usage,
    advice: &[Advice],
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    for line in words::range(usage) {
        writeln!(out, "{}", cut(&line, look))?;
    }
    if !usage.budgets.is_empty() {
        writeln!(out)?;
        let columns = columns(usage, look.width.is_some());
        let heads: Vec<Head> = columns.iter().map(|column| column.head).collect();
        let rows = usage.budgets.iter();
        let rows = rows.map(|budget| columns.iter().map(|one| (one.cell)(budget)).collect());
        sheet::write(&heads, rows, look, out)?;
    }
    let more = usage.total.saturating_sub(usage.budgets.len());
    if more > 0 {
        writeln!(out, "and {more} less full ones (--top shows more)")?;
    }
    write_taken(usage, look, out)?;
    if !advice.is_empty() {
        writeln!(out, "\n{}", paint("advice", Tone::Faint, look.colour))?;
    }
    for one in advice {
        // An advice is read to its end.
        let text = Clean::new(&words::advice(one, usage));
        let room = look.width.map_or(usize::MAX, |width| {
            usize::from(width).saturating_sub(4).max(20)
        });
        let mut indent = "  ";
        for line in words::wrapped(text.as_str(), room) {
            writeln!(out, "{indent}{line}")?;
            indent = "    ";
        }
    }
    Ok(())
}

fn write_taken(usage: &Usage, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let rows = &usage.snapshot.rows;
    if rows.is_empty() {
        return Ok(());
    }
    let title = paint("taken for every peer", Tone::Faint, look.colour);
    writeln!(out, "\n{title}")?;
    for row in rows.iter().take(MOST_TAKEN) {
        let line = format!("  {}  {}", words::port(&row.socket), words::holder(row));
        writeln!(out, "{}", cut(&line, look))?;
    }
    let more = rows.len().saturating_sub(MOST_TAKEN);
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}

fn cut(line: &str, look: Look) -> Clean {
    let line = Clean::new(line);
    match look.width {
        Some(width) => line.cut(usize::from(width)),
        None => line,
    }
}

/// The lines of the budgets, separated by tabs, nothing shortened.
///
/// # Errors
/// What the writer says.
pub fn write_ephemeral_plain(usage: &Usage, header: bool, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns(usage, false);
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
const FIELDS: [&str; 22] = [
    "protocol",
    "local_address",
    "interface",
    "peer_address",
    "peer_port",
    "used",
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
