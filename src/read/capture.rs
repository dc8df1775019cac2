//! Recordings: a source that replays one (`--from FILE`), and the recorder (`portwho capture`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use super::encoding::utf8;
use super::machine::Zone;
use super::raw::{
    LeftOut, Outcome, RawContainer, RawForwards, RawHolders, RawProcess, RawSocketUnit, RawSockets,
    RawTable, Via,
};
use super::{Source, bounded};
use crate::model::{
    Account, ContainerId, Depth, Destinations, Handles, Limits, Machine, Namespaces, Network,
    NetworkDepth, ProcessKey, Protocol, Scope, cause,
};

mod redact;

/// Version of the format that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Everything that the readers of one machine saw at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    version: u32,
    /// What this file is, for whoever finds it.
    about: String,
    /// Whether other network namespaces were read.
    #[serde(default)]
    all_namespaces: bool,
    machine: Machine,
    zone: Zone,
    users: BTreeMap<u32, String>,
    sockets: RawSockets,
    holders: RawHolders,
    processes: Vec<RawProcess>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    containers: Vec<RawContainer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    socket_units: Vec<RawSocketUnit>,
    #[serde(default)]
    forwards: RawForwards,
    #[serde(default)]
    left_out: LeftOut,
    /// Unknown where a recording has none, those written by hand for instance.
    #[serde(default)]
    limits: Limits,
}

impl Capture {
    /// Bytes that are read; a recording of a hundred thousand sockets has a quarter of them.
    pub const LARGEST: u64 = 256 << 20;

    /// Asks a source for everything that it can give.
    pub fn record(source: &mut dyn Source, namespaces: Namespaces) -> Self {
        let machine = source.machine(true);
        let mut sockets = source.sockets(&Scope {
            namespaces,
            ..Scope::everything()
        });
        sockets.network = source.network(NetworkDepth::Whole);
        let handles: Handles = sockets
            .all_tables()
            .flat_map(|table| &table.sockets)
            .map(|socket| socket.handle)
            .collect();
        let handles = handles.iter().filter(|handle| *handle != 0).collect();
        let holders = source.holders(&handles);
        sockets.leave_out(&holders.ended);
        let mut keys: Vec<ProcessKey> = holders
            .holders
            .iter()
            .map(|holder| holder.process)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mut processes = source.processes(&keys, Depth::Whole);
        let parents: Vec<RawProcess> = keys
            .iter()
            .filter_map(|key| source.ancestors(*key))
            .flatten()
            .collect();
        for parent in parents {
            if !processes.iter().any(|known| known.key == parent.key) {
                processes.push(parent);
            }
        }
        let mut containers: Vec<ContainerId> = processes
            .iter()
            .filter_map(|process| process.container.clone())
            .collect();
        containers.sort_unstable();
        containers.dedup();
        let rows = sockets.all_tables().flat_map(|table| &table.sockets);
        let uids: BTreeSet<u32> = rows
            .filter_map(|row| row.uid)
            .chain(processes.iter().filter_map(|process| process.uid))
            .collect();
        let users = source.users(&uids);
        Self {
            version: VERSION,
            left_out: source.left_out(),
            all_namespaces: namespaces == Namespaces::All,
            about: "a recording of sockets and their processes, made by portwho capture".into(),
            zone: source.zone(),
            limits: source.limits(true),
            containers: source.containers(&containers, true),
            forwards: source.forwards(&Destinations::everywhere()),
            socket_units: source.socket_units(&processes),
            machine,
            users,
            sockets,
            holders,
            processes,
        }
    }

    /// Replaces what tells about people and programs: arguments, directories, names of users, of the
    /// host, of projects, containers, pods, network namespaces and images, of units, services and
    /// interfaces but the usual ones, addresses other than loopback and wildcard. Names of programs
    /// and ports stay.
    pub fn redact(&mut self) {
        redact::redact(self);
    }

    /// # Errors
    /// What the writer says.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        out.write_all(b"\n")
    }

    /// # Errors
    /// What the reader says, or that this is no recording, or one of another version.
    pub fn read(input: &mut dyn Read) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Header {
            version: u32,
        }
        let text = bounded::read(input, Self::LARGEST).map_err(|error| cause(&error))?;
        let text = utf8(&text);
        let header: Header = serde_json::from_slice(&text)
            .map_err(|error| format!("not a portwho capture: {error}"))?;
        if header.version != VERSION {
            return Err(format!(
                "a capture of version {}, this portwho reads version {VERSION}",
                header.version
            ));
        }
        serde_json::from_slice(&text).map_err(|error| format!("not a portwho capture: {error}"))
    }
}

