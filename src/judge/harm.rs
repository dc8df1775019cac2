//! What the end of a holder would end that is no server's port: the session of whoever asks, a client
//! with a connection of its own, the ssh session behind a remote forward. Pure.

use super::supervision::{Case, named};
use crate::model::{Forward, Forwarder, Process};

/// Why a holder should not be ended without a thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm<'a> {
    /// portwho runs below it.
    OwnParent(&'a Process),
    /// It has the port for a connection, and no listener on it: a client, mostly.
    Connection(&'a Process),
    /// It is an ssh session, which forwards the port to its client.
    Session(&'a Forward),
}

impl Harm<'_> {
    /// Whether no command is given that would end it.
    pub fn forbids(self) -> bool {
        !matches!(self, Harm::Session(_))
    }

    /// What would end that nobody asked to end.
    pub fn sentence(self) -> String {
        match self {
            Harm::OwnParent(process) => format!(
                "portwho runs below {}: your own session would end with it",
                named(process)
            ),
            Harm::Connection(process) => format!(
                "the port belongs to a connection of {}, which has no listener on it: it is released \
                 when the connection is closed",
                named(process)
            ),
            Harm::Session(forward) => format!(
                "{} has forwarded the port here (ssh -R), and its session would end",
                forward.to.in_sentence()
            ),
        }
    }
}

/// The gravest that is known.
pub fn harm<'a>(case: &Case<'a>) -> Option<Harm<'a>> {
    let main = case.main?;
    let others = case.others.iter().map(|one| &**one);
    let mut holders = std::iter::once(main).chain(others);
    if let Some(parent) = holders.find(|one| case.own.contains(&one.key.pid)) {
        return Some(Harm::OwnParent(parent));
    }
    if case.is_connection {
        return Some(Harm::Connection(main));
    }
    let forward = case.row.role.as_deref()?.forwards_to.as_ref()?;
    (forward.by == Forwarder::Sshd).then_some(Harm::Session(forward))
}
