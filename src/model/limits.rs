//! What the system lets a process do with ports.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::PortSet;

/// By whose rules sockets share a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rules {
    /// Those of Linux, which the tables can be judged by.
    #[default]
    Linux,
    /// Those of another system: where more than the very same address is at stake, a bind tells.
    Other,
}

/// Rules of the system about ports. `None` where the system does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    #[serde(default)]
    pub rules: Rules,
    /// First and last port that the system itself gives to outgoing connections.
    pub ephemeral: Option<(u16, u16)>,
    /// The same for UDP sockets, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral_udp: Option<(u16, u16)>,
    /// Ports that the system does not give out itself; a bind may still take them.
    #[serde(default)]
    pub reserved: Vec<(u16, u16)>,
    /// Whether a connection to the same peer may take a port in TIME_WAIT: 0 no, 1 after a second,
    /// 2 after a second and on loopback alone (tcp_tw_reuse).
    #[serde(default)]
    pub tcp_tw_reuse: Option<u8>,
    /// Milliseconds of that second, where it can be set (tcp_tw_reuse_delay).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_tw_reuse_delay: Option<u32>,
    /// Seconds that a connection whose process has gone waits in FIN_WAIT_2; TIME_WAIT does not
    /// hang on it.
    #[serde(default)]
    pub tcp_fin_timeout: Option<u32>,
    /// Whether segments carry timestamps, without which no port in TIME_WAIT is taken early: 0 no.
    #[serde(default)]
    pub tcp_timestamps: Option<u8>,
    /// Seconds that a closed connection keeps its port in TIME_WAIT.
    #[serde(default)]
    pub time_wait_seconds: Option<u32>,
    /// First port that takes no privilege.
    pub unprivileged_from: Option<u16>,
    /// Whether this process may bind ports below that.
    pub may_bind_privileged: Option<bool>,
    /// Effective user of this process.
    pub uid: Option<u32>,
    /// Addresses of the machine's interfaces.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// The same addresses with the interfaces that have them.
    #[serde(default)]
    pub interfaces: Vec<InterfaceAddress>,
    /// Addresses of the interfaces of other network namespaces, by the namespace's inode number, where
    /// they are known.
    #[serde(skip)]
    pub elsewhere: BTreeMap<u64, Vec<InterfaceAddress>>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InterfaceAddress {
    pub address: IpAddr,
    pub interface: String,
}

impl Limits {
    /// The other network namespace that has the address; `None` where more than one has it.
    pub fn namespace_elsewhere(&self, address: IpAddr) -> Option<u64> {
        let has = |all: &[InterfaceAddress]| all.iter().any(|one| one.address == address);
        let mut having = self.elsewhere.iter().filter(|(_, all)| has(all));
        let (netns, _) = having.next()?;
        having.next().is_none().then_some(*netns)
    }

    /// Milliseconds that a port is in TIME_WAIT at least before it serves again: a second where the
    /// kernel has no such setting.
    pub fn reuse_delay(&self) -> u32 {
        self.tcp_tw_reuse_delay.unwrap_or(1000)
    }

    pub fn is_ephemeral(&self, port: u16) -> bool {
        self.ephemeral
            .is_some_and(|(first, last)| (first..=last).contains(&port))
    }

    pub fn is_reserved(&self, port: u16) -> bool {
        PortSet::from_ranges(self.reserved.iter().copied()).contains(port)
    }
}
