//! The state of the machine at one moment, as far as it was asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Dnat, Foreign, Forward, InterfaceAddress, Namespaces, Note, NoteCode, OwnerStatus, Owners,
    ProtocolSet, Socket,
};

/// Where and when a snapshot was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Empty where nobody asked for it.
    pub host: String,
    /// Empty where nobody asked for it.
    pub os: String,
    /// Seconds since the Unix epoch.
    pub taken_at: i64,
}

/// A socket with its owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub socket: Socket,
    pub owner_status: OwnerStatus,
    pub owners: Owners,
    /// Boxed, because few rows have one and listings have many rows.
    pub role: Option<Box<Role>>,
}

/// What a listener is there for, beside its owners.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// The socket unit by which systemd opened it, systemd.socket(5).
    pub socket_unit: Option<Foreign>,
    pub forwards_to: Option<Forward>,
}

/// Rows in the order in which they are shown, and what must be said about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub machine: Machine,
    /// How the sockets were read, in words (`sock_diag`, `/proc/net`, `netstat2`).
    pub read_by: String,
    /// Inode number of the network namespace that the reader lives in.
    pub netns: Option<u64>,
    pub rows: Vec<Row>,
    /// Sockets at the other ends of the rows' connections, as far as they are on this machine, were
    /// asked for and are no rows themselves.
    pub other_ends: Vec<Row>,
    /// Ports asked for that the kernel sends elsewhere, as far as that was looked for.
    pub forwards: Vec<Dnat>,
    /// Rules that may send such ports elsewhere, but are not understood.
    pub doubts: Vec<Dnat>,
    /// Why rules could not be read that are likely to send such a port elsewhere.
    pub may_be_sent_on: Option<String>,
    /// Whether a port that no socket listens on may go elsewhere, by what is not understood or was not read.
    pub may_be_diverted: bool,
    /// Which network namespaces were looked into.
    pub namespaces: Namespaces,
    /// Addresses of the interfaces of other network namespaces, by the namespace's inode number, where
    /// they were asked for and could be read.
    pub elsewhere: BTreeMap<u64, Vec<InterfaceAddress>>,
    pub notes: Vec<Note>,
    /// Protocols of whose sockets some may be missing.
    pub unreadable: ProtocolSet,
    /// Whether TCP sockets that are bound without listening would be among the rows.
    pub sees_bound: bool,
}

impl Snapshot {
    /// Whether every table that was asked for and every owner of every row could be read.
    pub fn is_complete(&self) -> bool {
        self.is_complete_of(&self.rows)
    }

    /// Whether a program, or a service of the load balancer for marked packets, may take what comes to any
    /// port.
    pub fn is_steered(&self) -> bool {
        let mut notes = self.notes.iter();
        notes.any(|note| note.code == NoteCode::PortsSteered)
    }

    /// The same of some of the rows.
    pub fn is_complete_of<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> bool {
        let mut rows = rows.into_iter();
        !self.may_be_diverted
            && !self.notes.iter().any(|note| note.code.is_loss())
            && !rows.any(|row| row.owner_status.may_hide_owners())
    }

    /// Whether sockets that were asked for may be missing.
    pub fn may_lack_sockets(&self) -> bool {
        let is_unseen = |note: &Note| {
            matches!(
                note.code,
                NoteCode::BoundUnseen | NoteCode::NamespacesRefused | NoteCode::ProtocolsUnread
            )
        };
        !self.unreadable.is_empty() || self.notes.iter().any(is_unseen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long list is mostly rows: each byte here is one for each of perhaps a million sockets. What
    /// few rows have is boxed, what many share is pointed to, and what one value of a type never is
    /// stands for `None`.
    #[test]
    fn a_row_stays_small() {
        assert!(size_of::<Socket>() <= 96, "{}", size_of::<Socket>());
        assert!(size_of::<Owners>() <= 24, "{}", size_of::<Owners>());
        assert!(size_of::<Row>() <= 136, "{}", size_of::<Row>());
    }
}
