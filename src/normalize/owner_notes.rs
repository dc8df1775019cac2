//! What must be said of owners that could not be seen or found, and what would help.

use std::borrow::Cow;

use crate::model::{Note, NoteCode, OwnerStatus, Row};
use crate::read::raw::{Blind, RawHolders, RawSuspect};

/// Notes on the owners of the rows.
pub fn owner_notes<'a>(rows: impl IntoIterator<Item = &'a Row>, raw: &RawHolders) -> Vec<Note> {
    let mut unseen = Unseen::default();
    for row in rows {
        unseen.count(row.owner_status);
    }
    counted_owner_notes(unseen, raw)
}

/// How many sockets have owners that could not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unseen {
    pub hidden: usize,
    /// Those that have owners, and may have more.
    pub partial: usize,
    /// Those of which no process has a descriptor.
    pub unfound: usize,
}

impl Unseen {
    /// Counts a socket with this status.
    pub fn count(&mut self, status: OwnerStatus) {
        match status {
            OwnerStatus::Hidden => self.hidden += 1,
            OwnerStatus::Partial => self.partial += 1,
            OwnerStatus::Unfound => self.unfound += 1,
            _ => {}
        }
    }
}

/// Notes on the owners of so many sockets.
pub fn counted_owner_notes(unseen: Unseen, raw: &RawHolders) -> Vec<Note> {
    let Unseen {
        hidden,
        partial,
        unfound,
    } = unseen;
    let mut notes = Vec::new();
    if let Some(way) = &raw.found_by {
        notes.push(Note {
            code: NoteCode::OwnersFoundBy,
            message: format!("owners were found by {way}"),
            count: None,
        });
    }
    if hidden > 0 {
        let whose = if hidden == 1 {
            "the owner of 1 socket"
        } else {
            &format!("the owners of {hidden} sockets")
        };
        notes.push(Note {
            code: NoteCode::OwnersHidden,
            message: format!("{whose} cannot be seen: {}", cause(raw)),
            count: Some(hidden as u64),
        });
    }
    if unfound > 0 {
        notes.push(not_found(unfound, &raw.suspects));
    }
    if raw.refused > 0 && hidden + partial > 0 {
        let processes = if raw.refused == 1 {
            "process"
        } else {
            "processes"
        };
        notes.push(Note {
            code: NoteCode::ProcessesRefused,
            message: format!(
                "{} {processes} could not be looked into: sockets may have more owners",
                raw.refused
            ),
            count: Some(u64::from(raw.refused)),
        });
    }
    notes
}

/// At most so many processes are named in a note.
const MOST_NAMED: usize = 3;

/// What must be said of sockets of which no process has a descriptor, though all could be read.
fn not_found(sockets: usize, suspects: &[RawSuspect]) -> Note {
    let whose = if sockets == 1 {
        "1 socket has"
    } else {
        &format!("{sockets} sockets have")
    };
    let may_be = match suspects {
        [] => "a thread may wait in accept() or recv() on a descriptor that is closed, the descriptor may \
               be in a message that is not received yet, or the kernel itself serves the port"
            .to_owned(),
        some => {
            let named = some.iter().take(MOST_NAMED).map(|one| {
                let RawSuspect {
                    process,
                    comm,
                    call,
                } = one;
                let name = comm.in_text();
                format!("{name} (pid {}) in {call}()", process.pid)
            });
            let mut named: Vec<String> = named.collect();
            let more = some.len() - named.len();
            if more > 0 {
                named.push(format!("{more} more"));
            }
            format!(
                "it may be a process with a thread that waits on a closed descriptor: {}",
                named.join(", ")
            )
        }
    };
    Note {
        code: NoteCode::OwnersNotFound,
        message: format!("{whose} no owner that could be found: {may_be}"),
        count: Some(sockets as u64),
    }
}

/// Why owners are hidden, and what would show them.
fn cause(raw: &RawHolders) -> Cow<'static, str> {
    if let Some(why) = &raw.failure {
        return format!("processes could not be read: {why}").into();
    }
    Cow::Borrowed(if raw.blind.contains(&Blind::NoProc) {
        "/proc is not mounted"
    } else if raw.refused_outside > 0 && (raw.as_root || raw.refused_outside == raw.refused) {
        "they live outside this user namespace; run portwho outside it to see them"
    } else if raw.refused_outside > 0 {
        "run portwho with sudo, outside this user namespace, to see them"
    } else if !raw.as_root && (raw.refused > 0 || raw.blind.contains(&Blind::Hidepid)) {
        "run portwho with sudo to see them"
    } else if raw.refused > 0 || raw.blind.contains(&Blind::Hidepid) {
        "root lacks CAP_SYS_PTRACE, or a capability that their owners have"
    } else if raw.blind.contains(&Blind::PidNamespace) {
        "they live outside this container's pid namespace; run portwho on the host to see them"
    } else if raw.blind.contains(&Blind::ManyTables) {
        "threads have more descriptors of their own than portwho reads; '--owners bpf' may find them"
    } else if raw.blind.contains(&Blind::Threads) {
        "kcmp(2) is refused here, which tells the threads with descriptors of their own; run portwho on the \
         host to see them"
    } else if raw.blind.contains(&Blind::OneOwner) {
        "the process that opened it has ended, and the system names no other"
    } else {
        "the system does not tell why; root may see them"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_outside_of_the_user_namespace_are_hidden_because_of_it() {
        let cause = |as_root, refused, refused_outside| {
            let raw = RawHolders {
                as_root,
                refused,
                refused_outside,
                ..RawHolders::default()
            };
            super::cause(&raw)
        };
        assert!(cause(true, 3, 0).contains("CAP_SYS_PTRACE"));
        assert!(cause(false, 3, 0).contains("with sudo"));
        for (as_root, outside) in [(true, 3), (true, 1), (false, 3)] {
            let cause = cause(as_root, 3, outside);
            assert!(cause.contains("outside this user namespace"), "{cause}");
            assert!(!cause.contains("sudo"), "{cause}");
        }
        let some = cause(false, 3, 1);
        assert!(some.contains("sudo, outside this user"), "{some}");
    }
}
