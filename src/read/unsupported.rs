//! A source for systems without a reader: every table is unknown, nothing is claimed to be absent.
#![cfg_attr(
    any(target_os = "linux", target_os = "macos", target_os = "windows"),
    allow(dead_code, reason = "built everywhere so that it stays true")
)]

use std::collections::{BTreeMap, BTreeSet};

use super::Source;
use super::machine::{self, Zone};
use super::raw::{Outcome, RawHolders, RawProcess, RawSockets, RawTable, Via};
use crate::model::{Account, Depth, Handles, Limits, Machine, ProcessKey, Scope};

pub struct Unsupported;

impl Source for Unsupported {
    fn machine(&mut self, with_names: bool) -> Machine {
        machine::machine(with_names)
    }

    fn zone(&mut self) -> Zone {
        machine::zone()
    }

    fn sockets(&mut self, scope: &Scope) -> RawSockets {
        let why = format!("{} is not supported yet", std::env::consts::OS);
        let table = |protocol| RawTable {
            protocol,
            family: None,
            via: Via::Netstat2,
            outcome: Outcome::Unknown { why: why.clone() },
            unseen: 0,
            sockets: Vec::new(),
        };
        RawSockets {
            tables: scope.protocols.iter().map(table).collect(),
            ..RawSockets::default()
        }
    }

    fn holders(&mut self, _: &Handles) -> RawHolders {
        RawHolders::default()
    }

    fn processes(&mut self, _: &[ProcessKey], _: Depth) -> Vec<RawProcess> {
        Vec::new()
    }

    fn limits(&mut self, _: bool) -> Limits {
        Limits::default()
    }

    fn users(&mut self, _: &BTreeSet<u32>) -> BTreeMap<u32, String> {
        BTreeMap::new()
    }

    fn account(&mut self, _: &str) -> Account {
        Account::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NoteCode;
    use crate::{Survey, survey};

    #[test]
    fn nothing_is_known_and_that_is_said() {
        let (snapshot, undecided) = survey(&mut Unsupported, &Survey::default());
        assert!(undecided, "exit 3: {snapshot:?}");
        assert!(!snapshot.is_complete());
        let told = |code: NoteCode, words: &str| {
            let mut notes = snapshot.notes.iter();
            notes.any(|note| note.code == code && note.message.contains(words))
        };
        assert!(told(NoteCode::TableUnknown, "is not supported yet"));
    }
}
