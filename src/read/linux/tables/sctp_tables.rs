//! The tables of SCTP: asked for only where the kernel has such sockets, since the question alone could
//! load its modules.

use std::collections::BTreeSet;

use super::{Kernel, Method, Reader};
use crate::model::{Family, Protocol, State};
use crate::read::Visitor;
use crate::read::linux::dump::DumpError;
use crate::read::linux::errno::Errno;
use crate::read::linux::{proc_net, sctp};
use crate::read::raw::{Outcome, RawSocket, RawTable, Via};

/// The kernel's own socket in each network namespace, which is counted with the others
/// (`sctp_ctl_sock_init` in net/sctp/protocol.c).
const CONTROL: u64 = 1;

impl<K: Kernel> Reader<'_, K> {
    /// Reads both families, whatever is asked for: sockets are counted together.
    pub(super) fn read_sctp(&mut self, tables: &mut Vec<RawTable>) {
        let counted = self
            .protocols()
            .map(|text| proc_net::count_of(text, "SCTP").unwrap_or(0));
        let counted = counted.map(|count| count.saturating_sub(CONTROL));
        if counted == Some(0) {
            return self.keep(tables, None, Via::ProcNet, Outcome::Absent);
        }
        let first = tables.len();
        let seen = self.dump_sctp(tables).unwrap_or_else(|refusal| {
            tables.truncate(first);
            self.read_sctp_files(refusal, counted.is_some(), tables)
        });
        let is_whole =
            |table: &RawTable| matches!(table.outcome, Outcome::Read | Outcome::Fallback { .. });
        let fresh = &mut tables[first..];
        if let Some(counted) = counted
            && self.scope.states.contains(State::Bound)
            && fresh.iter().all(is_whole)
            && let Some(table) = fresh.first_mut()
        {
            let unseen = counted.saturating_sub(seen.len() as u64);
            table.unseen = u32::try_from(unseen).unwrap_or(u32::MAX);
        }
    }

    /// Reads by sock_diag; gives the inode numbers of what was shown.
    fn dump_sctp(&mut self, tables: &mut Vec<RawTable>) -> Result<BTreeSet<u64>, Errno> {
        let mut seen = BTreeSet::new();
        for family in [Family::Ipv4, Family::Ipv6] {
            let outcome = match self.dump_counting(family, &mut seen) {
                Ok(()) => Outcome::Read,
                Err(DumpError::Refused(errno)) => return Err(errno),
                Err(error) => Outcome::Partial {
                    why: error.to_string(),
                },
            };
            self.keep(tables, Some(family), Via::SockDiag, outcome);
        }
        Ok(seen)
    }

    fn dump_counting(&mut self, family: Family, seen: &mut BTreeSet<u64>) -> Result<(), DumpError> {
        let mut counting = Counting {
            visitor: &mut *self.visitor,
            fresh: Vec::new(),
        };
        let result = Self::dump_to(
            &mut self.link,
            self.scope,
            &mut self.buffer,
            &mut self.sequence,
            (Protocol::Sctp, Some(family)),
            &mut counting,
        );
        seen.extend(counting.fresh.into_iter().filter(|inode| *inode != 0));
        result
    }

    /// Reads what `/proc/net/sctp` shows; gives the inode numbers of it.
    fn read_sctp_files(
        &mut self,
        refusal: Errno,
        is_counted: bool,
        tables: &mut Vec<RawTable>,
    ) -> BTreeSet<u64> {
        let why = format!("sock_diag: {refusal}");
        let unknown = |why| Outcome::Unknown { why };
        if self.method == Method::SockDiag {
            self.keep(tables, None, Via::SockDiag, unknown(why));
            return BTreeSet::new();
        }
        self.visitor.forget();
        let mut files = ["eps", "assocs"].map(|file| {
            let path = format!("/proc/net/sctp/{file}");
            self.kernel.read_file(&path).map_err(|error| (path, error))
        });
        let [endpoints, associations] = &mut files;
        let (endpoints, associations) = match (endpoints, associations) {
            (Ok(endpoints), Ok(associations)) => (endpoints, associations),
            // Nothing counts sockets, and nothing shows any.
            (Err((_, error)), _)
                if !is_counted
                    && self.method != Method::ProcNet
                    && refusal == Errno::NOENT
                    && error.kind() == std::io::ErrorKind::NotFound =>
            {
                self.keep(tables, None, Via::ProcNet, Outcome::Absent);
                return BTreeSet::new();
            }
            (Err((path, error)), _) | (_, Err((path, error))) => {
                let why = format!("{why}; {path}: {error}");
                self.keep(tables, None, Via::ProcNet, unknown(why));
                return BTreeSet::new();
            }
        };
        let is_table = sctp::is_table(endpoints) && sctp::is_table(associations);
        let (listeners, skipped) = sctp::decode_eps(endpoints);
        let (connections, skipped_too) = sctp::decode_assocs(associations);
        let outcome = match (skipped + skipped_too, self.method) {
            _ if !is_table => unknown(format!("{why}; the files in /proc/net/sctp are no tables")),
            (0, Method::ProcNet) => Outcome::Read,
            (0, _) => Outcome::Fallback { why },
            (skipped, _) => Outcome::Partial {
                why: format!("{skipped} lines in /proc/net/sctp are unreadable"),
            },
        };
        let mut seen = BTreeSet::new();
        for socket in listeners.into_iter().chain(connections) {
            seen.extend(socket.inode.filter(|inode| *inode != 0));
            self.visitor.see(socket);
        }
        self.keep(tables, None, Via::ProcNet, outcome);
        seen
    }

    fn keep(
        &mut self,
        tables: &mut Vec<RawTable>,
        family: Option<Family>,
        via: Via,
        outcome: Outcome,
    ) {
        self.visitor.keep();
        tables.push(RawTable {
            protocol: Protocol::Sctp,
            family,
            via,
            outcome,
            unseen: 0,
            sockets: Vec::new(),
        });
    }
}

/// Notes the inode numbers of what passes to another visitor.
struct Counting<'a> {
    visitor: &'a mut dyn Visitor,
    fresh: Vec<u64>,
}

impl Visitor for Counting<'_> {
    fn see(&mut self, socket: RawSocket) {
        self.fresh.extend(socket.inode);
        self.visitor.see(socket);
    }

    fn forget(&mut self) {
        self.fresh.clear();
        self.visitor.forget();
    }

    fn keep(&mut self) {
        self.visitor.keep();
    }
}
