//! How full the ports for outgoing connections are: the range, a line for each budget, what is taken
//! for every peer, advice.

mod formats;

use std::io::{self, Write};

pub use formats::{
    write_ephemeral_csv, write_ephemeral_json, write_ephemeral_ndjson, write_ephemeral_plain,
};

use super::cell::{Cell, Tone};
use super::paint::paint;
use super::sheet::{self, Head, Look, Shrink};
use super::{Clean, words};
use crate::judge::{Advice, Budget, Usage};
use crate::model::State;

/// Part of a budget from which its line is to be looked at twice.
const FULL: f64 = 0.8;
/// Columns of a terminal from which owners are told in words.
const NARROW: u16 = 110;
/// Columns of a bar.
const BAR: usize = 8;
/// Budgets that are shown in however few lines.
const FEWEST: usize = 3;
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
    /// On a terminal that is narrow, and wherever else.
    Narrow,
    Wide,
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

/// Order in which columns are left out where the terminal is too narrow: what is nothing in each line,
/// what others tell too, and never how much is free and in which states the rest is.
const NOTHING: u8 = 9;
const BAR_GOES: u8 = 8;
const RATE: u8 = 7;
const SHARE: u8 = 6;

const fn expendable(order: u8, column: Column) -> Column {
    let head = Head {
        expendable: order,
        ..column.head
    };
    Column { head, ..column }
}

static COLUMNS: [Column; 15] = [
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
    number("USED", 0, |budget| {
        Cell::new(budget.used.to_string()).tone(tone(budget))
    }),
    number("FREE", 0, |budget| {
        Cell::of(budget.free().map(|free| free.to_string()))
    }),
    number("SHARE", SHARE, |budget| {
        Cell::of(budget.share().map(words::share)).tone(tone(budget))
    }),
    only(Shown::OnTerminal, expendable(BAR_GOES, column("", bar))),
    only(
        Shown::Compared,
        number("RATE", RATE, |budget| Cell::of(words::rate(budget))),
    ),
    only(
        Shown::Compared,
        number("FULL IN", 0, |budget| Cell::of(words::outlook(budget))),
    ),
    number("ESTAB", 0, |budget| count(budget, State::Established)),
    number("TIME-WAIT", 0, |budget| count(budget, State::TimeWait)),
    number("CLOSE-WAIT", 0, |budget| count(budget, State::CloseWait)),
    number("SYN-SENT", 0, |budget| count(budget, State::SynSent)),
    number("OTHER", 0, |budget| {
        Cell::new(budget.count_other(&words::TOLD_STATES).to_string())
    }),
    only(
        Shown::Wide,
        shrinking(column("OWNERS", owners), Shrink::End(12)),
    ),
    only(
        Shown::Narrow,
        shrinking(column("OWNERS", pids), Shrink::End(12)),
    ),
];

fn owners(budget: &Budget) -> Cell {
    said(words::budget_owners(budget))
}

fn pids(budget: &Budget) -> Cell {
    said(words::budget_pids(budget))
}

fn said(words: String) -> Cell {
    Cell::of(Some(words).filter(|words| !words.is_empty()))
}

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
fn columns(usage: &Usage, width: Option<u16>) -> Vec<&'static Column> {
    let is_narrow = width.is_some_and(|width| width < NARROW);
    let is_shown = |column: &&Column| match column.shown {
        Shown::Always => true,
        Shown::OnTerminal => width.is_some(),
        Shown::Compared => usage.seconds.is_some(),
        Shown::Narrow => is_narrow,
        Shown::Wide => !is_narrow,
    };
    COLUMNS.iter().filter(is_shown).collect()
}

/// The heads of these columns: one without anything but 0 goes first.
fn heads<'a>(columns: &[&Column], budgets: impl Iterator<Item = &'a Budget> + Clone) -> Vec<Head> {
    let head = |column: &&Column| {
        let says_nothing = |budget: &Budget| (column.cell)(budget).text.as_str() == "0";
        let mut head = column.head;
        if head.right && head.title != "FREE" && budgets.clone().all(says_nothing) {
            head.expendable = NOTHING;
        }
        head
    };
    columns.iter().map(head).collect()
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
    write_budgets(usage, usize::MAX, look, out)?;
    write_taken(usage, look, out)?;
    write_advice(usage, advice, look, out)
}

/// Writes what so many lines have room for: of the range one, as many budgets as leave room for the
/// advice, and then the rest.
///
/// # Errors
/// What the writer says.
pub fn write_ephemeral_in(
    room: usize,
    usage: &Usage,
    advice: &[Advice],
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let range = words::range(usage);
    let (first, settings) = range.split_at(range.len().min(1));
    for line in first {
        writeln!(out, "{}", cut(line, look))?;
    }
    let mut advised = Vec::new();
    write_advice(usage, advice, look, &mut advised)?;
    let lines = advised.iter().filter(|byte| **byte == b'\n').count();
    // The range, a blank, the titles, and how many more there are.
    let most = room.saturating_sub(4 + lines).max(FEWEST);
    write_budgets(usage, most, look, out)?;
    out.write_all(&advised)?;
    write_taken(usage, look, out)?;
    if !settings.is_empty() {
        writeln!(out)?;
    }
    for line in settings {
        writeln!(out, "{}", cut(line, look))?;
    }
    Ok(())
}

fn write_budgets(usage: &Usage, most: usize, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let most = most.min(usage.budgets.len());
    if !usage.budgets.is_empty() {
        writeln!(out)?;
        let columns = columns(usage, look.width);
        let rows = usage.budgets.iter().take(most);
        let heads = heads(&columns, rows.clone());
        let rows = rows.map(|budget| columns.iter().map(move |one| (one.cell)(budget)));
        sheet::write(&heads, rows, look, out)?;
    }
    let more = usage.total.saturating_sub(most);
    if more > 0 {
        writeln!(out, "and {more} less full ones (--top shows more)")?;
    }
    Ok(())
}

fn write_advice(
    usage: &Usage,
    advice: &[Advice],
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
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
