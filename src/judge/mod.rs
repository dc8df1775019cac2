//! Verdicts over what was read: can a port be bound, is it held as expected, what will bite? Pure.

mod bind;
mod check;
mod claim;
mod conflicts;
mod expect;
mod free;
mod map;
#[cfg(test)]
mod tests;

pub use bind::{Bar, bar};
pub use check::{Bound, Check, Decided, Evidence, Met, Reason, Ruling, Verdict, Warning};
pub use claim::{Claim, Options, claims};
pub use conflicts::{Finding, FindingCode, Severity, conflicts};
pub use expect::Expected;
pub use free::{Candidates, consecutive};
pub use map::{Link, Map, Peer, Service, is_talk, map};
