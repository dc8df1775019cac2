//! The JSON contract, version 1: what machines read. Apart from the model, so that the model may
//! change and the contract not.

use std::num::{NonZeroU8, NonZeroU64};

use jiff::Timestamp;
use serde::Serialize;

use super::words;
use crate::model::{Foreign, Note, Owner, Process, Row, Snapshot};

mod ephemeral;
mod map;
mod meaning;
mod verdicts;
mod why;

pub use ephemeral::{BudgetOut, Ephemeral};
pub use map::MapOut;
use meaning::{ContainerOut, DnatOut, ForwardOut, ProjectOut, UnitOut};
pub use verdicts::{Checks, Conflicts, Free};
pub use why::Why;

/// Version of the contract. Fields may be added within a version; none changes its meaning.
pub const VERSION: u32 = 1;

/// What every document says of itself.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct About<'a> {
    /// Version of this contract.
    #[cfg_attr(test, schemars(extend("const" = 1)))]
    version: u32,
    #[cfg_attr(test, schemars(extend("enum" = ["sockets", "check", "free", "wait", "conflicts", "why", "map", "ephemeral"])))]
    kind: &'static str,
    /// When the machine was asked, RFC 3339.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    taken_at: String,
    host: &'a str,
    os: &'a str,
    /// How the sockets were read, for instance "sock_diag".
    source: &'a str,
    /// False when any table or any owner could not be read.
    complete: bool,
    notes: Vec<NoteOut<'a>>,
}

impl<'a> About<'a> {
    pub fn new(kind: &'static str, snapshot: &'a Snapshot) -> Self {
        let machine = &snapshot.machine;
        Self {
            version: VERSION,
            kind,
            taken_at: rfc3339(machine.taken_at),
            host: &machine.host,
            os: &machine.os,
            source: &snapshot.read_by,
            complete: snapshot.is_complete(),
            notes: snapshot.notes.iter().map(NoteOut::new).collect(),
        }
    }
}

/// A list of sockets, as `portwho --json` and `portwho wait --json` print it.
// The sockets come last: their list is left empty here, and they are written one by one.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Sockets"))]
pub struct Sockets<'a> {
    #[serde(flatten)]
    about: About<'a>,
    /// Ports asked for that no socket holds and the packet filter sends elsewhere.
    forwards: Vec<DnatOut<'a>>,
    sockets: Vec<RowOut<'a>>,
}

impl<'a> Sockets<'a> {
    pub fn new(kind: &'static str, snapshot: &'a Snapshot) -> Self {
        Self {
            about: About::new(kind, snapshot),
            forwards: snapshot.forwards.iter().map(DnatOut::new).collect(),
            sockets: Vec::new(),
        }
    }
}

/// Something that must be known beside the rows.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Note"))]
struct NoteOut<'a> {
    /// Stable code, for instance "owners-hidden".
    code: &'static str,
    message: &'a str,
    count: Option<u64>,
}

impl<'a> NoteOut<'a> {
    fn new(note: &'a Note) -> Self {
        Self {
            code: note.code.as_str(),
            message: &note.message,
            count: note.count,
        }
    }
}

/// One socket. Unknown is null.
// The owners come last, so that they can be written one by one.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Socket"))]
pub struct RowOut<'a> {
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "mptcp", "udp", "udplite", "raw", "sctp"])))]
    protocol: &'static str,
    #[cfg_attr(test, schemars(extend("enum" = ["ipv4", "ipv6"])))]
    family: &'static str,
    #[cfg_attr(test, schemars(extend("enum" = ["listen", "established", "syn_sent", "syn_recv", "fin_wait_1",
        "fin_wait_2", "time_wait", "close_wait", "last_ack", "closing", "closed", "bound", "unconnected"])))]
    state: &'static str,
    local_address: String,
    /// Null for raw sockets.
    local_port: Option<u16>,
    peer_address: Option<String>,
    peer_port: Option<u16>,
    /// IP protocol number of a raw socket.
    ip_protocol: Option<u8>,
    /// Scope of a link-local address, or the device that the socket is bound to.
    interface: Option<&'a str>,
    v6only: Option<bool>,
    /// Whom a listener lets in: its own network namespace, whoever reaches one address or one device, all.
    /// Null for what does not listen.
    #[cfg_attr(test, schemars(extend("enum" = ["loopback", "address", "all", null])))]
    exposure: Option<&'static str>,
    /// What the port is registered for; not what runs there.
    service: Option<&'static str>,
    uid: Option<u32>,
    user: Option<&'a str>,
    inode: Option<u64>,
    netns: Option<u64>,
    /// What people call that network namespace, where it is not the reader's own.
    netns_name: Option<&'a str>,
    /// The socket unit of systemd that a listener was opened by.
    socket_unit: Option<&'a str>,
    /// Where a listener leads that stands for another.
    forwards_to: Option<ForwardOut<'a>>,
    /// Bytes not yet read; of a listener, connections that wait to be accepted.
    recv_queue: Option<u32>,
    /// Bytes not yet acknowledged; of a listener, how many connections may wait.
    send_queue: Option<u32>,
    #[cfg_attr(test, schemars(extend("enum" = ["known", "none", "hidden", "partial", "skipped"])))]
    owner_status: &'static str,
    owners: Vec<OwnerOut<'a>>,
}

