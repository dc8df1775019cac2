//! What a reader reports, as reported. Captures are made of these.

mod holders;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::{
    ContainerId, Diverter, Endpoint, Family, Foreign, Halt, InterfaceAddress, Network, ProcessKey,
    Program, Project, Protocol, Provenance, Runtime, State, Unit,
};

pub use holders::{Blind, RawHolder, RawKernelPort, RawSuspect};

/// All tables that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawSockets {
    pub tables: Vec<RawTable>,
    /// Names of the interfaces whose index a socket carries.
    pub interfaces: BTreeMap<u32, String>,
    /// Inode number of the network namespace that was read.
    pub netns: Option<u64>,
    /// Whether TCP sockets that are bound without listening would be seen, had they been asked for.
    pub sees_bound: bool,
    /// Whether closed connections that still have their ports (TIME_WAIT) are kept from the reader.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub misses_time_wait: bool,
    /// Whether users outside of the reader's user namespace have no number there, user_namespaces(7).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lacks_users: bool,
    /// Sockets of DCCP, which are counted and not read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dccp_sockets: u32,
    /// Its devices and addresses, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Other network namespaces, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<RawNamespace>,
    /// Processes whose network namespace could not be told.
    #[serde(default)]
    pub namespaces_refused: u32,
    /// Whether other namespaces were asked for of a recording that has none.
    #[serde(skip)]
    pub lacks_namespaces: bool,
}

impl RawSockets {
    /// Leaves out sockets that have ended since, by their handles in ascending order.
    pub fn leave_out(&mut self, ended: &[u64]) {
        let elsewhere = self.elsewhere.iter_mut();
        let others = elsewhere.flat_map(|namespace| &mut namespace.sockets.tables);
        for table in self.tables.iter_mut().chain(others) {
            let is_there = |socket: &RawSocket| ended.binary_search(&socket.handle).is_err();
            table.sockets.retain(is_there);
        }
    }

    /// The tables of this namespace and of the others.
    pub fn all_tables(&self) -> impl Iterator<Item = &RawTable> {
        let elsewhere = self.elsewhere.iter();
        self.tables
            .iter()
            .chain(elsewhere.flat_map(|namespace| &namespace.sockets.tables))
    }
}

/// A network namespace that the reader does not live in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawNamespace {
    /// Under `/run/netns`, ip-netns(8).
    pub name: Option<Foreign>,
    /// Of a process that lives in it.
    pub container: Option<ContainerId>,
    /// Of its interfaces; `None` where they were not asked for or could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<InterfaceAddress>>,
    pub sockets: RawSockets,
}

/// One table of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawTable {
    pub protocol: Protocol,
    /// `None` when one table holds both families.
    pub family: Option<Family>,
    pub via: Via,
    pub outcome: Outcome,
    /// Sockets that the system counts and does not show: those of SCTP that neither listen nor are
    /// connected.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unseen: u32,
    pub sockets: Vec<RawSocket>,
}

/// The way by which a table was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Via {
    /// `NETLINK_SOCK_DIAG`, sock_diag(7).
    #[serde(rename = "sock_diag")]
    SockDiag,
    /// `/proc/net/*`, proc_net(5).
    #[serde(rename = "/proc/net")]
    ProcNet,
    /// The netstat2 library.
    #[serde(rename = "netstat2")]
    Netstat2,
}

impl Via {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SockDiag => "sock_diag",
            Self::ProcNet => "/proc/net",
            Self::Netstat2 => "netstat2",
        }
    }
}

/// How the reading of a table ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Whole.
    Read,
    /// Whole, by the second-best way, because the best was refused.
    Fallback { why: String },
    /// This system has no such protocol or family, so no socket can be missing.
    Absent,
    /// In part; the rows at hand are right.
    Partial { why: String },
    /// Not at all: nothing can be said about it.
    Unknown { why: String },
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawSocket {
    pub protocol: Protocol,
    pub state: State,
    /// For raw sockets the "port" is the IP protocol number.
    pub local: Endpoint,
    pub peer: Endpoint,
    /// Index of the interface; 0 for none.
    pub interface: u32,
    pub uid: Option<u32>,
    /// 0 for a socket that no process holds any more.
    pub inode: Option<u64>,
    /// What `holders` knows the socket by; 0 for one that no process holds any more.
    pub handle: u64,
    pub v6only: Option<bool>,
    pub recv_queue: Option<u32>,
    pub send_queue: Option<u32>,
    /// Milliseconds for which a socket in TIME_WAIT keeps its port yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_wait_left: Option<u32>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The answer to "who holds these?".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawHolders {
    pub holders: Vec<RawHolder>,
    /// How they were found, in words; `None` where there is one way only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_by: Option<String>,
    /// Whether the reader runs as root.
    pub as_root: bool,
    /// Processes whose descriptors could not be read.
    pub refused: u32,
    /// Those of them that live outside of the reader's user namespace, user_namespaces(7).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused_outside: u32,
    /// Why processes may exist that were not even seen.
    pub blind: Vec<Blind>,
    /// Why some of those could not be read, where the reason is not that the reader may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Ports that the kernel itself is known to serve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernel: Vec<RawKernelPort>,
    /// Processes that may have sockets without a holder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<RawSuspect>,
    /// Sockets that were asked for and ended during the search, ascending. A recording has none of them.
    #[serde(skip)]
    pub ended: Vec<u64>,
    /// Where a socket has ended: what was left of connections after the search.
    #[serde(skip)]
    pub leftovers: Vec<RawSocket>,
}

