//! Verdicts over what was read: can a port be bound, is it held as expected, what will bite? Pure.

mod bind;
mod check;
mod claim;
mod conflicts;
mod expect;
mod free;
mod map;
mod supervision;
#[cfg(test)]
mod tests;
mod why;

pub use bind::{Bar, bar};
pub use check::{Bound, Check, Decided, Evidence, Met, Reason, Ruling, Verdict, Warning};
pub use claim::{Claim, Options, claims};
pub use conflicts::{Finding, FindingCode, Severity, conflicts};
pub use expect::Expected;
pub use free::{Candidates, consecutive};
pub use map::{Link, Map, Peer, Service, is_talk, map};
pub use supervision::{Consequence, stop_container};
pub use why::{Background, Connected, Holding, Listen, Queue, holdings};