/// Replays a recording as if the machine were asked now.
pub struct Replay(Capture);

impl Replay {
    pub fn new(capture: Capture) -> Self {
        Self(capture)
    }
}

impl Source for Replay {
    fn machine(&mut self, _: bool) -> Machine {
        self.0.machine.clone()
    }

    fn zone(&mut self) -> Zone {
        self.0.zone.clone()
    }

    fn sockets(&mut self, scope: &Scope) -> RawSockets {
        let mut sockets = self.0.sockets.clone();
        sockets.lacks_namespaces = scope.namespaces == Namespaces::All && !self.0.all_namespaces;
        sockets.tables.retain(|table| {
            scope.protocols.contains(table.protocol)
                && table.family.is_none_or(|family| scope.includes(family))
        });
        let asks_for_sctp = scope.protocols.iter().eq([Protocol::Sctp]);
        if asks_for_sctp && sockets.tables.is_empty() {
            sockets.tables.push(RawTable {
                protocol: Protocol::Sctp,
                family: None,
                via: Via::SockDiag,
                outcome: Outcome::Unknown {
                    why: "the recording was made without it".into(),
                },
                unseen: 0,
                sockets: Vec::new(),
            });
        }
        for table in &mut sockets.tables {
            table
                .sockets
                .retain(|socket| scope.states.contains(socket.state));
        }
        sockets
    }

    fn holders(&mut self, handles: &Handles) -> RawHolders {
        let mut holders = self.0.holders.clone();
        holders
            .holders
            .retain(|holder| handles.contains(holder.handle));
        holders
    }

    fn processes(&mut self, keys: &[ProcessKey], _: Depth) -> Vec<RawProcess> {
        self.0
            .processes
            .iter()
            .filter(|process| keys.contains(&process.key))
            .cloned()
            .collect()
    }

    fn left_out(&mut self) -> LeftOut {
        self.0.left_out.clone()
    }

    fn ancestors(&mut self, key: ProcessKey) -> Option<Vec<RawProcess>> {
        let mut all: Vec<RawProcess> = Vec::new();
        let processes = &self.0.processes;
        let mut child = processes.iter().find(|process| process.key == key)?;
        while let Some(parent) = processes
            .iter()
            .find(|process| Some(process.key.pid) == child.parent_pid)
            .filter(|parent| all.iter().all(|known| known.key != parent.key))
        {
            all.push(parent.clone());
            child = parent;
        }
        // A recording need not have them.
        (!all.is_empty() || child.parent_pid.is_none()).then_some(all)
    }

    fn limits(&mut self, _: bool) -> Limits {
        self.0.limits.clone()
    }

    /// A recording without one may have the addresses.
    fn network(&mut self, _: NetworkDepth) -> Option<Network> {
        let Capture {
            sockets, limits, ..
        } = &self.0;
        let of_limits = || {
            let known = Some(&limits.interfaces).filter(|all| !all.is_empty());
            known.cloned().map(Network::of_addresses)
        };
        sockets.network.clone().or_else(of_limits)
    }

    fn users(&mut self, uids: &BTreeSet<u32>) -> BTreeMap<u32, String> {
        let mut users = self.0.users.clone();
        users.retain(|uid, _| uids.contains(uid));
        users
    }

    /// A user of the recording whose name it lacks may have any other.
    fn account(&mut self, name: &str) -> Account {
        let Capture {
            users,
            sockets,
            processes,
            ..
        } = &self.0;
        if let Some((uid, _)) = users.iter().find(|(_, known)| *known == name) {
            return Account::Uid(*uid);
        }
        let rows = sockets.all_tables().flat_map(|table| &table.sockets);
        let mut uids = rows
            .filter_map(|row| row.uid)
            .chain(processes.iter().filter_map(|process| process.uid));
        if uids.all(|uid| users.contains_key(&uid)) {
            Account::Named
        } else {
            Account::Unknown
        }
    }

    fn containers(&mut self, _: &[ContainerId], _: bool) -> Vec<RawContainer> {
        self.0.containers.clone()
    }

    fn forwards(&mut self, _: &Destinations) -> RawForwards {
        self.0.forwards.clone()
    }

    fn socket_units(&mut self, _: &[RawProcess]) -> Vec<RawSocketUnit> {
        self.0.socket_units.clone()
    }
}
