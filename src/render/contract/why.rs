//! The contract of `portwho why --json`.

use std::rc::Rc;

use serde::Serialize;

use super::meaning::DnatOut;
use super::{About, RowOut};
use crate::judge::{Connected, Holders, Listen, Queue};
use crate::model::{InterfaceAddress, Process, Snapshot};

/// Why ports are taken, as `portwho why --json` prints it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Why<'a> {
    #[serde(flatten)]
    about: About<'a>,
    /// Ports asked for that the packet filter sends elsewhere, whether or not a socket holds them.
    forwards: Vec<DnatOut<'a>>,
    holders: Vec<HoldersOut<'a>>,
}

/// Processes that hold sockets and belong together.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Holders"))]
struct HoldersOut<'a> {
    /// The sockets asked for that they hold, with all their owners.
    sockets: Vec<RowOut<'a>>,
    /// The process that started the others; null where none can be seen.
    pid: Option<u32>,
    /// Whether its program's file is still the one that was started.
    #[cfg_attr(test, schemars(extend("enum" = ["same", "replaced", "deleted", null])))]
    executable_state: Option<&'static str>,
    /// Parents of that process, the nearest first; null where they cannot be told.
    parents: Option<Vec<ProcessOut<'a>>>,
    /// Everything that they listen on.
    listens_on: Vec<ListenOut>,
    queue: Option<QueueOut>,
    connected: Vec<ConnectedOut<'a>>,
    if_killed: ConsequenceOut<'a>,
    /// Commands to go on with.
    next: Vec<&'a str>,
}

/// A process that holds nothing of what was asked for.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Process"))]
struct ProcessOut<'a> {
    pid: u32,
    name: &'a str,
    user: Option<&'a str>,
    uid: Option<u32>,
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    started_at: Option<String>,
}

/// A listener, and where it is reached.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Listener"))]
struct ListenOut {
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "mptcp", "udp", "udplite", "raw", "sctp"])))]
    protocol: &'static str,
    address: String,
    port: Option<u16>,
    /// Scope of a link-local address, or the device that the socket is bound to.
    interface: Option<String>,
    /// Addresses of this machine on which it is reached.
    reached_at: Vec<ReachedOut>,
    /// False where it is not known which addresses its network namespace has.
    reach_known: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "InterfaceAddress"))]
struct ReachedOut {
    address: String,
    interface: String,
}

/// How a listener keeps up with those who connect.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Queue"))]
struct QueueOut {
    waiting: u32,
    limit: u32,
    /// Whether connections are refused or ignored, because the program does not accept.
    full: bool,
}

/// Connections with the same other end.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Connected"))]
struct ConnectedOut<'a> {
    peer_address: Option<String>,
    connections: usize,
    /// The processes there, where they are on this machine and can be seen.
    processes: Vec<ProcessOut<'a>>,
}

/// What would come of the end of the process.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Consequence"))]
struct ConsequenceOut<'a> {
    /// Null where it cannot be told.
    restarted: Option<bool>,
    by: Option<&'a str>,
    message: &'a str,
}

impl<'a> Why<'a> {
    pub fn new(snapshot: &'a Snapshot, groups: &'a [Holders<'a>]) -> Self {
        Self {
            about: About::new("why", snapshot),
            forwards: snapshot.forwards.iter().map(DnatOut::new).collect(),
            holders: groups.iter().map(HoldersOut::new).collect(),
        }
    }
}

impl<'a> HoldersOut<'a> {
    fn new(group: &'a Holders<'a>) -> Self {
        let main = group.main.as_deref();
        let parents = group.parents.as_ref();
        Self {
            sockets: group.rows.iter().map(|row| RowOut::new(row)).collect(),
            pid: main.map(|main| main.key.pid),
            executable_state: main.and_then(|main| main.program.map(|program| program.as_str())),
            parents: parents.map(|all| all.iter().map(ProcessOut::new).collect()),
            listens_on: group.listens.iter().map(ListenOut::new).collect(),
            queue: group.queue.map(QueueOut::new),
            connected: group.connected.iter().map(ConnectedOut::new).collect(),
            if_killed: ConsequenceOut {
                restarted: group.consequence.restarted,
                by: group.consequence.by.as_deref(),
                message: &group.consequence.why,
            },
            next: group.next.iter().map(String::as_str).collect(),
        }
    }
}

impl<'a> ProcessOut<'a> {
    fn new(process: &'a Process) -> Self {
        Self {
            pid: process.key.pid,
            name: process.name.unclean(),
            user: process.user.as_deref(),
            uid: process.uid,
            started_at: process.started_at.map(super::rfc3339),
        }
    }
}

impl ListenOut {
    fn new(listen: &Listen<'_>) -> Self {
        let socket = &listen.row.socket;
        let reached = |one: &InterfaceAddress| ReachedOut {
            address: one.address.to_string(),
            interface: one.interface.clone(),
        };
        Self {
            protocol: socket.protocol.as_str(),
            address: socket.local.address.to_string(),
            port: socket.local.port,
            interface: socket.interface().map(str::to_owned),
            reached_at: listen.reached_at.iter().map(reached).collect(),
            reach_known: listen.is_reach_known,
        }
    }
}

impl QueueOut {
    fn new(queue: Queue) -> Self {
        Self {
            waiting: queue.waiting,
            limit: queue.limit,
            full: queue.is_full(),
        }
    }
}

impl<'a> ConnectedOut<'a> {
    fn new(connected: &'a Connected<'a>) -> Self {
        let process = |process: &'a Rc<Process>| ProcessOut::new(process);
        Self {
            peer_address: connected.peer.map(|address| address.to_string()),
            connections: connected.rows.len(),
            processes: connected.processes.iter().map(process).collect(),
        }
    }
}
