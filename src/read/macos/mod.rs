//! What macOS tells beside the libraries: who may see whom, and its ports. Not tried on a running
//! system; kept small.

use std::ffi::{CStr, c_int};

use sysinfo::Uid;

use crate::model::{Depth, Limits, Network, NetworkDepth, Protocol, Rules};
use crate::read::raw::{Blind, Outcome, RawProcess};

/// proc_pidfdinfo tells of descriptors, not of sockets.
pub const BY_DESCRIPTOR: bool = true;

/// Sockets are found by way of the processes that have them, and only root may look into all.
pub fn outcome() -> Outcome {
    if is_root() {
        Outcome::Read
    } else {
        Outcome::Partial {
            why: "only those of your own processes can be seen; run portwho with sudo to see all"
                .into(),
        }
    }
}

/// Whether the reader is root, and why it may have missed processes.
pub fn sight() -> (bool, Vec<Blind>) {
    if is_root() {
        (true, Vec::new())
    } else {
        (false, vec![Blind::Unsaid])
    }
}

/// The ports that connections get, ip(4), and those that take root: since macOS 10.14 only on a specific
/// address (`in_pcbbind`, bsd/netinet/in_pcb.c), so that a bind must tell.
pub fn limits() -> Limits {
    let port = |name| u16::try_from(sysctl(name)?).ok();
    let ephemeral = port(c"net.inet.ip.portrange.first").zip(port(c"net.inet.ip.portrange.last"));
    Limits {
        rules: Rules::Other,
        ephemeral: ephemeral.map(|(a, b)| (a.min(b), a.max(b))),
        unprivileged_from: Some(1024),
        may_bind_privileged: is_root().then_some(true),
        uid: Some(rustix::process::geteuid().as_raw()),
        ..Limits::default()
    }
}

pub use crate::read::machine::interfaces;

pub fn network(depth: NetworkDepth) -> Option<Network> {
    (depth == NetworkDepth::Whole).then(|| crate::read::machine::network(interfaces()))?
}

/// The system has no SCTP of its own.
pub fn has_sctp() -> bool {
    false
}

pub fn lacks_users() -> bool {
    false
}

pub fn known_uid(uid: u32) -> Option<u32> {
    Some(uid)
}

pub fn excluded(_: Protocol) -> Option<Vec<(u16, u16)>> {
    Some(Vec::new())
}

/// Nothing that is read of a process waits for it.
pub fn in_time<T>(read: impl FnOnce() -> T) -> Option<T> {
    Some(read())
}

pub fn complete(_: &mut [(RawProcess, Option<Uid>)], _: Depth) {}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A number of sysctl(3).
#[allow(unsafe_code)]
fn sysctl(name: &CStr) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut size = size_of::<c_int>();
    // SAFETY: the name ends with NUL; the kernel writes at most `size` bytes to `value`, and their
    // number to `size`; both live until it returns.
    let result = unsafe {
        libc::sysctlbyname(
            name.as_ptr(),
            (&raw mut value).cast(),
            &raw mut size,
            std::ptr::null_mut(),
            0,
        )
    };
    (result == 0 && size == size_of::<c_int>()).then_some(value)
}
