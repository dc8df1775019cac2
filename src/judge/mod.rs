//! Verdicts over what was read: can a port be bound, is it held as expected, what will bite? Pure.

mod accepted;
mod advice;
mod bind;
mod budget;
mod check;
mod claim;
mod commands;
mod conflicts;
mod diverted;
mod expect;
mod forecast;
mod free;
mod harm;
mod kin;
mod launcher;
mod leak;
mod map;
mod overlap;
mod pool;
mod port_bits;
mod prompt;
mod starter;
mod supervision;
#[cfg(test)]
mod tests;
mod together;
mod usage;
mod why;

pub use accepted::{Taken, taken};
pub use advice::{Advice, Growth, Peers, advise, wants_more_ports, wider};
pub use bind::{Bar, bar};
pub use budget::{Budget, BudgetKey, Seen, Tally, infer_owners};
pub use check::{Bound, Check, Decided, Evidence, Met, Reason, Ruling, Verdict, Warning};
pub use claim::{Claim, Options, claims};
pub use commands::stop_container;
pub use conflicts::{Finding, FindingCode, Severity, Sharing, conflicts};
pub use diverted::{Course, Diversion, Forwarded, diversion, forwarded, listener_behind};
pub use expect::Expected;
pub use forecast::{Level, Outlook, Trend, Wait, Waiting};
pub use free::{Candidates, consecutive};
pub use map::{Link, Map, Peer, Service, is_talk, map};
pub use pool::{DYNAMIC, PORT_CLASSES, Pool};
pub use supervision::Consequence;
pub use together::main_processes;
pub use usage::{Address, Usage};
pub use why::{Background, Connected, Holders, Listen, Queue, groups_of_holders};
