//! What the kernel lets this process do with ports: sysctls of ip(7), capabilities(7).

use std::path::Path;

use super::proc_text::{NET_BIND_SERVICE, has_capability, parse_range, parse_ranges};
use crate::model::{Limits, Rules};

/// `st_ino` of the first user namespace, PROC_USER_INIT_INO in linux/proc_ns.h.
const FIRST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// Reads the limits of this network namespace; the addresses are left out.
pub fn read() -> Limits {
    let sysctl = |name: &str| std::fs::read(Path::new("/proc/sys/net/ipv4").join(name)).ok();
    let first = sysctl("ip_unprivileged_port_start");
    let first = first.and_then(|text| std::str::from_utf8(&text).ok()?.trim().parse().ok());
    Limits {
        rules: Rules::Linux,
        ephemeral: sysctl("ip_local_port_range").and_then(|text| parse_range(&text)),
        reserved: sysctl("ip_local_reserved_ports")
            .map(|text| parse_ranges(&text))
            .unwrap_or_default(),
        unprivileged_from: first,
        may_bind_privileged: may_bind_privileged(),
        uid: Some(rustix::process::geteuid().as_raw()),
        addresses: Vec::new(),
    }
}

/// In a user namespace of its own a process has capabilities that may not reach the network namespace.
fn may_bind_privileged() -> Option<bool> {
    let has = has_capability(&std::fs::read("/proc/self/status").ok()?, NET_BIND_SERVICE);
    let namespace = rustix::fs::stat("/proc/self/ns/user").ok()?.st_ino;
    (!has || namespace == FIRST_USER_NAMESPACE).then_some(has)
}
