//! What Linux adds to the libraries: nothing. It has a reader of its own, and this one to compare with.

use sysinfo::Uid;

use crate::model::{Depth, Limits, Protocol};
use crate::read::raw::{Blind, Outcome, RawProcess};

pub const BY_DESCRIPTOR: bool = false;

pub fn outcome() -> Outcome {
    Outcome::Read
}

pub fn sight() -> (bool, Vec<Blind>) {
    (false, vec![Blind::Unsaid])
}

pub fn limits() -> Limits {
    Limits::default()
}

pub use crate::read::machine::interfaces;

pub fn excluded(_: Protocol) -> Option<Vec<(u16, u16)>> {
    Some(Vec::new())
}

pub fn complete(_: &mut [(RawProcess, Option<Uid>)], _: Depth) {}
