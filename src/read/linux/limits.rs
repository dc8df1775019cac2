//! What the kernel lets this process do with ports: sysctls of ip(7), capabilities(7).

use std::path::Path;

use super::capability::{self, Capability};
use super::proc_text::{parse_number, parse_range, parse_ranges};
use super::user_namespace;
use crate::model::{Limits, Rules};

/// Seconds of TCP_TIMEWAIT_LEN, include/net/tcp.h, which nothing alters.
const TIME_WAIT: u32 = 60;

/// Reads the limits of this network namespace; the addresses are left out.
pub fn read() -> Limits {
    let sysctl = |name: &str| std::fs::read(Path::new("/proc/sys/net/ipv4").join(name)).ok();
    let number = |name: &str| parse_number(&sysctl(name)?);
    let small = |name: &str| number(name).and_then(|number| u8::try_from(number).ok());
    Limits {
        rules: Rules::Linux,
        ephemeral: sysctl("ip_local_port_range").and_then(|text| parse_range(&text)),
        reserved: sysctl("ip_local_reserved_ports")
            .map(|text| parse_ranges(&text))
            .unwrap_or_default(),
        tcp_tw_reuse: small("tcp_tw_reuse"),
        tcp_tw_reuse_delay: number("tcp_tw_reuse_delay"),
        tcp_fin_timeout: number("tcp_fin_timeout"),
        tcp_timestamps: small("tcp_timestamps"),
        time_wait_seconds: Some(TIME_WAIT),
        unprivileged_from: number("ip_unprivileged_port_start")
            .and_then(|port| u16::try_from(port).ok()),
        may_bind_privileged: may_bind_privileged(),
        uid: Some(rustix::process::geteuid().as_raw()),
        ..Limits::default()
    }
}

/// In a user namespace of its own a process has capabilities that may not reach the network namespace.
fn may_bind_privileged() -> Option<bool> {
    let has = capability::has(Capability::NET_BIND_SERVICE);
    let is_first = user_namespace::is_first()?;
    (!has || is_first).then_some(has)
}