impl<'a> RowOut<'a> {
    pub fn new(row: &'a Row) -> Self {
        Self {
            owners: row.owners.iter().map(OwnerOut::new).collect(),
            ..Self::without_owners(row)
        }
    }

    pub fn without_owners(row: &'a Row) -> Self {
        let socket = &row.socket;
        let role = row.role.as_deref();
        Self {
            protocol: socket.protocol.as_str(),
            family: socket.family().as_str(),
            state: socket.state.as_str(),
            local_address: words::bare_address(socket.local.address),
            local_port: socket.local.port,
            peer_address: socket.peer.map(|peer| words::bare_address(peer.address)),
            peer_port: socket.peer.and_then(|peer| peer.port),
            ip_protocol: socket.ip_protocol.map(NonZeroU8::get),
            interface: socket.interface(),
            v6only: socket.v6only,
            exposure: socket.exposure().map(crate::model::Exposure::as_str),
            service: socket.service(),
            uid: socket.uid(),
            user: socket.user_name(),
            inode: socket.inode.map(NonZeroU64::get),
            netns: socket.netns(),
            netns_name: socket.netns_name().map(Foreign::unclean),
            socket_unit: role.and_then(|role| role.socket_unit.as_ref().map(Foreign::unclean)),
            forwards_to: role.and_then(|role| role.forwards_to.as_ref().map(ForwardOut::new)),
            recv_queue: socket.recv_queue,
            send_queue: socket.send_queue,
            owner_status: row.owner_status.as_str(),
            owners: Vec::new(),
        }
    }
}

/// A process that holds the socket.
// What differs from socket to socket comes last.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Owner"))]
pub struct OwnerOut<'a> {
    pid: u32,
    /// The name that people know the program by.
    name: &'a str,
    /// The kernel's name for it, cut to 15 bytes.
    comm: Option<&'a str>,
    executable: Option<&'a str>,
    command: Option<Vec<&'a str>>,
    user: Option<&'a str>,
    uid: Option<u32>,
    parent_pid: Option<u32>,
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    started_at: Option<String>,
    working_directory: Option<&'a str>,
    unit: Option<UnitOut<'a>>,
    container: Option<ContainerOut<'a>>,
    project: Option<ProjectOut<'a>>,
    /// What an interpreter runs.
    script: Option<&'a str>,
    /// Services of Windows that run in the process; null where none is known.
    services: Option<Vec<&'a str>>,
    /// Whether the process is stopped, by Ctrl+Z or a debugger: it accepts and answers nothing then.
    stopped: Option<bool>,
    /// Descriptors by which the process holds the socket.
    fds: Option<&'a [u32]>,
}

impl<'a> OwnerOut<'a> {
    pub fn new(owner: &'a Owner) -> Self {
        Self {
            fds: owner.fds.numbers(),
            ..Self::without_fds(&owner.process)
        }
    }

    pub fn without_fds(process: &'a Process) -> Self {
        Self {
            pid: process.key.pid,
            name: process.name.unclean(),
            comm: process.comm.as_ref().map(Foreign::unclean),
            executable: process.executable.as_ref().map(Foreign::unclean),
            command: process
                .command
                .as_ref()
                .map(|words| words.iter().map(Foreign::unclean).collect()),
            user: process.user.as_deref(),
            uid: process.uid,
            parent_pid: process.parent_pid,
            started_at: process.started_at.map(rfc3339),
            working_directory: process.working_directory.as_ref().map(Foreign::unclean),
            unit: process.meaning.unit.as_ref().map(UnitOut::new),
            container: process.meaning.container.as_deref().map(ContainerOut::new),
            project: process.meaning.project.as_ref().map(ProjectOut::new),
            script: process.meaning.script.as_ref().map(Foreign::unclean),
            services: Some(&process.services)
                .filter(|all| !all.is_empty())
                .map(|all| all.iter().map(Foreign::unclean).collect()),
            stopped: process.is_stopped(),
            fds: None,
        }
    }
}

/// Seconds since the Unix epoch as `2025-11-20T10:14:00Z`.
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
