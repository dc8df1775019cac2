//! What a reader reports of those who hold sockets, and why some may be missing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Foreign, ProcessKey, Protocol};

/// A port that the kernel itself serves, as NFS is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RawKernelPort {
    pub protocol: Protocol,
    pub port: u16,
    /// Inode number of the network namespace.
    pub netns: u64,
}

/// A process of which a thread waits on a descriptor that is closed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RawSuspect {
    pub process: ProcessKey,
    pub comm: Foreign,
    /// The system call in which it waits.
    pub call: String,
}

/// A process with descriptors of one socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RawHolder {
    pub handle: u64,
    pub process: ProcessKey,
    pub fd: Option<u32>,
    /// The process's name, where it was told at once: `/proc` may not show the process. What one
    /// process holds may share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comm: Option<Arc<Foreign>>,
}

/// A reason for which processes stay unseen without any error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blind {
    /// `/proc` is mounted with hidepid=2 or 4, proc(5).
    Hidepid,
    /// The reader lives in a pid namespace of its own, pid_namespaces(7).
    PidNamespace,
    /// Threads that may have descriptors of their own were not looked into: kcmp(2) is refused, which
    /// tells, and they are many.
    Threads,
    /// Threads have so many descriptors in tables of their own that not all of them were read.
    ManyTables,
    /// `/proc` is not there.
    NoProc,
    /// The system names the process that opened a socket, and nobody else who has it (Windows).
    OneOwner,
    /// The library gives no reason.
    Unsaid,
}