/// What was read of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawProcess {
    pub key: ProcessKey,
    pub comm: Option<Foreign>,
    /// Path without the kernel's " (deleted)".
    pub executable: Option<Foreign>,
    pub command: Option<Vec<Foreign>>,
    pub uid: Option<u32>,
    /// Name of the user, where users have no numbers (Windows).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Foreign>,
    pub parent_pid: Option<u32>,
    /// Seconds since the Unix epoch.
    pub started_at: Option<i64>,
    pub working_directory: Option<Foreign>,
    /// Services that run in it (Windows: svchost has several).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Foreign>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// `Restart=` of its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Foreign>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Halt>,
    /// Of processes of root and of the asker, for a page or a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Box<Provenance>>,
}

/// What was left out of processes on purpose, so that none of them can keep a reader waiting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Pids of those that were read without their memory and files: these did not answer in time.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub late: BTreeSet<u32>,
    /// Pids of those that have more arguments than were read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub cut: BTreeSet<u32>,
    /// Pids of those whose project was not sought, or not to the end: too many files were in the way.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unsought: BTreeSet<u32>,
}

/// What a runtime told of one of its containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawContainer {
    pub runtime: Runtime,
    pub id: Foreign,
    pub name: Option<Foreign>,
    pub image: Option<Foreign>,
    pub compose_project: Option<Foreign>,
    pub compose_service: Option<Foreign>,
    /// In the networks that the runtime made.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    #[serde(default)]
    pub ports: Vec<RawPublished>,
    /// The user whose own runtime told it; `None` for the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
}

/// A port of this machine that a runtime sends to one of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawPublished {
    pub protocol: Protocol,
    /// `None` for every address.
    pub address: Option<IpAddr>,
    pub port: u16,
    pub container_port: u16,
}

/// What the kernel sends elsewhere, past the sockets that have its port.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RawForwards {
    pub forwards: Vec<RawForward>,
    /// What may go elsewhere, by rules that are not understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<RawForward>,
    /// Rules that forward something, but what is not understood, of no known port.
    pub not_understood: u32,
    /// Why not all rules could be read.
    pub refused: Option<String>,
    /// Why the services of the load balancer could not all be read, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services_refused: Option<String>,
    /// Why the programs that choose sockets could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs_refused: Option<String>,
    /// Whether what could not be read is likely to be there: packets that come here are sent on to others,
    /// which such rules are for, or there are too many.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sends_on: bool,
    /// Programs that choose the socket for what comes to this network namespace, whatever its port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<RawProgram>,
    /// Services of the load balancer for packets with a mark, which may come to any port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<RawMark>,
}

/// A range of ports that a rule sends elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RawForward {
    pub protocol: Protocol,
    /// `None` for both.
    pub family: Option<Family>,
    /// The destination for which it holds; `None` for any, or for those in `among`.
    pub address: Option<IpAddr>,
    /// First and last of each range of destinations for which it holds; none where one says it all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub among: Vec<(IpAddr, IpAddr)>,
    /// First and last port.
    pub ports: (u16, u16),
    /// `None` for this machine itself.
    pub to: Option<IpAddr>,
    /// The last of the addresses to one of which it goes, where those are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_last: Option<IpAddr>,
    /// First and last port there; `None` where the port stays.
    pub to_ports: Option<(u16, u16)>,
    #[serde(default)]
    pub by: Diverter,
}

/// A BPF program of type `BPF_PROG_TYPE_SK_LOOKUP` that is attached to the network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawProgram {
    pub id: u32,
    /// `None` where it could not be read.
    pub name: Option<Foreign>,
}

/// A virtual service for packets with a mark of the packet filter, and its real servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawMark {
    pub mark: u32,
    pub servers: Vec<(IpAddr, u16)>,
}

/// A socket unit as its file has it, systemd.socket(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawSocketUnit {
    pub name: Foreign,
    /// Process of the systemd whose unit it is.
    pub manager: ProcessKey,
    pub listens: Vec<RawListen>,
}

/// One `ListenStream=` or `ListenDatagram=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawListen {
    pub protocol: Protocol,
    /// `None` for a port alone: every address.
    pub address: Option<IpAddr>,
    pub port: u16,
}
