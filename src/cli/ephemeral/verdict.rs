//! What is said on standard error of budgets: which have reached a part, and why not all can be told.

use super::super::failure::quote;
use crate::judge::Usage;
use crate::model::Protocol;
use crate::render::budget_in_words;

/// Budgets that a line names.
const MOST_NAMED: usize = 5;

/// Which budgets have reached a part.
pub fn reached(usage: &Usage, part: f64) -> String {
    if !usage.without_ports().is_empty() {
        return "no port of the range is left, whoever the peer is".into();
    }
    let all = usage.budgets.iter();
    let all = all.filter(|budget| budget.share().is_some_and(|share| share >= part));
    let all: Vec<String> = all.map(budget_in_words).collect();
    let mut named = all.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>();
    // Those that are not shown may have reached it too, unless one that is has not.
    let is_all = all.len() < usage.budgets.len() || usage.total == usage.budgets.len();
    match (all.len().saturating_sub(MOST_NAMED), is_all) {
        (0, true) => {}
        (more, true) => named.push(format!("and {more} more")),
        (_, false) => named.push("and others".into()),
    }
    named.join(", ")
}

/// Why not all can be told, and what would help.
pub fn doubt(usage: &Usage) -> Option<&'static str> {
    if usage.pool.range().is_none() {
        Some("the system does not tell its range of ports")
    } else if !usage.snapshot.unreadable.is_empty() {
        Some("a table could not be read")
    } else if usage.in_doubt {
        Some("owners of some sockets are hidden, and may be those that are asked for")
    } else {
        None
    }
}

/// That nothing matches, and what is free.
pub fn nothing(selectors: &[String], usage: &Usage) -> String {
    let matching: Vec<String> = selectors.iter().map(|text| quote(text)).collect();
    let matching = match matching.as_slice() {
        [] => String::new(),
        all => format!(" that matches {}", all.join(" ")),
    };
    let free = match usage.pool.capacity(Protocol::Tcp) {
        Some(0) => ": no port is left, whoever the peer is".into(),
        Some(free) => format!(": at most {free} ports are free"),
        None => String::new(),
    };
    format!("no outgoing connection{matching}{free}")
}
