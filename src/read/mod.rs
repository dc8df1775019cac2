//! Stage 1: asks the system. Takes a scope, gives raw tables, holders and process facts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{
    Account, ContainerId, Depth, Destinations, Handles, Limits, Machine, Network, NetworkDepth,
    ProcessKey, Protocol, Scope,
};

pub mod allowance;
pub mod bounded;
pub mod capture;
pub mod encoding;
pub mod linux;
pub mod machine;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
mod portable;
pub mod project;
pub mod raw;
pub mod regular;
pub mod runtime;
mod unsupported;
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
mod users;
pub mod windows;

use machine::Zone;
use raw::{
    LeftOut, RawContainer, RawForwards, RawHolders, RawProcess, RawSocket, RawSocketUnit,
    RawSockets,
};

/// Where answers come from: a kernel, a library, a recording.
///
/// The calls are made in this order, each only when its answer is needed.
pub trait Source {
    /// The clock of the machine, and its name and system where they are asked for.
    fn machine(&mut self, with_names: bool) -> Machine;

    /// The machine's time zone.
    fn zone(&mut self) -> Zone;

    /// The sockets of the scope, or more. What could not be read is said in the tables' outcomes.
    fn sockets(&mut self, scope: &Scope) -> RawSockets;

    /// Shows the sockets of the scope, or more, to a visitor; the tables that are given hold none.
    fn visit(&mut self, scope: &Scope, visitor: &mut dyn Visitor) -> RawSockets {
        let mut raw = self.sockets(scope);
        for table in &mut raw.tables {
            for socket in std::mem::take(&mut table.sockets) {
                visitor.see(socket);
            }
            visitor.keep();
        }
        raw
    }

    /// Everybody who holds one of these sockets.
    fn holders(&mut self, handles: &Handles) -> RawHolders;

    /// Facts of these processes. One that is gone, or whose pid is another's now, is left out.
    fn processes(&mut self, keys: &[ProcessKey], depth: Depth) -> Vec<RawProcess>;

    /// What was left out of the processes that have been read so far.
    fn left_out(&mut self) -> LeftOut {
        LeftOut::default()
    }

    /// The parents of a process, the nearest first; `None` where the system does not tell.
    fn ancestors(&mut self, _: ProcessKey) -> Option<Vec<RawProcess>> {
        None
    }

    /// The pids of this very process and of its parents, the nearest first; none where the source is
    /// not the machine that this process runs on.
    fn own_line(&mut self) -> Vec<u32> {
        Vec::new()
    }

    /// Rules of the system about ports; the machine's addresses only where they are asked for.
    fn limits(&mut self, with_addresses: bool) -> Limits;

    /// The network that this process lives in, so much of it or more; `None` where it cannot be told.
    fn network(&mut self, _: NetworkDepth) -> Option<Network> {
        None
    }

    /// First and last of the ports that the system lets nobody bind, of this protocol; `None` where that
    /// could not be read.
    fn excluded(&mut self, _: Protocol) -> Option<Vec<(u16, u16)>> {
        Some(Vec::new())
    }

    /// The names of these users, as far as they have any.
    fn users(&mut self, uids: &BTreeSet<u32>) -> BTreeMap<u32, String>;

    /// The user with this name.
    fn account(&mut self, name: &str) -> Account;

    /// What their runtimes tell of these containers, and of all that run where they answer. None where
    /// they cannot be asked, or do not answer in [`RUNTIME_LIMIT`]. `others` is for containers that are
    /// known by an address or a published port alone.
    fn containers(&mut self, _: &[ContainerId], _others: bool) -> Vec<RawContainer> {
        Vec::new()
    }

    /// Where the kernel sends what goes to these destinations, past the sockets that have their ports; more
    /// may be given.
    fn forwards(&mut self, _: &Destinations) -> RawForwards {
        RawForwards::default()
    }

    /// The same in those of these other network namespaces, by inode number, that are still there; `None`
    /// for one that could not be entered.
    fn forwards_elsewhere(
        &mut self,
        _: &Destinations,
        wanted: &[u64],
    ) -> BTreeMap<u64, Option<RawForwards>> {
        wanted.iter().map(|netns| (*netns, None)).collect()
    }

    /// The socket units of those of the processes that are a systemd, by the units' files.
    fn socket_units(&mut self, _: &[RawProcess]) -> Vec<RawSocketUnit> {
        Vec::new()
    }
}

/// How long the runtimes of containers have for their answers, all of them together.
pub const RUNTIME_LIMIT: Duration = Duration::from_millis(200);

/// Takes sockets as they come from the system, so that nobody needs to hold them all.
pub trait Visitor {
    fn see(&mut self, socket: RawSocket);

    /// What was seen since the last `keep` is void: the system broke off, and tells it again.
    fn forget(&mut self);

    /// What was seen stands: a table has been read.
    fn keep(&mut self);
}

/// Which source to take (`--source`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The best that this system has.
    #[default]
    Auto,
    /// The system's own interface, without a second-best way.
    Native,
    /// `/proc/net` (Linux).
    Proc,
    /// The netstat2 and sysinfo libraries.
    Portable,
}

/// How to find owners (`--owners`), where a system has more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owners {
    /// The one that costs less.
    #[default]
    Auto,
    /// A BPF iterator (Linux).
    Bpf,
    /// A walk of `/proc` (Linux).
    Proc,
}

/// The live source of this system; `None` when it has none of that kind.
#[cfg(target_os = "linux")]
pub fn live(choice: Choice, owners: Owners) -> Option<Box<dyn Source>> {
    Some(match choice {
        Choice::Auto => Box::new(linux::Linux::new(linux::tables::Method::Auto, owners)),
        Choice::Native => Box::new(linux::Linux::new(linux::tables::Method::SockDiag, owners)),
        Choice::Proc => Box::new(linux::Linux::new(linux::tables::Method::ProcNet, owners)),
        Choice::Portable => Box::new(portable::Portable::default()),
    })
}

/// The live source of this system; `None` when it has none of that kind.
#[cfg(any(target_os = "macos", target_os = "windows"))]
pub fn live(choice: Choice, _: Owners) -> Option<Box<dyn Source>> {
    match choice {
        Choice::Auto | Choice::Portable => Some(Box::new(portable::Portable::default())),
        Choice::Native | Choice::Proc => None,
    }
}

/// The live source of this system: one that says that there is none.
#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
pub fn live(choice: Choice, _: Owners) -> Option<Box<dyn Source>> {
    (choice == Choice::Auto).then(|| Box::new(unsupported::Unsupported) as Box<dyn Source>)
}
