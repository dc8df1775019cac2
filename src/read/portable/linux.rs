//! What Linux adds to the libraries: addresses. It has a reader of its own, and this one to compare with.

use sysinfo::Uid;

use crate::model::{Depth, InterfaceAddress, Limits, Network, NetworkDepth, Protocol};
use crate::read::linux::deadline;
use crate::read::linux::interfaces::addresses;
use crate::read::linux::proc_net::count_of;
use crate::read::linux::user_namespace;
use crate::read::raw::{Blind, Outcome, RawProcess};

pub const BY_DESCRIPTOR: bool = false;

pub fn outcome() -> Outcome {
    Outcome::Read
}

pub fn sight() -> (bool, Vec<Blind>) {
    (false, vec![Blind::Unsaid])
}

pub fn lacks_users() -> bool {
    user_namespace::overflow_uid().is_some()
}

pub fn known_uid(uid: u32) -> Option<u32> {
    user_namespace::known(uid)
}

/// Whether the kernel has loaded SCTP.
pub fn has_sctp() -> bool {
    let protocols = std::fs::read("/proc/net/protocols").unwrap_or_default();
    count_of(&protocols, "SCTP").is_some()
}

pub fn limits() -> Limits {
    Limits::default()
}

/// Those of the network namespace that is read: the library would list those of another's `/sys`.
pub fn interfaces() -> Vec<InterfaceAddress> {
    addresses().unwrap_or_default()
}

/// Of the network namespace that is read as well.
pub fn network(depth: NetworkDepth) -> Option<Network> {
    crate::read::linux::network::read(depth)
}

pub fn excluded(_: Protocol) -> Option<Vec<(u16, u16)>> {
    Some(Vec::new())
}

/// Reads what a process can keep from its readers; `None` where it does.
pub fn in_time<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    deadline::value(deadline::LIMIT, read)
}

pub fn complete(_: &mut [(RawProcess, Option<Uid>)], _: Depth) {}
