//! Is the port held by whom it should be?

use std::collections::BTreeSet;

use super::check::{Met, Reason, Ruling, Verdict};
use crate::model::{AskedUser, Foreign, Process, Row, Socket};

/// Who should own a port. Unlike the selectors of a listing, a name must be equal, not part of
/// another: `postgres_exporter` is not `postgres`. It may be the process's name, the kernel's, or the
/// base name of its executable or of its first argument.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    pub names: BTreeSet<String>,
    pub users: BTreeSet<AskedUser>,
    pub pids: BTreeSet<u32>,
}

impl Expected {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.users.is_empty() && self.pids.is_empty()
    }

    /// Whether the process is one that should own it: one of each kind that was given. `None` where too
    /// little is known of its user.
    pub fn is(&self, process: &Process) -> Option<bool> {
        let names = [
            Some(process.name.unclean()),
            process.comm.as_ref().map(Foreign::unclean),
            process.executable.as_ref().map(Foreign::base_name),
            process
                .command
                .as_deref()
                .and_then(|words| Some(words.first()?.base_name())),
        ];
        let is_named = self.names.is_empty()
            || names
                .iter()
                .flatten()
                .any(|name| self.names.contains(*name));
        let has_pid = self.pids.is_empty() || self.pids.contains(&process.key.pid);
        if !(is_named && has_pid) {
            return Some(false);
        }
        let is_of = |user: &AskedUser| user.is(process.uid, process.user.as_deref());
        let users = || self.users.iter().map(is_of);
        if self.users.is_empty() || users().any(|is| is == Some(true)) {
            Some(true)
        } else {
            users().all(|is| is.is_some()).then_some(false)
        }
    }

    /// Judges the listeners among the holders of a claim: each must have an owner who should be there.
    pub fn judge(&self, verdict: &Verdict, rows: &[Row]) -> Met {
        let listeners: Vec<&Row> = verdict
            .holders
            .iter()
            .filter_map(|at| rows.get(*at))
            .filter(|row| row.socket.state.is_listening())
            .collect();
        if listeners.is_empty() {
            // What only a bind would tell is no listener: those stand in the tables.
            let may_be_there =
                verdict.ruling == Ruling::Unknown && verdict.reason != Some(Reason::NotTried);
            return if may_be_there {
                Met::Unknown
            } else {
                Met::Nobody
            };
        }
        listeners
            .iter()
            .map(|row| self.judge_row(row))
            .max_by_key(gravity)
            .unwrap_or(Met::Nobody)
    }

    /// Whether the socket's user, who opened it, is one that should own it. A program may run as its
    /// file's owner whoever starts it (set-user-id), with a socket that another user opened: the user of
    /// the process alone is no proof.
    fn is_opened_by(&self, socket: &Socket) -> Option<bool> {
        if self.users.is_empty() || (socket.uid().is_none() && !socket.has_unknown_user()) {
            // Some systems name no user of a socket.
            return Some(true);
        }
        let is_of = |user: &AskedUser| user.is(socket.uid(), socket.user_name());
        let users = || self.users.iter().map(is_of);
        match users().find(|is| *is == Some(true)) {
            Some(is) => is,
            None => users().all(|is| is.is_some()).then_some(false),
        }
    }

    /// Judges one listener.
    pub fn judge_row(&self, row: &Row) -> Met {
        let opened = self.is_opened_by(&row.socket);
        let owners = row
            .owners
            .iter()
            .map(|owner| match (opened, self.is(&owner.process)) {
                (Some(false), _) => Some(false),
                (None, Some(true)) => None,
                (_, is) => is,
            });
        let best = owners.max_by_key(|is| match is {
            Some(true) => 2,
            None => 1,
            Some(false) => 0,
        });
        if best == Some(Some(true)) {
            Met::Yes
        } else if best == Some(None) || (row.owners.is_empty() && !row.owner_status.is_none()) {
            Met::Unknown
        } else {
            // Others may share the socket unseen; who is seen is a stranger all the same.
            Met::Stranger
        }
    }
}

/// A stranger outweighs what cannot be seen.
fn gravity(met: &Met) -> u8 {
    match met {
        Met::Yes => 0,
        Met::Nobody => 1,
        Met::Unknown => 2,
        Met::Stranger => 3,
    }
}
