//! What the system lets a process do with ports.

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
    /// Ports that the system does not give out itself; a bind may still take them.
    #[serde(default)]
    pub reserved: Vec<(u16, u16)>,
    /// First port that takes no privilege.
    pub unprivileged_from: Option<u16>,
    /// Whether this process may bind ports below that.
    pub may_bind_privileged: Option<bool>,
    /// Effective user of this process.
    pub uid: Option<u32>,
    /// Addresses of the machine's interfaces.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
}

impl Limits {
    pub fn is_ephemeral(&self, port: u16) -> bool {
        self.ephemeral
            .is_some_and(|(first, last)| (first..=last).contains(&port))
    }

    pub fn is_reserved(&self, port: u16) -> bool {
        PortSet::from_ranges(self.reserved.iter().copied()).contains(port)
    }
}
